"""The queue: shots to be rendered and written one after the other, as data, and how it changes.

Here: pure functions. Not here: carrying it out (``batch.py`` of the hall), the list on the screen (``widgets/queue.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from propainter_ui.matte.document import MatteDocument
from propainter_wire.messages import Quality, ShotSettings

Progress = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True)
class QueuedShot:
    """One shot of the queue, with the settings it had when it was added."""

    name: str
    plate: str
    matte: str
    clean: str = ""
    settings: ShotSettings = field(default_factory=ShotSettings)
    quality: Quality = "normal"
    first: int | None = None
    """None: from the shot's first frame."""
    last: int | None = None
    clean_only: frozenset[int] | None = None
    """Frames whose clean plate counts; None: all that there are."""
    is_inverted: bool = False
    """Whether the matte's black is removed."""
    matte_channel: str = "auto"
    """The channel of the matte that counts."""
    drawn: MatteDocument | None = None
    """What is drawn for it."""
    progress: Progress = "waiting"
    said: str = ""
    """Where it was written, or why it was not."""

    @property
    def title(self) -> str:
        """Name and range, for the list."""
        return self.name if self.first is None or self.last is None else f"{self.name}   {self.first}–{self.last}"


@dataclass(frozen=True)
class Queue:
    """Shots in the order they are to be rendered."""

    shots: tuple[QueuedShot, ...] = ()

    @property
    def running(self) -> int | None:
        """The place of the shot that is being rendered."""
        return next((place for place, shot in enumerate(self.shots) if shot.progress == "running"), None)

    @property
    def following(self) -> int | None:
        """The place of the shot that comes next."""
        return next((place for place, shot in enumerate(self.shots) if shot.progress == "waiting"), None)

    @property
    def unwritten(self) -> int:
        """How many wait or are being rendered."""
        return sum(shot.progress in ("waiting", "running") for shot in self.shots)

    def with_added(self, shot: QueuedShot) -> Queue:
        """One more, at the end."""
        return Queue((*self.shots, shot))

    def without(self, place: int) -> Queue:
        """One less; the one that is being rendered stays."""
        if not 0 <= place < len(self.shots) or place == self.running:
            return self
        return Queue(self.shots[:place] + self.shots[place + 1 :])

    def with_moved(self, place: int, step: int) -> Queue:
        """One of them a place up (-1) or down (1)."""
        other = place + step
        if not (0 <= place < len(self.shots) and 0 <= other < len(self.shots)):
            return self
        shots = list(self.shots)
        shots[place], shots[other] = shots[other], shots[place]
        return Queue(tuple(shots))

    def with_progress(self, place: int, progress: Progress, said: str = "") -> Queue:
        """One of them so far."""
        shots = list(self.shots)
        shots[place] = replace(shots[place], progress=progress, said=said)
        return Queue(tuple(shots))

    def with_all_waiting(self) -> Queue:
        """Those that failed wait again; those that are done stay done."""
        return Queue(tuple(
            replace(shot, progress="waiting", said="") if shot.progress in ("failed", "running") else shot
            for shot in self.shots
        ))  # fmt: skip
