"""Whether memory grows with the length of a shot: the peak of one process a length, both engines.

    python tests/benchmarks/long_shots.py [--engine classical|propainter] [--lengths 200 1000] [--size WxH] [--json FILE]

A texture slides behind a box, in no frame quite as in another, lest a stored result be found again; each length is removed
by a process of its own, from files to files, as ``propainter-remove`` does, and the most memory it ever held is compared.
Pictures are small so that it ends, and what may be kept of them (artifacts, features, alignments) is held as much smaller,
so that the shorter shot fills it, too. Weights are the seeded stand-ins of the tests: the same work as the published ones,
no picture worth looking at.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

KEPT_BYTES = 8 << 20
"""Of artifacts, and of features or alignments, each."""
LENGTHS = (200, 1000)
SIZES = {"classical": (96, 64), "propainter": (64, 64)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=sorted(SIZES), action="append", help="both where none is named")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--size", help="width x height of the pictures")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(remove_here(options.engine[0], options.one)))
        return
    size = tuple(int(side) for side in options.size.split("x")) if options.size else None
    report: dict[str, Any] = {"machine": {"python": platform.python_version(), "system": platform.platform()}}
    for engine in options.engine or sorted(SIZES):
        report[engine] = compare(engine, options.lengths, size or SIZES[engine])
        print(json.dumps({engine: report[engine]}, indent=2), flush=True)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def compare(engine: str, lengths: list[int] | tuple[int, ...], size: tuple[int, ...]) -> dict[str, Any]:
    """Peaks by length, each of a process of its own, and each over that of the first length."""
    peaks = {}
    for length in lengths:
        with tempfile.TemporaryDirectory(prefix="long-shot-") as folder:
            write_shot(Path(folder), length, (size[0], size[1]))
            command = [sys.executable, __file__, "--engine", engine, "--one", folder]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            peaks[length] = json.loads(told.splitlines()[-1])
    first = peaks[lengths[0]]["peak_bytes"]
    return {
        "size": "x".join(map(str, size)),
        "lengths": peaks,
        "over_the_first": {length: round(told["peak_bytes"] / first, 4) for length, told in peaks.items()},
    }


def write_shot(folder: Path, count: int, size: tuple[int, int]) -> None:
    """``plate`` and ``matte`` of so many frames."""
    width, height = size
    random = np.random.default_rng(1)
    texture = cv2.GaussianBlur(random.random((height, width, 3)).astype(np.float32), (0, 0), 3)
    texture = cv2.normalize(texture, None, 0, 250, cv2.NORM_MINMAX).astype(np.uint8)
    box = np.zeros((height, width), np.uint8)
    box[height // 3 : 2 * height // 3, width // 3 : width // 2] = 255
    for kind in ("plate", "matte"):
        (folder / kind).mkdir()
    for i in range(count):
        grain = random.integers(0, 5, texture.shape, dtype=np.uint8)
        cv2.imwrite(str(folder / "plate" / f"{i + 1:05d}.png"), np.roll(texture, 2 * i, axis=1) + grain)
        cv2.imwrite(str(folder / "matte" / f"{i + 1:05d}.png"), box)


def remove_here(engine: str, folder: Path) -> dict[str, float]:
    """Carry the removal out in this process and tell of it."""
    import torch

    import golden
    from propainter.classical import ClassicalEngine
    from propainter.learned import ProPainterEngine
    from propainter.types import Settings
    from propainter_backend.commands.remove import remove
    from propainter_backend.removal.removal import Removal
    from propainter_backend.render.engines import EngineChoice
    from propainter_backend.render.memory import reuse_freed_memory

    reuse_freed_memory()
    settings = Settings(chunk_length=20, neighbor_length=4, ref_stride=20, flow_iterations=1)
    wish = Removal(
        str(folder / "plate"), str(folder / "matte"), str(folder / "out"), settings, memory_budget=KEPT_BYTES
    )
    if engine == "classical":
        choice = EngineChoice(ClassicalEngine(aligned_bytes=KEPT_BYTES), "classical")
    else:
        nets = golden.standin_nets()
        device = torch.device("cpu")
        kept = {"feature_bytes": KEPT_BYTES, "aligned_bytes": KEPT_BYTES}
        choice = EngineChoice(ProPainterEngine(*nets, weights_id="stand-in", device=device, **kept), "stand-ins")
    seconds = remove(wish, choice, quiet=True)["seconds"]
    unit = 1 if sys.platform == "darwin" else 1024
    return {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, "seconds": seconds}


if __name__ == "__main__":
    main()
