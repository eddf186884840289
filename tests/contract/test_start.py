"""A client starts a backend: detached, in a clean environment, once, and says why when it cannot."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from propainter_wire.client import Client
from propainter_wire.connection import Connection, read_connection, write_connection
from propainter_wire.errors import BackendUnreachable
from propainter_wire.start import EXIT_ALREADY_RUNNING, find_command, start_daemon

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX processes")

DAEMON = f"""
import os, sys
from propainter_wire.connection import DaemonPlace, new_key
from propainter_wire.errors import AlreadyRunning
from propainter_wire.messages import Stop, Stopping
from propainter_wire.router import Facts, Request, Router
try:
    with DaemonPlace() as place:
        print("PYTHONHOME" in os.environ, os.getsid(0) == os.getpid(), os.getcwd() == str(place.directory), flush=True)
        key = new_key()
        with Router(key, Facts("0", "classical", "cpu")) as router:
            place.publish(router.bind(place.endpoint), key)
            while not any(isinstance(event, Request) and router.reply(event, Stopping(0)) for event in router.poll(1)):
                pass
except AlreadyRunning as error:
    print(error)
    sys.exit({EXIT_ALREADY_RUNNING})
"""
COMMAND = [sys.executable, "-c", DAEMON]


@pytest.fixture
def started(place: Path) -> Iterator[Path]:
    """A place whose backend is stopped afterwards."""
    yield place
    with Client.connect(place / "daemon.json") as client:
        client.stop()


def test_a_backend_is_started_detached_with_a_clean_environment(started: Path) -> None:
    environ = {**os.environ, "PYTHONHOME": "/nowhere", "LD_LIBRARY_PATH": "/nowhere"}
    connection = start_daemon(command=COMMAND, directory=started, environ=environ)
    assert connection == read_connection(started / "daemon.json") and connection.pid != os.getpid()
    assert (started / "daemon.log").read_text().splitlines()[0] == "False True True"
    assert (started / "daemon.log").stat().st_mode & 0o077 == 0
    with Client.connect(connection) as client:
        assert client.welcome.engine == "classical"


def test_clients_that_start_one_at_the_same_time_get_the_same(started: Path) -> None:
    found: list[Connection] = []
    threads = [
        threading.Thread(target=lambda: found.append(start_daemon(command=COMMAND, directory=started)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and len(set(found)) == 1


def test_a_dead_backend_s_file_is_not_mistaken_for_the_new_one_s(started: Path) -> None:
    stale = Connection(f"ipc://{started}/daemon.sock", bytes(32), os.getpid())
    write_connection(started / "daemon.json", stale)
    assert start_daemon(command=COMMAND, directory=started) != stale


def test_connecting_starts_a_backend_where_there_is_none(started: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = started / "backend.py"
    program.write_text(DAEMON)
    monkeypatch.setenv("PROPAINTER_BACKEND", f"{sys.executable} {program}")
    with pytest.raises(BackendUnreachable):
        Client.connect(started / "daemon.json")
    with Client.connect(started / "daemon.json", start=True) as client:
        client.ping()


def test_why_a_backend_does_not_start_is_told_in_its_own_words(place: Path) -> None:
    with pytest.raises(BackendUnreachable, match=r"exit code 3\): no graphics card at all"):
        start_daemon(command=[sys.executable, "-c", "print('no graphics card at all'); exit(3)"], directory=place)
    with pytest.raises(BackendUnreachable, match="cannot start"):
        start_daemon(command=[str(place / "missing")], directory=place)
    slow = [sys.executable, "-c", "import time; time.sleep(2)"]
    with pytest.raises(BackendUnreachable, match="did not come up within"):
        start_daemon(command=slow, directory=place, timeout_s=0.2)


def test_a_command_that_is_nowhere_names_where_it_was_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/nuke")
    with pytest.raises(BackendUnreachable, match="PROPAINTER_BACKEND"):
        find_command({"PATH": "/nowhere"})
    assert find_command({"PROPAINTER_BACKEND": "python -m 'my backend'"}) == ["python", "-m", "my backend"]


def test_an_open_quote_in_the_command_is_named() -> None:
    with pytest.raises(BackendUnreachable, match=r"leaves a quote open: 'my backend; close it"):
        find_command({"PROPAINTER_BACKEND": "'my backend"})
