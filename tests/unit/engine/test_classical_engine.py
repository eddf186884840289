"""The classical engine from outside: what any shot may rely on, against plates whose truth is known."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import pytest
import torch

from builders import texture
from propainter import stages
from propainter.classical import ClassicalEngine
from propainter.engine import Engine
from propainter.types import BidirectionalFlow, Settings

WIDTH, HEIGHT = 160, 128
SETTINGS = Settings()


def panning(count: int, *, step: float = 2.0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """A textured plate [t, h, w, 3] in [-1, 1], its content moving ``step`` px a frame to the left."""
    width, height = size
    wide = texture(height, width + int(step * count) + 8, seed=3) * 2 - 1
    return np.stack(
        [
            cv2.warpAffine(wide, np.float32([[1, 0, -step * i], [0, 1, 0]]), (width, height), flags=cv2.INTER_LINEAR)
            for i in range(count)
        ]
    )


def tensors(plates: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(plates.transpose(0, 3, 1, 2)))[None]


def moving_box(count: int, *, size: tuple[int, int] = (WIDTH, HEIGHT), left: int = 30, step: int = 3) -> torch.Tensor:
    """Holes [1, t, 1, h, w]: a box of 24x32 moving to the right."""
    holes = torch.zeros(1, count, 1, size[1], size[0])
    for i in range(count):
        holes[0, i, 0, 40:72, left + step * i : left + step * i + 24] = 1
    return holes


def with_object(plates: np.ndarray, holes: torch.Tensor) -> torch.Tensor:
    """The plate with something striking where the holes are."""
    return torch.where(holes > 0, torch.tensor(0.9), tensors(plates))


def psnr(fill: torch.Tensor, truth: torch.Tensor, holes: torch.Tensor) -> float:
    """In dB over the hole, for a range of 2 (from -1 to 1)."""
    inside = holes[0].expand_as(truth) > 0
    return float(10 * torch.log10(4 / ((fill - truth)[inside] ** 2).mean()))


def fills(shot: stages.ShotStages, count: int) -> torch.Tensor:
    return torch.stack([shot.fill(i) for i in range(count)])


def test_it_is_an_engine():
    assert isinstance(ClassicalEngine(), Engine)


def test_what_a_panning_camera_reveals_is_restored():
    plates, holes = panning(14), moving_box(14)
    shot = stages.remove(ClassicalEngine(), with_object(plates, holes), holes, settings=SETTINGS)
    telea = np.stack(
        [
            cv2.inpaint(
                np.rint((p + 1) * 127.5).clip(0, 255).astype(np.uint8), h.astype(np.uint8), 5, cv2.INPAINT_TELEA
            )
            for p, h in zip(plates, holes[0, :, 0].numpy(), strict=True)
        ]
    )
    ours = psnr(fills(shot, 14), tensors(plates)[0], holes)
    theirs = psnr(tensors(telea.astype(np.float32) / 127.5 - 1)[0], tensors(plates)[0], holes)
    assert ours > 30 and ours > theirs + 6
    assert shot.propagated.unseen.sum() == 0


def test_behind_a_passing_object_a_static_plate_comes_back():
    plates = np.repeat(panning(1), 12, axis=0)
    holes = moving_box(12)
    shot = stages.remove(ClassicalEngine(), with_object(plates, holes), holes, settings=SETTINGS)
    assert psnr(fills(shot, 12), tensors(plates)[0], holes) > 40


def test_flow_does_not_know_the_matte_and_is_the_same_in_any_run():
    frames = tensors(panning(5))
    whole = ClassicalEngine().estimate_flow(frames, iterations=20)
    part = ClassicalEngine().estimate_flow(frames[:, 2:4], iterations=5)
    assert torch.equal(whole.forward[:, 2], part.forward[:, 0]) and torch.equal(
        whole.backward[:, 2], part.backward[:, 0]
    )
    middle = whole.forward[0, :, :, 32:-32, 32:-32]
    assert (middle[:, 0] + 2).abs().median() < 0.1 and middle[:, 1].abs().median() < 0.1


def test_outside_the_holes_flow_and_plate_come_back_unchanged():
    plates, holes = panning(6), moving_box(6)
    frames = with_object(plates, holes)
    engine = ClassicalEngine()
    given = engine.estimate_flow(frames, iterations=20)
    kept = BidirectionalFlow(given.forward.clone(), given.backward.clone())
    completed = engine.complete_flow(given, holes)
    outside = (holes[:, :-1] == 0).expand_as(completed.forward)
    assert torch.equal(completed.forward[outside], kept.forward[outside])
    outside = (holes[:, 1:] == 0).expand_as(completed.backward)
    assert torch.equal(completed.backward[outside], kept.backward[outside])
    assert torch.equal(given.forward, kept.forward)
    propagated = engine.propagate_plate(frames, holes, completed)
    good = (holes == 0).expand_as(frames)
    assert torch.equal(propagated.frames[good], frames[good])


@pytest.mark.parametrize("channels_last", [False, True])
def test_frames_are_written_over_only_where_that_is_allowed_and_the_result_is_the_same(channels_last):
    engine, holes = ClassicalEngine(), moving_box(6)
    frames = with_object(panning(6), holes)
    if channels_last:
        frames = frames.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    flow = engine.complete_flow(engine.estimate_flow(frames, iterations=20), holes)
    sights_of = partial(engine.find_sights, wanted=range(2, 3))
    doors = (
        lambda given, **how: engine.propagate_plate(given, holes, flow, **how).frames,
        lambda given, **how: engine.paint_window(given, holes, holes, flow, **how),
        lambda given, **how: np.stack([sights.x for sights in sights_of(given, holes, flow, **how)]),
    )
    for door in doors:
        given = frames.clone(memory_format=torch.preserve_format)
        kept = torch.as_tensor(door(given)).clone()
        assert torch.equal(given, frames)
        assert torch.equal(torch.as_tensor(door(given, may_overwrite=True)), kept)
        assert torch.equal(given, frames) == (not channels_last), "memory that lies as wanted is used"


def test_completed_flow_in_the_hole_is_the_background_s():
    plates, holes = panning(6), moving_box(6)
    engine = ClassicalEngine()
    completed = engine.complete_flow(engine.estimate_flow(with_object(plates, holes), iterations=20), holes)
    inside = holes[0, :-1, 0] > 0
    assert (completed.forward[0, :, 0][inside] + 2).abs().median() < 0.15
    assert completed.forward[0, :, 1][inside].abs().median() < 0.15


def test_unseen_is_what_no_frame_shows():
    plates = np.repeat(panning(1), 5, axis=0)
    holes = torch.zeros(1, 5, 1, HEIGHT, WIDTH)
    holes[..., 50:70, 60:90] = 1  # never moves, nor does the camera: nobody ever sees behind it
    holes[0, 2, 0, 50:70, 85:90] = 0  # but for a strip, once
    engine = ClassicalEngine()
    frames = with_object(plates, holes)
    flow = engine.complete_flow(engine.estimate_flow(frames, iterations=20), holes)
    unseen = engine.propagate_plate(frames, holes, flow).unseen
    assert unseen[0, :, 0, 50:70, 60:83].mean() > 0.95
    assert unseen[0, 0, 0, 52:68, 86:89].mean() < 0.2
    assert unseen[holes == 0].sum() == 0


def test_highlights_and_negatives_pass_through_the_fill():
    plates, holes = panning(10), moving_box(10)
    bright = plates * 6 + 5  # from -1 to 11
    shot = stages.remove(ClassicalEngine(), with_object(bright, holes), holes, settings=SETTINGS)
    inside = holes[0].expand(-1, 3, -1, -1) > 0
    assert fills(shot, 10)[inside].max() > 6 and torch.isfinite(fills(shot, 10)).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_very_short_shots_are_filled(count):
    holes = moving_box(count)
    shot = stages.remove(ClassicalEngine(), with_object(panning(count), holes), holes, settings=SETTINGS)
    fill = fills(shot, count)
    assert fill.shape == (count, 3, HEIGHT, WIDTH) and torch.isfinite(fill).all()


@pytest.mark.parametrize("which", ["none", "one frame", "every frame"])
def test_empty_and_full_holes_are_met(which):
    holes = torch.zeros(1, 4, 1, HEIGHT, WIDTH)
    if which == "one frame":
        holes[0, 2] = 1
    elif which == "every frame":
        holes[:] = 1
    frames = tensors(panning(4))
    shot = stages.remove(ClassicalEngine(), frames.clone(), holes, settings=SETTINGS)
    fill = fills(shot, 4)
    assert torch.isfinite(fill).all()
    if which == "none":
        assert torch.equal(fill, frames[0])
    if which == "every frame":
        assert shot.propagated.unseen.all()


def test_the_same_shot_gives_the_same_bits():
    plates, holes = panning(6), moving_box(6)
    frames = with_object(plates, holes)
    first, second = (
        fills(stages.remove(ClassicalEngine(), frames.clone(), holes, settings=SETTINGS), 6) for _ in range(2)
    )
    assert torch.equal(first, second)


def test_wanting_some_frames_and_knowing_pairs_changes_no_bit_of_them():
    holes = moving_box(8)
    frames = with_object(panning(8), holes)
    engine = ClassicalEngine()
    flow = engine.complete_flow(engine.estimate_flow(frames, iterations=1), holes)
    every = engine.propagate_plate(frames, holes, flow)
    keys = [f"pair {i}" for i in range(flow.pairs)]
    for _ in range(2):  # the second time all pairs are known
        some = engine.propagate_plate(frames, holes, flow, wanted=range(3, 5), pair_keys=keys)
        assert torch.equal(some.frames[:, 3:5], every.frames[:, 3:5])
        assert torch.equal(some.unseen[:, 3:5], every.unseen[:, 3:5])
    again = engine.propagate_plate(frames, holes, flow, pair_keys=keys)
    assert torch.equal(again.frames, every.frames)


def test_every_pair_is_completed_by_itself_as_among_others():
    holes = moving_box(8)
    frames = with_object(panning(8), holes)
    engine = ClassicalEngine()
    flow = engine.estimate_flow(frames, iterations=1)
    together = engine.complete_flow(flow, holes)
    for chunk in engine.completion_chunks(flow.pairs, Settings()):
        (pair,) = range(chunk.core_first, chunk.core_last + 1)
        assert (chunk.reach_first, chunk.reach_last) == (pair, pair)
        alone = engine.complete_flow(flow.span(pair, pair + 1), holes[:, pair : pair + 2])
        assert torch.equal(alone.forward[:, 0], together.forward[:, pair])
        assert torch.equal(alone.backward[:, 0], together.backward[:, pair])


def test_memory_layout_changes_no_bit():
    plates, holes = panning(5), moving_box(5)
    frames = with_object(plates, holes)
    engine = ClassicalEngine()
    flow = engine.complete_flow(engine.estimate_flow(frames, iterations=20), holes)
    lasting = frames.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    assert torch.equal(
        engine.propagate_plate(lasting, holes, flow).frames, engine.propagate_plate(frames, holes, flow).frames
    )


def test_overlapping_windows_share_a_frame_smoothly():
    windows = ClassicalEngine().windows(200, SETTINGS)
    for frame in range(200):
        shares = [w.weights[w.neighbours.index(frame)] for w in windows if frame in w.neighbours]
        assert shares and all(0 < share <= 1 for share in shares) and len(shares) <= 2
        assert sum(shares) == pytest.approx(1)
