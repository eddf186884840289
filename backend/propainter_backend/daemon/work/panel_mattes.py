"""The mattes that a panel has published under a name, as a shot sees them.

Here: ``PanelMattes``. Not here: keeping them (``requests/published_mattes.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from propainter_wire.errors import WireError
from propainter_wire.shot import digest_of, runs_of

_SAME_SHAPE = 0.02
"""How far two sizes' proportions may differ, as a share: proxies round."""


@dataclass(frozen=True)
class PanelMattes:
    """Frames ``first``..``last`` have a matte, an empty one where none is listed; others have none."""

    first: int
    last: int
    size: tuple[int, int]
    """Width, height."""
    mattes: Mapping[int, str]

    @property
    def empty(self) -> str:
        """Digest of the empty matte of this size."""
        return empty_digest(self.size)

    @property
    def digests(self) -> set[str]:
        """Of all that has to be kept."""
        return {self.empty, *self.mattes.values()}

    def matte_of(self, frame: int) -> str | None:
        """Digest of a frame's matte; None outside the range."""
        if not self.first <= frame <= self.last:
            return None
        return self.mattes.get(frame, self.empty)

    def with_more(self, more: PanelMattes) -> PanelMattes:
        """These and others, of a range that may go further. Raises WireError (bad_message) where sizes differ."""
        if more.size != self.size:
            raise WireError(
                "bad_message",
                f"{_by(self.size)} mattes are published under this name; more of {_by(more.size)} cannot be added",
                {"field": "width"},
            )
        first, last = min(self.first, more.first), max(self.last, more.last)
        return PanelMattes(first, last, self.size, {**self.mattes, **more.mattes})

    def to_map(self) -> dict[str, Any]:
        """For a file."""
        mattes = {str(frame): digest for frame, digest in self.mattes.items()}
        return {"first": self.first, "last": self.last, "size": list(self.size), "mattes": mattes}

    @staticmethod
    def from_map(told: Mapping[str, Any]) -> PanelMattes:
        """The way back."""
        width, height = told["size"]
        mattes = {int(frame): digest for frame, digest in told["mattes"].items()}
        return PanelMattes(told["first"], told["last"], (width, height), mattes)


def empty_matte(size: tuple[int, int]) -> np.ndarray:
    """Nothing is removed: uint8 [h, w, 1]."""
    return np.zeros((size[1], size[0], 1), np.uint8)


@lru_cache(maxsize=64)
def empty_digest(size: tuple[int, int]) -> str:
    """Its name. Remembered: every frame that is not listed asks for it."""
    return digest_of(empty_matte(size))


def refuse_unfit(name: str, mattes: PanelMattes | None, plate: tuple[int, int], frames: Iterable[int]) -> None:
    """Raise WireError (bad_settings) where what is published cannot be a shot's mattes: none, of other frames, of another
    shape."""
    way_out = "publish them in the panel, or switch Matte from panel off"
    if mattes is None:
        raise WireError("bad_settings", f"no mattes are published under the panel name {name!r}; {way_out}")
    width, height = mattes.size
    if abs(width * plate[1] / (height * plate[0]) - 1) > _SAME_SHAPE:
        raise WireError(
            "bad_settings",
            f"the panel's mattes under {name!r} are {_by(mattes.size)} but the plate is {_by(plate)}, of another shape; "
            "publish mattes of this plate",
        )
    if lacking := [frame for frame in frames if mattes.matte_of(frame) is None]:
        raise WireError(
            "bad_settings",
            f"the panel's mattes under {name!r} are of frames {mattes.first}-{mattes.last}, but frames {_runs(lacking)} are "
            "needed, too; publish these, or set Frame range to the panel's",
        )


def _runs(frames: Collection[int]) -> str:
    runs = [f"{first}-{last}" if last > first else f"{first}" for first, last in runs_of(frames)]
    return ", ".join(runs[:4]) + (", ..." if len(runs) > 4 else "")


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
