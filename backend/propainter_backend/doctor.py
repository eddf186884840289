"""What works on this machine, and what to do about the rest.

Here: ``examine``, for ``propainter-backend doctor``. Not here: repairing anything.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from propainter_backend.devices import cuda_device_count
from propainter_wire.client import Client
from propainter_wire.connection import connection_path, make_private_directory, runtime_directory
from propainter_wire.errors import PropainterError
from propainter_wire.link import ClientKeys
from propainter_wire.shm import SHM_DIRECTORY, is_supported

_LIBRARIES = ("torch", "cv2", "OpenImageIO", "av", "zmq", "msgpack", "safetensors")
_LITTLE_DISK = 5 << 30
_LITTLE_SHM = 256 << 20


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    is_well: bool
    advice: str = ""
    is_needed: bool = True
    """Whether nothing can be rendered without it."""


def examine(cache_dir: Path, weights: Path | None, keys: ClientKeys | None = None) -> list[Finding]:
    """Look at everything a render needs, in the order in which it is needed. keys: for a daemon with CURVE."""
    machine = [*_libraries(), *_devices(), _weights(weights)]
    return [*machine, _runtime(), _shared_memory(), _disk(cache_dir), _daemon(keys)]


def _libraries() -> list[Finding]:
    found = [Finding(f"Python {sys.version.split()[0]}", sys.version_info >= (3, 10), "")]
    for name in _LIBRARIES:
        try:
            module = importlib.import_module(name)
        except Exception as error:  # a broken wheel may raise anything
            found.append(Finding(f"{name}: {error}", False, "install it: pip install 'propainter-remove[backend]'"))
        else:
            found.append(Finding(f"{name} {getattr(module, '__version__', '')}", True))
    return found


def _devices() -> list[Finding]:
    count = cuda_device_count()
    if count == 0:
        advice = "the classical engine does not need one; the learned engine is slow on a processor"
        return [Finding("no CUDA device; work is done on the processor", True, advice, is_needed=False)]
    import torch

    usable = torch.cuda.is_available()
    advice = (
        "" if usable else f"torch {torch.__version__} cannot use it: install a CUDA build of torch that fits the driver"
    )
    return [Finding(f"{count} CUDA device{'s' if count > 1 else ''}", usable, advice, is_needed=False)]


def _weights(folder: Path | None) -> Finding:
    from propainter.weights import WeightsError, find_weights

    try:
        found = find_weights(folder)
    except WeightsError as error:
        return Finding(f"weights: {error}", False, is_needed=False)
    if found is None:
        advice = "removals use the embedded classical engine; for ProPainter's networks: propainter-weights fetch"
        return Finding("no ProPainter weights", True, advice, is_needed=False)
    return Finding(f"ProPainter weights {found.id} in {found.folder}", True)


def _runtime() -> Finding:
    directory = runtime_directory()
    try:
        make_private_directory(directory)
    except (PropainterError, OSError) as error:
        return Finding(f"runtime directory {directory}: {error}", False, "name another in PROPAINTER_RUNTIME_DIR")
    return Finding(f"runtime directory {directory}", True)


def _shared_memory() -> Finding:
    if not is_supported():
        return Finding("no shared memory; large frames go through the socket", True, is_needed=False)
    free = shutil.disk_usage(SHM_DIRECTORY).free
    advice = (
        "" if free > _LITTLE_SHM else "frames over 8 MB go through the socket, several times slower; enlarge /dev/shm"
    )
    return Finding(
        f"shared memory: {free >> 20} MB free in {SHM_DIRECTORY}", free > _LITTLE_SHM, advice, is_needed=False
    )


def _disk(cache_dir: Path) -> Finding:
    existing = next(folder for folder in (cache_dir, *cache_dir.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    is_well = free > _LITTLE_DISK and os.access(existing, os.W_OK)
    advice = "" if is_well else "choose another with --cache-dir; without a cache every render starts anew"
    return Finding(f"cache {cache_dir}: {free >> 30} GB free", is_well, advice, is_needed=False)


def _daemon(keys: ClientKeys | None) -> Finding:
    if not connection_path().exists():
        advice = "it is started by the node, the panel, or: propainter-backend"
        return Finding("no daemon is running", True, advice, is_needed=False)
    try:
        with Client.connect(name="propainter-backend doctor", timeout_s=5.0, keys=keys) as client:
            status = client.status()
    except PropainterError as error:
        advice = "start it again: propainter-backend; the file of one that was killed is replaced then"
        return Finding(f"daemon: {error}", False, advice, is_needed=False)
    return Finding(f"daemon {status.server} is running, process {status.pid} ({connection_path()})", True)
