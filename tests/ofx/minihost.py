"""Running propainter-minihost, here or under Wine, on pictures in a folder.

Here: pictures to files and back, the command line. Not here: what is asked of it (``test_minihost.py``,
``test_node_under_wine.py``).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from fake_daemon import FakeDaemon
from node_fixtures import Shot, make_shot

from propainter_wire import messages as m
from propainter_wire.connection import read_connection
from propainter_wire.router import Request, Router

TCP = "tcp://127.0.0.1:*"
"""Where a daemon listens that a program on Windows has to reach."""

DEPTHS = {"float": "float32", "half": "float16", "short": "uint16", "byte": "uint8"}


def in_depth(pictures: np.ndarray, depth: str) -> np.ndarray:
    """Numbers in 0..1 in one of OpenFX's depths."""
    dtype = np.dtype(DEPTHS[depth])
    if dtype.kind == "f":
        return pictures.astype(dtype)
    return np.floor(pictures.clip(0, 1) * np.iinfo(dtype).max + 0.5).astype(dtype)


@dataclass(frozen=True)
class RawShot:
    """A shot as raw files: plate.####.raw (RGB or RGBA), matte.####.raw, clean.####.raw."""

    folder: Path
    plate: np.ndarray
    """(t, h, w, c)"""
    depth: str
    first: int

    @staticmethod
    def write(folder: Path, shot: Shot, depth: str) -> RawShot:
        plate, matte = in_depth(shot.plate, depth), in_depth(shot.matte, depth)
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(len(plate)):
            plate[index].tofile(folder / f"plate.{shot.first + index:04d}.raw")
            matte[index].tofile(folder / f"matte.{shot.first + index:04d}.raw")
            plate[::-1][index].tofile(folder / f"clean.{shot.first + index:04d}.raw")
        return RawShot(folder, plate, depth, shot.first)

    def result(self, folder: Path, frame: int, *, shape: tuple[int, ...] | None = None) -> np.ndarray:
        """One picture the minihost wrote."""
        pixels = np.fromfile(folder / f"{frame:04d}.raw", DEPTHS[self.depth])
        return pixels.reshape(shape or self.plate.shape[1:])


@dataclass(frozen=True)
class Running:
    """The command at work. Its output goes to files: Wine's own programs, which live on, would keep pipes open."""

    process: subprocess.Popen[bytes]
    out: IO[bytes]
    err: IO[bytes]

    def finish(self, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Wait for its end."""
        try:
            self.process.wait(timeout_s)
        finally:
            self.process.kill()
            self.process.wait()
            words = [self._read(file) for file in (self.out, self.err)]
        return subprocess.CompletedProcess(self.process.args, self.process.returncode, *words)

    @staticmethod
    def _read(file: IO[bytes]) -> str:
        with file:
            file.seek(0)
            return file.read().decode("utf-8").replace("\r\n", "\n")


@dataclass(frozen=True)
class Minihost:
    """The command, and how it is started."""

    command: tuple[str, ...]
    bundle: Path
    environment: tuple[tuple[str, str], ...] = ()
    is_windows: bool = False

    def path(self, path: Path) -> str:
        """A path of this machine as the command knows it: under Wine, Z: is the root."""
        return "Z:" + str(path).replace("/", "\\") if self.is_windows else str(path)

    def start(self, *arguments: str, environment: dict[str, str] | None = None) -> Running:
        """Start it on the node."""
        every = {**os.environ, **dict(self.environment), **(environment or {})}
        command = [*self.command, "--plugin", self.path(self.bundle), *arguments]
        out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - closed by finish
        return Running(subprocess.Popen(command, env=every, stdin=subprocess.DEVNULL, stdout=out, stderr=err), out, err)

    def run(
        self, *arguments: str, environment: dict[str, str] | None = None, timeout_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return self.start(*arguments, environment=environment).finish(timeout_s)

    def shot(self, shot: RawShot, output: Path, *more: str, frames: str = "5") -> list[str]:
        """The arguments that render frames of a shot into a folder."""
        height, width = shot.plate.shape[1:3]
        pictures = {"--source": shot.folder / "plate.####.raw", "--mask": shot.folder / "matte.####.raw"}
        named = [word for name, path in pictures.items() for word in (name, self.path(path))]
        raw = ["--raw", f"{width}x{height}:{shot.depth}", "--frames", frames]
        return [*named, "--output", self.path(output / "####.raw"), *raw, *more]


def params(**values: object) -> Sequence[str]:
    """``--param`` for each."""
    return [word for name, value in values.items() for word in ("--param", f"{name}={value}")]


class HoldsUpTheSecond(FakeDaemon):
    """Answers its first render at once, and the next when the gate is open."""

    def __init__(self, directory: Path, *, endpoint: str) -> None:
        super().__init__(directory, endpoint=endpoint)
        self.gate = threading.Event()

    def _render(self, router: Router, request: Request, render: m.Render) -> None:
        if self.renders:
            self.behaviour.may_finish = self.gate
        super()._render(router, request, render)


def check_unloading_hangs_up(minihost: Minihost, runtime: Path, tmp_path: Path) -> None:
    """Two rounds; the second is held up until the first one's connection is gone."""
    shot = RawShot.write(tmp_path / "in", make_shot(), "float")
    with HoldsUpTheSecond(runtime, endpoint=TCP) as daemon:
        running = minihost.start("--rounds", "2", *minihost.shot(shot, tmp_path / "out"))
        daemon.wait_until(lambda: len(daemon.renders) == 2, "no second render came")
        port = int(read_connection(runtime / "daemon.json").endpoint.rpartition(":")[2])
        daemon.wait_until(lambda: connections_to(port) == 1, "the first round's connection is still open")
        daemon.gate.set()
        done = running.finish()
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("frame 5:") == 2


def connections_to(port: int) -> int:
    """How many clients are connected to a port of this machine."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    facts = [line.split() for line in lines]
    return sum(int(local.rpartition(":")[2], 16) == port and state == "01" for _, local, _, state, *_ in facts)
