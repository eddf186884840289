"""A video's own numbers and red, green, blue: range, matrix and depth, both ways.

Here: ``to_rgb`` (a decoded frame -> upright RGB), ``to_frame`` (RGB -> a frame for the encoder), ``Coding``, what a
video's samples mean. Not here: files (``video.py``, ``video_writing.py``), scene-linear colour (``color.py``).

Transfer and primaries are carried, never converted: PQ stays PQ. Eight bits go through libswscale. More bits go through
it only for missing chroma; range and matrix are applied in float, for libswscale loses a 250th of white there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from propainter_pictures.color import Pixels
from propainter_pictures.orientation import Turn, turn_of_matrix

ACCURATE = 4 | 8192 | 16384 | 262144
"""libswscale's bicubic, full chroma both ways, accurate rounding; as numbers, for PyAV names them all only since 18."""

BT709, BT2020, PQ, HLG = 1, 9, 16, 18
"""Numbers of ITU-T H.273; 1 names matrix, primaries and transfer alike."""
LIMITED, FULL = 1, 2
_UNKNOWN = frozenset({0, 2, 3})
_GREY = ("gray", "ya8", "ya16")
_HD_ROWS = 720  # untagged video is Rec.709 from here on, Rec.601 below, as players assume

_WEIGHTS = {
    1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593),
}  # fmt: skip
"""Weights of red and blue in luma (H.273, table 4)."""
_SWSCALE = {1: Colorspace.ITU709, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 7: 7, 9: 9}
"""libswscale's number for each matrix; older PyAV cannot name SMPTE 240M and BT.2020."""
_REFUSED = {8: "YCgCo", 10: "BT.2020 constant luminance", 11: "YDzDx", 12: "derived luma", 13: "derived luma"} | {
    14: "ICtCp", 15: "IPT-C2", 16: "YCgCo-R", 17: "YCgCo-R",
}  # fmt: skip


@dataclass(frozen=True)
class Coding:
    """What a video's samples mean. Numbers of H.273; 2: the file does not say."""

    pixel_format: str = "yuv420p"
    """FFmpeg's name."""
    matrix: int = BT709
    primaries: int = BT709
    transfer: int = BT709
    is_full_range: bool = False

    @property
    def bits(self) -> int:
        """Bits a sample has."""
        return max(component.bits for component in av.VideoFormat(self.pixel_format).components)

    @property
    def is_hdr(self) -> bool:
        """Whether its light is PQ or HLG, which look wrong where programs take them for Rec.709."""
        return self.transfer in (PQ, HLG)

    @property
    def is_grey(self) -> bool:
        """Whether it stores luma alone, or luma and alpha."""
        return self.pixel_format.startswith(_GREY)

    @property
    def is_rgb(self) -> bool:
        """Whether it stores red, green and blue."""
        return bool(av.VideoFormat(self.pixel_format).is_rgb)


def coding_of(frame: Any) -> Coding:
    """What a decoded frame says of its samples, guesses for what it leaves open as players make them."""
    matrix = int(frame.colorspace)
    if matrix in _UNKNOWN:
        matrix = BT709 if frame.height >= _HD_ROWS else 6
    name = frame.format.name
    is_full = frame.color_range == FULL or "yuvj" in name or (name.startswith(_GREY) and frame.color_range != LIMITED)
    primaries, transfer = getattr(frame, "color_primaries", 2), getattr(frame, "color_trc", 2)  # PyAV 15 tells neither
    return Coding(name, matrix, int(primaries), int(transfer), bool(is_full))


def refusal(frame: Any) -> str | None:
    """Why a frame cannot be shown as it should; None: it can."""
    coding = coding_of(frame)
    if not coding.is_rgb and coding.matrix not in _WEIGHTS:
        name = _REFUSED.get(coding.matrix, f"matrix {coding.matrix}")
        return f"its colours are stored as {name}, which this does not read; export it as Rec.709 or BT.2020"
    if turn_of(frame) is None:
        return "it is to be shown at a slant; export it upright"
    return None


