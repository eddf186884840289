"""Only the part of a picture that is asked for: which rectangle a stack of layers must read to write another.

Here: ``Box`` (a rectangle), ``Part`` (a rectangle cut out of a larger map), and ``run_inside``, which computes upsampling
convolutions inside a box with the values they have in the whole picture, its zero padding and its aligned corners
included. Not here: the decoders that are made of such layers (``painter.py``, ``flow_completion.py``), which tokens the
transformer needs (``transformer.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from jaxtyping import Float
from torch import Tensor, nn

Size = tuple[int, int]
"""Rows and columns."""


@dataclass(frozen=True)
class Box:
    """A rectangle of a map, 0-based, both ends included."""

    first_row: int
    last_row: int
    first_col: int
    last_col: int

    def __post_init__(self) -> None:
        if not (0 <= self.first_row <= self.last_row and 0 <= self.first_col <= self.last_col):
            raise ValueError(f"{self} is no rectangle: rows and columns run from first to last, from 0 up")

    @classmethod
    def whole(cls, size: Size) -> Box:
        """All of a map."""
        return cls(0, size[0] - 1, 0, size[1] - 1)

    @property
    def size(self) -> Size:
        """Its rows and columns."""
        return self.last_row - self.first_row + 1, self.last_col - self.first_col + 1

    def grown(self, by: int, size: Size) -> Box:
        """``by`` more on every side, as far as a map of ``size`` reaches."""
        return Box(
            max(self.first_row - by, 0),
            min(self.last_row + by, size[0] - 1),
            max(self.first_col - by, 0),
            min(self.last_col + by, size[1] - 1),
        )

    def joined(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            min(self.first_row, other.first_row),
            max(self.last_row, other.last_row),
            min(self.first_col, other.first_col),
            max(self.last_col, other.last_col),
        )

    def inside(self, outer: Box) -> tuple[slice, slice]:
        """Where it lies in an array that holds ``outer``, which must contain it."""
        rows = slice(self.first_row - outer.first_row, self.last_row - outer.first_row + 1)
        return rows, slice(self.first_col - outer.first_col, self.last_col - outer.first_col + 1)


@dataclass(frozen=True)
class Part:
    """A rectangle of a larger map."""

    values: Float[Tensor, "n c h w"]
    box: Box
    """Where it lies."""
    size: Size
    """Of the map it was cut from."""

    @classmethod
    def whole(cls, values: Float[Tensor, "n c h w"]) -> Part:
        """A map that is all there."""
        size = (values.shape[-2], values.shape[-1])
        return cls(values, Box.whole(size), size)

    def cut(self, box: Box) -> Part:
        """A part of the part."""
        rows, cols = box.inside(self.box)
        return Part(self.values[..., rows, cols], box, self.size)


class DoublingConv(nn.Module):
    """Twice the size (bilinear, corners aligned: spec, section 10.9), then a 3x3 convolution."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(i, o, 3, padding=1)


def run_inside(layers: Iterable[nn.Module], x: Part, wanted: Box) -> Part:
    """What ``layers`` make of a whole map, inside ``wanted`` alone.

    layers: 3x3 convolutions that keep the size, ``DoublingConv``, and layers that act on single values.
    x: at least the box that ``box_read`` names. wanted: in the map that comes out. Equal to running the layers on the
    whole map and cutting, but for rounding.
    """
    layers = list(layers)
    for layer, box in zip(layers, _boxes(layers, wanted, x.size)[1:], strict=True):
        x = _apply(layer, x, box)
    return x


def box_read(layers: Iterable[nn.Module], wanted: Box, size: Size) -> Box:
    """What ``run_inside`` reads of a map of ``size`` to write ``wanted``."""
    return _boxes(layers, wanted, size)[0]


