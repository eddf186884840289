"""A real daemon for a test: its own process, its own runtime directory and cache, real sockets.

Here: ``Daemon`` (start, stop, kill, who lives), ``TinyShot`` (frames for it, and what came of them). Not here: what is
promised (``test_daemon*.py``). Socket paths are short by themselves: not below pytest's directories.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from builders import RGB, MemoryPictures, box_matte, moving_plates
from propainter.classical import ClassicalEngine
from propainter.types import Settings
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame
from propainter_wire.client import Client, FrameResult
from propainter_wire.connection import Connection, read_connection
from propainter_wire.errors import BackendUnreachable
from propainter_wire.messages import Done, OpenShot, Progress

PATIENCE_S = 240.0
"""Until a test gives up: on a busy machine a worker alone needs half a minute to load its libraries."""


class Daemon:
    """A ``propainter-backend`` process. ``home`` holds runtime directory and cache, and outlives it."""

    def __init__(self, home: Path, *options: str, environ: dict[str, str] | None = None) -> None:
        self.home = home
        self.runtime = home / "run"
        self.cache = home / "cache"
        self.log = home / "log"
        self.options = options
        self.environ = {
            **os.environ,
            "PROPAINTER_RUNTIME_DIR": str(self.runtime),
            "XDG_DATA_HOME": str(home / "data"),  # no weights of this user's: the classical engine
            "XDG_CACHE_HOME": str(home / "xdg"),
            "OMP_NUM_THREADS": "1",
            **(environ or {}),
        }
        self.environ.pop("PROPAINTER_CONNECTION", None)
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "propainter_backend", "--cache-dir", str(self.cache), *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command beside the daemon, to its end."""
        return subprocess.run(
            self.command(*arguments), env=self.environ, capture_output=True, text=True, timeout=PATIENCE_S
        )

    def start(self) -> Daemon:
        """Start, and wait until it accepts connections."""
        with self.log.open("ab") as log:
            on = () if "--gpu" in self.options else ("--device", "cpu")
            self.process = subprocess.Popen(self.command(*on, *self.options), env=self.environ, stdout=log, stderr=log)
        wait_until(self.is_listening, lambda: self.log.read_text(errors="replace"))
        return self

    def is_listening(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log.read_text(errors="replace")
        try:
            return self.connection().pid == self.process.pid
        except BackendUnreachable:
            return False

    def connection(self) -> Connection:
        return read_connection(self.runtime / "daemon.json")

    def client(self, name: str = "test") -> Client:
        return Client.connect(self.connection(), name=name, timeout_s=PATIENCE_S)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def family(self) -> list[psutil.Process]:
        """Every process the daemon has started and that lives."""
        return psutil.Process(self.pid).children(recursive=True)

    def workers(self) -> list[psutil.Process]:
        """Worker processes: those that hold the pipe to the daemon and carry torch, or will."""
        return [child for child in self.family() if "resource_tracker" not in " ".join(_command_line(child))]

    def worker(self) -> psutil.Process:
        """The one worker, once there is one."""
        wait_until(self.workers, lambda: "no worker process appears")
        (worker,) = self.workers()
        return worker

    def terminate(self) -> int:
        """SIGTERM; returns the exit code."""
        return self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> int:
        assert self.process is not None
        family = self.family()
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        assert_gone(family)
        return code

    def said(self) -> str:
        return self.log.read_text(errors="replace")


@contextmanager
def home() -> Iterator[Path]:
    """A private folder with a short path."""
    path = Path(tempfile.mkdtemp(prefix="ppd"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def daemon(*options: str, at: Path | None = None, environ: dict[str, str] | None = None) -> Iterator[Daemon]:
    """A running daemon; at its end no process of it is left."""
    if at is None:
        with home() as path, daemon(*options, at=path, environ=environ) as running:
            yield running
        return
    running = Daemon(at, *options, environ=environ).start()
    try:
        yield running
    finally:
        assert running.process is not None
        if running.process.poll() is None:
            running.terminate()


def hold_still(process: psutil.Process) -> None:
    """Suspend a process, and wait until it is: on a busy machine its threads go on for a while."""
    process.suspend()
    tasks = Path(f"/proc/{process.pid}/task")
    if tasks.is_dir():
        wait_until(lambda: all(_state_of(task) == "T" for task in tasks.iterdir()), lambda: "it does not stop")


def _state_of(task: Path) -> str:
    try:
        return (task / "stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return "T"  # a thread that has ended


def assert_gone(processes: Sequence[psutil.Process]) -> None:
    """Every one of these ends by itself."""
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE_S)
    assert not alive


def wait_until(holds: Callable[[], object], said: Callable[[], str] = lambda: "") -> None:
    """Look until it holds; a test that waits for ever says why."""
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until, said()
        time.sleep(0.01)


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@dataclass
class Rendered:
    """What came of a render."""

    frames: dict[int, np.ndarray] = field(default_factory=dict)
    provisional: dict[int, np.ndarray] = field(default_factory=dict)
    order: list[tuple[int, bool]] = field(default_factory=list)
    """(frame, provisional) as they came."""
    progress: list[Progress] = field(default_factory=list)
    report: dict = field(default_factory=dict)

    def computed(self, stage: str) -> int:
        return self.report["stages"][stage]["computed"]


class TinyShot:
    """A sliding texture with a box to remove, as a client would offer it. ``seed`` makes its content one of its own."""

    def __init__(self, count: int = 6, *, size: tuple[int, int] = (48, 32), first: int = 1001, seed: int = 0) -> None:
        self.first, self.size = first, size
        self.cleans: dict[int, np.ndarray] = {}
        self.plates = [frame.pixels for frame in moving_plates(count, size=size)]
        grain = np.random.default_rng(seed)
        for plate in self.plates:  # two frames never show the very same pixel, and two shots no equal frame
            plate[:] = np.clip(plate + grain.integers(-4, 5, plate.shape), 0, 255)
        full = np.float32(1 - seed / 4096)
        self.mattes = [
            full * box_matte(size, left=size[0] // 3 + i % 7, top=size[1] // 3)[..., None] for i in range(count)
        ]
        for plate, matte in zip(self.plates, self.mattes, strict=True):
            plate[matte[..., 0] > 0] = (250, 20, 20)  # what is to be removed

    @property
    def frames(self) -> list[int]:
        return list(range(self.first, self.first + len(self.plates)))

    def plate(self, frame: int) -> np.ndarray:
        return self.plates[frame - self.first]

    def matte(self, frame: int) -> np.ndarray:
        return self.mattes[frame - self.first]

    def clean(self, frame: int) -> np.ndarray | None:
        return self.cleans.get(frame)

    def edit(self, frame: int, *, left: int = 40) -> None:
        """Change a few pixels of one frame's matte."""
        matte = self.mattes[frame - self.first].copy()
        matte[20:23, left : left + 3] = matte.max()
        self.mattes[frame - self.first] = matte

    def expected(self, frames: Sequence[int] | None = None, **settings: int) -> Rendered:
        """The same shot rendered here, without daemon, worker, wire or disk."""
        pictures = MemoryPictures(
            [Frame(plate, RGB, number=self.first + i) for i, plate in enumerate(self.plates)],
            [matte[..., 0] for matte in self.mattes],
            {frame - self.first: Frame(clean, tuple("RGBA"[: clean.shape[2]])) for frame, clean in self.cleans.items()},
        )
        shot = Shot(pictures, WorkingSpace.AUTO, Settings(**settings), self.size, match_grain=1.0)
        renderer = ShotRenderer(shot, ClassicalEngine(), ShotCache(None, memory_budget=1 << 30))
        wanted = self.frames if frames is None else frames
        return Rendered({frame: run_to_end(renderer.frame(frame - self.first)).pixels for frame in wanted})

    def open(self, client: Client, **settings: object) -> str:
        width, height = self.size
        last = self.first + len(self.plates) - 1
        return client.open_shot(OpenShot(self.first, last, width, height, 3, "uint8", settings=settings)).shot

    def render(self, client: Client, shot: str, frames: Sequence[int] | None = None, **how: object) -> Rendered:
        """Offer what it takes, render, collect."""
        frames = self.frames if frames is None else list(frames)
        client.prepare(shot, frames, self)
        return collect(client.render(shot, frames, **how))  # type: ignore[arg-type]

    def assert_removed(self, rendered: Rendered) -> None:
        """Outside the matte's neighbourhood the very plate; inside something else."""
        for frame, pixels in rendered.frames.items():
            touched = np.zeros(pixels.shape[:2], bool)
            rows, columns, _ = np.nonzero(self.matte(frame))
            touched[max(0, rows.min() - 9) : rows.max() + 10, columns.min() - 9 : columns.max() + 10] = True
            assert np.array_equal(pixels[~touched], self.plate(frame)[~touched])
            assert not np.array_equal(pixels[touched], self.plate(frame)[touched])


def collect(events: Iterator[object], into: Rendered | None = None) -> Rendered:
    """Everything a job said."""
    rendered = into or Rendered()
    for event in events:
        if isinstance(event, FrameResult):
            rendered.order.append((event.frame, event.provisional))
            (rendered.provisional if event.provisional else rendered.frames)[event.frame] = event.pixels
        elif isinstance(event, Progress):
            rendered.progress.append(event)
        elif isinstance(event, Done):
            rendered.report = dict(event.report)
    return rendered


def assert_same(one: Rendered, other: Rendered) -> None:
    """The same frames, bit for bit."""
    assert one.frames.keys() == other.frames.keys()
    for frame, pixels in one.frames.items():
        assert np.array_equal(pixels, other.frames[frame]), f"frame {frame} differs"
