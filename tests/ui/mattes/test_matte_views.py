"""What is seen of a matte, against what the backend makes of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from propainter.hole import grow, hole_of, soft_alpha
from propainter_ui.shot import matte_views
from propainter_ui.shot.matte_views import EDGE_GREEN, ONION_AFTER, ONION_BEFORE, HoleSettings, grown, shrunk
from propainter_ui.shot.picture import Display, show

RNG = np.random.default_rng(18)
H, W = 90, 120


def soft_matte(levels: int = 256) -> np.ndarray:
    """A disc with a soft edge, a speck, and noise in the black."""
    y, x = np.mgrid[:H, :W]
    shares = np.clip((18 - np.hypot(x - 60, y - 40)) / 6 + 0.5, 0, 1)
    shares[80, 10] = 0.3
    shares[(RNG.random((H, W)) < 0.02) & (shares == 0)] = 0.01
    return np.rint(shares * (levels - 1)) / (levels - 1)


def as_bytes(shares: np.ndarray) -> np.ndarray:
    return np.rint(shares * 255).astype(np.uint8)[..., None]


def seen(view: str, matte: np.ndarray, **more: object) -> np.ndarray:
    plate = more.pop("plate", np.zeros((H, W, 3), np.uint8))
    picture = show(view, plate=plate, matte=matte, result=None, apart=None, display=Display(), **more)  # type: ignore[arg-type]
    assert picture is not None
    return picture


@pytest.mark.parametrize(
    "settings", [(0.0, 0, 0), (0.0, 4, 3), (0.02, 4, 3), (0.5, 12, 0), (0.1, 9, 30), (0.0, 64, 16)]
)
def test_the_soft_edge_is_the_one_the_backend_composites_by(settings: tuple[float, int, int]) -> None:
    threshold, grow_pixels, feather = settings
    shares = soft_matte().astype(np.float32)
    expected = soft_alpha(torch.from_numpy(shares), threshold=threshold, grow_pixels=grow_pixels, feather=feather)
    made = matte_views.soft_alpha(shares, HoleSettings(threshold, grow_pixels, feather))
    np.testing.assert_allclose(made, expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("feather", [0, 20, 70])
def test_grown_far_the_soft_edge_is_near_enough_and_exact_for_hard_mattes(feather: int) -> None:
    hole = HoleSettings(0.02, 70, feather)
    for shares, error in ((soft_matte(), 1 / 32), ((soft_matte() > 0.5).astype(float), 1e-6)):
        shares = shares.astype(np.float32)
        expected = soft_alpha(torch.from_numpy(shares), threshold=0.02, grow_pixels=70, feather=feather).numpy()
        made = matte_views.soft_alpha(shares, hole)
        assert np.abs(made - expected).max() <= error + 1e-6
        np.testing.assert_array_equal(made > 0, expected > 0)


@pytest.mark.parametrize("pixels", [0, 1, 4, 5, 33, 200])
def test_a_region_grows_and_shrinks_by_steps_at_any_distance(pixels: int) -> None:
    region = soft_matte() > 0.2
    expected = grow(torch.from_numpy(region.astype(np.float32)), pixels=pixels).numpy() > 0
    np.testing.assert_array_equal(grown(region, pixels), expected)
    np.testing.assert_array_equal(shrunk(region, pixels), ~grown(~region, pixels))
    assert not grown(np.zeros((5, 6), bool), 40).any() and shrunk(np.ones((5, 6), bool), 40).all()


def test_the_outline_is_of_the_hole_above_the_threshold() -> None:
    """The noise in the black is no hole: the outline must not show one."""
    shares = soft_matte()
    shown = seen("matte", as_bytes(shares), hole=HoleSettings(0.05, 3, 0))
    bytes_ = torch.from_numpy(as_bytes(shares)[..., 0].astype(np.float32) / 255)
    hole = hole_of(bytes_, threshold=0.05, grow_pixels=3).numpy() > 0
    np.testing.assert_array_equal((shown == matte_views.HOLE_YELLOW).all(-1), hole & ~shrunk(hole, 1))


def test_far_growth_is_outlined_where_it_is() -> None:
    matte = np.zeros((400, 500, 1), np.uint8)
    matte[200, 250] = 255
    shown = show("matte", plate=np.zeros((400, 500, 3), np.uint8), matte=matte, result=None, apart=None,
                 display=Display(), hole=HoleSettings(grow=150))  # fmt: skip
    assert shown is not None
    yellow = np.flatnonzero((shown[200] == matte_views.HOLE_YELLOW).all(-1))
    assert yellow.tolist() == [100, 400]


def test_the_ring_that_grow_adds_fades_as_feather_says() -> None:
    matte = np.zeros((H, W, 1), np.uint8)
    matte[30:60, 40:80] = 255
    row = seen("matte", matte, hole=HoleSettings(0.0, 12, 12))[45, 81:91, 1].astype(int)
    assert (np.diff(row) < 0).all() and row[0] > 60, "yellow falls away from the matte"
    flat = seen("matte", matte, hole=HoleSettings(0.0, 12, 0))[45, 81:91, 1].astype(int)
    assert len(set(flat)) == 1


def test_the_hole_in_black_and_white_is_what_the_settings_make() -> None:
    shares = soft_matte(256)
    shown = seen("hole", as_bytes(shares), hole=HoleSettings(0.05, 6, 4))
    given = as_bytes(shares)[..., 0].astype(np.float32) / np.float32(255)
    expected = soft_alpha(torch.from_numpy(given), threshold=0.05, grow_pixels=6, feather=4).numpy()
    np.testing.assert_array_equal(shown, np.repeat(np.rint(expected * 255).astype(np.uint8)[..., None], 3, -1))
    plain = seen("alpha", as_bytes(shares), hole=HoleSettings(0.05, 6, 4))
    np.testing.assert_array_equal(plain[..., 0], as_bytes(shares)[..., 0])


@pytest.mark.parametrize("line", [1, 3])
def test_the_edge_lies_outside_the_matte_and_leaves_the_plate_alone(line: int) -> None:
    plate = RNG.integers(0, 255, (H, W, 3), dtype=np.uint8)
    matte = as_bytes(soft_matte())
    shown = seen("edge", matte, plate=plate, line=line)
    inside = matte[..., 0] > 127.5
    np.testing.assert_array_equal(shown[inside], plate[inside])
    is_line = (shown == EDGE_GREEN).all(-1)
    np.testing.assert_array_equal(is_line, grown(inside, line) & ~inside)
    far = ~grown(inside, line + max(1, line // 2))
    np.testing.assert_array_equal(shown[far], plate[far])


def test_onion_skin_outlines_the_neighbours_in_their_colours_over_plate_and_matte() -> None:
    before, after, here = (np.zeros((H, W, 1), np.uint8) for _ in range(3))
    before[10:30, 10:30], after[50:70, 80:100], here[30:50, 40:60] = 255, 255, 255
    for view in ("plate", "matte", "alpha", "edge", "hole"):
        shown = seen(view, here, onion=(before, after), line=1)
        assert (shown[10, 10:30] == ONION_BEFORE).all() and (shown[20, 10] == ONION_BEFORE).all(), view
        assert (shown[50:70, 99] == ONION_AFTER).all(), view
        assert not (shown[12:28, 12:28] == ONION_BEFORE).all(-1).any(), "an outline, no fill"
    alone = seen("plate", here, onion=(None, after))
    assert not (alone == ONION_BEFORE).all(-1).any() and (alone[50, 80:100] == ONION_AFTER).all()
    with_nothing = seen("matte", here, onion=(np.zeros_like(here), None))
    np.testing.assert_array_equal(with_nothing, seen("matte", here))


def test_an_empty_matte_shows_the_plate() -> None:
    plate = RNG.integers(0, 255, (H, W, 3), dtype=np.uint8)
    for view in ("matte", "edge"):
        np.testing.assert_array_equal(seen(view, np.zeros((H, W, 1), np.uint8), plate=plate), plate)
