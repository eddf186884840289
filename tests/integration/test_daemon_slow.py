"""What only shows over time: two hundred kills, a thousand frames. Each prints its figures (``pytest -s``)."""

from __future__ import annotations

import random
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from daemon_harness import Daemon, Rendered, TinyShot, assert_same, daemon, home, wait_until

from propainter_backend.render.shot_cache import ShotCache
from propainter_wire.client import FrameResult
from propainter_wire.errors import BackendDied
from propainter_wire.messages import Done

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals and sockets of POSIX"),
    pytest.mark.timeout(3600),
]

KILLS = 200
SOAK_FRAMES = 1000


def test_two_hundred_kills_lose_and_corrupt_nothing():
    """Worker and daemon in turn, at any moment of a render; every render is asked for until it is there."""
    dice = random.Random(1)
    shot = TinyShot(4, seed=301)
    began, sorts = time.monotonic(), {"worker": 0, "daemon": 0}
    with home() as folder, daemon(at=folder) as running:
        for kill in range(KILLS):
            target = ("worker", "daemon")[kill % 2]
            one_kill(running, shot, target, dice)
            sorts[target] += 1
            if kill % 20 == 19:
                assert_sound(running.cache)
        assert "does not verify" not in running.said() and "Traceback" not in running.said()
    assert not list(Path("/dev/shm").glob("ppb-*"))
    print(f"{KILLS} kills in {time.monotonic() - began:.0f} s: {sorts}")


def one_kill(running: Daemon, shot: TinyShot, target: str, dice: random.Random) -> None:
    """Edit and render, again and again, until the kill has struck; then see that everything is right."""
    with running.client() as client:
        opened = shot.open(client)
        victim = running.worker() if target == "worker" else psutil.Process(running.pid)
        timer = threading.Timer(dice.uniform(0, 0.5), victim.kill)
        timer.start()
        try:
            while timer.is_alive():
                shot.edit(dice.choice(shot.frames), left=dice.randrange(14, 40))
                rendered = shot.render(client, opened, priority="final")
            assert_same(rendered, shot.expected())
        except BackendDied:
            assert target == "daemon"
        timer.join()
    if target == "daemon":
        assert running.process is not None
        running.process.wait(30)
        running.start()
    with running.client() as client:
        assert_same(shot.render(client, shot.open(client), priority="final"), shot.expected())


def assert_sound(folder: Path) -> None:
    for root in (folder / "content", folder / "artifacts"):
        cache = ShotCache(root, memory_budget=0)
        keys = [path.stem for path in root.glob("??/*.safetensors")]
        assert keys and all(cache.load(key) is not None for key in keys)


def test_a_thousand_frames_take_no_more_memory_than_two_hundred():
    """One long shot frame by frame; caches are bounded low, so that what grows is a leak."""
    shot = TinyShot(SOAK_FRAMES, seed=302)
    figures: dict[int, tuple[float, float]] = {}
    with daemon("--memory", "0.02") as running, running.client() as client:
        opened = shot.open(client, chunk_length=12)
        began = time.monotonic()
        client.prepare(opened, shot.frames, shot)
        worker = running.worker()
        rendered = Rendered()
        for event in client.render(opened, shot.frames, priority="final"):
            if isinstance(event, FrameResult):
                rendered.frames[event.frame] = event.pixels
                if len(rendered.frames) % 200 == 0:
                    sizes = (psutil.Process(running.pid).memory_info().rss, worker.memory_info().rss)
                    figures[len(rendered.frames)] = (sizes[0] / 2**20, sizes[1] / 2**20)
            elif isinstance(event, Done):
                rendered.report = dict(event.report)
        print(f"{SOAK_FRAMES} frames in {time.monotonic() - began:.0f} s")
        for count, (ours, workers) in figures.items():
            print(f"after {count:4d} frames: daemon {ours:.1f} MB, worker {workers:.1f} MB")
        shot.assert_removed(rendered)
        assert len(rendered.frames) == SOAK_FRAMES
        for index in (0, 1):
            assert figures[SOAK_FRAMES][index] <= 1.05 * figures[200][index]
        wait_until(lambda: running.worker().pid == worker.pid)
