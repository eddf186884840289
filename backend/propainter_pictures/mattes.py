"""The roto matte a frame holds: which channel it is, labels or shares, inverted or not.

Here: ``MatteReading``, and a frame's matte under it. Not here: finding out how a run of frames is to be read, and what is
suspicious about it (``matte_survey.py``); reading frames (``plates.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propainter_pictures.color import Pixels
from propainter_pictures.errors import BadInput
from propainter_pictures.frame import Frame, find_alpha, find_rgb, layer_of, packed


@dataclass(frozen=True)
class MatteReading:
    """How mattes are read."""

    channel: str = "auto"
    """``alpha``, ``luma`` (Rec.709 weights), or the name of a channel or of a layer; ``auto``: an alpha that says
    something, else luma."""
    is_inverted: bool = False
    """Remove what the matte keeps."""
    is_labels: bool = False
    """Whole numbers that name objects, or a colour each: whatever is not 0, or not black, is removed."""


PLAIN = MatteReading()


class UnclearChannel(BadInput):
    """Several channels may hold the matte. Its text names the way out, as the command has it."""

    def __init__(self, finding: str) -> None:
        super().__init__(f"{finding}; name the one to use by --matte-channel")
        self.finding = finding


_NO_MATTES = frozenset({"z", "zback", "depth", "u", "v", "nx", "ny", "nz", "px", "py", "pz", "id", "objectid"})
"""Last words of channels that measure something."""
_GREYS = frozenset({"y", "l", "i", "luma", "luminance", "grey", "gray"})
_WORDS = frozenset({"a", "alpha", "mask", "matte", "roto", "key", "hole"})


def read_matte(frame: Frame, reading: MatteReading = PLAIN) -> NDArray[np.float32]:
    """The roto matte a frame holds: float32 [h, w] in [0, 1], 1 = remove.

    Whole numbers span their range, floats are clipped to [0, 1]. Raises ``BadInput`` naming the frame if the channel is
    not there or holds NaN.
    """
    matte = _labelled(frame, reading) if reading.is_labels else _shares(frame, reading.channel)
    if np.isnan(matte).any():
        row, column = np.argwhere(np.isnan(matte))[0]
        raise BadInput(
            f"roto matte of {frame.label} holds NaN at pixel ({column}, {row}); render the matte again without NaN"
        )
    matte = matte.clip(0, 1)
    if reading.is_inverted:
        np.subtract(np.float32(1), matte, out=matte)
    return matte


def native_matte(frame: Frame, reading: MatteReading = PLAIN) -> Pixels:
    """The same matte, [h, w, 1], in whole numbers where one channel holds it in these.

    For what is kept and sent: a quarter of the bytes. Raises ``BadInput`` as ``read_matte`` does.
    """
    if reading.is_labels:
        return np.ascontiguousarray(np.rint(read_matte(frame, reading) * 255).astype(np.uint8)[..., None])
    pixels = frame.pixels
    index = _one_channel(frame, reading.channel) if np.issubdtype(pixels.dtype, np.integer) else None
    if index is None:
        return read_matte(frame, reading)[..., None]
    found = packed(frame, (index,))
    return np.invert(found) if reading.is_inverted else found  # unsigned: the highest number less this one


def mask_channels(names: Sequence[str]) -> list[str]:
    """Channels beside the picture that may hold a matte: all but colours, their alpha, depth and the like."""
    rgb = find_rgb(names)
    picture = set() if rgb is None else {names[index] for index in rgb}
    if rgb is not None:
        layer = layer_of(names[rgb[0]])
        picture |= {name for name in names if layer_of(name) == layer and _last(name) in ("a", "alpha")}
    return [name for name in names if name not in picture and _last(name) not in _NO_MATTES]


def _shares(frame: Frame, channel: str) -> NDArray[np.float32]:
    index = _one_channel(frame, channel)
    return _luma(frame) if index is None else normalised(frame.pixels[..., index])


def _labelled(frame: Frame, reading: MatteReading) -> NDArray[np.float32]:
    has_colours = reading.channel == "auto" and find_rgb(frame.channel_names) is not None
    index = None if has_colours else _one_channel(frame, reading.channel)
    values = frame.pixels[..., frame.rgb_channels if index is None else [index]]
    labelled: NDArray[np.float32] = (values != 0).any(axis=-1).astype(np.float32)
    return labelled


def _one_channel(frame: Frame, channel: str) -> int | None:
    """The one channel that holds the matte, None for luma of colours. Raises ``BadInput`` if there is no such channel."""
    pixels, alpha = frame.pixels, frame.alpha_channel
    if channel not in ("auto", "luma"):
        index = alpha if channel == "alpha" else _channel_called(frame.channel_names, channel)
        if index is None and channel == "alpha" and len(frame.channel_names) == 1:
            index = 0  # as in the node: one channel is its own alpha
        if index is None:
            raise BadInput(
                f"roto matte of {frame.label} has no channel {channel!r} among {', '.join(frame.channel_names)}; "
                "name one of these"
            )
        return index
    if channel == "auto":
        if len(frame.channel_names) > 1 and find_rgb(frame.channel_names) is None:
            return _lone_mask(frame)
        if alpha is not None and not is_full(pixels[..., alpha]):
            return alpha
    red, green, blue = frame.rgb_channels
    if red == green or all(np.array_equal(pixels[..., green], pixels[..., each]) for each in (red, blue)):
        return green
    return None


def _lone_mask(frame: Frame) -> int:
    """The matte among channels without colours. Raises ``BadInput`` where several may be it."""
    names, alpha = frame.channel_names, frame.alpha_channel
    candidates = mask_channels(names) or list(names)
    if alpha is not None and len(candidates) == 2:
        (other,) = (name for name in candidates if name != names[alpha])
        if _last(other) in _GREYS:
            return names.index(other) if is_full(frame.pixels[..., alpha]) else alpha
    named = [name for name in candidates if _WORDS & {_last(name), *layer_of(name).lower().split(".")}]
    for found in (candidates, named):
        if len(found) == 1:
            return names.index(found[0])
    raise UnclearChannel(f"roto matte of {frame.label} may be any of {', '.join(candidates)}")


def channels_to_name(names: Sequence[str]) -> tuple[str, ...]:
    """What of these channels can be asked for as the matte, ``auto`` first; one channel leaves no choice."""
    if len(names) < 2:
        return ("auto",)
    alpha = ("alpha",) if find_alpha(names) is not None else ()
    luma = ("luma",) if len(names) == 2 or find_rgb(names) is not None else ()
    return ("auto", *alpha, *luma, *names)


def is_full(channel: NDArray[Any]) -> bool:
    """Whether a channel is 1 everywhere."""
    full = np.iinfo(channel.dtype).max if np.issubdtype(channel.dtype, np.integer) else 1
    return bool((channel == full).all())


def normalised(channel: NDArray[Any]) -> NDArray[np.float32]:
    """Whole numbers as shares of their range, floats as they are."""
    value: NDArray[np.float32] = channel.astype(np.float32)
    if np.issubdtype(channel.dtype, np.integer):
        value /= np.float32(np.iinfo(channel.dtype).max)
    return value


def _luma(frame: Frame) -> NDArray[np.float32]:
    """Rec.709 luma, written so that greys keep their exact value (ITU-R BT.709, item 3.2)."""
    red, green, blue = (normalised(frame.pixels[..., channel]) for channel in frame.rgb_channels)
    luma: NDArray[np.float32] = green + np.float32(0.2126) * (red - green) + np.float32(0.0722) * (blue - green)
    return luma


def _channel_called(names: Sequence[str], wanted: str) -> int | None:
    """A channel by its name, by a lone name in any layer, or the alpha, else the only channel, of a layer so called."""
    lowered = [name.lower() for name in names]
    if wanted.lower() in lowered:
        return lowered.index(wanted.lower())
    ends = [index for index, name in enumerate(names) if _last(name) == wanted.lower()]
    if len(ends) == 1:
        return ends[0]
    layer = [index for index, name in enumerate(names) if layer_of(name).lower() == wanted.lower()]
    alphas = [index for index in layer if _last(names[index]) in ("a", "alpha")]
    for found in (alphas, layer):
        if len(found) == 1:
            return found[0]
    return None


def _last(name: str) -> str:
    return name.rpartition(".")[2].lower()
