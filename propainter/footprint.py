"""How much memory a unit of each stage takes at its peak, from sizes and counts alone, before anything is computed.

Here: ``LearnedFootprint`` and ``ClassicalFootprint``, one method a stage: the most bytes that tensors hold at once while a
unit is computed, what it is given included; weights, and what is kept between units, not. Not here: what is done about it
(the backend's ``memory_plan.py``).

A term is a map that is there at the worst moment of its stage; c channels at 1/s of the size are 4 c / s^2 bytes a pixel.
Fitted are the numbers named ``_WORK``: copies that live for a moment, and weights that a convolution lays out anew.
docs/adr/0010-memory-plan.md has the moments, and predictions beside measurements. A GPU was not measured: its terms are the
same but for the larger bands and runs that it is given.
"""

from __future__ import annotations

from math import ceil
from typing import Protocol

from propainter.classical.light_seen import LONGER_SIDE
from propainter.classical.places import RUN
from propainter.painter import SCALE
from propainter.raft.estimation import pairs_at_once
from propainter.raft.network import SCALE as CELL
from propainter.transformer import TransformerConfig, token_grid
from propainter.types import Precision

PICTURE, HOLE, FLOW = 12, 4, 16
"""Bytes a pixel of a frame, its hole, a pair's flow both ways."""
_FLOAT = 4


class Footprint(Protocol):
    """What one engine takes at one working size."""

    def flow(self, pairs: int) -> int:
        """A run of pairs, estimated in one call."""

    def completion(self, pairs: int) -> int:
        """A completion chunk of so many pairs, its reach included."""

    def propagation(self, frames: int) -> int:
        """A propagation chunk of so many frames, its reach included."""

    def painting(self, neighbours: int, references: int) -> int:
        """A window."""

    def kept(self, frames: int) -> int:
        """What the engine keeps of a shot between units, at most."""


