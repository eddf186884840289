"""For tests of the node: its binary, a runtime directory of their own, a daemon in it, and a short way to a render.

Here: fixtures (``conftest.py`` makes them known) and small helpers. Not here: the daemon itself (``fake_daemon.py``), the
host (``propainter_host``).
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from fake_daemon import FakeDaemon, inverted

from node_build import build_node
from propainter_host import Effect, Host
from propainter_host.images import NumpyClip

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def node_build() -> Path:
    """The directory of the node's everyday build, brought up to date: the bundle and the test programs."""
    if shutil.which("cmake") is None:
        pytest.skip("no cmake to build the node with")
    return build_node()


@pytest.fixture(scope="session")
def node_bundle(node_build: Path) -> Path:
    """The bundle under test; PROPAINTER_NODE_BUNDLE names another one, say the release's."""
    named = os.environ.get("PROPAINTER_NODE_BUNDLE")
    return Path(named) if named else node_build / "ProPainterRemove.ofx.bundle"


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty runtime directory that node and daemon find; short, because socket paths have to be."""
    directory = Path(tempfile.mkdtemp(prefix="ppn"))
    monkeypatch.setenv("PROPAINTER_RUNTIME_DIR", str(directory))
    for name in ("PROPAINTER_CONNECTION", "PROPAINTER_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def daemon(runtime: Path) -> Iterator[FakeDaemon]:
    """A well-behaved daemon."""
    with FakeDaemon(runtime) as running:
        yield running


@pytest.fixture
def started_daemons(runtime: Path) -> Iterator[None]:
    """Ends, by its pid, whatever daemon a test caused the node to start."""
    yield
    lock = runtime / "daemon.lock"
    if lock.exists() and lock.read_text().strip():
        pid = int(lock.read_text())
        os.kill(pid, signal.SIGTERM)
        with contextlib.suppress(ChildProcessError):  # the node has collected it
            os.waitpid(pid, 0)


@dataclass(frozen=True)
class Shot:
    """A plate and a matte, and the answer the fake daemon's way of removing has for them."""

    plate: np.ndarray
    """(t, h, w, c)"""
    matte: np.ndarray
    """(t, h, w), float"""
    first: int = 1

    def source(self, **options: object) -> NumpyClip:
        return NumpyClip(self.plate, first=self.first, **options)  # type: ignore[arg-type]

    def mask(self, **options: object) -> NumpyClip:
        return NumpyClip(self.matte, first=self.first, **options)  # type: ignore[arg-type]

    def expected(self, frame: int) -> np.ndarray:
        """The plate with the matte's pixels turned inside out; alpha stays."""
        picture: np.ndarray = self.plate[frame - self.first].copy()
        hole = self.matte[frame - self.first] > 0
        picture[hole, :3] = inverted(picture[hole, :3])
        return picture


def make_shot(
    *, frames: int = 9, dtype: str = "float32", channels: int = 4, first: int = 1, alpha: float = 1.0
) -> Shot:
    """Noise, and two bars to remove that move a pixel a frame; between them lie rows that must not change."""
    noise = np.random.default_rng(11).random((frames, 12, 16, channels))
    if channels == 4:
        noise[..., 3] = alpha
    plate = (np.round(noise * np.iinfo(dtype).max) if np.dtype(dtype).kind == "u" else noise).astype(dtype)
    matte = np.zeros((frames, 12, 16), np.float32)
    for index in range(frames):
        matte[index, [3, 4, 7], 2 + index % 6 : 7 + index % 6] = 1
    return Shot(plate, matte, first)


def load_program(name: str) -> ModuleType:
    """One of the programs beside the node's sources, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "host_plugin" / "ofx" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def node_effect(host: Host, bundle: Path, shot: Shot, **options: object) -> Effect:
    """The node with the shot plugged in, asking nobody's daemon to start."""
    options.setdefault("clips", {"Source": shot.source(), "Mask": shot.mask()})
    effect = host.load(bundle).create(**options)  # type: ignore[arg-type]
    effect.set_param("auto_start", False)
    return effect


def sentence(rendered: object) -> str:
    """What the node said during a render, in one line."""
    return " | ".join(message.text for message in rendered.messages)  # type: ignore[attr-defined]


def when(is_so: Callable[[], object], then: threading.Event) -> None:
    """Set an event, on a thread of its own, once something is so. If it never is, the test fails."""

    def watch() -> None:
        for _ in range(6000):
            if is_so():
                then.set()
                return
            time.sleep(0.01)
        then.set()
        raise AssertionError("what is waited for never came")

    threading.Thread(target=watch, daemon=True).start()
