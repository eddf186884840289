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

from propainter_wire.client import Client
from propainter_wire.connection import Connection
from propainter_wire.errors import BackendUnreachable
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
