"""What a change of the drawn matte lacks is asked for: mattes of marks, ways of outlines, the backend's knowledge of it all.

Here: ``Asking``, which compares the document with what has been answered. Not here: changing the document (``hands.py``,
``desk.py``), the asking itself (``bridge/matting.py``), what answers make of the state (``state/matte_outcomes.py``).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from propainter_ui.bridge.matte_bridge import MatteBridge
from propainter_ui.bridge.matte_wishes import CarryWish, SelectWish
from propainter_ui.matte import news
from propainter_ui.matte.document import MatteDocument
from propainter_ui.matte.standing import marks_of, missing_of
from propainter_ui.qt import QtCore
from propainter_ui.state.events import DaemonLost, DaemonReady, Event, Failed
from propainter_ui.state.matte_events import MatteSelected
from propainter_ui.state.panel_state import PanelState

_REDRAWN_AFTER_MS = 500
"""A hand at rest so long: the backend is told which frames have another matte."""
_FARTHEST = 240
"""Frames that points are carried at most, as the backend allows."""
_CARRIED_AT_ONCE = 24
"""Frames an outline is carried to by one wish: between two of them another question has its turn."""

Key = tuple[int, str, str]


@dataclass
class _Known:
    """What has been asked and answered of one shot."""

    answers: dict[Key, str] = field(default_factory=dict)
    """Digests by what was asked."""
    failed: set[Key] = field(default_factory=set)
    asked: Key | None = None
    """What is waited for."""
    carried: set[tuple[object, ...]] = field(default_factory=set)
    """Ways of outlines that have been asked for."""


class Asking(QtCore.QObject):
    """Keeps the document and the backend together. tell: hears an event, as if the bridge had told it."""

    def __init__(
        self,
        state: Callable[[], PanelState],
        bridge: MatteBridge,
        tell: Callable[[Event], None],
        show_meanwhile: Callable[[MatteDocument | None], None],
        parent: QtCore.QObject,
    ) -> None:
        super().__init__(parent)
        self._state, self._bridge, self._tell, self._show_meanwhile = state, bridge, tell, show_meanwhile
        self._known = _Known()
        self._drawing: MatteDocument | None = None
        """What the gesture under way would make of the document."""
        self._later = QtCore.QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_REDRAWN_AFTER_MS)
        self._later.timeout.connect(self._redraw)

    def forget(self, document: MatteDocument | None) -> None:
        """Another shot. document: one that was kept: its marks have been answered."""
        self._known = _Known()
        self._drawing = None
        if document is not None:
            for frame, solved in document.solved.items():
                if solved.source == "selected":
                    self._known.answers[_key(SelectWish.of(document, frame))] = solved.digest

    def note(self, old: PanelState, new: PanelState) -> None:
        """The state has changed: ask for what the drawn matte lacks."""
        if old.drawn is not new.drawn:
            self.ask_for_marks()
            self._carry(new.drawn)
            self._later.start()

    def tell_again(self) -> None:
        """The shot's files were read again: the backend is told what is drawn over them."""
        if self._state().drawn is not None:
            self._later.start()

    # --- mattes of marks ------------------------------------------------------------------------------------------

    def ask_for_marks(self) -> None:
        """Ask for the first frame whose marks have no matte; the playhead's frame before all others."""
        state = self._state()
        drawn, known = state.drawn, self._known
        if drawn is None:
            return
        marked = {*drawn.edits, *(frame for shape in drawn.shapes if shape.role == "object" for frame in shape.keys)}
        for frame in sorted(marked, key=lambda each: (each != state.frame, each)):
            wish = SelectWish.of(drawn, frame)
            key = _key(wish)
            if not _can_be_selected(wish) or key in known.failed:
                continue
            if (digest := known.answers.get(key)) is not None:
                solved = drawn.solved.get(frame)
                if solved is None or solved.digest != digest:
                    self._tell(MatteSelected(frame, wish.marks, wish.start, digest))
                    return  # that was a change, and this is called again for it
                continue
            if known.asked != key:
                known.asked = key
                self._bridge.select(wish)
            return

    def show_meanwhile(self, document: MatteDocument | None) -> None:
        """What the gesture under way would make of the document: its matte is looked for already. None: it has ended; what
        was found last stays on the screen until the whole stroke's matte comes.
        """
        self._drawing = document
        if document is None:
            return
        wish = SelectWish.of(document, self._state().frame, is_meanwhile=True)
        if self._known.asked is None and _can_be_selected(wish):
            self._known.asked = _key(wish)
            self._bridge.select(wish)

    def hear(self, event: Event) -> None:
        """Something was told, and the state has taken it on."""
        known = self._known
        if isinstance(event, MatteSelected):
            key = _key(SelectWish(event.frame, event.marks, event.start))
            known.answers[key] = event.digest
            if known.asked == key:
                known.asked = None
            if event.is_meanwhile and self._drawing is not None:
                self._show_meanwhile(news.selected(self._drawing, event.frame, event.digest))
                if marks_of(self._drawing, event.frame) != event.marks:
                    self.show_meanwhile(self._drawing)  # the hand has gone on since
            elif self._drawing is None:
                self.ask_for_marks()
        elif isinstance(event, Failed) and known.asked is not None:
            known.failed.add(known.asked)
            known.asked = None
            self._show_meanwhile(None)
        elif isinstance(event, DaemonLost):  # it will never answer; another one is asked again
            known.asked = None
            known.failed.clear()
            known.carried.clear()
            self._show_meanwhile(None)
        elif isinstance(event, DaemonReady) and known.asked is None:
            self.ask_for_marks()
            self._carry(self._state().drawn)

    # --- outlines -------------------------------------------------------------------------------------------------

    def _carry(self, drawn: MatteDocument | None) -> None:
        """Ask where points of tracked outlines are on frames nobody has asked for."""
        if drawn is None:
            return
        for place, shape in enumerate(drawn.shapes):
            points = {key: tuple(vertex.point for vertex in outline.vertices) for key, outline in shape.keys.items()}
            ways: dict[int, list[int]] = {}
            for key, frame in shape.to_carry(drawn.first, drawn.last):
                way = (place, key, points[key], frame)
                if abs(frame - key) <= _FARTHEST and way not in self._known.carried:
                    self._known.carried.add(way)
                    ways.setdefault(key, []).append(frame)
            for key, frames in ways.items():
                for start in range(0, len(frames), _CARRIED_AT_ONCE):
                    asked = tuple(frames[start : start + _CARRIED_AT_ONCE])
                    self._bridge.carry(CarryWish(place, key, asked, points[key]))

    # --- the backend ----------------------------------------------------------------------------------------------

    def _redraw(self) -> None:
        state = self._state()
        if not state.is_free:
            self._later.start()  # a render goes on with the matte it began with
        elif state.shot is not None and (state.results or state.drawn is None or not missing_of(state.drawn)):
            self._bridge.redraw(state.drawn)  # half a track is told once it is rendered


def _key(wish: SelectWish) -> Key:
    return wish.frame, json.dumps(wish.marks, sort_keys=True), wish.start


def _can_be_selected(wish: SelectWish) -> bool:
    """Whether the marks say what is to be removed, or correct a matte that is there."""
    return bool(wish.marks) and bool({"boxes", "polygons", "remove"} & wish.marks.keys() or wish.start)
