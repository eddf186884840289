"""Which compute devices there are, asked of the driver itself: the daemon answers in a blink and never imports torch.

Here: counting CUDA devices, choosing one, checking what was asked for. Not here: using them (``worker/worker.py``).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import re
from collections.abc import Sequence

from propainter_backend.errors import BadInput
from propainter_os import systems

_DEVICE = re.compile(r"auto|cpu|(?P<cuda>cuda)(:(?P<number>[0-9]{1,4}))?")


def cuda_device_count() -> int:
    """How many CUDA devices the driver shows; 0 without a driver."""
    names = ["nvcuda.dll"] if systems.is_windows() else ["libcuda.so.1", ctypes.util.find_library("cuda") or ""]
    for name in filter(None, names):
        try:
            driver = ctypes.CDLL(name)
        except OSError:
            continue
        count = ctypes.c_int(0)
        if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0:
            return count.value
    return 0


def choose_devices(gpus: Sequence[int], device: str | None) -> tuple[tuple[str, ...], str]:
    """One device name a worker, and the sentence that says what was chosen.

    gpus: numbers from ``--gpu``, one worker each. device: ``cpu``, ``cuda``, ``cuda:N``, ``auto`` or None: auto where no
    GPU is named. Raises BadInput for a device that is not there, or no device at all.
    """
    named = None if device is None else _DEVICE.fullmatch(device)
    if device is not None and named is None:
        raise BadInput(f"there is no device {device!r}; choose auto, cuda, cuda:N, or --device cpu")
    if gpus and device not in (None, "auto"):
        raise BadInput(f"--gpu and --device {device} say two things; leave out one of them")
    if named is not None and named["cuda"]:
        gpus = [int(named["number"] or 0)]
    count = cuda_device_count()
    if gpus:
        for gpu in gpus:
            if gpu >= count or gpu < 0:
                found = "none is found" if count == 0 else f"found are 0 to {count - 1}"
                raise BadInput(f"GPU {gpu} is not there ({found}); choose another, or --device cpu")
        return tuple(f"cuda:{gpu}" for gpu in gpus), f"device: GPU {', '.join(map(str, gpus))}, as asked"
    if device == "cpu":
        return ("cpu",), "device: cpu, as asked"
    if count:
        return ("cuda:0",), f"device: auto chose GPU 0 of {count}"
    return ("cpu",), "device: auto chose cpu (no CUDA device is found)"
