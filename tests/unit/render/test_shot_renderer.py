"""The walk of a frame: what is computed, what is reused, and that neither changes the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from builders import RGB, MemoryPictures, ToyEngine, box_matte, box_shot
from propainter import stages
from propainter.classical import ClassicalEngine
from propainter.composite import composite
from propainter.hole import hole_of, soft_alpha
from propainter.types import Settings
from propainter_backend.render.clean_plate import CleanPlate
from propainter_backend.render.crop import unseen_share
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import run_to_end
from propainter_pictures.frame import Frame
from propainter_plan.plan import ShotPlan

SHORT = Settings(neighbor_length=4, ref_stride=4, chunk_length=16, flow_iterations=3)


def cache() -> ShotCache:
    return ShotCache(None, memory_budget=1 << 30)


def render(shot: Shot, store: ShotCache, engine: ToyEngine | None = None, frames: range | None = None):
    renderer = ShotRenderer(shot, engine or ToyEngine(), store)
    wanted = frames if frames is not None else range(shot.pictures.frame_count)
    return [run_to_end(renderer.frame(i)).pixels for i in wanted], renderer


def edited(shot: Shot, frame: int) -> Shot:
    """The same shot after one frame's matte was moved by three pixels."""
    pictures = shot.pictures
    assert isinstance(pictures, MemoryPictures)
    mattes = list(pictures.mattes)
    mattes[frame] = box_matte(shot.plate_size, left=24, top=15)
    return replace(shot, pictures=MemoryPictures(pictures.plates, mattes))


def computed(renderer: ShotRenderer) -> dict[str, int]:
    return {stage: int(count["computed"]) for stage, count in renderer.counts.report().items()}


@pytest.mark.parametrize("count", [1, 2, 3, 12, 40])
def test_streaming_gives_the_very_picture_of_the_whole_story_in_memory(count):
    shot = box_shot(count, SHORT)
    got, _ = render(shot, cache())
    plates = [shot.pictures.plate(i) for i in range(count)]
    frames = torch.stack([torch.from_numpy(p.pixels.astype(np.float32) / 255 * 2 - 1).permute(2, 0, 1) for p in plates])
    mattes = [torch.from_numpy(shot.pictures.matte(i)) for i in range(count)]
    holes = torch.stack([hole_of(m, threshold=0.0, grow_pixels=4)[None] for m in mattes])
    story = stages.remove(ToyEngine(), frames[None], holes[None], settings=SHORT)
    for i in range(count):
        alpha = soft_alpha(mattes[i], threshold=0.0, grow_pixels=4, feather=3)
        plate = torch.from_numpy(plates[i].pixels.astype(np.float32) / 255)
        mixed = composite(plate, (story.fill(i).permute(1, 2, 0) + 1) / 2, alpha)
        expected = np.clip(np.rint(mixed.numpy() * 255), 0, 255).astype(np.uint8)
        assert np.abs(got[i].astype(int) - expected).max() <= 1  # one rounding of the fill's scale apart at most
        untouched = alpha.numpy() == 0
        assert np.array_equal(got[i][untouched], plates[i].pixels[untouched])


def test_rendering_again_computes_nothing():
    shot, store = box_shot(20, SHORT), cache()
    first, _ = render(shot, store)
    again, renderer = render(shot, store)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert {k: v for k, v in computed(renderer).items() if k != "composite"} == dict.fromkeys(
        ("flow", "completion", "propagation", "painting"), 0
    )
    assert renderer.counts.report()["flow"]["reused"] == 19


def test_editing_the_roto_keeps_flow_and_reruns_only_windows_that_see_it():
    shot, store = box_shot(60, SHORT), cache()
    render(shot, store)
    after = edited(shot, 3)
    incremental, renderer = render(after, store)
    scratch, _ = render(after, cache())
    assert all(np.array_equal(a, b) for a, b in zip(incremental, scratch, strict=True))
    counts = computed(renderer)
    plan = ShotPlan(ToyEngine(), 60, SHORT)
    assert counts["flow"] == 0
    assert 0 < counts["completion"] < len(plan.completion)
    assert 0 < counts["propagation"] < len(plan.propagation)
    assert 0 < counts["painting"] < len(plan.windows)


