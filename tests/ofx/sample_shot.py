"""The sample shot, and a real daemon to render it with.

Here: fixtures (``conftest.py`` makes them known). Not here: the stand-in daemon (``fake_daemon.py``), hosts.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from minihost import TCP
from node_fixtures import ROOT, Shot

from propainter_pictures.stored import read_stored

WORKING_SIZE = {"byte": "Full", "float": "Half", "half": "Half", "short": "Half"}
"""By depth. In the depth of its files the shot has its whole size; the others would take minutes more at that."""


@pytest.fixture(scope="session")
def sample() -> Shot:
    """The sample shot, in floats."""

    def read(folder: str) -> np.ndarray:
        files = sorted((ROOT / "samples" / "synth-pan" / folder).iterdir())
        stored = [read_stored(path, 0, strange="float").pixels for path in files]
        return np.stack([pixels.astype(np.float32) / np.iinfo(pixels.dtype).max for pixels in stored])

    return Shot(read("plate")[..., :3], read("matte")[..., 0])


@pytest.fixture
def backend(runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A real daemon, the classical engine, on TCP; its runtime directory."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    command = [sys.executable, "-m", "propainter_backend", "--device", "cpu", "--endpoint", TCP]
    with (tmp_path / "log").open("wb") as log:
        daemon = subprocess.Popen([*command, "--cache-dir", str(tmp_path / "cache")], stdout=log, stderr=log)
        try:
            wait_for_file(runtime / "daemon.json", daemon)
            yield runtime
        finally:
            daemon.terminate()
            daemon.wait()


def wait_for_file(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Until a daemon has published its connection file."""
    while not path.exists():
        assert process.poll() is None, "the daemon ended"
        time.sleep(0.05)
