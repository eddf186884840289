"""Keeping every stage of a removal as plain .npy files, to look at or to compare.

Here: ``StageDump``, which follows one render. All arrays are float32 at working size in the package's conventions.
Files: ``flow_forward.npy``, ``flow_backward.npy``, ``completed_forward.npy``, ``completed_backward.npy`` [T-1, 2, H,
W]; ``propagated.npy`` [T, 3, H, W]; ``unseen.npy`` [T, 1, H, W]; ``painted_NNN.npy`` [l, 3, H, W], one a window, NNN
its centre; ``stages.json`` with the windows and what made them. Not here: the stages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from torch import Tensor

from propainter_backend.errors import OutputError
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import run_to_end
from propainter_pictures.whole_files import appearing, make_folder
from propainter_plan.units import Window


class StageDump:
    """Writes into ``folder`` (made if missing). Raises OutputError when it cannot."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._windows: list[Window] = []
        try:
            make_folder(folder)
        except OSError as error:
            raise _cannot_write(folder, error) from error

    def keep_window(self, window: Window, painted: Tensor) -> None:
        """Take one painted window, [l, 3, h, w], as the renderer makes it."""
        path = self._folder / f"painted_{window.centre:03d}.npy"
        try:
            with appearing(path) as partial, partial.open("wb") as file:
                np.save(file, painted.float().numpy())
        except OSError as error:
            raise _cannot_write(path, error) from error
        self._windows.append(window)

    def finish(self, renderer: ShotRenderer, facts: Mapping[str, object]) -> None:
        """Write what the renderer's cache holds of all other stages, frame by frame, and ``stages.json``."""
        try:
            self._write_flows(renderer)
            self._write_propagated(renderer)
            windows = [
                {"centre": w.centre, "neighbours": list(w.neighbours), "references": list(w.references)}
                for w in sorted(self._windows, key=lambda w: w.centre)
            ]
            text = json.dumps({**facts, "windows": windows}, indent=2)
            with appearing(self._folder / "stages.json") as partial:
                partial.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise _cannot_write(self._folder, error) from error

    def _write_flows(self, renderer: ShotRenderer) -> None:
        count = renderer.plan.frame_count
        width, height = renderer.shot.grid
        shape = (count - 1, 2, height, width)
        for name, stage in (("flow", renderer.flow), ("completed", renderer.completed)):
            with (
                self._growing(f"{name}_forward", shape) as forward,
                self._growing(f"{name}_backward", shape) as backward,
            ):
                for pair in range(count - 1):
                    flow = run_to_end(stage(pair))
                    forward(flow.forward[0, 0].cpu().numpy())
                    backward(flow.backward[0, 0].cpu().numpy())

    def _write_propagated(self, renderer: ShotRenderer) -> None:
        count = renderer.plan.frame_count
        width, height = renderer.shot.grid
        with (
            self._growing("propagated", (count, 3, height, width)) as frames,
            self._growing("unseen", (count, 1, height, width)) as unseen,
        ):
            for index in range(count):
                picture, unknown = run_to_end(renderer.propagated(index))
                frames(picture.numpy())
                unseen(unknown.numpy())

    @contextmanager
    def _growing(self, name: str, shape: tuple[int, ...]) -> Iterator[Callable[[np.ndarray], object]]:
        """An array's file, written entry by entry: a shot's arrays may be larger than memory, and a full disk is told only
        to who writes, not to who maps. It appears when it is whole."""
        with appearing(self._folder / f"{name}.npy") as partial, partial.open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            yield lambda array: file.write(np.ascontiguousarray(array, "<f4").data)


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write stages to {path}: {error.strerror}; choose another --save-stages folder")
