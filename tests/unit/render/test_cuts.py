"""Across a cut of the film nothing is borrowed: a spliced shot is its two scenes, rendered apart."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from builders import RGB, MemoryPictures, ToyEngine, texture
from propainter import stages
from propainter.classical import ClassicalEngine
from propainter.engine import Engine
from propainter.types import Settings
from propainter_backend.render.crop import CroppedRenderer
from propainter_backend.render.shot import Cuts, Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.stages.painting import invented
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame

SIZE, SETTINGS = (112, 80), Settings(grow=2, feather=1, neighbor_length=4, ref_stride=4, chunk_length=40)


def scene(seed: int, count: int) -> MemoryPictures:
    """A pan over a picture of its own colours, and a box that goes across it."""
    width, height = SIZE
    rng = np.random.default_rng(seed)
    detail = texture(height, width + 3 * count, seed=seed)
    broad = cv2.resize(rng.random((3, 6, 3)).astype(np.float32), detail.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    wide = (0.45 * detail + 0.55 * broad).clip(0, 1)
    plates, mattes = [], []
    for i in range(count):
        matte = np.zeros((height, width), np.float32)
        matte[24:52, 16 + 4 * i : 40 + 4 * i] = 1
        picture = np.where(matte[..., None] > 0, 0.5, wide[:, 3 * i : 3 * i + width])
        plates.append(Frame(np.rint(picture * 255).astype(np.uint8), RGB, number=i))
        mattes.append(matte)
    return MemoryPictures(plates, mattes)


def spliced(*scenes: MemoryPictures) -> MemoryPictures:
    plates = [plate for each in scenes for plate in each.plates]
    mattes = [matte for each in scenes for matte in each.mattes]
    return MemoryPictures([replace(plate, number=i) for i, plate in enumerate(plates)], mattes)


def shot_of(pictures: MemoryPictures, cuts: Cuts = "auto", **change: object) -> Shot:
    return replace(Shot(pictures, WorkingSpace.SRGB, SETTINGS, SIZE, cuts=cuts), **change)


def rendered(shot: Shot, engine: Engine) -> tuple[list[np.ndarray], list[int]]:
    asked = ShotRenderer(shot, engine, ShotCache(None, memory_budget=1 << 30))
    return [run_to_end(asked.frame(i)).pixels for i in range(shot.pictures.frame_count)], asked.cuts


@pytest.mark.parametrize("working", [None, (56, 40)])
def test_a_spliced_shot_is_its_scenes_rendered_apart_to_the_bit(working: tuple[int, int] | None) -> None:
    first, second = scene(1, 9), scene(2, 7)
    both, cuts = rendered(shot_of(spliced(first, second), working_size=working), ClassicalEngine())
    apart = [rendered(shot_of(each, working_size=working), ClassicalEngine()) for each in (first, second)]
    assert cuts == [9]
    assert [found for _, found in apart] == [[], []]
    assert all(np.array_equal(a, b) for a, b in zip(both, [*apart[0][0], *apart[1][0]], strict=True))


@pytest.mark.parametrize("engine", [ClassicalEngine, ToyEngine])
def test_what_is_in_one_scene_does_not_reach_the_other(engine: type[Engine]) -> None:
    first, second, other = scene(1, 9), scene(2, 7), scene(3, 7)
    before, _ = rendered(shot_of(spliced(first, second)), engine())
    after, cuts = rendered(shot_of(spliced(first, other)), engine())
    assert cuts == [9]
    assert all(np.array_equal(a, b) for a, b in zip(before[:9], after[:9], strict=True))
    uncut, none = rendered(shot_of(spliced(first, second), "none"), engine())
    assert none == []
    assert any(not np.array_equal(a, b) for a, b in zip(before, uncut, strict=True))


def test_named_cuts_are_those_and_no_others() -> None:
    pictures = scene(1, 12)
    named, cuts = rendered(shot_of(pictures, (5,)), ClassicalEngine())
    parts = [MemoryPictures(pictures.plates[part], pictures.mattes[part]) for part in (slice(5), slice(5, 12))]
    apart = [rendered(shot_of(part), ClassicalEngine())[0] for part in parts]
    assert cuts == [5]
    assert all(np.array_equal(a, b) for a, b in zip(named, [*apart[0], *apart[1]], strict=True))


def test_in_memory_a_cut_is_the_same_to_the_bit() -> None:
    shot = shot_of(spliced(scene(1, 9), scene(2, 7)))
    asked = ShotRenderer(shot, ClassicalEngine(), ShotCache(None, memory_budget=1 << 30))
    frames = torch.stack([asked.working(i) for i in range(16)])[None]
    holes = torch.stack([asked.hole(i) for i in range(16)])[None, :, None]
    told = stages.remove(ClassicalEngine(), frames, holes, settings=SETTINGS, cuts={9})
    for i in range(16):
        assert torch.equal(run_to_end(asked.fill(i)), torch.where(holes[0, i] > 0, told.fill(i), frames[0, i]))


def standing(seed: int, count: int) -> MemoryPictures:
    """A camera that stands, grain that is new in every frame, and a box that covers the same pixels in all of them."""
    pictures = scene(seed, count)
    rng = np.random.default_rng(seed)
    matte = np.zeros_like(pictures.mattes[0])
    matte[24:52, 40:70] = 1
    still = np.where(matte[..., None] > 0, 128, pictures.plates[0].pixels).astype(np.float32)
    plates = [
        replace(plate, pixels=(still + rng.normal(0, 4, still.shape)).clip(0, 255).astype(np.uint8))
        for plate in pictures.plates
    ]
    return MemoryPictures(plates, [matte] * count)


@pytest.mark.slow
def test_texture_is_copied_from_its_own_scene_alone() -> None:
    """What no frame shows, too: also across the chunks of one scene, and whatever stands in the other."""
    settings = replace(SETTINGS, chunk_length=10)
    both = shot_of(spliced(standing(1, 9), standing(2, 16)), settings=settings)
    asked = ShotRenderer(both, ClassicalEngine(), ShotCache(None, memory_budget=1 << 30))
    for i in range(25):
        found = run_to_end(invented(asked.ask, i))
        assert found is not None and found.copied.any()
        named = found.source[found.copied]
        assert ((named < 9) == (i < 9)).all()
    assert asked.cuts == [9]
    assert asked.counts.kernels_in_holes == 0
    other = shot_of(spliced(standing(1, 9), standing(3, 16)), settings=settings)
    before, after = (rendered(shot, ClassicalEngine())[0][:9] for shot in (both, other))
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_previews_and_crops_stop_at_a_cut_too() -> None:
    first, second, other = scene(1, 9), scene(2, 7), scene(3, 7)
    quick, cropped = [], []
    for tail in (second, other):
        shot = shot_of(spliced(first, tail))
        asked = ShotRenderer(shot, ClassicalEngine(), ShotCache(None, memory_budget=1 << 30))
        quick.append(run_to_end(asked.frame(7, provisional=True)).pixels)
        through = CroppedRenderer(shot, ClassicalEngine(), ShotCache(None, memory_budget=1 << 30), padding=60)
        cropped.append(run_to_end(through.frame(7)).pixels)
        assert through.cuts == [9]
    assert np.array_equal(*quick) and np.array_equal(*cropped)


def test_an_edit_of_the_roto_asks_for_no_cut_again() -> None:
    shot, cache = shot_of(spliced(scene(1, 9), scene(2, 7))), ShotCache(None, memory_budget=1 << 30)
    run_to_end(ShotRenderer(shot, ClassicalEngine(), cache).frame(4))
    assert isinstance(shot.pictures, MemoryPictures)
    mattes = [*shot.pictures.mattes]
    mattes[4] = np.roll(mattes[4], 3, 1)
    after = ShotRenderer(replace(shot, pictures=replace(shot.pictures, mattes=mattes)), ClassicalEngine(), cache)
    with after.ask.only_stored():
        assert [after.ask.now("cut", pair)["is_cut"][0] for pair in range(9)] == [pair == 8 for pair in range(9)]
