"""Seconds a frame and peak memory of the learned engine on a GPU, stage by stage, beside what was counted for it.

    python tests/benchmarks/gpu.py [--device cuda|cpu] [--budget-s 220] [--small] [--out out/gpu]

First the card's ceilings: a large copy, large products in fp32 and fp16. Then, most telling first, made-up shots rendered
three times over one cache: cold, with the flow of the plate kept (another roto), after an edit of one frame. Then what may
be switched on, each beside the usual way: convolutions with channels last, CUDA graphs, ``torch.compile``, none of it run
on a card before. What no time is left for is named. ``bench.json`` has everything; docs/performance.md reads it.

Weights are seeded stand-ins: the published network's work, no picture worth looking at. ``--small``: sizes for a processor
that stands in.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from gpu_counts import Card, modelled_s, stages_of

import golden
from builders import MemoryPictures, box_matte, moving_plates
from propainter.learned import ProPainterEngine
from propainter.types import BidirectionalFlow, Precision, Settings
from propainter_backend.render.crop import make_renderer
from propainter_backend.render.engines import compute_exactly
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace

Size = tuple[int, int]
STATES = ("cold", "flow kept", "one frame edited")


@dataclass(frozen=True)
class Case:
    """One shot."""

    size: Size
    precision: Precision = Precision.FP32
    iterations: int = 20
    is_cropped: bool = False
    frames: int = 24
    neighbours: int = 10
    note: str = ""

    def __str__(self) -> str:
        crop = ", cropped" if self.is_cropped else ""
        note = f" ({self.note})" if self.note else ""
        return f"{self.size[0]}x{self.size[1]}{crop}, RAFT {self.iterations}, {self.precision.value}{note}"


def paper(size: Size, seconds: float) -> Case:
    return Case(size, iterations=5, frames=40, neighbours=20, note=f"the paper's way: {seconds} s on a V100")


CASES = [
    paper((432, 240), 0.083),
    paper((864, 480), 0.249),
    Case((432, 240)),
    Case((432, 240), Precision.FP16),
    Case((864, 480), Precision.FP16),
    Case((1920, 1080), Precision.FP16, is_cropped=True),
    Case((1280, 720), Precision.FP16),
    Case((1920, 1080), Precision.FP16),
    Case((864, 480)),
    Case((432, 240), Precision.FP16, iterations=5),
    Case((1920, 1080), Precision.FP16, iterations=5),
    Case((1280, 720)),
    Case((1920, 1080), is_cropped=True),
    Case((1920, 1080)),
]
SMALL = [
    Case((64, 48), iterations=2, frames=6, neighbours=4),
    Case((96, 64), iterations=2, frames=6, is_cropped=True),
]


class Bench:
    """The networks on one device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.nets = golden.standin_nets()

    def engine(self, precision: Precision = Precision.FP32, compiler: str | None = None) -> ProPainterEngine:
        return ProPainterEngine(
            *self.nets, weights_id="stand-in", device=self.device, precision=precision, compiler=compiler
        )

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def timed(self, work: Callable[[], object], *, most_s: float = 1.0) -> float:
        """Median seconds of several calls, the first left out."""
        work()
        self.wait()
        found: list[float] = []
        while not found or (sum(found) < most_s and len(found) < 20):
            started = time.perf_counter()
            work()
            self.wait()
            found.append(time.perf_counter() - started)
        return float(np.median(found))


