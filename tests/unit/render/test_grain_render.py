"""Grain in the walk of a frame: which pictures are given it, and what stays as it was to the bit."""

from __future__ import annotations

import argparse
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from builders import RGB, MemoryPictures, box_matte, texture
from propainter.classical import ClassicalEngine
from propainter.flow_completion import FlowCompletion
from propainter.hole import hole_of
from propainter.learned import ProPainterEngine
from propainter.painter import Painter
from propainter.raft import Raft
from propainter.types import BidirectionalFlow, Settings
from propainter_backend.errors import BadInput
from propainter_backend.removal.options import add_shot_options, removal_of
from propainter_backend.render.crop import make_renderer, picture_from
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame

SIZE, COUNT = (192, 144), 5
SETTINGS = Settings(feather=0, grow=0, never_seen="smooth")
STRENGTHS = np.float32([6, 4, 5])
"""In steps of 8 bits."""
AMID = 2
STORE = ShotCache(None, memory_budget=1 << 28)
"""Of all tests: what is stored is named by its content."""
HOLE = box_matte(SIZE, left=64, top=40, width=60, height=56)


def fresh() -> ShotCache:
    return ShotCache(None, memory_budget=1 << 28)


def background() -> np.ndarray:
    """A wall whose light changes a little, rough on the left: float, 0..255."""
    wall = 90 + 60 * texture(SIZE[1], SIZE[0], seed=5)
    wall = cv2.GaussianBlur(wall, (0, 0), 8)
    rough = cv2.GaussianBlur(np.random.default_rng(6).normal(0, 1, wall.shape).astype(np.float32), (0, 0), 1.0) * 60
    rough[:, 50:] = 0
    return (wall + rough).astype(np.float32)


def grain(frame: int) -> np.ndarray:
    drawn = cv2.GaussianBlur(np.random.default_rng(100 + frame).normal(0, 1, (SIZE[1], SIZE[0], 3)), (0, 0), 0.6)
    return (drawn / drawn.std((0, 1)) * STRENGTHS).astype(np.float32)


def standing_shot(*, dtype: str = "uint8", has_grain: bool = True, **changes: object) -> Shot:
    """A tripod, and a box that stands: nobody ever sees what is behind it."""
    plates = []
    for i in range(COUNT):
        picture = background() + (grain(i) if has_grain else 0)
        picture[HOLE > 0] = 255
        whole = dtype == "uint8"
        pixels = np.rint(picture.clip(0, 255)).astype(np.uint8) if whole else ((picture / 255) ** 2.2).astype(dtype)
        plates.append(Frame(pixels, RGB, number=1001 + i))
    shot = Shot(MemoryPictures(plates, [HOLE] * COUNT), WorkingSpace.AUTO, SETTINGS, SIZE, match_grain=1.0)
    return replace(shot, **changes)


def cleaned(shot: Shot, picture: np.ndarray) -> Shot:
    pictures = shot.pictures
    assert isinstance(pictures, MemoryPictures)
    frame = Frame(np.rint(picture.clip(0, 255)).astype(np.uint8), RGB)
    return replace(shot, pictures=MemoryPictures(pictures.plates, pictures.mattes, dict.fromkeys(range(COUNT), frame)))


def render(shot: Shot, frames: tuple[int, ...] = (AMID,), store: ShotCache | None = None) -> list[np.ndarray]:
    renderer = ShotRenderer(shot, ClassicalEngine(), store or STORE)
    return [run_to_end(renderer.frame(i)).pixels for i in frames]


def fine(picture: np.ndarray) -> np.ndarray:
    """What is finer than light: (n, 3), well inside the hole."""
    inner = cv2.erode(HOLE, np.ones((9, 9))) > 0
    return (picture - cv2.GaussianBlur(picture, (0, 0), 3))[inner]


def test_a_smooth_fill_has_the_plates_grain_channel_by_channel_and_new_in_every_frame():
    shot = standing_shot()
    one, next_one = (frame.astype(np.float32) for frame in render(shot, (AMID, AMID + 1)))
    expected = fine(grain(7)).std(0)
    assert fine(one).std(0) / expected == pytest.approx(np.ones(3), abs=0.1)
    assert abs(np.corrcoef(fine(one).ravel(), fine(next_one).ravel())[0, 1]) < 0.1
    assert fine(render(replace(shot, match_grain=0.0))[0].astype(np.float32)).std() < 0.2 * expected.mean()


