"""A track as a job: scene by scene, span by span; each frame's matte can be had as soon as it is final.

Here: ``TrackRun``, and ``KeptSpan``, what is taken over by the next track. Not here: tracking a span
(``propainter_matte/tracking.py``), which frames to look at (``propainter_matte/doubt.py``).

A span is taken over where its scene's frames and the keys at its ends are those it was tracked with.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

import numpy as np

from propainter.kept import Kept
from propainter_backend.matting.plates import resized, softened
from propainter_backend.matting.scenes import scenes_between
from propainter_backend.render.steps import Progress
from propainter_backend.worker.mattes.clip import Clip
from propainter_backend.worker.mattes.footages import Footages
from propainter_backend.worker.mattes.made import Made
from propainter_backend.worker.pipe import Note
from propainter_backend.worker.shot_spec import ShotSpec
from propainter_matte.doubt import frames_to_help
from propainter_matte.footage import Footage
from propainter_matte.tracking import Span, Track, spans_of, steps_in, track_span
from propainter_pictures.frame import as_type

_TOLD_DOUBTS = 4000
_TOLD_RUNS = 1000


@dataclass(frozen=True)
class KeptSpan:
    """The mattes of a span at the working size, packed without loss: mattes are flat nearly everywhere."""

    packed: Mapping[int, bytes]
    """By the scene's index."""
    drift: Mapping[int, float]
    shape: tuple[int, int]

    @staticmethod
    def of(mattes: Mapping[int, np.ndarray], drift: Mapping[int, float]) -> KeptSpan:
        """Pack what a span has left."""
        shape = next(iter(mattes.values())).shape
        packed = {i: zlib.compress(np.ascontiguousarray(matte, np.float32).tobytes(), 1) for i, matte in mattes.items()}
        return KeptSpan(packed, dict(drift), (shape[0], shape[1]))

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return sum(map(len, self.packed.values())) + 100 * len(self.packed)

    def matte(self, index: int) -> np.ndarray:
        """One of its mattes [h, w]."""
        return np.frombuffer(zlib.decompress(self.packed[index]), np.float32).reshape(self.shape)


@dataclass
class _Scene:
    """The frames between two cuts, as far as they are of use."""

    begin: int
    """In the clip."""
    count: int
    keys: dict[int, np.ndarray]
    footage: Footage | None
    """None where no key says what to track."""
    spans: list[KeptSpan]
    running: dict[int, np.ndarray]
    """Mattes that are final already of the span that is being tracked."""

    def matte(self, place: int) -> np.ndarray | None:
        """A frame's, if it is final."""
        if place in self.keys:
            return self.keys[place]
        if place in self.running:
            return self.running[place]
        return next((span.matte(place) for span in self.spans if place in span.packed), None)

    @property
    def drift(self) -> dict[int, float]:
        """Of the spans that are through."""
        drift: dict[int, float] = {}
        for span in self.spans:
            for i, value in span.drift.items():
                drift[i] = max(value, drift.get(i, 0.0))
        return drift


