"""Propagation and painter on a GPU: the reference's pictures in fp32, close to them in half precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import golden
from propainter import stages
from propainter.learned import ProPainterEngine
from propainter.types import BidirectionalFlow, Precision, Propagated

HALF_A_LEVEL = 1 / 255
"""Of an 8-bit picture, in [-1, 1]."""
WINDOWS = [("pan12", 0), ("pan12", 9), ("pan_synthflow", 0)]
LIMITS = {Precision.FP32: 1e-3, Precision.FP16: HALF_A_LEVEL, Precision.BF16: 10 * HALF_A_LEVEL}
"""What 99.9 % of the painted values stay below, from the reference's."""


def on(device: torch.device, flow: BidirectionalFlow) -> BidirectionalFlow:
    return BidirectionalFlow(flow.forward.to(device), flow.backward.to(device))


@pytest.mark.parametrize("case", ["pan12", "pan_synthflow"])
def test_a_plate_is_propagated_as_the_reference_does(case: str, engine: ProPainterEngine) -> None:
    arrays, device = golden.load(case), engine.device
    frames, holes = (part.to(device) for part in (golden.frames_tensor(case), golden.hole_tensor(case)))
    plate = engine.propagate_plate(frames, holes, on(device, golden.flow(case, "completed")))
    assert (np.abs(plate.frames[0].cpu().numpy() - arrays["propagated"]) < 1e-6).mean() >= 0.999
    assert (plate.unseen[0].cpu().numpy() == arrays["unseen"]).mean() >= 0.999


@pytest.mark.parametrize("precision", list(Precision))
@pytest.mark.parametrize(("case", "centre"), WINDOWS)
def test_a_window_is_painted_as_the_reference_does(
    case: str, centre: int, precision: Precision, engines: dict[Precision, ProPainterEngine]
) -> None:
    engine = engines[precision]
    if engine.device.type == "cpu" and (precision is not Precision.FP32 or centre):
        pytest.skip("minutes on a processor; the small window below stands in")
    arrays, device = golden.load(case), engine.device
    plate = Propagated(
        torch.from_numpy(arrays["propagated"].copy())[None].to(device),
        torch.from_numpy(arrays["unseen"].astype(np.float32))[None].to(device),
    )
    (window,) = (w for w in golden.windows(case) if w.centre == centre)
    holes = golden.hole_tensor(case)
    painted = stages.paint_window(engine, plate, holes.to(device), on(device, golden.flow(case, "completed")), window)
    name = f"painted_{centre:03d}"
    inside = holes[0, list(window.neighbours)].expand(-1, 3, -1, -1).numpy().ravel()[arrays[f"{name}.idx"]] > 0
    gap = np.abs(painted.cpu().numpy().ravel()[arrays[f"{name}.idx"]] - arrays[f"{name}.val"])[inside]
    print(f"{case} {centre} {precision.value}: 50/99/99.9/100 % within {np.percentile(gap, [50, 99, 99.9, 100])}")
    assert np.percentile(gap, 99.9) < LIMITS[precision]


@pytest.mark.parametrize("precision", [Precision.FP16, Precision.BF16])
def test_a_small_window_in_half_precision_is_close_to_full(
    precision: Precision, engines: dict[Precision, ProPainterEngine]
) -> None:
    given = small_window(engines[precision].device)
    exact, rough = (engines[each].paint_window(*given) for each in (Precision.FP32, precision))
    assert rough.dtype == torch.float32
    gap = (rough - exact).abs().flatten()
    assert float(gap.max()) > 0
    assert float(gap.quantile(0.99)) < LIMITS[precision]


def small_window(device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, BidirectionalFlow]:
    """Three neighbours and a reference of 64x48."""
    generator = torch.Generator().manual_seed(5)
    frames = (torch.rand(1, 4, 3, 48, 64, generator=generator) * 2 - 1).to(device)
    holes = torch.zeros(1, 4, 1, 48, 64, device=device)
    holes[..., 16:32, 20:44] = 1
    forward = torch.randn(1, 2, 2, 48, 64, generator=generator).to(device)
    return frames, holes, holes.clone(), BidirectionalFlow(forward, -forward)
