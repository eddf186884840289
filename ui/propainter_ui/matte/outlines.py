"""Outlines whose points can be moved: polygons and beziers, with key frames and points tracked between them.

Here: ``Vertex``, ``Outline``, ``Shape``, and every change of them. Not here: filling them (``raster.py``), dragging
(``drawing/``), asking where points move (``bridge/``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from propainter_ui.matte.strokes import Point, require_finite

Role = Literal["object", "keep_out", "always_in"]
"""What an outline says: the object ends here (the backend finds its edge), never the matte, always the matte."""
Reach = Literal["frame", "all", "tracked"]
"""Which frames it counts on: its own, every one alike, or every one with its points tracked."""

_SEGMENT_PX = 1.0
_MOST_SEGMENTS = 128


@dataclass(frozen=True)
class Vertex:
    """A point of an outline. Handles are offsets from it; (0, 0) at both makes it a corner."""

    x: float
    y: float
    before: Point = (0.0, 0.0)
    """The handle of the curve that arrives."""
    after: Point = (0.0, 0.0)
    """The handle of the curve that leaves."""

    def __post_init__(self) -> None:
        require_finite((self.x, self.y, *self.before, *self.after), "a point of an outline")

    @property
    def point(self) -> Point:
        """Where it is."""
        return self.x, self.y

    @property
    def is_corner(self) -> bool:
        """Whether it has no handles."""
        return self.before == (0.0, 0.0) and self.after == (0.0, 0.0)

    def moved(self, x: float, y: float) -> Vertex:
        """The same so much further, with its handles."""
        return replace(self, x=self.x + x, y=self.y + y)

    def smoothed(self, after: Point) -> Vertex:
        """With handles that make a smooth curve: ``after``, and its mirror."""
        return replace(self, after=after, before=(-after[0], -after[1]))


@dataclass(frozen=True)
class Outline:
    """A closed curve."""

    vertices: tuple[Vertex, ...]

    def __post_init__(self) -> None:
        if len(self.vertices) < 3:
            raise ValueError(f"an outline of {len(self.vertices)} points has no inside; it takes three at least")

    @classmethod
    def of_points(cls, points: Sequence[Point]) -> Outline:
        """A polygon."""
        return cls(tuple(Vertex(x, y) for x, y in points))

    def with_vertex(self, index: int, vertex: Vertex) -> Outline:
        """One vertex another."""
        return Outline((*self.vertices[:index], vertex, *self.vertices[index + 1 :]))

    def moved(self, x: float, y: float) -> Outline:
        """All of it so much further."""
        return Outline(tuple(vertex.moved(x, y) for vertex in self.vertices))

    def with_inserted(self, segment: int, share: float) -> Outline:
        """A vertex more on the curve from vertex ``segment`` to the next, ``share`` (0..1) along; the curve stays."""
        first, last = self.vertices[segment], self.vertices[(segment + 1) % len(self.vertices)]
        p0, p3 = first.point, last.point
        p1, p2 = _plus(p0, first.after), _plus(p3, last.before)
        if first.after == (0.0, 0.0) and last.before == (0.0, 0.0):
            x, y = _between(p0, p3, share)
            split, one, other = Vertex(x, y), first, last
        else:  # de Casteljau
            a, b, c = _between(p0, p1, share), _between(p1, p2, share), _between(p2, p3, share)
            d, e = _between(a, b, share), _between(b, c, share)
            middle = _between(d, e, share)
            split = Vertex(*middle, before=_minus(d, middle), after=_minus(e, middle))
            one, other = replace(first, after=_minus(a, p0)), replace(last, before=_minus(c, p3))
        changed = self.with_vertex(segment, one).with_vertex((segment + 1) % len(self.vertices), other)
        return Outline((*changed.vertices[: segment + 1], split, *changed.vertices[segment + 1 :]))

    def without(self, index: int) -> Outline | None:
        """A vertex less; None: what is left has no inside."""
        left = (*self.vertices[:index], *self.vertices[index + 1 :])
        return Outline(left) if len(left) >= 3 else None

    def flattened(self) -> tuple[Point, ...]:
        """The curve as the corners of a polygon, near enough for a pixel."""
        return _flattened(self)

    def nearest(self, point: Point) -> tuple[int, float, float]:
        """The place on the curve next to a point: its segment, the share along it, and the distance in pixels."""
        best = (0, 0.0, math.inf)
        for index in range(len(self.vertices)):
            corners = [*self.segment(index), self.vertices[(index + 1) % len(self.vertices)].point]
            for step in range(len(corners) - 1):
                share, distance = _nearest_on(corners[step], corners[step + 1], point)
                if distance < best[2]:
                    best = (index, (step + share) / (len(corners) - 1), distance)
        return best

    def segment(self, index: int) -> list[Point]:
        """The corners from a vertex up to the next, that one left out."""
        first, last = self.vertices[index], self.vertices[(index + 1) % len(self.vertices)]
        p0, p3 = first.point, last.point
        if first.after == (0.0, 0.0) and last.before == (0.0, 0.0):
            return [p0]
        p1, p2 = _plus(p0, first.after), _plus(p3, last.before)
        length = math.dist(p0, p1) + math.dist(p1, p2) + math.dist(p2, p3)
        count = min(_MOST_SEGMENTS, max(6, math.ceil(length / _SEGMENT_PX)))
        return [_bezier(p0, p1, p2, p3, step / count) for step in range(count)]


@dataclass(frozen=True)
class Shape:
    """An outline through time."""

    role: Role
    reach: Reach
    keys: Mapping[int, Outline]
    """By frame: as the artist drew it. All have the same number of vertices."""
    carried: Mapping[tuple[int, int], Outline] = field(default_factory=dict)
    """By key frame and frame: where the key's points were tracked to."""
    feather: float = 0.0
    """Pixels of soft edge, half of it on either side of the curve; for ``keep_out`` and ``always_in``."""
    name: str = ""

    def __post_init__(self) -> None:
        if not self.keys:
            raise ValueError("a shape has no outline; draw one")
        if len({len(outline.vertices) for outline in self.keys.values()}) > 1:
            raise ValueError("the key frames of a shape have different numbers of points")
        if self.reach != "tracked" and len(self.keys) > 1:
            raise ValueError(f"a shape of {self.reach} has {len(self.keys)} key frames; it takes one")
        if not (math.isfinite(self.feather) and self.feather >= 0):
            raise ValueError(f"feather is {self.feather}; it takes 0 or more")

    def counts_on(self, frame: int) -> bool:
        """Whether it says anything there."""
        return self.reach != "frame" or frame in self.keys

    def at(self, frame: int) -> Outline | None:
        """Its outline on a frame: drawn, tracked, or between those drawn; None where it does not count.

        Between two key frames the points tracked from both sides are mixed by nearness, so that the outline arrives at
        both. Beyond the last key frame it goes on as tracked, or stays.
        """
        if not self.counts_on(frame):
            return None
        if frame in self.keys:
            return self.keys[frame]
        if self.reach == "all":
            return next(iter(self.keys.values()))
        earlier = max((key for key in self.keys if key < frame), default=None)
        later = min((key for key in self.keys if key > frame), default=None)
        if earlier is None or later is None:
            key = later if earlier is None else earlier
            assert key is not None
            return self.carried.get((key, frame), self.keys[key])
        from_earlier = self.carried.get((earlier, frame), self.keys[earlier])
        from_later = self.carried.get((later, frame), self.keys[later])
        # Tracked from one side alone: that side's way, bent so that it ends at the other key, if it was tracked so far.
        if (earlier, frame) in self.carried and (later, frame) not in self.carried:
            from_later = _bent(from_earlier, self.carried.get((earlier, later)), self.keys[later])
        elif (later, frame) in self.carried and (earlier, frame) not in self.carried:
            from_earlier = _bent(from_later, self.carried.get((later, earlier)), self.keys[earlier])
        return _mixed(from_earlier, from_later, (frame - earlier) / (later - earlier))

    def with_key(self, frame: int, outline: Outline) -> Shape:
        """Drawn anew on a frame: a key frame there. What was tracked from it before counts no longer.

        A shape of one frame, or of all, is moved as a whole: it keeps one outline.
        """
        if self.reach == "tracked":
            keys = {**self.keys, frame: outline}
        else:
            keys = {frame if self.reach == "frame" else next(iter(self.keys)): outline}
        carried = {(key, at): each for (key, at), each in self.carried.items() if key != frame}
        return replace(self, keys=dict(sorted(keys.items())), carried=carried)

    def without_key(self, frame: int) -> Shape | None:
        """A key frame less; None: it was the only one."""
        keys = {key: outline for key, outline in self.keys.items() if key != frame}
        carried = {(key, at): each for (key, at), each in self.carried.items() if key != frame}
        return replace(self, keys=keys, carried=carried) if keys else None

    def with_carried(self, key: int, frame: int, outline: Outline) -> Shape:
        """Told where a key's points were tracked to. What no longer fits the key is left out."""
        if key not in self.keys or len(outline.vertices) != len(self.keys[key].vertices):
            return self
        return replace(self, carried={**self.carried, (key, frame): outline})

    def with_vertex_inserted(self, segment: int, share: float) -> Shape:
        """A vertex more on all its outlines, at the same share of the same segment."""
        return self._on_all(lambda outline: outline.with_inserted(segment, share))

    def without_vertex(self, index: int) -> Shape | None:
        """A vertex less on all its outlines; None: what is left has no inside."""
        if len(next(iter(self.keys.values())).vertices) <= 3:
            return None
        return self._on_all(lambda outline: outline.without(index) or outline)

    def with_reach(self, reach: Reach, frame: int) -> Shape:
        """Counting on other frames, as it is on this one. What the artist drew on others is kept while it is tracked."""
        if reach == self.reach:
            return self
        outline = self.at(frame) or next(iter(self.keys.values()))
        return replace(self, reach=reach, keys={frame: outline}, carried={})

    def to_carry(self, first: int, last: int) -> tuple[tuple[int, int], ...]:
        """Ways its points are still to be tracked, each from a key frame to a frame, nearest frames first.

        Every frame between two key frames is reached from both, and those beyond the ends from the last one.
        """
        if self.reach != "tracked":
            return ()
        keys = sorted(self.keys)
        ways: list[tuple[int, int]] = []
        for place, key in enumerate(keys):
            ends = keys[place + 1] if place + 1 < len(keys) else last
            begins = keys[place - 1] if place else first
            ways += [(key, frame) for frame in range(key + 1, min(ends, last) + 1)]
            ways += [(key, frame) for frame in range(key - 1, max(begins, first) - 1, -1)]
        return tuple(way for way in ways if way not in self.carried)

    def _on_all(self, change: Callable[[Outline], Outline]) -> Shape:
        keys = {frame: change(outline) for frame, outline in self.keys.items()}
        return replace(self, keys=keys, carried={way: change(outline) for way, outline in self.carried.items()})


