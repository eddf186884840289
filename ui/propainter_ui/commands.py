"""Everything the panel does by a menu or a hotkey: one table, read by keys, menus, context menus and the hotkey sheet.

Here: the table, and Qt's actions made of it. Not here: which menu shows which (``menus.py``), what each does
(``panel.py``), keys that a control with the focus takes for itself (``keys.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from propainter_ui.qt import QAction, Qt, QtGui
from propainter_ui.state import changes
from propainter_ui.state.matte_shown import facts_of
from propainter_ui.state.matte_tools import TOOLS, Tool
from propainter_ui.state.panel_state import AGAINST_NAMES, VIEW_NAMES, VIEWS, Against, Isolated, PanelState

if TYPE_CHECKING:
    from propainter_ui.panel import Panel

_TURN_DEGREES = 15
_MOVE_PX = 60
_NUDGE = 0.02
"""Share of the picture that a key moves the wipe."""
_CHANNEL_NAMES = {"R": "Red", "G": "Green", "B": "Blue", "A": "Alpha"}


@dataclass(frozen=True)
class Command:
    """One thing the artist can ask for."""

    name: str
    text: str
    """As the menu says it; … where it asks back."""
    group: str
    """Heading in the hotkey sheet."""
    keys: tuple[str, ...]
    act: Callable[[Panel], object]
    is_possible: Callable[[PanelState], object] = lambda state: True
    is_on: Callable[[PanelState], object] | None = None
    """For what is on or off."""
    is_of_window: bool = False
    """Its keys count in a window of the panel's own; in a host they are the host's."""


def _has_shot(state: PanelState) -> bool:
    return state.shot is not None


def _is_at_work(state: PanelState) -> bool:
    return state.job is not None


def _shows(state: PanelState, **wanted: object) -> bool:
    """Whether these fields of the state are as wanted."""
    return all(getattr(state, name) == value for name, value in wanted.items())


def _changed(change: Callable[..., PanelState], **more: Any) -> Callable[[Panel], None]:
    """An act that changes the state alone."""
    return lambda panel: panel.change(change(panel.state, **more))


def _looks_further(x: float, y: float) -> Callable[[Panel], None]:
    """An act that moves the picture by so many pixels."""
    return lambda panel: panel.viewer.move_by(x, y)


def _to_frame(where: Callable[[PanelState], int]) -> Callable[[Panel], None]:
    return lambda panel: panel.go_to(where(panel.state))


def _file_commands() -> Iterator[Command]:
    group = "File"
    yield Command("open", "Open …", group, ("Ctrl+O",), lambda p: p.files.open_chosen("any"), is_of_window=True)
    yield Command("open_plate", "Open as plate …", group, (), lambda p: p.files.open_chosen("plate"))
    yield Command("open_matte", "Open as matte …", group, (), lambda p: p.files.open_chosen("matte"), _has_shot)
    yield Command("open_clean", "Open as clean plate …", group, (), lambda p: p.files.open_chosen("clean"), _has_shot)
    yield Command(
        "drop_clean",
        "Remove clean plate",
        group,
        (),
        lambda p: p.bridge.drop_clean(),
        lambda s: s.shot and s.shot.clean,
    )
    yield Command("sample", "Open sample shot", group, (), lambda p: p.files.open_sample())
    yield Command("reload", "Reload files", group, ("Ctrl+R", "F5"), lambda p: p.reload(), _has_shot)
    yield Command(
        "export",
        "Export …",
        group,
        ("Ctrl+E",),
        lambda p: p.files.export_chosen(),
        lambda s: s.can_render,
        is_of_window=True,
    )
    yield Command("quit", "Quit", group, ("Ctrl+Q",), lambda p: p.window().close(), is_of_window=True)


def _render_commands() -> Iterator[Command]:
    group = "Render"
    yield Command(
        "render",
        "Render range",
        group,
        ("Ctrl+Return", "Ctrl+Enter"),
        lambda p: p.render_range(),
        lambda s: s.can_render,
    )
    yield Command(
        "apply", "Apply settings", group, ("Ctrl+Shift+Return",), lambda p: p.apply(), lambda s: s.can_apply
    )  # fmt: skip
    yield Command("revert", "Revert settings", group, (), _changed(changes.reverted), lambda s: s.is_edited)
    yield Command("cancel", "Cancel", group, ("Esc",), lambda p: p.cancel(), _is_at_work)


def _view_commands() -> Iterator[Command]:
    group = "View"
    for key, view in enumerate(VIEWS, start=1):
        yield Command(
            f"view_{view}", VIEW_NAMES[view], group, (str(key),), _changed(changes.with_view, view=view),
            is_on=partial(_shows, view=view),
        )  # fmt: skip
    for name in get_args(Isolated)[1:]:
        yield Command(
            f"channel_{name}", f"{_CHANNEL_NAMES[name]} channel alone", group, (name,),
            _changed(changes.with_isolated, channel=name), is_on=partial(_shows, isolated=name),
        )  # fmt: skip
    yield Command(
        "previous", "Previous result (A/B)", group, ("C",), lambda p: p.toggle_previous(), lambda s: s.previous_results,
        lambda s: s.shows_previous,
    )  # fmt: skip
    yield Command("zoom_in", "Zoom in", group, ("+", "="), lambda p: p.viewer.zoom_by(1.25), _has_shot)
    yield Command("zoom_out", "Zoom out", group, ("-",), lambda p: p.viewer.zoom_by(0.8), _has_shot)
    yield Command("fit", "Fit picture", group, ("F",), lambda p: p.viewer.fit(), _has_shot)
    for name, x, y in (("left", -1, 0), ("right", 1, 0), ("up", 0, -1), ("down", 0, 1)):
        yield Command(
            f"move_{name}", f"Look further {name}", group, (f"Ctrl+{name.capitalize()}",),
            _looks_further(-x * _MOVE_PX, -y * _MOVE_PX), _has_shot,
        )  # fmt: skip
    yield Command("actual", "Actual size", group, ("Ctrl+1",), lambda p: p.viewer.actual_size(), _has_shot)


def _wipe_commands() -> Iterator[Command]:
    group = "Wipe"

    def has_wipe(state: PanelState) -> bool:
        return state.wipe is not None

    yield Command("wipe", "Wipe", group, ("W",), lambda p: p.toggle_wipe(), _has_shot, has_wipe)
    yield Command(
        "turn_wipe",
        "Turn the line",
        group,
        ("Shift+W",),
        _changed(changes.with_wipe_turned, degrees=_TURN_DEGREES),
        has_wipe,
    )
    for name, text, key, x, y in (
        ("left", "left", "Alt+Left", -_NUDGE, 0.0), ("right", "right", "Alt+Right", _NUDGE, 0.0),
        ("up", "up", "Alt+Up", 0.0, -_NUDGE), ("down", "down", "Alt+Down", 0.0, _NUDGE),
    ):  # fmt: skip
        yield Command(
            f"wipe_{name}", f"Move the line {text}", group, (key,), _changed(changes.with_wipe_moved, x=x, y=y), has_wipe
        )  # fmt: skip
    for against in AGAINST_NAMES:
        yield _against_command(against)


def _against_command(against: Against) -> Command:
    return Command(
        f"against_{against}", f"{AGAINST_NAMES[against]} on the left", "Wipe", (),
        _changed(changes.compared_with, against=against), lambda s: against != "previous" or s.previous_results,
        lambda s: s.wipe is not None and s.against == against,
    )  # fmt: skip


def _playback_commands() -> Iterator[Command]:
    group = "Playback"
    yield Command("play", "Play or stop", group, ("Space",), lambda p: p.player.toggle(), _has_shot)
    yield Command("play_on", "Play forward", group, ("L",), lambda p: p.player.play(1), _has_shot)
    yield Command("play_back", "Play backward", group, ("J",), lambda p: p.player.play(-1), _has_shot)
    yield Command("stop", "Stop", group, ("K",), lambda p: p.player.stop(), _has_shot)
    for name, text, key, step in (
        ("next", "One frame on", "Right", 1), ("back", "One frame back", "Left", -1),
        ("ten_on", "Ten frames on", "Shift+Right", 10), ("ten_back", "Ten frames back", "Shift+Left", -10),
    ):  # fmt: skip
        yield Command(name, text, group, (key,), _to_frame(lambda s, step=step: s.frame + step), _has_shot)  # type: ignore[misc]
    yield Command("first", "First frame of the range", group, ("Home",), _to_frame(lambda s: s.first), _has_shot)
    yield Command("last", "Last frame of the range", group, ("End",), _to_frame(lambda s: s.last), _has_shot)


def _timeline_commands() -> Iterator[Command]:
    group = "Range and timeline"
    yield Command(
        "set_in", "Set in point", group, ("I",), lambda p: p.set_range(first=p.state.frame), _has_shot
    )  # fmt: skip
    yield Command(
        "set_out", "Set out point", group, ("O",), lambda p: p.set_range(last=p.state.frame), _has_shot
    )  # fmt: skip
    yield Command("clear_range", "Clear range", group, ("Alt+X",), _changed(changes.with_whole_range), _has_shot)
    yield Command(
        "line_in", "Zoom timeline in", group, ("Ctrl+=", "Ctrl++"), lambda p: p.timeline.zoom_by(1.5), _has_shot
    )
    yield Command("line_out", "Zoom timeline out", group, ("Ctrl+-",), lambda p: p.timeline.zoom_by(1 / 1.5), _has_shot)
    yield Command("line_all", "Show the whole shot", group, ("Ctrl+0",), lambda p: p.timeline.show_all(), _has_shot)
    yield Command("line_range", "Show the range", group, ("Shift+F",), lambda p: p.timeline.show_range(), _has_shot)


def _matte_commands() -> Iterator[Command]:
    group = "Matte"
    for tool, facts in TOOLS.items():
        yield Command(
            f"tool_{tool}", f"Tool: {facts.name}", group, (facts.key,), _takes_up(tool), _has_shot,
            partial(_holds, tool=tool),
        )  # fmt: skip
    yield Command("larger", "Larger brush", group, ("]",), lambda p: p.desk.resize_brush(1), _has_shot)
    yield Command("smaller", "Smaller brush", group, ("[",), lambda p: p.desk.resize_brush(-1), _has_shot)
    for name, text, key in (
        ("both", "Track both ways", "T"), ("on", "Track forward", "Shift+T"), ("back", "Track backward", "Alt+T"),
    ):  # fmt: skip
        yield Command(f"track_{name}", text, group, (key,), _tracks(name), partial(_can_track, way=name))
    yield Command("next_key", "Next key matte", group, (".",), lambda p: p.desk.wishes.next_key(1), _is_drawn)
    yield Command("previous_key", "Key matte before", group, (",",), lambda p: p.desk.wishes.next_key(-1), _is_drawn)
    yield Command(
        "onion", "Onion skin", group, ("Shift+O",), _changed(changes.with_onion), _is_drawn, lambda s: s.onion
    )
    for name, text, key in (
        ("next_doubt", "Next doubtful frame", "D"), ("previous_doubt", "Doubtful frame before", "Alt+D"),
        ("is_right", "This matte is right", "Shift+D"),
        ("clear_frame", "Clear this frame", "Shift+Del"), ("cast", "Look for its shadow", ""),
        ("add_shadow", "Add the shadow to the matte", ""), ("drop_shadow", "Leave the shadow", ""),
        ("save", "Save matte …", "Ctrl+S"), ("open", "Open matte project …", ""),
        ("draw_on", "Correct the given matte", ""), ("discard", "Discard the drawing", ""),
        ("save_clean", "Save painted clean plate …", ""), ("publish", "Publish matte", ""),
        ("withdraw", "Withdraw matte", ""),
    ):  # fmt: skip
        yield Command(
            f"matte_{name}", text, group, (key,) if key else (), _does(name), partial(_can_do, name=name),
            is_of_window=name == "save",
        )  # fmt: skip


def _takes_up(tool: Tool) -> Callable[[Panel], None]:
    return lambda panel: panel.desk.take_up(tool)


def _holds(state: PanelState, tool: Tool) -> bool:
    return state.tools.tool == tool


def _tracks(way: str) -> Callable[[Panel], None]:
    return lambda panel: panel.desk.track(way)


def _can_track(state: PanelState, way: str) -> bool:
    return way in facts_of(state).can_track


def _does(name: str) -> Callable[[Panel], None]:
    return lambda panel: panel.desk.wishes.act(name)


def _can_do(state: PanelState, name: str) -> bool:
    return name in facts_of(state).possible


def _is_drawn(state: PanelState) -> bool:
    return state.drawn is not None


def _help_commands() -> Iterator[Command]:
    yield Command("hotkeys", "Hotkeys", "Help", ("F1", "?"), lambda p: p.dialogs.show_hotkeys(hotkey_sheet()))
    yield Command("about", "About ProPainter Remove", "Help", (), lambda p: p.dialogs.show_about())


TABLE: tuple[Command, ...] = (
    *_file_commands(), *_render_commands(), *_view_commands(), *_wipe_commands(), *_playback_commands(),
    *_timeline_commands(), *_matte_commands(), *_help_commands(),
)  # fmt: skip


def hotkey_sheet() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every key and what it does, by what it is for."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for command in TABLE:
        if command.keys:
            groups.setdefault(command.group, []).append((" or ".join(command.keys), command.text.rstrip(" …")))
    return list(groups.items())


class Commands:
    """The table's commands as Qt's actions on a panel; their keys count wherever in it the focus is."""

    def __init__(self, panel: Panel) -> None:
        self.actions: dict[str, QAction] = {}
        for command in TABLE:
            action = QAction(command.text, panel)
            if panel.has_window_of_its_own or not command.is_of_window:
                action.setShortcuts([QtGui.QKeySequence(key) for key in command.keys])
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.setCheckable(command.is_on is not None)
            action.triggered.connect(partial(_carry_out, command, panel))
            panel.addAction(action)
            self.actions[command.name] = action

    def __getitem__(self, name: str) -> QAction:
        return self.actions[name]

    def show_state(self, state: PanelState) -> None:
        """Grey out what cannot be done now, tick what is on."""
        for command in TABLE:
            action = self.actions[command.name]
            action.setEnabled(bool(command.is_possible(state)))
            if command.is_on is not None:
                action.setChecked(bool(command.is_on(state)))


def _carry_out(command: Command, panel: Panel, *_: object) -> None:
    command.act(panel)
    panel.commands.show_state(panel.state)  # Qt has ticked it already, whether or not it was taken on
