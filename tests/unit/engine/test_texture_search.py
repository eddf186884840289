"""The search for texture: what is alike, which labels are cheapest, what walks, how light stays, how sure a copy is."""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
import pytest

from propainter.classical.texture.carrying import Motion, Origins
from propainter.classical.texture.labels import cheapest
from propainter.classical.texture.likeness import look_of
from propainter.classical.texture.offsets import likely_offsets
from propainter.classical.texture.painter import paint_texture
from propainter.classical.texture.registering import Register, detail_of
from propainter.classical.texture.search import find_sources
from propainter.classical.texture.steadying import steadied
from propainter.classical.texture.surroundings import error_around

HEIGHT, WIDTH = 54, 84


def stripes(angle: int = 0) -> np.ndarray:
    """Lit and dark lines 6 pixels apart, level or upright, with a little dirt."""
    row, column = np.mgrid[0:HEIGHT, 0:WIDTH]
    along = row if angle == 0 else column
    dirt = np.random.default_rng(1).normal(0, 0.02, (HEIGHT, WIDTH))
    return np.repeat((np.where(along // 3 % 2 == 0, 0.6, -0.6) + dirt)[..., None], 3, 2).astype(np.float32)


def hole_at(rows: slice, columns: slice) -> np.ndarray:
    hole = np.zeros((HEIGHT, WIDTH), np.bool_)
    hole[rows, columns] = True
    return hole


def usable_of(hole: np.ndarray) -> np.ndarray:
    usable: np.ndarray = cv2.dilate(hole.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    return usable


def total(labels: np.ndarray, wants: np.ndarray, across: np.ndarray, down: np.ndarray) -> float:
    """What a choice of labels costs, written out."""
    height, width = labels.shape
    cost = sum(wants[y, x, labels[y, x]] for y in range(height) for x in range(width))
    cost += sum(across[y, x, labels[y, x], labels[y, x + 1]] for y in range(height) for x in range(width - 1))
    return float(
        cost + sum(down[y, x, labels[y, x], labels[y + 1, x]] for y in range(height - 1) for x in range(width))
    )


@pytest.mark.parametrize("shape", [(1, 5), (5, 1)])
def test_labels_of_a_chain_are_the_cheapest_there_are(shape):
    """Against every choice there is; the way there and back are not the same."""
    for seed in range(4):
        random = np.random.default_rng(seed)
        wants = random.random((*shape, 3), np.float32)
        across = random.random((shape[0], shape[1] - 1, 3, 3), np.float32)
        down = random.random((shape[0] - 1, shape[1], 3, 3), np.float32)
        best = min(total(np.reshape(labels, shape), wants, across, down) for labels in product(range(3), repeat=5))
        assert total(cheapest(wants, across, down, rounds=2), wants, across, down) == pytest.approx(best)


def test_labels_of_a_lattice_are_hardly_dearer_than_the_cheapest():
    """Six places of three labels: messages go in circles, and yet."""
    for seed in range(4):
        random = np.random.default_rng(seed)
        wants, unlike = random.random((2, 3, 3), np.float32), 1 - np.eye(3, dtype=np.float32)
        across, down = (np.full((*size, 3, 3), 0.3, np.float32) * unlike for size in ((2, 2), (1, 3)))
        best = min(total(np.reshape(labels, (2, 3)), wants, across, down) for labels in product(range(3), repeat=6))
        assert total(cheapest(wants, across, down, rounds=8), wants, across, down) <= 1.05 * best


def test_a_smooth_place_does_not_win_over_texture():
    """A wall of lines beside a plain one of the same mean grey: the hole in the lines is filled with lines, all of it."""
    picture = stripes()
    picture[:, 60:] = picture[:, :60].mean()
    hole = hole_at(slice(18, 36), slice(36, 57))
    found = find_sources(np.where(hole[..., None], np.float32(0), picture), hole, usable_of(hole))
    assert found.copied.all()
    assert (found.x < 60).mean() > 0.98
    assert np.abs(picture[found.y, found.x] - picture[hole]).mean() < 0.1


def test_what_was_pulled_beside_the_unseen_is_met_and_yet_not_copied():
    """Half of the hole is known from other frames, and shows another kind of lines: the rest goes on from there."""
    picture = np.where(np.arange(WIDTH)[:, None] < 42, stripes(), stripes(angle=1))
    hole, unseen = hole_at(slice(18, 36), slice(34, 66)), hole_at(slice(18, 36), slice(46, 66))
    found = find_sources(np.where(unseen[..., None], np.float32(0), picture), unseen, usable_of(hole))
    assert usable_of(hole)[found.y, found.x].all()
    assert (found.x[found.copied] > 42).mean() > 0.8


def test_likely_offsets_are_whole_periods_of_the_wall():
    """Of lines 6 pixels apart."""
    hole = hole_at(slice(18, 36), slice(30, 54))
    look = look_of(stripes(), ~hole, usable_of(hole))
    likely = likely_offsets(look, hole, 24)
    assert 0 < len(likely.offsets) <= 24
    assert (likely.offsets[:, 0] % 6 == 0).mean() > 0.9
    assert likely.cost[likely.offsets[:, 0] % 6 == 0].max() < 0.1


def test_a_copy_of_another_kind_is_unsure_and_one_of_the_same_is_not():
    """Upright lines is all there is to copy into level ones, against level ones."""
    hole = hole_at(slice(18, 36), slice(48, 68))
    usable = usable_of(hole)
    alike = find_sources(np.where(hole[..., None], np.float32(0), stripes()), hole, usable)
    usable[:, 34:] = False
    mixed = np.where(np.arange(WIDTH)[:, None] < 38, stripes(angle=1), stripes())
    unlike = find_sources(np.where(hole[..., None], np.float32(0), mixed), hole, usable)
    assert np.quantile(alike.miss, 0.9) < 0.2
    assert np.median(unlike.miss[unlike.copied]) > 0.35


def test_only_what_moves_beside_the_background_walks():
    """A square that crosses a panned picture; and nothing does where half of the picture has another depth."""
    forward = np.zeros((1, HEIGHT, WIDTH, 2), np.float32) + np.float32((2, 0))
    forward[0, 10:30, 10:30] = (7, 0)
    holes = np.zeros((2, HEIGHT, WIDTH), np.bool_)
    holes[:, 36:50, 60:80] = True
    plain = np.zeros((*holes.shape, 3), np.float32)
    walking = Motion(forward, -forward, holes, plain).walking(0)
    assert walking[12:28, 12:28].all() and not walking[:, 45:].any()
    still = np.zeros_like(forward)
    assert not Motion(still, still, holes, plain).walking(1).any()
    alone = Motion(still[:0], still[:0], holes[:1], plain[:1])
    assert not alone.walking(0).any()


def leaves(count=1, size=(120, 160)):
    """Pictures (count, h, w, 3) of something soft and random."""
    noise = np.random.default_rng(5).standard_normal((count, *size)).astype(np.float32)
    soft = np.stack([cv2.GaussianBlur(one, (0, 0), 1.5) for one in noise])
    return np.repeat((soft / soft.std() / 4)[..., None], 3, 3)


def moved(picture, x, y):
    """What a picture (h, w, 3) shows at places (h, w)."""
    return cv2.remap(picture, np.float32(x), np.float32(y), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def test_what_stands_around_the_hole_says_how_it_moves():
    """The plate moves by a third of a pixel and turns a little; the model says that it moves by a whole one. The square that
    crosses it goes another way, and the hole moves with it."""
    first = leaves()[0]
    rows, columns = np.mgrid[: first.shape[0], : first.shape[1]].astype(np.float32)
    truth = np.stack([0.35 + 0.002 * (rows - 60), 0.1 - 0.002 * (columns - 80)], 2).astype(np.float32)
    second = moved(first, columns - truth[..., 0], rows - truth[..., 1])
    second[30:44, 40:54] = leaves(size=(14, 14))[0]
    holes = np.zeros((2, *first.shape[:2]), np.bool_)
    holes[0, 45:75, 60:100], holes[1, 45:75, 62:102] = True, True
    frames = np.stack([first, second])
    frames[holes] = np.nan
    details = [detail_of(frames[t], ~holes[t]) for t in (0, 1)]
    field = np.zeros_like(truth) + np.float32((1.0, 0.0))
    error = error_around((holes[0], holes[1]), (details[0], details[1]), field)
    assert error is not None
    assert np.abs(field - truth)[holes[0]].max() > 0.5
    assert np.abs(error.corrected(field) - truth)[holes[0]].max() < 0.06
    flat = np.zeros_like(details[0])
    told = error_around((holes[0], holes[1]), (flat, flat), field)
    assert told is not None and np.array_equal(told.corrected(field), field), (
        "nothing is seen, and so nothing is changed"
    )


def test_pieces_are_laid_where_they_are_what_they_were():
    """Two pieces moved by what the motion did not say; something hides a part of one, and a plain one goes with them."""
    key = leaves()[0]
    key[80:, :] = 0
    rows, columns = np.mgrid[: key.shape[0], : key.shape[1]].astype(np.float32)
    piece = np.zeros((3, 20, 40), np.intp) + np.array([7, -3, 99])[:, None, None]
    y, x = (np.concatenate([at[top : top + 20, 50:90].ravel() for top in (15, 45, 95)]) for at in (rows, columns))
    frame = moved(key, columns - 0.6, rows + np.where(rows < 40, 0.3, -0.4))
    frame[15:21, 50:62] = 0.9
    known = np.ones(key.shape[:2], np.bool_)
    register = Register.of(key, known, x, y, piece.ravel())
    shifts = register.shifts(frame, known, x, y, np.ones(len(x), np.bool_)).reshape(3, -1, 2)
    np.testing.assert_array_equal(shifts, shifts[:, :1].repeat(shifts.shape[1], 1))
    np.testing.assert_allclose(shifts[:2, 0], [(0.6, -0.3), (0.6, 0.4)], atol=0.1)
    assert not register.shifts(frame, known, x, y, np.zeros(len(x), np.bool_)).any()


def test_light_that_one_frame_alone_sees_is_left_out_and_light_that_stays_stays():
    """Sixteen frames of a standing texture: a passer-by darkens the rim of one, the evening all, little by little."""
    count, size = 16, (24, 32)
    rows, columns = (axis.ravel().astype(np.float32) for axis in np.mgrid[4:20, 4:28])
    origins, lights = [], []
    for t in range(count):
        here = Origins.none(len(rows))
        here.set(np.arange(len(rows)), 0, columns, rows)
        origins.append(here)
        lights.append(np.full((len(rows), 3), 0.1 - 0.01 * t - 0.8 * (t == 7), np.float32))
    among = [np.arange(len(rows))] * count
    steady = steadied(origins, lights, among, size)
    means = np.array([light.mean() for light in steady if light is not None])
    assert np.abs(np.diff(means)).max() < 0.03
    assert means[0] - means[-1] > 0.05
    assert steadied([Origins.none(0)], [None], [np.zeros(0, np.intp)], size) == [None]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [(8, 8), (8, 56), (40, 16)])
@pytest.mark.parametrize("kind", ["all", "a pixel", "all but a column", "specks", "half"])
def test_any_hole_in_any_picture_is_painted_and_nothing_else(size, kind):
    """However small the picture and however little is left of it."""
    random = np.random.default_rng(3)
    hole = np.zeros((2, *size), np.bool_)
    match kind:
        case "all":
            hole[:] = True
        case "a pixel":
            hole[:, size[0] // 2, size[1] // 2] = True
        case "all but a column":
            hole[:, :, :-1] = True
        case "specks":
            hole = random.random(hole.shape) < 0.1
        case "half":
            hole[:, : size[0] // 2] = True
    plates = random.uniform(-1, 1, (*hole.shape, 3)).astype(np.float32)
    frames, still = np.where(hole[..., None], np.float32(0), plates), np.zeros((1, *size, 2), np.float32)
    invented = paint_texture(frames, hole, hole, still, still)
    assert np.isfinite(frames).all()
    np.testing.assert_array_equal(frames[~hole], plates[~hole])
    for found in invented:
        assert not np.isnan(found.miss).any() and np.isinf(found.miss[~found.copied]).all()
