"""The connection file and its directory are read only if nobody else can have touched them."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from propainter_wire import connection
from propainter_wire.connection import (
    Connection,
    DaemonPlace,
    check_endpoint,
    connection_path,
    is_loopback,
    make_private_directory,
    new_key,
    read_connection,
    runtime_directory,
    write_connection,
)
from propainter_wire.errors import AlreadyRunning, BackendUnreachable, ProtocolMismatch, UnsafeConnection
from propainter_wire.start import clean_environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="mode bits mean nothing there")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    directory = tmp_path / "run"
    make_private_directory(directory)
    return directory


@pytest.fixture
def written(home: Path) -> Path:
    path = home / "daemon.json"
    write_connection(path, Connection("ipc:///run/d.sock", new_key(), 42))
    return path


def rewrite(path: Path, **changes: object) -> None:
    fields = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps(fields))


def test_what_is_written_is_read_back_and_only_its_owner_may_read_it(home: Path) -> None:
    connection = Connection("tcp://127.0.0.1:5555", new_key(), 42, server_key="k" * 40)
    write_connection(home / "daemon.json", connection)
    assert read_connection(home / "daemon.json") == connection
    assert (home / "daemon.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.iterdir()] == ["daemon.json"]


def test_the_file_is_flat_ascii_json_without_escapes_for_readers_without_a_json_library(written: Path) -> None:
    text = written.read_bytes().decode("ascii")
    assert "\\" not in text
    assert all(isinstance(value, (str, int)) for value in json.loads(text).values())


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o601])
def test_a_file_open_to_others_is_refused(written: Path, mode: int) -> None:
    written.chmod(mode)
    with pytest.raises(UnsafeConnection, match="open to others"):
        read_connection(written)


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o777])
def test_a_directory_open_to_others_is_refused_and_not_repaired(written: Path, mode: int) -> None:
    written.parent.chmod(mode)
    with pytest.raises(UnsafeConnection, match="open to others"):
        read_connection(written)
    with pytest.raises(UnsafeConnection):
        make_private_directory(written.parent)
    assert written.parent.stat().st_mode & 0o777 == mode


def test_links_in_place_of_file_or_directory_are_refused(written: Path, tmp_path: Path) -> None:
    linked_directory = tmp_path / "linked"
    linked_directory.symlink_to(written.parent)
    with pytest.raises(UnsafeConnection, match="not a directory"):
        read_connection(linked_directory / "daemon.json")
    linked_file = written.with_name("linked.json")
    linked_file.symlink_to(written)
    with pytest.raises(UnsafeConnection):
        read_connection(linked_file)


def test_a_pipe_in_place_of_the_file_is_refused_and_not_waited_for(home: Path) -> None:
    os.mkfifo(home / "daemon.json", 0o600)
    with pytest.raises(UnsafeConnection, match="not a regular file"):
        read_connection(home / "daemon.json")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_another_user_is_refused(written: Path) -> None:
    os.chown(written, 65534, 65534)
    with pytest.raises(UnsafeConnection, match="belongs to user 65534"):
        read_connection(written)
    os.chown(written, 0, 0)
    os.chown(written.parent, 65534, 65534)
    with pytest.raises(UnsafeConnection, match="belongs to user 65534"):
        read_connection(written)


@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": "other"},
        {"key": "00"},
        {"key": "G" * 64},
        {"key": 5},
        {"pid": "7"},
        {"pid": True},
        {"server_key": "short"},
        {"endpoint": "ipc://@abstract"},
        {"endpoint": "tcp://localhost:1"},
        {"endpoint": "ipc://" + "/x" * 60},
        {"note": "x" * 5000},
    ],
)
def test_a_file_that_makes_no_sense_is_refused(written: Path, changes: dict[str, object]) -> None:
    rewrite(written, **changes)
    with pytest.raises(UnsafeConnection):
        read_connection(written)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 4000, b"null"])
def test_noise_in_the_file_is_refused(written: Path, content: bytes) -> None:
    written.write_bytes(content)
    with pytest.raises(UnsafeConnection):
        read_connection(written)


def test_another_major_version_is_named_and_another_minor_is_none_of_the_file_s_business(written: Path) -> None:
    rewrite(written, version="1.9", future="field")
    assert read_connection(written).version == "1.9"
    rewrite(written, version="2.0")
    with pytest.raises(ProtocolMismatch, match=r"2\.0"):
        read_connection(written)


def test_no_file_means_no_backend(home: Path, tmp_path: Path) -> None:
    for path in (home / "daemon.json", tmp_path / "nowhere" / "daemon.json"):
        with pytest.raises(BackendUnreachable, match="no backend is running") as caught:
            read_connection(path)
        assert not isinstance(caught.value, UnsafeConnection)


def test_where_the_daemon_lives_follows_the_environment_and_ignores_relative_paths(tmp_path: Path) -> None:
    assert runtime_directory({"XDG_RUNTIME_DIR": str(tmp_path)}) == tmp_path / "propainter"
    assert runtime_directory({"XDG_RUNTIME_DIR": str(tmp_path), "PROPAINTER_RUNTIME_DIR": "/p"}) == Path("/p")
    fallback = Path(f"/tmp/propainter-{os.getuid()}")
    assert (
        runtime_directory({}) == runtime_directory({"XDG_RUNTIME_DIR": "r", "PROPAINTER_RUNTIME_DIR": "p"}) == fallback
    )
    assert connection_path({"XDG_RUNTIME_DIR": str(tmp_path)}) == tmp_path / "propainter" / "daemon.json"
    assert connection_path({"PROPAINTER_CONNECTION": "/x/y.json"}) == Path("/x/y.json")


def test_a_session_folder_that_is_not_this_users_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """su and sudo keep the other user's; cron and containers name one that is not there."""
    fallback = Path(f"/tmp/propainter-{os.getuid()}")
    long = tmp_path / ("x" * 90)
    long.mkdir()
    (tmp_path / "file").touch()
    for named in (tmp_path / "missing", tmp_path / "file", long):
        assert runtime_directory({"XDG_RUNTIME_DIR": str(named)}) == fallback
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    assert runtime_directory({"XDG_RUNTIME_DIR": str(tmp_path)}) == fallback


