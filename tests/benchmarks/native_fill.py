"""What the fill at native resolution is worth, and what it costs: against the enlarged fill and against full working size.

    python tests/benchmarks/native_fill.py [CASES] [--working 0.5] [--json FILE]
    python tests/benchmarks/native_fill.py --large [--frames 48] [--working 0.25] [--crop] [--json FILE]

CASES/NAME/{frames,masks,clean} hold images of one size with the same file names: the plate with its object, the matte
(white = remove) and the truth. Without CASES: a pan over a texture that is made up here. Prints, for each case, PSNR in the
grown hole with a hard edge and CPU seconds of everything, at that share of the plate's size, for all three ways.
``--large``: seconds and the most memory the process held over a float plate of 3840x2160, an enlarged made-up pan.
Compare ratios, not seconds: the machine is part of every number.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from builders import MemoryPictures
from propainter.classical import ClassicalEngine
from propainter.hole import hole_of
from propainter.types import Settings
from propainter_backend.render.crop import make_renderer
from propainter_backend.render.memory import reuse_freed_memory
from propainter_backend.render.shot import Shot, ShotPictures
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame

SETTINGS = Settings(feather=0)
LARGE = (3840, 2160)
MADE_UP = (640, 360)


@dataclass(frozen=True)
class Case:
    """One shot whose truth is known, RGB."""

    pictures: MemoryPictures
    truth: list[np.ndarray]

    @property
    def size(self) -> tuple[int, int]:
        """Width, height."""
        return self.truth[0].shape[1], self.truth[0].shape[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path, nargs="?")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--working", type=float, help="share of the plate's size; 0.5, of a large plate 0.25")
    parser.add_argument("--crop", action="store_true", help="large plates: see no more than a box around the holes")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    reuse_freed_memory()
    report: dict[str, Any] = {"machine": {"python": platform.python_version(), "system": platform.platform()}}
    if options.large:
        report["large"] = large(options.frames, options.working or 0.25, is_cropped=options.crop)
        print(json.dumps(report["large"], indent=2))
    else:
        print(f"{'case':16} {'plate':>9} {'enlarged':>15} {'native':>15} {'full size':>15}   dB, CPU seconds")
        for name, case in cases(options.cases, options.frames):
            report[name] = compare(name, case, options.working or 0.5)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def cases(folder: Path | None, count: int) -> list[tuple[str, Case]]:
    """Name and shot of each case of a folder; of none, the one made up here."""
    if folder is None:
        truth = [np.rint(picture * 255).astype(np.uint8) for picture in pan(MADE_UP, min(count, 24))]
        return [("made-up pan", cut(truth))]
    return [(path.parent.name, read_case(path.parent, count)) for path in sorted(folder.glob("*/clean"))]


def compare(name: str, case: Case, working: float) -> dict[str, Any]:
    """PSNR and CPU seconds of the three ways."""
    size = round(case.size[0] * working), round(case.size[1] * working)
    ways = {"enlarged": (size, False), "native": (size, True), "full": (None, False)}
    figures: dict[str, Any] = {"plate": case.size, "working": size}
    for way, (working_size, native_fill) in ways.items():
        shot = Shot(case.pictures, WorkingSpace.AUTO, SETTINGS, case.size, working_size, native_fill)
        renderer = make_renderer(shot, ClassicalEngine(), ShotCache(None, memory_budget=4 << 30), crop_padding=None)
        started = time.process_time()
        frames = [run_to_end(renderer.frame(i)).rgb() for i in range(len(case.truth))]
        figures[way] = {"db": round(psnr(frames, case), 2), "cpu_s": round(time.process_time() - started, 1)}
    told = " ".join(f"{figures[way]['db']:7.2f} {figures[way]['cpu_s']:6.1f}s" for way in ways)
    print(f"{name:16} {case.size[0]:4}x{case.size[1]:<4} {told}", flush=True)
    return figures


def psnr(frames: list[np.ndarray], case: Case) -> float:
    """In the grown holes of all frames."""
    square, count = 0.0, 0
    for frame, truth, matte in zip(frames, case.truth, case.pictures.mattes, strict=True):
        hole = grown(matte)
        square += float(((frame.astype(np.float64) - truth)[hole] ** 2).sum())
        count += 3 * int(hole.sum())
    return float(10 * np.log10(255**2 * count / square)) if square else float("inf")


def grown(matte: np.ndarray) -> np.ndarray:
    import torch

    hole: np.ndarray = (
        hole_of(torch.from_numpy(matte), threshold=SETTINGS.threshold, grow_pixels=SETTINGS.grow).numpy() > 0
    )
    return hole


def read_case(folder: Path, count: int) -> Case:
    """A case from its images."""
    paths = [sorted((folder / kind).iterdir())[:count] for kind in ("frames", "masks", "clean")]
    plates = [Frame(_rgb(path), ("R", "G", "B"), number=i) for i, path in enumerate(paths[0])]
    mattes = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255 for path in paths[1]]
    return Case(MemoryPictures(plates, mattes), [_rgb(path) for path in paths[2]])


def _rgb(path: Path) -> np.ndarray:
    return np.ascontiguousarray(cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1])


def cut(truth: list[np.ndarray]) -> Case:
    """A grey box that moves over the pictures, to be removed again."""
    plates, mattes = [], []
    for i, picture in enumerate(truth):
        matte = moving_box(picture.shape[1], picture.shape[0], i, len(truth))
        plates.append(
            Frame(np.where(matte[..., None] > 0, 128, picture).astype(picture.dtype), ("R", "G", "B"), number=i)
        )
        mattes.append(matte)
    return Case(MemoryPictures(plates, mattes), truth)


def moving_box(width: int, height: int, index: int, count: int) -> np.ndarray:
    """A quarter of the height wide, crossing half the picture."""
    matte, side = np.zeros((height, width), np.float32), height // 4
    left = width // 7 + index * width // (2 * count)
    top = int(height * (0.35 + 0.1 * np.sin(index / 6)))
    matte[top : top + side, left : left + side] = 1
    return matte


def pan(size: tuple[int, int], count: int) -> list[np.ndarray]:
    """Pictures 0..1 of a texture with detail of every size, sliding by a fraction of a pixel more than one a frame."""
    width, height = size
    step = width / 250 + 0.3
    wide = fractal(height, width + int(step * count) + 8)
    ways = [np.array([[1, 0, -step * i], [0, 1, -0.37 * i]], np.float32) for i in range(count)]
    how = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REFLECT}
    return [np.clip(cv2.warpAffine(wide, way, (width, height), **how), 0, 1) for way in ways]


def fractal(height: int, width: int) -> np.ndarray:
    """Noise of all octaves, each twice as strong as the next finer."""
    random, picture = np.random.default_rng(11), np.zeros((height, width, 3), np.float32)
    for octave in range(1, 7):
        cells = (max(2, width >> octave), max(2, height >> octave))
        noise = random.random((cells[1], cells[0], 3), np.float32) - 0.5
        picture += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * (2.0**octave / 40)
    return 0.5 + picture / 2


class LargePictures:
    """A made-up pan enlarged to a large float plate, frame by frame as it is asked for; the last three are kept."""

    def __init__(self, count: int) -> None:
        self._small = pan((LARGE[0] // 4, LARGE[1] // 4), count)
        self._plates: OrderedDict[int, Frame] = OrderedDict()
        self.reads = 0

    @property
    def frame_count(self) -> int:
        return len(self._small)

    def plate(self, index: int) -> Frame:
        if index not in self._plates:
            self.reads += 1
            large = cv2.resize(self._small[index], LARGE, interpolation=cv2.INTER_CUBIC)
            grain = np.random.default_rng(index).random((LARGE[1], LARGE[0], 1), np.float32)
            self._plates[index] = Frame(
                large + np.float32(0.02) * (grain - np.float32(0.5)), ("R", "G", "B"), number=index
            )
            if len(self._plates) > 3:
                self._plates.popitem(last=False)
        return self._plates[index]

    def matte(self, index: int) -> np.ndarray:
        return moving_box(*LARGE, index, self.frame_count)

    def plate_digest(self, index: int) -> str:
        return f"plate {index}"

    def matte_digest(self, index: int) -> str:
        return f"matte {index}"

    def clean(self, index: int) -> None:
        return None

    def clean_digest(self, index: int) -> None:
        return None


def large(count: int, working: float, *, is_cropped: bool) -> dict[str, Any]:
    """Seconds and peak memory of a large float plate, artifacts in memory and on disk as in ``propainter-remove``."""
    import tempfile

    pictures = LargePictures(count)
    checked: ShotPictures = pictures
    size = round(LARGE[0] * working), round(LARGE[1] * working)
    shot = Shot(checked, WorkingSpace.AUTO, Settings(), LARGE, size)
    with tempfile.TemporaryDirectory(prefix="native-fill-") as spill:
        cache = ShotCache(Path(spill), memory_budget=256 << 20, write_through=False)
        renderer = make_renderer(shot, ClassicalEngine(), cache, crop_padding=0 if is_cropped else None)
        started, began = time.process_time(), time.perf_counter()
        for index in range(count):
            run_to_end(renderer.frame(index))
        stored = cache.use().disk_bytes
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "plate": LARGE,
        "working": size,
        "cropped": is_cropped,
        "frames": count,
        "cpu_s": round(time.process_time() - started, 1),
        "seconds": round(time.perf_counter() - began, 1),
        "plates_read": pictures.reads,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        "stored_bytes": stored,
        "stages": renderer.counts.report(),
    }


if __name__ == "__main__":
    main()
