"""A backend and a command that take every branch for Windows, with its calls stood in: the pictures are the usual ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from installation import write_shot

from propainter_wire.connection import read_connection

pytestmark = pytest.mark.slow

PROGRAM = """
import importlib, multiprocessing.connection, multiprocessing.spawn, multiprocessing.util, subprocess, sys, tempfile
import av, cv2, OpenImageIO, psutil, torch, zmq  # libraries are this system's own
import windows_stand_in
from propainter_os import sockets
windows_stand_in.enter(windows_stand_in.StandIn())
for missing in ("fcntl", "resource"):
    sys.modules[missing] = None
sockets.local = None
module, *arguments = sys.argv[1:]
sys.exit(importlib.import_module(module).main(arguments))
"""


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ppw"))
    yield folder
    shutil.rmtree(folder)


def environ(home: Path) -> dict[str, str]:
    paths = [str(Path(__file__).parents[1])]
    return {
        **os.environ,
        "USERPROFILE": str(home),
        "PROPAINTER_RUNTIME_DIR": str(home / "run"),
        "PYTHONPATH": os.pathsep.join(paths),
    }


def run(home: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, module, *arguments]
    return subprocess.run(command, env=environ(home), capture_output=True, text=True, check=False, timeout=300)


def test_a_render_through_a_backend_on_loopback_equals_the_usual_one(home: Path) -> None:
    write_shot(home / "shot")
    shot = ["--plate", str(home / "shot/plate"), "--matte", str(home / "shot/matte"), "--frames", "2-4"]
    usual = [sys.executable, "-m", "propainter_backend.commands.remove", *shot, "--output", str(home / "usual")]
    subprocess.run(usual, env=environ(home), check=True, capture_output=True, timeout=300)

    alone = run(home, "propainter_backend.commands.remove", *shot, "--output", str(home / "alone"))
    assert alone.returncode == 0, alone.stderr

    command = [sys.executable, "-c", PROGRAM, "propainter_backend.commands.backend"]
    arguments = ["--device", "cpu", "--cache-dir", str(home / "cache"), "--parent-pid", str(os.getpid())]
    with (home / "log").open("wb") as log:
        daemon = subprocess.Popen([*command, *arguments], env=environ(home), stdout=log, stderr=log)
    try:
        while not (home / "run" / "daemon.json").exists():
            assert daemon.poll() is None, (home / "log").read_text()
        assert read_connection(home / "run" / "daemon.json").endpoint.startswith("tcp://127.0.0.1:")
        asked = run(home, "propainter_backend.commands.remove", *shot, "--backend", "--output", str(home / "asked"))
        assert asked.returncode == 0, asked.stderr + (home / "log").read_text()
        stopped = run(home, "propainter_backend.commands.backend", "stop")
        assert stopped.returncode == 0, stopped.stderr
        assert daemon.wait(60) == 0, (home / "log").read_text()
    finally:
        daemon.kill()
    for name in ("alone", "asked"):
        frames = sorted((home / name).glob("*.png"))
        assert len(frames) == 3
        for path in frames:
            np.testing.assert_array_equal(cv2.imread(str(path)), cv2.imread(str(home / "usual" / path.name)))
    assert not list((home / "run").glob("daemon.json"))
