"""Which build of torch a machine gets, and what that costs to download: decided before anything is fetched.

Here: looking for an NVIDIA driver, and the choice. Not here: installing it (``environment.py``).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from propainter_install.places import Machine

INDEX = "https://download.pytorch.org/whl"
_LOOK_S = 20.0

_CUDA_BUILDS: Mapping[int, str] = {580: "cu130", 525: "cu126"}
"""The oldest driver each family of CUDA runs on, newest first (NVIDIA, "Minor Version Compatibility", table 1)."""


@dataclass(frozen=True)
class TorchBuild:
    """The choice, and why."""

    name: str
    """``cpu``, ``cu126``...: the last part of the package index's address. Empty: the only build there is (macOS)."""
    reason: str
    download_mb: int
    """About what is fetched, everything beside torch included. Measured for the processor; for CUDA, from wheels' sizes."""
    disk_mb: int

    @property
    def is_cuda(self) -> bool:
        return self.name.startswith("cu")

    @property
    def index(self) -> str | None:
        """The package index with this build; None: the usual one."""
        return f"{INDEX}/{self.name}" if self.name else None


def choose_torch(machine: Machine, wanted: str, driver: int | None) -> TorchBuild:
    """wanted: ``auto``, ``cpu`` or ``cuda``. driver: the NVIDIA driver's major version, 0 for unknown, None for none."""
    if machine.system == "macos":
        return TorchBuild("", "macOS has one build", 350, 1300)
    if wanted == "cpu":
        return _cpu("it was asked for")
    if driver is None and wanted == "auto":
        return _cpu("no NVIDIA driver was found; the classical engine does not need one")
    for oldest, name in _CUDA_BUILDS.items():
        if driver is not None and driver >= oldest:
            return TorchBuild(name, f"NVIDIA driver {driver} was found", 3300, 8500)
    if driver:
        return _cpu(
            f"NVIDIA driver {driver} is older than {min(_CUDA_BUILDS)}, which torch needs; update it for the GPU"
        )
    name = list(_CUDA_BUILDS.values())[-1]
    why = "an NVIDIA driver of unknown version was found" if driver == 0 else "it was asked for; no driver was found"
    return TorchBuild(name, why, 3300, 8500)


def find_driver() -> int | None:
    """The NVIDIA driver's major version; 0: there is one, whose version nobody tells; None: none."""
    program = shutil.which("nvidia-smi")
    if program:
        asked = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
        try:
            told = subprocess.run(asked, capture_output=True, text=True, timeout=_LOOK_S, check=False).stdout
        except (OSError, subprocess.TimeoutExpired):
            told = ""
        if match := re.match(r"\s*(\d+)\.", told):
            return int(match[1])
    module = Path("/proc/driver/nvidia/version")
    if module.exists():
        match = re.search(r"Kernel Module\D*(\d{3,})\.", module.read_text(encoding="utf-8", errors="replace"))
        return int(match[1]) if match else 0
    libraries = ("/usr/lib/x86_64-linux-gnu/libcuda.so.1", "/usr/lib64/libcuda.so.1", r"C:\Windows\System32\nvcuda.dll")
    return 0 if any(Path(library).exists() for library in libraries) else None


def _cpu(reason: str) -> TorchBuild:
    return TorchBuild("cpu", reason, 450, 1700)
