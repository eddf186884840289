"""A release to install and a machine to install it on: an empty home, a clean environment, nothing of this machine's user.

Here: helpers for ``test_installer*.py`` and ``test_release*.py``. Not here: fixtures (``conftest.py``), what is promised.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np

from node_build import build_node

ROOT = Path(__file__).parents[2]
BUNDLE = "ProPainterRemove.ofx.bundle"
FRAMES, HEIGHT, WIDTH, PAN = 6, 64, 96, 5
BOX = (slice(26, 40), slice(38, 54))
NEAR = (slice(26 - 4, 40 + 4), slice(38 - 4, 54 + 4))
"""The matte grows by four pixels."""


def load_program(path: Path) -> ModuleType:
    """A program of the repository as a module, with its neighbours importable."""
    sys.path.insert(0, str(path.parent))
    try:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(path.parent))


def build_release(folder: Path, scratch: Path) -> Path:
    """A release with the everyday build of node and minihost."""
    native = build_node()
    contents = scratch / BUNDLE / "Contents"
    shutil.copytree(native / BUNDLE / "Contents" / "Linux-x86-64", contents / "Linux-x86-64", copy_function=shutil.copy)
    load_program(ROOT / "host_plugin" / "ofx" / "build_bundle.py").write_resources(contents)
    programs = scratch / "minihost" / "Linux-x86-64"
    programs.mkdir(parents=True)
    shutil.copy(native / "propainter-minihost", programs)
    make = load_program(ROOT / "installer" / "make_release.py").make_release
    make(folder, scratch / BUNDLE, programs.parent, 1_700_000_000)
    return folder


def renumber_release(release: Path, folder: Path, version: str) -> Path:
    """The same release under another version."""
    shutil.copytree(release, folder)
    wheel = next(folder.glob("propainter_remove-*.whl"))
    earlier = wheel.name.split("-")[1]
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(folder / wheel.name.replace(earlier, version), "w") as new:
        for member in old.infolist():
            content = old.read(member)
            if ".dist-info/" in member.filename:
                content = content.replace(f"Version: {earlier}".encode(), f"Version: {version}".encode())
                content = content.replace(f"-{earlier}.dist-info".encode(), f"-{version}.dist-info".encode())
            new.writestr(member.filename.replace(f"-{earlier}.dist-info", f"-{version}.dist-info"), content)
    wheel.unlink()
    write_sums(folder)
    return folder


def write_sums(folder: Path) -> None:
    sums = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "SHA256SUMS"]
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in sums]
    (folder / "SHA256SUMS").write_text("".join(lines))


def look(folder: Path) -> dict[str, str]:
    """Every file, link and folder below, with content, mode or target."""
    return {str(path.relative_to(folder)): _look_at(path) for path in sorted(folder.rglob("*"))}


def _look_at(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    mode = f"{stat.S_IMODE(path.stat().st_mode):o}"
    return mode if path.is_dir() else f"{mode} {hashlib.sha256(path.read_bytes()).hexdigest()}"


@dataclass(frozen=True)
class Workstation:
    """Somebody's home on a machine where nothing of ours is; ``top`` is all there is of it."""

    top: Path

    @property
    def home(self) -> Path:
        return self.top / "home"

    @property
    def app(self) -> Path:
        return self.home / ".local" / "share" / "propainter-remove" / "app"

    @property
    def bundle(self) -> Path:
        return self.app / "OFX" / "Plugins" / BUNDLE

    def run(self, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """A command with nothing of this process's environment; its output comes back, whatever it was."""
        environ = {
            "HOME": str(self.home),
            "PATH": "/usr/bin:/bin",
            "XDG_RUNTIME_DIR": str(self.top / "run"),
            "OMP_WAIT_POLICY": "passive",
            "PYTHON": os.path.realpath(sys.executable),
            **variables,
        }
        named = [str(part) for part in command]
        return subprocess.run(
            named, env=environ, cwd=self.top, capture_output=True, text=True, check=False, timeout=1200
        )

    def install(self, release: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run("sh", release / "install.sh", "--yes", *options, **variables)

    def render(self, shot: Path, output: Path, frame: int = 3) -> np.ndarray:
        """A frame by the installed node, from its installed place, in the installed headless host."""
        program = self.home / ".local" / "bin" / "propainter-ofx"
        files = ["--source", shot / "plate", "--mask", shot / "matte", "--output", output, "--frames", str(frame)]
        raw = ["--param", "input_colour=Raw"]
        done = self.run(program, "--plugin", self.bundle, *files, *raw)
        assert done.returncode == 0, done.stdout + done.stderr
        picture = cv2.imread(str(next(output.iterdir())), cv2.IMREAD_UNCHANGED)
        assert picture is not None
        return picture[..., :3]

    def daemon_pid(self) -> int | None:
        lock = self.top / "run" / "propainter" / "daemon.lock"
        return int(lock.read_text()) if lock.exists() and (lock.parent / "daemon.json").exists() else None


@contextlib.contextmanager
def workstation() -> Iterator[Workstation]:
    """Short paths: a socket's has little room. Whatever daemon still runs at the end is ended."""
    top = Path(tempfile.mkdtemp(prefix="ppi"))
    here = Workstation(top)
    try:
        here.home.mkdir()
        (top / "run").mkdir(mode=0o700)
        yield here
    finally:
        pid = here.daemon_pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        shutil.rmtree(top)


def write_shot(folder: Path) -> np.ndarray:
    """A panning texture with a white box on it, and the box's matte. Returns the third frame's background, (h, w, 3)."""
    noise = np.random.default_rng(5).random((HEIGHT, WIDTH + PAN * FRAMES, 3))
    texture = cv2.GaussianBlur(noise, (0, 0), 3)
    texture = (255 * (texture - texture.min()) / (texture.max() - texture.min())).astype(np.uint8)
    matte = np.zeros((HEIGHT, WIDTH), np.uint8)
    matte[BOX] = 255
    for name in ("plate", "matte"):
        (folder / name).mkdir(parents=True)
    for frame in range(1, FRAMES + 1):
        plate = texture[:, PAN * frame : PAN * frame + WIDTH].copy()
        if frame == 3:
            background = plate.copy()
        plate[BOX] = 255
        cv2.imwrite(str(folder / "plate" / f"plate.{frame:04d}.png"), plate)
        cv2.imwrite(str(folder / "matte" / f"matte.{frame:04d}.png"), matte)
    return background
