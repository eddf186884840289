"""A removal's files as the wire carries them, and results back into frames.

Here: ``FileProvider``, ``shot_of``, ``laid_in``, for every command that has a daemon do the work. Not here: the exchange
(``propainter_wire/client``), files (``removal.py``).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

import numpy as np

from propainter_backend.errors import BadInput
from propainter_backend.removal.removal import Removal, ShotFiles
from propainter_pictures.frame import Frame, narrowed, rgb_of, rgba_of, widened
from propainter_wire.client import FrameResult
from propainter_wire.errors import JobCancelled, RemoteError
from propainter_wire.messages import OpenShot
from propainter_wire.shot import DType

STOPPED = (
    "the backend was stopped by somebody while it rendered this; frames already written are whole, so run the same command "
    "again for the rest"
)
"""What to say where a job ended that nobody here cancelled: another try may succeed (exit code 75)."""


class FileProvider:
    """Hands the client a shot's frames as the wire carries them: RGB(A) in the files' own type, the matte as shares."""

    def __init__(self, files: ShotFiles) -> None:
        self._files = files

    def plate(self, frame: int) -> np.ndarray:
        picture, widest = self._files.pictures.plate(frame - self._files.numbers[0]), self._files.plate.widest
        if picture.pixels.dtype.kind != widest.kind:
            raise BadInput(
                f"plate {picture.label} holds {picture.pixels.dtype.name} but frame {self._files.plate.range.first} "
                f"{self._files.plate.dtype.name}; bring all frames to one type"
            )
        return widened(rgb_of(picture), widest)

    def matte(self, frame: int) -> np.ndarray:
        return self._files.pictures.matte(frame - self._files.numbers[0])[..., None]

    def clean(self, frame: int) -> np.ndarray | None:
        picture = self._files.pictures.clean(frame - self._files.numbers[0])
        return None if picture is None else rgba_of(picture)


def was_stopped(error: Exception) -> bool:
    """Whether the daemon was told to stop under a render: these commands never cancel a job of their own."""
    return isinstance(error, JobCancelled) or (isinstance(error, RemoteError) and error.code == "shutting_down")


def require_device(asked: str, at_work: str) -> None:
    """Raise BadInput where a daemon works on another device than was asked for. at_work: as its status tells."""
    if asked != "auto" and not at_work.startswith(asked):
        raise BadInput(
            f"the backend works on {at_work} but --device {asked} was asked for; start the backend on that device, or leave "
            f"out --device{' or say --device cpu' if at_work.startswith('cpu') else ''}"
        )


def shot_of(files: ShotFiles, engine: str, precision: str) -> OpenShot:
    """What a daemon is told of a removal; its quality is said when frames are asked for."""
    wish = files.wish
    width, height = files.plate.size
    settings: dict[str, Any] = {
        **asdict(wish.settings),
        "working_size": wish.working_size,
        "engine": engine,
        "precision": "auto" if precision == "fp32" else precision,
        "color": wish.space.value,
        "crop_to_matte": wish.crop_to_matte,
        "crop_padding": wish.crop_padding,
        "native_fill": wish.native_fill,
        "match_grain": wish.match_grain,
        "cuts": _cuts_of(wish),
    }
    return OpenShot(
        first=files.frames.first,
        last=files.frames.last,
        width=width,
        height=height,
        channels=3,
        dtype=cast(DType, files.plate.widest.name),
        still_matte=files.pairing.holds_matte,
        settings=settings,
        name=wish.plate,
    )


def _cuts_of(wish: Removal) -> str:
    """``auto`` or ``none``. Raises BadInput for a list, which only this process can follow."""
    if isinstance(wish.cuts, tuple):
        raise BadInput(
            "the backend takes --cuts auto or none, not a list of frames; leave out --backend, or render one scene at a "
            "time with --first and --last"
        )
    return wish.cuts


def laid_in(plate: Frame, result: FrameResult) -> Frame:
    """A result in its place in the plate, in the plate's own type."""
    return plate.with_patch(result.region, narrowed(result.pixels, plate.pixels.dtype))