class LearnedFootprint:
    """Of ``ProPainterEngine``, with holes that reach into every window of tokens: smaller ones take less.

    width, height: of the working grid, multiples of 8. on_gpu: bands and runs as the networks choose them there.
    precision: of the painter. kept_bytes: the engine's limit for features.
    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        on_gpu: bool = False,
        precision: Precision = Precision.FP32,
        kept_bytes: int = 1 << 29,
    ) -> None:
        self._size = width, height
        self._pixels = width * height
        self._map_size = (height // SCALE, width // SCALE)
        self._on_gpu = on_gpu
        self._element = _FLOAT if precision is Precision.FP32 else _FLOAT // 2
        self._kept_bytes = kept_bytes

    def flow(self, pairs: int) -> int:
        """RAFT: a correlation volume with its pyramid, 4/3 cells^2 floats a flow at work: one, or a GPU's full batch."""
        cells = self._pixels // CELL**2
        volume = _FLOAT * cells**2 * 4 // 3
        at_once = max(1, 2 * pairs_at_once(*self._size)) if self._on_gpu else 1
        encoding = 400 * self._pixels  # _WORK: six maps of 64 channels at 1/2
        iterating = volume * at_once + 200 * self._pixels * at_once + 7_000_000  # _WORK; gates' weights taken apart
        upsampling = volume * at_once + 280 * self._pixels * at_once + 4_000_000  # _WORK; 576 logits a cell, thrice
        held = PICTURE * (pairs + 1) + FLOW * pairs
        return held * self._pixels + max(encoding, iterating, upsampling)

    def completion(self, pairs: int) -> int:
        """Held for all pairs: flow in and out, two features at 1/8, a skip at 1/4; then one frame is aligned or decoded.

        On a GPU both directions at once, so features and aligning twice.
        """
        ways = 2 if self._on_gpu else 1
        eighth, quarter = ways * _FLOAT * 128 // 64, ways * _FLOAT * 64 // 16
        held = FLOW * pairs + HOLE * (pairs + 1) + (FLOW + 2 * eighth + quarter) * pairs
        band = self._band(ways * _FLOAT * 256 * 9 // 64)  # nine taps of two states
        aligning = 108 * ways * self._pixels + band * 11 // 5 + 1_200_000  # _WORK; taps, scaled taps, where they look
        decoding = 400 * self._pixels  # _WORK: maps of 32 channels at 1/2, 2 at full size
        return held * self._pixels + max(aligning, decoding)

    def propagation(self, frames: int) -> int:
        """Everything is held for all frames: pictures and holes, in and out, and flow; then one frame is pulled."""
        held = 2 * (PICTURE + HOLE) * frames + FLOW * (frames - 1)
        return (held + 42) * self._pixels  # _WORK

    def painting(self, neighbours: int, references: int) -> int:
        """The greatest of six moments of a window."""
        features = 128 * self._element // SCALE**2 * neighbours * self._pixels
        tokens = self._tokens * self._token_bytes
        given = (PICTURE + 2 * HOLE) * (neighbours + references) + FLOW * (neighbours - 1)
        embedded = tokens * references
        share = self._element / _FLOAT
        moments = (
            features + share * 532 * self._pixels + 5_900_000,  # _WORK: one frame is encoded
            features * 105 / 32 + 375 * self._pixels + 2 * self._band(_FLOAT * 128 * 9 // SCALE**2) + 2_400_000,
            features * 269.5 / 32 + 1_200_000,  # _WORK: both passes are fused, all frames at once
            features * 4 + 2 * tokens * neighbours + 12_850_000,  # split into tokens
            features * 2 + self._attention(neighbours + references),
            features * 3.5 + tokens * neighbours + 27_000_000,  # composed; the patches' weights, twice
            features * 99 / 32 + share * 875 * self._pixels,  # _WORK: one frame is decoded, 64 channels at full size
        )
        return int(given * self._pixels + embedded + max(moments))

    def kept(self, frames: int) -> int:
        """Features, and tokens of references."""
        features = 128 * self._element // SCALE**2 * self._pixels
        return min(self._kept_bytes, frames * (features + self._tokens * self._token_bytes))

    @property
    def _tokens(self) -> int:
        rows, cols = token_grid(self._map_size)
        return rows * cols

    @property
    def _token_bytes(self) -> int:
        return _FLOAT * TransformerConfig.dim

    def _attention(self, frames: int) -> float:
        """A masked window's keys are gathered: for keys, for values, and while these are copied, once more."""
        sides = TransformerConfig.window
        rows, cols = (ceil(n / side) * side for n, side in zip(token_grid(self._map_size), sides, strict=True))
        windows, own = rows * cols // (sides[0] * sides[1]), sides[0] * sides[1]
        pooled = (rows // TransformerConfig.pool) * (cols // TransformerConfig.pool)
        looked_at = ceil(frames / TransformerConfig.frame_step)
        a_token = TransformerConfig.dim * self._element
        a_window = looked_at * (own + _RING + pooled) * a_token
        at_once = min(windows, max(1, (1 << 29 if self._on_gpu else 1 << 26) // a_window))
        sources = 3 * looked_at * (rows * cols + pooled) * a_token
        # in fp32, as normalisation gives them: the stream and three copies on the grid, three and more on the padded grid
        streams = frames * (4 * self._tokens + (4 + at_once / windows) * rows * cols) * self._token_bytes
        return sources + 3 * at_once * a_window + streams

    def _band(self, bytes_a_pixel: int) -> int:
        """What a deformable convolution reads at once (``deform.py``)."""
        return min(1 << 28 if self._on_gpu else 1 << 24, bytes_a_pixel * self._pixels)


_RING = 148
"""Keys from the ring around a window (spec, section 7, Rolled keys)."""


class ClassicalFootprint:
    """Of ``ClassicalEngine``: bytes a pixel and frame, and a pixel of hole and frame.

    hole_share: of the picture, in a frame; the places behind every hole pixel are all in memory at once.
    kept_bytes: the engine's limit for alignments.
    """

    def __init__(self, width: int, height: int, *, hole_share: float = 0.25, kept_bytes: int = 256 << 20) -> None:
        self._pixels = width * height
        self._compared = self._pixels * min(LONGER_SIDE / max(width, height), 1) ** 2
        self._hole_share = hole_share
        self._kept_bytes = kept_bytes

    def flow(self, pairs: int) -> int:
        """Flow, and two grey pictures on their way."""
        return int((PICTURE * (pairs + 1) + FLOW * pairs + 16) * self._pixels)

    def completion(self, pairs: int) -> int:
        """Flow in and out, with distances and weights of one pair."""
        return int((2 * FLOW * pairs + HOLE * (pairs + 1) + 150) * self._pixels)

    def propagation(self, frames: int) -> int:
        """Pictures, flow and masks; places of hole pixels, and while they are found or a run of them is sampled, more.

        Before that, frames are compared for their light, at a small size.
        """
        pixels = frames * self._pixels
        hole = self._hole_share * pixels
        held = (PICTURE + HOLE + FLOW + 2) * pixels
        return int(held + max(70 * frames * self._compared, 110 * hole, 75 * hole + 126 * min(hole, RUN)))  # _WORK

    def painting(self, neighbours: int, references: int) -> int:
        """Pictures, and places and colours of unseen pixels, if all of the hole is unseen."""
        pixels = (neighbours + references) * self._pixels
        hole = self._hole_share * pixels
        held = (PICTURE + 2 * HOLE + FLOW) * pixels
        return int(held + 30 * hole + 225 * min(hole, RUN))  # _WORK

    def kept(self, frames: int) -> int:
        """Alignments of pairs, at most the whole picture's."""
        return min(self._kept_bytes, FLOW * frames * self._pixels)
