"""A frame's final matte, and how mattes are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from propainter_ui.matte.cooking import Kitchen
from propainter_ui.matte.raster import filled
from propainter_ui.matte.recipes import Garbage, Recipe
from propainter_ui.matte.store import MatteStore, Packed, UnknownMatte
from propainter_ui.matte.strokes import BrushStroke
from propainter_wire.shot import Pixels, digest_of

RNG = np.random.default_rng(18)
W, H = 64, 48
RECTANGLE = ((8.0, 8.0), (32.0, 8.0), (32.0, 24.0), (8.0, 24.0))


def soft_matte(dtype: str = "uint8") -> Pixels:
    matte = np.zeros((H, W, 1), np.float32)
    matte[10:30, 20:50, 0] = RNG.random((20, 30))
    return (np.rint(matte * 255) if dtype == "uint8" else matte).astype(dtype)


def kitchen_with(*mattes: Pixels) -> tuple[Kitchen, list[str]]:
    store = MatteStore()
    digests = [store.put(matte) for matte in mattes]
    return Kitchen(store, 1 << 20), digests


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_a_matte_comes_back_as_it_was_kept(dtype: str) -> None:
    store, matte = MatteStore(), soft_matte(dtype)
    digest = store.put(matte)
    assert digest == digest_of(matte)
    found = store.get(digest)
    np.testing.assert_array_equal(found, matte)
    assert found.dtype == matte.dtype and not found.flags.writeable
    assert store.put(matte) == digest and len(store) == 1


def test_empty_and_full_mattes_take_next_to_nothing() -> None:
    store = MatteStore()
    for matte in (np.zeros((2160, 3840, 1), np.uint8), np.full((2160, 3840, 1), 255, np.uint8)):
        np.testing.assert_array_equal(store.get(store.put(matte)), matte)
    assert store.nbytes < 100_000


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 1))])
def test_what_is_no_matte_is_refused(wrong: Pixels) -> None:
    with pytest.raises(ValueError, match="uint8 or float16"):
        MatteStore().put(wrong)


def test_a_matte_that_is_not_there_is_told_of() -> None:
    with pytest.raises(UnknownMatte, match="track its frames again"):
        MatteStore().get("0" * 32)


@pytest.mark.parametrize("change", [{"data": b"rubbish"}, {"box": (60, 0, 30, 20)}, {"box": (0, 0, 30, 21)}])
def test_a_damaged_packed_matte_is_refused(change: dict[str, object]) -> None:
    packed = replace(Packed.of(soft_matte()), **change)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        packed.unpacked()


def test_nothing_is_black_and_a_solved_matte_is_itself() -> None:
    matte = soft_matte()
    kitchen, (digest,) = kitchen_with(matte)
    assert not kitchen.matte(Recipe(W, H)).any()
    np.testing.assert_array_equal(kitchen.matte(Recipe(W, H, digest)), matte)


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_a_brush_changes_the_pixels_it_covers_and_no_other(dtype: str) -> None:
    matte = soft_matte(dtype)
    kitchen, (digest,) = kitchen_with(matte)
    full = 255 if dtype == "uint8" else 1
    add = BrushStroke(((30.5, 20.5, 1.0),), 3)
    painted = kitchen.matte(Recipe(W, H, digest, brush=(add,)))
    y, x = np.mgrid[:H, :W] + 0.5
    under = np.hypot(x - 30.5, y - 20.5) <= 3
    assert (painted[under] == full).all() and painted.dtype == matte.dtype
    np.testing.assert_array_equal(painted[~under], matte[~under])
    erased = kitchen.matte(Recipe(W, H, digest, brush=(add, replace(add, paints=False))))
    assert (erased[under] == 0).all()
    np.testing.assert_array_equal(erased[~under], matte[~under])


def test_half_opacity_goes_half_the_way() -> None:
    kitchen, _ = kitchen_with()
    stroke = BrushStroke(((10.5, 10.5, 1.0),), 4, opacity=0.5)
    once = kitchen.matte(Recipe(W, H, brush=(stroke,)))[10, 10, 0]
    twice = kitchen.matte(Recipe(W, H, brush=(stroke, stroke)))[10, 10, 0]
    assert (once, twice) == (128, 192)


def test_one_stroke_does_not_build_up_where_it_crosses_itself() -> None:
    kitchen, _ = kitchen_with()
    loop = BrushStroke(((10, 10, 1.0), (30, 10, 1.0), (10, 10, 1.0)), 4, opacity=0.5)
    assert kitchen.matte(Recipe(W, H, brush=(loop,))).max() == 128


def test_strokes_one_by_one_are_the_same_as_all_at_once() -> None:
    matte = soft_matte()
    one_by_one, (digest,) = kitchen_with(matte)
    strokes = tuple(
        BrushStroke(tuple((*RNG.uniform(0, 60, 2), 1.0) for _ in range(4)), 5, bool(i % 2), 0.7, 0.8) for i in range(6)
    )
    for count in range(len(strokes)):
        one_by_one.matte(Recipe(W, H, digest, brush=strokes[: count + 1]))
    at_once, _ = kitchen_with(matte)
    whole = Recipe(W, H, digest, brush=strokes)
    np.testing.assert_array_equal(one_by_one.matte(whole), at_once.matte(whole))


def test_a_kitchen_without_room_makes_the_same() -> None:
    matte = soft_matte()
    store = MatteStore()
    strokes = tuple(BrushStroke(((x, 20.0, 1.0),), 5) for x in (10.0, 30.0, 50.0))
    recipe = Recipe(W, H, store.put(matte), brush=strokes, garbage=(Garbage(RECTANGLE, False),))
    np.testing.assert_array_equal(Kitchen(store, 0).matte(recipe), Kitchen(store, 1 << 20).matte(recipe))


def test_garbage_mattes_have_the_last_word_and_the_later_one_counts() -> None:
    kitchen, (digest,) = kitchen_with(np.full((H, W, 1), 255, np.uint8))
    out, inside = Garbage(RECTANGLE, False), Garbage(((20, 16), (40, 16), (40, 40), (20, 40)), True)
    paint = BrushStroke(((12.5, 12.5, 1.0),), 3)
    matte = kitchen.matte(Recipe(W, H, digest, brush=(paint,), garbage=(out, inside)))[..., 0]
    assert matte[12, 12] == 0 and matte[20, 24] == 255 and matte[40, 60] == 255
    other = kitchen.matte(Recipe(W, H, digest, brush=(paint,), garbage=(inside, out)))[..., 0]
    assert other[20, 24] == 0
    assert kitchen.matte(Recipe(W, H, garbage=(inside,)))[20, 24, 0] == 255, "always in counts where nothing is solved"


def test_a_feathered_garbage_matte_multiplies_what_is_there() -> None:
    matte = soft_matte()
    kitchen, (digest,) = kitchen_with(matte)
    region = Garbage(RECTANGLE, False, feather=10)
    made = kitchen.matte(Recipe(W, H, digest, garbage=(region,)))[..., 0]
    cover = np.zeros((H, W), np.float32)
    patch = filled(RECTANGLE, W, H, feather=10)
    cover[patch.box] = patch.cover
    np.testing.assert_allclose(made, matte[..., 0] * (1 - cover), atol=0.501)
    np.testing.assert_array_equal(made[cover == 0], matte[..., 0][cover == 0])


def test_the_shadow_adds_to_the_object_and_the_brush_may_erase_it() -> None:
    matte, shade = soft_matte(), soft_matte("float16")
    kitchen, (solved, shadow) = kitchen_with(matte, shade)
    made = kitchen.matte(Recipe(W, H, solved, shadow))
    assert made.dtype == np.float16
    np.testing.assert_allclose(made, np.maximum(matte / 255, shade), atol=1e-3)
    erase = BrushStroke(((35.0, 20.0, 1.0),), 40, paints=False)
    assert not kitchen.matte(Recipe(W, H, solved, shadow, brush=(erase,))).any()


def test_a_matte_of_another_size_is_told_of() -> None:
    kitchen, (digest,) = kitchen_with(soft_matte())
    with pytest.raises(ValueError, match="64x48 but the plate is 80x48"):
        kitchen.matte(Recipe(80, H, digest))
