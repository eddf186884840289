"""The branches for Windows, run here: its calls are stood in (``windows_stand_in.py``), files and sockets are real."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

from propainter_backend.daemon.cache_folder import cache_folder
from propainter_backend.errors import BadInput
from propainter_backend.matting.selector import Selector
from propainter_backend.render.spill import spill_folder
from propainter_install.pieces import TextFile
from propainter_install.record import Record
from propainter_install.transaction import carry_out, take_away
from propainter_os import files, limits, locks, processes, sockets, users
from propainter_pictures.errors import OutputError
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.one_writer import OneWriter
from propainter_pictures.whole_files import Partial, partial_name, replacing, sweep
from propainter_wire import descriptors
from propainter_wire.connection import DaemonPlace, check_private_directory, read_connection
from propainter_wire.errors import AlreadyRunning, UnsafeConnection
from windows_stand_in import StandIn, enter


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StandIn:
    """Told that this is Windows, with a profile that is this test's folder."""
    stand_in = StandIn()
    enter(stand_in, monkeypatch.setitem, monkeypatch.setattr)
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.delenv("APPDATA", raising=False)
    return stand_in


# Locks.


def test_a_second_backend_is_told_of_the_first(windows: StandIn, tmp_path: Path) -> None:
    with DaemonPlace(tmp_path / "run") as place:
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"), DaemonPlace(tmp_path / "run"):
            pass
        place.publish("tcp://127.0.0.1:5555", b"k" * 32)
        assert read_connection(place.connection_file).endpoint == "tcp://127.0.0.1:5555"
    with DaemonPlace(tmp_path / "run"):
        pass
    assert not (tmp_path / "run" / "daemon.json").exists()


def test_a_disk_without_locks_is_not_taken_for_a_backend_that_runs(windows: StandIn, tmp_path: Path) -> None:
    windows.knows_locks = False
    with pytest.raises(UnsafeConnection, match=r"cannot be locked \(the file system refuses locks \(error 50\)\)"):
        DaemonPlace(tmp_path / "run").__enter__()


def test_two_renders_of_the_same_frames_are_told_from_two_of_others(windows: StandIn, tmp_path: Path) -> None:
    place = tmp_path / "clean"
    first = OneWriter(place, FrameRange(-5, 10))
    other = OneWriter(place, FrameRange(11, 20))
    for frames in (FrameRange(10, 12), FrameRange(-5, -5), None):
        with pytest.raises(OutputError, match="another render is writing"):
            OneWriter(place, frames)
    first.let_go()
    assert (tmp_path / ".clean.rendering").exists()
    again = OneWriter(place, FrameRange(-5, 10))
    other.let_go()
    again.let_go()
    assert list(tmp_path.iterdir()) == []


