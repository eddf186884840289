"""Changes by hand: a document in, another out.

Here: drawing, painting, shapes, taking things back, and what of the other frames an edit makes stale. Not here: what the
backend tells (``news.py``), asking it (``bridge/``), which edits are one step of undo (``state/history.py``).

An edit that leaves everything as it is returns the same document. Marks (boxes, scribbles, shapes of the object) change the
matte once the backend has answered ``select``; until then the old one stays. Brush, garbage mattes and shadow count at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from propainter_ui.matte.document import FrameEdits, MatteDocument, Solved
from propainter_ui.matte.outlines import Reach, Shape
from propainter_ui.matte.standing import keys_of, marks_of, neighbour_keys, scene_of
from propainter_ui.matte.strokes import Box, BrushStroke, CloneStroke, Scribble

# --- marks ------------------------------------------------------------------------------------------------------------


def with_box(document: MatteDocument, frame: int, box: Box) -> MatteDocument:
    """A box more around the object on a frame; what of it lies outside the picture is cut off."""
    left, top = max(0.0, box.x), max(0.0, box.y)
    right, bottom = min(float(document.width), box.x + box.width), min(float(document.height), box.y + box.height)
    if right - left < 1 or bottom - top < 1:
        return document
    edits = document.edits_of(frame)
    held = Box(left, top, right - left, bottom - top)
    return with_edits(document, frame, replace(edits, boxes=(*edits.boxes, held)))


def without_box(document: MatteDocument, frame: int, index: int) -> MatteDocument:
    """A box less."""
    edits = document.edits_of(frame)
    return with_edits(document, frame, replace(edits, boxes=edits.boxes[:index] + edits.boxes[index + 1 :]))


def with_scribble(document: MatteDocument, frame: int, scribble: Scribble) -> MatteDocument:
    """A line more that says remove or keep."""
    edits = document.edits_of(frame)
    return with_edits(document, frame, replace(edits, scribbles=(*edits.scribbles, scribble)))


def without_marks(document: MatteDocument, frame: int) -> MatteDocument:
    """Nothing marked on a frame any more, nor a matte that its marks made; what it is tracked to be counts again."""
    edits = replace(document.edits_of(frame), boxes=(), scribbles=())
    shapes = tuple(shape.without_key(frame) if shape.role == "object" else shape for shape in document.shapes)
    bare = replace(document, shapes=tuple(shape for shape in shapes if shape is not None))
    bare = with_edits(bare, frame, edits)
    solved = bare.solved.get(frame)
    if bare is not document and solved is not None and solved.source == "selected":
        bare = _without_solved(bare, frame, solved)
    return bare if bare != document else document


def with_edits(document: MatteDocument, frame: int, edits: FrameEdits) -> MatteDocument:
    """All that is drawn on a frame another. Frames that follow it become stale where its matte changes by this alone."""
    if edits == document.edits_of(frame) or frame not in document.frames:
        return document
    kept = {number: each for number, each in document.edits.items() if number != frame}
    changed = replace(document, edits=dict(sorted({**kept, **({frame: edits} if edits else {})}.items())))
    is_repainted = edits.brush != document.edits_of(frame).brush
    return with_stale_around(changed, frame) if is_repainted else changed


# --- the brush --------------------------------------------------------------------------------------------------------


def with_brush(document: MatteDocument, frame: int, stroke: BrushStroke) -> MatteDocument:
    """A stroke more on the matte itself. The frame is a key from here on."""
    edits = document.edits_of(frame)
    return with_edits(document, frame, replace(edits, brush=(*edits.brush, stroke)))


def without_brush(document: MatteDocument, frame: int) -> MatteDocument:
    """No paint on a frame any more."""
    return with_edits(document, frame, replace(document.edits_of(frame), brush=()))


# --- shapes -----------------------------------------------------------------------------------------------------------


def with_shape(document: MatteDocument, shape: Shape) -> MatteDocument:
    """A shape more; it is the last."""
    return replace(document, shapes=(*document.shapes, shape))


def with_shape_changed(document: MatteDocument, index: int, shape: Shape | None) -> MatteDocument:
    """A shape another; None: a shape less."""
    if shape == document.shapes[index]:
        return document
    new = () if shape is None else (shape,)
    return replace(document, shapes=document.shapes[:index] + new + document.shapes[index + 1 :])


def with_reach(document: MatteDocument, index: int, reach: Reach, frame: int) -> MatteDocument:
    """A shape for one frame, for all alike, or tracked; as it is on this frame."""
    return with_shape_changed(document, index, document.shapes[index].with_reach(reach, frame))


# --- solved mattes ----------------------------------------------------------------------------------------------------


def kept_as_right(document: MatteDocument, frame: int) -> MatteDocument:
    """The tracked matte of a frame is right: it is a key from here on, and not doubtful."""
    solved = document.solved.get(frame)
    if solved is None or solved.source != "tracked":
        return document
    kept = replace(document, solved={**document.solved, frame: replace(solved, source="kept")})
    return with_stale_around(replace(kept, stale=kept.stale - {frame}), frame)


def let_go(document: MatteDocument, first: int, last: int) -> MatteDocument:
    """Opened or kept mattes there are keys no longer: they are tracked anew from those around, and stale until then."""
    loose = {
        frame: replace(matte, source="tracked")
        for frame, matte in document.solved.items()
        if first <= frame <= last and matte.source in ("imported", "kept") and not marks_of(document, frame)
    }
    if not loose:
        return document
    return replace(document, solved={**document.solved, **loose}, stale=document.stale | loose.keys())


def opened_from(document: MatteDocument, start: str, mattes: Mapping[int, str]) -> MatteDocument:
    """A matte sequence to be edited: all its frames are keys. mattes: digests by frame. Brush and shapes stay."""
    found = {frame: Solved(digest, "imported") for frame, digest in mattes.items() if frame in document.frames}
    return replace(
        document, start=start, solved=found, stale=frozenset(), doubt={}, help=(), empty=(),
        edits={frame: replace(each, boxes=(), scribbles=()) for frame, each in document.edits.items() if each.brush},
        shapes=tuple(shape for shape in document.shapes if shape.role != "object"),
    )  # fmt: skip


# --- shadow and clean plates ------------------------------------------------------------------------------------------


def with_shadow(
    document: MatteDocument, *, threshold: float | None = None, soften: float | None = None,
    reflections: bool | None = None, is_added: bool | None = None,
) -> MatteDocument:  # fmt: skip
    """What is looked for as the object's shadow, or whether it is added. What was found under other values goes."""
    old = document.shadow
    new = replace(
        old, threshold=old.threshold if threshold is None else threshold, soften=old.soften if soften is None else soften,
        reflections=old.reflections if reflections is None else reflections,
        is_added=old.is_added if is_added is None else is_added,
    )  # fmt: skip
    if (new.threshold, new.soften, new.reflections) != (old.threshold, old.soften, old.reflections):
        new = replace(new, mattes={})
    return document if new == old else replace(document, shadow=new)


