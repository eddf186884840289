"""Cuts are found on the plate; what merely changes fast, in motion or in light, is none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from builders import texture
from propainter.scene_cuts import is_cut, small

COUNT = 8


def scene(seed: int, *, at: list[int] | None = None, count: int = COUNT) -> list[np.ndarray]:
    """Frames (120, 200, 3) of a picture of its own colours, panning: black 0, white 1. at: where the camera looks."""
    places = [3 * i for i in range(count)] if at is None else at
    rng = np.random.default_rng(seed)
    detail = texture(120, 200 + places[-1], seed=seed)
    broad = cv2.resize(rng.random((4, 6, 3)).astype(np.float32), detail.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    wide = (0.45 * detail + 0.55 * broad).clip(0, 1)
    return [wide[:, place : place + 200] for place in places]


def cuts(frames: list[np.ndarray]) -> list[int]:
    pictures = [small((frame * 2 - 1).astype(np.float32)) for frame in frames]
    return [pair + 1 for pair in range(len(frames) - 1) if is_cut(pictures.__getitem__, pair, len(frames))]


def eight_bit(frames: list[np.ndarray]) -> list[np.ndarray]:
    return [np.rint(frame.clip(0, 1) * 255).astype(np.float32) / 255 for frame in frames]


LIGHTS = {
    "plain": lambda frames: frames,
    "dark": lambda frames: eight_bit([0.1 * frame for frame in frames]),
    "low contrast": lambda frames: eight_bit([0.45 + 0.1 * frame for frame in frames]),
    "bright, linear": lambda frames: [20 * frame**2.2 for frame in frames],
    "fading in": lambda frames: [(0.3 + 0.04 * i) * frame for i, frame in enumerate(frames)],
    "noisy": lambda frames: [
        frame + np.random.default_rng(i).normal(0, 0.02, frame.shape).astype(np.float32)
        for i, frame in enumerate(frames)
    ],
}


@pytest.mark.parametrize("light", LIGHTS)
def test_every_splice_is_found_and_nothing_else(light: str) -> None:
    scenes = [scene(seed) for seed in range(4)]
    for a, b in ((0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (3, 1)):
        assert cuts(LIGHTS[light](scenes[a][2:4] + scenes[b][4:6])) == [2]


def test_a_scene_of_its_own_after_another_of_two_frames_is_found_too() -> None:
    assert cuts(scene(1)[:2] + scene(2)[:2] + scene(3)[:3]) == [2, 4]


CHANGES = {
    "a flash": lambda s: [*s[:4], (s[4] * 0.3 + 0.8).clip(0, 1), *s[5:]],
    "a frame gone dark": lambda s: [*s[:4], s[4] * 0.02, *s[5:]],
    "a strobe": lambda s: [(frame * (2.5 if i % 2 else 0.3)).clip(0, 1) for i, frame in enumerate(s)],
    "a jump of exposure": lambda s: [(frame * (1.6 if i > 3 else 0.7)).clip(0, 1) for i, frame in enumerate(s)],
    "a jump that clips": lambda s: [(frame * (2.2 if i > 3 else 0.6)).clip(0, 1) for i, frame in enumerate(s)],
    "a fade to nearly black": lambda s: [frame * max(0.03, 1 - i / 5) for i, frame in enumerate(s)],
    "a frozen frame": lambda s: [*s[:4], *[s[4]] * 4],
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", range(2))
def test_a_change_of_light_is_no_cut(change: str, seed: int) -> None:
    assert cuts(CHANGES[change](scene(seed))) == []


@pytest.mark.parametrize("length", [4, 8, 16])
def test_a_dissolve_is_no_cut(length: int) -> None:
    first, second = scene(1, count=length + 4), scene(2, count=length + 4)
    share = ((np.arange(length + 4) - 1) / (length + 1)).clip(0, 1)
    assert cuts([a * (1 - t) + b * t for a, b, t in zip(first, second, share, strict=True)]) == []


@pytest.mark.parametrize("step", [25, 50])
def test_a_whip_pan_is_no_cut(step: int) -> None:
    """Up to a quarter of the picture a frame, from one frame to the next, with the blur of its speed."""
    frames = scene(4, at=[0, 0, 0, step, 2 * step, 3 * step, 4 * step, 4 * step])
    assert cuts([cv2.blur(frame, (step, 1)) if 2 < i < 7 else frame for i, frame in enumerate(frames)]) == []


def test_pictures_without_anything_in_them_are_alike() -> None:
    assert cuts([np.full((40, 60, 3), 0.5, np.float32)] * 4) == []
    assert cuts([np.zeros((40, 60, 3), np.float32)] * 2) == []
