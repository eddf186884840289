"""What of an outline lies near the hand, and what dragging it there makes of it.

Here: geometry of ``matte.outlines.Outline`` under a hand. Not here: outlines themselves, their curves and key frames
(``matte/outlines.py``), the hand (``outline_hand.py``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from propainter_ui.matte.outlines import Outline, Vertex
from propainter_ui.matte.strokes import Point

Part = Literal["vertex", "before", "after"]
"""A point, or the end of the handle of the side that arrives or leaves."""
_ROUNDING = 1 / 6
"""Share of the way between a corner's neighbours that its handles get when it is made round."""
_HANDLE_BEHIND = 0.25
"""Share of the reach by which a handle must be nearer than a point to be meant."""


def end_of(vertex: Vertex, part: Part) -> Point:
    """Where a point, or the end of one of its handles, is."""
    if part == "vertex":
        return vertex.point
    dx, dy = vertex.before if part == "before" else vertex.after
    return vertex.x + dx, vertex.y + dy


def part_at(vertices: Sequence[Vertex], place: Point, reach: float) -> tuple[int, Part] | None:
    """The point or handle nearest to a place, within reach; points come before handles."""
    found: tuple[float, int, Part] | None = None
    for index, vertex in enumerate(vertices):
        parts: tuple[Part, ...] = ("vertex",) if vertex.is_corner else ("vertex", "before", "after")
        for part in parts:
            away = math.dist(end_of(vertex, part), place) + (reach * _HANDLE_BEHIND if part != "vertex" else 0)
            if away <= reach and (found is None or away < found[0]):
                found = away, index, part
    return None if found is None else (found[1], found[2])


def side_at(outline: Outline, place: Point, reach: float) -> tuple[int, float] | None:
    """The side nearest to a place, within reach, and the share along it."""
    segment, share, away = outline.nearest(place)
    return (segment, share) if away <= reach else None


def with_part_at(outline: Outline, index: int, part: Part, place: Point, *, breaks: bool = False) -> Outline:
    """A point moved, or a handle: the other one turns with it, unless the corner breaks."""
    vertex = outline.vertices[index]
    if part == "vertex":
        return outline.with_vertex(index, replace(vertex, x=place[0], y=place[1]))
    mine = (place[0] - vertex.x, place[1] - vertex.y)
    other = vertex.after if part == "before" else vertex.before
    length, new = math.hypot(*other), math.hypot(*mine)
    if not breaks and length > 0 and new > 0:
        other = (-mine[0] * length / new, -mine[1] * length / new)
    before, after = (mine, other) if part == "before" else (other, mine)
    return outline.with_vertex(index, replace(vertex, before=before, after=after))


def with_corner_turned(outline: Outline, index: int) -> Outline:
    """A corner made round, or a round point made a corner."""
    vertices = outline.vertices
    vertex = vertices[index]
    if not vertex.is_corner:
        return outline.with_vertex(index, replace(vertex, before=(0.0, 0.0), after=(0.0, 0.0)))
    first, last = vertices[index - 1], vertices[(index + 1) % len(vertices)]
    return outline.with_vertex(index, vertex.smoothed(((last.x - first.x) * _ROUNDING, (last.y - first.y) * _ROUNDING)))


def is_inside(outline: Outline, place: Point) -> bool:
    """Whether a place lies within (even-odd)."""
    inside, corners = False, outline.flattened()
    for (ax, ay), (bx, by) in zip(corners, (*corners[1:], *corners[:1]), strict=True):
        if (ay > place[1]) != (by > place[1]) and place[0] < ax + (place[1] - ay) * (bx - ax) / (by - ay):
            inside = not inside
    return inside


def open_curve(vertices: Sequence[Vertex]) -> tuple[Point, ...]:
    """Points along an outline that is not closed yet."""
    if not vertices:
        return ()
    inner = [*vertices[:-1], replace(vertices[-1], after=(0.0, 0.0))]
    inner[0] = replace(inner[0], before=(0.0, 0.0))
    more = max(1, 3 - len(inner))
    closed = Outline((*inner, *(Vertex(*inner[-1].point),) * more))  # back to the first in a straight side, left out
    return closed.flattened()[:-more]
