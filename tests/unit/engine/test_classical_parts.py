"""Promises of the classical engine's parts: closed forms, slow loops, and motion, light and holes made by the test."""

import cv2
import numpy as np
import pytest

from builders import texture
from propainter.classical import places as places_module
from propainter.classical.alignment import Aligned, align_flow
from propainter.classical.by_model import places_by_motion, sweep_by_model
from propainter.classical.exposure import frame_gains
from propainter.classical.harmonic import fill_harmonic
from propainter.classical.kernels import Ground
from propainter.classical.layers import in_layers
from propainter.classical.motion import background_motion, complete_pairs, distance_to, flow_of_motion, moved_by
from propainter.classical.places import Places, future_places, past_places, runs_of
from propainter.classical.pull import blend_places, in_register, pull_plate
from propainter.classical.sampling import Plate
from propainter.classical.seam import seam_light, under_light
from propainter.dis import estimate_flow
from propainter.types import NOWHERE


def disc(height: int, width: int, *, y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return (rows - y) ** 2 + (columns - x) ** 2 < radius**2


def uniform_flow(pairs: int, height: int, width: int, dx: float, dy: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    forward = np.broadcast_to(np.array([dx, dy], np.float32), (pairs, height, width, 2)).copy()
    return forward, -forward


def still(forward: np.ndarray, backward: np.ndarray) -> Aligned:
    pairs = len(forward)
    return Aligned(forward, backward, [np.eye(3)] * pairs, [np.eye(3)] * pairs)


# harmonic


@pytest.mark.parametrize("surface", [lambda x, y: 0 * x + 3, lambda x, y: 2 * x - y, lambda x, y: (x * x - y * y) / 20])
def test_a_surface_without_curvature_is_found_again_under_a_hole(surface) -> None:
    rows, columns = np.mgrid[-30:34, -40:40].astype(np.float32)
    truth = surface(columns, rows)[..., None]
    hole = disc(64, 80, y=30, x=42, radius=17)
    filled = fill_harmonic(np.where(hole[..., None], np.float32(np.nan), truth), hole)
    assert np.abs(filled - truth).max() < 0.01 * max(np.ptp(truth), 1)
    assert np.array_equal(filled[~hole], truth[~hole])


def test_what_lies_between_a_low_and_a_high_rim_stays_between_them() -> None:
    field = np.zeros((40, 40, 1), np.float32)
    field[:, 30:] = 8
    hole = np.zeros((40, 40), bool)
    hole[:, 10:30] = True
    filled = fill_harmonic(field, hole)[..., 0]
    assert filled.min() == 0
    assert filled.max() == 8
    assert np.all(np.diff(filled[20, 9:31]) > 0)


def test_a_hole_without_a_rim_becomes_zero() -> None:
    assert not fill_harmonic(np.ones((7, 9, 2), np.float32), np.ones((7, 9), bool)).any()


# motion


CAMERA = np.array([[1.01, -0.02, 3.0], [0.015, 0.99, -2.0], [1e-5, -2e-5, 1.0]])


def flow_of_camera(height: int, width: int) -> np.ndarray:
    """The camera's flow, pixel by pixel from the definition of a homography."""
    flow = np.zeros((height, width, 2), np.float32)
    for y in range(height):
        for x in range(width):
            u, v, w = CAMERA @ (x, y, 1)
            flow[y, x] = u / w - x, v / w - y
    return flow


def test_the_backgrounds_motion_is_found_though_a_fifth_of_the_picture_moves_otherwise() -> None:
    flow = flow_of_camera(120, 160)
    flow[:40, :100] += 9
    hole = disc(120, 160, y=70, x=80, radius=12)
    flow[disc(120, 160, y=70, x=80, radius=30)] = 25  # the object, and what it drags along within the guard band
    motion = background_motion(flow, distance_to(hole), distance_to(hole))
    found = flow_of_motion(motion, slice(0, 120), slice(0, 160))
    assert np.abs(found - flow_of_camera(120, 160)).max() < 0.05


def test_a_motion_moves_points_by_the_definition() -> None:
    x, y = moved_by(CAMERA, np.array([12.0]), np.array([34.0]))
    u, v, w = CAMERA @ (12, 34, 1)
    assert (x[0], y[0]) == pytest.approx((u / w, v / w))


def test_without_anything_to_see_the_background_stands_still() -> None:
    everywhere = np.zeros((40, 40), np.float32)
    assert np.array_equal(background_motion(np.ones((40, 40, 2), np.float32), everywhere, everywhere), np.eye(3))


def test_completed_flow_is_the_cameras_inside_and_untouched_outside() -> None:
    truth = flow_of_camera(120, 160)
    hole = disc(120, 160, y=60, x=80, radius=15)
    flow = truth.copy()
    flow[disc(120, 160, y=60, x=80, radius=22)] = (-7, 5)
    completed = complete_pairs(flow[None], hole[None], hole[None])[0]
    assert np.array_equal(completed[~hole], flow[~hole])
    assert np.abs(completed - truth)[hole].max() < 0.1


def test_flow_measured_again_no_longer_follows_the_object() -> None:
    """A bright disc crosses a sliding texture; beside it plain flow follows the disc, aligned flow the texture."""
    wide = texture(120, 200, seed=2) * 2 - 1
    frames = np.stack([wide[:, 3 * i : 3 * i + 160] for i in (2, 1)]).copy()  # the background moves 3 px to the right
    discs = [disc(120, 160, y=60, x=x, radius=12) for x in (80, 74)]
    holes = np.stack([disc(120, 160, y=60, x=x, radius=15) for x in (80, 74)])
    for frame, where in zip(frames, discs, strict=True):
        frame[where] = 1
    forward, backward = estimate_flow(frames)
    aligned = align_flow(frames, holes, forward, backward)
    beside = disc(120, 160, y=60, x=80, radius=19)
    assert np.abs(forward[0] - (3, 0))[beside].max() > 2
    assert np.abs(aligned.forward[0][np.nonzero(beside)] - (3, 0)).max() < 0.15
    away = disc(120, 160, y=60, x=80, radius=70) ^ disc(120, 160, y=60, x=80, radius=60)
    assert np.array_equal(aligned.forward[0][np.nonzero(away)], forward[0][away])


def test_the_hole_moves_with_its_own_surroundings_where_they_leave_the_model() -> None:
    """Around the hole the background moves 4.5 px, everywhere else 3: inside, flow continues the surroundings."""
    far, near = (texture(120, 200, seed=seed) * 2 - 1 for seed in (2, 6))
    rows, columns = np.mgrid[:120, :160].astype(np.float32)
    frames = []
    for i in range(2):
        patch = cv2.remap(near, columns + 20 - 4.5 * i, rows, cv2.INTER_CUBIC)
        frames.append(
            np.where(disc(120, 160, y=60, x=78 + 4.5 * i, radius=42)[..., None], patch, far[:, 10 - 3 * i :][:, :160])
        )
    holes = np.stack([disc(120, 160, y=60, x=x, radius=12) for x in (78, 81)])
    flows = estimate_flow(np.stack(frames))
    aligned = in_layers(align_flow(np.stack(frames), holes, *flows), holes, *flows)
    assert np.abs(aligned.forward[0][np.nonzero(holes[0])] - (4.5, 0)).max() < 0.8  # 1.5 by the model alone


# places


def test_places_along_a_pan_are_where_the_pan_takes_them() -> None:
    """Everything moves 2 px right a frame, the hole stands: a pixel leaves it after as many frames as its way is long."""
    holes = np.zeros((9, 12, 30), bool)
    holes[:, 4:8, 10:16] = True
    forward, backward = uniform_flow(8, 12, 30, 2)
    later, earlier = future_places(forward, backward, holes), past_places(forward, backward, holes)
    for k, (t, y, x) in enumerate(np.argwhere(holes)):
        steps = next(n for n in range(1, 9) if x + 2 * n > 15)
        expected = (t + steps, x + 2 * steps, y) if t + steps < 9 else (NOWHERE,)
        assert (later.source[k], later.x[k], later.y[k])[: len(expected)] == expected
        steps = next(n for n in range(1, 9) if x - 2 * n < 10)
        expected = (t - steps, x - 2 * steps, y) if t >= steps else (NOWHERE,)
        assert (earlier.source[k], earlier.x[k], earlier.y[k])[: len(expected)] == expected


def test_fractions_of_a_pixel_add_up_over_many_frames() -> None:
    holes = np.zeros((21, 10, 40), bool)
    holes[:-1, 3:7, 10:14] = True
    forward, backward = uniform_flow(20, 10, 40, 0.137, 0.031)
    later = future_places(forward, backward, holes)
    first = np.argwhere(holes)[:, 0] == 0
    expected = np.argwhere(holes)[first][:, 2] + 0.137 * later.source[first]
    assert np.abs(later.x[first] - expected).max() < 1e-3


def test_what_leaves_the_picture_while_hidden_is_seen_nowhere() -> None:
    holes = np.zeros((4, 8, 10), bool)
    holes[:, 2:5, 7:] = True
    forward, backward = uniform_flow(3, 8, 10, 2)
    assert np.all(future_places(forward, backward, holes).source == NOWHERE)


def test_a_landing_that_does_not_flow_back_is_doubtful() -> None:
    holes = np.zeros((2, 8, 20), bool)
    holes[0, 3:5, 8:10] = True
    forward, backward = uniform_flow(1, 8, 20, 3)
    backward[0, :, 12] = 4  # something else is there
    later = future_places(forward, backward, holes)
    assert later.doubtful.tolist() == [False, True, False, True]
    assert later.sound.tolist() == [True, False, True, False]


def test_the_background_model_looks_past_what_moves_in_front() -> None:
    """The hole opens in frame 1, but something moving stands there until frame 2."""
    holes = np.zeros((3, 20, 30), bool)
    holes[0, 8:12, 10:14] = True
    forward, backward = uniform_flow(2, 20, 30, 0)
    forward[1, 6:14, 8:16] = backward[0, 6:14, 8:16] = 5
    found = places_by_motion(range(3), still(forward, backward), holes, holes)
    assert np.all(found.source == 2)
    assert np.array_equal(np.stack([found.y, found.x], 1), np.argwhere(holes[0]))


@pytest.mark.parametrize("limit", [1, 70, 130])
def test_work_in_runs_of_frames_gives_the_same_bits(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Holes in some frames, none in others, more and less than a run holds; some pixels only the model finds."""
    wide = texture(60, 140, seed=4) * 2 - 1
    frames = np.stack([wide[:, 3 * i : 3 * i + 90] for i in range(10)]).copy()
    holes = np.zeros((10, 60, 90), bool)
    for i in (1, 2, 3, 5, 6, 8):
        holes[i, 20:30, 30 + 2 * i : 36 + 2 * i] = True
    holes[5:7, 20:50, 30:60] = True
    motion = align_flow(frames, holes, *(complete_pairs(*way) for way in (
        (flow, holes[:-1], holes[1:]) if ahead else (flow, holes[1:], holes[:-1])
        for ahead, flow in zip((True, False), estimate_flow(frames), strict=True)
    )))  # fmt: skip
    members = holes.copy()
    members[3] = False
    expected = pull_plate(frames.copy(), holes, motion, members)
    monkeypatch.setattr(places_module, "RUN", limit)
    runs = list(runs_of(members))
    assert [i for run, _ in runs for i in run if members[i].any()] == [1, 2, 5, 6, 8]
    assert [part.start for _, part in runs] == [0, *(part.stop for _, part in runs[:-1])]
    assert all(members[run.start : run.stop].sum() == part.stop - part.start for run, part in runs)
    assert len(runs) > 1
    for got, whole in zip(pull_plate(frames, holes, motion, members), expected, strict=True):
        assert np.array_equal(got, whole)


# sampling


def test_a_place_on_a_pixel_gives_that_pixel_to_the_bit() -> None:
    plate = np.random.default_rng(0).normal(0, 50, (3, 16, 18, 3)).astype(np.float32)
    places = Places(np.int32([2, 0, 2]), np.float32([5, 17, 0]), np.float32([7, 15, 0]), np.zeros(3, bool))
    assert np.array_equal(Plate.of_one_exposure(plate).sample(places), plate[[2, 0, 2], [7, 15, 0], [5, 17, 0]])


def test_between_pixels_a_slope_stays_a_slope() -> None:
    rows, columns = np.mgrid[:20, :30].astype(np.float32)
    plate = np.stack([columns, rows, columns - 2 * rows], -1)[None]
    x, y = np.float32([4.25, 17.7, 20.5]), np.float32([9.5, 3.125, 12.9])
    places = Places(np.zeros(3, np.int32), x, y, np.zeros(3, bool))
    assert np.abs(Plate.of_one_exposure(plate).sample(places) - np.stack([x, y, x - 2 * y], -1)).max() < 1e-4


def test_the_nearer_sight_counts_more_by_the_inverse_of_its_distance() -> None:
    plate = np.broadcast_to(np.float32([0.4, 9, 0, 0, 0.8])[:, None, None, None], (5, 12, 14, 3)).copy()
    plate[1] = 0.5  # beside the hole of frame 1, midway: so that no seam is to be closed
    holes = np.zeros((5, 12, 14), bool)
    holes[1, 4:8, 5:9] = True
    row, column = (axis.astype(np.float32) for axis in np.nonzero(holes[1]))
    sights = [Places(np.full(16, i, np.int32), column, row, np.zeros(16, bool)) for i in (0, 4)]
    shown = Plate.of_one_exposure(plate, holes)
    with_seams, unseen = blend_places(shown, holes, sights, [1.0, 1.0], holes)
    near, far = (
        under_light(np.full((16, 3), colour, np.float32), seam_light(shown, holes, sight, holes, range(5)))
        for colour, sight in zip((0.4, 0.8), sights, strict=True)
    )
    expected = (3 * near + far) / 4
    assert np.allclose(with_seams, expected, atol=1e-6)
    assert not unseen.any()


def test_no_place_lies_under_the_hole_of_the_frame_it_names() -> None:
    """A zoom: ways of a dozen steps, each to a fraction of a pixel; they stay as exact as the flow."""
    count, height, width = 16, 80, 120
    holes = np.zeros((count, height, width), bool)
    for i in range(count):
        holes[i, 24:56, 10 + 3 * i : 42 + 3 * i] = True
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    from_middle = np.stack([columns - 60, rows - 40], -1)
    forward = np.repeat(((1.012 - 1) * from_middle)[None], count - 1, 0).astype(np.float32)
    backward = np.repeat(((1 / 1.012 - 1) * from_middle)[None], count - 1, 0).astype(np.float32)
    frame, row, column = np.nonzero(holes)
    for find in (past_places, future_places):
        places = find(forward, backward, holes)
        seen = np.flatnonzero(places.seen)
        source, x, y = places.source[seen], places.x[seen], places.y[seen]
        assert not holes[source, np.rint(y).astype(int), np.rint(x).astype(int)].any()
        growth = 1.012 ** (source - frame[seen])
        miss = np.hypot(60 + growth * (column[seen] - 60) - x, 40 + growth * (row[seen] - 40) - y)
        assert len(seen) > 0.4 * len(frame)
        assert np.percentile(miss, 99) < 0.05


# exposure and seams


def test_gains_of_a_flickering_lamp_are_found_under_a_moving_camera() -> None:
    slope = np.linspace(0.8, 1.5, 300, dtype=np.float32)[:, None]
    wide = (texture(96, 300, seed=7) * 0.6 + 0.2) * slope  # light, from black 0
    gains = np.float32([1.0, 1.1, 0.9, 1.2, 1.15, 0.85])
    frames = np.stack([wide[:, 6 * i : 6 * i + 160] * gain for i, gain in enumerate(gains)]) - 1
    holes = np.zeros(frames.shape[:3], bool)
    holes[:, 40:56, 70:90] = True
    frames[holes] = -1
    motion = np.array([[1.0, 0, -6], [0, 1, 0], [0, 0, 1]])
    found = frame_gains(frames, holes, [motion] * 5)
    assert np.abs((found - found[0]) - np.log(gains / gains[0])[:, None]).max() < 0.01


def test_frames_with_nothing_in_common_keep_their_exposure() -> None:
    frames = np.random.default_rng(1).random((3, 64, 64, 3)).astype(np.float32)
    assert not frame_gains(frames, np.ones((3, 64, 64), bool), [np.eye(3)] * 2).any()


def test_a_sight_in_other_light_takes_on_that_of_its_place() -> None:
    """Light half as strong again on the left, as it was on the right: smooth, and the same gain for dark and bright."""
    plate = np.repeat(texture(60, 80, seed=3)[None], 2, 0)
    strength = np.linspace(1.5, 1.0, 80, dtype=np.float32)[:, None]
    plate[1] = (plate[1] + 1) * strength - 1  # the hole is in frame 0
    holes = np.zeros((2, 60, 80), bool)
    holes[0, 15:45, 20:60] = True
    row, column = np.nonzero(holes[0])
    places = Places(np.ones(len(row), np.int32), np.float32(column), np.float32(row), np.zeros(len(row), bool))
    light = seam_light(Plate.of_one_exposure(plate, holes), holes, places, holes, range(2))
    assert np.abs(plate[1] - plate[0])[holes[0]].mean() > 0.2
    assert np.abs(under_light(plate[1][holes[0]], light) - plate[0][holes[0]]).max() < 0.06


def test_two_sights_out_of_register_meet_where_their_ways_weigh_them() -> None:
    """The past, one frame away, is off by a quarter of the gap; the future, three frames away, by the rest."""
    truth = texture(80, 100, seed=9) * 2 - 1
    plate = np.repeat(truth[None], 5, 0)
    holes = np.zeros((5, 80, 100), bool)
    holes[1] = disc(80, 100, y=40, x=50, radius=20)
    row, column = (axis.astype(np.float32) for axis in np.nonzero(holes[1]))
    seen, sound = np.ones(len(row), np.int32), np.zeros(len(row), bool)
    past = Places(seen * 0, column + 0.5, row, sound)
    future = Places(seen * 4, column - 1.5, row, sound)
    nearer = in_register(Plate.of_one_exposure(plate, holes), holes, past, future, holes)
    inner = disc(80, 100, y=40, x=50, radius=14)[holes[1]]
    assert np.abs(nearer[0].x - column)[inner].mean() < 0.2
    assert np.abs(nearer[1].x - column)[inner].mean() < 0.6
    moved = nearer[0].x - past.x, nearer[1].x - future.x
    assert np.allclose(moved[1], -3 * moved[0], atol=1e-4)


def test_places_by_the_model_go_on_where_a_sweep_left_off() -> None:
    """A slow zoom under a standing hole, and something that walks in front: cut in two, nearly all is found as in one go."""
    count, height, width, middle = 24, 60, 90, 10
    holes = np.zeros((count, height, width), bool)
    holes[:, 20:40, 10:24] = True
    forward, backward = uniform_flow(count - 1, height, width, -1.0, 0.25)
    for i in range(count - 1):
        forward[i, 18:44, 40 + i : 52 + i] = 4
        backward[i, 18:44, 44 + i : 56 + i] = -4
    shift = np.array([[1, 0, -1.0], [0, 1, 0.25], [0, 0, 1]])
    models = [shift] * (count - 1), [np.linalg.inv(shift)] * (count - 1)
    whole = Aligned(forward, backward, *models)
    early = Aligned(forward[:middle], backward[:middle], models[0][:middle], models[1][:middle])
    late = Aligned(forward[middle:], backward[middle:], models[0][middle:], models[1][middle:])
    lacking = holes & (np.arange(count) >= middle)[:, None, None]
    expected = places_by_motion(range(count - 1, -1, -1), whole, holes, lacking)
    left = sweep_by_model(range(middle + 1), early, Ground(holes[: middle + 1]), None)
    left[1].source[left[1].seen] -= middle  # counted from the first frame of the second part
    rest = holes[middle:]
    found = places_by_motion(range(len(rest) - 1, -1, -1), late, rest, rest, None, left)
    assert expected.seen.mean() > 0.5
    assert (found.seen == expected.seen).mean() > 0.97
    both = np.flatnonzero(found.seen & expected.seen)
    same = both[found.source[both] + middle == expected.source[both]]
    assert len(same) > 0.9 * len(both)
    assert np.hypot(found.x[same] - expected.x[same], found.y[same] - expected.y[same]).max() < 0.05
    assert (found.source[same] < 0).any()
