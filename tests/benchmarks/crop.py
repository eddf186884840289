"""What a crop to the matte costs in quality: the same shots seen through boxes of several margins, and whole.

    python tests/benchmarks/crop.py [CASES] [--frames 48] [--padding 0 16 32 64] [--json FILE]

Embedded engine. CASES/NAME/{frames,masks,clean} as for ``native_fill.py``; without CASES its made-up pan. Prints, for each
case and padding (0: automatic), the box of the first stretch, PSNR in the grown hole with a hard edge against the truth and
against the result of whole frames, and CPU seconds of everything. What the learned engine saves, ``networks.py`` measures.
Compare ratios, not seconds: the machine is part of every number.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from native_fill import SETTINGS, Case, cases, psnr

from propainter.classical import ClassicalEngine
from propainter_backend.render.crop import CroppedRenderer, make_renderer
from propainter_backend.render.memory import reuse_freed_memory
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path, nargs="?")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--padding", type=int, nargs="+", default=[0, 16, 32, 64], help="plate pixels; 0: automatic")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    reuse_freed_memory()
    print(f"{'case':16} {'padding':>9} {'box':>9} {'dB, truth':>10} {'dB, whole':>10} {'CPU s':>7}")
    report = {name: compare(name, case, options.padding) for name, case in cases(options.cases, options.frames)}
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def compare(name: str, case: Case, paddings: list[int]) -> dict[str, dict[str, Any]]:
    """Figures by padding; those of whole frames first."""
    whole: list[np.ndarray] = []
    figures: dict[str, dict[str, Any]] = {}
    for padding in (None, *paddings):
        shot = Shot(case.pictures, WorkingSpace.AUTO, SETTINGS, case.size)
        renderer = make_renderer(shot, ClassicalEngine(), ShotCache(None, memory_budget=4 << 30), crop_padding=padding)
        size = case.size
        if isinstance(renderer, CroppedRenderer) and (box := renderer.box(renderer.stretches.stretches[0])):
            size = box[2:]
        started = time.process_time()
        frames = [run_to_end(renderer.frame(i)).rgb() for i in range(len(case.truth))]
        spent = time.process_time() - started
        whole = whole or frames
        told = "whole" if padding is None else str(padding or "automatic")
        db, apart = psnr(frames, case), psnr(frames, Case(case.pictures, whole))
        figures[told] = {
            "box": size, "db": round(db, 2), "cpu_s": round(spent, 1),
            "db_against_whole": None if np.isinf(apart) else round(apart, 2),
        }  # fmt: skip
        print(
            f"{name:16} {told:>9} {size[0]:4}x{size[1]:<4} {db:10.2f} {apart:10.2f} {spent:6.1f}s",
            flush=True,
        )
    return figures


if __name__ == "__main__":
    main()
