"""A job whose results are mattes, as the daemon keeps it: tracked from keys, or the shadow of those that there are.

Here: ``MatteJob``, and in which order its frames are made. Not here: renders (``job.py``), what a worker makes of a step
(``worker/mattes``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from propainter_backend.daemon.work.events import Work
from propainter_backend.daemon.work.job import JobRecord
from propainter_backend.worker.pipe import Note
from propainter_wire.messages import Cast, Track


@dataclass
class MatteJob(JobRecord):
    """Its ``aim`` is the frames (0-based) in the order in which their mattes become final; ``shot_note`` has the keys in
    place of the shot's mattes."""

    made: dict[str, Any] = field(default_factory=dict)
    """What its last step told of the track."""
    offered: list[int] = field(default_factory=list)
    """Frames where a shadow was found."""

    @property
    def kind(self) -> Literal["render", "analyse", "matte"]:
        """As the scheduler calls it; to the worker it is a track or a cast."""
        return "matte"

    def step(self, work: Work) -> Note:
        """One of its steps as a worker is told of it."""
        message, first = self.message, self.shot.opened.first
        assert isinstance(message, (Track, Cast))
        note = self._start(work)
        note |= {
            "kind": message.type,
            "finish": note["frame"] == self.aim[-1],
            "first": message.first - first,
            "last": message.last - first,
            "dtype": matte_dtype(self.shot.opened.dtype),
        }
        if isinstance(message, Track):
            return {**note, "known": [each.frame - first for each in message.known]}
        how = {"threshold": message.threshold, "soften": message.soften, "reflections": message.reflections}
        return {**note, **how}

    def add(self, note: Note) -> None:
        """Take in what one of its steps tells of the whole."""
        super().add(note)
        self.made = note.get("report", self.made)
        if note.get("offered"):
            self.offered.append(note["work"][1])

    def report(self, engine: str, weights: str) -> dict[str, Any]:
        """What the wire's ``done`` carries."""
        seconds = {"seconds": super().report(engine, weights)["seconds"]}
        if isinstance(self.message, Cast):
            return {"offered": sorted(self.offered)[:_TOLD_FRAMES], **seconds}
        return {"doubt": {}, "help": [], "empty": [], "tracked": [], **self.made, **seconds}


_TOLD_FRAMES = 4096


def matte_dtype(plate: str) -> str:
    """What mattes are made as: as fine as the plate."""
    return "uint8" if plate == "uint8" else "float16"


def order_of(keys: Sequence[int], frames: Collection[int]) -> list[int]:
    """Frames in the order in which their mattes become final: keys, then span by span, each away from its key."""
    places, wanted, first = set(keys), sorted(frames), min(keys)
    order = [frame for frame in wanted if frame in places]
    order += [frame for frame in reversed(wanted) if frame < first]
    return order + [frame for frame in wanted if frame > first and frame not in places]
