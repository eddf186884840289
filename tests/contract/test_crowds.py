"""Crowds at the door: a backend with few descriptors lives through them, and a client waits for its turn."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import zmq
from recording_backend import FACTS, RecordingBackend
from thin_client import ThinClient

from propainter_wire.client import Client
from propainter_wire.connection import Connection
from propainter_wire.errors import BackendUnreachable, RemoteError
from propainter_wire.reception import sessions
from propainter_wire.router import Router

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets and limits of descriptors")

FEW = """
import resource, sys, threading
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
from propainter_wire.router import Facts, Router
is_over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
with Router(bytes(32), Facts("0", "classical", "cpu")) as router:
    print(router.bind(sys.argv[1]), flush=True)
    while not is_over.is_set():
        router.poll(0.1)
"""


def test_a_crowd_larger_than_the_limit_of_descriptors_neither_ends_a_backend_nor_locks_anybody_out(
    endpoint: str,
) -> None:
    command = [sys.executable, "-c", FEW, endpoint]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as backend:
        assert backend.stdout is not None and backend.stdin is not None
        connection = Connection(backend.stdout.readline().strip(), bytes(32), backend.pid)
        with contextlib.ExitStack() as crowd, Client.connect(connection, name="early") as early:
            for _ in range(400):
                crowd.enter_context(silent(connection.endpoint))
            for _ in range(3):
                with Client.connect(connection, name="late") as late:
                    late.ping()
            early.ping()
            assert backend.poll() is None
        with Client.connect(connection, name="after") as after:
            after.ping()
        backend.stdin.close()
        assert backend.wait(30) == 0


FLOOD = """
import contextlib, socket, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), held.clear(), is_over.set()), daemon=True).start()
held, is_over = [], threading.Event()
print("begins", flush=True)
while not is_over.wait(0.0005):
    with contextlib.suppress(OSError):
        caller = socket.socket(socket.AF_UNIX)
        caller.settimeout(1)
        caller.connect(sys.argv[1].removeprefix("ipc://"))
        held = [*held[-200:], caller]
"""


def test_processes_that_call_without_pause_drive_nobody_else_out(place: Path) -> None:
    with contextlib.ExitStack() as processes:

        def begin(script: str, *arguments: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", script, *arguments]
            started = processes.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            assert started.stdin is not None
            processes.callback(started.stdin.close)
            return started

        backend = begin(FEW, f"ipc://{place}/s")
        assert backend.stdout is not None
        connection = Connection(backend.stdout.readline().strip(), bytes(32), backend.pid)
        for _ in range(2):
            flood = begin(FLOOD, connection.endpoint)
            assert flood.stdout is not None and flood.stdout.readline() == "begins\n"
        for _ in range(6):
            with Client.connect(connection) as client:
                client.ping()
        assert backend.poll() is None


def test_four_thousand_hellos_that_nobody_reads_the_answers_to_lock_nobody_out(backend: RecordingBackend) -> None:
    with Client.connect(backend.connection, name="early") as early, contextlib.ExitStack() as crowd:
        early.ping()
        for _ in range(40):
            flood = crowd.enter_context(ThinClient(backend.connection.endpoint, backend.key))
            for _ in range(100):
                flood.send_parts(flood.parts("hello", {"client": "flood", "protocols": ["1.0"]}))
        with Client.connect(backend.connection, name="late") as late:
            late.ping()
        early.ping()


GREEDY = """
import sys
from pathlib import Path
from propainter_wire.client import Client
from propainter_wire.connection import Connection
connection = Connection(sys.argv[1], bytes.fromhex(sys.argv[2]), 0)
clients = [Client.connect(connection, name=f"greedy {i}") for i in range(4)]
for client in clients:
    client.ping()
print("all places taken", flush=True)
sys.stdin.read()
"""


def test_a_process_that_takes_every_place_locks_nobody_else_out(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 4)
    with RecordingBackend(f"ipc://{place}/s") as backend:
        command = [sys.executable, "-c", GREEDY, backend.connection.endpoint, backend.connection.key.hex()]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as greedy:
            assert greedy.stdin is not None and greedy.stdout is not None
            assert greedy.stdout.readline() == "all places taken\n"
            with Client.connect(backend.connection) as one, contextlib.ExitStack() as later:
                one.ping()
                later.enter_context(Client.connect(backend.connection)).ping()
                with pytest.raises(RemoteError, match="clients are connected already"):
                    Client.connect(backend.connection)  # the greedy one has no more than its half
                one.ping()
            greedy.stdin.close()


def test_who_looks_after_the_daemon_is_heard_when_every_place_is_taken(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 1)
    with RecordingBackend(endpoint) as backend, Client.connect(backend.connection) as working:
        working.ping()
        with contextlib.ExitStack() as crowd:
            for _ in range(3 * sessions.CARETAKERS):
                crowd.enter_context(Client.connect(backend.connection, name="propainter-backend status")).ping()
            assert backend.router.session_count == 1 + sessions.CARETAKERS
            working.ping()


def test_a_client_before_a_full_queue_waits_for_its_turn(place: Path) -> None:
    backlog = place / "full"
    with socket.socket(socket.AF_UNIX) as full, contextlib.ExitStack() as callers:
        full.bind(str(backlog))
        full.listen(0)
        while True:
            caller = callers.enter_context(socket.socket(socket.AF_UNIX))
            caller.setblocking(False)
            if caller.connect_ex(str(backlog)):
                break
        with RecordingBackend(f"ipc://{place}/s") as backend:
            came: list[bool] = []

            def call() -> None:
                address = Connection(f"ipc://{backlog}", backend.connection.key, os.getpid())
                with Client.connect(address, name="patient") as client:
                    client.ping()
                    came.append(True)

            calling = threading.Thread(target=call)
            calling.start()
            time.sleep(0.2)  # long enough for a first try
            (place / "s").replace(backlog)
            calling.join(30)
            assert came == [True]


def test_where_nobody_listens_a_client_is_told_at_once(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(place / "gone"))
    with pytest.raises(BackendUnreachable, match="nothing listens"):
        Client.connect(Connection(f"ipc://{place}/gone", bytes(32), os.getpid()))


def test_a_folder_that_takes_no_new_name_keeps_nobody_out(place: Path) -> None:
    """It is called otherwise for a while; a socket is reached by whatever it is called."""
    folder, elsewhere = place / "a", place / "b"
    folder.mkdir(mode=0o700)
    with RecordingBackend(f"ipc://{folder}/s") as backend, Client.connect(backend.connection) as early:
        folder.rename(elsewhere)
        for _ in range(3):
            with Client.connect(replace(backend.connection, endpoint=f"ipc://{elsewhere}/s")) as client:
                client.ping()
        elsewhere.rename(folder)
        for _ in range(3):
            with Client.connect(backend.connection) as client:
                client.ping()
        early.ping()


def test_what_lies_at_the_path_and_is_no_socket_is_left_alone(place: Path) -> None:
    (place / "film").write_text("precious")
    with Router(bytes(32), FACTS) as router, pytest.raises(zmq.ZMQError, match="in use"):
        router.bind(f"ipc://{place}/film")
    assert (place / "film").read_text() == "precious"


@contextlib.contextmanager
def silent(endpoint: str):
    """A connection that says nothing."""
    if endpoint.startswith("ipc://"):
        caller = socket.socket(socket.AF_UNIX)
        caller.connect(endpoint.removeprefix("ipc://"))
    else:
        caller = socket.create_connection(("127.0.0.1", int(endpoint.rsplit(":", 1)[1])))
    with caller:
        yield
