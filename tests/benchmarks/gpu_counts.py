"""What each stage of the learned engine asks of a GPU, counted without one: multiplications, bytes, kernels, waits.

    python tests/benchmarks/gpu_counts.py [--sizes 432x240 864x480 ...] [--json FILE]

Nothing is computed: the networks run on torch's meta device, where tensors have shapes and no content, and every operation
is seen going by. What an operation reads and writes is added up as if no cache helped and nothing were fused. From that
comes a time an operation, the longest of three: its multiplications at the card's rate, its bytes at its bandwidth, a
launch. ``floor`` is what no program can beat: multiplications of the whole stage, or each input and output moved once.

Here: the counting and the model. Not here: measuring (``gpu.py``, on a card).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

sys.path.insert(0, str(Path(__file__).parents[1]))

from propainter import flow_completion, painter, region, transformer
from propainter.flow_completion import FlowCompletion, complete_flow
from propainter.painter import Painter
from propainter.propagation import propagate_plate
from propainter.raft import Raft, estimate_flow
from propainter.raft.estimation import pairs_at_once
from propainter.types import BidirectionalFlow

SIZES = ((432, 240), (864, 480), (1280, 720), (1920, 1080))
NEIGHBOURS, REFERENCES, STEP = 11, 7, 5
"""Of a window in the middle of 80 frames under the default settings, and the frames from one window to the next."""
CHUNK = 24
"""Pairs of a completion chunk, and frames of a propagation chunk, that are counted."""
HOLE_SHARE = 0.4
"""Of each side: 16 % of the picture."""


@dataclass(frozen=True)
class Card:
    """What a card can do at most."""

    name: str
    single: float
    """Operations a second in fp32; TF32 is switched off (``render/engines.py``)."""
    half: float
    """The same of large products in fp16 or bf16."""
    bandwidth: float
    """Bytes a second, read and written."""
    launch_s: float = 5e-6
    """From one small kernel to the next, by Python through torch: an assumption."""


CARDS = (
    Card("H200", 67e12, 790e12, 4.3e12),
    Card("RTX 4090", 82e12, 165e12, 1.0e12),
    Card("V100", 15.7e12, 112e12, 0.9e12),
)
"""Data sheets; H200's half and bandwidth as large products and copies reach them."""
_FREE = ("empty", "detach", "lift_fresh", "_unsafe_view", "alias")
_PICKS = ("index.", "gather", "index_select", "embedding")


@dataclass
class Work:
    """Of one unit of a stage."""

    gflop: float = 0.0
    gigabytes: float = 0.0
    """Moved by all kernels together."""
    least_gigabytes: float = 0.0
    """Given, made and weights, each once."""
    kernels: int = 0
    waits: int = 0
    """How often the host waits for the device."""
    each: list[tuple[float, float]] = field(default_factory=list)
    """Operations and bytes of each kernel."""

    def floor_s(self, card: Card, *, half: bool = False) -> float:
        """No program takes less."""
        rate, share = (card.half, 0.5) if half else (card.single, 1.0)
        return max(self.gflop * 1e9 / rate, share * self.least_gigabytes * 1e9 / card.bandwidth)