def test_an_edit_that_cuts_the_same_hole_redoes_nothing():
    shot, store = box_shot(12, SHORT), cache()
    render(shot, store)
    pictures = shot.pictures
    fainter = [matte * 0.75 for matte in pictures.mattes]
    _, renderer = render(replace(shot, pictures=MemoryPictures(pictures.plates, fainter)), store)
    assert sum(v for k, v in computed(renderer).items() if k != "composite") == 0


def test_a_snapped_flow_hole_keeps_completed_flow_over_a_small_edit():
    settings = replace(SHORT, flow_hole_snap=32)
    shot, store = box_shot(12, settings), cache()
    render(shot, store)
    _, renderer = render(edited(shot, 2), store)
    assert computed(renderer)["completion"] == 0 and computed(renderer)["propagation"] > 0


ALL = {"flow", "completion", "propagation", "painting"}


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"flow_iterations": 4}, ALL),
        ({"flow_stop": 0.5}, ALL - {"completion"}),  # the same flow again: nothing new to complete
        ({"grow": 6}, ALL - {"flow"}),
        ({"threshold": 0.5}, set()),  # a hard matte: the same holes
        ({"feather": 0}, set()),
        ({"flow_hole_snap": 16}, ALL - {"flow"}),
        ({"neighbor_length": 6}, {"painting"}),
        ({"ref_stride": 3}, {"painting"}),
        ({"chunk_length": 8}, ALL - {"flow"}),
    ],
)
def test_a_setting_redoes_exactly_the_stages_that_use_it(change, redone):
    shot, store = box_shot(20, SHORT), cache()
    render(shot, store)
    _, renderer = render(replace(shot, settings=replace(SHORT, **change)), store)
    assert {stage for stage, n in computed(renderer).items() if n and stage != "composite"} == redone


@pytest.mark.parametrize("what", ["name", "weights_id", "code_version"])
def test_another_engine_shares_nothing(what):
    shot, store = box_shot(6, SHORT), cache()
    render(shot, store)
    _, renderer = render(shot, store, ToyEngine(**{what: "other"}))
    assert all(computed(renderer)[stage] for stage in ALL)


def test_one_frame_asks_only_for_what_it_can_see():
    shot = box_shot(200, replace(SHORT, ref_stride=8))
    _, renderer = render(shot, cache(), frames=range(100, 101))
    counts = computed(renderer)
    assert counts["flow"] < 90 and counts["completion"] <= 6 and counts["painting"] <= 3
    plan = renderer.plan.plan([100])
    assert counts["flow"] <= len(plan.pairs) and counts["painting"] == len(plan.windows)
    assert min(plan.frames) > 40 and max(plan.frames) < 160


def test_a_preview_is_painted_by_the_nearest_window_alone():
    shot = box_shot(20, SHORT)
    renderer = ShotRenderer(shot, ToyEngine(), cache())
    run_to_end(renderer.frame(9, provisional=True))
    assert computed(renderer)["painting"] == 1


def test_a_provisional_picture_looks_no_further_than_its_engine_says_and_is_not_kept():
    shot, engine, store = box_shot(30, SHORT), ToyEngine(preview_reach=3), cache()
    renderer = ShotRenderer(shot, engine, store)
    quick = run_to_end(renderer.frame(8, provisional=True))
    done = renderer.counts.units()
    assert done["completion"][1] == {0}  # the chunks of this engine are of 16 pairs
    assert engine.calls["propagation"] == 1
    assert renderer.cached()["painting"] == [False] * 30
    far = list(shot.pictures.mattes)
    far[26] = box_matte(shot.plate_size, left=5, top=5)
    elsewhere = replace(shot, pictures=replace(shot.pictures, mattes=far))
    there = ShotRenderer(elsewhere, ToyEngine(preview_reach=3), cache())
    assert np.array_equal(run_to_end(there.frame(8, provisional=True)).pixels, quick.pixels)
    final = run_to_end(renderer.frame(8))
    calls = engine.calls.copy()
    again = run_to_end(renderer.frame(8, provisional=True))  # the final one is there already
    assert np.array_equal(again.pixels, final.pixels) and engine.calls == calls