def turn_of(frame: Any) -> Turn | None:
    """What makes a decoded frame upright; None: no turn by quarters does."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return Turn() if matrix is None else turn_of_matrix(np.frombuffer(bytes(matrix), "=i4").tolist())


def to_rgb(frame: Any) -> Pixels:
    """Upright RGB [h, w, 3] that spans its whole range: uint8, or uint16 where the frame has more than 8 bits."""
    coding, turn = coding_of(frame), turn_of(frame)
    assert turn is not None, "refusal() said so before"
    if coding.is_rgb:
        rgb = _swscaled(frame, "rgb48le" if coding.bits > 8 else "rgb24").to_ndarray()
    elif coding.is_grey:
        rgb = np.repeat(_grey(frame, coding)[..., None], 3, axis=-1)
    elif coding.bits > 8:
        rgb = _deep_to_rgb(frame, coding)
    else:
        matrix, span = _SWSCALE[coding.matrix], FULL if coding.is_full_range else LIMITED
        rgb = frame.reformat(
            format="rgb24", src_colorspace=matrix, dst_colorspace=matrix, interpolation=ACCURATE,
            src_color_range=span, dst_color_range=FULL,
        ).to_ndarray()  # fmt: skip
    return np.ascontiguousarray(turn.upright(rgb))


def _deep_to_rgb(frame: Any, coding: Coding) -> NDArray[np.uint16]:
    # Said to be of limited range both ways, libswscale shifts the samples up and leaves their range alone.
    whole = frame.reformat(
        format="yuv444p16le", interpolation=ACCURATE, src_color_range=LIMITED, dst_color_range=LIMITED
    )
    black, white, grey, span = _levels(coding, 16)
    y = (plane_of(whole, 0, np.uint16).astype(np.float32) - black) / white
    cb, cr = ((plane_of(whole, index, np.uint16).astype(np.float32) - grey) / span for index in (1, 2))
    red_weight, blue_weight = map(np.float32, _WEIGHTS[coding.matrix])
    red = y + 2 * (1 - red_weight) * cr
    blue = y + 2 * (1 - blue_weight) * cb
    green = (y - red_weight * red - blue_weight * blue) / (1 - red_weight - blue_weight)
    return _sixteen_bit(np.stack((red, green, blue), -1))


def _sixteen_bit(shares: NDArray[np.float32]) -> NDArray[np.uint16]:
    whole: NDArray[np.uint16] = np.rint(np.clip(shares, 0, 1) * np.float32(65535)).astype(np.uint16)
    return whole


def _grey(frame: Any, coding: Coding) -> Pixels:
    if coding.bits <= 8:
        grey: Pixels = plane_of(_swscaled(frame, "gray"), 0, np.uint8)
        if coding.is_full_range:
            return grey
        spread: Pixels = np.rint(np.clip((grey.astype(np.float32) - 16) * np.float32(255 / 219), 0, 255))
        return spread.astype(np.uint8)
    deep = plane_of(_swscaled(frame, "gray16le"), 0, np.uint16)
    if coding.is_full_range:
        return deep
    code = deep.astype(np.float32) * np.float32((2**coding.bits - 1) / 65535 / 2 ** (coding.bits - 8))
    return _sixteen_bit((code - 16) / np.float32(219))


def _levels(coding: Coding, held_bits: int) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Black, white - black, grey, and chroma's span of samples shifted up to ``held_bits``."""
    step = 2.0 ** (held_bits - coding.bits)
    if coding.is_full_range:
        most = (2**coding.bits - 1) * step
        levels = (0.0, most, 2 ** (coding.bits - 1) * step, most)
    else:
        byte = 2.0 ** (held_bits - 8)
        levels = (16 * byte, 219 * byte, 128 * byte, 224 * byte)
    black, white, grey, span = map(np.float32, levels)
    return black, white, grey, span


def to_frame(rgb: Pixels, coding: Coding) -> Any:
    """RGB [h, w, 3] of uint8 or uint16 as a frame of this coding."""
    if coding.bits > 8:
        frame = _deep_from_rgb(rgb, coding)
    else:
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(rgb), format="rgb48le" if rgb.dtype == np.uint16 else "rgb24"
        ).reformat(
            format=coding.pixel_format, src_colorspace=_SWSCALE[coding.matrix], dst_colorspace=_SWSCALE[coding.matrix],
            interpolation=ACCURATE, src_color_range=FULL, dst_color_range=FULL if coding.is_full_range else LIMITED,
        )  # fmt: skip
    return tagged(frame, coding)


def tagged(frame: Any, coding: Coding) -> Any:
    """The frame, saying what its samples mean."""
    frame.colorspace = coding.matrix
    frame.color_range = FULL if coding.is_full_range else LIMITED
    return frame


def _deep_from_rgb(rgb: Pixels, coding: Coding) -> Any:
    shares = rgb.astype(np.float32) / np.float32(np.iinfo(rgb.dtype).max)
    red_weight, blue_weight = map(np.float32, _WEIGHTS[coding.matrix])
    luma = shares[..., 1] + red_weight * (shares[..., 0] - shares[..., 1])
    luma += blue_weight * (shares[..., 2] - shares[..., 1])
    cb = (shares[..., 2] - luma) / (2 * (1 - blue_weight))
    cr = (shares[..., 0] - luma) / (2 * (1 - red_weight))
    black, white, grey, span = _levels(coding, coding.bits)
    most = 2**coding.bits - 1
    planes = [np.rint(np.clip(part, 0, most)) for part in (luma * white + black, cb * span + grey, cr * span + grey)]
    whole = frame_of([plane.astype(np.uint16) for plane in planes], f"yuv444p{coding.bits}le")
    return whole.reformat(  # of one range both ways: chroma is thinned out, no sample rescaled
        format=coding.pixel_format, interpolation=ACCURATE, src_color_range=LIMITED, dst_color_range=LIMITED
    )


def plane_of(frame: Any, index: int, dtype: type) -> NDArray[Any]:
    """A copy of one plane of a planar frame, [h, w]."""
    plane = frame.planes[index]
    rows: NDArray[Any] = np.frombuffer(plane, dtype).reshape(plane.height, -1)
    return np.array(rows[:, : plane.width])


def frame_of(planes: Sequence[NDArray[Any]], pixel_format: str) -> Any:
    """A planar frame of its planes."""
    frame = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], pixel_format)
    for plane, samples in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size // samples.itemsize), samples.dtype)
        rows[:, : plane.width] = samples
        plane.update(rows.tobytes())
    return frame


def _swscaled(frame: Any, pixel_format: str) -> Any:
    return frame.reformat(format=pixel_format, interpolation=ACCURATE)
