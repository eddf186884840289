"""Pixel memory is used again once nobody sees it, never before, and not hoarded."""

from __future__ import annotations

import gc

import numpy as np

from propainter_wire.pool import PixelPool

SHAPE = (512, 512, 4)
MIB = 2**20


def address(pixels: np.ndarray) -> int:
    return int(pixels.__array_interface__["data"][0])


def test_memory_is_used_again_when_the_last_view_of_it_is_gone() -> None:
    pool = PixelPool(keep_bytes=64 * MIB)
    first = pool.empty("float32", SHAPE)
    where = address(first)
    view = first[3:5, ::2, :1].reshape(-1)
    export = memoryview(first[7])
    del first
    gc.collect()
    others = [pool.empty("float32", SHAPE)]
    del view
    others.append(pool.empty("float32", SHAPE))
    assert where not in map(address, others)
    del export
    assert address(pool.empty("float32", SHAPE)) == where


def test_pixels_have_the_shape_and_type_asked_for_and_can_be_written() -> None:
    pool = PixelPool(keep_bytes=64 * MIB)
    for _ in range(2):
        pixels = pool.empty("float16", (700, 500, 3))
        pixels[:] = 0.5
        assert (pixels.shape, pixels.dtype) == ((700, 500, 3), np.float16)


def test_memory_much_larger_than_wanted_is_left_for_others() -> None:
    pool = PixelPool(keep_bytes=64 * MIB)
    large = pool.empty("float32", (2048, 512, 4))
    where = address(large)
    del large
    small = pool.empty("float32", SHAPE)
    assert address(small) != where
    assert address(pool.empty("float32", (2048, 500, 4))) == where


def test_no_more_is_kept_than_allowed_and_nothing_survives_the_pool() -> None:
    pool = PixelPool(keep_bytes=10 * MIB)
    several = [pool.empty("float32", SHAPE) for _ in range(4)]  # 4 MiB each
    del several
    assert sum(memory.nbytes for memory in pool._unused) <= 10 * MIB
    last = pool.empty("float32", SHAPE)
    del pool
    last[:] = 1.0
    del last