def test_a_render_that_was_killed_leaves_a_folder_which_the_next_one_sweeps(
    windows: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = tmp_path / "propainter-spill-dead"
    dead.mkdir()
    (dead / "lock").touch()
    (dead / "part").write_bytes(b"1")
    with spill_folder() as folder:
        assert not dead.exists()
        with spill_folder():
            assert folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_bytes_far_out_are_locked_by_both_halves_of_their_number(windows: StandIn, tmp_path: Path) -> None:
    one, other = (files.open_or_make(tmp_path / "file") for _ in range(2))
    assert locks.try_lock_bytes(one, (1 << 40) + 7, 3)
    assert not locks.try_lock_bytes(other, (1 << 40) + 9, 1)
    assert locks.try_lock_bytes(other, 7, 3), "the low half alone is somewhere else"
    assert not locks.try_lock_bytes(other, 0, 0)
    for descriptor in (one, other):
        os.close(descriptor)


# Files that others have open.


def held_open(monkeypatch: pytest.MonkeyPatch, what: str, times: int) -> None:
    """``Path.replace`` or ``unlink`` is refused so often, as while a host or a virus scanner reads the file."""
    real, left = getattr(Path, what), [times]

    def refused(path: Path, *arguments: object, **named: object) -> object:
        if left[0]:
            left[0] -= 1
            raise PermissionError(errno.EACCES, "Access is denied", str(path))
        return real(path, *arguments, **named)

    monkeypatch.setattr(Path, what, refused)


def test_a_result_that_is_being_read_is_replaced_a_moment_later(
    windows: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")
    held_open(monkeypatch, "replace", 3)
    pauses: list[float] = []
    files.replace(tmp_path / "new", tmp_path / "old", pause=pauses.append)
    assert (tmp_path / "old").read_bytes() == b"new" and len(pauses) == 3


def test_one_that_stays_open_is_told_and_the_old_one_is_whole(
    windows: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old.png").write_bytes(b"old")
    monkeypatch.setattr(files, "_PAUSES_S", (0.0, 0.0))
    held_open(monkeypatch, "replace", 1000)
    with (
        pytest.raises(OutputError, match=r"old\.png cannot be written \(Access is denied\)"),
        replacing(tmp_path / "old.png") as partial,
    ):
        partial.write_bytes(b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["old.png"] and (tmp_path / "old.png").read_bytes() == b"old"


def test_what_is_being_read_is_removed_a_moment_later(
    windows: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    held_open(monkeypatch, "unlink", 2)
    files.remove(tmp_path / "file", pause=lambda _: None)
    files.remove(tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_elsewhere_a_refusal_is_heard_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held_open(monkeypatch, "replace", 1)
    with pytest.raises(PermissionError):
        files.replace(tmp_path / "new", tmp_path / "old", pause=lambda _: pytest.fail("nobody waits here"))


def test_links_are_refused_where_the_system_would_follow_them(windows: StandIn, tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for opens in (files.open_to_read, files.open_or_make, files.open_existing, files.open_to_append):
        with pytest.raises(OSError, match="it is a link"):
            opens(tmp_path / "link")
    with pytest.raises(FileExistsError):
        files.open_new(tmp_path / "link")
    os.close(files.open_to_read(tmp_path / "target"))


def test_a_path_too_long_is_told_as_that_and_not_as_one_that_is_missing(windows: StandIn, tmp_path: Path) -> None:
    long = tmp_path / ("d" * 120) / ("e" * 120) / "frame.0001.exr"
    long.parent.mkdir(parents=True)
    with (
        pytest.raises(OutputError, match="more than 259 characters; shorten it, or turn on Win32 long paths"),
        replacing(long),
    ):
        pass
    windows.long_paths = 1
    with replacing(long) as partial:
        partial.write_bytes(b"1")
    assert long.read_bytes() == b"1"


def test_a_file_beside_its_place_becomes_it(windows: StandIn, tmp_path: Path) -> None:
    partial = Partial(tmp_path / "frame.png")
    partial.make()
    partial.path.write_bytes(b"1")
    partial.settle()
    partial.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["frame.png"]


def test_a_node_that_hosts_have_loaded_is_updated_again_and_again_and_taken_away_later(
    windows: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loaded library may be renamed, and is neither replaced nor removed."""
    node, loaded = tmp_path / "plugins" / "node.ofx", set()
    real = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.exists() and path.read_bytes() in loaded:
            raise PermissionError(errno.EACCES, "Access is denied", str(path))
        real(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    for content in (b"1", b"2", b"3"):
        record = Record.load(tmp_path / "app" / "installed.json")
        carry_out([TextFile(node, content)], record, "1", tmp_path / "backend", tell=print)
        assert node.read_bytes() == content
        loaded.add(content)
    assert {path.name for path in node.parent.iterdir()} == {"node.ofx", "node.ofx.old", "node.ofx.old1"}
    loaded.clear()
    assert take_away(Record.load(tmp_path / "app" / "installed.json")) == []
    assert list(tmp_path.iterdir()) == []


# Processes.


@pytest.mark.parametrize(("state", "runs"), [("runs", True), ("ended", False), ("denied", True), (None, False)])
def test_whether_a_process_runs_is_asked_without_sending_it_ctrl_c(
    windows: StandIn, monkeypatch: pytest.MonkeyPatch, state: str | None, runs: bool
) -> None:
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("on Windows that is Ctrl-C for the whole console"))
    if state:
        windows.running[4711] = state
    assert processes.is_running(4711) is runs
    assert windows.open_handles == 0


def test_what_dead_writers_left_is_swept_and_living_ones_keep_theirs(windows: StandIn, tmp_path: Path) -> None:
    windows.running[os.getpid()] = "runs"
    mine = partial_name(tmp_path / "a.png")
    dead = mine.with_name(mine.name.replace(f"-{os.getpid()}-", "-999999-"))
    for path in (mine, dead):
        path.touch()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [mine]


def test_the_backend_a_client_starts_is_in_a_group_of_its_own_and_without_a_window(windows: StandIn) -> None:
    assert processes.ways_to_outlive() == {"creationflags": 0x08000000 | 0x200}


def test_a_console_that_is_closed_stops_the_backend(windows: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "SIGBREAK", signal.SIGUSR1, raising=False)
    heard: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    try:
        processes.on_stop(lambda number, _: heard.append(number))
        signal.raise_signal(signal.SIGUSR1)
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
    assert heard == [signal.SIGUSR1]


def test_the_worker_gives_way_and_is_started_without_a_mask_of_signals(
    windows: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "nice")
    monkeypatch.delattr(signal, "pthread_sigmask")
    processes.give_way()
    assert windows.priority == 0x4000
    with processes.no_interrupts():
        pass


def test_backslashes_of_a_command_stay(windows: StandIn) -> None:
    line = r'"C:\Program Files\seg\run.exe" {frame} {points} {matte}'
    assert Selector.parse(line).words[0] == r"C:\Program Files\seg\run.exe"
    with pytest.raises(ValueError):
        processes.words('"C:\\open')


# Users, limits, sockets.


def test_a_folder_outside_the_profile_is_not_private(
    windows: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir(mode=0o777)
    check_private_directory(tmp_path / "run")  # mode bits mean nothing there
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "me"))
    with pytest.raises(UnsafeConnection, match=r"outside your profile.*me in PROPAINTER_RUNTIME_DIR"):
        check_private_directory(tmp_path / "run")


def test_the_profile_is_compared_as_windows_compares_names(windows: StandIn) -> None:
    environ = {"USERPROFILE": r"C:\Users\Müller", "LOCALAPPDATA": r"D:\Local"}
    for inside in (r"c:\users\MÜLLER\AppData\Local\propainter", r"D:\Local\propainter"):
        assert users.profile_around(Path(inside), environ) is None
    for outside in (r"C:\Users\Mülleria\x", r"C:\Users\Müller\..\other", r"\\server\share\propainter"):
        assert users.profile_around(Path(outside), environ) == r"C:\Users\Müller"


def test_without_a_place_for_the_cache_no_folder_below_tmp_is_taken(
    windows: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("propainter_backend.daemon.cache_folder.usual_folder", lambda: None)
    with pytest.raises(BadInput, match="name another with --cache-dir"):
        cache_folder(None)


def test_limits_are_not_asked_of_a_module_that_is_not_there(windows: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("resource", "fcntl"):
        monkeypatch.setitem(__import__("sys").modules, name, None)  # an import of it fails
    monkeypatch.delattr(os, "sysconf")
    windows.peak_bytes, windows.memory_bytes = 3 << 32, 64 << 30
    assert limits.machine_memory_bytes() == 64 << 30
    assert limits.open_files() is limits.address_bytes() is limits.file_bytes() is None
    assert limits.peak_memory_bytes() == 3 << 32
    descriptors.raise_limit()
    assert descriptors.left() == descriptors.limit() == descriptors.ENOUGH


def test_backend_and_clients_meet_on_loopback(
    windows: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("socket.AF_UNIX")
    assert not sockets.has_local()
    assert DaemonPlace(tmp_path).endpoint == "tcp://127.0.0.1:*"
    assert sockets.number_of(7) == 0 and sockets.peer_process(7) is None
