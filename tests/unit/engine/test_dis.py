"""Promises of ``propainter.dis``, against motion the test makes itself."""

import cv2
import numpy as np
import pytest

from builders import texture
from propainter.dis import estimate_flow, grey_of


def sliding(count: int, dx: int, dy: int, *, height: int = 96, width: int = 128) -> np.ndarray:
    """A texture that moves by (dx, dy) pixels a frame, float32 [t, h, w, 3] in [-1, 1]."""
    reach = 8 * count
    wide = texture(height + 2 * reach, width + 2 * reach, seed=4) * 2 - 1
    starts = [(reach - dy * i, reach - dx * i) for i in range(count)]
    return np.stack([wide[y : y + height, x : x + width] for y, x in starts])


@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, -2), (-5, 4)])
def test_a_sliding_texture_flows_as_it_slides_both_ways(dx: int, dy: int) -> None:
    forward, backward = estimate_flow(sliding(2, dx, dy))
    inner = np.s_[0, 16:-16, 16:-16]
    assert np.abs(forward[inner] - (dx, dy)).max() < 0.1
    assert np.abs(backward[inner] + (dx, dy)).max() < 0.1


def test_a_pairs_flow_is_the_same_in_every_run_that_holds_it() -> None:
    frames = sliding(4, 2, 1)
    whole, part = estimate_flow(frames), estimate_flow(frames[2:])
    assert np.array_equal(whole[0][2:], part[0])
    assert np.array_equal(whole[1][2:], part[1])


def test_flow_is_the_same_to_the_bit_on_one_thread_and_on_three() -> None:
    frames, threads = sliding(2, 4, -3), cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        alone = estimate_flow(frames)
        cv2.setNumThreads(3)
        together = estimate_flow(frames)
    finally:
        cv2.setNumThreads(threads)
    assert np.array_equal(alone, together)


def test_a_still_picture_does_not_flow() -> None:
    assert not np.any(estimate_flow(sliding(2, 0, 0)))


@pytest.mark.parametrize("side", [2, 8, 31])
def test_even_the_smallest_frames_have_a_flow_of_their_own_size(side: int) -> None:
    forward, _ = estimate_flow(sliding(2, 1, 0, height=side, width=side + 1))
    assert forward.shape == (1, side, side + 1, 2)
    assert np.isfinite(forward).all()


def test_a_single_frame_has_no_pairs() -> None:
    forward, backward = estimate_flow(sliding(1, 0, 0))
    assert forward.shape == backward.shape == (0, 96, 128, 2)


def test_grey_is_linear_up_to_white_and_still_rises_in_the_highlights() -> None:
    grey = [int(grey_of(np.full((1, 1, 3), value, np.float32))[0, 0]) for value in (-3, -1, 0, 1, 1.1, 1.3, 9, 1e6)]
    assert grey[:4] == [0, 0, 115, 230]
    assert 230 < grey[4] < grey[5] < grey[6] == grey[7] == 255
