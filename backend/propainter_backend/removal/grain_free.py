"""The result once more, its fill without grain, beside the result itself: for those who lay grain on by themselves.

Here: ``GrainFree``. Not here: taking grain off (``render/stages/regraining.py``), the files (``propainter_pictures``).
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np

from propainter_backend.errors import BadInput
from propainter_backend.removal.removal import ShotFiles
from propainter_backend.render.crop import Renderer, picture_from
from propainter_backend.render.steps import Steps
from propainter_pictures.frame import as_float, as_type
from propainter_pictures.results import FrameSink


class GrainFree:
    """Writes such frames where the removal asks for them, in the plate's type. In a ``with`` statement.

    made_by: engine and weights. Raises BadInput where they would be written over the results.
    """

    def __init__(self, files: ShotFiles, made_by: tuple[str, str]) -> None:
        self._files = files
        self._made_by = made_by
        self._open = ExitStack()
        self._sink: FrameSink | None = None
        path = files.wish.grain_free
        if path is not None and Path(path).resolve() == Path(files.wish.output).resolve():
            raise BadInput(
                f"--grain-free and --output are both {path}; give the grain-free frames a place of their own"
            )

    def __enter__(self) -> GrainFree:
        path = self._files.wish.grain_free
        if path is not None:
            self._sink = self._open.enter_context(self._files.open_sink(*self._made_by, path=path))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, traceback)

    def add(self, renderer: Renderer, index: int) -> Steps[None]:
        """Write one frame, if they are asked for."""
        if self._sink is None:
            return
        fill = yield from picture_from(renderer, index, "grain_free")
        plate = self._files.pictures.plate(index)
        rgb, inside = plate.rgb(), fill[..., 3] > 0
        colours, share = fill[inside, :3], fill[inside, 3:]
        before = as_float(rgb[inside])
        laid = np.where(share >= 1, colours, colours + before * (1 - share))
        rgb[inside] = as_type(np.where(np.isfinite(laid), laid, colours), rgb.dtype)
        self._sink.write(self._files.numbers[index], plate.with_rgb(rgb) if inside.any() else plate)
