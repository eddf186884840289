"""What the eye gets."""

from __future__ import annotations

import numpy as np
import pytest

from propainter.hole import hole_of
from propainter_ui.bounded_store import BoundedStore
from propainter_ui.shot.matte_views import HoleSettings, grown
from propainter_ui.shot.picture import Display, Patch, show, to_eyes

PLATE = np.random.default_rng(3).integers(0, 256, (12, 16, 3), dtype=np.uint8)
MATTE = np.zeros((12, 16, 1), np.uint8)
MATTE[5:8, 6:10] = 255
RESULT = Patch((6, 5, 4, 3), np.full((3, 4, 3), 90, np.uint8))
UNSEEN = Patch((6, 5, 4, 3), np.eye(3, 4, dtype=np.uint8)[..., None] * 255)
PLAIN = Display()
HOLE = HoleSettings(grow=2)


def picture(view: str, **changes: object) -> np.ndarray | None:
    given = {
        "plate": PLATE,
        "matte": MATTE,
        "result": RESULT,
        "apart": UNSEEN,
        "display": PLAIN,
        "hole": HOLE,
    } | changes
    return show(view, **given)  # type: ignore[arg-type]


def test_display_encoded_plates_are_shown_to_the_bit() -> None:
    np.testing.assert_array_equal(picture("plate"), PLATE)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_linear_light_is_shown_through_the_srgb_curve(dtype: str) -> None:
    light = np.array([-0.5, 0.0, 0.0031308, 0.18, 0.5, 1.0, 40.0], dtype).reshape(1, -1, 1)
    expected = [0, 0, 10, 118, 188, 255, 255]  # IEC 61966-2-1, worked out by hand
    assert to_eyes(light, Display(is_linear=True))[0, :, 0].tolist() == expected


@pytest.mark.parametrize("dtype", ["float32", "uint16", "uint8"])
def test_a_stop_of_exposure_doubles_the_light(dtype: str) -> None:
    is_linear = dtype == "float32"
    values = np.array([[[0.1], [0.2]]]) if is_linear else np.array([[[0.349], [0.4845]]]) * np.iinfo(dtype).max
    darker, brighter = to_eyes(values.astype(dtype), Display(1.0, is_linear=is_linear))[0, :, 0].tolist()
    plain = to_eyes(values.astype(dtype), Display(0.0, is_linear=is_linear))[0, 1, 0]
    assert abs(int(darker) - int(plain)) <= 1 and brighter > darker  # 0.1 at +1 stop is 0.2


def test_gamma_above_one_lifts_the_middle_and_keeps_the_ends() -> None:
    ramp = np.array([[[0], [128], [255]]], np.uint8)
    assert to_eyes(ramp, Display(gamma=2.0))[0, :, 0].tolist() == [0, 181, 255]


def test_not_a_number_is_black_and_infinity_white() -> None:
    strange = np.array([[[np.nan], [np.inf], [-np.inf]]], np.float32)
    assert to_eyes(strange, Display(is_linear=True))[0, :, 0].tolist() == [0, 255, 0]


def test_the_result_is_the_plate_outside_its_patch() -> None:
    shown = picture("result")
    assert shown is not None
    np.testing.assert_array_equal(shown[5:8, 6:10], 90)
    outside = np.ones((12, 16), bool)
    outside[5:8, 6:10] = False
    np.testing.assert_array_equal(shown[outside], PLATE[outside])


def test_the_matte_view_outlines_the_hole_the_backend_will_fill() -> None:
    import torch

    shown = picture("matte", plate=np.zeros_like(PLATE))
    assert shown is not None
    hole = hole_of(torch.from_numpy(MATTE[..., 0] / 255.0), threshold=0.0, grow_pixels=2).numpy() > 0
    inner = hole.copy()
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        inner &= np.roll(hole, step, axis)
    is_line = (shown == (255, 221, 87)).all(-1)
    np.testing.assert_array_equal(is_line, hole & ~inner)
    np.testing.assert_array_equal(shown[MATTE[..., 0] > 0][:, 0], 128)  # half of red over black


