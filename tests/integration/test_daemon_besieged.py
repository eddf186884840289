"""A daemon among clients that mean harm, and on machines that run out: it goes on, and nothing of anybody's is lost."""

from __future__ import annotations

import os
import resource
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from daemon_harness import PATIENCE_S, Daemon, TinyShot, assert_same, daemon, home, wait_until

from propainter_wire.messages import OpenShot, ShotOpened


@pytest.mark.slow
def test_two_thousand_silent_connections_neither_end_the_daemon_nor_lock_anybody_out():
    """Twice what the usual soft limit lets a process have open; whoever was in goes on working meanwhile."""
    shot = TinyShot()
    expected = shot.expected()
    _, most = usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < 4096:
        pytest.skip("this machine lets nobody have so many connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, most))
    try:
        with daemon() as running, running.client() as client:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            handle = shot.open(client)
            crowd = _crowd(running, 2000)
            try:
                assert len(crowd) == 2000
                assert_same(shot.render(client, handle), expected)
                assert running.run("status").returncode == 0
            finally:
                for each in crowd:
                    each.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)


class Poor(Daemon):
    """A daemon that may have 1024 descriptors and can get no more."""

    def command(self, *arguments: str) -> list[str]:
        return ["/bin/sh", "-c", 'ulimit -n 1024 && exec "$@"', "sh", *super().command(*arguments)]


GREETING = bytes.fromhex("ff00000000000000007f0300") + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0"


@pytest.mark.slow
@pytest.mark.parametrize("words", [b"", GREETING + READY], ids=["silent", "polite"])
@pytest.mark.parametrize("endpoint", [(), ("--endpoint", "tcp://127.0.0.1:*")], ids=["local", "tcp"])
def test_three_thousand_connections_of_nobody_do_not_end_a_daemon_with_a_thousand_descriptors(endpoint, words):
    """Neither those that say nothing at all nor those that shake hands and then say nothing; ours are served all along."""
    shot = TinyShot()
    expected = shot.expected()
    _, most = usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < 4096:
        pytest.skip("this machine lets nobody have so many connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, most))
    with home() as path:
        running = Poor(path, *endpoint).start()
        crowd: list[socket.socket] = []
        try:
            assert resource.prlimit(running.pid, resource.RLIMIT_NOFILE)[0] == 1024
            with running.client("early") as early:
                handle = shot.open(early)
                for _ in range(3):
                    crowd += _crowd(running, 1000, words)
                    with running.client("in the middle") as another:
                        assert_same(shot.render(another, shot.open(another)), expected)
                assert len(crowd) == 3000
                assert_same(shot.render(early, handle), expected)
                assert running.run("status").returncode == 0
                for each in crowd:
                    each.close()
                assert_same(shot.render(early, handle), expected)
            assert running.run("stop").returncode == 0
            assert running.process is not None and running.process.wait(PATIENCE_S) == 0
            assert sorted(each.name for each in running.runtime.iterdir()) == ["daemon.lock"]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, usual)
            for each in crowd:
                each.close()
            if running.process is not None and running.process.poll() is None:
                running.kill()


@pytest.mark.slow
def test_a_worker_that_cannot_be_started_is_tried_again_until_it_can():
    """No descriptor is left for its pipe: a real limit, lowered and raised on the living daemon."""
    shot = TinyShot()
    expected = shot.expected()
    with daemon() as running:
        running.worker()
        with running.client() as client:
            shot.render(client, shot.open(client))
        usual = resource.prlimit(running.pid, resource.RLIMIT_NOFILE)
        in_use = len(list((_proc(running) / "fd").iterdir()))
        resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (in_use, usual[1]))
        running.worker().kill()
        wait_until(lambda: running.said().count("cannot be started") >= 2, running.said)
        resource.prlimit(running.pid, resource.RLIMIT_NOFILE, usual)
        wait_until(running.workers, running.said)
        with running.client() as client:
            assert_same(shot.render(client, shot.open(client)), expected)


@pytest.mark.slow
def test_questions_about_very_long_shots_do_not_keep_others_waiting():
    """Six of 20,000 frames, each with settings of its own: five times what there are threads to think about them."""
    shot = TinyShot()
    expected = shot.expected()
    with daemon() as running, running.client("long films") as long, running.client("a shot") as client:
        assert_same(shot.render(client, shot.open(client)), expected)
        asked = [
            long._link.send(OpenShot(1, 20_000, 48, 32, 3, "uint8", settings={"chunk_length": 40 + i}))
            for i in range(6)
        ]
        assert_same(shot.render(client, shot.open(client, grow=5)), shot.expected(grow=5))
        assert client.status().memory["kept"]["questions"] > 0, "those are still being thought about"
        assert all(isinstance(each.next(PATIENCE_S).message, ShotOpened) for each in asked[:2])


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o770, 0o701])
def test_a_cache_folder_open_to_others_is_refused_and_doctor_says_so(mode):
    with home() as path:
        run = Daemon(path)
        run.cache.mkdir()
        run.cache.chmod(mode)
        refused = run.run("--device", "cpu")
        assert refused.returncode == 2
        assert str(run.cache) in refused.stderr and "chmod" in refused.stderr
        examined = run.run("doctor")
        assert f"FIX  cache {run.cache}" in examined.stdout and "chmod" in examined.stdout


