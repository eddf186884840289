"""How large a picture may be on its way: what the wire cannot carry is refused before anything is done for it.

Here: the refusals, and a shape in words. Not here: the limit itself (``propainter_wire/messages``).
"""

from __future__ import annotations

from collections.abc import Sequence

from propainter_wire.errors import WireError
from propainter_wire.messages import MAX_PART_BYTES, OUTPUT_CHANNELS, OpenShot, Render
from propainter_wire.shot import byte_count


def refuse_oversized_plate(opened: OpenShot) -> None:
    """Raise WireError (bad_message) for a shot whose plates are too large."""
    size = (opened.height, opened.width, opened.channels)
    if byte_count(opened.dtype, size) > MAX_PART_BYTES:
        raise WireError("bad_message", f"a plate of {shape_text(size)} {opened.dtype} is over 1 GiB; "
                        "send it as half floats, or smaller", {"field": "width"})  # fmt: skip


def refuse_oversized_output(opened: OpenShot, message: Render) -> None:
    """Raise WireError (bad_message) for a render whose results would be too large."""
    channels = OUTPUT_CHANNELS.get(message.output, opened.channels)
    dtype = message.dtype or (opened.dtype if message.output == "result" else "float32")
    if byte_count(dtype, (opened.height, opened.width, channels)) > MAX_PART_BYTES:
        raise WireError(
            "bad_message",
            f"output {message.output} of {opened.width}x{opened.height} {dtype} is over 1 GiB a frame; "
            "ask for a smaller dtype",
            {"field": "dtype"},
        )


def shape_text(shape: Sequence[int]) -> str:
    """Height, width, channels in words."""
    return f"{shape[1]}x{shape[0]} with {shape[2]} channel{'s' if shape[2] > 1 else ''}"
