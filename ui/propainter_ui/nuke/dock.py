"""The docked panel: it follows the selected ProPainter Remove node, shows its knobs as settings, and writes them.

Here: knobs to settings and back, the files behind a node's inputs, following the selection. Not here: the panel itself
(``panel.py``), Nuke's own start (``init.py``, ``menu.py``). Knob names are those of ``host_plugin/ofx/PARAMETERS.md``.

A knob is written when settings are applied or rendered, not while a slider moves: every write makes Nuke render.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from propainter_knobs.table import BY_NAME, KNOBS
from propainter_pictures.formats import VIDEO_SUFFIXES
from propainter_ui.look import style_sheet, theme_of
from propainter_ui.panel import Panel
from propainter_ui.qt import QtCore, QtGui, QtWidgets
from propainter_ui.shot.shot_files import BadShot, frames_listed
from propainter_ui.state.panel_state import Notice, PanelState
from propainter_ui.state.publishing import is_published
from propainter_wire.messages import Quality, ShotSettings

NODE_CLASS = "ofxorg.propainter-remove.remove"
"""How Nuke calls the node's class, version and case aside."""
_WIDGET = "__import__('propainter_ui.nuke.dock', fromlist=['DockedPanel']).DockedPanel"
_FOLLOW_MS = 300


def _controls(kind: str) -> dict[str, str]:
    """Knobs of the node and the settings they are."""
    return {knob.parameter.name: knob.name for knob in KNOBS if knob.parameter is not None and knob.kind == kind}


_NUMBERS, _SHARES, _SWITCHES = _controls("int"), _controls("float"), _controls("bool")
_CHOICES: Mapping[str, tuple[str, ...]] = {name: BY_NAME[name].words for name in ("engine", "precision")}
_QUALITIES: tuple[Quality, ...] = get_args(Quality)
_FULL, _HALF, _QUARTER, _CUSTOM, _AUTO = range(5)


@dataclass(frozen=True)
class NodeFiles:
    """A file of each of a node's inputs, empty where there is none."""

    plate: str = ""
    matte: str = ""
    clean: str = ""
    clean_frames: str = ""
    """Frames whose clean plate counts, as typed in the node; empty: all."""

    @property
    def are_there(self) -> bool:
        """There is a plate, and everything that is named exists."""
        return bool(self.plate) and all(Path(path).exists() for path in (self.plate, self.matte, self.clean) if path)


def register() -> None:
    """Add the panel to Nuke's pane menu and the node to its node menu."""
    import nuke
    import nukescripts

    nukescripts.panels.registerWidgetAsPanel(_WIDGET, "ProPainter Remove", "org.propainter-remove.panel")
    nuke.menu("Nodes").addCommand("ProPainter/Remove", "nuke.createNode('OFXorg.propainter-remove.Remove_v1')")


def is_remove_node(node: Any) -> bool:
    """Whether a node is ours, of whatever version."""
    return str(node.Class()).lower().startswith(NODE_CLASS)


def settings_of(node: Any, plate_size: tuple[int, int] | None) -> tuple[ShotSettings, Quality]:
    """What a node's knobs ask for. plate_size: what half and quarter are of; without one they count as full."""
    values: dict[str, Any] = {wire: int(node.knob(knob).value()) for knob, wire in _NUMBERS.items()}
    values |= {wire: float(node.knob(knob).value()) for knob, wire in _SHARES.items()}
    values |= {wire: bool(node.knob(knob).value()) for knob, wire in _SWITCHES.items()}
    for name, words in _CHOICES.items():
        values[name] = words[int(node.knob(name).getValue())]
    values["working_size"] = _size_of(node, plate_size)
    return ShotSettings().changed(values), _QUALITIES[int(node.knob("quality").getValue())]


def write_knobs(node: Any, state: PanelState) -> list[str]:
    """Make a node ask for the edited settings; only knobs that differ are touched. Returns their names."""
    settings, written = state.settings, []
    controls = _NUMBERS | _SHARES | _SWITCHES
    wanted: dict[str, Any] = {knob: getattr(settings, wire) for knob, wire in controls.items()}
    wanted.update({name: words.index(getattr(settings, name)) for name, words in _CHOICES.items()})
    wanted["quality"] = _QUALITIES.index(state.quality)
    size = (state.shot.width, state.shot.height) if state.shot is not None else None
    wanted.update(_size_knobs(settings.working_size, size))
    for name, value in wanted.items():
        knob = node.knob(name)
        if knob.getValue() != value:
            knob.setValue(value)
            written.append(name)
    return written


def files_of(node: Any) -> NodeFiles:
    """What lies behind a node's inputs, as far as Read nodes are found upstream."""
    plate, matte = _file_behind(node.input(0)), _file_behind(node.input(1))
    if not node.knob("use_clean_plate").value():
        return NodeFiles(plate, matte)
    return NodeFiles(plate, matte, _file_behind(node.input(2)), str(node.knob("clean_frames").value() or ""))


def channel_of(node: Any) -> str | None:
    """The channel a node follows; None: its own knobs count."""
    return str(node.knob("panel_name").value() or "") if node.knob("follow_panel").value() else None


