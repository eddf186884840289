"""What the networks cost, stage by stage, beside the same networks run the way they were published, in one run.

    python tests/benchmarks/networks.py [--plate DIR --matte DIR] [--pairs 4] [--chunk 10] [--windows 2] [--json FILE]

Every stage is computed both ways, unit by unit (``published_way.py`` and ``propainter``), the results are compared, and CPU
seconds, wall seconds and multiplications summed: a run of pairs of RAFT at 20 iterations, the same stopped early beside
all 20, one completion chunk in both directions of time, neighbouring painter windows with what is kept of frames between
them, the first of them without. Stages after RAFT start from DIS flow, so that each can be measured alone. The same units
are computed once more through the box that a crop to the matte sees; what that does to the picture, ``crop.py`` measures.
``shot`` adds up what the whole shot takes, by its numbers of pairs and windows.

Weights are the seeded stand-ins of the tests: the same work as the published ones, no picture worth looking at. Compare
ratios of CPU seconds, not seconds: the machine is part of every number.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).parents[1]))

import published_way

import golden
from builders import RGB, MemoryPictures
from propainter.classical import ClassicalEngine
from propainter.flow_completion import FlowCompletion
from propainter.hole import hole_of
from propainter.learned import ProPainterEngine
from propainter.painter import Painter
from propainter.raft import Raft, estimate_flow
from propainter.types import BidirectionalFlow, Settings
from propainter_backend.render.crop import CroppedRenderer
from propainter_backend.render.outputs import Region
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame
from propainter_plan import cuts

SAMPLE = Path(__file__).parents[2] / "samples" / "synth-pan"
Way = Callable[[], Tensor]
Nets = tuple[Raft, FlowCompletion, Painter]

SETTINGS = Settings()
FLOW_STOP = 0.02
TOLERANCE = 1e-3
"""Between both ways: pixels of flow, and of painted values in [-1, 1]; early stop is judged by its mean, 0.1 pixels."""


@dataclass
class Cost:
    """Of all units together."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    gmac: float = 0.0


@dataclass
class Comparison:
    """One stage both ways; differences are those of flow vectors' ends, or of painted values."""

    baseline_is: str
    units: int = 0
    baseline: Cost = field(default_factory=Cost)
    ours: Cost = field(default_factory=Cost)
    largest_difference: float = 0.0
    mean_difference: float = 0.0

    @property
    def cpu_ratio(self) -> float:
        """Ours over the baseline."""
        return self.ours.cpu_s / self.baseline.cpu_s

    def add(self, baseline: Way, ours: Way) -> tuple[Tensor, Tensor]:
        """Compute a unit both ways; returns both results, vectors or colours in dimension 1."""
        expected, got = timed(baseline, self.baseline), timed(ours, self.ours)
        gap = (got - expected).norm(dim=1)
        self.units += 1
        self.largest_difference = max(self.largest_difference, float(gap.max()))
        self.mean_difference += (float(gap.mean()) - self.mean_difference) / self.units
        return expected, got


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plate", type=Path, default=SAMPLE / "plate")
    parser.add_argument("--matte", type=Path, default=SAMPLE / "matte")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--chunk", type=int, default=10, help="pairs of the completion chunk")
    parser.add_argument("--windows", type=int, default=2)
    parser.add_argument("--padding", type=int, default=0, help="of the crop to the matte; 0: automatic")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_grad_enabled(False)
    nets = golden.standin_nets()
    for net in nets:
        net.eval().requires_grad_(False)
    pictures = read_shot(arguments.plate, arguments.matte, arguments.frames)
    frames, holes = tensors_of(pictures)
    flow = dis_flow(frames)
    stages = {
        "raft": compare_raft(nets[0], frames[:, : arguments.pairs + 1]),
        "raft_early_stop": compare_early_stop(nets[0], frames[:, : arguments.pairs + 1], flow.span(0, arguments.pairs)),
        "completion": compare_completion(nets, flow.span(0, arguments.chunk), holes[:, : arguments.chunk + 1]),
        "painter": compare_painter(nets, frames, holes, flow, count=arguments.windows),
    }
    box = box_of(pictures, arguments.padding)
    cropped = cost_in_box(nets, frames, holes, flow, box, arguments)
    units = {
        "raft": (frames.shape[1] - 1) / arguments.pairs,
        "completion": (frames.shape[1] - 1) / arguments.chunk,
        "painter": len(cuts.paint_windows(frames.shape[1], SETTINGS)) / arguments.windows,
    }
    report = {
        "device": f"{processor()}, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "size": [frames.shape[-1], frames.shape[-2]],
        "stages": {name: {**asdict(stage), "cpu_ratio": round(stage.cpu_ratio, 3)} for name, stage in stages.items()},
        "cropped": {"box": box, **{name: asdict(cost) for name, cost in cropped.items()}},
        "shot": shot_report(stages, cropped, units),
    }
    text = json.dumps(report, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text)
    wrong = [
        name for name, stage in stages.items() if name != "raft_early_stop" and stage.largest_difference > TOLERANCE
    ]
    if wrong or stages["raft_early_stop"].mean_difference > 0.1:
        sys.exit(f"both ways differ by more than they may: {', '.join(wrong) or 'raft_early_stop'}")


