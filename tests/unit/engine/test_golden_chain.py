"""The learned chain held to what the reference implementation computed from the same weights on the same frames.

Tight, stage by stage, where a stage is fed the reference's own input; by share of pixels where stages follow each other,
because a rounding difference may flip a hard decision (consistency check, nearest pixel) in isolated places.
"""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

import golden
from propainter import stages
from propainter.learned import ProPainterEngine
from propainter.types import BidirectionalFlow, Propagated, Settings

ALL_WINDOWS = [("pan12", 0), ("pan12", 3), ("pan12", 6), ("pan12", 9), ("pan_synthflow", 0)]
CHUNKED = Settings(chunk_length=20)
forty_frames_take_long = pytest.mark.slow
"""Every day twelve frames go through the whole chain, and each stage is fed the reference's own input."""


@pytest.fixture(scope="module")
def engine() -> ProPainterEngine:
    nets = golden.standin_nets()
    return ProPainterEngine(*nets, weights_id="stand-in", device=torch.device("cpu"))


@dataclass(frozen=True)
class Forty:
    """The chunked shot up to its propagated plate, every stage fed by our own stage before."""

    flow: BidirectionalFlow
    completed: BidirectionalFlow
    propagated: Propagated


@pytest.fixture(scope="module")
def forty(engine: ProPainterEngine) -> Forty:
    frames, holes = golden.frames_tensor("pan40_chunk20"), golden.hole_tensor("pan40_chunk20")
    flow = engine.estimate_flow(frames, iterations=20)
    flows = [
        stages.complete_chunk(
            engine, flow.span(c.reach_first, c.reach_last + 1), holes[:, c.reach_first : c.reach_last + 2], c
        )
        for c in engine.completion_chunks(flow.pairs, CHUNKED)
    ]
    completed = BidirectionalFlow(torch.cat([f.forward for f in flows], 1), torch.cat([f.backward for f in flows], 1))
    plates = []
    for c in engine.propagation_chunks(frames.shape[1], CHUNKED):
        reach = slice(c.reach_first, c.reach_last + 1)
        among = completed.span(c.reach_first, c.reach_last)
        plates.append(stages.propagate_chunk(engine, frames[:, reach], holes[:, reach], among, c))
    propagated = Propagated(torch.cat([p.frames for p in plates], 1), torch.cat([p.unseen for p in plates], 1))
    return Forty(flow, completed, propagated)


def differences(case: str, name: str, ours: Tensor) -> NDArray[np.float32]:
    """|ours - reference's| at the stored positions."""
    arrays = golden.load(case)
    gap: NDArray[np.float32] = np.abs(ours.cpu().numpy().ravel()[arrays[f"{name}.idx"]] - arrays[f"{name}.val"])
    return gap


def in_hole(case: str, name: str, holes: Tensor) -> NDArray[np.bool_]:
    """Which stored positions of a painted window lie in its holes [l, 1, h, w]."""
    picture = holes.expand(-1, 3, -1, -1).numpy().ravel() > 0
    inside: NDArray[np.bool_] = picture[golden.load(case)[f"{name}.idx"]]
    return inside


@pytest.mark.parametrize(("case", "centre"), ALL_WINDOWS)
def test_every_window_is_painted_as_the_reference_paints_it(
    engine: ProPainterEngine, case: str, centre: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole pictures; that the boxes around holes have the same in them is promised in test_painter.py."""
    arrays = golden.load(case)
    plate = Propagated(
        torch.from_numpy(arrays["propagated"].copy())[None],
        torch.from_numpy(arrays["unseen"].astype(np.float32))[None],
    )
    (window,) = (w for w in golden.windows(case) if w.centre == centre)
    monkeypatch.setattr(engine, "paints_whole", True)
    painted = stages.paint_window(engine, plate, golden.hole_tensor(case), golden.flow(case, "completed"), window)
    assert differences(case, f"painted_{centre:03d}", painted).max() < 1e-4


def test_the_whole_chain_from_frames_paints_what_the_reference_paints(engine: ProPainterEngine) -> None:
    holes = golden.hole_tensor("pan12")
    settings = Settings(neighbor_length=6, ref_stride=4)
    shot = stages.remove(engine, golden.frames_tensor("pan12"), holes, settings=settings)
    for window, painted in zip(shot.windows, shot.painted, strict=True):
        name = f"painted_{window.centre:03d}"
        inside = in_hole("pan12", name, holes[0, list(window.neighbours)])
        assert (differences("pan12", name, painted)[inside] < 1e-3).mean() >= 0.999


@forty_frames_take_long
@pytest.mark.parametrize("way", ["forward", "backward"])
def test_flow_of_forty_frames_is_the_references(forty: Forty, way: str) -> None:
    assert differences("pan40_chunk20", f"flow_{way}", getattr(forty.flow, way)).max() < 1e-4


@forty_frames_take_long
@pytest.mark.parametrize("way", ["forward", "backward"])
def test_flow_completed_in_chunks_is_the_references(forty: Forty, way: str) -> None:
    assert differences("pan40_chunk20", f"completed_{way}", getattr(forty.completed, way)).max() < 1e-4


@forty_frames_take_long
def test_a_plate_propagated_in_chunks_is_the_references(forty: Forty) -> None:
    assert (differences("pan40_chunk20", "propagated", forty.propagated.frames) < 1e-6).mean() >= 0.999
    assert (differences("pan40_chunk20", "unseen", forty.propagated.unseen) == 0).mean() >= 0.999


@forty_frames_take_long
@pytest.mark.parametrize("centre", [20, 35])
def test_windows_with_limited_references_are_painted_as_the_reference_does(
    engine: ProPainterEngine, forty: Forty, centre: int
) -> None:
    """One from the middle, one from the end; all eight choices of frames are checked in test_windows.py."""
    holes = golden.hole_tensor("pan40_chunk20")
    (window,) = (w for w in engine.windows(40, CHUNKED) if w.centre == centre)
    painted = stages.paint_window(engine, forty.propagated, holes, forty.completed, window)
    name = f"painted_{centre:03d}"
    inside = in_hole("pan40_chunk20", name, holes[0, list(window.neighbours)])
    assert (differences("pan40_chunk20", name, painted)[inside] < 1e-3).mean() >= 0.999
