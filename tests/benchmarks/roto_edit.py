"""What an edit of the roto costs: a real daemon renders a shot, one matte changes by a few pixels, and it renders again.

    python tests/benchmarks/roto_edit.py [--plate P --matte M] [--frames N] [--edited K] [--weights DIR] [--crop PADDING]
        [--json FILE]

Two edits of one frame's matte, one after the other: its right edge moves, then its upper edge. What the learned engine must
do depends on whether an edit leaves the blocks that its flow hole is widened to; the stages' units tell which it was.
Prints seconds and units of the first render, of the playhead frame after each edit (its first, provisional picture, and the
final one), of the whole shot after it, and of a render from scratch of the edited shot, with whose frames those of the
edits are compared bit for bit. CPU seconds are those of the daemon and its workers; what else runs on the machine hardly
matters to them. Without arguments: the sample shot and the embedded engine.
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
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from daemon_harness import Daemon, daemon

from propainter_pictures.mattes import read_matte
from propainter_pictures.plates import open_source
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

    def edit(self, frame: int, edge: str) -> None:
        """Move a few pixels of one matte's upper edge, or of its right edge at half its height."""
        matte = self.mattes[frame].copy()
        rows, columns = np.nonzero(matte[..., 0] > 0)
        if edge == "upper":
            matte[max(0, rows.min() - 2) : rows.min(), columns.min() : columns.min() + 12] = 1
        else:
            row = (rows.min() + rows.max()) // 2
            column = columns[rows == row].max(initial=columns.min()) + 1
            matte[row - 4 : row + 4, column : column + 3] = 1
        self.mattes[frame] = matte

    def opened(self, settings: dict[str, Any]) -> OpenShot:
        height, width, _ = self.plates[self.numbers[0]].shape
        dtype = self.plates[self.numbers[0]].dtype.name
        return OpenShot(self.numbers[0], self.numbers[-1], width, height, 3, dtype, settings=settings)  # type: ignore[arg-type]


def render(running: Daemon, client: Client, shot: str, frames: Frames, wanted: list[int], **how: Any) -> dict[str, Any]:
    """Offer what it takes, render, and tell what came when."""
    started, cpu = time.perf_counter(), cpu_seconds(running)
    client.prepare(shot, wanted, frames)
    told: dict[str, Any] = {"offered_s": round(time.perf_counter() - started, 3)}
    pictures: dict[int, Pixels] = {}
    for event in client.render(shot, wanted, **how):
        if isinstance(event, FrameResult):
            if "first_picture_s" not in told:
                told["first_picture_s"] = round(time.perf_counter() - started, 3)
                told["first_picture_cpu_s"] = round(cpu_seconds(running) - cpu, 2)
            if not event.provisional:
                told.setdefault("first_final_s", round(time.perf_counter() - started, 3))
                pictures[event.frame] = event.pixels
        elif isinstance(event, Done):
            told["stages"] = event.report["stages"]
            told["windows_redone"] = len(event.report["windows_redone"])  # type: ignore[arg-type]
    told["seconds"] = round(time.perf_counter() - started, 3)
    told["cpu_s"] = round(cpu_seconds(running) - cpu, 2)
    return {"told": told, "pictures": pictures}


def cpu_seconds(running: Daemon) -> float:
    """Of the daemon and its workers, so far."""
    spent = [process.cpu_times() for process in (psutil.Process(running.pid), *running.family())]
    return sum(times.user + times.system for times in spent)


def edit_and_render(
    running: Daemon, client: Client, shot: str, frames: Frames, edited: int, edge: str
) -> tuple[dict[str, Any], dict[int, Pixels]]:
    """One edit: what the playhead's frame and then the whole shot took, and the pictures."""
    frames.edit(edited, edge)
    look = render(running, client, shot, frames, [edited], provisional=True)
    whole = render(running, client, shot, frames, frames.numbers, priority="final")
    return {"playhead": look["told"], "shot": whole["told"]}, whole["pictures"]


def shares(edit: dict[str, Any], cold: dict[str, Any]) -> dict[str, float]:
    """Of the first render: until the playhead's picture, and for everything an edit asks for."""
    look, whole = edit["playhead"], edit["shot"]
    return {
        "playhead": round(look["first_picture_s"] / cold["seconds"], 4),
        "playhead, CPU": round(look["first_picture_cpu_s"] / cold["cpu_s"], 4),
        "edit": round((look["seconds"] + whole["seconds"]) / cold["seconds"], 4),
        "edit, CPU": round((look["cpu_s"] + whole["cpu_s"]) / cold["cpu_s"], 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plate", default=str(SAMPLE / "plate"))
    parser.add_argument("--matte", default=str(SAMPLE / "matte"))
    parser.add_argument("--frames", type=int, help="so many only")
    parser.add_argument("--edited", type=int, help="place of the frame whose matte is edited; the middle")
    parser.add_argument("--weights", help="folder with checkpoints: the learned engine")
    parser.add_argument("--crop", type=int, metavar="PADDING", help="crop to the matte")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    frames = Frames(options.plate, options.matte, options.frames)
    settings: dict[str, Any] = {"engine": "propainter" if options.weights else "classical"}
    if options.crop is not None:
        settings |= {"crop_to_matte": True, "crop_padding": options.crop}
    asked = ["--weights", options.weights] if options.weights else []
    every = frames.numbers
    edited = every[len(every) // 2 if options.edited is None else options.edited]
    edits: dict[str, dict[str, Any]] = {}
    pictures: dict[int, Pixels] = {}
    with daemon(*asked) as running, running.client() as client:
        shot = client.open_shot(frames.opened(settings)).shot
        cold = render(running, client, shot, frames, every, priority="final")["told"]
        for edge in ("right", "upper"):
            edits[edge], pictures = edit_and_render(running, client, shot, frames, edited, edge)
            print(edge, json.dumps(shares(edits[edge], cold)), flush=True)
    with daemon(*asked) as running, running.client() as client:
        shot = client.open_shot(frames.opened(settings)).shot
        scratch = render(running, client, shot, frames, every, priority="final")
    same = [n for n in every if np.array_equal(pictures[n], scratch["pictures"][n])]
    height, width, _ = frames.plate(edited).shape
    figures = {
        "shot": {"size": f"{width}x{height}", "frames": len(every), "edited": edited, **settings},
        "machine": {"python": platform.python_version(), "system": platform.platform(), "device": "cpu"},
        "cold": cold,
        "edits": edits,
        "edited shot from scratch": scratch["told"],
        "frames equal to scratch, to the bit": f"{len(same)} of {len(every)}",
        "shares of cold": {edge: shares(edit, cold) for edge, edit in edits.items()},
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
