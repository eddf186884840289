"""What a document says of its frames: which are keys, what the backend is asked of them, which want a look.

Here: questions to a document, answered as data. Not here: changing it (``edits.py``, ``news.py``), asking (``bridge/``).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from propainter_ui.matte.document import MatteDocument
from propainter_wire.shot import Run, runs_of

Way = Literal["backward", "forward", "both"]


def keys_of(document: MatteDocument) -> tuple[int, ...]:
    """Frames whose matte is a constraint for the others, ascending.

    A frame is one where marks were solved, a matte was opened or kept as right, or a brush has painted.
    """
    painted = {frame for frame, edits in document.edits.items() if edits.brush}
    solved = {frame for frame, matte in document.solved.items() if matte.source != "tracked"}
    return tuple(sorted(frame for frame in painted | solved if document.first <= frame <= document.last))


def says_something(document: MatteDocument) -> bool:
    """Whether any frame has a matte of it; marks alone have none until the backend has answered."""
    has_paint = any(edits.brush for edits in document.edits.values())
    return bool(document.solved) or has_paint or any(shape.role == "always_in" for shape in document.shapes)


def marks_of(document: MatteDocument, frame: int) -> dict[str, Any]:
    """What was drawn there as ``select`` and a file of strokes take it (docs/matte.md); empty: no marks.

    Parts: ``boxes``, ``remove``, ``keep``, ``polygons``; those without anything are left out. Shapes of the object count
    where the artist drew them.
    """
    edits = document.edits_of(frame)
    marks: dict[str, Any] = {
        "boxes": [[box.x, box.y, box.width, box.height] for box in edits.boxes],
        "polygons": [
            [list(point) for point in shape.keys[frame].flattened()]
            for shape in document.shapes
            if shape.role == "object" and frame in shape.keys
        ],
    }
    for name, removes in (("remove", True), ("keep", False)):
        marks[name] = [
            {"points": [list(point) for point in scribble.points], "radius": scribble.radius}
            for scribble in edits.scribbles
            if scribble.removes is removes
        ]
    return {name: part for name, part in marks.items() if part}


def start_of(document: MatteDocument, frame: int) -> str | None:
    """The digest of the matte that scribbles alone correct there; None: the marks draw the frame anew.

    A box or a polygon draws anew. What was made of the frame's own marks is no start: these marks are all sent again.
    """
    if {"boxes", "polygons"} & marks_of(document, frame).keys():
        return None
    solved = document.solved.get(frame)
    if solved is None:
        return None
    return solved.start or None if solved.source == "selected" else solved.digest


def span_to_track(document: MatteDocument, frame: int, way: Way) -> Run | None:
    """First and last frame that tracking from a frame is to make; None: there is no key to track from.

    Backward and forward begin at the frame and end at the shot's ends.
    """
    if not keys_of(document):
        return None
    first = document.first if way != "forward" else max(frame, document.first)
    last = document.last if way != "backward" else min(frame, document.last)
    return first, last


def known_of(document: MatteDocument, first: int, last: int) -> dict[int, str]:
    """Digests of tracked mattes there that still follow their keys."""
    return {
        frame: matte.digest
        for frame, matte in document.solved.items()
        if first <= frame <= last and matte.source == "tracked" and frame not in document.stale
    }


def missing_of(document: MatteDocument) -> tuple[Run, ...]:
    """Frames without a matte, or with a stale one."""
    keys = set(keys_of(document))
    return runs_of(
        frame
        for frame in document.frames
        if frame not in keys and (frame not in document.solved or frame in document.stale)
    )


def neighbour_keys(document: MatteDocument, frame: int) -> tuple[int | None, int | None]:
    """The keys before and after a frame, for the onion skin and for what a change there can alter.

    Across a cut there is none.
    """
    first, last = scene_of(document, frame)
    keys = [key for key in keys_of(document) if first <= key <= last]
    return (
        max((key for key in keys if key < frame), default=None),
        min((key for key in keys if key > frame), default=None),
    )


def scene_of(document: MatteDocument, frame: int) -> Run:
    """First and last frame of the scene a frame lies in, as far as cuts are known."""
    begin = max((cut for cut in document.cuts if cut <= frame), default=document.first)
    end = min((cut - 1 for cut in document.cuts if cut > frame), default=document.last)
    return begin, end


def doubtful_of(document: MatteDocument) -> tuple[int, ...]:
    """Frames that still want a look, the most doubtful first: what has become a key since has been looked at."""
    settled: Collection[int] = {*keys_of(document), *document.stale}
    return tuple(frame for frame in document.help if frame in document.frames and frame not in settled)


def next_doubtful(document: MatteDocument, frame: int, step: int = 1) -> int | None:
    """The next frame (or with -1 the one before) that wants a look, round and round; None: there is none."""
    wanted = sorted(doubtful_of(document))
    if not wanted:
        return None
    if step > 0:
        return next((each for each in wanted if each > frame), wanted[0])
    return next((each for each in reversed(wanted) if each < frame), wanted[-1])


def next_key(document: MatteDocument, frame: int, step: int = 1) -> int | None:
    """The next key frame, or with -1 the one before; None: there is none."""
    keys = keys_of(document)
    if step > 0:
        return next((each for each in keys if each > frame), None)
    return next((each for each in reversed(keys) if each < frame), None)
