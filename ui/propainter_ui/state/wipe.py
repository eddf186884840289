"""The wipe: a line across the picture, at any angle, with one picture on each side.

Here: where the line lies and how it moves, in shares of the picture. Not here: what the sides show (``panel_state.py``),
the line on the screen (``widgets/wipe_line.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Wipe:
    """A line through one point of the picture."""

    x: float = 0.5
    """The point, 0..1 of the picture's width."""
    y: float = 0.5
    """The point, 0..1 of the picture's height."""
    angle: float = 0.0
    """Degrees clockwise from upright, -180 < angle <= 180; at 180 the two sides have changed places."""

    def moved(self, x: float, y: float = 0.0) -> Wipe:
        """The line so much further, in shares of the picture; it stays within the picture."""
        return self.through(self.x + x, self.y + y)

    def through(self, x: float, y: float) -> Wipe:
        """The line through another point, held within the picture."""
        return replace(self, x=min(max(x, 0.0), 1.0), y=min(max(y, 0.0), 1.0))

    def turned_to(self, angle: float) -> Wipe:
        """The line at another angle, in degrees."""
        return replace(self, angle=180.0 - (180.0 - angle) % 360.0)