def test_a_cache_folder_whose_room_is_a_link_is_refused():
    with home() as path:
        run = Daemon(path)
        run.cache.mkdir(mode=0o700)
        (path / "elsewhere").mkdir(mode=0o700)
        (run.cache / "content").symlink_to(path / "elsewhere")
        refused = run.run("--device", "cpu")
        assert refused.returncode == 2 and "link" in refused.stderr


def test_status_tells_each_client_its_own_names_and_those_that_want_to_be_steered():
    with daemon() as running, running.client("mine") as mine, running.client("other") as other:
        for client, name, follow in ((mine, "secret film", False), (other, "steered", True)):
            client.open_shot(OpenShot(1, 3, 48, 32, 3, "uint8", name=name, follow=follow))
        assert {(shot.name, shot.client) for shot in mine.status().shots} == {
            ("secret film", "mine"),
            ("steered", "other"),
        }
        assert {(shot.name, shot.client) for shot in other.status().shots} == {("", ""), ("steered", "other")}


def test_what_a_name_says_to_terminals_is_not_obeyed():
    shot = TinyShot(40)
    with daemon() as running, running.client("x") as client:
        width, height = shot.size
        last = shot.first + 39
        name = "\x1b]0;owned\x07\x1b[2Jname"
        opened = client.open_shot(OpenShot(shot.first, last, width, height, 3, "uint8", name=name, follow=True))
        client.prepare(opened.shot, shot.frames, shot)
        job = client.render(opened.shot, shot.frames)
        next(iter(job))
        said = running.run("status")
        assert "jobs 1" in said.stdout and "2Jname" in said.stdout
        assert "\x1b" not in said.stdout and "\x07" not in said.stdout


def test_clearing_results_keeps_flow_and_clearing_flow_keeps_results():
    shot = TinyShot()
    with daemon() as running, running.client() as client:
        handle = shot.open(client)
        first = shot.render(client, handle)
        assert sum(client.clear_cache(kind).freed_bytes for kind in ("completion", "propagation", "painting")) > 0
        client.clear_cache("composite")
        again = shot.render(client, handle)
        assert again.computed("flow") == 0 and again.computed("painting") > 0
        assert client.clear_cache("flow").freed_bytes > 0
        client.clear_cache("composite")  # finished frames
        third = shot.render(client, handle)
        assert third.computed("painting") == 0
        assert_same(first, again)
        assert_same(first, third)


SHORTENS = """
import os, sys
from pathlib import Path
import propainter_wire.client.memory as memory
from daemon_harness import TinyShot
from propainter_wire.client import Client
from propainter_wire.connection import read_connection

connection, cuts = read_connection(Path(sys.argv[1])), 0

def copy_and_cut(target, source, copy=memory.copy):
    global cuts
    copy(target, source)
    for entry in Path(f"/proc/{connection.pid}/fd").iterdir():
        if "/ppb-" in os.readlink(entry):
            os.truncate(entry, 4096)
            cuts += 1

memory.copy = copy_and_cut
shot = TinyShot(2, size=(2048, 1408))
with Client.connect(connection, name="shortens") as client:
    client.prepare(shot.open(client), shot.frames, shot)
print("cut", cuts)
"""


def test_a_client_that_shortens_what_it_shares_costs_nobody_anything():
    """Between the copy and the put, with the daemon's own descriptor: what was sent goes inline then."""
    with daemon() as running, running.client("honest") as honest:
        said = subprocess.run(
            [sys.executable, "-c", SHORTENS, str(running.runtime / "daemon.json")],
            capture_output=True, text=True, timeout=PATIENCE_S, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert said.returncode == 0, said.stderr
        assert said.stdout == "cut 1\n"
        assert running.process is not None and running.process.poll() is None
        assert honest.status().pid == running.pid


def _proc(running: Daemon) -> Path:
    return Path(f"/proc/{running.pid}")


def _crowd(running: Daemon, count: int, words: bytes = b"") -> list[socket.socket]:
    """Connections that never say more than this, as many as can be had."""
    endpoint = running.connection().endpoint
    crowd = []
    for _ in range(count):
        each = socket.socket(socket.AF_UNIX if endpoint.startswith("ipc://") else socket.AF_INET)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 2, 0))
        crowd.append(each)
        try:
            if endpoint.startswith("ipc://"):
                each.connect(endpoint.removeprefix("ipc://"))
            else:
                each.connect(("127.0.0.1", int(endpoint.rsplit(":", 1)[1])))
            each.sendall(words)
        except OSError:  # nobody listens any more, or nobody accepts
            break
    return crowd