def test_a_render_can_be_closed_between_two_units_and_taken_up_again():
    shot, store, engine = box_shot(30, SHORT), cache(), ToyEngine()
    renderer = ShotRenderer(shot, engine, store)
    steps = renderer.frame(12)
    next(steps)
    steps.close()
    pairs = engine.calls["pairs"]
    assert pairs
    picture = run_to_end(ShotRenderer(shot, engine, store).frame(12)).pixels
    assert engine.calls["pairs"] <= 29  # what was done before the close was not done again
    assert np.array_equal(picture, render(shot, cache(), frames=range(12, 13))[0][0])


def test_progress_counts_every_stage_up_to_its_total():
    shot = box_shot(30, SHORT)
    renderer = ShotRenderer(shot, ToyEngine(), cache())
    renderer.aim_at(range(30))
    seen = {}
    for i in range(30):
        run_to_end(renderer.frame(i), lambda p: seen.__setitem__(p.stage, (p.done, p.total)))
    assert seen["flow"] == (29, 29)
    assert all(done == total for done, total in seen.values())


@pytest.mark.parametrize("size", [(63, 45), (70, 50)])
def test_sizes_that_are_no_multiple_of_eight_are_padded_not_resampled(size):
    shot = box_shot(5, SHORT, size=size)
    got, renderer = render(shot, cache())
    assert renderer.shot.grid[0] % 8 == 0 and renderer.shot.grid[1] % 8 == 0
    alpha = soft_alpha(torch.from_numpy(shot.pictures.matte(2)), threshold=0.0, grow_pixels=4, feather=3).numpy()
    assert np.array_equal(got[2][alpha == 0], shot.pictures.plate(2).pixels[alpha == 0])


def test_a_smaller_working_size_resamples_only_the_fill():
    shot = replace(box_shot(5, SHORT), working_size=(32, 24))
    got, _ = render(shot, cache())
    alpha = soft_alpha(torch.from_numpy(shot.pictures.matte(2)), threshold=0.0, grow_pixels=4, feather=3).numpy()
    assert np.array_equal(got[2][alpha == 0], shot.pictures.plate(2).pixels[alpha == 0])
    assert not np.array_equal(got[2][alpha == 1], shot.pictures.plate(2).pixels[alpha == 1])


def test_a_frame_without_a_hole_is_handed_back_at_no_cost():
    shot = box_shot(5, SHORT)
    shot.pictures.mattes[:] = [np.zeros_like(m) for m in shot.pictures.mattes]
    engine = ToyEngine()
    got, _ = render(shot, cache(), engine)
    assert all(np.array_equal(got[i], shot.pictures.plate(i).pixels) for i in range(5))
    assert not engine.calls


def test_the_unseen_share_is_that_of_the_hole():
    shot = box_shot(3, SHORT)
    _, renderer = render(shot, cache())
    hole = unseen = 0
    for i in range(3):
        inside = renderer.hole(i) > 0
        hole += int(inside.sum())
        unseen += int((renderer.working(i)[0][inside] > 0).sum())  # the toy calls bright pixels unseen
    assert unseen_share(renderer, range(3)) == pytest.approx(unseen / hole)


def patched(shot: Shot, frame: int, value: int, *, alpha: np.ndarray | None = None) -> Shot:
    """The same shot with one frame's clean plate, of one grey; alpha: where it holds."""
    pictures = shot.pictures
    assert isinstance(pictures, MemoryPictures)
    width, height = shot.plate_size
    clean = np.full((height, width, 3 if alpha is None else 4), value, np.uint8)
    if alpha is not None:
        clean[..., 3] = alpha
    return replace(shot, pictures=replace(pictures, cleans={frame: Frame(clean, tuple("RGBA"[: clean.shape[2]]))}))


def test_a_clean_plate_is_its_frame_s_fill_to_the_bit_and_reaches_the_other_frames():
    shot, store = box_shot(8, replace(SHORT, feather=0)), cache()
    before, _ = render(shot, store)
    after, again = render(patched(shot, 3, 200), store)
    inside = hole_of(torch.from_numpy(shot.pictures.matte(3)), threshold=0.0, grow_pixels=4).numpy() > 0
    assert (after[3][inside] == 200).all()
    assert np.array_equal(after[3][~inside], before[3][~inside])
    assert not np.array_equal(after[4], before[4])  # what was pulled changed with what is known
    assert computed(again)["flow"] == computed(again)["completion"] == 0
    assert again.unseen_pixels(3) == (0, 0)


