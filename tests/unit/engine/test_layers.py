"""Promises of the layers behind a hole: what moves by itself is continued in its own place, and nowhere else."""

import cv2
import numpy as np
import pytest

from builders import texture
from propainter.classical.alignment import Aligned, align_flow
from propainter.classical.landings import landing_check
from propainter.classical.layers import in_layers
from propainter.classical.motion import complete_pairs
from propainter.classical.places import Places
from propainter.classical.pull import pull_plate
from propainter.dis import estimate_flow

HEIGHT, WIDTH, COUNT = 112, 176, 20


def scene(*, speed: float, tops: tuple[int, ...] = (30,), pan: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A wall under a camera that pans, and boards that slide past it: frames, and where the boards are."""
    wall = rich(HEIGHT, 3 * WIDTH, seed=2)
    boards = [rich(46, 70, seed=20 + i) for i in range(len(tops))]
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    frames, where = [], []
    for i in range(COUNT):
        frame = cv2.remap(wall, columns + WIDTH + pan * i, rows, cv2.INTER_CUBIC)
        covered = np.zeros((HEIGHT, WIDTH), bool)
        for board, top in zip(boards, tops, strict=True):
            x = columns - (10 + speed * i)
            inside = (x >= 0) & (x <= 69) & (rows >= top) & (rows < top + 46)
            frame[inside] = cv2.remap(board, x, rows - top, cv2.INTER_CUBIC)[inside]
            covered |= inside
        frames.append(frame)
        where.append(covered)
    return np.stack(frames), np.stack(where)


def rich(height: int, width: int, *, seed: int) -> np.ndarray:
    """A texture of full contrast, so that its motion can be told everywhere."""
    coarse = texture(-(-height // 2), -(-width // 2), seed=seed)
    fine = cv2.resize((coarse - coarse.mean()) * 5, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.tanh(fine).astype(np.float32)


def crossing_hole() -> np.ndarray:
    holes = np.zeros((COUNT, HEIGHT, WIDTH), bool)
    for i in range(COUNT):
        holes[i, 40:72, 110 - 4 * i : 142 - 4 * i] = True
    return holes


def filled(truth: np.ndarray, holes: np.ndarray, *, layered: bool = True) -> tuple[Aligned, np.ndarray]:
    plate = np.where(holes[..., None], np.float32(0.1), truth)
    flows = [
        complete_pairs(flow, *ends)
        for flow, ends in zip(estimate_flow(plate), ((holes[:-1], holes[1:]), (holes[1:], holes[:-1])), strict=True)
    ]
    motion = align_flow(plate, holes, *flows)
    motion = in_layers(motion, holes, *flows) if layered else motion
    return motion, pull_plate(plate.copy(), holes, motion, holes)[0]


def psnr(fill: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    return float(10 * np.log10(4 / ((fill - truth)[where] ** 2).mean()))


@pytest.mark.parametrize(("pan", "within", "edge"), [(0.0, 25, 13.3), (1.5, 15, 11.0)])
def test_a_thing_that_reaches_behind_the_hole_is_continued_there(pan: float, within: float, edge: float) -> None:
    """A sliding board behind a crossing hole: the board's own texture within, and less smear along its edge."""
    truth, boards = scene(speed=2.0, pan=pan)
    holes = crossing_hole()
    _, fill = filled(truth, holes)
    at = slice(6, COUNT - 6)
    rims = np.stack(
        [cv2.morphologyEx(b.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((9, 9), np.uint8)) > 0 for b in boards]
    )
    assert (
        psnr(fill[at], truth[at], (holes & boards & ~rims)[at]) > within
    )  # 19 and 11 where one flow runs through both
    assert psnr(fill[at], truth[at], (holes & rims)[at]) > edge  # 12.9 and 10.6


def test_without_anything_that_moves_by_itself_nothing_changes() -> None:
    truth, _ = scene(speed=0.0, tops=(), pan=2.0)
    holes = crossing_hole()
    plain, layered = (filled(truth, holes, layered=each) for each in (False, True))
    assert np.array_equal(plain[1], layered[1])


def test_a_landing_on_what_moves_otherwise_is_doubtful() -> None:
    """The wall stands, a walker moves 3 px a pair: of two ways that arrive, the one on the walker is not believed."""
    flow = np.zeros((3, 20, 30, 2), np.float32)
    flow[2, :, 15:] = (3, 0)
    motion = Aligned(flow, -flow, [np.eye(3)] * 3, [np.eye(3)] * 3)
    near = np.zeros((20, 30), bool)
    near[10, [5, 20]] = True
    arrived = Places(np.int32([2, 2]), np.float32([5, 20]), np.float32([10, 10]), np.zeros(2, bool))
    check = landing_check(motion, onward=True)
    assert check(arrived, near, 1, 2).doubtful.tolist() == [False, True]
    assert (
        check(Places(np.int32([3, 3]), arrived.x, arrived.y, arrived.doubtful), near, 2, 3).doubtful.tolist()
        == [False] * 2
    )


def test_what_stands_still_is_not_seen_in_who_walks_past_it() -> None:
    """The camera and the hole stand; a board comes to pass behind the hole. Before it came, what is there is never seen."""
    truth, boards = scene(speed=6.0)
    holes = np.zeros((COUNT, HEIGHT, WIDTH), bool)
    holes[:, 34:72, 110:142] = True
    plate = np.where(holes[..., None], np.float32(0.1), truth)
    ends = (holes[:-1], holes[1:]), (holes[1:], holes[:-1])
    flows = [complete_pairs(flow, *end) for flow, end in zip(estimate_flow(plate), ends, strict=True)]
    motion = in_layers(align_flow(plate, holes, *flows), holes, *flows)
    unseen = pull_plate(plate.copy(), holes, motion, holes)[1]
    alone = [i for i in range(COUNT) if not boards[i, :, 90:160].any()]
    assert len(alone) >= 2
    assert unseen[alone][holes[alone]].mean() > 0.85  # 0.01 where only what is arrived at is checked