def test_a_folder_that_cannot_be_made_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnsafeConnection, match=r"cannot be made.*name another in PROPAINTER_RUNTIME_DIR"):
        make_private_directory(tmp_path / "file" / "below")


@pytest.mark.parametrize(
    ("endpoint", "loopback"),
    [
        ("ipc:///a/b", True),
        ("tcp://127.0.0.1:*", True),
        ("tcp://127.9.9.9:1", True),
        ("tcp://127.0.0.1:65535", True),
        ("tcp://[::1]:5", True),
        ("tcp://0.0.0.0:5", False),
        ("tcp://192.168.1.2:5", False),
        ("tcp://[::]:5", False),
    ],
)
def test_which_addresses_only_this_machine_can_reach(endpoint: str, loopback: bool) -> None:
    assert is_loopback(endpoint) is loopback


@pytest.mark.parametrize(
    "endpoint",
    ["ipc://@name", "ipc://relative", "ipc://*", "tcp://*:5", "tcp://eth0:5", "tcp://localhost:5", "tcp://127.0.0.1",
     "tcp://1.2.3:4", "tcp://999.1.1.1:4", "tcp://127.0.0.1:65536", "inproc://x", "", "ipc:///" + "x" * 103],
)  # fmt: skip
def test_addresses_that_mean_more_than_they_say_are_refused(endpoint: str) -> None:
    with pytest.raises(UnsafeConnection):
        check_endpoint(endpoint)


def test_an_ipc_path_of_exactly_the_limit_is_fine() -> None:
    check_endpoint("ipc:///" + "x" * 102)


def test_the_second_daemon_of_a_directory_is_turned_away_with_the_first_one_s_pid(tmp_path: Path) -> None:
    with DaemonPlace(tmp_path / "run") as place:
        place.publish(place.endpoint, new_key())
        with pytest.raises(AlreadyRunning, match=str(os.getpid())), DaemonPlace(tmp_path / "run"):
            pass
        assert read_connection(place.connection_file).pid == os.getpid()
    assert not place.connection_file.exists()
    with DaemonPlace(tmp_path / "run"):
        pass


def test_what_a_killed_daemon_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from propainter_wire.connection import DaemonPlace, new_key\n"
        "place = DaemonPlace(Path(sys.argv[1])).__enter__(); place.publish(place.endpoint, new_key()); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "run")], check=False, timeout=60)
    left = tmp_path / "run" / "daemon.json"
    assert left.exists()
    with DaemonPlace(tmp_path / "run"):
        assert not left.exists()


def test_a_daemon_gets_an_allow_list_of_the_host_s_environment(tmp_path: Path) -> None:
    host = {
        "HOME": "/h", "CUDA_VISIBLE_DEVICES": "1", "PROPAINTER_CACHE": "/c", "XDG_CACHE_HOME": "/x", "PYTHONHOME": "/nuke",
        "PYTHONPATH": "/nuke", "LD_LIBRARY_PATH": "/nuke", "LD_PRELOAD": "x", "DYLD_INSERT_LIBRARIES": "x",
        "QT_PLUGIN_PATH": "/nuke", "NUKE_PATH": "/n", "AWS_SECRET_ACCESS_KEY": "s", "CONDA_PREFIX": "/c",
    }  # fmt: skip
    kept = set(clean_environment(host, tmp_path))
    assert kept == {"HOME", "CUDA_VISIBLE_DEVICES", "PROPAINTER_CACHE", "XDG_CACHE_HOME", "PROPAINTER_RUNTIME_DIR"}


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EIO, errno.ENOTSUP])
def test_a_disk_that_cannot_lock_is_not_a_backend_that_runs(tmp_path, monkeypatch, code):
    def refuses(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(connection.locks, "try_lock", refuses)
    with (
        pytest.raises(UnsafeConnection, match=r"cannot be locked.*PROPAINTER_RUNTIME_DIR"),
        DaemonPlace(tmp_path / "run"),
    ):
        pass
