"""Memory that ran out is known as that, in whatever way a library says it."""

from __future__ import annotations

import errno

import cv2
import numpy as np
import pytest
import torch

from propainter_backend.render.out_of_memory import is_out_of_memory


def _amid_another() -> SystemError:
    try:
        try:
            raise MemoryError
        except MemoryError as cause:
            raise SystemError("returned a result with an exception set") from cause
    except SystemError as error:
        return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 80 bytes"),
        cv2.error("std::bad_alloc"),
        _amid_another(),
    ],
    ids=repr,
)
def test_every_way_of_saying_so_is_known(error):
    assert is_out_of_memory(error)


def test_opencv_says_so_by_a_code():
    """Eight EB: nobody has them."""
    with pytest.raises(cv2.error) as raised:
        cv2.copyMakeBorder(np.zeros((1, 1), np.uint8), 2**30, 2**30, 2**30, 2**30 - 2, cv2.BORDER_CONSTANT)
    assert is_out_of_memory(raised.value)


@pytest.mark.parametrize(
    "error", [ValueError("bad_alloc"), OSError(errno.ENOSPC, "full"), cv2.error("bad argument")], ids=repr
)
def test_other_faults_are_not_taken_for_it(error):
    assert not is_out_of_memory(error)
