"""Undo and redo of settings, range and drawn matte: what was, and what was undone.

Here: ``History``, and going back and forth. Not here: keys and menus (``editing.py``). Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from propainter_ui.matte.document import MatteDocument
from propainter_ui.state.panel_state import PanelState
from propainter_wire.messages import Quality, ShotSettings

_LONGEST = 200
_ONE_GESTURE_S = 1.0
"""A slider that is dragged is one change, unless the hand rests so long."""


@dataclass(frozen=True)
class Edits:
    """What undo brings back."""

    settings: ShotSettings
    quality: Quality
    first: int
    last: int
    drawn: MatteDocument | None = None
    has_drawn: bool = field(default=True, compare=False)
    """Whether the drawn matte was changed by this step: what the backend made of it since is no step, and stays."""

    @classmethod
    def of(cls, state: PanelState) -> Edits:
        """As a state has them."""
        return cls(state.settings, state.quality, state.first, state.last, state.drawn)

    def put_into(self, state: PanelState) -> PanelState:
        """The state with these."""
        back = replace(state, settings=self.settings, quality=self.quality, first=self.first, last=self.last)
        if not self.has_drawn:
            return back
        is_said_of_it = state.notice is not None and state.notice.level == "info"  # "Tracked 1-8" of what is gone
        return replace(back, drawn=self.drawn, meanwhile=None, notice=None if is_said_of_it else state.notice)

    def differing(self, other: Edits) -> frozenset[str]:
        """Names of what differs."""
        mine, theirs = self.settings, other.settings
        names = {f.name for f in fields(ShotSettings) if getattr(mine, f.name) != getattr(theirs, f.name)}
        names |= {name for name in ("quality", "first", "last") if getattr(self, name) != getattr(other, name)}
        return frozenset(names | ({"drawn"} if self.drawn is not other.drawn else set()))


@dataclass(frozen=True)
class History:
    """The latest stand last."""

    past: tuple[Edits, ...] = ()
    future: tuple[Edits, ...] = ()
    gesture: frozenset[str] = frozenset()
    """What the last change was of."""
    at_s: float = 0.0
    """When it was."""

    def recorded(self, before: Edits, after: Edits, now_s: float) -> History:
        """After a change by hand. Changes of one thing, one upon the other, are one step."""
        changed = before.differing(after)
        if not changed:
            return self
        has_drawn = "drawn" in changed
        goes_on = changed == self.gesture and now_s - self.at_s < _ONE_GESTURE_S and len(changed) == 1 and not has_drawn
        past = self.past if goes_on and self.past else (*self.past, replace(before, has_drawn=has_drawn))[-_LONGEST:]
        return History(past, (), changed, now_s)

    def rested(self) -> History:
        """The next change is a step of its own."""
        return replace(self, gesture=frozenset())

    def undone(self, now: Edits) -> tuple[History, Edits] | None:
        """One step back: the history then, and what is brought back; None: there is nothing to undo."""
        if not self.past:
            return None
        back = self.past[-1]
        return History(self.past[:-1], (*self.future, replace(now, has_drawn=back.has_drawn))), back

    def redone(self, now: Edits) -> tuple[History, Edits] | None:
        """One step forth again; None: nothing was undone."""
        if not self.future:
            return None
        forth = self.future[-1]
        return History((*self.past, replace(now, has_drawn=forth.has_drawn)), self.future[:-1]), forth