def test_growing_takes_every_pixel_within_so_many_steps() -> None:
    hole = np.zeros((9, 11), bool)
    hole[4, 5] = True
    rows, columns = np.indices(hole.shape)
    np.testing.assert_array_equal(grown(hole, 3), abs(rows - 4) + abs(columns - 5) <= 3)


def test_difference_is_four_times_the_distance() -> None:
    shown = picture("difference", plate=np.full_like(PLATE, 80))
    assert shown is not None and set(np.unique(shown)) == {0, 40}


def test_what_was_never_seen_is_magenta() -> None:
    shown = picture("unseen")
    assert shown is not None
    red, green, blue = shown[5, 6].astype(int)
    assert red > 200 and blue > 160 and green < 120
    assert shown[5, 7].astype(int).max() < 130, "seen pixels are dimmed"


def test_a_fill_without_grain_lies_over_the_plate_whatever_its_type() -> None:
    fill = np.zeros((3, 4, 4), np.float32)
    fill[:, 1:] = (0.2, 0.2, 0.2, 0.5)  # premultiplied: half of a colour of 0.4
    fill[:, 3] = (0.4, 0.4, 0.4, 1.0)
    for plate in (
        np.full_like(PLATE, 204),
        np.full(PLATE.shape, 52428, np.uint16),
        np.full(PLATE.shape, 0.8, np.float32),
    ):
        shown = picture("grain_free", plate=plate, apart=Patch((6, 5, 4, 3), fill))
        assert shown is not None
        assert shown[5, 6:10, 0].tolist() == [204, 153, 153, 102]
        assert (shown[:5] == 204).all()


@pytest.mark.parametrize(
    ("view", "lacking"),
    [("matte", "matte"), ("result", "result"), ("difference", "result"), ("unseen", "apart"), ("grain_free", "apart")],
)
def test_a_view_without_its_pictures_is_none(view: str, lacking: str) -> None:
    assert picture(view, **{lacking: None}) is None


def test_the_store_never_holds_more_than_its_limit_and_forgets_the_longest_unused() -> None:
    store: BoundedStore[str] = BoundedStore(100)
    for name in "abc":
        store.put(name, name, 40)
        store.get("a")
    assert ("a" in store, "b" in store, "c" in store) == (True, False, True)
    assert store.nbytes == 80
    store.put("c", "C", 10)
    assert store.nbytes == 50 and store.get("c") == "C"
    store.put("huge", "!", 101)
    assert "huge" not in store and len(store) == 0


def test_one_channel_alone_is_grey_and_alpha_is_the_plates_own_or_the_matte() -> None:
    plate = np.zeros((4, 5, 3), np.uint8)
    plate[...] = (10, 120, 230)
    matte = np.zeros((4, 5, 1), np.uint8)
    matte[1:3, 2:4] = 255
    own = np.full((4, 5, 1), 0.5, np.float16)

    def seen(isolated: str, **more: object) -> np.ndarray:
        picture = show(
            "plate", plate=plate, matte=matte, result=None, apart=None, display=Display(isolated=isolated), **more  # type: ignore[arg-type]
        )  # fmt: skip
        assert picture is not None
        return picture

    for channel, value in (("R", 10), ("G", 120), ("B", 230)):
        assert (seen(channel) == value).all()
    np.testing.assert_array_equal(seen("A"), np.repeat(matte, 3, axis=2))
    assert (seen("A", alpha=own) == 128).all()
    black_and_white = show("alpha", plate=plate, matte=matte, result=None, apart=None, display=Display())
    np.testing.assert_array_equal(black_and_white, np.repeat(matte, 3, axis=2))


def test_the_outline_is_as_wide_as_asked_and_stays_inside_the_hole() -> None:
    plate = np.zeros((40, 40, 3), np.uint8)
    matte = np.zeros((40, 40, 1), np.uint8)
    matte[10:30, 10:30] = 255
    for line in (1, 3, 6):
        picture = show("matte", plate=plate, matte=matte, result=None, apart=None, display=Display(), line=line)
        assert picture is not None
        yellow = (picture == (255, 221, 87)).all(-1)
        assert yellow[20].sum() == 2 * line and not yellow[:10].any() and yellow[10, 10]
