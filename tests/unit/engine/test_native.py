"""Native resolution: pixels of the plate itself, where the working picture told to look; the painted picture elsewhere."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest
import torch

from builders import texture
from propainter.classical import ClassicalEngine
from propainter.flow_completion import FlowCompletion
from propainter.learned import ProPainterEngine
from propainter.native import PlatePart, fill_natively
from propainter.painter import Painter
from propainter.raft import Raft
from propainter.stages import remove
from propainter.types import NOWHERE, Settings, Sights

WIDTH, HEIGHT, SCALE, COUNT = 320, 192, 2, 9
STEP = 4.6
"""Plate pixels a frame, 2.3 working pixels: neither lands on a pixel."""
MIDDLE = COUNT // 2


def panning() -> np.ndarray:
    """Plates [t, h, w, 3] in [-1, 1] whose content moves to the left, with detail that half the size cannot hold."""
    width = WIDTH + int(STEP * COUNT) + 8
    coarse, grain = texture(HEIGHT, width, seed=3), np.random.default_rng(5).random((HEIGHT, width, 3), np.float32)
    wide = coarse * 1.6 - 0.8 + 0.4 * (cv2.GaussianBlur(grain, (0, 0), 1.2) - 0.5) / 0.13
    return np.stack(
        [
            cv2.warpAffine(wide, np.float32([[1, 0, -STEP * i], [0, 1, 0]]), (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC)
            for i in range(COUNT)
        ]
    )


def box(left: int, width: int) -> np.ndarray:
    """A hole [h, w]."""
    hole = np.zeros((HEIGHT, WIDTH), np.bool_)
    hole[80:120, left : left + width] = True
    return hole


def small(pictures: np.ndarray) -> np.ndarray:
    return cv2.resize(pictures, (WIDTH // SCALE, HEIGHT // SCALE), interpolation=cv2.INTER_AREA)


def small_hole(hole: np.ndarray) -> np.ndarray:
    cells: np.ndarray = hole.reshape(HEIGHT // SCALE, SCALE, WIDTH // SCALE, SCALE).any((1, 3))
    return cells


def large(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def known_sights(hole: np.ndarray, *, frame: int = MIDDLE, sources: tuple[int, int] = (0, COUNT - 1)) -> Sights:
    """What is behind the hole as the pan has it: seen in two frames, each half."""
    rows, columns = np.nonzero(small_hole(hole))
    source = np.repeat(np.array(sources, np.int32)[:, None], len(rows), 1)
    x = (columns - STEP / SCALE * (source - frame)).astype(np.float32)
    y = np.repeat(rows[None].astype(np.float32), 2, 0)
    weight = np.full(source.shape, 0.5, np.float32)
    return Sights(
        source, x, y, weight, np.array(sorted(set(sources)), np.int32), np.zeros((len(set(sources)), 3), np.float32)
    )


def fill(
    plates: np.ndarray,
    hole: np.ndarray,
    sights: Sights,
    *,
    painted: np.ndarray | None = None,
    reads: Counter[int] | None = None,
) -> np.ndarray:
    """The middle frame's fill, [n, 3]. painted: at the plate's size; by default what half the size can hold of the truth."""
    witness = large(small(plates[MIDDLE])) if painted is None else painted

    def read(frame: int, rows: slice, columns: slice) -> PlatePart:
        if reads is not None:
            reads[frame] += 1
        colours = np.where(hole[..., None] & (frame == MIDDLE), np.float32(np.nan), plates[frame])[rows, columns]
        return PlatePart(colours, np.zeros_like(hole)[rows, columns])

    size = (WIDTH // SCALE, HEIGHT // SCALE)
    return fill_natively(witness, hole, sights, small_hole(hole), working_size=size, read=read)


def psnr(filled: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10(4 / ((filled - truth) ** 2).mean()))


def test_texture_that_moves_by_fractions_of_a_pixel_comes_back_as_it_is_in_the_plate():
    plates, hole = panning(), box(140, 40)
    truth = plates[MIDDLE][hole]
    upsampled = psnr(large(small(plates[MIDDLE]))[hole], truth)
    pulled = psnr(fill(plates, hole, known_sights(hole)), truth)
    assert pulled > upsampled + 9  # what is left are two bicubic samplings


def test_every_plate_is_read_once_and_only_around_the_places():
    reads: Counter[int] = Counter()
    fill(panning(), box(140, 40), known_sights(box(140, 40)), reads=reads)
    assert reads == {0: 1, COUNT - 1: 1}


def test_a_plate_that_was_exposed_otherwise_takes_on_the_light_of_the_painted_picture():
    plates, hole = panning(), box(140, 40)
    dimmed = np.where(np.arange(COUNT)[:, None, None, None] == 0, (plates + 1) * 0.7 - 1, plates).astype(np.float32)
    truth, sights = plates[MIDDLE][hole], known_sights(hole, sources=(0, 0))
    assert psnr(fill(dimmed, hole, sights), truth) > 28  # 15 as they are
    told = Sights(
        sights.source, sights.x, sights.y, sights.weight, sights.frames, np.full((1, 3), -np.log(0.7), np.float32)
    )
    assert psnr(fill(dimmed, hole, told), truth) > 38


def test_what_is_unseen_is_the_painters_and_the_seam_is_feathered():
    plates, hole = panning(), box(140, 40)
    sights = known_sights(hole)
    unseen = np.nonzero(small_hole(hole))[1] >= 80
    source = np.where(unseen, -1, sights.source).astype(np.int32)
    weight = np.where(unseen, 0, sights.weight).astype(np.float32)
    sights = Sights(source, sights.x, sights.y, weight, sights.frames, sights.gain)
    painted = large(small(plates[MIDDLE]))
    filled = np.zeros_like(plates[MIDDLE])
    filled[hole] = fill(plates, hole, sights, painted=painted)
    there = hole & (np.arange(WIDTH) >= 160)
    assert np.array_equal(filled[there], painted[there])
    here = hole & (np.arange(WIDTH) < 154)
    assert psnr(filled[here], plates[MIDDLE][here]) > psnr(painted[here], plates[MIDDLE][here]) + 8
    pulled = np.zeros_like(filled)
    pulled[hole] = fill(plates, hole, known_sights(hole), painted=painted)
    share = [
        np.abs(filled - painted)[80:120, x].sum() / np.abs(pulled - painted)[80:120, x].sum() for x in range(156, 161)
    ]
    assert share == sorted(share, reverse=True) and share[0] > 0.9 and 0.3 < share[2] < 0.7 and share[-1] == 0


def test_where_pulled_pixels_show_something_else_the_painted_ones_stand_in():
    plates, hole = panning(), box(140, 40)
    painted = large(small(plates[MIDDLE]))
    wrong = plates.copy()
    wrong[0, 90:110, 172:188] = wrong[COUNT - 1, 90:110, 130:150] = 0.9  # somebody walks there, unmatted
    filled = np.zeros_like(plates[MIDDLE])
    filled[hole] = fill(wrong, hole, known_sights(hole), painted=painted)
    assert np.abs(filled[hole] - plates[MIDDLE][hole]).max() < 0.45  # nowhere somebody
    replaced = hole & (filled == painted).all(-1)
    assert 0.1 < replaced.sum() / hole.sum() < 0.9


def test_a_place_within_the_hole_of_its_plate_is_not_looked_at():
    plates, hole = panning(), box(140, 40)
    painted = large(small(plates[MIDDLE]))
    covered = np.zeros_like(hole)
    covered[:, 160 + round(MIDDLE * STEP) :] = True  # of the first frame, just where the middle of the hole is seen

    def read(frame: int, rows: slice, columns: slice) -> PlatePart:
        return PlatePart(np.where(covered[..., None], 9.0, plates[frame])[rows, columns], covered[rows, columns])

    filled = np.zeros_like(painted)
    size, sights = (WIDTH // SCALE, HEIGHT // SCALE), known_sights(hole, sources=(0, 0))
    filled[hole] = fill_natively(painted, hole, sights, small_hole(hole), working_size=size, read=read)
    right = hole & (np.arange(WIDTH) > 161)
    assert np.array_equal(filled[right], painted[right])
    assert np.abs(filled - plates[MIDDLE])[hole].max() < 0.5


def test_a_hole_nobody_sees_is_the_painters_and_reads_nothing():
    plates, hole = panning(), box(140, 40)
    count = int(small_hole(hole).sum())
    nil = np.zeros((2, count), np.float32)
    nowhere = Sights(
        np.full((2, count), -1, np.int32), nil, nil, nil, np.zeros(0, np.int32), np.zeros((0, 3), np.float32)
    )
    reads: Counter[int] = Counter()
    assert np.array_equal(fill(plates, hole, nowhere, reads=reads), large(small(plates[MIDDLE]))[hole])
    assert not reads


@pytest.mark.parametrize("wanted", [range(MIDDLE, MIDDLE + 1), range(COUNT)])
def test_an_engine_finds_the_places_of_the_wanted_frames_alone(wanted):
    holes = np.stack([small_hole(box(100 + 16 * i, 24)) for i in range(COUNT)])
    frames = torch.from_numpy(np.stack([small(plate) for plate in panning()])).permute(0, 3, 1, 2)[None]
    hole_tensor = torch.from_numpy(holes).float()[None, :, None]
    engine = ClassicalEngine()
    flow = remove(engine, frames, hole_tensor, settings=Settings()).completed
    found = engine.find_sights(frames, hole_tensor, flow, wanted=wanted)
    assert len(found) == len(wanted)
    for i, sights in zip(wanted, found, strict=True):
        columns = np.nonzero(holes[i])[1]
        seen = sights.source != NOWHERE
        assert seen.any(0).all() and set(sights.frames) == set(sights.source[seen]) and i not in sights.frames
        assert np.allclose(sights.weight.sum(0), 1, atol=1e-6)
        expected = columns - STEP / SCALE * (sights.source - i)
        assert np.abs(sights.x - expected)[seen].mean() < 0.15


def test_sights_that_come_with_the_propagated_plate_are_those_found_by_themselves():
    holes = torch.from_numpy(np.stack([small_hole(box(100 + 16 * i, 24)) for i in range(COUNT)])).float()[None, :, None]
    frames = torch.from_numpy(np.stack([small(plate) for plate in panning()])).permute(0, 3, 1, 2)[None]
    engine = ClassicalEngine()
    flow = remove(engine, frames, holes, settings=Settings()).completed
    alone, wanted = engine.propagate_plate(frames, holes, flow), range(1, COUNT - 1)
    together = engine.propagate_plate(frames, holes, flow, wanted=wanted, with_sights=True)
    assert alone.sights is None and together.sights is not None and len(together.sights) == len(wanted)
    assert torch.equal(alone.frames[:, 1:-1], together.frames[:, 1:-1])
    for ours, theirs in zip(together.sights, engine.find_sights(frames, holes, flow, wanted=wanted), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(vars(ours).values(), vars(theirs).values(), strict=True))


def test_the_learned_engine_finds_sights_by_its_own_completed_flow():
    holes = torch.from_numpy(np.stack([small_hole(box(100 + 16 * i, 24)) for i in range(COUNT)])).float()[None, :, None]
    frames = torch.from_numpy(np.stack([small(plate) for plate in panning()])).permute(0, 3, 1, 2)[None]
    flow = remove(ClassicalEngine(), frames, holes, settings=Settings()).completed
    learned = ProPainterEngine(Raft(), FlowCompletion(), Painter(), weights_id="none", device=torch.device("cpu"))
    for ours, theirs in zip(
        learned.find_sights(frames, holes, flow, wanted=range(2, 4)),
        ClassicalEngine().find_sights(frames, holes, flow, wanted=range(2, 4)),
        strict=True,
    ):
        assert all(np.array_equal(a, b) for a, b in zip(vars(ours).values(), vars(theirs).values(), strict=True))
