"""The flow networks on CUDA: the same numbers as on a CPU in fp32, and close to them in half precision.

Here: RAFT, flow completion and the deformable convolution beneath it. Everything else about them is promised on the CPU
(``unit/``); what is left for the GPU is that nothing depends on the device or, beyond rounding, on the precision.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import golden
from propainter.deform import modulated_deform_conv2d
from propainter.flow_completion import FlowCompletion, complete_flow
from propainter.raft import Raft, estimate_flow
from propainter.types import BidirectionalFlow


@pytest.mark.parametrize("autocast", [False, True])
def test_raft_agrees_with_the_reference_in_fp32_whatever_autocast_says(autocast: bool, device: torch.device) -> None:
    net = Raft().to(device)
    net.load_state_dict(golden.standin_state("raft"), strict=True)
    frames = golden.frames_tensor("pan12")[:, :4].to(device)
    with torch.autocast(device.type, dtype=torch.float16, enabled=autocast):
        flow = estimate_flow(net, frames, iterations=20)
    expected = golden.flow("pan12", "flow").span(0, 3)
    torch.testing.assert_close(flow.forward.cpu(), expected.forward, rtol=0, atol=1e-3)
    torch.testing.assert_close(flow.backward.cpu(), expected.backward, rtol=0, atol=1e-3)


def test_flow_completion_agrees_with_the_reference_in_fp32(device: torch.device) -> None:
    completed = completed_on_device(device, None)
    expected = golden.flow("pan12", "completed")
    torch.testing.assert_close(completed.forward, expected.forward, rtol=0, atol=1e-4)
    torch.testing.assert_close(completed.backward, expected.backward, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("precision", "share"), [(torch.float16, 0.01), (torch.bfloat16, 0.06)])
def test_flow_completion_in_half_precision_stays_close_to_fp32(
    precision: torch.dtype, share: float, device: torch.device
) -> None:
    """Error of the flow inside the hole as a share of that flow, in root mean square."""
    rough = completed_on_device(device, precision)
    expected = golden.flow("pan12", "completed")
    inside = golden.hole_tensor("pan12")[:, :-1].expand_as(expected.forward).bool()
    error = (rough.forward - expected.forward)[inside].square().mean().sqrt()
    size = expected.forward[inside].square().mean().sqrt()
    assert rough.forward.dtype == torch.float32
    assert error < share * size


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_deformable_taps_land_on_the_same_places_in_half_precision(
    precision: torch.dtype, device: torch.device
) -> None:
    """A ramp read a quarter pixel to the right, near column 1000, where half precision cannot place it."""
    width = 1024
    ramp = torch.linspace(0, 1, width).to(precision).expand(1, 1, 3, width)
    offset, modulation = torch.zeros(1, 18, 3, width), torch.ones(1, 9, 3, width)
    offset[0, 2 * 4 + 1] = 0.25
    weight = torch.zeros(1, 1, 3, 3)
    weight[0, 0, 1, 1] = 1
    tensors: list[Tensor] = [
        tensor.to(device, precision) for tensor in (ramp, offset, modulation, weight, torch.zeros(1))
    ]
    got = modulated_deform_conv2d(*tensors, deform_groups=1)[0, 0, 1, :-1].float().cpu()
    stepped = ramp.float()[0, 0, 1]
    expected = stepped[:-1] + 0.25 * (stepped[1:] - stepped[:-1])
    torch.testing.assert_close(got, expected, rtol=2**-8, atol=1e-6)


def completed_on_device(device: torch.device, precision: torch.dtype | None) -> BidirectionalFlow:
    """The twelve frames' flow, completed on the device, back on the CPU. precision: of autocast, None for none."""
    net = FlowCompletion().to(device)
    net.load_state_dict(golden.standin_state("rfc"), strict=True)
    flow = golden.flow("pan12", "flow")
    on_device = BidirectionalFlow(flow.forward.to(device), flow.backward.to(device))
    with torch.autocast(device.type, dtype=precision, enabled=precision is not None):
        completed = complete_flow(net, on_device, golden.hole_tensor("pan12").to(device))
    return BidirectionalFlow(completed.forward.cpu(), completed.backward.cpu())
