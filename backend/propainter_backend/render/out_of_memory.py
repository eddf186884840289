"""Telling that memory ran out, whoever says it in whatever way.

Here: ``is_out_of_memory`` and the sentence for a command line. Not here: asking for less (``worker/fitting.py``), planning
so that it does not happen (``memory_plan.py``).
"""

from __future__ import annotations

import errno

import cv2
import torch

NO_MEMORY = "there is not enough memory for this; close other programs, or choose a smaller --working-size or --memory"


def is_out_of_memory(error: BaseException) -> bool:
    """torch says it in three ways, two only in words; OpenCV in two or amid another error, the system by a number.

    OpenCV's code says nothing: it belongs to the class, and is that of the last error that had one.
    """
    if isinstance(error, SystemError):  # "returned a result with an exception set"
        return any(each is not None and is_out_of_memory(each) for each in (error.__cause__, error.__context__))
    if isinstance(error, cv2.error):
        return f"({cv2.Error.StsNoMem}:" in str(error) or "bad_alloc" in str(error)
    if isinstance(error, RuntimeError):
        said = str(error)
        return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in said or "bad_alloc" in said
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
