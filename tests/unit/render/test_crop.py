"""Crop to matte: what is seen through the box, what stays as it was, and how stretches meet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from builders import RGB, MemoryPictures, ToyEngine, box_matte, moving_plates
from propainter.hole import soft_alpha
from propainter.types import BidirectionalFlow, Settings
from propainter_backend.render.crop import (
    GRID,
    OVERLAP,
    SMALLEST,
    CroppedRenderer,
    StretchPlan,
    automatic_padding,
    make_renderer,
    picture_from,
)
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame

SIZE = (320, 256)
SHORT = Settings(neighbor_length=4, ref_stride=4, chunk_length=24, flow_iterations=3)
WHOLE_PLATE = 1000
"""A padding beyond any plate."""


def cache() -> ShotCache:
    return ShotCache(None, memory_budget=1 << 30)


def shot_of(count: int, *, dtype: str = "uint8", step: int = 1) -> Shot:
    """A box to remove that wanders to the right, far from the plate's edges."""
    mattes = [box_matte(SIZE, left=96 + step * i, top=100) for i in range(count)]
    return Shot(MemoryPictures(moving_plates(count, size=SIZE, dtype=dtype), mattes), WorkingSpace.AUTO, SHORT, SIZE)


def rendered(renderer: CroppedRenderer | ShotRenderer, frames: range) -> list[np.ndarray]:
    return [run_to_end(renderer.frame(i)).pixels for i in frames]


@dataclass
class Watched(ToyEngine):
    """Remembers the sizes of what it was given."""

    sizes: set[tuple[int, int]] = field(default_factory=set)

    def estimate_flow(self, frames: torch.Tensor, *, iterations: int, stop: float = 0.0) -> BidirectionalFlow:
        self.sizes.add((frames.shape[-1], frames.shape[-2]))
        return super().estimate_flow(frames, iterations=iterations, stop=stop)


@given(count=st.integers(1, 400), length=st.integers(2, 150))
def test_every_frame_is_given_once_in_all_and_only_by_stretches_that_hold_it(count: int, length: int) -> None:
    plan = StretchPlan(count, length)
    assert all(s.last - s.first < max(length, 2 * OVERLAP) + 3 * OVERLAP for s in plan.stretches)
    assert plan.stretches[0].first == 0 and plan.stretches[-1].last == count - 1
    for frame in range(count):
        seen = plan.of(frame)
        assert 1 <= len(seen) <= 2
        assert sum(s.share(frame) for s in seen) == pytest.approx(1)
        assert frame in plan.reach(frame)
        for stretch in seen:
            assert stretch.first <= frame <= stretch.last


def test_stretches_are_anchored_at_the_first_frame_whatever_the_length_of_the_shot() -> None:
    assert StretchPlan(500, 80).stretches[:4] == StretchPlan(900, 80).stretches[:4]
    assert [(s.first, s.last) for s in StretchPlan(168, 80).stretches] == [(0, 89), (70, 167)]


def test_a_box_of_the_whole_plate_gives_the_picture_of_the_whole_plate() -> None:
    shot = shot_of(12)
    expected = rendered(ShotRenderer(shot, ToyEngine(), cache()), range(12))
    got = rendered(CroppedRenderer(shot, ToyEngine(), cache(), padding=WHOLE_PLATE), range(12))
    assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))


def test_networks_see_no_more_than_the_box_and_outside_the_matte_nothing_changes() -> None:
    shot, engine = shot_of(12), Watched()
    renderer = CroppedRenderer(shot, engine, cache(), padding=16)
    box = renderer.box(renderer.stretches.stretches[0])
    assert box == (64, 64, 128, 128)  # 76..138 and 80..128, snapped to 64..160 and 64..128, then widened to 128
    assert all(edge % GRID == 0 for edge in box[:2]) and min(box[2:]) >= SMALLEST
    for i, pixels in enumerate(rendered(renderer, range(12))):
        alpha = soft_alpha(torch.from_numpy(shot.pictures.matte(i)), threshold=0.0, grow_pixels=4, feather=3).numpy()
        plate = shot.pictures.plate(i).pixels
        assert np.array_equal(pixels[alpha == 0], plate[alpha == 0])
        assert not np.array_equal(pixels, plate)
    assert engine.sizes == {(128, 128)}