def test_a_clean_plate_holds_where_its_alpha_and_its_colours_do():
    shot = box_shot(5, replace(SHORT, feather=0))
    left = np.zeros(shot.plate_size[::-1], np.uint8)
    left[:, :26] = 255  # through the middle of the hole
    halved = patched(shot, 2, 200, alpha=left)
    inside = hole_of(torch.from_numpy(shot.pictures.matte(2)), threshold=0.0, grow_pixels=4).numpy() > 0
    got, renderer = render(halved, cache())
    assert (got[2][inside & (left > 0)] == 200).all()
    assert not (got[2][inside & (left == 0)] == 200).all()
    assert np.array_equal(renderer.hole(2).numpy() > 0, inside & (left == 0))
    floats = np.full((*shot.plate_size[::-1], 3), 0.5, np.float32)
    floats[:, 26:] = np.nan
    plain = CleanPlate.of(Frame(floats, RGB), dtype=np.dtype("uint16"))
    assert np.array_equal(plain.holds, left > 0)
    assert (plain.rgb[:, :26] == 32768).all()


def test_a_clean_plate_is_not_resampled_by_way_of_a_smaller_working_size():
    size = (64, 48)
    shot = replace(box_shot(4, replace(SHORT, feather=0), size=size, dtype="float32"), working_size=(32, 24))
    clean = np.random.default_rng(1).random((size[1], size[0], 3), np.float32)
    shot = replace(shot, pictures=replace(shot.pictures, cleans={1: Frame(clean, RGB)}))
    got, _ = render(shot, cache())
    inside = hole_of(torch.from_numpy(shot.pictures.matte(1)), threshold=0.0, grow_pixels=4).numpy() > 0
    assert np.array_equal(got[1][inside], clean[inside])


def test_the_hole_in_the_flow_may_be_wider_than_the_one_in_the_picture():
    shot, store = box_shot(6, SHORT), cache()
    render(shot, store)
    _, as_wide = render(replace(shot, settings=replace(SHORT, grow_flow=3)), store)  # below grow: as grow
    assert computed(as_wide) == dict(computed(as_wide), flow=0, completion=0, propagation=0, painting=0)
    _, wider = render(replace(shot, settings=replace(SHORT, grow_flow=8)), store)
    assert computed(wider)["flow"] == 0
    assert computed(wider)["completion"] > 0
    hole, flow_hole = wider.hole(2), hole_of(torch.from_numpy(shot.pictures.matte(2)), threshold=0.0, grow_pixels=8)
    changed = run_to_end(wider.flow(2)).forward != run_to_end(wider.completed(2)).forward
    assert not changed[..., flow_hole == 0].any()
    assert changed[..., (flow_hole > 0) & (hole == 0)].any()


def test_a_cache_too_small_for_a_chunk_still_gives_the_same_picture(tmp_path):
    shot = box_shot(24, SHORT)
    expected, _ = render(shot, cache())
    tiny, _ = render(shot, ShotCache(tmp_path, memory_budget=10_000, write_through=False))
    memory_only, _ = render(shot, ShotCache(None, memory_budget=400_000), frames=range(10, 12))
    assert all(np.array_equal(a, b) for a, b in zip(expected, tiny, strict=True))
    assert np.array_equal(memory_only[0], expected[10]) and np.array_equal(memory_only[1], expected[11])


def test_the_first_picture_of_a_large_shot_is_made_small_unless_its_flow_is_there():
    sizes: list[tuple[int, int]] = []

    class Watched(ClassicalEngine):
        def estimate_flow(self, frames, *, iterations, stop=0.0):
            sizes.append((frames.shape[-1], frames.shape[-2]))
            return super().estimate_flow(frames, iterations=iterations, stop=stop)

    size = (640, 400)
    shot, cache = box_shot(2, Settings(), size=size), ShotCache(None, memory_budget=1 << 28)
    first = run_to_end(ShotRenderer(shot, Watched(), cache).frame(0, provisional=True))
    assert first.pixels.shape == shot.pictures.plate(0).pixels.shape
    assert sizes == [(320, 200)]
    run_to_end(ShotRenderer(shot, Watched(), cache).analyse([0]))
    sizes.clear()
    run_to_end(ShotRenderer(shot, Watched(), cache).frame(0, provisional=True))
    assert not sizes, "the flow that is there serves a sharper one"
