"""A hole sees as far as the shot goes: places are carried from chunk to chunk, and an edit stays where it matters."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from builders import RGB, MemoryPictures, texture
from propainter import stages
from propainter.classical import ClassicalEngine
from propainter.types import Settings
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame
from propainter_plan.layouts import ClassicalLayout
from propainter_plan.plan import ShotPlan
from propainter_plan.redo import stale_units
from propainter_plan.units import Chunk

SIZE, COUNT = (80, 56), 56
SHORT = Settings(grow=0, feather=0, chunk_length=14)
WHOLE = replace(SHORT, chunk_length=100)


def slow_pan(count: int = COUNT, *, side: int = 18) -> Shot:
    """The background creeps 1 px a frame to the left, under a hole that stands: a pixel of it is seen 18 frames away."""
    width, height = SIZE
    wide = cv2.GaussianBlur(texture(height, width + count + 8, seed=4), (0, 0), 0.8)
    plates, mattes = [], []
    for i in range(count):
        picture = np.rint(wide[:, i : i + width] * 255).astype(np.uint8)
        matte = np.zeros((height, width), np.float32)
        matte[18:38, 36 : 36 + side] = 1
        plates.append(Frame(np.where(matte[..., None] > 0, np.uint8(255), picture), RGB, number=i))
        mattes.append(matte)
    return Shot(MemoryPictures(plates, mattes), WorkingSpace.SRGB, SHORT, SIZE)


def store() -> ShotCache:
    return ShotCache(None, memory_budget=1 << 30)


def renderer(shot: Shot, cache: ShotCache, settings: Settings = SHORT) -> ShotRenderer:
    return ShotRenderer(replace(shot, settings=settings), ClassicalEngine(), cache)


def pulled(asked: ShotRenderer) -> tuple[np.ndarray, np.ndarray]:
    """Propagated pictures [t, 3, h, w], and what is unseen in them [t, 1, h, w]."""
    both = [run_to_end(asked.propagated(i)) for i in range(asked.plan.frame_count)]
    return tuple(torch.stack(part).numpy() for part in zip(*both, strict=True))  # type: ignore[return-value]


def edited(shot: Shot, frame: int) -> Shot:
    assert isinstance(shot.pictures, MemoryPictures)
    mattes = list(shot.pictures.mattes)
    mattes[frame] = mattes[frame].copy()
    mattes[frame][16:38, 36:56] = 1
    return replace(shot, pictures=replace(shot.pictures, mattes=mattes))


@pytest.mark.slow
def test_around_the_borders_of_chunks_as_little_is_unseen_as_in_one_chunk() -> None:
    shot = slow_pan()
    (short, unseen), (whole, expected) = pulled(renderer(shot, store())), pulled(renderer(shot, store(), WHOLE))
    hole = np.stack([shot.pictures.matte(i) for i in range(COUNT)]) > 0
    shares, wanted = unseen.sum((1, 2, 3)) / hole.sum((1, 2)), expected.sum((1, 2, 3)) / hole.sum((1, 2))
    assert wanted.max() < 0.05
    assert np.abs(shares - wanted).max() < 0.02  # 0.3 more with chunks of 14 that see 10 frames beyond
    both = hole & (unseen[:, 0] == 0) & (expected[:, 0] == 0)
    assert np.abs(short - whole).transpose(0, 2, 3, 1)[both].mean() < 0.01


def test_in_memory_and_streamed_they_are_the_same_to_the_bit() -> None:
    shot = slow_pan(32)
    asked = renderer(shot, store())
    frames = torch.stack([asked.working(i) for i in range(32)])[None]
    holes = torch.stack([asked.hole(i) for i in range(32)])[None, :, None]
    told = stages.remove(ClassicalEngine(), frames, holes, settings=SHORT)
    for i in range(32):
        assert torch.equal(run_to_end(asked.fill(i)), torch.where(holes[0, i] > 0, told.fill(i), frames[0, i]))


@pytest.mark.slow
def test_an_edit_equals_scratch_and_redoes_only_chunks_that_look_there() -> None:
    frame, shot, cache = 3, slow_pan(50), store()
    pulled(renderer(shot, cache))
    after = edited(shot, frame)
    redone = renderer(after, cache)
    pictures, unseen = pulled(redone)
    scratch = pulled(renderer(after, store()))
    assert np.array_equal(pictures, scratch[0]) and np.array_equal(unseen, scratch[1])
    computed = redone.counts.of("propagation").computed
    looking = {chunk for chunk in redone.plan.propagation if chunk.reach_first - 20 <= frame <= chunk.reach_last + 20}
    assert computed <= looking
    assert len(computed) < len(redone.plan.propagation)


@pytest.mark.slow
def test_an_edit_of_a_frame_that_nobody_names_redoes_its_neighbours_alone() -> None:
    """The pan stops: what is hidden from then on was last seen before, or never; nothing names the frames of the rest."""
    shot, cache = slow_pan(60), store()
    assert isinstance(shot.pictures, MemoryPictures)
    rest = [replace(shot.pictures.plates[20], number=i) for i in range(20, 60)]
    still = replace(shot, pictures=replace(shot.pictures, plates=[*shot.pictures.plates[:20], *rest]))
    pulled(renderer(still, cache))
    after = edited(still, 55)
    redone = renderer(after, cache)
    pictures, _ = pulled(redone)
    assert np.array_equal(pictures, pulled(renderer(after, store()))[0])
    assert {chunk.core_first for chunk in redone.counts.of("propagation").computed} <= {42, 56}


def test_where_a_frame_at_a_border_has_no_hole_the_shot_is_looked_at_no_further() -> None:
    shot = slow_pan(60)
    assert isinstance(shot.pictures, MemoryPictures)
    mattes = [matte if i >= 32 else np.zeros_like(matte) for i, matte in enumerate(shot.pictures.mattes)]
    asked = renderer(replace(shot, pictures=replace(shot.pictures, mattes=mattes)), store())
    run_to_end(asked.frame(59))
    assert min(asked.counts.of("flow").computed) >= 18  # the chunk of 42..55 reaches back to 32, the one before to 18


def test_a_preview_still_looks_at_a_second_of_film_alone() -> None:
    asked = renderer(slow_pan(), store())
    run_to_end(asked.frame(40, provisional=True))
    assert asked.counts.of("flow").computed == set(range(28, 52))


@pytest.mark.slow
def test_the_same_bits_on_any_number_of_threads() -> None:
    shot, threads, found = slow_pan(30), (cv2.getNumThreads(), torch.get_num_threads()), []
    try:
        for count in (1, 2):
            cv2.setNumThreads(count)
            torch.set_num_threads(count)
            found.append(pulled(renderer(shot, store()))[0])
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])
    assert np.array_equal(*found)


def test_the_plan_carries_from_border_to_border_and_sees_the_whole_shot() -> None:
    plan = ShotPlan(ClassicalLayout(), 60, SHORT)
    assert plan.carried["past"] == (
        Chunk(4, 4, 0, 4),
        Chunk(18, 18, 4, 18),
        Chunk(32, 32, 18, 32),
        Chunk(46, 46, 32, 46),
    )
    assert plan.carried["future"] == (
        Chunk(23, 23, 23, 37), Chunk(37, 37, 37, 51), Chunk(51, 51, 51, 59)
    )  # fmt: skip
    assert plan.plan([30]).frames == tuple(range(60))
    assert set(plan.plan([30]).units) == {"flow", "completion", "propagation", "painting"}
    tiny = ShotPlan(ClassicalLayout(), 3000, replace(SHORT, chunk_length=2))  # chains deeper than calls may nest
    assert tiny.plan([1500]).frames == tuple(range(3000))


def test_the_redo_map_follows_what_is_carried() -> None:
    plan = ShotPlan(ClassicalLayout(), 60, SHORT)
    cached = {name: frozenset(plan.parts(name)) for name in ("flow", "completion", "propagation", "painting")}
    nothing = stale_units(plan, range(60), before=plan, cached=cached, changed=frozenset())
    assert not any(nothing.values())
    cached["completion"] -= {8}
    stale = stale_units(plan, range(60), before=plan, cached=cached, changed=frozenset())
    assert stale["completion"] == (Chunk(8, 8, 8, 8),)
    assert len(stale["propagation"]) == len(
        plan.propagation
    )  # at most: most often the places carried come out as they were


@pytest.mark.slow
def test_a_chain_of_many_chunks_is_walked_one_after_the_other() -> None:
    """250 stretches: calls nested six deep for each would break off at a depth of 1000."""
    shot = slow_pan(8)
    assert isinstance(shot.pictures, MemoryPictures)
    tiny = np.zeros((16, 16), np.float32)
    tiny[6:8, 6:8] = 1
    plate = Frame(np.rint(texture(16, 16, seed=1) * 255).astype(np.uint8), RGB)
    count = 260
    pictures, settings = MemoryPictures([plate] * count, [tiny] * count), replace(SHORT, chunk_length=2)
    long = replace(shot, pictures=pictures, plate_size=(16, 16), settings=settings)
    asked = ShotRenderer(long, ClassicalEngine(), store())
    picture, unseen = run_to_end(asked.propagated(count - 1))
    assert picture.shape == (3, 16, 16) and unseen.sum() == 4
