"""What an object casts, as a job: the shadow's matte, frame by frame.

Here: ``CastRun``. Not here: how a shadow is found (``propainter_matte/shadows.py``).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from propainter.kept import Kept
from propainter_backend.errors import BadInput
from propainter_backend.matting.plates import cast_at, resized
from propainter_backend.render.steps import Progress
from propainter_backend.worker.mattes.clip import Clip
from propainter_backend.worker.mattes.footages import Footages
from propainter_backend.worker.mattes.made import Made
from propainter_backend.worker.pipe import Note
from propainter_backend.worker.shot_spec import ShotSpec
from propainter_matte.footage import Footage
from propainter_matte.shadows import shadow_of
from propainter_pictures.frame import as_type

_MATTES_BYTES = 64 << 20


class CastRun:
    """The object's mattes are those of ``spec``; frames without one are not looked at."""

    def __init__(self, task: Note, spec: ShotSpec, footages: Footages) -> None:
        self._spec = spec
        self._footages = footages
        self._dtype = np.dtype(task["dtype"])
        self._how = {name: task[name] for name in ("threshold", "soften", "reflections")}
        self._wanted = range(task["first"], task["last"] + 1)
        self._done = 0
        self._part: _Part | None = None
        """The last that was looked at."""

    def matte(self, index: int, *, finish: bool) -> Generator[Progress, None, Made]:
        """The shadow's matte of a frame."""
        yield Progress("shadow", self._done, len(self._wanted), index, self._done / len(self._wanted))
        part = self._part_of(index)
        cast = shadow_of(part.footage, index - part.frames[0], part.mattes, **self._how)
        self._done += 1
        pixels = as_type(cast_at(cast, self._spec.size), self._dtype)[..., None]
        return Made(pixels, {"offered": bool(pixels.any())})

    def _part_of(self, index: int) -> _Part:
        """The frames around one that have mattes, within its scene; as footage, with their mattes."""
        spec = self._spec
        if self._part is not None and index in self._part.frames:
            return self._part
        if spec.mattes[index] is None:
            raise BadInput(f"frame {spec.first + index} has no matte; give the object's matte of every frame")
        told = [matte is not None and plate is not None for matte, plate in zip(spec.mattes, spec.plates, strict=True)]
        begin, end = index, index
        while begin > 0 and told[begin - 1]:
            begin -= 1
        while end + 1 < len(told) and told[end + 1]:
            end += 1
        clip = Clip.of(spec, begin, end)
        scene = self._footages.scene_of(clip, index - begin)
        frames = range(begin + scene[0], begin + scene[-1] + 1)
        clip = clip.part(scene)
        digests = [digest or "" for digest in spec.mattes[frames[0] : frames[-1] + 1]]
        self._part = _Part(frames, self._footages.fresh(clip), _Mattes(clip, digests, self._footages))
        return self._part


@dataclass(frozen=True)
class _Part:
    """A run of the shot's frames with mattes, in one scene."""

    frames: range
    footage: Footage
    mattes: _Mattes


class _Mattes(Mapping[int, np.ndarray]):
    """The object's mattes at the working size, read when they are looked at."""

    def __init__(self, clip: Clip, digests: list[str], footages: Footages) -> None:
        self._clip = clip
        self._digests = digests
        self._footages = footages
        self._kept: Kept[np.ndarray] = Kept(_MATTES_BYTES)

    def __getitem__(self, index: int) -> np.ndarray:
        if index not in self:
            raise KeyError(index)

        def make() -> np.ndarray:
            clip = self._clip
            return resized(self._footages.matte(self._digests[index], clip, clip.number(index)), clip.working)

        return self._kept.remember(index, make)

    def __contains__(self, index: object) -> bool:
        return isinstance(index, int) and 0 <= index < len(self._digests)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self._digests)))

    def __len__(self) -> int:
        return len(self._digests)
