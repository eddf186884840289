"""Texture for what no frame shows: it is as fine as the plate, it holds still, it copies and never averages."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from propainter.classical import ClassicalEngine
from propainter.classical.kernels import Ground, Tally
from propainter.classical.texture.painter import paint_texture
from propainter.classical.texture.repetition import repetition_of
from propainter.painters import PAINTERS, paint
from propainter.types import BidirectionalFlow, Invented, Settings

HEIGHT, WIDTH, COUNT = 64, 96, 3


def brick(seed: int = 3) -> np.ndarray:
    """A wall that repeats every 12 pixels across and 8 down, with a little dirt."""
    row, column = np.mgrid[0:HEIGHT, 0:WIDTH]
    joints = (row % 8 < 2) | ((column + 6 * (row // 8 % 2)) % 12 < 2)
    dirt = np.random.default_rng(seed).normal(0, 0.05, (HEIGHT, WIDTH))
    return np.repeat((np.where(joints, 0.4, -0.3) + dirt)[..., None], 3, 2).astype(np.float32)


def standing() -> np.ndarray:
    """A hole that covers the same pixels in every frame."""
    hole = np.zeros((COUNT, HEIGHT, WIDTH), np.bool_)
    hole[:, 20:44, 36:62] = True
    return hole


def painted(
    plates: np.ndarray, hole: np.ndarray, flow: tuple[float, float] = (0, 0)
) -> tuple[np.ndarray, list[Invented]]:
    forward = np.zeros((len(plates) - 1, HEIGHT, WIDTH, 2), np.float32) + np.float32(flow)
    frames = np.where(hole[..., None], np.float32(0), plates)
    return frames, paint_texture(frames, hole, hole, forward, -forward)


def detail(picture: np.ndarray, where: np.ndarray) -> float:
    """Energy of fine detail."""
    return float((cv2.Laplacian(picture, cv2.CV_32F)[where] ** 2).mean())


def test_texture_is_as_fine_as_what_stood_there() -> None:
    """Where the membrane has hardly any detail, the copy has the plate's."""
    plates, hole = np.repeat(brick()[None], COUNT, 0), standing()
    inner = cv2.erode(hole[0].astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    smooth = np.where(hole[..., None], np.float32(0), plates)
    still = np.zeros((COUNT - 1, HEIGHT, WIDTH, 2), np.float32)
    PAINTERS["smooth"](smooth, hole, hole, still, still, Tally())
    frames, _ = painted(plates, hole)
    truth = detail(plates[2], inner)
    assert detail(smooth[2], inner) < 0.1 * truth
    assert 0.7 * truth < detail(frames[2], inner) < 1.4 * truth
    np.testing.assert_array_equal(frames[~hole], plates[~hole])


def test_every_frame_copies_from_its_own_plate() -> None:
    """Grain that is new in every frame is new in the fill, too: nothing is frozen."""
    grain = np.random.default_rng(5).normal(0, 0.06, (COUNT, HEIGHT, WIDTH, 3)).astype(np.float32)
    plates, hole = brick()[None] + grain, standing()
    frames, invented = painted(plates, hole)
    for t in range(COUNT):
        assert (invented[t].source == t).mean() > 0.9
    inner = cv2.erode(hole[0].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    change, truth = (frames[1] - frames[2])[inner], (plates[1] - plates[2])[inner]
    assert change.std() == pytest.approx(truth.std(), rel=0.1)


def test_what_was_copied_is_never_from_under_a_hole() -> None:
    """Nor from the pixels beside one that sampling would read."""
    plates, hole = np.repeat(brick()[None], COUNT, 0), standing()
    hole[2, 50:60, 70:90] = True
    _, invented = painted(plates, hole)
    for found in invented:
        for frame in np.unique(found.source[found.copied]):
            some = found.source == frame
            near = cv2.dilate(hole[frame].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            assert not near[np.rint(found.y[some]).astype(int), np.rint(found.x[some]).astype(int)].any()


def test_no_kernel_of_a_copy_touches_a_hole() -> None:
    """Nor where a frame's hole bulges out beyond the key's, and the place beside the source lies under another hole."""
    plates = np.repeat(brick()[None], COUNT, 0)
    unseen = standing()
    unseen[1:, 20:30] = False
    unseen[1:, 30:42, 28:36] = unseen[1:, 30:42, 62:69] = True
    hole = unseen.copy()
    hole[:, 5::20, 6::20] = hole[:, 6::20, 6::20] = True
    still = np.zeros((COUNT - 1, HEIGHT, WIDTH, 2), np.float32)
    frames, tally = np.where(hole[..., None], np.float32(9), plates), Tally()
    invented = paint_texture(frames, hole, unseen, still, still, tally)
    ground = Ground(hole)
    for found in invented:
        some = found.copied
        assert some.any()
        assert ground.is_clear(found.source[some], found.x[some], found.y[some]).all()
    assert tally.touched == 0


def test_texture_is_no_brighter_than_the_plate() -> None:
    """Pulled pixels beside it that are far too bright draw its light up, but not beyond what the plate has anywhere."""
    plates, hole = np.repeat(brick()[None], COUNT, 0), standing()
    unseen = hole.copy()
    unseen[:, 20:24] = False
    frames = np.where(unseen[..., None], np.float32(0), plates)
    frames[:, 20:24, 36:62] += 1.5
    still = np.zeros((COUNT - 1, HEIGHT, WIDTH, 2), np.float32)
    paint_texture(frames, hole, unseen, still, still)
    for t in range(COUNT):
        plate = plates[t][~hole[t]]
        assert frames[t][unseen[t]].max() <= plate.max() and frames[t][unseen[t]].min() >= plate.min()


def test_texture_moves_with_the_camera() -> None:
    """A pan of two pixels a frame: the fill of one frame is that of the frame before, two pixels on."""
    wide = np.concatenate([brick(), brick(4)], 1)
    plates = np.stack([wide[:, 2 * t : 2 * t + WIDTH] for t in range(COUNT)])
    hole = np.zeros((COUNT, HEIGHT, WIDTH), np.bool_)
    for t in range(COUNT):
        hole[t, 20:44, 50 - 2 * t : 76 - 2 * t] = True
    frames, _ = painted(plates, hole, (-2, 0))
    first, second = frames[0][24:40, 54:70], frames[1][24:40, 52:68]
    assert np.abs(first - second).mean() < 0.02


def test_what_comes_before_a_source_is_not_copied() -> None:
    """Something white passes through the frame the texture is copied from: it is not in the fill."""
    plates, hole = np.repeat(brick()[None], COUNT, 0), standing()
    _, invented = painted(plates.copy(), hole)
    row, column = round(float(np.median(invented[2].y))), round(float(np.median(invented[2].x)))
    passer = np.zeros((HEIGHT, WIDTH), np.bool_)
    passer[max(row - 9, 0) : row + 9, max(column - 9, 0) : column + 9] = True
    passer &= ~hole[0]
    plates[2][passer] = 1.0
    frames, again = painted(plates, hole)
    assert (frames[2][hole[2]] > 0.8).mean() < 0.02
    assert (again[2].source != 2).any()


def test_the_same_bits_come_back() -> None:
    """Nothing is random, and the number of threads changes nothing."""
    plates, hole = np.repeat(brick()[None], COUNT, 0), standing()
    first, _ = painted(plates, hole)
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        second, _ = painted(plates, hole)
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(first, second)


def test_without_any_plate_to_copy_the_fill_is_smooth() -> None:
    """A hole that leaves no whole patch: the membrane stands in, and says so."""
    plates, hole = np.repeat(brick()[None], COUNT, 0), np.ones((COUNT, HEIGHT, WIDTH), np.bool_)
    hole[:, :2] = False
    frames, invented = painted(plates, hole)
    assert np.isfinite(frames).all()
    assert all(not found.copied.any() and np.isinf(found.miss).all() for found in invented)


def test_the_surroundings_repeat_at_the_offset_of_the_wall() -> None:
    """Against a sum written out."""
    picture, usable = brick(), ~standing()[0]
    near = cv2.dilate((~usable).astype(np.uint8), np.ones((17, 17), np.uint8)).astype(np.bool_) & usable
    costs = repetition_of(picture, near, usable)
    for down, right in ((0, 12), (8, 6), (3, 5)):
        row, column = np.nonzero(near)
        inside = (row + down < HEIGHT) & (column + right < WIDTH)
        row, column = row[inside], column[inside]
        both = usable[row + down, column + right]
        row, column = row[both], column[both]
        expected = ((picture[row, column] - picture[row + down, column + right]) ** 2).sum(1).mean()
        assert costs[HEIGHT + down, WIDTH + right] == pytest.approx(expected, rel=1e-3)
    assert costs[HEIGHT, WIDTH + 12] < 0.3 * costs[HEIGHT + 3, WIDTH + 5]


def test_an_unknown_painter_is_refused() -> None:
    """By the settings already, and by the painters."""
    with pytest.raises(ValueError, match="never_seen is 'fog'; it must be one of texture, smooth"):
        Settings(never_seen="fog")
    still = BidirectionalFlow(torch.zeros(1, 0, 2, 8, 8), torch.zeros(1, 0, 2, 8, 8))
    with pytest.raises(ValueError, match="there is no painter 'fog'; choose one of texture, smooth"):
        paint(
            ClassicalEngine(),
            "fog",
            torch.zeros(1, 1, 3, 8, 8),
            torch.ones(1, 1, 1, 8, 8),
            torch.ones(1, 1, 1, 8, 8),
            still,
        )
