"""The panel inside Nuke, against a small recording stand-in for Nuke's modules: Nuke itself cannot run here."""

from __future__ import annotations

import importlib
import runpy
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from panel_windows import PATIENCE_MS, remember_in

import propainter_ui.nuke

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

PARAMETERS = Path(__file__).parents[2] / "host_plugin/ofx/PARAMETERS.md"
HERE = Path(propainter_ui.nuke.__file__).parent


class Knob:
    """A knob: a number, a choice by number, or a text."""

    def __init__(self, value: Any) -> None:
        self.held = value
        self.writes: list[Any] = []

    def value(self) -> Any:
        return self.held

    def getValue(self) -> Any:
        return self.held

    def setValue(self, value: Any) -> None:
        self.held = value
        self.writes.append(value)


@dataclass(eq=False)
class Node:
    """A node with knobs and inputs."""

    kind: str
    called: str
    knobs: dict[str, Knob] = field(default_factory=dict)
    inputs: list[Node | None] = field(default_factory=list)

    def Class(self) -> str:
        return self.kind

    def name(self) -> str:
        return self.called

    def knob(self, name: str) -> Knob:
        return self.knobs[name]

    def input(self, index: int) -> Node | None:
        return self.inputs[index] if index < len(self.inputs) else None


DEFAULTS = {
    "neighbour_window": 10, "reference_stride": 10, "chunk_length": 80, "flow_iterations": 20, "flow_hole_snap": 0,
    "grow": 4, "feather": 3, "threshold": 0.0, "engine": 0, "precision": 0, "quality": 1, "working_size": 4,
    "working_width": 960, "working_height": 540, "grow_flow": 0, "crop_to_matte": False, "crop_padding": 0,
    "native_fill": True, "match_grain": 1.0, "flow_stop": 0.0,
    "use_clean_plate": True, "clean_frames": "", "follow_panel": False, "panel_name": "",
}  # fmt: skip


def remove_node(name: str = "Remove1", *inputs: Node, **knobs: Any) -> Node:
    values = DEFAULTS | knobs
    return Node("OFXorg.propainter-remove.Remove_v1", name, {k: Knob(v) for k, v in values.items()}, list(inputs))


def read_node(pattern: str, first: int) -> Node:
    return Node("Read", "Read1", {"file": Knob(pattern), "first": Knob(first)})


class Nuke(ModuleType):
    """What of ``nuke`` the panel uses, and what it did with it."""

    def __init__(self, *nodes: Node) -> None:
        super().__init__("nuke")
        self.nodes = list(nodes)
        self.selected: list[Node] = []
        self.commands: list[tuple[str, str]] = []

    def selectedNodes(self) -> list[Node]:
        return self.selected

    def toNode(self, name: str) -> Node | None:
        return next((node for node in self.nodes if node.called == name), None)

    def menu(self, name: str) -> Any:
        return SimpleNamespace(addCommand=lambda path, command: self.commands.append((f"{name}/{path}", command)))


@pytest.fixture
def docked(qtbot: QtBot, home: Path, tmp_path: Path) -> Any:
    from propainter_ui.nuke.dock import DockedPanel

    remember_in(tmp_path)
    nuke = Nuke()
    panel = DockedPanel(nuke=nuke)
    panel._timer.stop()  # the test says when
    yield panel, nuke
    panel.close()


def test_the_panel_takes_over_the_selected_nodes_knobs(docked: Any) -> None:
    panel, nuke = docked
    node = remove_node(neighbour_window=16, engine=2, quality=0, working_size=3, working_width=320, working_height=200)
    nuke.nodes, nuke.selected = [node], [node]
    panel.follow()
    state = panel.state
    assert state.follows == "Remove1"
    assert (state.settings.neighbor_length, state.settings.engine, state.quality) == (16, "classical", "draft")
    assert state.settings.working_size == (320, 200)


def test_knobs_changed_in_nuke_are_taken_over_and_edits_here_are_written_only_when_applied(docked: Any) -> None:
    panel, nuke = docked
    node = remove_node()
    nuke.nodes, nuke.selected = [node], [node]
    panel.follow()
    node.knob("grow").held = 7
    panel.follow()
    assert panel.state.settings.grow == 7
    panel.settings.setting_asked.emit("ref_stride", 4)
    panel.follow()
    assert panel.state.settings.ref_stride == 4, "a poll does not undo an edit"
    assert node.knob("reference_stride").writes == []
    panel.apply()
    assert node.knob("reference_stride").writes == [4]
    assert [name for name, knob in node.knobs.items() if knob.writes] == ["reference_stride"], "only what differs"
    assert panel.state.notice.text == "Remove1: reference_stride written."


