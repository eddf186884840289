"""Two moments in one picture are told from motion, from stripes, from fences and from noise."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from propainter_pictures.fields import fields_sentence, scan_of
from propainter_pictures.frame import Frame

RGB = ("R", "G", "B")
SIZE = (120, 160)
NOISE = np.random.default_rng(8)


def wide(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random((300, 500)).astype(np.float32)
    picture = cv2.GaussianBlur(noise, (0, 0), 1.2) + 3 * cv2.GaussianBlur(noise, (0, 0), 5.0)
    return (picture - picture.min()) / np.ptp(picture)


def moments(count: int, *, dx: float = 4.0, dy: float = 0.6, seed: int = 3) -> list[np.ndarray]:
    """A picture passing by, moment by moment."""
    picture = wide(seed)
    views = [np.float32([[1, 0, -40 - dx * i], [0, 1, -40 - dy * i]]) for i in range(count)]
    return [cv2.warpAffine(picture, view, SIZE[::-1], flags=cv2.INTER_LINEAR) for view in views]


def woven(even: np.ndarray, odd: np.ndarray) -> np.ndarray:
    both = even.copy()
    both[1::2] = odd[1::2]
    return both


def interlaced(*, top_first: bool = True, **how: float) -> list[np.ndarray]:
    fields = moments(24, **how)  # type: ignore[arg-type]
    pairs = [(fields[2 * i], fields[2 * i + 1]) for i in range(12)]
    return [woven(a, b) if top_first else woven(b, a) for a, b in pairs]


def pulldown(phase: int) -> list[np.ndarray]:
    film = moments(16)
    cycle = [(0, 0), (1, 1), (1, 2), (2, 3), (3, 3)]
    frames = [woven(film[4 * k + a], film[4 * k + b]) for k in range(4) for a, b in cycle]
    return frames[phase : phase + 12]


@pytest.mark.parametrize("top_first", [True, False])
@pytest.mark.parametrize(("dx", "dy"), [(2.0, 0.0), (6.0, 1.0), (0.0, 1.7), (-3.0, -0.4)])
def test_interlaced_plates_are_told(top_first: bool, dx: float, dy: float) -> None:
    assert scan_of(interlaced(top_first=top_first, dx=dx, dy=dy)) == "interlaced"


@pytest.mark.parametrize("phase", range(5))
def test_pulldown_is_told_wherever_its_cycle_begins(phase: int) -> None:
    assert scan_of(pulldown(phase)) == "pulldown"


@pytest.mark.parametrize(("dx", "dy"), [(1.0, 0.0), (4.0, 0.6), (0.0, 1.0), (0.0, 2.0), (0.3, -1.0), (30.0, 4.0)])
def test_progressive_motion_is_only_motion(dx: float, dy: float) -> None:
    assert scan_of(moments(12, dx=dx, dy=dy)) == "progressive"


def stripes(count: int, *, speed: float) -> list[np.ndarray]:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return [((rows + (columns + speed * i) // 9) % 2).astype(np.float32) for i in range(count)]


def fence(count: int) -> list[np.ndarray]:
    frames = [0.5 * frame for frame in moments(count)]
    for i, frame in enumerate(frames):
        frame[::2, 40 + i : 100 + i] += 0.4
    return frames


def noise(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [moments(1)[0] + rng.normal(0, 0.05, SIZE).astype(np.float32) for _ in range(count)]


@pytest.mark.parametrize(
    "frames",
    [stripes(12, speed=0), stripes(12, speed=1), fence(12), noise(12), [np.zeros(SIZE, np.float32)] * 12],
    ids=["stripes", "moving stripes", "fence", "noise", "black"],
)
def test_stripes_fences_noise_and_stills_raise_no_alarm(frames: list[np.ndarray]) -> None:
    assert scan_of(frames) in (None, "progressive")


def test_noise_over_interlaced_motion_does_not_hide_it() -> None:
    rng = np.random.default_rng(2)
    noisy = [frame + rng.normal(0, 0.02, SIZE).astype(np.float32) for frame in interlaced(dx=6.0)]
    assert scan_of(noisy) == "interlaced"


def shot(lumas: list[np.ndarray]) -> Callable[[int], Frame]:
    return lambda i: Frame(np.repeat((lumas[i] * 255).astype(np.uint8)[..., None], 3, 2), RGB, number=i)


def test_a_shot_says_so_in_one_sentence_and_a_progressive_one_says_nothing() -> None:
    said = fields_sentence(12, shot(interlaced()))
    assert said is not None and "interlaced" in said and "deinterlace" in said
    said = fields_sentence(12, shot(pulldown(0)))
    assert said is not None and "3:2 pulldown" in said
    assert fields_sentence(12, shot(moments(12))) is None
    assert fields_sentence(1, shot(moments(1))) is None
    still_then_moving = [moments(1)[0]] * 20 + interlaced()
    assert fields_sentence(32, shot(still_then_moving)) is not None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 40)])
def test_pictures_of_a_line_or_two_tell_nothing_and_say_nothing(shape):
    pictures = [NOISE.random((*shape, 3)).astype(np.float32) for _ in range(6)]
    assert fields_sentence(6, lambda i: Frame(pictures[i], RGB)) is None


@pytest.mark.filterwarnings("error")
def test_infinite_pixels_are_looked_at_without_a_word():
    picture = np.full((8, 8, 3), np.inf, np.float32)
    picture[::3] = -np.inf
    assert fields_sentence(4, lambda i: Frame(picture, RGB)) is None