class Counter(TorchDispatchMode):
    """Adds up what goes by; ``kernels`` holds (operations, bytes) of each."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels: list[tuple[float, float]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name = func._schema.name.removeprefix("aten::") + "."
        is_view = any(r.alias_info is not None and not r.alias_info.is_write for r in func._schema.returns)
        if not is_view and not name.startswith(_FREE):
            count = flop_registry.get(func._overloadpacket)
            flop = 0.0 if count is None else float(count(*args, **(kwargs or {}), out_val=out))
            self.kernels.append((flop, bytes_moved(name, (args, kwargs), out)))
        return out

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """One kernel, as a GPU has it; the meta device would spell it out, scores and all."""
        with torch.utils._python_dispatch._disable_current_modes():
            out = torch.empty_like(q)
        flop = 4.0 * q.numel() * k.shape[-2]
        self.kernels.append((flop, sum(map(size_of, (q, k, v, out)))))
        return out


def bytes_moved(name: str, given: object, made: object) -> float:
    """Each tensor given and made, once. What is picked by index is read where it is picked; what is sampled, at most at the
    four corners of each sample."""
    written = sum(map(size_of, tensors(made)))
    if name.startswith(_PICKS):
        return 2.0 * written
    read = [size_of(tensor) for tensor in tensors(given)]
    if name.startswith("index_put"):
        return 2 * read[-1]
    if name.startswith("grid_sampler"):
        read[0] = min(read[0], 4 * written)
    return written + sum(read)


def tensors(tree: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def size_of(tensor: Tensor) -> float:
    """Bytes; a tensor expanded along an axis is read once."""
    shown = 1
    for length, stride in zip(tensor.shape, tensor.stride(), strict=True):
        shown *= length if stride else 1
    return float(shown * tensor.element_size())


@contextmanager
def holes_known(box: region.Box, masked: Tensor) -> Iterator[list[int]]:
    """Where networks ask the device about the holes, answer from here, and count how often they ask."""
    waits = [0]
    plan = transformer.plan_blocks

    def boxes(holes: Tensor) -> list[region.Box | None]:
        waits[0] += 1
        return [box] * len(holes)

    def planned(hole: Tensor, config: Any, **how: Any) -> Any:
        waits[0] += 1
        with torch.utils._python_dispatch._disable_current_modes():
            plans = plan(masked.expand(len(hole), -1, -1, -1), config, **how)
        for each in plans:
            for name, value in vars(each).items():
                if isinstance(value, Tensor):
                    object.__setattr__(each, name, value.to("meta"))
        return plans

    with (
        mock.patch.object(flow_completion, "boxes_of_holes", boxes),
        mock.patch.object(painter, "boxes_of_holes", boxes),
        mock.patch.object(painter, "plan_blocks", planned),
        mock.patch.object(torch, "autocast", lambda *_, **__: nullcontext()),  # there is none for what has no content
    ):
        yield waits


class Shapes:
    """The networks and everything they are given at one size, without content."""

    def __init__(self, width: int, height: int) -> None:
        self.size = (height // 8 * 8, width // 8 * 8)
        height, width = self.size
        low = [int(side * (1 - HOLE_SHARE) / 2) for side in self.size]
        self.box = region.Box(low[0], height - 1 - low[0], low[1], width - 1 - low[1])
        masked = torch.zeros(1, 1, height // 4, width // 4)
        masked[..., low[0] // 4 : (height - low[0]) // 4, low[1] // 4 : (width - low[1]) // 4] = 1
        self.masked = masked
        self.raft, self.completion, self.painter = (net.to("meta") for net in (Raft(), FlowCompletion(), Painter()))

    def given(self, count: int, channels: int) -> Tensor:
        return torch.empty(1, count, channels, *self.size, device="meta")

    def flow(self, pairs: int) -> BidirectionalFlow:
        return BidirectionalFlow(self.given(pairs, 2), self.given(pairs, 2))


def count(shapes: Shapes, net: torch.nn.Module | None, given: list[Tensor], compute: Callable[[], object]) -> Work:
    """One unit's work."""
    with (
        torch.no_grad(),
        holes_known(shapes.box, shapes.masked) as waits,
        Counter() as counter,
        mock.patch.object(torch.nn.functional, "scaled_dot_product_attention", counter.attend),
    ):
        made = compute()
    if isinstance(made, BidirectionalFlow):
        made = (made.forward, made.backward)
    elif hasattr(made, "unseen"):
        made = (made.frames, made.unseen)
    parts = [*given, *tensors(made), *(net.parameters() if net is not None else [])]
    return Work(
        sum(flop for flop, _ in counter.kernels) / 1e9,
        sum(moved for _, moved in counter.kernels) / 1e9,
        sum(map(size_of, parts)) / 1e9,
        len(counter.kernels),
        waits[0],
        counter.kernels,
    )


def modelled_s(work: Work, card: Card, *, half: bool = False) -> tuple[float, dict[str, float]]:
    """Seconds of all kernels one after the other, and the share of those that arithmetic, memory or launching holds up."""
    rate, share = (card.half, 0.5) if half else (card.single, 1.0)
    seconds = dict.fromkeys(("arithmetic", "memory", "launch"), 0.0)
    for flop, moved in work.each:
        takes = {"arithmetic": flop / rate, "memory": share * moved / card.bandwidth, "launch": card.launch_s}
        worst = max(takes, key=lambda name: takes[name])
        seconds[worst] += takes[worst]
    total = sum(seconds.values())
    return total, {name: value / total for name, value in seconds.items()}


