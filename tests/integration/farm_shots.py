"""A small shot on disk and the commands of its farm tasks, for the farm's tests.

Here: ``FarmShot``. Not here: what is promised (``test_farm*.py``).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from builders import box_matte, moving_plates
from propainter_pictures.images import write_image

FIRST = 1001


@dataclass(frozen=True)
class FarmShot:
    """plate/plate.1001.png..., matte/matte.1001.png... below ``folder``; a cache and outputs beside them."""

    folder: Path
    count: int
    size: tuple[int, int] = (80, 48)
    chunk_length: int = 4
    dtype: str = "uint8"
    """Of the plate: uint8 (PNG), or float32 (EXR), in which no difference is too small to be seen."""

    def write(self) -> FarmShot:
        (self.folder / "plate").mkdir(parents=True)
        for i, plate in enumerate(moving_plates(self.count, size=self.size, dtype=self.dtype)):
            suffix = "png" if self.dtype == "uint8" else "exr"
            write_image(self.folder / "plate" / f"plate.{FIRST + i}.{suffix}", plate, {})
            self.write_matte(i, left=self.size[0] // 3 + i % 5)
        return self

    def write_matte(self, index: int, *, left: int) -> None:
        self._write("matte", index, (box_matte(self.size, left=left, top=15, width=30) * 255).astype(np.uint8))

    def write_clean_plate(self, index: int, *, shade: int = 0) -> None:
        self._write("clean", index, np.full((*self.size[::-1], 3), 90 + shade, np.uint8))

    def empty_matte(self, index: int) -> None:
        self._write("matte", index, np.zeros(self.size[::-1], np.uint8))

    @property
    def last(self) -> int:
        return FIRST + self.count - 1

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def options(self, output: str = "farm") -> list[str]:
        """What states the removal; the same for all its tasks and for a single process."""
        return [
            f"--plate={self.folder / 'plate'}", f"--matte={self.folder / 'matte'}", f"--output={self.folder / output}",
            "--engine=classical", f"--chunk-length={self.chunk_length}",
        ]  # fmt: skip

    def task(self, stage: str, first: int | None = None, last: int | None = None, *more: str) -> list[str]:
        """Arguments of ``propainter-remove`` for one task; its report goes to ``report.json``."""
        frames = [] if first is None else [f"--frames={first}-{last}"]
        report = f"--report={self.folder / 'report.json'}"
        return ["run-chunk", f"--stage={stage}", *frames, f"--cache-dir={self.cache}", report, *self.options(), *more]

    def report(self, name: str = "report.json") -> dict:
        return json.loads((self.folder / name).read_text())

    def frames(self, output: str = "farm") -> dict[str, bytes]:
        """Every visible file of an output, whole."""
        return {path.name: path.read_bytes() for path in sorted((self.folder / output).glob("[!.]*"))}

    def artifacts(self) -> set[str]:
        return {path.name for path in self.cache.rglob("*.safetensors")}

    def _write(self, kind: str, index: int, pixels: np.ndarray) -> None:
        path = self.folder / kind / f"{kind}.{FIRST + index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), pixels)


def python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "propainter_backend.commands.remove", *arguments]


def quiet_environ(home: Path, **more: str) -> dict[str, str]:
    """The environment of a machine without weights, one thread a process, nothing of this user's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROPAINTER_", "XDG_"))}
    return {
        **kept, "HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive",
        **more,
    }  # fmt: skip


def computed(report: dict) -> dict[str, int]:
    return {stage: cost["computed"] for stage, cost in report["stages"].items()}


def in_order(shot: FarmShot, cuts: Sequence[tuple[int, int]]) -> list[tuple[str, int, int]]:
    """Every task of a job: stage by stage, each cut alike."""
    return [(stage, *cut) for stage in ("flow", "completion", "propagation", "painting") for cut in cuts]
