"""The packages of an archive that downloads nothing: all that an installation needs, for this system and this Python.

Here: fetching them. Not here: packing (``archives.py``). torch is the build for the CPU: the others are ten times as large,
and depend on the driver.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from archives import Wheelhouse
from propainter_install.release import CONSTRAINTS, FOR_PYTHON

_TORCH = "https://download.pytorch.org/whl/cpu"


def name_of_this_system() -> str:
    """As ``archives.TARGETS`` calls it."""
    return {"linux": "linux-x86_64", "win32": "windows-x86_64", "darwin": "macos-universal"}[sys.platform]


def fetch_wheels(dist: Path, folder: Path) -> Wheelhouse:
    """Every package into an empty folder. Raises CalledProcessError where pip cannot have one.

    dist: with the wheel and the constraints.
    """
    folder.mkdir(parents=True)
    wheel = next(dist.glob("propainter_remove-*.whl"))
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", str(folder),
        "--constraint", str(dist / CONSTRAINTS), "--only-binary", ":all:",
    ]  # fmt: skip
    if sys.platform == "linux":  # elsewhere the usual index has the build for the CPU
        from_torch = ["--no-deps", "--extra-index-url", _TORCH, f"{_pinned(dist, 'torch')}+cpu"]
        subprocess.run([*command, *from_torch], check=True)
    subprocess.run([*command, "--find-links", str(folder), f"{wheel}[backend,ui]"], check=True)
    (folder / wheel.name).unlink(missing_ok=True)
    python = ".".join(map(str, sys.version_info[:2]))
    (folder / FOR_PYTHON).write_text(f"{python}\n", encoding="utf-8")
    return Wheelhouse(folder, python)


def _pinned(dist: Path, name: str) -> str:
    lines = (dist / CONSTRAINTS).read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith(f"{name}=="))
