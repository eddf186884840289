"""A step carried out: one frame, or a run of flow pairs, to whatever end, and the daemon told which.

Here: ``Steps``, which can stop between any two units, and ``Finished`` frames kept as they were sent. Not here: which step
comes next (the daemon), how a frame comes to be (``propainter_backend/render``), what fits in memory (``fitting.py``).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from propainter.kept import Kept
from propainter.weights import WeightsError
from propainter_backend.errors import RemoveError
from propainter_backend.render.crop import CroppedRenderer, Renderer, picture_from
from propainter_backend.render.out_of_memory import is_out_of_memory
from propainter_backend.render.outputs import converted, cropped, region_of
from propainter_backend.render.progress import TimeLeft
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.steps import Progress, RenderCounts
from propainter_backend.worker.benches import Bench, Benches
from propainter_backend.worker.fitting import Fitting, Lowered
from propainter_backend.worker.line import Line
from propainter_backend.worker.mattes.runs import KINDS, Runs
from propainter_backend.worker.pictures import ContentGone
from propainter_backend.worker.pipe import Note
from propainter_backend.worker.worker_entry import WorkerOptions
from propainter_pictures.matte_survey import MatteFacts

log = logging.getLogger(__name__)

_ANALYSED_WHOLE = (
    "the flow of whole frames is ready; renders cropped to the matte, and drafts, compute their own in the box"
)


class Stopped(Exception):
    """The daemon wants this step no more."""


@dataclass(frozen=True)
class Finished:
    """A finished frame as it was sent: a host that asks for it again gets it without a composite."""

    pixels: np.ndarray
    """The part of it that was sent."""
    note: Note
    """What was said with it."""

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.pixels.nbytes


class Steps:
    """One at a time. A task is a step as the daemon told it, with the ``spec`` of its shot."""

    def __init__(
        self,
        line: Line,
        options: WorkerOptions,
        fitting: Fitting,
        benches: Benches,
        cache: ShotCache,
        finished: Kept[Finished],
        mattes: Runs,
    ) -> None:
        self._line = line
        self._options = options
        self._fitting = fitting
        self._benches = benches
        self._cache = cache
        self._finished = finished
        self._mattes = mattes
        self.stop = threading.Event()
        """Set, from another thread, to end the step between two of its units."""

    def carry_out(self, task: Note) -> None:
        """Do a step to whatever end, and say which: done, stopped or failed."""
        while not self._try(task):
            # Not amid the exception: while it is handled, its traceback keeps every tensor of the attempt alive.
            if not self._step_down(task):
                return

    def _try(self, task: Note) -> bool:
        """One attempt; False if memory ran out."""
        try:
            self._step(task)
        except Stopped:
            self._line.say({"op": "stopped", "work": task["work"]})
        except ContentGone as error:
            self._fail(task, "frames_missing", f"{error}; send it again")
        except (RemoveError, WeightsError) as error:
            self._fail(task, "bad_message" if task["kind"] in KINDS else "engine_unavailable", str(error))
        except Exception as error:
            if is_out_of_memory(error):
                return False
            log.exception("a step failed")
            self._fail(task, "internal", f"{type(error).__name__}: {error}; the backend's log has more")
        return True

    def _step(self, task: Note) -> None:
        if task["kind"] in KINDS:
            self._make_matte(task)
            return
        lowered = self._fitting.of(task["shot"], task["spec"])
        bench = self._benches.of(task["shot"], lowered)
        bench.renderer.counts = RenderCounts()
        if task["kind"] == "analyse":
            self._analyse(task, bench, lowered)
            return
        name = (task["shot"], task["frame"], task["output"], task["dtype"], task["crop"])
        if (known := self._finished.get(name)) is not None:
            self._done(task, known.note, known.pixels)
            return
        cost, note, pixels = self._render(task, bench, lowered)
        if not task["provisional"]:
            self._finished.put(name, Finished(pixels, {**_as_reused(cost), **note}))
        self._done(task, {**cost, **note}, pixels)

    def _make_matte(self, task: Note) -> None:
        """A frame's matte: of a run that is begun, or gone on with where a step before this one has left it."""
        try:
            running = self._mattes.of(task)
            steps = running.run.matte(task["frame"], finish=task["finish"])
            made = self._watch(steps, running.left, task)
        except Stopped:
            raise
        except BaseException:
            self._mattes.drop(task)
            raise
        if task["finish"]:
            self._mattes.drop(task)
        self._done(task, {"stages": {}, **made.note}, made.pixels)

    def _analyse(self, task: Note, bench: Bench, lowered: Lowered) -> None:
        renderer = bench.renderer
        self._watch(renderer.analyse(task["pairs"]), bench.left, task)
        notes = [*lowered.notes, *([_ANALYSED_WHOLE] if isinstance(renderer, CroppedRenderer) else [])]
        self._done(task, {**_cost_of(renderer), "notes": notes})

    def _render(self, task: Note, bench: Bench, lowered: Lowered) -> tuple[Note, Note, np.ndarray]:
        """A frame: what it cost, what there is to say of it, and the part of it that is sent."""
        renderer, index, provisional = bench.renderer, task["frame"], task["provisional"]
        if bench.aim != (aim := (task["aim"], provisional)):  # working out what a long aim needs takes a while
            renderer.aim_at(task["aim"], nearest_only=provisional)
            bench.aim = aim
        steps = picture_from(renderer, index, task["output"], provisional=provisional)
        pixels = converted(self._watch(steps, bench.left, task), task["dtype"])
        region = region_of(renderer.alpha(index)) if task["crop"] else (0, 0, pixels.shape[1], pixels.shape[0])
        hole, unseen = renderer.unseen_pixels(index)
        unsure = renderer.unsure_pixels(index)
        notes = [*lowered.notes, *bench.warnings(index, self._cache)]
        facts = MatteFacts()
        facts.add(renderer.shot.pictures.matte(index), renderer.shot.settings.threshold)
        note = {
            "hole": hole, "unseen": unseen, "unsure": unsure, "notes": notes, "region": list(region),
            "matte": asdict(facts),
        }  # fmt: skip
        return _cost_of(renderer), note, cropped(pixels, region)

    def _watch(self, steps: Generator[Progress, None, Any], left: TimeLeft, task: Note) -> Any:
        """Carry steps through, telling of each; raises Stopped between two of them."""
        left.go_on()
        while True:
            if self.stop.is_set():
                steps.close()
                raise Stopped
            try:
                step = next(steps)
            except StopIteration as stop:
                return stop.value
            if not task["provisional"]:
                left.note(step.share)
            self._line.say(
                {
                    "op": "progress", "work": task["work"], "stage": step.stage, "done": step.done,
                    "total": step.total, "share": step.share, "eta": left.seconds(),
                }
            )  # fmt: skip

    def _done(self, task: Note, note: Note, pixels: np.ndarray | None = None) -> None:
        self._line.say({"op": "done", "work": task["work"], **note}, pixels)

    def _fail(self, task: Note, code: str, message: str) -> None:
        """No failure of a step passes by itself: none is worth trying again unchanged."""
        self._line.say({"op": "failed", "work": task["work"], "code": code, "message": message, "retry": False})

    def _step_down(self, task: Note) -> bool:
        """Memory is out: let go of what can be recomputed and ask for less at once. False where that is not possible any
        more; the step has failed then."""
        self._benches.clear()
        self._finished.clear()
        self._mattes.clear()
        self._cache.shrink_memory(self._options.memory_budget // 4)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if task["kind"] in KINDS:
            self._fail(task, "out_of_memory", "memory ran out while mattes were made; track fewer frames at once")
            return False
        lowered = self._fitting.of(task["shot"], task["spec"])
        if self._fitting.step_down(task["shot"], lowered):
            return True
        spec = lowered.spec
        size = "x".join(map(str, self._fitting.size_of(spec)))
        self._fail(
            task, "out_of_memory",
            f"{self._options.device} cannot hold the {min(spec.settings['chunk_length'], spec.frame_count)} frames of "
            f"{size} that are needed at once; choose a smaller working size",
        )  # fmt: skip
        return False


def _as_reused(cost: Note) -> Note:
    """What the same step costs the next time: nothing."""
    return {
        "stages": {
            stage: {"seconds": 0.0, "computed": [], "reused": sorted({*units["computed"], *units["reused"]})}
            for stage, units in cost["stages"].items()
        }
    }


def _cost_of(renderer: Renderer) -> Note:
    """What a step computed and reused, as lists of units a report can name."""
    return {
        "stages": {
            stage: {"seconds": seconds, "computed": sorted(computed), "reused": sorted(reused)}
            for stage, (seconds, computed, reused) in renderer.counts.units().items()
        },
        "kernels_in_holes": renderer.counts.kernels_in_holes,
        "cuts": renderer.cuts,
    }
