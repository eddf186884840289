"""Which frames the timeline shows, and where each lies: all of the shot, until it is zoomed.

Here: ``TimelineSpan``, arithmetic alone. Not here: painting (``timeline_painting.py``), the mouse (``timeline.py``).
"""

from __future__ import annotations

LABELS = 96
"""Pixels the rows' names take on the left."""
_RIGHT = 12
_FEWEST = 5.0
"""Frames of the closest zoom."""


class TimelineSpan:
    """Frames ``first``..``last`` of a shot along a widget's width. Set ``width`` when it changes."""

    def __init__(self) -> None:
        self.first, self.last = 0, 0
        self.width = 100
        self._start, self._count = 0.0, 1.0

    @property
    def is_zoomed(self) -> bool:
        """Whether a part of the shot is out of sight."""
        return self._count < self.frames

    @property
    def frames(self) -> int:
        """All of them."""
        return self.last - self.first + 1

    @property
    def frame_width(self) -> float:
        """Pixels a frame takes."""
        return max(0.01, (self.width - LABELS - _RIGHT) / self._count)

    @property
    def right(self) -> float:
        """Where the frames end."""
        return float(self.width - _RIGHT)

    @property
    def seen(self) -> tuple[float, float]:
        """The part of the shot in sight, as shares of it."""
        return self._start / self.frames, (self._start + self._count) / self.frames

    def take(self, first: int, last: int) -> None:
        """Another shot: all of it is shown. The same frames: the zoom stays."""
        if (first, last) != (self.first, self.last):
            self.first, self.last = first, last
            self.show_all()

    def show_all(self) -> None:
        """Show every frame."""
        self._start, self._count = 0.0, float(self.frames)

    def show_part(self, first: int, last: int) -> None:
        """Show these frames, and a little around them."""
        margin = max(1.0, (last - first + 1) * 0.05)
        self._set(first - self.first - margin, last - first + 1 + 2 * margin)

    def zoom_by(self, factor: float, x: float | None = None) -> None:
        """Zoom in (above 1) or out; the frame at ``x`` stays where it is."""
        anchor = self._start + self._count / 2 if x is None else self._start + (x - LABELS) / self.frame_width
        count = min(max(self._count / factor, min(_FEWEST, self.frames)), float(self.frames))
        share = (anchor - self._start) / self._count
        self._set(anchor - share * count, count)

    def move_by(self, pixels: float) -> None:
        """Move the frames along by so many pixels."""
        self._set(self._start - pixels / self.frame_width, self._count)

    def reveal(self, frame: int) -> None:
        """Move on, if need be, so that a frame is in sight."""
        index = frame - self.first
        if not self._start <= index <= self._start + self._count - 1:
            self._set(index - self._count * (0.1 if index > self._start else 0.9), self._count)

    def x_of(self, frame: float) -> float:
        """The left edge of a frame."""
        return LABELS + (frame - self.first - self._start) * self.frame_width

    def frame_at(self, x: float) -> int:
        """The frame under a place."""
        return self.first + int((self._start + (x - LABELS) / self.frame_width) // 1)

    def _set(self, start: float, count: float) -> None:
        self._count = min(max(count, min(_FEWEST, self.frames)), float(self.frames))
        self._start = min(max(start, 0.0), self.frames - self._count)
