"""What an edit of the roto costs: a real daemon renders a shot, one matte changes by a few pixels, and it renders again.

    python tests/benchmarks/roto_edit.py [--plate P --matte M] [--frames N] [--weights DIR] [--crop PADDING] [--json FILE]

Prints seconds and units of the first render, of the playhead frame after the edit (its first, provisional picture, and the
final one), of the whole shot after the edit, and of a render from scratch of the edited shot, with whose frames those of the
edit are compared bit for bit. Without arguments: the sample shot and the embedded engine.
Compare ratios, not seconds: the machine is part of every number.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from daemon_harness import daemon

from propainter_backend.plates import open_source, read_matte
from propainter_wire.client import Client, FrameResult
from propainter_wire.messages import Done, OpenShot
from propainter_wire.shot import Pixels

SAMPLE = Path(__file__).parents[2] / "samples" / "synth-pan"


class Frames:
    """A shot's frames in memory; edit ``mattes`` to edit the roto."""

    def __init__(self, plate: str, matte: str, count: int | None) -> None:
        with open_source(plate) as plates, open_source(matte) as mattes:
            first = plates.range.first
            last = min(plates.range.last, first + count - 1) if count else plates.range.last
            self.numbers = list(range(first, last + 1))
            self.plates = {n: np.ascontiguousarray(plates.read(n).rgb()) for n in self.numbers}
            self.mattes = {n: read_matte(mattes.read(n - first + mattes.range.first))[..., None] for n in self.numbers}

    def plate(self, frame: int) -> Pixels:
        return self.plates[frame]

    def matte(self, frame: int) -> Pixels:
        return self.mattes[frame]

    def clean(self, frame: int) -> None:
        return None

    def edit(self, frame: int) -> None:
        """Move a few pixels of one matte's upper edge."""
        matte = self.mattes[frame].copy()
        rows, columns = np.nonzero(matte[..., 0] > 0)
        matte[max(0, rows.min() - 2) : rows.min(), columns.min() : columns.min() + 12] = 1
        self.mattes[frame] = matte

    def opened(self, settings: dict[str, Any]) -> OpenShot:
        height, width, _ = self.plates[self.numbers[0]].shape
        dtype = self.plates[self.numbers[0]].dtype.name
        return OpenShot(self.numbers[0], self.numbers[-1], width, height, 3, dtype, settings=settings)  # type: ignore[arg-type]


def render(client: Client, shot: str, frames: Frames, wanted: list[int], **how: Any) -> dict[str, Any]:
    """Offer what it takes, render, and tell what came when."""
    started = time.perf_counter()
    client.prepare(shot, wanted, frames)
    told: dict[str, Any] = {"offered_s": round(time.perf_counter() - started, 3)}
    pictures: dict[int, Pixels] = {}
    for event in client.render(shot, wanted, **how):
        if isinstance(event, FrameResult):
            told.setdefault("first_picture_s", round(time.perf_counter() - started, 3))
            if not event.provisional:
                told.setdefault("first_final_s", round(time.perf_counter() - started, 3))
                pictures[event.frame] = event.pixels
        elif isinstance(event, Done):
            told["stages"] = event.report["stages"]
            told["windows_redone"] = len(event.report["windows_redone"])  # type: ignore[arg-type]
    told["seconds"] = round(time.perf_counter() - started, 3)
    return {"told": told, "pictures": pictures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plate", default=str(SAMPLE / "plate"))
    parser.add_argument("--matte", default=str(SAMPLE / "matte"))
    parser.add_argument("--frames", type=int, help="so many only")
    parser.add_argument("--weights", help="folder with checkpoints: the learned engine")
    parser.add_argument("--crop", type=int, metavar="PADDING", help="crop to the matte")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    frames = Frames(options.plate, options.matte, options.frames)
    settings: dict[str, Any] = {"engine": "propainter" if options.weights else "classical"}
    if options.crop is not None:
        settings |= {"crop_to_matte": True, "crop_padding": options.crop}
    asked = ["--weights", options.weights] if options.weights else []
    every, playhead = frames.numbers, frames.numbers[len(frames.numbers) // 2]
    with daemon(*asked) as running, running.client() as client:
        shot = client.open_shot(frames.opened(settings)).shot
        cold = render(client, shot, frames, every, priority="final")
        frames.edit(playhead)
        look = render(client, shot, frames, [playhead], provisional=True)
        edited = render(client, shot, frames, every, priority="final")
    with daemon(*asked) as running, running.client() as client:
        shot = client.open_shot(frames.opened(settings)).shot
        scratch = render(client, shot, frames, every, priority="final")
    same = [n for n in every if np.array_equal(edited["pictures"][n], scratch["pictures"][n])]
    whole = cold["told"]["seconds"]
    after = look["told"]["seconds"] + edited["told"]["seconds"]
    height, width, _ = frames.plate(playhead).shape
    figures = {
        "shot": {"size": f"{width}x{height}", "frames": len(every), "edited": playhead, **settings},
        "machine": {"python": platform.python_version(), "system": platform.platform(), "device": "cpu"},
        "cold": cold["told"],
        "playhead after the edit": look["told"],
        "shot after the edit": edited["told"],
        "edited shot from scratch": scratch["told"],
        "frames equal to scratch, to the bit": f"{len(same)} of {len(every)}",
        "playhead / cold": round(look["told"]["first_picture_s"] / whole, 4),
        "edit / cold": round(after / whole, 4),
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
