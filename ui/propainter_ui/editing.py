"""Editing: undo and redo, presets, reset, and what of a shot is kept from one day to the next.

Here: ``Editing``, its actions, and when something is kept. Not here: the history (``state/history.py``), the files
(``kept/``), the panel's state, which ``get`` gives and ``change`` takes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from propainter_pictures.mattes import MatteReading
from propainter_ui.kept.kept_file import DamagedFile
from propainter_ui.kept.presets import Preset, Presets
from propainter_ui.kept.shot_sessions import ShotSession, ShotSessions, Zoom
from propainter_ui.qt import QAction, Qt, QtCore, QtGui, QtWidgets, Signal
from propainter_ui.state import changes
from propainter_ui.state.history import Edits, History
from propainter_ui.state.panel_state import Notice, PanelState, ShotState
from propainter_ui.widgets.viewer import Viewer

log = logging.getLogger(__name__)

_KEPT_AFTER_MS = 700
"""A hand at rest so long: what it set up is written down."""


class Editing(QtCore.QObject):
    """The panel's edits. folder: where files are kept; None: this user's data folder."""

    restored = Signal()
    """A shot's settings are as they were left: whoever renders it should know."""
    matte_recalled = Signal(str, object)
    """A matte's path, and the ``MatteReading`` it was read by when its shot was left."""

    def __init__(
        self,
        get: Callable[[], PanelState],
        change: Callable[[PanelState], None],
        *,
        viewer: Viewer,
        parent: QtWidgets.QWidget,
        folder: Path | None = None,
    ) -> None:
        super().__init__(parent)
        self._get, self._change, self._viewer, self._parent = get, change, viewer, parent
        self._sessions, self._presets = ShotSessions(folder), Presets(folder)
        self._history = History()
        self._is_replaying = False
        self._written: ShotSession | None = None
        self._recalled: ShotSession | None = None
        """As the open shot was left the last time."""
        self._is_failure_told = False
        self._later = QtCore.QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_KEPT_AFTER_MS)
        self._later.timeout.connect(self.keep)
        viewer.zoom_changed.connect(lambda _: self._later.start())
        self.undo_action = self._action("&Undo", "Ctrl+Z", self.undo)
        self.redo_action = self._action("&Redo", "Ctrl+Shift+Z", self.redo)
        self.reset_action = self._action("Re&set all settings", "", self.reset_all)
        self._show_actions()

    # --- undo and redo --------------------------------------------------------------------------------------------

    def note(self, before: PanelState, after: PanelState) -> None:
        """The artist has changed the state."""
        is_same_shot = before.shot is after.shot
        if is_same_shot and not self._is_replaying:
            self._history = self._history.recorded(Edits.of(before), Edits.of(after), time.monotonic())
        if before is not after:
            self._later.start()
        self._show_actions()

    def undo(self) -> None:
        """Settings and range as they were before the last change."""
        self._replay(self._history.undone(Edits.of(self._get())))

    def redo(self) -> None:
        """What was undone, done again."""
        self._replay(self._history.redone(Edits.of(self._get())))

    def _replay(self, step: tuple[History, Edits] | None) -> None:
        if step is None:
            return
        self._history, edits = step
        self._is_replaying = True
        try:
            self._change(edits.put_into(self._get()))
        finally:
            self._is_replaying = False

    def _change_at_once(self, state: PanelState) -> None:
        """A step of its own, whatever the hand did just before."""
        self._history = self._history.rested()
        self._change(state)
        self._history = self._history.rested()

    def _show_actions(self) -> None:
        self.undo_action.setEnabled(bool(self._history.past))
        self.redo_action.setEnabled(bool(self._history.future))

    # --- presets and reset ----------------------------------------------------------------------------------------

    def reset_all(self) -> None:
        """Every setting at its default. Undo brings them back."""
        self._change_at_once(changes.all_reset(self._get()))

    def preset_names(self) -> list[str]:
        """In their order; a file that cannot be read is told of, and counts as empty."""
        found: dict[str, Preset] = {}
        self._telling(lambda: found.update(self._presets.all()))
        return list(found)

    def save_preset(self, name: str) -> bool:
        """Keep the edited settings under a name; whether that went well."""
        state = self._get()
        if not self._telling(lambda: self._presets.save(name, Preset(state.settings, state.quality))):
            return False
        self._say("info", f"Preset {' '.join(name.split())} is saved.")
        return True

    def load_preset(self, name: str) -> None:
        """Take the settings that are kept under a name. Undo brings the others back."""
        found: dict[str, Preset] = {}
        if self._telling(lambda: found.update(self._presets.all())) and (preset := found.get(name)) is not None:
            self._change_at_once(replace(self._get(), settings=preset.settings, quality=preset.quality))

    def delete_preset(self, name: str) -> None:
        """Forget a preset."""
        if self._telling(lambda: self._presets.delete(name)):
            self._say("info", f"Preset {name} is deleted.")

    # --- what is kept of a shot -----------------------------------------------------------------------------------

    def opened(self, before: ShotState | None, *, recalls_matte: bool = True) -> None:
        """A shot has been opened, this one before it: as it was left, if it was here before.

        recalls_matte: whether its matte is read as it was, too; who opened it may have said how.
        """
        state = self._get()
        shot = state.shot
        if shot is None or (before is not None and before.plate == shot.plate):
            if shot is not None and before is not None and not changes.is_as_it_was(before, shot):
                self._history = History()  # a range it no longer has, a drawing of another size
                self._show_actions()
            return
        self._history, self._written, self._recalled = History(), None, None
        found: list[ShotSession | None] = []
        self._telling(lambda: found.append(self._sessions.read(shot)))
        session = self._recalled = found[0] if found else None
        if session is not None:
            self._is_replaying = True
            try:
                self._change(changes.with_session(state, session))
            finally:
                self._is_replaying = False
            if session.size == (shot.width, shot.height):
                self._viewer.place(session.zoom.zoom, session.zoom.x, session.zoom.y)
            self.restored.emit()
            if recalls_matte and shot.matte == session.matte and _reading_of(shot) != session.reading:
                self.matte_recalled.emit(shot.matte, session.reading)
        elif before is not None:
            self._viewer.fit()
        self._show_actions()

    def unread(self, path: str) -> None:
        """Nothing tells how this matte is to be read: as it was, if it was here with this shot before."""
        session = self._recalled
        if session is not None and session.matte == path and session.matte_channel != "auto":
            self.matte_recalled.emit(path, session.reading)

    def keep(self) -> None:
        """Write down what is set up for the open shot, where that is news."""
        self._later.stop()
        state = self._get()
        if state.shot is None:
            return
        session = ShotSession.of(state, Zoom(*self._viewer.placed))
        if not session.matte and self._recalled is not None:  # it may be opened yet
            last = self._recalled
            session = replace(session, matte=last.matte, matte_channel=last.matte_channel, is_inverted=last.is_inverted)
        if session == self._written:
            return
        try:
            self._sessions.keep(state.shot, session)
        except OSError as error:
            log.warning("the settings of %s are not kept: %s", state.shot.name, error)
            if not self._is_failure_told:  # once, not at every change
                self._is_failure_told = True
                self._say("warning", f"The settings of {state.shot.name} cannot be kept ({error.strerror or error}).")
        self._written = session

    # --- the menu -------------------------------------------------------------------------------------------------

    def fill_menu(self, menu: QtWidgets.QMenu) -> None:
        """Put all of it into a menu, an Edit menu say."""
        menu.addAction(self.undo_action)
        menu.addAction(self.redo_action)
        menu.addSeparator()
        presets = menu.addMenu("&Presets")
        presets.aboutToShow.connect(lambda: self._fill_presets(presets))
        self._fill_presets(presets)
        menu.addAction(self.reset_action)

    def _fill_presets(self, menu: QtWidgets.QMenu) -> None:
        menu.clear()
        names = self.preset_names()
        for name in names:
            menu.addAction(_literal(name)).triggered.connect(lambda _=False, name=name: self.load_preset(name))
        if names:
            menu.addSeparator()
        menu.addAction("&Save settings as preset …").triggered.connect(lambda _=False: self._ask_name())
        if names:
            delete = menu.addMenu("&Delete preset")
            for name in names:
                delete.addAction(_literal(name)).triggered.connect(lambda _=False, name=name: self.delete_preset(name))

    def _ask_name(self) -> None:
        name, is_meant = QtWidgets.QInputDialog.getText(
            self._parent, "Save preset", "Name of the preset. One of the same name is replaced."
        )
        if is_meant:
            self.save_preset(name)

    def _action(self, text: str, keys: str, do: Callable[[], None]) -> QAction:
        action = QAction(text, self._parent)
        if keys:
            action.setShortcut(QtGui.QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(lambda _=False: do())
        self._parent.addAction(action)
        return action

    def _telling(self, do: Callable[[], object]) -> bool:
        """Do something with files; what goes wrong is told in a sentence. Whether all went well."""
        try:
            do()
        except (DamagedFile, ValueError) as error:
            self._say("warning", str(error))
        except OSError as error:
            self._say("error", f"The presets cannot be written ({error.strerror or error}).")
        else:
            return True
        return False

    def _say(self, level: str, text: str) -> None:
        self._change(replace(self._get(), notice=Notice(level, text)))  # type: ignore[arg-type]


def _reading_of(shot: ShotState) -> MatteReading:
    return MatteReading(shot.matte_channel, is_inverted=shot.is_inverted)


def _literal(name: str) -> str:
    """A name as a menu shows it: an ampersand is no key."""
    return name.replace("&", "&&")
