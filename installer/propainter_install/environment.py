"""Making the daemon's own environment, and the packages Nuke's Python gets.

Here: venv and pip, their failures as sentences. Not here: when (``plan.py``), which torch (``torch_build.py``).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from propainter_install.errors import InstallError
from propainter_install.places import System, python_of
from propainter_install.release import FOR_PYTHON, Release

NUKE_PYTHON = "3.11"
"""Of Nuke 16 and 17."""
_NUKE_PACKAGES = ("pyzmq", "msgpack", "numpy", "xxhash", "openimageio", "av")
_NUKE_PARTS = (
    "propainter_ui/", "propainter_wire/", "propainter_pictures/", "propainter_knobs/", "propainter_plan/", "propainter_os/",
)  # fmt: skip
_PROOF = "import torch, cv2, OpenImageIO, av, zmq, msgpack, safetensors, propainter_backend.daemon.daemon"


@dataclass(frozen=True)
class Sources:
    """Where packages come from."""

    release: Release
    torch_index: str | None
    """The package index with the torch build chosen; None: the usual index."""
    wheelhouse: Path | None
    """A folder with every wheel that is needed: nothing is fetched."""

    def pip(self, *, index: str | None = None) -> list[str]:
        """pip's options for one call."""
        options = [
            "--disable-pip-version-check",
            "--no-input",
            "--quiet",
            "--constraint",
            str(self.release.constraints),
        ]
        if self.wheelhouse is not None:
            return [*options, "--no-index", "--find-links", str(self.wheelhouse)]
        return [*options, "--index-url", index] if index else options


def make_environment(folder: Path, sources: Sources, system: System) -> None:
    """A virtual environment with torch, daemon and panel, proven by importing them. Raises InstallError."""
    check_python(sources.release)
    own_pip = sources.release.pip  # Debian and Ubuntu keep Python's in a package of its own
    command = [sys.executable, "-m", "venv", "--clear", *(["--without-pip"] if own_pip else []), str(folder)]
    _run(command, f"the environment {folder} cannot be made")
    python = str(python_of(folder, system))
    if own_pip is not None:
        bare = [python, str(own_pip / "pip"), "install", "--quiet", "--no-index", "--disable-pip-version-check"]
        _run([*bare, str(own_pip)], "pip cannot be installed")
    install = [python, "-m", "pip", "install"]
    _run([*install, *sources.pip(index=sources.torch_index), "torch"], "torch cannot be installed")
    wanted = f"{sources.release.wheel}[backend,ui]"
    _run([*install, *sources.pip(), wanted], "the backend cannot be installed")
    _run([python, "-c", _PROOF], "the backend was installed but does not start")


def make_nuke_site(folder: Path, sources: Sources, python: Path) -> None:
    """The panel and what it needs of packages, for Nuke's Python: no torch, nothing of the daemon's. Raises InstallError."""
    with zipfile.ZipFile(sources.release.wheel) as wheel:
        wheel.extractall(folder, [name for name in wheel.namelist() if name.startswith(_NUKE_PARTS)])
    target = ["--target", str(folder), "--python-version", NUKE_PYTHON, "--only-binary", ":all:", "--no-deps"]
    install = [str(python), "-m", "pip", "install", *sources.pip(), *target]
    _run(
        [*install, *_NUKE_PACKAGES], "the packages for the panel in Nuke cannot be installed (--no-nuke leaves it out)"
    )


def can_use_gpu(python: Path) -> bool:
    """Whether torch of that Python sees a CUDA device."""
    asked = [str(python), "-c", "import torch; print(torch.cuda.is_available())"]
    return (
        subprocess.run(asked, capture_output=True, text=True, env=_environment(), check=False).stdout.strip() == "True"
    )


def check_python(release: Release | None = None) -> None:
    """Raise InstallError unless this Python can make environments, and is the one a release's wheels are for."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.maxsize < 1 << 32:
        raise InstallError(
            f"{sys.executable} ({version}) has 32 bits, and torch is made for 64; name another in PYTHON"
        )
    needed = ["venv", "ssl", "zlib", "ctypes", *([] if release is not None and release.pip else ["ensurepip"])]
    proof = [sys.executable, "-c", f"import {', '.join(needed)}"]
    done = subprocess.run(proof, capture_output=True, text=True, env=_environment(), check=False)
    if done.returncode:
        raise InstallError(
            f"{sys.executable} ({version}) cannot make environments: {_last_line(done.stderr)}; install its missing part "
            "(python3-venv on Debian and Ubuntu), or name another Python in PYTHON"
        )


def check_wheels(wheelhouse: Path) -> None:
    """Raise InstallError where a folder of wheels says that it is for another Python than this one."""
    told = wheelhouse / FOR_PYTHON
    ours = ".".join(map(str, sys.version_info[:2]))
    if not told.is_file():
        return
    theirs = told.read_text(encoding="utf-8").strip()
    if theirs != ours:
        raise InstallError(
            f"the packages in {wheelhouse} are for Python {theirs}, and this is {ours}; name one in PYTHON "
            f"(PYTHON=python{theirs}), or take the release that downloads"
        )


def check_space(folder: Path, needed_mb: int) -> None:
    """Raise InstallError when a folder's disk has less room than that."""
    existing = next(one for one in (folder, *folder.parents) if one.exists())
    free_mb = shutil.disk_usage(existing).free >> 20
    if free_mb < needed_mb:
        raise InstallError(
            f"{existing} has {free_mb} MB free and about {needed_mb} MB are needed; make room, or choose another --prefix"
        )


def _run(command: Sequence[str], failing: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(), check=False)
    if done.returncode == 0:
        return
    told = done.stderr + done.stdout
    if "No space left on device" in told or "Errno 28" in told:
        raise InstallError(f"{failing}: the disk is full; make room, or choose another --prefix")
    raise InstallError(f"{failing}: {_last_line(told)}")


def _last_line(told: str) -> str:
    """What a program complained about at last: pip's errors, or Python's last line."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it did not say why"])[-1].removeprefix("ERROR:").strip()


def _environment() -> dict[str, str]:
    """Ours without what leads a Python astray: the installer itself runs from a wheel by PYTHONPATH."""
    astray = (
        "PYTHONPATH",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_USER",
    )
    return {name: value for name, value in os.environ.items() if name not in astray}