class DockedPanel(Panel):
    """The panel in a pane of Nuke's. ``nuke``: the module, given by tests; otherwise imported."""

    has_window_of_its_own = False

    def __init__(self, parent: QtWidgets.QWidget | None = None, *, nuke: Any = None) -> None:
        super().__init__(parent)
        self._nuke = nuke if nuke is not None else importlib.import_module("nuke")
        self._node: Any = None
        self._files = NodeFiles()
        self._overridden_by: str | None = None
        self._said: tuple[ShotSettings, Quality] | None = None
        self.setStyleSheet(style_sheet(theme_of(self)))
        self.refresh_icons()
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self.follow)
        self._timer.start(_FOLLOW_MS)
        application = QtWidgets.QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close_panel)
        self.bridge.connect_if_there()

    def follow(self) -> None:
        """Follow the selected node; where none of ours is selected, go on with the last one while it exists."""
        selected = [node for node in self._nuke.selectedNodes() if is_remove_node(node)]
        if len(selected) == 1 and selected[0] is not self._node:
            self._node, self._said = selected[0], None
            self.change(replace(self.state, follows=str(self._node.name())))
        if self._node is None:
            return
        if self._nuke.toNode(self.state.follows) is None:
            self._node = None
            self.change(replace(self.state, follows=""))
            return
        self._follow_files()
        self._follow_knobs()
        self._follow_channel()

    def apply(self) -> None:
        """Write the knobs, and tell the backend if there is one."""
        self._write_knobs()
        super().apply()

    def render_range(self) -> None:
        """Write the knobs, and render."""
        self._write_knobs()
        super().render_range()

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        self._timer.stop()
        self.close_panel()
        super().closeEvent(event)

    def _follow_files(self) -> None:
        files = files_of(self._node)
        if files != self._files and files.are_there:
            self._files = files
            try:
                self.bridge.reopen(files.plate, files.matte, files.clean, frames_listed(files.clean_frames))
            except BadShot as error:
                self.change(replace(self.state, notice=Notice("error", f"{self.state.follows}: {error}.")))

    def _follow_channel(self) -> None:
        """Publish to the channel the node follows; say so where what is published there counts in place of its knobs."""
        channel = channel_of(self._node)
        if channel is not None and channel != self.state.channel:
            self.choose_channel(channel)
        by = self.state.follows if channel is not None and is_published(self.state) else None
        if by != self._overridden_by:
            self._overridden_by = by
            if by is not None:
                self._warn_overridden("")

    def _follow_knobs(self) -> None:
        """Take over what was changed in Nuke since the knobs were last read or written here."""
        shot = self.state.shot
        said = settings_of(self._node, (shot.width, shot.height) if shot is not None else None)
        if said != self._said:
            self._said = said
            self.change(replace(self.state, settings=said[0], quality=said[1]))

    def _write_knobs(self) -> None:
        if self._node is not None:
            written = write_knobs(self._node, self.state)
            self._said = (self.state.settings, self.state.quality)
            if not written:
                return
            text = f"{self.state.follows}: {', '.join(written)} written."
            if self._overridden_by is None:
                self.change(replace(self.state, notice=Notice("info", text)))
            else:
                self._warn_overridden(text)

    def _warn_overridden(self, said: str) -> None:
        text = f"{said} {self.state.follows} follows the panel: what is published counts in place of its knobs.".strip()
        self.change(replace(self.state, notice=Notice("warning", text, "publish")))


def _size_of(node: Any, plate_size: tuple[int, int] | None) -> tuple[int, int] | None:
    choice = int(node.knob("working_size").getValue())
    if choice == _CUSTOM:
        return int(node.knob("working_width").value()), int(node.knob("working_height").value())
    if choice == _AUTO or plate_size is None:
        return None
    if choice == _FULL:
        return plate_size
    share = 2 if choice == _HALF else 4
    return max(8, round(plate_size[0] / share)), max(8, round(plate_size[1] / share))


def _size_knobs(size: tuple[int, int] | None, plate_size: tuple[int, int] | None) -> dict[str, int]:
    if size is None:  # where no plate is known, nobody can say Full or Half here: the node keeps what it has
        return {} if plate_size is None else {"working_size": _AUTO}
    if size == plate_size:
        return {"working_size": _FULL}
    for choice, share in ((_HALF, 2), (_QUARTER, 4)):
        if plate_size and size == (max(8, round(plate_size[0] / share)), max(8, round(plate_size[1] / share))):
            return {"working_size": choice}
    return {"working_size": _CUSTOM, "working_width": size[0], "working_height": size[1]}


def _file_behind(node: Any) -> str:
    """The first file of the Read node a chain of first inputs leads to."""
    while node is not None and node.Class() != "Read":
        node = node.input(0)
    if node is None:
        return ""
    path = str(node.knob("file").value())
    if Path(path).suffix.lower() in VIDEO_SUFFIXES:
        return path
    return _numbered(path, int(node.knob("first").value()))


def _numbered(pattern: str, frame: int) -> str:
    """``plate.%04d.exr`` or ``plate.####.exr`` as the file of one frame."""
    named = re.sub(r"%0(\d+)d", lambda match: f"{frame:0{match.group(1)}d}", pattern)
    return re.sub(r"#+", lambda match: f"{frame:0{len(match.group())}d}", named)
