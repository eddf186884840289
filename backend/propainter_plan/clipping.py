"""Units kept on one side of every cut of the film: nothing is borrowed across one.

Here: ``Clipping``, which shortens chunks and windows at cuts. Not here: how a shot is divided into them (``cuts.py``), where
its cuts are (``propainter/scene_cuts.py`` finds them on the plate; a user may say).

Units stay where they lie and only lose what is beyond a cut, so that all they look at, they looked at before, and a cut is
asked for only within a unit that needs to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from propainter_plan.units import Chunk, Window

IsCut = Callable[[int, Sequence[int]], bool]
"""Whether the second frame of a pair begins another scene; and the pairs that are asked about next, unless it does."""


class Clipping:
    """is_cut: see ``IsCut``."""

    def __init__(self, is_cut: IsCut) -> None:
        self._is_cut = is_cut
        self._runs: dict[tuple[int, int, int], tuple[int, int]] = {}

    def run(self, frame: int, first: int, last: int) -> tuple[int, int]:
        """The first and last frame, within first..last, that no cut parts from this one."""
        found = self._runs.get((frame, first, last))
        if found is None:
            start = end = frame
            while start > first and not self._is_cut(start - 1, range(start - 2, first - 1, -1)):
                start -= 1
            while end < last and not self._is_cut(end, range(end + 1, last)):
                end += 1
            found = start, end
            self._runs.update({(each, first, last): found for each in range(start, end + 1)})
        return found

    def chunk(self, chunk: Chunk, frame: int) -> Chunk:
        """What of a chunk of frames lies in the scene of one of them."""
        start, end = self.run(frame, chunk.reach_first, chunk.reach_last)
        return Chunk(max(chunk.core_first, start), min(chunk.core_last, end), start, end)

    def pairs(self, chunk: Chunk, pair: int) -> Chunk:
        """What of a chunk of pairs lies in the scene of one of them; a pair that a cut parts stands alone."""
        if self._is_cut(pair, ()):
            return Chunk(pair, pair, pair, pair)
        start, end = self.run(pair, chunk.reach_first, chunk.reach_last + 1)
        return Chunk(max(chunk.core_first, start), min(chunk.core_last, end - 1), start, end - 1)

    def windows(self, windows: Iterable[Window], frame: int) -> tuple[Window, ...]:
        """What of the windows that paint a frame lies in its scene: of those whose core does, else of the nearest alone."""
        pieces = [(window, self._window(window, frame)) for window in windows]
        kept = [piece for window, piece in pieces if any(i in piece.neighbours for i in window.core_frames)]
        if kept:
            return tuple(kept)
        _, nearest = max(pieces, key=lambda both: (both[0].share(frame), -both[0].centre))
        return (nearest,)

    def _window(self, window: Window, frame: int) -> Window:
        first, last = window.neighbours[0], window.neighbours[-1]
        start, end = self.run(frame, first, last)
        furthest = self.run(frame, min(window.seen), max(window.seen))
        references = tuple(i for i in window.references if furthest[0] <= i <= furthest[1])
        if (start, end, references) == (first, last, window.references):
            return window
        return replace(
            window,
            centre=min(max(window.centre, start), end),
            neighbours=tuple(range(start, end + 1)),
            references=references,
            weights=window.weights[start - first : end + 1 - first],
        )
