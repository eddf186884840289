"""A job as the daemon keeps it: who asked, how far it is, what it has cost.

Here: ``JobRecord``, its steps as a worker is told them, its report; ``Outcome``. Not here: what is computed next
(``scheduler.py``), who is told (``deliveries.py``).
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from propainter_backend.daemon.work.events import Priority, Work
from propainter_backend.daemon.work.shots import ShotRecord
from propainter_backend.worker.pipe import Note
from propainter_pictures.matte_survey import MatteFacts, judge_unseen, judge_unsure, without_options
from propainter_wire.messages import Analyse, Cast, Render, ShotSettings, Stage, Track
from propainter_wire.router import Request

ANALYSE_RUN = 8
"""Flow pairs an analyse step estimates before the scheduler may turn to something else."""
STEPS = 1000
"""What the whole of a job is counted in for its client."""
_REPORTED_WINDOWS = 4000
_REPORTED_NOTES = 16
_REPORTED_CUTS = 1000


@dataclass(frozen=True)
class Outcome:
    """What a worker made of the step it has just done."""

    work: Work
    pixels: np.ndarray | None
    note: Note


@dataclass
class JobRecord:
    """A job and who waits for it."""

    id: str
    request: Request
    shot: ShotRecord
    shot_key: str
    shot_note: Note
    message: Render | Analyse | Track | Cast
    aim: list[int]
    """Frames (0-based) in the wished order."""
    settings: ShotSettings
    started: float = field(default_factory=time.monotonic)
    stage: Stage = "queued"
    share: float = 0.0
    """How much of the whole work is done, 0..1."""
    total: int = 0
    """Steps the whole work is counted in; 0 before anything is known of it."""
    eta: float | None = None
    told_at: float = 0.0
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    hole: int = 0
    unseen: int = 0
    unsure: int = 0
    kernels_in_holes: int = 0
    cuts: set[int] = field(default_factory=set)
    """Frames (0-based) that begin another scene, as far as its steps came upon them."""
    notes: list[str] = field(default_factory=list)
    mattes: MatteFacts = field(default_factory=MatteFacts)
    first_result_s: float | None = None
    is_broken_off: bool = False
    """The client has been told that it failed; the scheduler does not know yet."""

    @property
    def priority(self) -> Priority:
        """As asked for; looking ahead of the roto is a preview, and so are mattes: who waits for them looks at renders."""
        return self.message.priority if isinstance(self.message, Render) else "preview"

    @property
    def kind(self) -> Literal["render", "analyse", "matte"]:
        """As the scheduler calls it."""
        return "render" if isinstance(self.message, Render) else "analyse"

    def step(self, work: Work) -> Note:
        """One of its steps as a worker is told of it."""
        message, note = self.message, self._start(work)
        if isinstance(message, Analyse):
            index = note["frame"]
            last = min(index + ANALYSE_RUN, self.aim[-1])
            return {**note, "kind": "analyse", "pairs": list(range(index, last))}
        assert isinstance(message, Render)
        how = {"output": message.output, "dtype": message.dtype, "crop": message.crop, "aim": self.aim}
        return {**note, "kind": "render", **how}

    def _start(self, work: Work) -> Note:
        """What a worker is told of every step."""
        return {
            "op": "start",
            "work": work_note(work),
            "shot": self.shot_key,
            "frame": work.frame - self.shot.opened.first,
            "provisional": work.provisional,
        }

    @property
    def done(self) -> int:
        """Steps of the whole work that are done."""
        return round(self.share * self.total)

    def progress(self, note: Note) -> None:
        """Take in what a worker says about the step it is at. What has been told is never taken back."""
        self.stage, self.eta = note["stage"], note["eta"]
        is_provisional = note["work"][2]
        if isinstance(self.message, Analyse):  # one stage: its pairs are the whole
            self.total = len(self.aim) - 1
            self._reached(note["done"] / max(1, self.total))
            return
        self.total = STEPS
        if not is_provisional:  # a rough picture first is none of the work that is counted
            self._reached(note["share"])

    def _reached(self, share: float) -> None:
        self.share = max(self.share, min(share, 1.0))

    def add(self, note: Note) -> None:
        """Count what one of its steps cost."""
        for stage, cost in note["stages"].items():
            mine = self.stages.setdefault(stage, {"seconds": 0.0, "computed": set(), "reused": set()})
            mine["seconds"] += cost["seconds"]
            mine["computed"].update(cost["computed"])
            mine["reused"].update(cost["reused"])
        self.hole += note.get("hole", 0)
        self.unseen += note.get("unseen", 0)
        self.unsure += note.get("unsure", 0)
        self.cuts.update(note.get("cuts", []))
        self.kernels_in_holes += note.get("kernels_in_holes", 0)
        self.notes.extend(said for said in note.get("notes", []) if said not in self.notes)
        if "matte" in note:
            self.mattes.merge(MatteFacts(**note["matte"]))
        if self.first_result_s is None:
            self.first_result_s = time.monotonic() - self.started

    def report(self, engine: str, weights: str) -> dict[str, Any]:
        """What the wire's ``done`` carries."""
        stages = {
            stage: {
                "seconds": round(cost["seconds"], 4),
                "computed": len(cost["computed"]),
                "reused": len(cost["reused"] - cost["computed"]),
            }
            for stage, cost in self.stages.items()
        }
        windows = self.stages.get("painting", {"computed": set()})["computed"]
        settings = asdict(self.settings)
        unseen, unsure = (round(n / self.hole, 6) if self.hole else 0.0 for n in (self.unseen, self.unsure))
        judged = (*self.mattes.judged(), *judge_unseen(unseen), *judge_unsure(unsure))
        return {
            "engine": engine,
            "weights": weights,
            "settings": {name: list(v) if isinstance(v, tuple) else v for name, v in settings.items()},
            "stages": stages,
            "windows_redone": sorted(windows)[:_REPORTED_WINDOWS],
            "hole_pixels": self.hole,
            "unseen_fraction": unseen,
            "unsure_fraction": unsure,
            "cuts": [self.shot.opened.first + index for index in sorted(self.cuts)][:_REPORTED_CUTS],
            "kernels_in_holes": self.kernels_in_holes,
            "seconds": round(time.monotonic() - self.started, 4),
            "first_result_s": round(self.first_result_s or 0.0, 4),
            "notes": self.notes[:_REPORTED_NOTES],
            "warnings": [without_options(said) for said in judged],
        }


def work_note(work: Work) -> list[object]:
    """Work as worker and daemon name it to each other."""
    return [work.key, work.frame, work.provisional]
