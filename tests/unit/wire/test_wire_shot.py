"""Runs, digests and views of pixels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from propainter_wire.shot import DTYPES, FrameRange, bytes_of, digest_of, frames_of, packed, pixels_in, runs_of


@given(st.lists(st.integers(-50, 50)))
def test_runs_hold_exactly_the_frames_once_and_never_touch(frames: list[int]) -> None:
    runs = runs_of(frames)
    assert list(frames_of(runs)) == sorted(set(frames))
    assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(runs))


def test_a_frame_range_includes_both_ends_and_cannot_end_before_it_starts() -> None:
    assert len(FrameRange(1001, 1003)) == 3
    assert 1003 in FrameRange(1001, 1003) and 1004 not in FrameRange(1001, 1003)
    with pytest.raises(ValueError, match=r"ends \(990\) before it starts \(1001\)"):
        FrameRange(1001, 990)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_digest_is_xxh3_over_a_line_and_the_bytes_row_by_row(dtype: str) -> None:
    pixels = np.arange(2 * 3 * 4).reshape(2, 3, 4).astype(dtype)
    line = f"{dtype} 2x3x4\n".encode()
    row_by_row = b"".join(np.dtype(dtype).type(value).tobytes() for row in pixels for pixel in row for value in pixel)
    assert digest_of(pixels) == xxhash.xxh3_128_hexdigest(line + row_by_row)


def test_a_digest_depends_on_values_shape_and_type_but_not_on_memory_layout() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert digest_of(pixels[::-1][::-1].copy(order="F")) == digest_of(pixels)
    assert digest_of(pixels.astype(">f4")) == digest_of(pixels.astype("<f4"))
    others = [pixels + 1, pixels.reshape(3, 2, 4), pixels.astype(np.uint16), pixels[::-1], np.zeros_like(pixels)]
    assert len({digest_of(other) for other in [pixels, *others]}) == 6


def test_pixels_come_back_from_their_bytes_as_a_view() -> None:
    pixels = packed(np.arange(24, dtype=np.float32).reshape(2, 3, 4)[:, ::-1])
    memory = bytearray(bytes_of(pixels))
    view = pixels_in(memory, "float32", (2, 3, 4))
    np.testing.assert_array_equal(view, pixels)
    memory[0:4] = b"\0\0\x80?"
    assert view[0, 0, 0] == 1.0


def test_packing_what_is_packed_copies_nothing() -> None:
    pixels = np.zeros((2, 3, 4), np.float16)
    assert np.shares_memory(packed(pixels), pixels)
    assert np.shares_memory(np.frombuffer(bytes_of(pixels), np.uint8), pixels)


@pytest.mark.parametrize("wrong", [np.zeros((2, 2, 3)), np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3), np.int16)])
def test_what_the_wire_cannot_carry_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="the wire carries"):
        digest_of(wrong)
