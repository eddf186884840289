"""A daemon on a machine without room: a full disk under its cache, hardly any shared memory. No picture is lost, and the
fault is named.

The limits are real: small file systems of their own, mounted where only the test sees them (a namespace of mounts).
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from daemon_harness import PATIENCE_S

SMALL = 'mount -t tmpfs -o size=$1,mode=0700 none "$2" && shift 2 && exec "$@"'
"""A file system of this size there, for the rest of the command."""


@cache
def may_mount() -> bool:
    """Whether this machine lets a user have a namespace of mounts."""
    command = ["unshare", "-rm", "sh", "-c", SMALL, "sh", "1m", "/mnt", "true"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


pytestmark = pytest.mark.skipif(not may_mount(), reason="this machine lets nobody mount a file system of his own")


def run_with(size: str, where: Path, script: str, *arguments: str) -> str:
    """What a script says that sees a file system of this size there."""
    said = subprocess.run(
        ["unshare", "-rm", "sh", "-c", SMALL, "sh", size, str(where), sys.executable, "-c", script, *arguments],
        capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    return said.stdout


FULL_DISK = """
import sys
from pathlib import Path
from daemon_harness import TinyShot, assert_same, daemon

home = Path(sys.argv[1])
shot = TinyShot(8, size=(128, 96))
expected = shot.expected()
with daemon("--memory", "0.001", at=home) as running, running.client() as client:
    for _ in range(2):
        assert_same(shot.render(client, shot.open(client)), expected)
    for note in client.status().notes:
        print(note)
    files = [path for path in home.joinpath("cache").rglob("*") if path.is_file()]
    assert not any(path.suffix == ".tmp" for path in files)
"""


@pytest.mark.slow  # most of a minute; test_daemon_survives.py fills a disk every day
def test_a_full_disk_under_the_cache_costs_no_picture_and_is_named(tmp_path):
    """128 kB for frames of more than 600, and memory for less than half of them."""
    (tmp_path / "cache").mkdir(mode=0o700)
    said = run_with("128k", tmp_path / "cache", FULL_DISK, str(tmp_path))
    for folder in ("content", "artifacts"):
        assert f"cache in {tmp_path}/cache/{folder} cannot be written (No space left on device)" in said
    assert "make room there" in said


LITTLE_SHARED_MEMORY = """
import os
import numpy as np
from daemon_harness import collect, daemon
from propainter_wire.messages import FrameContent, Have, Need, OpenShot

width, height = 2048, 1536
matte = np.zeros((height, width, 1), np.uint8)
matte[:8, :8] = 255
with daemon() as running:
    clients = [running.client(str(i)) for i in range(8)]
    for client in clients:
        plates = [np.full((height, width, 3), i + 1, np.uint8) for i in range(2)]
        shot = client.open_shot(OpenShot(1, 2, width, height, 3, "uint8")).shot
        digests = [client.put(shot, "plate", plate) for plate in plates]
        grown = client.put(shot, "matte", matte)
        client.ask(Have(shot, tuple(FrameContent(i + 1, digest, grown) for i, digest in enumerate(digests))), Need)
        holes = collect(client.render(shot, [1, 2], output="hole", dtype="float32")).frames
        assert sorted(holes) == [1, 2] and holes[1][4, 4] == 1 and holes[1][100, 100] == 0
    there = os.statvfs("/dev/shm")
    print("left", there.f_bavail * there.f_frsize >> 20)
    for client in clients:
        client.close()
"""


def test_where_shared_memory_is_small_frames_that_do_not_fit_go_by_the_socket():
    """64 MB, as containers have it, for eight clients that want 36 each."""
    said = run_with("64m", Path("/dev/shm"), LITTLE_SHARED_MEMORY)
    assert said.startswith("left ") and int(said.split()[1]) < 9, "it was used as far as it goes"