def test_half_of_the_grain_is_half_as_strong():
    half, whole = (fine(render(standing_shot(match_grain=m))[0].astype(np.float32)).std() for m in (0.5, 1.0))
    assert half / whole == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("own", [False, True], ids=["denoised", "grainy"])
def test_a_held_clean_plate_lives_and_has_the_plates_grain(own: bool):
    held = grain(50)
    shot = cleaned(standing_shot(), background() + (held if own else 0))
    one, next_one = (frame - background() for frame in render(shot, (AMID, AMID + 1)))
    assert fine(one).std(0) / fine(grain(7)).std(0) == pytest.approx(np.ones(3), abs=0.1)
    assert abs(np.corrcoef(fine(one).ravel(), fine(held).ravel())[0, 1]) < 0.25
    assert abs(np.corrcoef(fine(one).ravel(), fine(next_one).ravel())[0, 1]) < 0.25


def test_outside_the_matte_not_a_bit_changes_whatever_the_plate_is():
    for dtype in ("uint8", "float32", "float16"):
        shot = standing_shot(dtype=dtype)
        outside = hole_of(torch.from_numpy(HOLE), threshold=0.0, grow_pixels=0).numpy() == 0
        assert np.array_equal(render(shot)[0][outside], shot.pictures.plate(AMID).pixels[outside])


def test_a_linear_plate_is_matched_in_the_encoding_its_grain_was_measured_in():
    found = render(standing_shot(dtype="float32"))[0]
    encoded = (found.clip(0) ** (1 / 2.2) * 255).astype(np.float32)
    assert fine(encoded).std(0) / fine(grain(7)).std(0) == pytest.approx(np.ones(3), abs=0.1)


def test_a_plate_without_grain_gets_none_to_the_bit():
    for shot in (standing_shot(has_grain=False), cleaned(standing_shot(has_grain=False), background())):
        assert np.array_equal(render(shot)[0], render(replace(shot, match_grain=0.0))[0])


def test_a_sequence_of_two_frames_is_too_short_to_tell_grain():
    shot = standing_shot()
    short = MemoryPictures(shot.pictures.plates[:2], [HOLE] * 2)  # type: ignore[attr-defined]
    pair = replace(shot, pictures=short)
    assert np.array_equal(render(pair, (0,))[0], render(replace(pair, match_grain=0.0), (0,))[0])


def test_beyond_a_cut_the_grain_of_the_scene_before_is_not_seen():
    grainy, plain = (standing_shot(has_grain=has).pictures.plates for has in (True, False))  # type: ignore[attr-defined]
    both = MemoryPictures([*grainy[:4], *plain[:4]], [HOLE] * 8)
    shot = replace(standing_shot(), pictures=both, cuts=(4,))
    with_grain, without = (render(replace(shot, match_grain=m), (3, 4)) for m in (1.0, 0.0))
    assert not np.array_equal(with_grain[0], without[0]) and np.array_equal(with_grain[1], without[1])


def test_the_same_frame_has_the_same_grain_alone_or_after_others_and_after_an_edit():
    shot, store = standing_shot(), fresh()
    edited = replace(shot, pictures=MemoryPictures(shot.pictures.plates, [*[HOLE] * 4, np.roll(HOLE, 9, 1)]))  # type: ignore[attr-defined]
    everything = render(shot, tuple(range(COUNT)), store)
    assert np.array_equal(everything[AMID], render(shot, store=fresh())[0])
    assert np.array_equal(render(edited, (4,), store)[0], render(edited, (4,), fresh())[0])
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        assert np.array_equal(everything[AMID], render(shot, store=fresh())[0])
    finally:
        cv2.setNumThreads(threads)


