"""Every benchmark that has figures, in one file and one picture.

    python tests/benchmarks/all.py [--full] [--out out/bench] [--parts NAME ...] [--cases DIR]

Writes ``bench.json`` and ``bench.html``: first the table, every stage at some sizes and lengths with both engines, three
times each: cold, with warm flow (another roto on the same plate), and after an edit of one frame's roto; seconds beside
multiplications. Then what the other benchmarks of this folder say, each run by itself. Without ``--full``: sizes for a few
minutes.

Weights are the seeded stand-ins of the tests: the same work as the published ones, no picture worth looking at. Compare
ratios within one run, not seconds: the machine is part of every number.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: waiting threads must not spin

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from networks import processor
from torch.utils.flop_counter import FlopCounterMode

import golden
from builders import MemoryPictures, box_matte, moving_plates
from propainter.classical import ClassicalEngine
from propainter.engine import Engine
from propainter.learned import ProPainterEngine
from propainter.types import Settings
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace

HERE = Path(__file__).parent
T = TypeVar("T")
Case = tuple[str, tuple[int, int], int]
QUICK: list[Case] = [
    ("classical", (160, 96), 24),
    ("classical", (432, 240), 24),
    ("propainter", (96, 64), 12),
    ("propainter", (160, 96), 12),
]
FULL: list[Case] = [
    ("classical", (432, 240), 24),
    ("classical", (432, 240), 160),
    ("classical", (1920, 1080), 24),
    ("propainter", (432, 240), 24),
    ("propainter", (432, 240), 80),
]
PARTS: dict[str, tuple[list[str], list[str]]] = {
    "transport": (["--size", "1920x1080", "--repeats", "3"], []),
    "panel": (["--frames", "200"], []),
    "roto_edit": (["--frames", "24"], []),
    "networks": (["--frames", "8", "--pairs", "1", "--chunk", "4", "--windows", "1"], []),
    "native_fill": ([], []),
    "crop": ([], []),
    "cores": (["--size", "640x360", "--frames", "6", "--cores", "1", "2"], []),
    "long_shots": (["--engine", "classical", "--lengths", "30", "120"], []),
}
"""Other benchmarks, with what makes them quick, and what makes them full."""
STAGES = {
    "estimate_flow": "flow",
    "complete_flow": "completion",
    "propagate_plate": "propagation",
    "paint_window": "painting",
}


@dataclass(frozen=True)
class Row:
    """One stage of one render."""

    engine: str
    size: str
    frames: int
    state: str
    """cold, warm flow, or one-frame edit."""
    stage: str
    seconds: float
    gmac: float | None
    """1e9 multiplications and additions; None where nothing is counted: they are OpenCV's and numpy's."""
    computed: int
    reused: int
    """Units: pairs, chunks, windows, frames."""


class CountingEngine:
    """An engine whose multiplications are counted by stage."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.gmac: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        return self._counted(STAGES[name], found) if name in STAGES else found

    def _counted(self, stage: str, compute: Callable[..., T]) -> Callable[..., T]:
        def call(*given: Any, **named: Any) -> T:
            with FlopCounterMode(display=False) as counter:
                result = compute(*given, **named)
            self.gmac[stage] += counter.get_total_flops() / 2e9
            return result

        return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="sizes that are compared between versions; hours")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    parser.add_argument("--parts", nargs="*", choices=sorted(PARTS), default=sorted(PARTS), help="which others to run")
    parser.add_argument(
        "--cases", help="folder of plate, matte and truth for native_fill and crop; without it, a made-up pan"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = [row for case in (FULL if options.full else QUICK) for row in measure(*case)]
    given = {name: [options.cases] for name in ("native_fill", "crop")} if options.cases else {}
    parts = {name: run_part(name, [*given.get(name, []), *PARTS[name][options.full]]) for name in options.parts}
    report = {
        "device": f"{processor()}, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "sizes": "full" if options.full else "quick",
        "rows": [asdict(row) for row in rows],
        "parts": parts,
    }
    (options.out / "bench.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (options.out / "bench.html").write_text(page(report, rows), encoding="utf-8")
    print(f"wrote {options.out / 'bench.json'} and bench.html")
    if failed := [name for name, told in parts.items() if "failed" in told]:
        sys.exit(f"could not be measured: {', '.join(failed)}")


def measure(name: str, size: tuple[int, int], count: int) -> list[Row]:
    """One shot, rendered whole three times over one cache."""
    engine = CountingEngine(load(name))
    mattes = [box_matte(size, left=size[0] // 3, top=size[1] // 3, width=size[0] // 6, height=size[1] // 3)] * count
    pictures = MemoryPictures(moving_plates(count, size=size), mattes)
    shot = Shot(pictures, WorkingSpace.AUTO, Settings(), size)
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        cache = ShotCache(Path(folder), memory_budget=1 << 28)
        for state in ("cold", "warm flow", "one-frame edit"):
            if state == "warm flow":
                pictures.mattes = [np.roll(matte, 5, axis=1) for matte in mattes]
            elif state == "one-frame edit":
                pictures.mattes = list(pictures.mattes)
                pictures.mattes[count // 2] = np.roll(pictures.mattes[count // 2], 2, axis=0)
            rows += render(shot, engine, cache, state)
            told = ", ".join(f"{row.stage} {row.seconds:.1f} s" for row in rows[-5:])
            print(f"{name} {size[0]}x{size[1]}, {count} frames, {state}: {told}", flush=True)
    return rows


def render(shot: Shot, engine: CountingEngine, cache: ShotCache, state: str) -> list[Row]:
    engine.gmac.clear()
    renderer = ShotRenderer(shot, engine, cache)  # type: ignore[arg-type]
    for index in range(shot.pictures.frame_count):
        run_to_end(renderer.frame(index))
    size, count = f"{shot.plate_size[0]}x{shot.plate_size[1]}", shot.pictures.frame_count
    counted = engine.name == "propainter"
    return [
        Row(
            engine.name, size, count, state, stage, told["seconds"], round(engine.gmac[stage], 3) if counted else None,
            int(told["computed"]), int(told["reused"]),
        )
        for stage, told in renderer.counts.report().items()
    ]  # fmt: skip


def load(name: str) -> Engine:
    if name == "classical":
        return ClassicalEngine()
    nets = golden.standin_nets()
    return ProPainterEngine(*nets, weights_id="stand-in", device=torch.device("cpu"))


def run_part(name: str, arguments: list[str]) -> dict[str, Any]:
    """What another benchmark says, or why it says nothing."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        told = Path(folder) / f"{name}.json"
        where = ["--out", folder] if name == "panel" else ["--json", str(told)]
        command = [sys.executable, str(HERE / f"{name}.py"), *arguments, *where]
        done = subprocess.run(command, capture_output=True, text=True)
        print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
        if done.returncode or not told.exists():
            return {"failed": (done.stderr.strip().splitlines() or ["it said nothing"])[-1]}
        found: dict[str, Any] = json.loads(told.read_text())
        return found


COLOURS = {
    "flow": "#4477aa",
    "completion": "#66ccee",
    "propagation": "#228833",
    "painting": "#ccbb44",
    "composite": "#ee6677",
}
"""Of the stages; a palette made for all kinds of colour vision (Paul Tol's bright)."""


def page(report: dict[str, Any], rows: list[Row]) -> str:
    """One page that needs nothing else: a bar a render, its stages side by side, on one scale a shot; the rest as text."""
    style = """
      body { font: 15px/1.4 sans-serif; margin: 2em auto; max-width: 60em; }
      .bar { display: flex; height: 1.2em; } .bar div { height: 100%; } td, th { padding: 0 .8em; text-align: right; }
      td:nth-child(-n+5), th:nth-child(-n+5) { text-align: left; } pre { background: #f4f4f4; padding: 1em; overflow: auto; }
    """
    legend = " ".join(f'<span style="color:{colour}">&#9632;</span> {stage}' for stage, colour in COLOURS.items())
    parts = "".join(
        f"<h3>{escape(name)}</h3><pre>{escape(json.dumps(told, indent=1))}</pre>"
        for name, told in report["parts"].items()
    )
    return (
        f"<!doctype html><meta charset=utf-8><title>Benchmarks</title><style>{style}</style><h1>Benchmarks</h1>"
        f"<p>{escape(report['device'])}, torch {escape(report['torch'])}, {report['sizes']} sizes. {legend}</p>"
        f"{''.join(bars(rows))}<h2>Stages</h2>{table(rows)}<h2>Others</h2>{parts}\n"
    )


def bars(rows: list[Row]) -> list[str]:
    drawn = []
    for engine, size, frames in dict.fromkeys((row.engine, row.size, row.frames) for row in rows):
        shot = [row for row in rows if (row.engine, row.size, row.frames) == (engine, size, frames)]
        longest = max(sum(r.seconds for r in shot if r.state == state) for state in {r.state for r in shot})
        drawn.append(f"<h3>{engine}, {size}, {frames} frames</h3>")
        for state in dict.fromkeys(row.state for row in shot):
            render = [row for row in shot if row.state == state]
            spans = "".join(
                f'<div title="{row.stage} {row.seconds:.2f} s" style="background:{COLOURS[row.stage]};'
                f'width:{100 * row.seconds / max(longest, 1e-9):.2f}%"></div>'
                for row in render
            )
            drawn.append(f'{state}: {sum(row.seconds for row in render):.2f} s<div class="bar">{spans}</div>')
    return drawn


def table(rows: list[Row]) -> str:
    head = "".join(f"<th>{name}" for name in Row.__dataclass_fields__)
    body = "".join(
        "<tr>" + "".join(f"<td>{'' if value is None else escape(str(value))}" for value in asdict(row).values())
        for row in rows
    )
    return f"<table><tr>{head}{body}</table>"


if __name__ == "__main__":
    main()
