"""The clone stamp: where what it paints comes from.

Here: ``StampSource``, how a place under the brush and one it copies belong together. Not here: copying pixels
(``matte/cloning.py``), how the other frame's background has moved (the backend's ``motion``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from propainter_ui.matte.strokes import Matrix, Point


@dataclass(frozen=True)
class StampSource:
    """Which frame is copied from, and how far beside the place that is painted."""

    frame_step: int = 0
    """The frame copied from, from the painted one; 0: the same."""
    offset: Point = (0.0, 0.0)
    """From a painted place to the one it copies, in pixels of the painted frame."""
    taken_at: Point | None = None
    """Where Ctrl was clicked, until the first stroke says what it belongs to."""
    is_set: bool = False
    """Whether there is anything to copy: another frame, or a place that was chosen."""

    def taken(self, place: Point) -> StampSource:
        """The hand has chosen a place to copy from."""
        return replace(self, taken_at=place, is_set=True)

    def begun(self, place: Point) -> StampSource:
        """A stroke begins: from the first one on, painted and copied places go side by side."""
        if self.taken_at is None:
            return self
        offset = (self.taken_at[0] - place[0], self.taken_at[1] - place[1])
        return replace(self, offset=offset, taken_at=None)

    def stepped(self, step: int) -> StampSource:
        """Copy from another frame; without an offset that alone is something to copy."""
        return replace(
            self, frame_step=step, is_set=step != 0 or self.offset != (0.0, 0.0) or self.taken_at is not None
        )

    def place_of(self, point: Point) -> Point:
        """The place copied from, in pixels of the painted frame."""
        if self.taken_at is not None:
            return self.taken_at
        return point[0] + self.offset[0], point[1] + self.offset[1]

    def matrix(self, motion: Matrix) -> Matrix:
        """Carries a point of the painted frame to where its colour is taken. motion: of the background, from the painted
        frame to the one copied from.
        """
        a, b, c, d, e, f, g, h, i = motion
        dx, dy = self.offset
        return a, b, a * dx + b * dy + c, d, e, d * dx + e * dy + f, g, h, g * dx + h * dy + i


def carried(motion: Matrix, point: Point) -> Point:
    """Where a motion carries a point."""
    a, b, c, d, e, f, g, h, i = motion
    x, y = point
    depth = g * x + h * y + i or 1.0
    return (a * x + b * y + c) / depth, (d * x + e * y + f) / depth