def read_shot(plate: Path, matte: Path, count: int) -> MemoryPictures:
    images = [cv2.imread(str(path))[..., ::-1].copy() for path in sorted(plate.iterdir())[:count]]
    mattes = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(matte.iterdir())[:count]]
    return MemoryPictures([Frame(image, RGB) for image in images], [matte / np.float32(255) for matte in mattes])


def tensors_of(pictures: MemoryPictures) -> tuple[Tensor, Tensor]:
    """Frames [1, t, 3, h, w] in [-1, 1] and their grown holes [1, t, 1, h, w]."""
    images = np.stack([frame.pixels for frame in pictures.plates])
    frames = torch.from_numpy(images).permute(0, 3, 1, 2)[None].contiguous() / 127.5 - 1
    grow = {"threshold": SETTINGS.threshold, "grow_pixels": SETTINGS.grow}
    holes = torch.stack([hole_of(torch.from_numpy(matte), **grow) for matte in pictures.mattes])
    return frames, holes[None, :, None].float()


def box_of(pictures: MemoryPictures, padding: int) -> Region:
    """What a crop to the matte sees of a shot of one stretch: x, y, width, height."""
    height, width, _ = pictures.plates[0].pixels.shape
    shot = Shot(pictures, WorkingSpace.AUTO, SETTINGS, (width, height))
    renderer = CroppedRenderer(shot, ClassicalEngine(), ShotCache(None, memory_budget=1 << 24), padding=padding)
    (stretch,) = renderer.stretches.stretches
    box = renderer.box(stretch)
    assert box is not None
    return box


