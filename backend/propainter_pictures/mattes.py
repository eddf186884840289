"""The roto matte a frame holds: an alpha that says something, else luma.

Here: which channel it is, as shares and as the file holds it. Not here: reading frames (``plates.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from propainter_pictures.color import Pixels
from propainter_pictures.errors import BadInput
from propainter_pictures.frame import Frame, packed


def read_matte(frame: Frame, *, channel: str = "auto") -> NDArray[np.float32]:
    """The roto matte a frame holds: float32 [h, w] in [0, 1], 1 = remove.

    channel: ``alpha``, ``luma`` (Rec.709 weights), or a channel's name; ``auto`` takes alpha if the frame has one that
    is not 1 everywhere, else luma. Whole numbers span their range, floats are clipped to [0, 1].
    Raises ``BadInput`` naming the frame if the channel is not there or holds NaN.
    """
    alpha = frame.alpha_channel
    if channel == "auto" and alpha is not None:
        matte = _normalised(frame.pixels[..., alpha])
        if (matte == 1).all():
            matte = _luma(frame)
    elif channel in ("auto", "luma"):
        matte = _luma(frame)
    else:
        index = alpha if channel == "alpha" else _channel_called(frame, channel)
        if index is None:
            raise BadInput(
                f"roto matte of {frame.label} has no channel {channel!r} among {', '.join(frame.channel_names)}; "
                "name one of these"
            )
        matte = _normalised(frame.pixels[..., index])
    if np.isnan(matte).any():
        row, column = np.argwhere(np.isnan(matte))[0]
        raise BadInput(
            f"roto matte of {frame.label} holds NaN at pixel ({column}, {row}); render the matte again without NaN"
        )
    return np.clip(matte, 0, 1)


def native_matte(frame: Frame) -> Pixels:
    """The same matte as ``read_matte`` finds by itself, [h, w, 1], in whole numbers where one channel holds it in these.

    For what is kept and sent: a quarter of the bytes. Raises ``BadInput`` as ``read_matte`` does.
    """
    pixels, alpha = frame.pixels, frame.alpha_channel
    if np.issubdtype(pixels.dtype, np.integer):
        if alpha is not None and not (pixels[..., alpha] == np.iinfo(pixels.dtype).max).all():
            return packed(frame, (alpha,))
        red, green, blue = frame.rgb_channels
        if red == green or all(np.array_equal(pixels[..., green], pixels[..., each]) for each in (red, blue)):
            return packed(frame, (green,))
    return read_matte(frame)[..., None]


def _luma(frame: Frame) -> NDArray[np.float32]:
    """Rec.709 luma, written so that greys keep their exact value (ITU-R BT.709, item 3.2)."""
    red, green, blue = (_normalised(frame.pixels[..., channel]) for channel in frame.rgb_channels)
    luma: NDArray[np.float32] = green + np.float32(0.2126) * (red - green) + np.float32(0.0722) * (blue - green)
    return luma


def _normalised(channel: NDArray[Any]) -> NDArray[np.float32]:
    value: NDArray[np.float32] = channel.astype(np.float32)
    if np.issubdtype(channel.dtype, np.integer):
        value /= np.float32(np.iinfo(channel.dtype).max)
    return value


def _channel_called(frame: Frame, name: str) -> int | None:
    return next((index for index, each in enumerate(frame.channel_names) if each.lower() == name.lower()), None)
