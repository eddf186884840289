"""What the buttons of the matte page stand for, tools and tracking aside.

Here: ``PageWishes``. Not here: the page (``widgets/matte_page.py``), which of them can be done now
(``state/matte_shown.py``), tools and tracking (``desk.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from propainter_ui.bridge.matte_wishes import CastWish, MatteToPublish
from propainter_ui.matte import edits
from propainter_ui.matte.document import MatteDocument
from propainter_ui.matte.standing import next_doubtful, next_key
from propainter_ui.state import changes
from propainter_ui.state.panel_state import Notice, View
from propainter_wire.shot import runs_of

if TYPE_CHECKING:
    from propainter_ui.desk.desk import MatteDesk
    from propainter_ui.panel import Panel


class PageWishes:
    """Carries out what the page asks for by name."""

    def __init__(self, panel: Panel, desk: MatteDesk) -> None:
        self._panel, self._desk = panel, desk
        self._acts: Mapping[str, Callable[[], object]] = {
            "next_doubt": self.next_doubt, "previous_doubt": lambda: self.next_doubt(-1), "is_right": self.keep_as_right,
            "cast": self.cast, "add_shadow": lambda: self._with_shadow(is_added=True),
            "drop_shadow": lambda: self._with_shadow(is_added=False),
            "clear_frame": self.clear_frame, "save": desk.filing.save, "open": desk.filing.open,
            "draw_on": desk.filing.draw_on, "discard": self.discard, "save_clean": desk.filing.save_clean,
            "publish": lambda: self._publish(is_withdrawn=False), "withdraw": lambda: self._publish(is_withdrawn=True),
        }  # fmt: skip

    def act(self, name: str) -> None:
        """Do what a button of the page stands for."""
        self._acts[name]()

    def cast(self) -> None:
        """Look for the shadow in the range."""
        drawn = self._panel.state.drawn
        if drawn is None:
            return
        wish = CastWish.of(drawn, max(self._panel.state.first, drawn.first), min(self._panel.state.last, drawn.last))
        frames = [frame for frame in wish.mattes if wish.first <= frame <= wish.last]
        if not frames:
            text = "No frame of the range has a matte yet. Track it first; then look for the shadow."
            self._panel.change(replace(self._panel.state, notice=Notice("warning", text)))
            return
        self._panel.change(replace(self._panel.state, notice=None, is_playing=False))
        first, last = runs_of(frames)[0]
        self._panel.bridge.matte.cast(replace(wish, first=first, last=last))

    def set_shadow(self, name: str, value: float | bool) -> None:
        """What is looked for as a shadow."""
        self._with_shadow(**{name: value})

    def _with_shadow(self, **values: float | bool) -> None:
        drawn = self._panel.state.drawn
        if drawn is not None:
            self._panel.change(replace(self._panel.state, drawn=edits.with_shadow(drawn, **values)))  # type: ignore[arg-type]

    def next_doubt(self, step: int = 1) -> None:
        """Go to the next frame that wants a look, or with -1 to the one before."""
        self._go_where(lambda document, frame: next_doubtful(document, frame, step))

    def next_key(self, step: int) -> None:
        """Go to the next key frame, or with -1 to the one before."""
        self._go_where(lambda document, frame: next_key(document, frame, step))

    def _go_where(self, find: Callable[[MatteDocument, int], int | None]) -> None:
        drawn = self._panel.state.drawn
        frame = None if drawn is None else find(drawn, self._panel.state.frame)
        if frame is not None:
            self._panel.go_to(frame)

    def keep_as_right(self) -> None:
        """The tracked matte of this frame is right."""
        if self._panel.state.drawn is not None:
            self._desk.draw(edits.kept_as_right(self._panel.state.drawn, self._panel.state.frame))

    def clear_frame(self) -> None:
        """Nothing drawn on this frame any more."""
        drawn, frame = self._panel.state.drawn, self._panel.state.frame
        if drawn is not None:
            bare = edits.without_clean(edits.without_brush(edits.without_marks(drawn, frame), frame), frame)
            self._desk.draw(bare)

    def discard(self) -> None:
        """Nothing drawn counts any more; undo brings it back."""
        view: View = "matte" if self._panel.state.shot is not None and self._panel.state.shot.matte else "plate"
        self._panel.change(changes.with_view(replace(self._panel.state, drawn=None, meanwhile=None), view))

    def _publish(self, *, is_withdrawn: bool) -> None:
        if self._panel.state.shot is not None:
            wish = MatteToPublish.of(self._panel.state, is_withdrawn=is_withdrawn)
            self._panel.bridge.matte.publish(wish)
