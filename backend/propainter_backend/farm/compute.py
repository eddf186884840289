"""The two ways a farm task computes its units: in its own process, or through the daemon of its session.

Both keep artifacts in the same files under the same keys, and give the same pixels. In its own process a task needs nothing
beside it; through a daemon, networks are loaded once for all tasks of a session.

Here: ``Compute`` and its two forms. Not here: which units (``units.py``), files and records (``run_chunk.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from propainter.hole import hole_of
from propainter_backend.errors import RemoveError
from propainter_backend.removal.removal import ShotFiles
from propainter_backend.removal.wire_files import FileProvider, laid_in, shot_of
from propainter_backend.render.clean_plate import CleanPlate
from propainter_backend.render.engines import EngineChoice
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import Progress as Unit
from propainter_backend.render.steps import run_to_end
from propainter_pictures.frame import Frame
from propainter_wire.client import Client, FrameResult
from propainter_wire.errors import RemoteError
from propainter_wire.messages import Done, Output, Progress
from propainter_wire.shot import runs_of

_FRAMES_A_JOB = 16
"""Frames asked of the daemon at a time: what is finished of them is recorded when all of them are."""
_TRIES = 3

Tell = Callable[[str, int, int], None]
"""Told after each unit: the stage at work, units done, units known of."""
Stages = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Painted:
    """A finished frame."""

    index: int
    frame: Frame
    hole: float
    """Pixels of its hole."""
    unseen: float
    """Those of them that no frame in reach ever showed."""
    unsure: float
    """Those of these that are a guess."""


class Compute(Protocol):
    """What a task asks of either form. Indices are 0-based."""

    engine: str
    weights: str
    device: str

    def units(self, stage: str, indices: Sequence[int], tell: Tell) -> None:
        """Have pairs (flow, completion) or frames (propagation) computed and stored, unless they are stored already."""

    def paint(self, indices: Sequence[int], tell: Tell) -> Iterator[Painted]:
        """Finished frames, in order."""

    def stages(self) -> Stages:
        """Seconds, units computed and units reused so far, by stage."""


class InProcess:
    """Computes here.

    cache_dir: common storage; artifacts are written through to it. cache_budget: bytes they may take there together.
    """

    def __init__(self, files: ShotFiles, choice: EngineChoice, cache_dir: Path, *, cache_budget: int) -> None:
        wish = files.wish
        self.engine, self.weights = choice.engine.name, choice.engine.weights_id
        self.device = str(choice.engine.device)
        shot = files.shot(engine=self.engine)
        cache = ShotCache(cache_dir / "artifacts", memory_budget=wish.memory_budget, disk_budget=cache_budget)
        self._renderer = ShotRenderer(shot, choice.engine, cache)

    def units(self, stage: str, indices: Sequence[int], tell: Tell) -> None:
        """See ``Compute``."""
        if stage == "flow":
            for first, last in runs_of(indices):
                run_to_end(self._renderer.analyse(range(first, last + 1)), lambda unit: _told(unit, tell))
            return
        for first, last in runs_of(indices):
            for index in range(first, last + 1):
                if stage == "completion":
                    run_to_end(self._renderer.completed(index, until=last), lambda unit: _told(unit, tell))
                else:
                    run_to_end(self._renderer.propagated(index), lambda unit: _told(unit, tell))

    def paint(self, indices: Sequence[int], tell: Tell) -> Iterator[Painted]:
        """See ``Compute``."""
        self._renderer.aim_at(list(indices))
        for index in indices:
            frame = run_to_end(self._renderer.frame(index), lambda unit: _told(unit, tell))
            hole, unseen = self._renderer.unseen_pixels(index)
            yield Painted(index, frame, hole, unseen, self._renderer.unsure_pixels(index))

    def stages(self) -> Stages:
        """See ``Compute``."""
        return self._renderer.counts.report()


class InSession:
    """Lets a daemon compute: the one of the farm's session, started with ``--flow-hole-snap 0`` and the common cache.

    Raises RemoteError where it will not.
    """

    def __init__(self, client: Client, files: ShotFiles, *, engine: str, precision: str) -> None:
        self._client = client
        self._files = files
        opened = client.open_shot(shot_of(files, engine, precision))
        self._shot = opened.shot
        told = client.status()  # not the welcome: a daemon greets before it knows its device
        self.engine = opened.engine
        self.weights = told.weights if opened.engine == "propainter" else "none"
        self.device = told.device
        self._reports: list[dict[str, Any]] = []

    def units(self, stage: str, indices: Sequence[int], tell: Tell) -> None:
        """See ``Compute``. The pictures that come back are by the way: what counts is what the daemon stores."""
        if stage == "flow":
            for first, last in runs_of(indices):
                self._analyse(first, last, tell)
            return
        output: Output = "flow" if stage == "completion" else "unseen"
        for batch in _batches(indices):
            for _ in self._render(batch, output, tell):
                pass

    def paint(self, indices: Sequence[int], tell: Tell) -> Iterator[Painted]:
        """See ``Compute``."""
        for batch in _batches(indices):
            painted = list(self._render(batch, "result", tell))
            unseen, unsure = (self._reports[-1][share] for share in ("unseen_fraction", "unsure_fraction"))
            for index, result in sorted(painted, key=lambda each: each[0]):
                hole = hole_pixels(self._files, index)
                frame = laid_in(self._files.pictures.plate(index), result)
                yield Painted(index, frame, hole, unseen * hole, unsure * hole)

    def stages(self) -> Stages:
        """See ``Compute``."""
        total: Stages = {}
        for report in self._reports:
            for stage, cost in report["stages"].items():
                mine = total.setdefault(stage, dict.fromkeys(cost, 0))
                for name, value in cost.items():
                    mine[name] += value
        return total

    def _analyse(self, first: int, last: int, tell: Tell) -> None:
        numbers = self._files.numbers[first : last + 2]
        self._client.offer_frames(self._shot, numbers, FileProvider(self._files), mattes=False)
        for event in self._client.analyse(self._shot, numbers[0], numbers[-1]):
            self._take(event, tell)

    def _render(self, indices: Sequence[int], output: Output, tell: Tell) -> Iterator[tuple[int, FrameResult]]:
        wanted = [self._files.numbers[index] for index in indices]
        for attempt in range(_TRIES):
            self._client.prepare(self._shot, wanted, FileProvider(self._files))
            try:
                for event in self._client.render(self._shot, wanted, output=output, priority="final", crop=True):
                    if isinstance(event, FrameResult):
                        wanted.remove(event.frame)
                        yield event.frame - self._files.numbers[0], event
                    self._take(event, tell)
                return
            except RemoteError as error:
                if error.code != "frames_missing" or attempt == _TRIES - 1:
                    raise

    def _take(self, event: object, tell: Tell) -> None:
        if isinstance(event, Progress):
            tell(event.stage, event.done, event.total)
        elif isinstance(event, Done):
            report: dict[str, Any] = dict(event.report)
            self._reports.append(report)
            if notes := report["notes"]:
                raise RemoveError(
                    f"{self.device}: {'; '.join(notes)}; that changes the picture from task to task: give the whole job a "
                    "smaller --chunk-length or --working-size, or more memory"
                )


def _told(unit: Unit, tell: Tell) -> None:
    tell(unit.stage, unit.done, unit.total)


def _batches(indices: Sequence[int]) -> Iterator[Sequence[int]]:
    return (indices[first : first + _FRAMES_A_JOB] for first in range(0, len(indices), _FRAMES_A_JOB))


def hole_pixels(files: ShotFiles, index: int) -> int:
    """Pixels of a frame's hole at the plate's size: its grown matte, without what a clean plate shows."""
    pictures, settings = files.pictures, files.wish.settings
    matte = torch.from_numpy(pictures.matte(index))
    hole = hole_of(matte, threshold=settings.threshold, grow_pixels=settings.grow).numpy() > 0
    clean = pictures.clean(index)
    if clean is not None:
        hole &= ~CleanPlate.of(clean, dtype=files.plate.dtype).holds
    return int(hole.sum())