def test_another_selected_node_is_followed_others_and_none_leave_the_last(docked: Any) -> None:
    panel, nuke = docked
    one, two, blur = remove_node("A", grow=1), remove_node("B", grow=2), Node("Blur", "Blur1")
    nuke.nodes = [one, two, blur]
    followed = []
    for selection in ([one], [blur], [], [two], [one, two]):
        nuke.selected = selection
        panel.follow()
        followed.append((panel.state.follows, panel.state.settings.grow))
    assert followed == [("A", 1), ("A", 1), ("A", 1), ("B", 2), ("B", 2)]
    nuke.nodes, nuke.selected = [], []
    panel.follow()
    assert panel.state.follows == "", "the node was deleted"


def test_files_behind_the_inputs_are_opened(qtbot: QtBot, docked: Any, tiny_shot: Path) -> None:
    panel, nuke = docked
    grade = Node("Grade", "Grade1", {}, [read_node(f"{tiny_shot}/plate/tiny.%04d.png", 1001)])
    node = remove_node("Remove1", grade, read_node(f"{tiny_shot}/matte/tiny.####.png", 1001))
    nuke.nodes, nuke.selected = [node], [node]
    panel.follow()
    qtbot.waitUntil(lambda: panel.state.shot is not None, timeout=PATIENCE_MS)
    assert (panel.state.shot.first, panel.state.shot.last, bool(panel.state.shot.matte)) == (1001, 1008, True)


@pytest.mark.parametrize(
    ("size", "knobs"),
    [
        (None, {"working_size": 4}),
        ((432, 240), {"working_size": 0}),
        ((216, 120), {"working_size": 1}),
        ((108, 60), {"working_size": 2}),
        ((320, 184), {"working_size": 3, "working_width": 320, "working_height": 184}),
    ],
)
def test_working_sizes_go_there_and_back(application: Any, size: tuple[int, int] | None, knobs: dict[str, int]) -> None:
    from propainter_ui.nuke import dock
    from propainter_ui.state.panel_state import PanelState, ShotState
    from propainter_wire.messages import ShotSettings

    shot = ShotState("hill", "/p", "/m", 1, 2, 432, 240, "uint8", 24.0)
    node = remove_node(working_size=9)
    dock.write_knobs(node, PanelState(shot=shot, settings=ShotSettings(working_size=size)))
    assert {name: node.knob(name).held for name in knobs} == knobs
    assert dock.settings_of(node, (432, 240))[0].working_size == size


def test_growth_for_the_flow_and_the_crop_are_knobs_like_the_others(docked: Any) -> None:
    panel, nuke = docked
    node = remove_node(grow_flow=6, crop_to_matte=True, crop_padding=32)
    nuke.nodes, nuke.selected = [node], [node]
    panel.follow()
    settings = panel.state.settings
    assert (settings.grow_flow, settings.crop_to_matte, settings.crop_padding) == (6, True, 32)
    panel.settings.setting_asked.emit("crop_to_matte", False)
    panel.settings.setting_asked.emit("crop_padding", 48)
    panel.apply()
    assert (node.knob("crop_to_matte").writes, node.knob("crop_padding").writes) == ([False], [48])


def test_native_fill_and_where_flow_stops_are_knobs_like_the_others(docked: Any) -> None:
    panel, nuke = docked
    node = remove_node(native_fill=False, flow_stop=0.05)
    nuke.nodes, nuke.selected = [node], [node]
    panel.follow()
    assert (panel.state.settings.native_fill, panel.state.settings.flow_stop) == (False, 0.05)
    panel.settings.setting_asked.emit("native_fill", True)
    panel.settings.setting_asked.emit("flow_stop", 0.0)
    panel.apply()
    assert (node.knob("native_fill").writes, node.knob("flow_stop").writes) == ([True], [0.0])


def test_a_node_that_follows_names_the_channel_and_says_when_its_knobs_do_not_count(docked: Any) -> None:
    from propainter_ui.state import events

    panel, nuke = docked
    node = remove_node(follow_panel=True, panel_name="hill")
    nuke.nodes, nuke.selected = [node], [node]
    panel.follow()
    assert panel.state.channel == "hill" and panel.state.notice is None
    panel.hear(events.SettingsPublished("hill", {"grow": 7}))
    panel.follow()
    notice = panel.state.notice
    assert (notice.level, notice.action) == ("warning", "publish")
    assert notice.text == "Remove1 follows the panel: what is published counts in place of its knobs."
    panel.settings.setting_asked.emit("feather", 5)
    panel.apply()
    assert panel.state.notice.text.startswith("Remove1: feather written. Remove1 follows the panel:")
    panel.hear(events.SettingsPublished("hill", None))
    assert panel.state.notice is None