@pytest.mark.parametrize(("size", "padding"), [((320, 256), 32), ((256, 320), 32), ((1920, 1080), 135), ((100, 57), 8)])
def test_a_margin_nobody_chose_is_an_eighth_of_the_shorter_side(size: tuple[int, int], padding: int) -> None:
    matte = box_matte(size, left=size[0] // 3, top=size[1] // 3, width=size[0] // 3, height=size[1] // 3)
    pictures = MemoryPictures([Frame(np.zeros((*size[::-1], 3), np.uint8), RGB)] * 3, [matte] * 3)
    shot = Shot(pictures, WorkingSpace.AUTO, SHORT, size)
    automatic, asked = (CroppedRenderer(shot, ToyEngine(), cache(), padding=given) for given in (0, padding))
    box = automatic.box(automatic.stretches.stretches[0])
    assert box is not None and box == asked.box(asked.stretches.stretches[0])
    assert automatic_padding(size) == padding


def test_other_channels_than_colour_come_through() -> None:
    shot = shot_of(4)
    rgba = [
        Frame(np.dstack([frame.pixels, np.full(SIZE[::-1], i, np.uint8)]), (*RGB, "A"))
        for i, frame in enumerate(shot.pictures.plates)
    ]
    shot = replace(shot, pictures=MemoryPictures(rgba, shot.pictures.mattes))
    renderer = CroppedRenderer(shot, ToyEngine(), cache(), padding=16)
    assert (run_to_end(renderer.frame(2)).pixels[..., 3] == 2).all()
    assert run_to_end(renderer.picture(2, "result")).shape == (SIZE[1], SIZE[0], 4)


def test_an_edit_within_the_box_costs_no_flow_and_one_beyond_it_does() -> None:
    shot, store, engine = shot_of(12), cache(), ToyEngine()
    rendered(CroppedRenderer(shot, engine, store, padding=16), range(12))
    pairs = engine.calls["pairs"]
    for left, is_new in ((100, False), (180, True)):
        mattes = list(shot.pictures.mattes)
        mattes[5] = box_matte(SIZE, left=left, top=102)
        edited = replace(shot, pictures=MemoryPictures(shot.pictures.plates, mattes))
        renderer = CroppedRenderer(edited, engine, store, padding=16)
        rendered(renderer, range(12))
        assert (engine.calls["pairs"] > pairs) == is_new
        assert (renderer.counts.report()["flow"]["computed"] > 0) == is_new


def test_an_edit_far_away_redoes_nothing_here() -> None:
    shot, store = shot_of(90, step=0), cache()
    rendered(CroppedRenderer(shot, ToyEngine(), store, padding=16), range(90))
    mattes = list(shot.pictures.mattes)
    mattes[80] = box_matte(SIZE, left=100, top=104)
    renderer = CroppedRenderer(
        replace(shot, pictures=MemoryPictures(shot.pictures.plates, mattes)), ToyEngine(), store, padding=16
    )
    rendered(renderer, range(38))  # frame 38 is the first given by the stretch that sees frame 80
    assert {stage: n["computed"] for stage, n in renderer.counts.report().items() if n["computed"]} == {"composite": 38}
    rendered(renderer, range(80, 81))
    _, windows, _ = renderer.counts.units()["painting"]
    assert windows and min(windows) >= 62  # named by the shot's own frames


def test_where_stretches_overlap_one_fades_into_the_other() -> None:
    shot = shot_of(60, dtype="float32", step=2)
    renderer = CroppedRenderer(shot, ToyEngine(), cache(), padding=16)
    first, second = renderer.stretches.stretches[:2]
    assert (first.first, first.last, second.first) == (0, 24 + OVERLAP - 1, 24 - OVERLAP)
    alone = {}
    for stretch in (first, second):
        box = renderer.box(stretch)
        assert box is not None
        part = ShotRenderer(renderer._shot_of(stretch, box), ToyEngine(), cache())
        x, y, width, height = box
        alone[stretch.number] = shot.pictures.plate(20).pixels.copy()
        alone[stretch.number][y : y + height, x : x + width] = run_to_end(part.frame(20 - stretch.first)).pixels
    share = (20 - second.first + 0.5) / (2 * OVERLAP)
    expected = alone[0] * (1 - share) + alone[1] * share
    assert np.allclose(run_to_end(renderer.frame(20)).pixels, expected, atol=1e-6)
    assert not np.array_equal(alone[0], alone[1])


def test_frames_without_anything_to_remove_are_handed_through() -> None:
    shot = shot_of(5)
    bare = replace(shot, pictures=MemoryPictures(shot.pictures.plates, [np.zeros(SIZE[::-1], np.float32)] * 5))
    engine = ToyEngine()
    renderer = make_renderer(bare, engine, cache(), crop_padding=16)
    assert run_to_end(renderer.frame(3)) is bare.pictures.plate(3)
    for output, channels in (("fill", 4), ("hole", 1), ("unseen", 1), ("flow", 2), ("difference", 3)):
        picture = run_to_end(picture_from(renderer, 3, output))
        assert picture.shape == (SIZE[1], SIZE[0], channels) and not picture.any()
    assert not engine.calls and renderer.unseen_pixels(3) == (0, 0)


def test_a_smaller_working_size_is_that_of_the_box() -> None:
    shot, engine = replace(shot_of(6), working_size=(160, 128)), Watched()
    rendered(CroppedRenderer(shot, engine, cache(), padding=16), range(6))
    assert engine.sizes == {(64, 64)}


def test_what_is_stored_is_told_stretch_by_stretch() -> None:
    shot, store = shot_of(60, step=0), cache()
    assert not any(any(stage) for stage in CroppedRenderer(shot, ToyEngine(), store, padding=16).cached().values())
    rendered(CroppedRenderer(shot, ToyEngine(), store, padding=16), range(10))
    stored = CroppedRenderer(shot, ToyEngine(), store, padding=16).cached()
    assert all(stored["painting"][:10]) and not any(stored["painting"][40:])
    assert [len(stored[stage]) for stage in ("flow", "completion", "propagation", "painting")] == [59, 59, 60, 60]
