"""What the backend tells of a drawn matte: a document in, another out.

Here: answers to ``select``, mattes as they are tracked, the report of a tracking, shadows. Not here: asking (``bridge/``),
changes by hand (``edits.py``). None of it is a step of undo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from propainter_ui.matte.document import MatteDocument, Solved
from propainter_ui.matte.edits import with_stale_around
from propainter_ui.matte.outlines import Outline
from propainter_ui.matte.standing import keys_of, start_of


def selected(document: MatteDocument, frame: int, digest: str) -> MatteDocument:
    """``select`` has answered for a frame's marks: it is a key, and the frames that follow it are stale."""
    found = Solved(digest, "selected", start_of(document, frame) or "")
    if frame not in document.frames or document.solved.get(frame) == found:
        return document
    return with_stale_around(replace(document, solved={**document.solved, frame: found}), frame)


def tracked(document: MatteDocument, mattes: Mapping[int, str]) -> MatteDocument:
    """Frames have been tracked: digests by frame. Keys keep their own matte."""
    keys = set(keys_of(document))
    found = {
        frame: Solved(digest, "tracked")
        for frame, digest in mattes.items()
        if frame in document.frames and frame not in keys
    }
    if not found:
        return document
    return replace(document, solved={**document.solved, **found}, stale=document.stale - found.keys())


def reported(
    document: MatteDocument, *, doubt: Mapping[int, float], help: Sequence[int], empty: Sequence[Sequence[int]]
) -> MatteDocument:
    """The report of a tracking: doubt of the frames it made, frames to look at, scenes without a key."""
    kept = {frame: value for frame, value in document.doubt.items() if frame in document.frames}
    told = {frame: min(1.0, max(0.0, float(value))) for frame, value in doubt.items() if frame in document.frames}
    return replace(
        document, doubt={**kept, **told}, help=tuple(frame for frame in help if frame in document.frames),
        empty=tuple((int(first), int(last)) for first, last in empty),
    )  # fmt: skip


def cast(document: MatteDocument, mattes: Mapping[int, str]) -> MatteDocument:
    """Shadows of frames have been found: digests by frame."""
    found = {frame: digest for frame, digest in mattes.items() if frame in document.frames}
    return replace(document, shadow=replace(document.shadow, mattes={**document.shadow.mattes, **found}))


def carried(document: MatteDocument, index: int, key: int, frame: int, outline: Outline) -> MatteDocument:
    """The points of a shape have been tracked from a key frame of it to a frame."""
    if index >= len(document.shapes):
        return document
    shape = document.shapes[index].with_carried(key, frame, outline)
    if shape is document.shapes[index]:
        return document
    return replace(document, shapes=(*document.shapes[:index], shape, *document.shapes[index + 1 :]))


def with_cuts(document: MatteDocument, cuts: Sequence[int]) -> MatteDocument:
    """Where the film is cut, as a render's report names it."""
    found = tuple(sorted(cut for cut in cuts if document.first < cut <= document.last))
    return document if found == document.cuts else replace(document, cuts=found)
