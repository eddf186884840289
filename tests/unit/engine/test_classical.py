"""Promises of the classical engine through its doors, on small shots whose truth the test knows."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from builders import texture
from propainter.classical import ClassicalEngine
from propainter.stages import ShotStages, remove
from propainter.types import Settings

HEIGHT, WIDTH = 96, 128
ENGINE = ClassicalEngine()


def tensor_of(images: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))[None]


def holes_of(masks: np.ndarray) -> Tensor:
    return torch.from_numpy(masks.astype(np.float32))[None, :, None]


def camera_move(count: int, *, dx: float = 0, dy: float = 0, turn: float = 0, zoom: float = 0) -> np.ndarray:
    """A picture under a camera that pans, turns (degrees) and zooms a little every frame: float32 [t, h, w, 3]."""
    fine = texture(3 * HEIGHT, 3 * WIDTH, seed=5) * 2 - 1
    frames = []
    for i in range(count):
        matrix = cv2.getRotationMatrix2D((1.5 * WIDTH, 1.5 * HEIGHT), turn * i, 1 + zoom * i)
        matrix[:, 2] += (dx * i - WIDTH, dy * i - HEIGHT)
        frames.append(cv2.warpAffine(fine, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC))
    return np.stack(frames)


def crossing_box(count: int, *, speed: int = 5, side: int = 20) -> np.ndarray:
    """Masks of a box that crosses the picture from left to right."""
    masks = np.zeros((count, HEIGHT, WIDTH), bool)
    for i in range(count):
        masks[i, 36 : 36 + side, 10 + speed * i : 10 + speed * i + side] = True
    return masks


def with_object(truth: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """A bright box, two pixels smaller than the hole, in the way."""
    small = np.stack([cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0 for mask in masks])
    return np.where(small[..., None], np.float32(0.9), truth)


def removed(plate: np.ndarray, masks: np.ndarray) -> tuple[ShotStages, np.ndarray]:
    """Every stage, and the fills [t, h, w, 3]."""
    shot = remove(ENGINE, tensor_of(plate), holes_of(masks), settings=Settings())
    return shot, torch.stack([shot.fill(i) for i in range(len(plate))]).permute(0, 2, 3, 1).numpy()


def psnr(fill: np.ndarray, truth: np.ndarray, masks: np.ndarray) -> float:
    """Of the hole, on the scale of [-1, 1]."""
    return float(10 * np.log10(4 / ((fill - truth)[masks] ** 2).mean()))


@pytest.mark.parametrize(
    "camera", [{"dx": 1.7, "dy": -0.6}, {"turn": 0.6}, {"zoom": 0.008}, {"dx": -2.2, "turn": -0.4, "zoom": 0.004}]
)
def test_a_box_crossing_a_moving_picture_is_replaced_by_the_truth(camera: dict[str, float]) -> None:
    truth, masks = camera_move(14, **camera), crossing_box(14)
    shot, fill = removed(with_object(truth, masks), masks)
    assert psnr(fill, truth, masks) > 38
    assert shot.propagated.unseen.sum() < 0.02 * masks.sum()


def test_on_a_tripod_the_fill_is_a_copy_however_bright() -> None:
    truth = np.repeat(np.exp(camera_move(1) * 5), 10, 0)  # far above white
    masks = crossing_box(10, speed=9)
    shot, fill = removed(with_object(truth, masks), masks)
    assert truth[masks].max() > 10
    assert np.allclose(fill, truth, rtol=1e-6, atol=1e-6)  # two equal sights, weighed: rounding alone
    assert not shot.propagated.unseen.any()


def test_outside_the_hole_flow_and_plate_come_back_to_the_bit() -> None:
    truth, masks = camera_move(5, dx=2), crossing_box(5)
    plate = with_object(truth, masks)
    shot, fill = removed(plate, masks)
    assert np.array_equal(fill[~masks], plate[~masks])
    for whole, completed, hole in (
        (shot.flow.forward, shot.completed.forward, masks[:-1]),
        (shot.flow.backward, shot.completed.backward, masks[1:]),
    ):
        outside = torch.from_numpy(~hole)[None, :, None].expand_as(whole)
        assert torch.equal(whole[outside], completed[outside])


def test_what_lies_under_the_hole_is_never_looked_at() -> None:
    truth, masks = camera_move(6, dx=3), crossing_box(6)
    flow = ENGINE.complete_flow(ENGINE.estimate_flow(tensor_of(truth), iterations=1), holes_of(masks))
    plates = [truth, np.where(masks[..., None], np.float32(7), truth)]
    first, second = (ENGINE.propagate_plate(tensor_of(plate), holes_of(masks), flow) for plate in plates)
    assert torch.equal(first.frames, second.frames)
    assert torch.equal(first.unseen, second.unseen)


def test_only_what_no_frame_shows_is_unseen() -> None:
    """The hole shrinks on a tripod: what the last, smallest hole covers is never seen, all else is."""
    plate = np.repeat(camera_move(1), 6, 0)
    masks = np.zeros((6, HEIGHT, WIDTH), bool)
    for i in range(6):
        masks[i, 30:60, 40 : 80 - 5 * i] = True
    shot, _ = removed(plate, masks)
    never = np.zeros((HEIGHT, WIDTH), bool)
    never[30:60, 40:55] = True
    assert np.array_equal(shot.propagated.unseen[0, :, 0].numpy() > 0, np.broadcast_to(never, masks.shape))
    assert np.all(shot.propagated.frames[0].numpy().transpose(0, 2, 3, 1)[:, never] == 0)


def test_what_is_invented_on_a_tripod_does_not_flicker() -> None:
    """The surroundings flicker as a whole; what was invented once follows their light, and else holds still."""
    flicker = np.float32([0, 0.1, -0.1, 0.05, -0.05])[:, None, None, None]
    masks = np.zeros((5, HEIGHT, WIDTH), bool)
    masks[:, 18:78, 24:104] = True
    unseen = holes_of(masks)
    plate = np.repeat(camera_move(1), 5, 0)
    still = ENGINE.complete_flow(ENGINE.estimate_flow(tensor_of(plate), iterations=1), unseen)
    painted = ENGINE.paint_window(tensor_of(plate + flicker), unseen, unseen, still).numpy().transpose(0, 2, 3, 1)
    deep = np.s_[:, 46:50, 60:68]
    of_itself = painted[deep] - flicker
    assert np.abs(np.diff(of_itself, axis=0)).mean() < 0.2 * np.abs(np.diff(flicker, axis=0)).mean()


def test_a_fill_from_before_a_change_of_exposure_takes_on_the_new_one() -> None:
    gains = np.float32([1, 1, 1, 1, 1.15, 1.15, 1.15, 1.15])[:, None, None, None]
    truth = (np.repeat(camera_move(1), 8, 0) * 0.5 + 1) * gains * 0.8 - 1
    masks = np.zeros((8, HEIGHT, WIDTH), bool)
    masks[4:, 30:60, 40:80] = True
    _, fill = removed(with_object(truth, masks), masks)
    assert np.abs(fill - truth)[masks].max() < 0.02


def test_where_the_light_beside_the_hole_has_changed_no_seam_shows() -> None:
    """The object brings a soft shadow, wider than the hole; the fill's rim takes it on."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    shadow = 0.3 * np.exp(-((rows - 45) ** 2 + (columns - 60) ** 2) / (2 * 18**2)).astype(np.float32)[..., None]
    truth = np.repeat(camera_move(1) * 0.5, 8, 0)
    truth[4:] -= shadow
    masks = np.zeros((8, HEIGHT, WIDTH), bool)
    masks[4:, 30:60, 40:80] = True
    _, fill = removed(with_object(truth, masks), masks)
    rim = masks & ~np.stack([cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0 for mask in masks])
    assert np.abs(fill - truth)[rim].mean() < 0.5 * np.broadcast_to(shadow, truth.shape)[rim].mean()


