"""No kernel reads what lies under a hole: counted from what sampling really reads, over mattes that make it hard."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from builders import texture
from propainter.classical import sampling
from propainter.classical.alignment import Aligned
from propainter.classical.kernels import FrameGround, Ground, Tally, keys_weights
from propainter.classical.places import Places
from propainter.classical.pull import in_register, pull_plate
from propainter.classical.sampling import Plate, look_up
from propainter.native import PlatePart, fill_natively
from propainter.types import Sights

COUNT, HEIGHT, WIDTH = 12, 72, 110


def wires(i: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.line(mask, (0, 10 + i), (WIDTH, 50 + i // 2), 1, 2)
    cv2.line(mask, (30 + 2 * i, 0), (50 + i, HEIGHT), 1, 1)
    return mask > 0


def dots(i: int) -> np.ndarray:
    rng = np.random.default_rng(i // 3)
    return rng.random((HEIGHT, WIDTH)) < 0.06


def at_borders(i: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[:, : 12 + i] = mask[-3:] = mask[: 1 + i % 2, 40:] = True
    mask[20:30, -1:] = True
    return mask


def crossing(i: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:50, 8 + 4 * i : 38 + 4 * i] = True
    return mask


CAMERAS = {
    "still": np.eye(3),
    "pan": np.array([[1, 0, -1.37], [0, 1, 0.41], [0, 0, 1.0]]),
    "turn": np.vstack([cv2.getRotationMatrix2D((50, 30), 1.3, 1), [0, 0, 1]]),
    "zoom": np.vstack([cv2.getRotationMatrix2D((60, 40), 0, 1.013), [0, 0, 1]]),
}


def motion_of(camera: np.ndarray) -> Aligned:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    ways = []
    for matrix in (camera, np.linalg.inv(camera)):
        moved = np.einsum("ij,jhw->ihw", matrix, np.stack([columns, rows, np.ones_like(rows)]))
        flow = np.stack([moved[0] / moved[2] - columns, moved[1] / moved[2] - rows], -1).astype(np.float32)
        ways.append((np.repeat(flow[None], COUNT - 1, 0), [matrix / matrix[2, 2]] * (COUNT - 1)))
    return Aligned(ways[0][0], ways[1][0], ways[0][1], ways[1][1])


class Watch:
    """Counts kernels that touch the hole, pixel by pixel and weight by weight, beside the tally."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.points = self.touching = 0
        for module in (sampling,):
            monkeypatch.setattr(module, "look_up", self._watched(module.look_up))

    def _watched(self, real: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        def watched(image: np.ndarray, x: np.ndarray, y: np.ndarray, ground: FrameGround, *rest: object) -> np.ndarray:
            across, down = ground.weights(x, y)
            columns = (np.floor(x).astype(int) + np.arange(-1, 3)[:, None]).clip(0, WIDTH - 1)
            rows = (np.floor(y).astype(int) + np.arange(-1, 3)[:, None]).clip(0, HEIGHT - 1)
            reads = (across[None] != 0) & (down[:, None] != 0) & ground.hole[rows[:, None], columns[None]]
            self.touching += int(reads.any((0, 1)).sum())
            self.points += len(x)
            return real(image, x, y, ground, *rest)

        return watched


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("matte", [wires, dots, at_borders, crossing])
def test_not_one_kernel_that_is_sampled_touches_a_hole(
    matte: Callable[[int], np.ndarray], camera: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    holes = np.stack([matte(i) for i in range(COUNT)])
    still = texture(3 * HEIGHT, 3 * WIDTH, seed=2) * 2 - 1
    to_frame = np.float64([[1, 0, -WIDTH], [0, 1, -HEIGHT], [0, 0, 1]])
    frames = []
    for _ in range(COUNT):
        frames.append(cv2.warpPerspective(still, to_frame, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC))
        to_frame = CAMERAS[camera] @ to_frame
    truth = np.stack(frames)
    plate = np.where(holes[..., None], np.float32(50), truth)
    members = holes & (np.arange(COUNT) % 3 == 1)[:, None, None]
    watch = Watch(monkeypatch)
    filled, unseen, touched = pull_plate(plate, holes, motion_of(CAMERAS[camera]), members)
    assert watch.points > 2000
    assert watch.touching == touched == 0
    seen = members & ~unseen
    assert seen.sum() > 0.25 * members.sum()
    assert np.abs(filled[seen]).max() < 2  # nothing of the 50 under the holes got through
    if camera == "still":
        assert np.abs(filled - truth)[seen].max() < 1e-5


def test_the_tally_counts_a_kernel_that_touches() -> None:
    hole = np.zeros((20, 20), bool)
    hole[5:9, 5:9] = True
    tally = Tally()
    ground = FrameGround(hole, tally)
    x, y = np.float32([6.3, 3.4, 12.5]), np.float32([6.2, 6.0, 12.5])
    weights = keys_weights(x - np.floor(x)), keys_weights(y - np.floor(y))
    ground.count(x, y, *weights)
    assert tally.touched == 2
    assert ground.is_clear(x, y).tolist() == [False, False, True]
    assert ground.is_usable(x, y).tolist() == [False, True, True]


def test_a_kernel_shrinks_only_as_far_as_it_must() -> None:
    """On a slope the bicubic and the bilinear kernel give the slope, and so does a line continued from the plate's side; a
    pixel alone among holes gives itself."""
    rows, columns = np.mgrid[:20, :24].astype(np.float32)
    hole = np.zeros((20, 24), bool)
    hole[4:12, 10:16] = hole[15:18, 3:6] = True
    hole[16, 4] = False
    image = np.where(hole, np.float32(1e6), columns + 100 * rows)[..., None]
    x, y = np.float32([7.4, 8.4, 9.4, 9.0, 9.4, 4.3]), np.float32([8.3, 8.3, 8.3, 8.0, 3.4, 16.2])
    tally = Tally()
    found = look_up(image, x, y, FrameGround(hole, tally))[:, 0]
    assert found == pytest.approx([837.4, 838.4, 839.4, 809.0, 349.4, 1604.0], abs=2e-2)
    assert tally.touched == 0


def test_a_table_of_kernels_says_what_the_pixels_say() -> None:
    rng = np.random.default_rng(3)
    hole = rng.random((30, 40)) < 0.03
    hole[0, 5] = hole[-1, 20] = hole[12, -1] = hole[7, 0] = True
    x, y = (rng.random(4000) * 39).astype(np.float32), (rng.random(4000) * 29).astype(np.float32)
    x[:800], y[400:1200] = np.rint(x[:800]), np.rint(y[400:1200])
    clear = FrameGround(hole).is_clear(x, y)
    for n in range(len(x)):
        columns = [int(x[n])] if x[n] == int(x[n]) else [int(x[n]) + k for k in range(-1, 3)]
        rows = [int(y[n])] if y[n] == int(y[n]) else [int(y[n]) + k for k in range(-1, 3)]
        assert clear[n] == (not hole[np.ix_(np.clip(rows, 0, 29), np.clip(columns, 0, 39))].any())


def test_bringing_sights_into_register_moves_no_kernel_onto_a_hole() -> None:
    """The two sights disagree by far more than the margin beside their holes."""
    plate = np.repeat((texture(80, 100, seed=9) * 2 - 1)[None], 3, 0)
    holes = np.zeros((3, 80, 100), bool)
    holes[0, 20:50, 20:44] = holes[1, 20:50, 44:68] = holes[2, 20:50, 68:92] = True
    members = holes & (np.arange(3) == 1)[:, None, None]
    row, column = (axis.astype(np.float32) for axis in np.nonzero(holes[1]))
    seen, sound = np.ones(len(row), np.int32), np.zeros(len(row), bool)
    past, future = Places(seen * 0, column, row, sound), Places(seen * 2, column - 4, row, sound)
    moved = in_register(Plate.of_one_exposure(plate, holes), holes, past, future, members)
    assert any((place.x != before.x).any() for place, before in zip(moved, (past, future), strict=True))
    for places in moved:
        assert Ground(holes).is_usable(places.source, places.x, places.y).all()


def test_a_plate_at_its_own_size_is_not_read_under_its_hole() -> None:
    """The small hole is the large one's, rounded out; sights among small pixels end beside it, on half pixels too."""
    rng = np.random.default_rng(5)
    small = np.zeros((30, 40), bool)
    small[10:20, 12:20] = True
    other = np.zeros((60, 80), bool)
    other[20:40, 41:56] = True
    plate = rng.random((60, 80, 3)).astype(np.float32)
    count = int(small.sum())
    rows, columns = np.nonzero(small)
    source = np.stack([np.ones(count, np.int32), np.full(count, -1, np.int32)])
    x = np.stack([columns + rng.uniform(6, 9, count), np.zeros(count)]).astype(np.float32)
    y = np.stack([rows + rng.uniform(-1, 1, count), np.zeros(count)]).astype(np.float32)
    weight = np.stack([np.ones(count), np.zeros(count)]).astype(np.float32)
    sights = Sights(source, x, y, weight, np.int32([1]), np.zeros((1, 3), np.float32))
    tally = Tally()

    def read(frame: int, rows: slice, columns: slice) -> PlatePart:
        hidden = np.where(other[..., None], np.float32(np.nan), plate)
        return PlatePart(hidden[rows, columns], other[rows, columns])

    inside = np.kron(small, np.ones((2, 2))) > 0
    filled = fill_natively(
        np.full((60, 80, 3), 0.5, np.float32), inside, sights, small, working_size=(40, 30), read=read, tally=tally
    )
    assert np.isfinite(filled).all()
    assert tally.touched == 0
