"""Large pixels moved through memory: every byte arrives, and the digest is that of what arrived."""

from __future__ import annotations

import numpy as np
import pytest

from propainter_wire import moving
from propainter_wire.moving import copy, copy_and_digest
from propainter_wire.shot import bytes_of, digest_of


@pytest.mark.parametrize("rows", [1, 700, 5000], ids=["one row", "below two threads", "by two threads"])
def test_every_byte_arrives_and_is_digested(rows: int) -> None:
    pixels = np.random.default_rng(rows).random((rows, 301, 3), np.float32)
    assert (pixels.nbytes >= moving._SHARED_FROM) == (rows == 5000)
    copied, digested = np.zeros_like(pixels), np.zeros_like(pixels)
    copy(bytes_of(copied), bytes_of(pixels))
    assert np.array_equal(copied, pixels)
    digest = copy_and_digest(bytes_of(digested), bytes_of(pixels), "float32", pixels.shape)
    assert np.array_equal(digested, pixels)
    assert digest == digest_of(pixels)
    assert digest != copy_and_digest(bytes_of(digested), bytes_of(pixels), "float32", (301, rows, 3))


@pytest.mark.parametrize("move", [copy, lambda target, source: copy_and_digest(target, source, "uint8", (1, 8, 1))])
def test_what_does_not_fit_is_refused(move) -> None:
    with pytest.raises(ValueError, match="8 bytes do not fit 9"):
        move(memoryview(bytearray(9)), memoryview(bytes(8)))