def test_a_passer_by_does_not_get_pulled_into_the_hole() -> None:
    """The hole opens in frame 3, but until frame 5 somebody walks there; only then is the wall seen."""
    truth = np.repeat(camera_move(1), 8, 0)
    masks = np.zeros((8, HEIGHT, WIDTH), bool)
    masks[:3, 30:50, 50:70] = True
    plate = truth.copy()
    walker = texture(40, 32, seed=8) * 2 - 1
    for i in range(8):
        left = 44 + 12 * (i - 3)
        if left >= 0:
            plate[i, 20:60, left : left + 32] = walker[:, : WIDTH - left]
    plate = with_object(plate, masks)
    _, fill = removed(plate, masks)
    assert psnr(fill[:3], truth[:3], masks[:3]) > 20  # 14 with the passer-by in it


def test_the_same_shot_gives_the_same_bits_on_any_number_of_threads() -> None:
    truth, masks = camera_move(6, dx=1.3, turn=0.5), crossing_box(6)
    plate, threads = with_object(truth, masks), (cv2.getNumThreads(), torch.get_num_threads())
    try:
        fills = []
        for count in (1, 3, 1):
            cv2.setNumThreads(count)
            torch.set_num_threads(count)
            fills.append(removed(plate, masks)[1])
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])
    assert np.array_equal(fills[0], fills[1])
    assert np.array_equal(fills[0], fills[2])


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("hole", ["none", "everything", "first frame", "corner"])
@pytest.mark.parametrize("size", [(8, 8), (40, 48)])
def test_every_shape_of_shot_and_hole_has_a_finite_fill(count: int, hole: str, size: tuple[int, int]) -> None:
    plate = np.random.default_rng(count).random((count, *size, 3)).astype(np.float32)
    masks = np.zeros((count, *size), bool)
    if hole == "everything":
        masks[:] = True
    if hole == "first frame":
        masks[0] = True
    if hole == "corner":
        masks[:, :4, :5] = True
    _, fill = removed(plate, masks)
    assert np.isfinite(fill).all()
    assert np.array_equal(fill[~masks], plate[~masks])


def test_a_long_shot_is_treated_in_chunks_that_cross_fade() -> None:
    settings = Settings(chunk_length=30)
    windows = ENGINE.windows(100, settings)
    assert [(w.neighbours[0], w.neighbours[-1]) for w in windows] == [(0, 39), (20, 69), (50, 99), (80, 99)]
    shares = np.zeros(100)
    for window in windows:
        assert not window.references
        assert min(window.weights) > 0
        shares[list(window.neighbours)] += window.weights
        steps = np.abs(np.diff(window.weights))
        assert steps.max() < 0.1
    assert shares == pytest.approx(np.ones(100), abs=0.05)


def test_the_engine_says_what_it_is() -> None:
    assert (ENGINE.name, ENGINE.weights_id, ENGINE.device) == ("classical", "none", torch.device("cpu"))
    assert ENGINE.code_version