def test_a_node_that_does_not_follow_leaves_the_channel_alone(docked: Any) -> None:
    panel, nuke = docked
    node = remove_node(panel_name="hill")
    nuke.nodes, nuke.selected = [node], [node]
    panel.choose_channel("lake")
    panel.follow()
    assert panel.state.channel == "lake"


@pytest.mark.parametrize(
    ("knobs", "frames"),
    [({}, (1001, 1002, 1003)), ({"clean_frames": "1002-1009"}, (1002, 1003)), ({"use_clean_plate": False}, ())],
)
def test_the_clean_plate_behind_the_third_input_is_opened(
    qtbot: QtBot, docked: Any, tiny_shot: Path, tmp_path: Path, knobs: dict[str, Any], frames: tuple[int, ...]
) -> None:
    panel, nuke = docked
    for number in (1001, 1002, 1003):
        shutil.copy(tiny_shot / "plate/tiny.1001.png", tmp_path / f"paint.{number}.png")
    reads = [read_node(str(tiny_shot / name / "tiny.####.png"), 1001) for name in ("plate", "matte")]
    node = remove_node("Remove1", *reads, read_node(str(tmp_path / "paint.####.png"), 1001), **knobs)
    nuke.nodes, nuke.selected = [node], [node]
    panel.follow()
    qtbot.waitUntil(lambda: panel.state.shot is not None, timeout=PATIENCE_MS)
    assert panel.state.shot.clean_frames == frames


def test_a_list_of_frames_nobody_can_read_is_said(docked: Any, tiny_shot: Path) -> None:
    panel, nuke = docked
    reads = [read_node(str(tiny_shot / name / "tiny.####.png"), 1001) for name in ("plate", "matte", "plate")]
    node = remove_node("Remove1", *reads, clean_frames="some")
    nuke.nodes, nuke.selected = [node], [node]
    panel.follow()
    assert panel.state.notice.text == (
        "Remove1: the frames of the clean plate are 'some', which is no list of frames; write 1001, 1040-1045."
    )


def test_every_knob_is_a_parameter_of_the_node(application: Any) -> None:
    from propainter_ui.nuke import dock

    documented = PARAMETERS.read_text(encoding="utf-8")
    names = [*dock._NUMBERS, *dock._CHOICES, "quality", "working_size", "working_width", "working_height"]
    names += [*dock._SHARES, *dock._SWITCHES, "use_clean_plate", "clean_frames", "follow_panel", "panel_name"]
    assert [name for name in names if f"`{name}`" not in documented] == []


def test_registering_adds_panel_and_node(application: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from propainter_ui.nuke import dock

    nuke, scripts = Nuke(), ModuleType("nukescripts")
    registered: list[tuple[str, str, str]] = []
    scripts.panels = SimpleNamespace(registerWidgetAsPanel=lambda *given: registered.append(given))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nuke", nuke)
    monkeypatch.setitem(sys.modules, "nukescripts", scripts)
    runpy.run_path(str(HERE / "menu.py"))
    ((widget, name, panel_id),) = registered
    assert (name, panel_id) == ("ProPainter Remove", "org.propainter-remove.panel")
    assert eval(widget) is dock.DockedPanel, "Nuke evaluates the text, wherever"
    assert nuke.commands == [("Nodes/ProPainter/Remove", "nuke.createNode('OFXorg.propainter-remove.Remove_v1')")]


def test_what_cannot_be_imported_is_said_and_nuke_starts_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "propainter_ui.nuke.dock", None)  # type: ignore[arg-type]
    monkeypatch.delattr(propainter_ui.nuke, "dock", raising=False)
    runpy.run_path(str(HERE / "menu.py"))
    said = capsys.readouterr().out
    assert "ProPainter Remove: the panel is not available" in said and "PROPAINTER_SITE" in said


def test_init_lets_nuke_find_the_panel_and_the_named_packages_last(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROPAINTER_SITE", str(tmp_path))
    monkeypatch.setattr(sys, "path", ["/host"])
    runpy.run_path(str(HERE / "init.py"))
    assert sys.path == ["/host", str(HERE.parents[1]), str(tmp_path)]
    importlib.invalidate_caches()


def test_a_size_that_names_a_share_is_left_alone_where_no_plate_is_known(application: Any) -> None:
    from propainter_ui.nuke import dock
    from propainter_ui.state.panel_state import PanelState
    from propainter_wire.messages import ShotSettings

    for choice in range(3):
        node = remove_node(working_size=choice)
        dock.write_knobs(node, PanelState(settings=ShotSettings()))
        assert node.knob("working_size").held == choice
