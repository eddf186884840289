"""Of what a frame's final matte is made: solved matte, shadow, brush, garbage mattes, in this order.

Here: ``Recipe``, a value that names a matte wherever one is kept. Not here: making it (``cooking.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

from propainter_ui.matte.document import MatteDocument
from propainter_ui.matte.strokes import BrushStroke, Point


@dataclass(frozen=True)
class Garbage:
    """A region that is never, or always, of the matte."""

    points: tuple[Point, ...]
    """Corners of a closed polygon."""
    is_in: bool
    """Whether it is always of the matte, else kept out of it."""
    feather: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """Everything a matte depends on; equal ones make equal mattes."""

    width: int
    height: int
    solved: str = ""
    """Digest; empty: nothing is solved, and the matte begins empty."""
    shadow: str = ""
    """Digest; empty: none is added."""
    brush: tuple[BrushStroke, ...] = ()
    garbage: tuple[Garbage, ...] = ()


def recipe_of(document: MatteDocument, frame: int) -> Recipe:
    """The final matte of a frame: what is shown, saved and removed."""
    key = key_recipe_of(document, frame)
    return Recipe(
        document.width, document.height, key.solved,
        document.shadow.mattes.get(frame, "") if document.shadow.is_added else "", key.brush,
        tuple(
            Garbage(outline.flattened(), shape.role == "always_in", shape.feather)
            for shape in document.shapes
            if shape.role != "object" and (outline := shape.at(frame)) is not None
        ),
    )  # fmt: skip


def key_recipe_of(document: MatteDocument, frame: int) -> Recipe:
    """The object alone as it is tracked from a key: solved matte and brush."""
    solved = document.solved.get(frame)
    return Recipe(
        document.width, document.height, "" if solved is None else solved.digest, brush=document.edits_of(frame).brush
    )
