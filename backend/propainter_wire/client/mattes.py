"""Mattes by message: one drawn on a frame, others tracked as a job, motion to carry points and stamps by, publishing.

Here: ``MatteCalls``, the part of a ``Client`` that asks for them. Not here: following a job (``jobs.py``), sending frames
(``uploads.py``), how a matte is made (``propainter_matte``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from propainter_wire.client.asking import Asker
from propainter_wire.client.jobs import FrameMatte, Jobs
from propainter_wire.messages import (
    MAX_FRAMES,
    MAX_POINTS,
    Accepted,
    Carried,
    Carry,
    Cast,
    Done,
    MatteContent,
    MattesPublished,
    Motion,
    MotionIs,
    Progress,
    PublishMattes,
    Select,
    Track,
)

Point = tuple[float, float]


_SELECT_WITHIN_S = 120.0
"""The first matte of a shot waits for the worker to read 49 plates, however large they are."""


class MatteCalls:
    """Every call raises RemoteError (``frames_missing`` names what has to be offered or put first), BackendDied,
    BackendSilent."""

    def __init__(self, asker: Asker, jobs: Jobs) -> None:
        self._asker = asker
        self._jobs = jobs

    def select(self, shot: str, frame: int, marks: Mapping[str, Any], *, start: str | None = None) -> FrameMatte:
        """A frame's matte from what is drawn on it.

        marks: boxes, remove, keep, polygons in plate pixels, as one frame of a file of strokes. start: digest of a matte
        that strokes correct.
        """
        return self._jobs.matte(Select(shot, frame, marks, start), max(self._asker.timeout_s, _SELECT_WITHIN_S))

    def track(
        self, shot: str, keys: Mapping[int, str], first: int, last: int, *, known: Mapping[int, str] | None = None
    ) -> Iterator[Accepted | Progress | FrameMatte | Done]:
        """Mattes of ``first``..``last`` from key frames' (frame -> digest); ``known`` ones are not made again, nor sent.

        Yields Accepted, then Progress and FrameMatte as they come, at last Done. Closing the iterator early cancels the job.
        """
        return self._jobs.follow_mattes(Track(shot, _listed(keys), first, last, _listed(known or {})))

    def cast(
        self,
        shot: str,
        mattes: Mapping[int, str],
        first: int,
        last: int,
        *,
        threshold: float = 0.08,
        soften: float = 3.0,
        reflections: bool = False,
    ) -> Iterator[Accepted | Progress | FrameMatte | Done]:
        """What the object casts in ``first``..``last``; mattes: the object's. Yields as ``track`` does."""
        return self._jobs.follow_mattes(Cast(shot, _listed(mattes), first, last, threshold, soften, reflections))

    def motion(self, shot: str, frame: int, other: int) -> tuple[float, ...]:
        """The homography, row by row, that carries points of ``other`` onto ``frame`` with the background; plate pixels."""
        return self._asker.ask(Motion(shot, frame, other), MotionIs).matrix

    def carry(self, shot: str, frame: int, to: int, points: Sequence[Point]) -> tuple[Point, ...]:
        """Points of one frame carried to another along the object's flow; plate pixels."""
        found: list[Point] = []
        for begin in range(0, len(points), MAX_POINTS):
            some = tuple((float(x), float(y)) for x, y in points[begin : begin + MAX_POINTS])
            found += self._asker.ask(Carry(shot, frame, to, some), Carried).points
        return tuple(found)

    def publish_mattes(
        self, name: str, first: int, last: int, size: tuple[int, int], mattes: Mapping[int, str]
    ) -> MattesPublished:
        """Give nodes with "Matte from panel" these mattes (frame -> digest); none withdraws them. size: width, height."""
        listed = _listed(mattes)
        told = self._asker.ask(PublishMattes(name, first, last, *size, listed[:MAX_FRAMES]), MattesPublished)
        for begin in range(MAX_FRAMES, len(listed), MAX_FRAMES):
            some = listed[begin : begin + MAX_FRAMES]
            told = self._asker.ask(PublishMattes(name, first, last, *size, some, more=True), MattesPublished)
        return told


def _listed(mattes: Mapping[int, str]) -> tuple[MatteContent, ...]:
    return tuple(MatteContent(frame, digest) for frame, digest in sorted(mattes.items()))
