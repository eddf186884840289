"""The desk: what tools, page and keys ask of the drawn matte, done to the document or handed to the backend.

Here: ``MatteDesk``: what is drawn on, tools, tracking. Not here: the hand on the picture (``hands.py``), buttons of the page
(``page_wishes.py``), the stamp (``stamper.py``), what a change lacks (``asking.py``), files (``filing.py``), keeping it
(``keeping.py``), which widget or key asks (``wiring.py``, ``commands.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from propainter_ui.bridge.matte_wishes import TrackWish
from propainter_ui.desk.asking import Asking
from propainter_ui.desk.filing import Filing
from propainter_ui.desk.hands import MatteHand
from propainter_ui.desk.keeping import Keeping
from propainter_ui.desk.page_wishes import PageWishes
from propainter_ui.desk.stamper import Stamper
from propainter_ui.drawing.strokes import StrokeGesture, next_size
from propainter_ui.matte.document import MatteDocument
from propainter_ui.matte.project import fitted
from propainter_ui.matte.standing import Way, says_something, span_to_track
from propainter_ui.qt import QtCore
from propainter_ui.state import changes
from propainter_ui.state.events import Event, ShotFound
from propainter_ui.state.matte_events import MatteOpened, MatteSaved, MotionFound, TrackFinished
from propainter_ui.state.matte_shown import is_drawn_on, untracked
from propainter_ui.state.matte_tools import MatteTools, Tool
from propainter_ui.state.panel_state import OF_MATTE, Notice, PanelState, ShotState, View

if TYPE_CHECKING:
    from propainter_ui.panel import Panel

_WAYS: Mapping[str, Way] = {"back": "backward", "both": "both", "on": "forward"}


class MatteDesk(QtCore.QObject):
    """Draws on the panel's document. Every change by hand goes through ``panel.change``, so that it can be undone."""

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._panel = panel
        self._bridge = panel.bridge.matte
        self.hand = MatteHand(self)
        self.asking = Asking(lambda: panel.state, self._bridge, panel.hear, self._show_meanwhile, self)
        self.filing = Filing(panel)
        self.keeping = Keeping(panel)
        self._then: Callable[[], object] | None = None
        """What the track under way is for."""
        self._stamper = Stamper(panel, self)
        self.wishes = PageWishes(panel, self)

    # --- what the hand draws on (``hands.Paper``) -----------------------------------------------------------------

    @property
    def state(self) -> PanelState:
        """The panel's, as it is now."""
        return self._panel.state

    def document(self) -> MatteDocument | None:
        """What is drawn on; None: the given matte has to be read first, and is."""
        state = self.state
        shot, drawn = state.shot, state.drawn
        if shot is None:
            return None
        if shot.matte and state.tools.tool != "stamp" and (drawn is None or not says_something(drawn)):
            self.filing.draw_on()
            return None
        return drawn if drawn is not None else MatteDocument(shot.width, shot.height, shot.first, shot.last)

    def draw(self, document: MatteDocument) -> None:
        """This is drawn now: one step."""
        is_stroke = self.state.tools.tool in ("remove", "keep")  # its matte so far is seen until the whole of it comes
        meanwhile = self.state.meanwhile if is_stroke else None
        notice = self.state.notice
        notice = None if notice is not None and notice.action == "draw" else notice  # that has just been done
        self._panel.change(replace(self.state, drawn=document, meanwhile=meanwhile, is_playing=False, notice=notice))

    def show_what_is_drawn_on(self) -> None:
        """A view of plate or matte, where a result is looked at."""
        if not is_drawn_on(self.state):
            self._panel.change(changes.with_view(self.state, "matte" if self.state.has_matte else "plate"))

    def set_tools(self, tools: MatteTools) -> None:
        """The tools are set so."""
        self._panel.change(replace(self.state, tools=tools))

    def show_meanwhile(self, document: MatteDocument | None) -> None:
        """What a gesture that is under way would make of the marks."""
        self.asking.show_meanwhile(document)

    def give_up_meanwhile(self) -> None:
        """The gesture under way is given up."""
        self.asking.show_meanwhile(None)
        self._show_meanwhile(None)

    def _show_meanwhile(self, document: MatteDocument | None) -> None:
        if self.state.meanwhile is not document:
            self._panel.change(replace(self.state, meanwhile=document))

    # --- what happens ---------------------------------------------------------------------------------------------

    def note(self, old: PanelState, new: PanelState) -> None:
        """The state has changed, by hand or by what was told."""
        if new.tools.tool != old.tools.tool or new.shot is not old.shot:
            self.hand.put_down()
            self.give_up_meanwhile()
            self._panel.viewer.take_up(None if new.tools.tool == "move" or new.shot is None else self.hand)
        if new.drawn is not old.drawn or new.frame != old.frame:
            self._panel.viewer.update()
        self.asking.note(old, new)
        self.keeping.note(old, new)

    def hear(self, event: Event, before: PanelState) -> None:
        """Something was told, and the state has taken it on."""
        if isinstance(event, ShotFound):
            self._take_on(event.shot, before)
        elif isinstance(event, MatteOpened) and event.is_from_before and self._panel.batch.is_running:
            self.keeping.lend(before.drawn)  # undo brings back what was drawn since
            self._panel.change(replace(self.state, drawn=before.drawn, view=before.view, notice=before.notice))
            self.asking.forget(before.drawn)
        elif isinstance(event, MatteOpened):
            self.asking.forget(event.document)
            if event.is_from_before and not self.keeping.counts(event):
                self._give_way(
                    "The matte that was opened counts. Undo brings back what you drew for this plate before."
                )
        elif isinstance(event, MatteSaved) and event.is_matte:
            self.keeping.saved(event.path)
        elif isinstance(event, TrackFinished) and self._then is not None:
            then, self._then = self._then, None
            if untracked(self.state) is None:  # or the hand has changed a key meanwhile: that is to be looked at
                then()
        elif isinstance(event, MotionFound):
            self._stamper.take(event)
        self.asking.hear(event)

    def _take_on(self, shot: ShotState, before: PanelState) -> None:
        """A shot is open: another one, or the same with other files."""
        old = before.shot
        if old is None or old.plate != shot.plate:
            self._stamper.forget()
            self.asking.forget(None)
            self.keeping.open()
        elif not changes.is_as_it_was(old, shot):
            self._take_over(before, shot)
        else:
            if shot.matte not in ("", old.matte):
                self._give_way(
                    "The matte that was opened counts, in place of the drawn one. Undo brings the drawing back."
                )
            self.asking.tell_again()

    def _take_over(self, before: PanelState, shot: ShotState) -> None:
        """The plate lies there anew, in other frames or another size: the drawing goes on with it where it fits."""
        self._stamper.forget()
        self.asking.forget(None)
        drawn = before.drawn
        if drawn is None or self.state.drawn is not None:
            return
        if (drawn.width, drawn.height) == (shot.width, shot.height):
            note = f"The plate has the frames {shot.first}–{shot.last} now. What you drew goes on with them."
            self._panel.hear(MatteOpened(fitted(drawn, shot.first, shot.last), note))
            return
        place = self.keeping.discard(drawn, shot)
        text = (
            f"The plate is {shot.width}×{shot.height} now, and the drawing was of {drawn.width}×{drawn.height}. "
            f"It is kept as {place}; draw anew."
        )
        self._panel.change(replace(self.state, notice=Notice("warning", text)))

    def _give_way(self, text: str) -> None:
        """The matte of a file counts, in place of what is drawn. Undo brings that back."""
        if self.state.drawn is not None:
            self._panel.change(replace(self.state, drawn=None, meanwhile=None, notice=Notice("info", text)))
            self.keeping.leave()  # it has not been discarded

    # --- tools ----------------------------------------------------------------------------------------------------

    def take_up(self, tool: Tool) -> None:
        """Draw with this tool; with the one that is taken up already: with none."""
        state = self.state
        if state.shot is None:
            return
        tools = state.tools.with_tool(tool)
        view = state.view
        if tools.tool not in ("move", "stamp") and view not in OF_MATTE:
            view = "matte" if state.has_matte else "plate"
        elif tools.tool == "stamp":
            view = "plate"
        self._panel.change(replace(state, tools=tools, view=view, wipe=None if tools.tool != "move" else state.wipe))
        if tools.tool != "move":
            self._panel.show_page(self._panel.matte_page.tool_box)
            self._panel.viewer.setFocus()

    def resize_brush(self, step: int) -> None:
        """The brush a size larger (1) or smaller (-1)."""
        self.set_tools(self.state.tools.with_radius(next_size(self.state.tools.radius, step)))

    def stamp(self, stroke: StrokeGesture) -> None:
        """A stroke of the clone stamp is done."""
        self._stamper.stamp(stroke)

    # --- tracking -------------------------------------------------------------------------------------------------

    def track(self, way: str) -> None:
        """Track from the key frames: back, on, or both ways through the range."""
        state = self.state
        span = None if state.drawn is None else span_to_track(state.drawn, state.frame, _WAYS[way])
        if state.drawn is None or span is None:
            return
        first, last = max(span[0], state.first), min(span[1], state.last)
        self._then = None
        if first <= last:
            self._track(first, last)

    def _track(self, first: int, last: int) -> None:
        state = self.state
        assert state.drawn is not None
        self._panel.change(replace(state, notice=None, is_playing=False, view=_seen(state)))
        self._bridge.track(TrackWish.of(state.drawn, first, last))

    def tracks_first(self, then: Callable[[], object]) -> bool:
        """The range is to be rendered: where the drawn matte has still to be tracked there, that is done first."""
        span = untracked(self.state)
        if span is None:
            return False
        self._then = then
        self._track(*span)
        return True


def _seen(state: PanelState) -> View:
    """A view that shows mattes come."""
    return state.view if state.view in OF_MATTE else "matte"