def cost_in_box(
    nets: Nets, frames: Tensor, holes: Tensor, flow: BidirectionalFlow, box: Region, arguments: argparse.Namespace
) -> dict[str, Cost]:
    """Our way through a box, the units of the comparisons."""
    x, y, width, height = (*box[:2], box[2] // 8 * 8, box[3] // 8 * 8)
    frames, holes, *both = (
        part[..., y : y + height, x : x + width].contiguous() for part in (frames, holes, flow.forward, flow.backward)
    )
    flow, engine = BidirectionalFlow(*both), engine_of(nets)
    costs = {name: Cost() for name in ("raft", "completion", "painter")}
    run = frames[:, : arguments.pairs + 1]
    timed(lambda: joined(estimate_flow(nets[0], run, iterations=20)), costs["raft"])
    chunk = flow.span(0, arguments.chunk), holes[:, : arguments.chunk + 1]
    timed(lambda: joined(engine.complete_flow(*chunk)), costs["completion"])
    for _, paint in paintings(engine, frames, holes, flow, count=arguments.windows, painter=nets[2]):
        timed(paint, costs["painter"])
    return costs


def shot_report(
    stages: dict[str, Comparison], cropped: dict[str, Cost], units: dict[str, float]
) -> dict[str, dict[str, float]]:
    """CPU seconds of a whole shot, and shares of the published way: ours, RAFT stopped early, cropped."""
    published = {name: stages[name].baseline.cpu_s for name in units}
    ours = {name: stages[name].ours.cpu_s for name in units}
    early = {**ours, "raft": ours["raft"] * stages["raft_early_stop"].cpu_ratio}
    ways = {
        "published": published, "ours": ours, "ours, RAFT stopped early": early,
        "ours, cropped": {name: cost.cpu_s for name, cost in cropped.items()},
    }  # fmt: skip
    seconds = {way: sum(costs[name] * units[name] for name in units) for way, costs in ways.items()}
    return {
        way: {"cpu_s": round(spent, 1), "share": round(spent / seconds["published"], 3)}
        for way, spent in seconds.items()
    }


def dis_flow(frames: Tensor) -> BidirectionalFlow:
    flow = ClassicalEngine().estimate_flow(frames, iterations=1)
    return BidirectionalFlow(flow.forward.contiguous(), flow.backward.contiguous())


def compare_raft(net: Raft, frames: Tensor) -> Comparison:
    """One run of pairs, both directions."""

    def published() -> Tensor:
        pairs = [(frames[:, i], frames[:, i + 1]) for i in range(frames.shape[1] - 1)]
        ends = pairs + [(second, first) for first, second in pairs]
        return torch.cat([published_way.estimate_pair(net, *both, iterations=20) for both in ends])

    comparison = Comparison("the published way")
    comparison.add(published, lambda: joined(estimate_flow(net, frames, iterations=20)))
    return comparison


def compare_early_stop(net: Raft, frames: Tensor, dis: BidirectionalFlow) -> Comparison:
    """The same run of pairs at 20 iterations, and stopped where it has converged; prints how far both are from DIS."""
    comparison = Comparison(f"all 20 iterations; ours: flow_stop {FLOW_STOP}")
    both = comparison.add(
        lambda: joined(estimate_flow(net, frames, iterations=20)),
        lambda: joined(estimate_flow(net, frames, iterations=20, stop=FLOW_STOP)),
    )
    apart = [float((flow - joined(dis)).norm(dim=1).mean()) for flow in both]
    print("mean end-point difference from DIS: {:.3f} px after all iterations, {:.3f} px stopped".format(*apart))
    return comparison


def compare_completion(nets: Nets, flow: BidirectionalFlow, holes: Tensor) -> Comparison:
    """One chunk, both directions."""
    engine = engine_of(nets)

    def published() -> Tensor:
        forward = published_way.complete_one_way(nets[1], flow.forward[0], holes[0, :-1])
        backward = published_way.complete_one_way(nets[1], flow.backward[0].flip(0), holes[0, 1:].flip(0))
        return torch.cat((forward, backward.flip(0)))

    comparison = Comparison("the published way")
    comparison.add(published, lambda: joined(engine.complete_flow(flow, holes)))
    return comparison


def compare_painter(nets: Nets, frames: Tensor, holes: Tensor, flow: BidirectionalFlow, *, count: int) -> Comparison:
    """A shot's first windows in order; ours keeps what it may of frames seen before, as in a render."""
    comparison = Comparison("the published way")
    for published, ours in paintings(engine_of(nets), frames, holes, flow, count=count, painter=nets[2]):
        comparison.add(published, ours)
    return comparison


def paintings(
    engine: ProPainterEngine,
    frames: Tensor,
    holes: Tensor,
    flow: BidirectionalFlow,
    *,
    count: int,
    painter: Painter,
) -> Iterator[tuple[Way, Way]]:
    """A shot's first windows, each painted the published way by ``painter``, and by the engine."""
    propagated = engine.propagate_plate(frames, holes, flow)
    for window in cuts.paint_windows(frames.shape[1], SETTINGS)[:count]:
        seen = list(window.neighbours + window.references)
        given = (propagated.frames[:, seen], holes[:, seen], propagated.unseen[:, seen])
        among = flow.span(window.neighbours[0], window.neighbours[-1])
        inside = holes[0, list(window.neighbours)]
        keys = [str(index) for index in seen]
        yield (
            lambda: published_way.paint(painter, *(part[0] for part in given), among) * inside,  # noqa: B023
            lambda: engine.paint_window(*given, among, frame_keys=keys) * inside,  # noqa: B023
        )


def engine_of(nets: Nets) -> ProPainterEngine:
    return ProPainterEngine(*nets, weights_id="stand-in", device=torch.device("cpu"))


def joined(flow: BidirectionalFlow) -> Tensor:
    return torch.cat((flow.forward[0], flow.backward[0]))


def timed(way: Way, cost: Cost) -> Tensor:
    cpu, wall = time.process_time(), time.perf_counter()
    with FlopCounterMode(display=False) as counter:
        result = way()
    cost.cpu_s += time.process_time() - cpu
    cost.wall_s += time.perf_counter() - wall
    cost.gmac += counter.get_total_flops() / 2e9
    return result


def processor() -> str:
    """Its name, where the system tells."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