def stages_of(width: int, height: int) -> dict[str, tuple[Work, float]]:
    """Every stage's unit as a GPU is given it, and how many frames it serves; flow and completion also one by one."""
    shapes = Shapes(width, height)
    at_once = pairs_at_once(width, height)
    frames, flow, holes = shapes.given(max(1, at_once) + 1, 3), shapes.flow(CHUNK), shapes.given(CHUNK + 1, 1)
    found: dict[str, tuple[Work, float]] = {}
    for way, name in ((0, "one by one"), (at_once, f"{2 * at_once} flows at once")):
        if way or name == "one by one":
            for iterations, work in count_flow(shapes, frames, way, (5, 20)).items():
                found[f"RAFT {iterations}, {name}"] = (work, frames.shape[1] - 1.0)
    chunk = [flow.forward, flow.backward, holes]
    for both, name in ((False, "each way"), (True, "both ways at once")):
        complete = partial(complete_flow, shapes.completion, flow, holes, both_at_once=both)
        found[f"completion, {name}"] = (count(shapes, shapes.completion, chunk, complete), CHUNK)
    plate = shapes.given(CHUNK + 1, 3)
    propagate = partial(propagate_plate, plate, holes, flow)
    found["propagation"] = (count(shapes, None, [plate, *chunk], propagate), CHUNK + 1.0)
    found["painting"] = (count_window(shapes), STEP)
    return found


def count_flow(shapes: Shapes, frames: Tensor, at_once: int, iterations: Sequence[int]) -> dict[int, Work]:
    """All iterations are alike: one and two are counted, and their difference taken as often as is asked for."""
    ones, twos = (
        count(shapes, shapes.raft, [frames], partial(estimate_flow, shapes.raft, frames, iterations=n, at_once=at_once))
        for n in (1, 2)
    )
    more = list((Tally(twos.each) - Tally(ones.each)).elements())
    return {
        n: Work(
            ones.gflop + (n - 1) * (twos.gflop - ones.gflop),
            ones.gigabytes + (n - 1) * (twos.gigabytes - ones.gigabytes),
            ones.least_gigabytes,
            ones.kernels + (n - 1) * (twos.kernels - ones.kernels),
            ones.waits,
            ones.each + (n - 1) * more,
        )
        for n in iterations
    }


def count_window(shapes: Shapes) -> Work:
    """A window in the midst of a shot: what its neighbour windows saw is kept, so only a step's frames are encoded."""
    height, width = shapes.size
    features = torch.empty(NEIGHBOURS, 128, height // 4, width // 4, device="meta")
    rows, cols = transformer.token_grid((height // 4, width // 4))
    references = [torch.empty(rows, cols, 512, device="meta")] * REFERENCES
    masks = torch.empty(NEIGHBOURS, 1, height, width, device="meta")
    frame, flow = torch.empty(3, height, width, device="meta"), shapes.flow(NEIGHBOURS - 1)

    def paint() -> Tensor:
        for _ in range(STEP):
            shapes.painter.encode_frame(frame, masks[0], masks[0])
        painted: Tensor = shapes.painter(features, references, masks, masks, flow)
        return painted

    given = [features, *references, masks, flow.forward, flow.backward]
    return count(shapes, shapes.painter, given, paint)


def row_of(size: str, stage: str, work: Work, served: float) -> dict[str, Any]:
    """One stage on every card, by frame."""
    row: dict[str, Any] = {
        "size": size,
        "stage": stage,
        "frames": served,
        **{k: v for k, v in vars(work).items() if k != "each"},
        "cards": {},
    }
    for card in CARDS:
        for half in (False, True) if stage == "painting" else (False,):
            seconds, held = modelled_s(work, card, half=half)
            name = f"{card.name}{' fp16' if half else ''}"
            floor = 1e3 * work.floor_s(card, half=half) / served
            row["cards"][name] = {"floor_ms": floor, "modelled_ms": 1e3 * seconds / served, **held}
    return row


def told(row: dict[str, Any]) -> str:
    """A row of the printed table."""
    cards = []
    for name, at in row["cards"].items():
        worst = max(("arithmetic", "memory", "launch"), key=lambda each: at[each])
        cards.append(f"{name} {at['floor_ms']:.1f}/{at['modelled_ms']:.1f} ({worst} {at[worst]:.0%})")
    each = [row[name] / row["frames"] for name in ("gflop", "gigabytes", "least_gigabytes", "kernels", "waits")]
    counts = "{:8.1f} {:7.2f} {:6.3f} {:7.0f} {:5.2f}".format(*each)
    return f"{row['size']:10} {row['stage']:30} {counts}  {', '.join(cards)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=[f"{w}x{h}" for w, h in SIZES])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(
        "a frame:   stage                             GFLOP      GB  least kernels waits  ms: floor/modelled (held up by)"
    )
    rows = []
    for size in arguments.sizes:
        width, height = map(int, size.split("x"))
        for stage, (work, served) in stages_of(width, height).items():
            rows.append(row_of(size, stage, work, served))
            print(told(rows[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"cards": [asdict(card) for card in CARDS], "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