def with_clone(document: MatteDocument, frame: int, stroke: CloneStroke) -> MatteDocument:
    """A stroke more on a frame's clean plate."""
    if frame not in document.frames:
        return document
    return replace(document, clean={**document.clean, frame: (*document.clean.get(frame, ()), stroke)})


def without_clean(document: MatteDocument, frame: int) -> MatteDocument:
    """No painted clean plate of a frame any more."""
    if frame not in document.clean:
        return document
    return replace(document, clean={number: each for number, each in document.clean.items() if number != frame})


# --- what becomes stale -----------------------------------------------------------------------------------------------


def with_stale_around(document: MatteDocument, frame: int) -> MatteDocument:
    """The key there has changed: tracked frames up to the keys on both sides do not follow it yet."""
    before, after = neighbour_keys(document, frame)
    begin, end = scene_of(document, frame)
    first = begin if before is None else before + 1
    last = end if after is None else after - 1
    keys = set(keys_of(document))
    altered = {number for number in document.solved if first <= number <= last and number not in keys}
    return replace(document, stale=(document.stale | altered) - keys)


def _without_solved(document: MatteDocument, frame: int, solved: Solved) -> MatteDocument:
    """A frame whose marks are gone: what they corrected comes back, to be tracked anew; what they drew goes."""
    others = {number: each for number, each in document.solved.items() if number != frame}
    back = {frame: Solved(solved.start, "tracked")} if solved.start else {}
    return with_stale_around(replace(document, solved={**others, **back}), frame)