def test_a_smaller_working_size_has_the_grain_of_the_plate_not_of_the_small_picture():
    small = render(standing_shot(working_size=(SIZE[0] // 2, SIZE[1] // 2)))[0].astype(np.float32)
    assert fine(small).std(0) / fine(grain(7)).std(0) == pytest.approx(np.ones(3), abs=0.12)


def test_boxes_around_the_matte_share_one_pattern_of_grain():
    shot = standing_shot()
    renderer = make_renderer(shot, ClassicalEngine(), STORE, crop_padding=32)
    boxed = run_to_end(renderer.frame(AMID)).pixels.astype(np.float32)
    alike = np.corrcoef(fine(boxed).ravel(), fine(render(shot)[0].astype(np.float32)).ravel())[0, 1]
    assert alike > 0.95


def test_the_grain_free_fill_has_none_and_is_laid_over_like_the_fill():
    shot = cleaned(standing_shot(), background() + grain(50))
    renderer = ShotRenderer(shot, ClassicalEngine(), STORE)
    free = run_to_end(picture_from(renderer, AMID, "grain_free"))
    assert free.shape == (SIZE[1], SIZE[0], 4) and np.array_equal(free[..., 3], HOLE)
    assert not free[HOLE == 0].any()
    left = fine((free[..., :3] * 255 - background()) * HOLE[..., None])
    assert left.std() < 0.35 * fine(grain(7)).std()
    without = run_to_end(
        picture_from(ShotRenderer(replace(shot, match_grain=0.0), ClassicalEngine(), STORE), AMID, "grain_free")
    )
    assert np.array_equal(free, without)
    far = replace(shot, pictures=MemoryPictures(shot.pictures.plates, [np.zeros_like(HOLE)] * COUNT))  # type: ignore[attr-defined]
    assert not run_to_end(picture_from(ShotRenderer(far, ClassicalEngine(), STORE), AMID, "grain_free")).any()


class StandingNetworks(ProPainterEngine):
    """The networks with weights nobody trained, but for the flow: nothing moves."""

    def estimate_flow(
        self, frames: torch.Tensor, *, iterations: int, stop: float = 0.0, keys: object = None
    ) -> BidirectionalFlow:
        still = frames.new_zeros(1, frames.shape[1] - 1, 2, *frames.shape[3:])
        return BidirectionalFlow(still, still.clone())


def test_what_networks_painted_is_given_grain_as_well():
    """All that is known of their fill is what it shows: as much as its flat parts have is not laid on again."""
    torch.manual_seed(0)
    engine = StandingNetworks(Raft(), FlowCompletion(), Painter(), weights_id="none", device=torch.device("cpu"))
    store = fresh()
    with_grain, without = (
        run_to_end(ShotRenderer(replace(standing_shot(), match_grain=m), engine, store).frame(AMID)).pixels
        for m in (1.0, 0.0)
    )
    added = with_grain.astype(np.float32) - without
    assert not added[HOLE == 0].any()
    inner = cv2.erode(HOLE, np.ones((9, 9))) > 0
    assert added[inner].std(0) / grain(7).std((0, 1)) == pytest.approx(np.ones(3), abs=0.35)
    assert abs(np.corrcoef(added[inner].ravel(), grain(AMID)[inner].ravel())[0, 1]) < 0.1


@pytest.mark.parametrize(("given", "expected"), [((), 1.0), (("--match-grain", "0.4"), 0.4), (("--draft",), 0.0)])
def test_finals_match_grain_unless_they_are_told_not_to_and_drafts_never_do(given: tuple[str, ...], expected: float):
    parser = argparse.ArgumentParser()
    add_shot_options(parser)
    parser.add_argument("--report")
    parser.add_argument("--contact-sheet")
    wish = removal_of(parser.parse_args(["--plate", "p", "--matte", "m", "--output", "o", *given]))
    assert wish.drafted_grain() == expected


@pytest.mark.parametrize("value", ["1.5", "-0.1", "nan"])
def test_a_share_of_grain_that_is_none_is_refused(value: str):
    parser = argparse.ArgumentParser()
    add_shot_options(parser)
    with pytest.raises(BadInput, match=r"--match-grain is .*; choose a share between 0"):
        removal_of(parser.parse_args(["--plate", "p", "--matte", "m", "--output", "o", f"--match-grain={value}"]))
