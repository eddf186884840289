"""Promises of ``propainter.transformer``: against torch's unfold and fold, and a slow attention window by window."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import standin_weights
from propainter import transformer
from propainter.region import Box, Part
from propainter.transformer import (
    BlockPlan,
    FusionFeedForward,
    SparseTransformer,
    SparseWindowAttention,
    TransformerConfig,
    compose,
    overlap_count,
    pixels_read,
    plan_blocks,
    split,
    token_grid,
    tokens_reaching,
)

SMALL = TransformerConfig(feature_channels=4, dim=8, heads=2, blocks=4, mix_channels=3)


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(7)
        yield


def hole_with(frames: int, size: tuple[int, int], *pixels: tuple[int, int, int]) -> Tensor:
    hole = torch.zeros(frames, 1, *size)
    for frame, row, col in pixels:
        hole[frame, 0, row, col] = 1
    return hole


def plan_of(hole: Tensor, *, references: int = 0, block: int = 0) -> BlockPlan:
    """Of one of the first two blocks, which leave nothing out."""
    return plan_blocks(hole, SMALL, references=references)[block]


@pytest.mark.parametrize("size", [(12, 15), (13, 16), (14, 17)])
def test_splitting_is_a_linear_layer_on_unfolded_patches(size: tuple[int, int]) -> None:
    linear, x = nn.Linear(4 * 49, 8), torch.randn(2, 4, *size)
    patches = F.unfold(x, 7, padding=3, stride=3).transpose(1, 2)
    expected = linear(patches).reshape(2, *token_grid(size), 8)
    torch.testing.assert_close(split(Part.whole(x), linear, Box.whole(token_grid(size))), expected)
    some = Box(1, 3, 0, 2)
    read = Part.whole(x).cut(pixels_read(some, size))
    torch.testing.assert_close(split(read, linear, some), expected[:, 1:4, 0:3])


@pytest.mark.parametrize("size", [(12, 15), (13, 16), (14, 17)])
def test_composing_is_folding_a_linear_layers_output(size: tuple[int, int]) -> None:
    linear, tokens = nn.Linear(8, 4 * 49), torch.randn(2, *token_grid(size), 8)
    patches = linear(tokens).flatten(1, 2).transpose(1, 2)
    expected = F.fold(patches, size, 7, padding=3, stride=3)
    torch.testing.assert_close(compose(tokens, linear, Box.whole(token_grid(size)), Box.whole(size)), expected)
    some = Box(2, 8, 5, 5)
    held = tokens_reaching(some, size)
    assert held == Box(0, 3, 1, 2)
    torch.testing.assert_close(compose(tokens[:, 0:4, 1:3], linear, held, some), expected[..., 2:9, 5:6])


def test_every_pixel_is_covered_by_as_many_patches_as_reach_it() -> None:
    rows, cols = token_grid((10, 14))
    counts = torch.zeros(10, 14)
    for row in range(rows):
        for col in range(cols):
            counts[max(0, 3 * row - 3) : 3 * row + 4, max(0, 3 * col - 3) : 3 * col + 4] += 1
    assert torch.equal(overlap_count((10, 14), torch.device("cpu"))[0, 0], counts)


def test_the_feed_forward_averages_overlapping_patches() -> None:
    net, x, size = FusionFeedForward(SMALL), torch.randn(2, *token_grid((12, 15)), 8), (12, 15)
    patches = net.fc1(x).flatten(1, 2).transpose(1, 2)
    ones = F.fold(torch.ones(1, 49, patches.shape[2]), size, 7, padding=3, stride=3)
    patches = F.unfold(F.fold(patches, size, 7, padding=3, stride=3) / ones, 7, padding=3, stride=3)
    plan = plan_of(hole_with(2, size))
    torch.testing.assert_close(net(x, plan), net.fc2(patches.transpose(1, 2)).reshape(x.shape))


def test_the_ring_buffer_is_the_published_one() -> None:
    buffer = SparseWindowAttention(TransformerConfig()).valid_ind_rolled
    assert len(buffer) == 148
    assert buffer.tolist() == standin_weights.rolled_indices().tolist()


def test_windows_are_masked_where_any_painted_frames_hole_has_a_token() -> None:
    """Token (6, 10) of 9 x 12 covers pixels 15..21 x 27..33; it lies in the last of the 2 x 2 windows."""
    plan = plan_of(hole_with(3, (25, 34), (1, 18, 30)))
    assert (plan.rows, plan.cols) == (10, 18)
    assert plan.tokens_of_masked.tolist() == [[row * 18 + col for row in range(5, 10) for col in range(9, 18)]]
    assert len(plan.tokens_of_unmasked) == 3


def test_a_hole_pixel_between_windows_masks_both() -> None:
    """Column 25 lies in the patches of tokens 8 (21..27) and 9 (24..30), on either side of the border."""
    plan = plan_of(hole_with(1, (13, 34), (0, 3, 25)))
    assert len(plan.tokens_of_masked) == 2


def slow_attention(net: SparseWindowAttention, x: Tensor, masked: set[tuple[int, int]], first_key_frame: int) -> Tensor:
    """Section 7's attention to the letter, one window and one head at a time, from rolled copies of the whole grid."""
    frames, rows, cols, dim = x.shape
    padded = F.pad(x, (0, 0, 0, -cols % 9, 0, -rows % 5))
    q, k, v = net.query(padded), net.key(padded), net.value(padded)
    pooled = net.pool_layer(padded.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).reshape(frames, -1, dim)
    out = torch.zeros_like(padded)
    own_row, own_col = torch.meshgrid(torch.arange(5), torch.arange(9), indexing="ij")
    for top in range(0, padded.shape[1], 5):
        for left in range(0, padded.shape[2], 9):
            window = (slice(None), slice(top, top + 5), slice(left, left + 9))
            queries = q[window].reshape(frames, 45, dim)
            if (top // 5, left // 9) not in masked:
                for t in range(frames):
                    own = (k[window][t].reshape(45, dim), v[window][t].reshape(45, dim))
                    out[window][t] = softmax_heads(queries[t], *own, net.config.heads).reshape(5, 9, dim)
                continue
            sources: dict[str, list[Tensor]] = {"k": [], "v": []}
            for t in range(first_key_frame, frames, 2):
                for name, grid, project in (("k", k, net.key), ("v", v, net.value)):
                    sources[name].append(grid[window][t].reshape(45, dim))
                    for down, right in ((3, 5), (3, -5), (-3, 5), (-3, -5)):
                        rolled = torch.roll(grid[t], (-down, -right), (0, 1))[top : top + 5, left : left + 9]
                        row, col = own_row + down, own_col + right
                        sources[name].append(rolled[(row < 0) | (row > 4) | (col < 0) | (col > 8)])
                    sources[name].append(project(pooled[t]))
            keys, values = torch.cat(sources["k"]), torch.cat(sources["v"])
            attended = softmax_heads(queries.flatten(0, 1), keys, values, net.config.heads)
            out[window] = attended.reshape(frames, 5, 9, dim)
    projected: Tensor = net.proj(out[:, :rows, :cols])
    return projected


def softmax_heads(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    size = q.shape[1] // heads
    parts = [slice(at, at + size) for at in range(0, q.shape[1], size)]
    return torch.cat([torch.softmax(q[:, p] @ k[:, p].T / size**0.5, dim=1) @ v[:, p] for p in parts], dim=1)


@pytest.mark.parametrize("first_key_frame", [0, 1])
@pytest.mark.parametrize("hole", ["one window", "no window", "all windows"])
def test_attention_is_what_the_specification_says_window_by_window(first_key_frame: int, hole: str) -> None:
    size = (33, 67)  # 11 x 23 tokens, padded to 15 x 27: three by three windows, with padding at both borders
    pixels = {
        "one window": [(0, 24, 40)],
        "no window": [],
        "all windows": [(1, row, col) for row in (0, 20, 32) for col in (0, 35, 66)],
    }
    masked = {
        "one window": {(1, 1)},
        "no window": set(),
        "all windows": {(row, col) for row in range(3) for col in range(3)},
    }
    net, x = SparseWindowAttention(SMALL), torch.randn(3, *token_grid(size), 8)
    plan = plan_of(hole_with(2, size, *pixels[hole]), references=1, block=first_key_frame)
    expected = slow_attention(net, x, masked[hole], first_key_frame)
    torch.testing.assert_close(net(x, plan), expected, atol=2e-6, rtol=1e-5)


def test_a_single_frame_without_keys_gives_the_output_layers_bias() -> None:
    size = (13, 25)  # one window
    net, x = SparseWindowAttention(SMALL), torch.randn(1, *token_grid(size), 8)
    attended = net(x, plan_of(hole_with(1, size, (0, 5, 5)), block=1))
    torch.testing.assert_close(attended, net.proj.bias.expand_as(attended))


def test_gathering_few_windows_at_a_time_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    size = (33, 67)
    net, x = SparseTransformer(SMALL), torch.randn(3, *token_grid(size), 8)
    hole = hole_with(2, size, *((1, row, col) for row in (0, 20, 32) for col in (0, 35, 66)))
    plan = plan_blocks(hole, SMALL, references=1)
    at_once = net(x, plan)
    monkeypatch.setattr(transformer, "_gather_budget", lambda device: 1)
    torch.testing.assert_close(net(x, plan), at_once)


def test_odd_blocks_take_their_keys_from_odd_frames() -> None:
    """Changing frame 0 must not reach frame 1 through the second block alone, frame 2 must see it through the first."""
    size = (13, 25)
    net, x = SparseWindowAttention(SMALL), torch.randn(3, *token_grid(size), 8)
    even, odd = (plan_of(hole_with(1, size, (0, 5, 5)), references=2, block=block) for block in (0, 1))
    changed = x.clone()
    changed[0] += 1 + torch.randn_like(x[0])
    assert torch.equal(net(x, odd)[1:], net(changed, odd)[1:])
    assert not torch.allclose(net(x, even)[2], net(changed, even)[2])


@pytest.mark.parametrize("read", [Box(14, 20, 30, 37), Box(0, 2, 60, 66), Box(30, 32, 0, 66)])
def test_computing_only_what_is_read_gives_the_same_tokens_there(read: Box) -> None:
    size = (33, 67)
    net, x = SparseTransformer(SMALL), torch.randn(7, *token_grid(size), 8)
    hole = hole_with(3, size, (0, 15, 31), (2, 19, 36))
    whole, narrow = (plan_blocks(hole, SMALL, references=4, read=box) for box in (None, read))
    everything, some = net(x, whole), net(x, narrow)
    assert everything.shape == (3, *token_grid(size), 8)
    assert some.shape == (3, *narrow[-1].tokens.size, 8)
    rows, cols = narrow[-1].tokens.inside(Box.whole(token_grid(size)))
    torch.testing.assert_close(some, everything[:, rows, cols])


def test_the_last_blocks_leave_out_references_that_nobody_looks_at_any_more() -> None:
    """Of frames 0..2 | 3..6 the last block, an odd one, looks at 1, 3 and 5; the block before it, at 0, 2, 4 and 6."""
    plans = plan_blocks(hole_with(3, (33, 67), (0, 5, 5)), SMALL, references=4)
    assert [plan.frames.tolist() for plan in plans[:2]] == [[0, 1, 2, 3, 4, 5, 6]] * 2
    assert plans[2].frames.tolist() == [0, 1, 2, 3, 5]
    assert plans[3].frames.tolist() == [0, 1, 2]
    assert plans[3].keys.tolist() == [1, 3, 4]  # places among the five that come


def test_a_last_block_asks_only_windows_that_touch_what_is_read() -> None:
    """Features 16..17 x 33..34 are read with one pixel more, so from tokens 4..7 x 10..12, which mix with 2..9 x 8..14."""
    plan = plan_blocks(hole_with(1, (33, 67)), SMALL, references=0, read=Box(16, 17, 33, 34))[-1]
    assert plan.tokens == Box(4, 7, 10, 12)
    assert plan.attended == Box(2, 9, 8, 14)
    assert len(plan.tokens_of_unmasked) == 4 and not len(plan.tokens_of_masked)