def measure(case: Case, bench: Bench) -> list[dict[str, Any]]:
    """One row a state: seconds a frame by stage, and the most memory that torch took meanwhile."""
    width, height = case.size
    box = {"width": width * 2 // 5, "height": height * 2 // 5}
    if case.is_cropped:
        box = {"width": width // 6, "height": height // 6}
    mattes = [box_matte(case.size, left=width // 4 + i % 7, top=height // 4, **box) for i in range(case.frames)]
    pictures = MemoryPictures(moving_plates(case.frames, size=case.size), mattes)
    settings = Settings(flow_iterations=case.iterations, neighbor_length=case.neighbours)
    shot = Shot(pictures, WorkingSpace.AUTO, settings, case.size, cuts="none")
    engine, cache, rows = bench.engine(case.precision), ShotCache(None, memory_budget=8 << 30), []
    for state in STATES:
        if state == "flow kept":
            pictures.mattes = [np.roll(matte, 5, axis=1) for matte in mattes]
        elif state == "one frame edited":
            pictures.mattes = list(pictures.mattes)
            pictures.mattes[case.frames // 2] = np.roll(pictures.mattes[case.frames // 2], 2, axis=0)
        if bench.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(bench.device)
        started = time.perf_counter()
        renderer = make_renderer(shot, engine, cache, crop_padding=0 if case.is_cropped else None)
        for index in range(case.frames):
            run_to_end(renderer.frame(index))
        bench.wait()
        seconds = time.perf_counter() - started
        stages = {stage: told["seconds"] / case.frames for stage, told in renderer.counts.report().items()}
        peak = torch.cuda.max_memory_allocated(bench.device) / 1e9 if bench.device.type == "cuda" else None
        rows.append(
            {"case": str(case), "state": state, "frames": case.frames, "s_a_frame": seconds / case.frames,
             "stages": stages, "peak_gb": peak, **{k: str(v) for k, v in asdict(case).items()}}
        )  # fmt: skip
        print(line_of(rows[-1]), flush=True)
    return rows


def line_of(row: dict[str, Any]) -> str:
    stages = ", ".join(f"{name} {1e3 * seconds:.1f}" for name, seconds in row["stages"].items() if seconds >= 5e-5)
    peak = "" if row["peak_gb"] is None else f", {row['peak_gb']:.2f} GB"
    return f"{row['case']}, {row['state']}: {1e3 * row['s_a_frame']:.1f} ms a frame ({stages}){peak}"


def ceilings(bench: Bench, *, small: bool) -> Card:
    """What this card reaches at best."""
    side, count = (256, 1 << 20) if small else (8192, 1 << 30)
    some = torch.randn(count, device=bench.device)
    copied = torch.empty_like(some)
    bandwidth = 2 * 4 * count / bench.timed(lambda: copied.copy_(some))
    del some, copied
    rates = []
    for dtype in (torch.float32, torch.float16):
        a, b = torch.randn(2, side, side, device=bench.device).to(dtype)
        rates.append(2 * side**3 / bench.timed(lambda a=a, b=b: a @ b))  # type: ignore[misc]
    name = torch.cuda.get_device_name(bench.device) if bench.device.type == "cuda" else "processor"
    card = Card(name, rates[0], rates[1], bandwidth)
    told = f"fp32 {rates[0] / 1e12:.1f} TFLOP/s, fp16 {rates[1] / 1e12:.0f} TFLOP/s, copy {bandwidth / 1e12:.2f} TB/s"
    print(f"{name}: {told}", flush=True)
    return card


def counted(card: Card, sizes: list[Size]) -> list[dict[str, Any]]:
    """What the counts make of this card's ceilings, by stage."""
    rows = []
    for size in sizes:
        for stage, (work, served) in stages_of(*size).items():
            for half in (False, True) if stage == "painting" else (False,):
                seconds, held = modelled_s(work, card, half=half)
                floor, worst = work.floor_s(card, half=half), max(held, key=lambda name: held[name])
                rows.append(
                    {"size": size, "stage": stage, "half": half, "floor_ms": 1e3 * floor / served,
                     "modelled_ms": 1e3 * seconds / served, "held_up_by": worst}
                )  # fmt: skip
                told = f"{1e3 * floor / served:.2f} ms at least, {1e3 * seconds / served:.2f} as kernels go ({worst})"
                print(f"counted, {size[0]}x{size[1]}, {stage}{', fp16' if half else ''}: {told}", flush=True)
    return rows


def variants(bench: Bench, size: Size, left: Callable[[], float]) -> list[dict[str, Any]]:
    """What may be switched on, beside the usual way: seconds of a unit, and how far its result is off."""
    width, height = size
    generator = torch.Generator().manual_seed(1)
    frames = (torch.rand(1, 12, 3, height, width, generator=generator) * 2 - 1).to(bench.device)
    motion = torch.randn(1, 8, 2, height, width, generator=generator).to(bench.device)
    holes = torch.zeros(1, 12, 1, height, width, device=bench.device)
    holes[..., height // 4 : height // 2, width // 4 : width // 2] = 1
    flow = BidirectionalFlow(motion, -motion)
    work: dict[str, Callable[[ProPainterEngine], torch.Tensor]] = {
        "flow": lambda engine: engine.estimate_flow(frames[:, :5], iterations=4).forward,
        "painting": lambda engine: engine.paint_window(frames, holes, holes, flow),
    }
    rows = []
    for precision in (Precision.FP32, Precision.FP16) if bench.device.type == "cuda" else (Precision.FP32,):
        usual = {name: compute(bench.engine(precision)) for name, compute in work.items()}
        for name in ("usual", "channels last", "cudagraphs", "inductor"):
            if left() < (60 if name == "inductor" else 15):
                print(f"{name}, {precision.value}: left out, no time is left", flush=True)
                continue
            for unit, compute in work.items():
                rows.append(variant(bench, name, precision, unit, compute, usual[unit]))
                print(", ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    return rows


def variant(
    bench: Bench, name: str, precision: Precision, unit: str,
    compute: Callable[[ProPainterEngine], torch.Tensor], usual: torch.Tensor,
) -> dict[str, Any]:  # fmt: skip
    """One of them; why it could not be run, where it could not."""
    row: dict[str, Any] = {"variant": name, "precision": precision.value, "unit": unit}
    other = Bench(bench.device)
    try:
        if name == "channels last":
            for net in (other.nets[0], other.nets[2]):
                net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        engine = other.engine(precision, compiler=name if name in ("cudagraphs", "inductor") else None)
        gap = float((compute(engine).float() - usual.float()).abs().max())
        return {**row, "ms": round(1e3 * other.timed(lambda: compute(engine)), 3), "largest_difference": gap}
    except Exception as error:  # whatever a compiler that was never run here comes to
        return {**row, "failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--budget-s", type=float, default=3600.0, help="seconds until nothing new is begun")
    parser.add_argument("--small", action="store_true", help="sizes for a processor")
    parser.add_argument("--out", type=Path, default=Path("out/gpu"))
    options = parser.parse_args()
    began = time.perf_counter()

    def left() -> float:
        return options.budget_s - (time.perf_counter() - began)

    torch.set_grad_enabled(False)
    if options.device == "cuda":
        compute_exactly()
    bench = Bench(torch.device(options.device))
    card = ceilings(bench, small=options.small)
    report: dict[str, Any] = {
        "date": datetime.now(timezone.utc).date().isoformat(), "torch": torch.__version__, "card": asdict(card),
        "rows": [], "left_out": [],
    }  # fmt: skip
    a_pixel = 0.0  # seconds a pixel and frame of the dearest case so far: what the next may take
    for case in SMALL if options.small else CASES:
        likely = 1.5 * a_pixel * case.size[0] * case.size[1] * case.frames
        if likely > left() - 60:
            report["left_out"].append(str(case))
            print(f"{case}: left out, it may take {likely:.0f} s and {left():.0f} s are left", flush=True)
            continue
        started = time.perf_counter()
        try:
            report["rows"] += measure(case, bench)
        except torch.OutOfMemoryError as error:
            print(f"{case}: memory ran out ({str(error).splitlines()[0]})", flush=True)
            report["left_out"].append(f"{case}: memory ran out")
        if not case.is_cropped:
            a_pixel = max(a_pixel, (time.perf_counter() - started) / (case.size[0] * case.size[1] * case.frames))
    sizes = [(64, 48)] if options.small else [(432, 240), (864, 480)]
    report["counted"] = counted(card, sizes)
    report["variants"] = variants(bench, sizes[-1], left)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {options.out / 'bench.json'}")


if __name__ == "__main__":
    main()