@lru_cache(maxsize=4096)
def _flattened(outline: Outline) -> tuple[Point, ...]:
    """Kept, as every edit asks for those of all frames."""
    points: list[Point] = []
    for index in range(len(outline.vertices)):
        points += outline.segment(index)
    return tuple(points)


def _plus(point: Point, offset: Point) -> Point:
    return point[0] + offset[0], point[1] + offset[1]


def _minus(point: Point, other: Point) -> Point:
    return point[0] - other[0], point[1] - other[1]


def _between(one: Point, other: Point, share: float) -> Point:
    return one[0] + (other[0] - one[0]) * share, one[1] + (other[1] - one[1]) * share


def _bezier(p0: Point, p1: Point, p2: Point, p3: Point, t: float) -> Point:
    """A point of a cubic Bezier curve (Bernstein form)."""
    u = 1 - t
    a, b, c, d = u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t
    return a * p0[0] + b * p1[0] + c * p2[0] + d * p3[0], a * p0[1] + b * p1[1] + c * p2[1] + d * p3[1]


def _nearest_on(one: Point, other: Point, point: Point) -> tuple[float, float]:
    """The share along a line that is next to a point, and the distance."""
    along = _minus(other, one)
    length = along[0] ** 2 + along[1] ** 2
    towards = _minus(point, one)
    share = 0.0 if length == 0 else max(0.0, min(1.0, (towards[0] * along[0] + towards[1] * along[1]) / length))
    return share, math.dist(_between(one, other, share), point)


def _mixed(one: Outline, other: Outline, share: float) -> Outline:
    return Outline(
        tuple(
            Vertex(
                *_between(a.point, b.point, share),
                _between(a.before, b.before, share),
                _between(a.after, b.after, share),
            )
            for a, b in zip(one.vertices, other.vertices, strict=True)
        )
    )


def _bent(tracked: Outline, arrived: Outline | None, meant: Outline) -> Outline:
    """What was tracked, plus how far it had missed the other key: at that key the whole of it counts."""
    if arrived is None:
        return meant
    return Outline(
        tuple(
            replace(
                here, x=here.x + there.x - missed.x, y=here.y + there.y - missed.y,
                before=_plus(here.before, _minus(there.before, missed.before)),
                after=_plus(here.after, _minus(there.after, missed.after)),
            )
            for here, missed, there in zip(tracked.vertices, arrived.vertices, meant.vertices, strict=True)
        )
    )  # fmt: skip