def boxes_of_holes(holes: Float[Tensor, "n 1 h w"]) -> list[Box | None]:
    """The smallest box around each hole, None where there is none. Waits for the device, once for all of them."""
    rows, cols = holes[:, 0].amax(2) > 0, holes[:, 0].amax(1) > 0
    ends = torch.stack([_first(rows), _first(rows.flip(1)), _first(cols), _first(cols.flip(1))], dim=1)
    (height, width), boxes = holes.shape[-2:], []
    for top, bottom, left, right in ends.tolist():  # distances from the borders
        boxes.append(Box(top, height - 1 - bottom, left, width - 1 - right) if top < height else None)
    return boxes


def join(boxes: Sequence[Box | None]) -> Box | None:
    """The smallest box around all; None around nothing."""
    return reduce(Box.joined, there) if (there := [box for box in boxes if box is not None]) else None


def _first(marked: Tensor) -> Tensor:
    """Index of the first marked place of each row; the length where there is none."""
    return torch.where(marked.any(1), marked.int().argmax(1), marked.shape[1])


def _boxes(layers: Iterable[nn.Module], wanted: Box, size: Size) -> list[Box]:
    """Box read by the first layer, then the box each layer writes."""
    layers, sizes = list(layers), [size]
    for layer in layers:
        sizes.append(_doubled(sizes[-1]) if isinstance(layer, DoublingConv) else sizes[-1])
    boxes = [wanted]
    for layer, given in zip(reversed(layers), reversed(sizes[:-1]), strict=True):
        box = boxes[-1]
        if isinstance(layer, nn.Conv2d):
            box = box.grown(1, given)
        elif isinstance(layer, DoublingConv):
            box = _source(box.grown(1, _doubled(given)), given)
        boxes.append(box)
    return boxes[::-1]


def _apply(layer: nn.Module, x: Part, box: Box) -> Part:
    if isinstance(layer, nn.Conv2d):
        read = x.cut(box.grown(1, x.size))
        return Part(layer(read.values), read.box, x.size).cut(box)
    if isinstance(layer, DoublingConv):
        return _apply(layer.conv, _double(x, box.grown(1, _doubled(x.size))), box)
    read = x.cut(box)
    return Part(layer(read.values), box, x.size)


def _double(x: Part, box: Box) -> Part:
    """``F.interpolate(scale_factor=2, mode="bilinear", align_corners=True)`` of the whole map, inside ``box``."""
    rows = _interpolation(x.box.first_row, x.box.last_row, x.size[0], box.first_row, box.last_row, like=x.values)
    cols = _interpolation(x.box.first_col, x.box.last_col, x.size[1], box.first_col, box.last_col, like=x.values)
    return Part(rows @ (x.values @ cols.T), box, _doubled(x.size))


def _interpolation(
    held_first: int, held_last: int, length: int, first: int, last: int, *, like: Tensor
) -> Float[Tensor, "wanted held"]:
    """Weights that make values first..last of the doubled line from those held of a line of ``length``.

    Value k of the doubled line lies at k * (length - 1) / (2 * length - 1). A row of tent weights instead of two reads
    and a blend: the product costs less than a tenth of the convolution that follows.
    """
    places = torch.arange(first, last + 1, device=like.device, dtype=torch.float32)
    places = places * ((length - 1) / (2 * length - 1))
    held = torch.arange(held_first, held_last + 1, device=like.device, dtype=torch.float32)
    return (1 - (places[:, None] - held).abs()).clamp(min=0).to(like.dtype)


def _source(box: Box, size: Size) -> Box:
    """What ``_double`` reads of a map of ``size`` to write ``box``."""
    first_row, last_row = _places_read(box.first_row, box.last_row, size[0])
    return Box(first_row, last_row, *_places_read(box.first_col, box.last_col, size[1]))


def _places_read(first: int, last: int, length: int) -> tuple[int, int]:
    return first * (length - 1) // (2 * length - 1), -(-last * (length - 1) // (2 * length - 1))


def _doubled(size: Size) -> Size:
    return 2 * size[0], 2 * size[1]
