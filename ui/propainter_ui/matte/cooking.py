"""Mattes made by recipe: solved matte and shadow, the brush over both, garbage mattes over all.

Here: ``Kitchen``, which keeps what it made. Not here: recipes (``recipes.py``), shapes as pixels (``raster.py``).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from propainter_ui.bounded_store import BoundedStore
from propainter_ui.matte.raster import CoverPatch, filled, stroked
from propainter_ui.matte.recipes import Garbage, Recipe
from propainter_ui.matte.store import MatteStore
from propainter_ui.matte.strokes import BrushStroke
from propainter_wire.shot import Pixels

Shares = npt.NDArray[np.float32]


class Kitchen:
    """Makes mattes of a store's. Any thread may ask. limit_bytes: of what it keeps."""

    def __init__(self, store: MatteStore, limit_bytes: int) -> None:
        self._store = store
        self._made: BoundedStore[Pixels] = BoundedStore(limit_bytes)

    def matte(self, recipe: Recipe) -> Pixels:
        """[h, w, 1], uint8 or float16, 1 (or full scale) = remove; read-only.

        It is uint8 unless something that goes into it is float16; pixels that nothing is drawn over keep their bits.
        Raises UnknownMatte, and ValueError where a matte has another size than the plate.
        """
        if recipe.garbage:
            found = self._made.get(recipe)
            return self._with_garbage(recipe) if found is None else found
        return self._painted(recipe)

    def _with_garbage(self, recipe: Recipe) -> Pixels:
        matte = self._painted(replace(recipe, garbage=())).copy()
        for region in recipe.garbage:
            _lay(matte, _region(region, recipe), is_in=region.is_in)
        return self._keep(recipe, matte)

    def _painted(self, recipe: Recipe) -> Pixels:
        """With all strokes of the brush; one more than last time is one more to draw."""
        found = self._made.get(recipe)
        if found is not None:
            return found
        if not recipe.brush:
            return self._keep(recipe, self._base(recipe))
        earlier = (_with_strokes(recipe, count) for count in range(len(recipe.brush) - 1, 0, -1))
        before = next((each for each in earlier if each in self._made), _with_strokes(recipe, 0))
        matte = self._painted(before).copy()
        for stroke in recipe.brush[len(before.brush) :]:
            _lay(matte, _line(stroke, recipe), is_in=stroke.paints)
        return self._keep(recipe, matte)

    def _keep(self, recipe: Recipe, matte: Pixels) -> Pixels:
        matte.setflags(write=False)
        self._made.put(recipe, matte, matte.nbytes)
        return matte

    def _base(self, recipe: Recipe) -> Pixels:
        """Solved matte and shadow."""
        found = [self._stored(digest, recipe) for digest in (recipe.solved, recipe.shadow) if digest]
        if not found:
            return np.zeros((recipe.height, recipe.width, 1), np.uint8)
        if len(found) == 1:
            return found[0]
        solved, shadow = found
        if solved.dtype == shadow.dtype:
            return np.maximum(solved, shadow)
        return np.maximum(_as_half(solved), _as_half(shadow))

    def _stored(self, digest: str, recipe: Recipe) -> Pixels:
        matte = self._store.get(digest)
        if matte.shape[:2] != (recipe.height, recipe.width):
            raise ValueError(
                f"a matte is {matte.shape[1]}x{matte.shape[0]} but the plate is {recipe.width}x{recipe.height}; track anew"
            )
        return matte


def _with_strokes(recipe: Recipe, count: int) -> Recipe:
    return replace(recipe, brush=recipe.brush[:count])


def _region(region: Garbage, recipe: Recipe) -> CoverPatch:
    return filled(region.points, recipe.width, recipe.height, feather=region.feather)


def _line(stroke: BrushStroke, recipe: Recipe) -> CoverPatch:
    drawn = stroked(stroke.dabs, stroke.radius, recipe.width, recipe.height, softness=stroke.softness)
    return drawn if stroke.opacity == 1 else replace(drawn, cover=drawn.cover * np.float32(stroke.opacity))


def _lay(matte: Pixels, patch: CoverPatch, *, is_in: bool) -> None:
    """Raise a matte to 1, or lower it to 0, by so much as is covered."""
    part = matte[patch.box][..., 0]
    full = np.float32(255 if matte.dtype == np.uint8 else 1)
    values = part.astype(np.float32)
    goal = full if is_in else np.float32(0)
    values += (goal - values) * patch.cover
    part[...] = np.rint(values) if matte.dtype == np.uint8 else values


def _as_half(matte: Pixels) -> Pixels:
    return matte if matte.dtype == np.float16 else (matte.astype(np.float32) / np.float32(255)).astype(np.float16)
