"""Clips in DAVIS layout: which there are, their pictures at the evaluation's size.

    ROOT/JPEGImages/480p/CLIP/00000.jpg ...    or ROOT/JPEGImages_432_240/CLIP, ROOT/JPEGImages/CLIP, ROOT/CLIP
    ROOT/test_masks/CLIP/00000.png ...         one mask for the whole clip, or one a frame; optional

Here: ``find_clips``, ``Clip``. Not here: masks that are made up (``holes.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from propainter_backend.errors import BadInput
from propainter_pictures.color import to_display
from propainter_pictures.names import pictures_in
from propainter_pictures.plates import FrameSource, open_source

Pictures = NDArray[np.uint8]
Size = tuple[int, int]

FRAMES = (
    "JPEGImages_{w}_{h}",
    "JPEGImages/{w}_{h}",
    "JPEGImages/480p",
    "JPEGImages/Full-Resolution",
    "JPEGImages",
    ".",
)
"""Where clips are looked for, the first that holds any; the size that is asked for comes before others."""
MASKS = "test_masks"


@dataclass(frozen=True)
class Clip:
    """One clip of a data set."""

    name: str
    frames: Path
    masks: Path | None
    """None: nobody drew any, a hole is made up."""

    def pictures(self, size: Size, limit: int | None = None) -> Pictures:
        """RGB [t, h, w, 3] at width x height, by OpenCV's bilinear filter as the paper's evaluation does.

        limit: the first so many frames; None: all. Raises BadInput where they cannot be read.
        """
        with open_source(str(self.frames)) as source:
            numbers = _numbers(source, limit)
            if len(numbers) < 2:
                raise BadInput(
                    f"clip {self.name} has a single frame; the protocol needs two at least, so remove the clip"
                )
            pictures = [to_display(source.read(number).displayed().rgb()) for number in numbers]
        return np.stack([_resized(picture, size, cv2.INTER_LINEAR) for picture in pictures])

    def drawn_masks(self, size: Size, limit: int | None = None) -> NDArray[np.bool_]:
        """[t, h, w] of the same frames, True where something is removed; by nearest pixel, and whatever is above 0 counts.

        Raises BadInput where there are neither as many masks as frames nor one.
        """
        assert self.masks is not None
        with open_source(str(self.frames)) as source:
            count = len(source.numbers)
        with open_source(str(self.masks)) as source:
            there = _numbers(source, None)
            if len(there) not in (1, count):
                raise BadInput(
                    f"clip {self.name} has {count} frames but {len(there)} masks in {self.masks}; give one mask, or one "
                    "a frame"
                )
            masks = [_marked(source.read(number).displayed().rgb(), size) for number in there[:limit]]
        return np.stack(masks * len(range(count)[:limit]) if len(there) == 1 else masks)


def find_clips(root: Path, size: Size, *, masks: Path | None = None, wanted: Sequence[str] = ()) -> list[Clip]:
    """The clips of a data set by name. masks: folder of theirs; None: ROOT/test_masks if it is there.

    Raises BadInput where there is no clip, one that is wanted is not there, or masks are there for some clips only.
    """
    if not root.is_dir():
        raise BadInput(f"{root} is no folder; give the data set's, the one that holds JPEGImages")
    if masks is not None and not masks.is_dir():
        raise BadInput(f"the masks' folder {masks} is not there; leave out --masks, and holes are made up")
    home, names = _home(root, size)
    if unknown := [name for name in wanted if name not in names]:
        raise BadInput(
            f"clip {unknown[0]} is not in {home}; there are {', '.join(names[:5])}{' ...' * (len(names) > 5)}"
        )
    drawn = masks or (root / MASKS if (root / MASKS).is_dir() else None)
    clips = [Clip(name, home / name, drawn and drawn / name) for name in names if not wanted or name in wanted]
    if lacking := [clip for clip in clips if clip.masks is not None and not clip.masks.is_dir()]:
        raise BadInput(
            f"clip {lacking[0].name} has no masks in {drawn}; name the clips that have with --clips, or give another --masks"
        )
    return clips


def _home(root: Path, size: Size) -> tuple[Path, list[str]]:
    for place in FRAMES:
        folder = root / place.format(w=size[0], h=size[1])
        if names := _clip_names(folder):
            return folder, names
    raise BadInput(f"{root} holds no clips; put them in {root / 'JPEGImages' / '480p'}, a folder of pictures each")


def _clip_names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(each.name for each in folder.iterdir() if each.is_dir() and pictures_in(each))


def _numbers(source: FrameSource, limit: int | None) -> list[int]:
    source.require(source.range)
    return list(source.numbers)[:limit]


def _resized(picture: Pictures, size: Size, how: int) -> Pictures:
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


def _marked(rgb: NDArray[np.generic], size: Size) -> NDArray[np.bool_]:
    marked: NDArray[np.uint8] = np.asarray((np.asarray(rgb) > 0).any(axis=2), np.uint8)
    return _resized(marked, size, cv2.INTER_NEAREST) > 0
