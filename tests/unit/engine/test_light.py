"""Promises of moving light: a shadow that sweeps over a scene leaves no border in the fill; else no bit changes."""

import cv2
import numpy as np
import pytest

from builders import texture
from propainter.classical import pull
from propainter.classical.alignment import align_flow
from propainter.classical.light import Light, moving_light
from propainter.classical.motion import complete_pairs
from propainter.dis import estimate_flow

HEIGHT, WIDTH, COUNT = 96, 160, 24
NO_GAIN = np.zeros((COUNT, 3), np.float32)


def wall(*, pan: float = 2.0) -> np.ndarray:
    """A camera that pans over a wall of middle tones."""
    scene = 0.4 * (texture(HEIGHT, 2 * WIDTH, seed=5) - 0.5)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    return np.stack([cv2.remap(scene, columns + pan * i, rows, cv2.INTER_CUBIC) for i in range(COUNT)])


def shade(*, speed: float = 6.0) -> np.ndarray:
    """What a soft shadow that sweeps over the picture leaves of the light: (t, h, w, 1)."""
    columns = np.arange(WIDTH, dtype=np.float32)
    depth = [0.45 * np.exp(-(((columns - 10 - speed * i) / 30) ** 2)) for i in range(COUNT)]
    return np.broadcast_to((1 - np.stack(depth))[:, None, :, None], (COUNT, HEIGHT, WIDTH, 1)).astype(np.float32)


def crossing_hole() -> np.ndarray:
    holes = np.zeros((COUNT, HEIGHT, WIDTH), bool)
    for i in range(COUNT):
        holes[i, 30:66, 20 + 4 * i : 56 + 4 * i] = True
    return holes


def error_of_fill(truth: np.ndarray, holes: np.ndarray) -> float:
    plate = np.where(holes[..., None], np.float32(0.1), truth)
    ends = (holes[:-1], holes[1:]), (holes[1:], holes[:-1])
    flows = [complete_pairs(flow, *end) for flow, end in zip(estimate_flow(plate), ends, strict=True)]
    filled = pull.pull_plate(plate.copy(), holes, align_flow(plate, holes, *flows), holes)[0]
    return float(np.sqrt(((filled - truth)[holes] ** 2).mean()))


def test_a_shadow_that_sweeps_over_the_scene_crosses_the_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, holes = (wall() + 1) * shade() - 1, crossing_hole()
    found = error_of_fill(truth, holes)
    monkeypatch.setattr(pull, "moving_light", lambda *_, **__: None)
    assert found < 0.7 * error_of_fill(truth, holes)


def test_the_light_found_is_the_light_that_fell() -> None:
    """Differences of its logarithm between two frames, at the same place of the scene, away from the hole."""
    fallen, flow = shade(), np.zeros((COUNT - 1, HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = -2
    light = moving_light((wall() + 1) * fallen - 1, crossing_hole(), flow, NO_GAIN)
    assert light is not None
    rows = np.full(60, 12)
    for first, second in ((4, 8), (8, 16), (10, 11)):
        columns = np.arange(60) + 70
        there = columns - 2 * (second - first)
        found = light.at(second, there, rows) - light.at(first, columns, rows)
        truth = np.log(fallen[second, 12, there] / fallen[first, 12, columns])
        assert np.abs(found - truth).max() < 0.08 and np.abs(truth).max() > 0.03


def test_where_the_light_stays_as_it_is_there_is_none() -> None:
    flow = np.zeros((COUNT - 1, HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = -2
    grain = np.random.default_rng(0).normal(0, 0.02, (COUNT, HEIGHT, WIDTH, 3)).astype(np.float32)
    assert moving_light(wall() + grain, crossing_hole(), flow, NO_GAIN) is None


@pytest.mark.parametrize(("count", "hole"), [(1, False), (2, True), (COUNT, True)])
def test_where_nothing_can_be_compared_there_is_none(count: int, hole: bool) -> None:
    holes = np.full((count, HEIGHT, WIDTH), hole)
    flow = np.zeros((count - 1, HEIGHT, WIDTH, 2), np.float32)
    assert moving_light(wall()[:count], holes, flow, NO_GAIN[:count]) is None


def test_a_frame_elsewhere_in_the_shot_has_no_light_of_its_own() -> None:
    light = Light(np.ones((2, 2, 2, 3), np.float32), (16, 8))
    at = np.float32([0, 15]), np.float32([0, 7])
    assert (light.at(1, *at) == 1).all() and not light.at(2, *at).any() and not light.at(-1, *at).any()