class TrackRun:
    """Keys are the mattes of ``spec``, whose plates are told of the frames that are of use.

    task: ``first`` and ``last``, the shot's indices of what is wanted; ``known``, those that need no matte; ``dtype``.
    """

    def __init__(
        self,
        task: Note,
        spec: ShotSpec,
        footages: Footages,
        fetch: Callable[[str], np.ndarray],
        kept: Kept[KeptSpan],
    ) -> None:
        told = [i for i, digest in enumerate(spec.plates) if digest is not None]
        self._begin = told[0]
        self._clip = Clip.of(spec, told[0], told[-1])
        self._keys = {i - self._begin: digest for i, digest in enumerate(spec.mattes) if digest is not None}
        self._wanted = set(range(task["first"], task["last"] + 1)) - set(task["known"])
        self._dtype = np.dtype(task["dtype"])
        self._footages = footages
        self._fetch = fetch
        self._kept = kept
        self._scenes: list[_Scene] = []
        self._tracked: list[range] = []
        self._work = self._all()

    def matte(self, index: int, *, finish: bool) -> Generator[Progress, None, Made]:
        """A frame's matte, the shot's index; with the report where it is the last step."""
        place = index - self._begin
        scene = self._final_in(place)
        while scene is None and (progress := next(self._work, None)) is not None:
            yield progress
            scene = self._final_in(place)
        scene = scene or self._final_in(place)  # where all was taken over, nothing was left to tell of
        assert scene is not None, "a frame is asked for that is in no span"
        if finish:
            yield from self._work
        made = self._made(scene, place)
        return Made(made.pixels, {**made.note, "report": self._report()}) if finish else made

    def _final_in(self, place: int) -> _Scene | None:
        """The scene of a frame whose matte is final."""
        scene = next((s for s in self._scenes if s.begin <= place < s.begin + s.count), None)
        if scene is None or scene.footage is None or scene.matte(place - scene.begin) is not None:
            return scene
        return None

    def _made(self, scene: _Scene, place: int) -> Made:
        here = place - scene.begin
        if place in self._keys:
            pixels = self._fetch(self._keys[place])
            return Made(pixels, {"doubt": None})
        width, height = self._clip.size
        if scene.footage is None:
            return Made(np.zeros((height, width, 1), self._dtype), {"doubt": None})
        small = scene.matte(here)
        assert small is not None, "a matte is asked for that is not final"
        soft = softened(scene.footage, {here: small}, here, self._footages.picture(self._clip, place))
        drift = scene.drift.get(here)
        return Made(as_type(soft, self._dtype)[..., None], {"doubt": None if drift is None else round(drift, 4)})

    # --- the whole way, to be left and gone on with between any two frames

    def _all(self) -> Generator[Progress, None, None]:
        scenes = yield from self._cut()
        fresh = {id(scene): self._fresh_spans(scene) for scene in scenes}
        self._scenes = scenes
        total, done = sum(steps_in(span) for spans in fresh.values() for span in spans), 0
        for scene in scenes:
            for span in fresh[id(scene)]:
                assert scene.footage is not None
                drift: dict[int, float] = {}
                for place in track_span(scene.footage, scene.keys, span, scene.running, drift):
                    done = min(done + 1, total)
                    yield Progress("tracking", done, total, self._begin + scene.begin + place, done / total)
                found = KeptSpan.of(scene.running, drift)
                self._kept.put(self._key(scene, span), found)
                scene.spans.append(found)
                scene.running.clear()
                self._tracked.append(range(scene.begin + span.first, scene.begin + span.last + 1))

    def _cut(self) -> Generator[Progress, None, list[_Scene]]:
        """The clip's scenes, each with its keys."""
        cuts = []
        for pair in range(self._clip.count - 1):
            if self._footages.is_cut(self._clip, pair):
                cuts.append(pair + 1)
            yield Progress("tracking", 0, 0, self._begin + pair)
        scenes = []
        for frames in scenes_between(cuts, self._clip.count):
            keys = {i - frames[0]: self._key_matte(i) for i in frames if i in self._keys}
            footage = self._footages.fresh(self._clip.part(frames)) if keys else None
            scenes.append(_Scene(frames[0], len(frames), keys, footage, [], {}))
        return scenes

    def _key_matte(self, place: int) -> np.ndarray:
        matte = self._footages.matte(self._keys[place], self._clip, self._clip.number(place))
        return resized(matte, self._clip.working)

    def _fresh_spans(self, scene: _Scene) -> list[Span]:
        """The spans that have to be tracked; of the others, those that are kept are taken over."""
        fresh = []
        for span in spans_of(scene.keys, scene.count) if scene.keys else []:
            inside = (i for i in range(span.first, span.last + 1) if i not in scene.keys)
            wanted = any(self._begin + scene.begin + i in self._wanted for i in inside)
            if (kept := self._kept.get(self._key(scene, span))) is not None:
                scene.spans.append(kept)
            elif wanted:
                fresh.append(span)
        return fresh

    def _key(self, scene: _Scene, span: Span) -> tuple[object, ...]:
        plates = self._clip.plates[scene.begin : scene.begin + scene.count]
        ends = [self._keys.get(scene.begin + i) for i in (span.first, span.last)]
        return plates, self._clip.color, self._clip.size, span, *ends

    def _report(self) -> Note:
        number = self._clip.number
        doubt: dict[int, float] = {}
        helps: list[tuple[float, int]] = []
        for scene in self._scenes:
            drift = scene.drift
            doubt |= {scene.begin + i: value for i, value in drift.items()}
            track = Track(scene.keys, dict.fromkeys(range(scene.count), np.zeros(0)), drift)
            named = frames_to_help(track) if scene.keys else []
            helps += [(-drift[i], scene.begin + i) if len(self._scenes) > 1 else (0.0, scene.begin + i) for i in named]
        if len(self._scenes) > 1:
            helps.sort()
        worst = sorted(doubt, key=lambda i: -doubt[i])[:_TOLD_DOUBTS]
        empty = [scene for scene in self._scenes if scene.footage is None]
        return {
            "doubt": {str(number(i)): round(doubt[i], 4) for i in sorted(worst)},
            "help": [number(i) for _, i in helps[:_TOLD_HELP]],
            "empty": [[number(s.begin), number(s.begin + s.count - 1)] for s in empty][:_TOLD_RUNS],
            "tracked": [[number(r[0]), number(r[-1])] for r in self._tracked][:_TOLD_RUNS],
        }


_TOLD_HELP = 8
"""Doubtful frames that are named, as by the command."""
