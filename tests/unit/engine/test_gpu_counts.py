"""What is counted on the meta device is what a processor computes; kernels, bytes and times are their closed forms."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from propainter.raft import Raft, estimate_flow

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import gpu_counts
from gpu_counts import Card, Counter, Shapes, Work, modelled_s


def test_multiplications_on_the_meta_device_are_those_of_a_render() -> None:
    shapes, net, frames = Shapes(64, 64), Raft(), torch.rand(1, 2, 3, 64, 64)
    work = gpu_counts.count(
        shapes, shapes.raft, [], lambda: estimate_flow(shapes.raft, shapes.given(2, 3), iterations=2)
    )
    with FlopCounterMode(display=False) as counted:
        estimate_flow(net, frames, iterations=2)
    assert work.gflop * 1e9 == pytest.approx(counted.get_total_flops())
    assert work.waits == 0


def test_iterations_that_are_not_counted_are_like_those_that_are() -> None:
    shapes = Shapes(64, 64)
    frames = shapes.given(2, 3)
    four = gpu_counts.count(shapes, shapes.raft, [frames], lambda: estimate_flow(shapes.raft, frames, iterations=4))
    reckoned = gpu_counts.count_flow(shapes, frames, 0, [4])[4]
    assert (reckoned.kernels, reckoned.waits) == (four.kernels, four.waits)
    assert sorted(reckoned.each) == sorted(four.each)
    assert reckoned.gflop == pytest.approx(four.gflop)
    assert reckoned.gigabytes == pytest.approx(four.gigabytes)


def test_a_product_and_what_follows_it_are_two_kernels_and_their_bytes() -> None:
    a, b = torch.empty(8, 16, device="meta"), torch.empty(16, 4, device="meta")
    with Counter() as counter:
        torch.relu((a @ b).t())
    assert [flop for flop, _ in counter.kernels] == [2 * 8 * 16 * 4, 0]
    assert [moved for _, moved in counter.kernels] == [4 * (8 * 16 + 16 * 4 + 8 * 4), 4 * 2 * 8 * 4]


def test_what_is_expanded_is_read_once_and_what_is_picked_where_it_is_picked() -> None:
    with Counter() as counter:
        torch.empty(1, 16, device="meta").expand(8, 16) + torch.empty(8, 16, device="meta")
        torch.empty(1000, 16, device="meta")[torch.empty(3, dtype=torch.long, device="meta")]
        torch.nn.functional.grid_sample(
            torch.empty(1, 1, 99, 99, device="meta"), torch.empty(1, 3, 3, 2, device="meta"), align_corners=True
        )
    assert [moved for _, moved in counter.kernels] == [4 * (16 + 128 + 128), 4 * 2 * 3 * 16, 4 * (4 * 9 + 18 + 9)]


def test_a_kernel_takes_the_longest_of_three_and_the_floor_is_no_longer() -> None:
    card = Card("a card", single=1e12, half=1e13, bandwidth=1e11, launch_s=1e-5)
    work = Work(gflop=100, least_gigabytes=1, each=[(1e11, 1e8), (0, 1e9), (0, 1e3)])
    total, held = modelled_s(work, card)
    assert total == pytest.approx(0.1 + 0.01 + 1e-5)
    assert held["launch"] == pytest.approx(1e-5 / total)
    assert work.floor_s(card) == pytest.approx(0.1)
    assert modelled_s(work, card, half=True)[0] == pytest.approx(0.01 + 0.005 + 1e-5)
    assert work.floor_s(card, half=True) == pytest.approx(0.01)


def test_a_window_is_counted_with_its_waits() -> None:
    assert gpu_counts.count_window(Shapes(96, 64)).waits == 2


def test_attention_is_one_kernel_of_two_products() -> None:
    q, k = torch.empty(2, 4, 90, 128), torch.empty(2, 4, 700, 128)
    with FlopCounterMode(display=False) as counted:
        (q @ k.transpose(-1, -2)) @ k
    counter = Counter()
    assert counter.attend(q, k, k).shape == q.shape
    assert counter.kernels == [(counted.get_total_flops(), 4.0 * 2 * 4 * 128 * (90 + 700 + 700 + 90))]
