"""The Windows node, run under Wine by the Windows minihost, against daemons of this machine over loopback TCP.

Wine shows how the node uses Windows' own calls, not how Windows carries them out: its file system is this machine's (no
access lists of NTFS, no paths too long for it), it has no shares of other machines and no virus scanner, and its loopback is
Linux's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import DEVNULL

import numpy as np
import pytest
from fake_daemon import Behaviour, FakeDaemon, publish_stale_connection
from filelock import FileLock
from minihost import DEPTHS, TCP, Minihost, RawShot, check_unloading_hangs_up, params
from node_fixtures import ROOT, Shot, load_program, make_shot
from sample_shot import WORKING_SIZE, wait_for_file

from propainter_wire.connection import read_connection, write_connection

pytestmark = pytest.mark.slow

FAKE_DAEMON = Path(__file__).with_name("fake_daemon.py")
BUNDLE = ROOT / "build" / "ofx" / "ProPainterRemove.ofx.bundle"
MINIHOSTS = ROOT / "build" / "minihost"
STAND_IN = Path(__file__).parent / "windows" / "stand_in.cpp"
UMLAUTS = "Größe ñ 日本 & 100%"


@pytest.fixture(scope="session")
def wine() -> str:
    """Wine's loader; where there is none, these tests say so."""
    found = shutil.which("wine") or shutil.which("wine64")
    if found is None:
        pytest.skip("no wine to run the Windows node with; apt-get install wine wine64")
    return found


@pytest.fixture(scope="session")
def windows_build() -> Path:
    """The bundle with the Windows node, and the minihost, brought up to date."""
    pytest.importorskip("ziglang", reason="no zig to build the Windows node with; pip install ziglang")
    program = ROOT / "host_plugin" / "ofx" / "build_bundle.py"
    with FileLock(ROOT / "build" / "ofx-windows.lock"):
        subprocess.run([sys.executable, str(program), "linux", "windows"], check=True, capture_output=True)
    return BUNDLE


@pytest.fixture(scope="session")
def prefix(wine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Windows of its own; its server runs through all tests here and is ended after them."""
    home = tmp_path_factory.mktemp("wine")
    environment = {**os.environ, "WINEPREFIX": str(home), "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml="}
    subprocess.run([wine, "wineboot", "-i"], env=environment, check=True, stdout=DEVNULL, stderr=DEVNULL)
    server = shutil.which("wineserver") or "/usr/lib/wine/wineserver"
    subprocess.run([server, "-p"], env=environment, check=False)
    yield home
    subprocess.run([server, "-k"], env=environment, check=False)


@pytest.fixture
def windows(wine: str, prefix: Path, windows_build: Path) -> Minihost:
    program = MINIHOSTS / "Win64" / "propainter-minihost.exe"
    environment = (("WINEPREFIX", str(prefix)), ("WINEDEBUG", "-all"))
    return Minihost((wine, str(program)), windows_build, environment, is_windows=True)


@pytest.fixture
def linux(windows_build: Path) -> Minihost:
    return Minihost((str(MINIHOSTS / "Linux-x86-64" / "propainter-minihost"),), windows_build)


def at(windows: Minihost, runtime: Path) -> dict[str, str]:
    """The runtime directory as the Windows node is told of it."""
    return {"PROPAINTER_RUNTIME_DIR": windows.path(runtime)}


def render_once(windows: Minihost, runtime: Path, tmp_path: Path, *more: str, **environment: str) -> tuple[str, bool]:
    """What the node said of one frame, and whether its picture is there and right."""
    made = make_shot()
    shot = RawShot.write(tmp_path / "in", made, "float")
    done = windows.run(
        *windows.shot(shot, tmp_path / "out", *more), environment={**at(windows, runtime), **environment}
    )
    is_there = (tmp_path / "out" / "0005.raw").exists()
    assert is_there == (done.returncode == 0), done.stdout + done.stderr
    is_right = is_there and np.array_equal(shot.result(tmp_path / "out", 5), made.expected(5))
    return done.stdout + done.stderr, is_right


def test_it_asks_for_the_system_s_own_libraries_alone(windows_build: Path) -> None:
    check = load_program("check_bundle")
    (node,) = check.read_binary((windows_build / "Contents" / "Win64" / "ProPainterRemove.ofx").read_bytes())
    (host,) = check.read_binary((MINIHOSTS / "Win64" / "propainter-minihost.exe").read_bytes())
    assert node.libraries
    assert not check.strange_libraries(node)
    assert not check.strange_libraries(host)
    assert not check.check_binary(node)


def test_it_loads_and_unloads_a_hundred_times(windows: Minihost, runtime: Path) -> None:
    done = windows.run("--rounds", "100", environment=at(windows, runtime))
    assert done.returncode == 0, done.stderr
    assert "100 rounds" in done.stdout


def test_it_describes_itself_as_on_linux(windows: Minihost, linux: Minihost, runtime: Path) -> None:
    here, there = linux.run("--list"), windows.run("--list")
    assert here.returncode == there.returncode == 0
    assert here.stdout == there.stdout


@pytest.mark.parametrize("depth", DEPTHS)
def test_it_renders_as_on_linux(windows: Minihost, linux: Minihost, runtime: Path, tmp_path: Path, depth: str) -> None:
    made = make_shot()
    shot = RawShot.write(tmp_path / "in", made, depth)
    with FakeDaemon(runtime, endpoint=TCP):
        for host, folder in ((linux, "linux"), (windows, "windows")):
            place = {"PROPAINTER_RUNTIME_DIR": host.path(runtime)}
            done = host.run(*host.shot(shot, tmp_path / folder, frames="3-7"), environment=place)
            assert done.returncode == 0, done.stderr
    for frame in range(3, 8):
        here, there = (shot.result(tmp_path / folder, frame) for folder in ("linux", "windows"))
        np.testing.assert_array_equal(there, here)
        assert not np.array_equal(here, shot.plate[frame - 1])


SETTINGS: list[dict[str, object]] = [
    {"output": "Fill only"},
    {"output": "Hole"},
    {"output": "Never seen"},
    {"output": "Difference"},
    {"output": "Flow"},
    {"output": "Grain-free fill"},
    {"show_overlay": "yes"},
    {"mix": 0.37},
    {"matte_channel": "Mask luma", "threshold": 0.6},
    {"matte_channel": "Source alpha"},
    {"invert_matte": "yes"},
    {"frame_range": "Custom", "range_first": 3, "range_last": 6},
    {"frame_range": "Custom", "range_first": 7, "range_last": 9},
    {"frame_range": "Global"},
    {"quality": "Draft"},
    {"quality": "Best"},
    {"clean_frames": "5", "use_clean_plate": "yes"},
]


def test_every_option_gives_what_it_gives_on_linux(
    windows: Minihost, linux: Minihost, runtime: Path, tmp_path: Path
) -> None:
    shot = RawShot.write(tmp_path / "in", make_shot(alpha=0.5), "half")
    with FakeDaemon(runtime, endpoint=TCP):
        for index, settings in enumerate(SETTINGS):
            for host, folder in ((linux, "linux"), (windows, "windows")):
                place = {"PROPAINTER_RUNTIME_DIR": host.path(runtime)}
                clean = (
                    ["--clean-plate", host.path(shot.folder / "clean.####.raw")] if "clean_frames" in settings else []
                )
                arguments = host.shot(shot, tmp_path / folder / str(index), *params(**settings), *clean)
                done = host.run(*arguments, environment=place)
                assert done.returncode == 0, f"{settings}: {done.stderr}"
            here, there = (shot.result(tmp_path / folder / str(index), 5) for folder in ("linux", "windows"))
            np.testing.assert_array_equal(there, here, err_msg=str(settings))


def test_it_renders_the_sample_shot_as_on_linux_in_every_depth(
    windows: Minihost, linux: Minihost, backend: Path, sample: Shot, tmp_path: Path
) -> None:
    frames = (1, len(sample.plate))
    for depth in DEPTHS:
        shot = RawShot.write(tmp_path / depth, sample, depth)
        for host, folder in ((linux, "linux"), (windows, "windows")):
            place = {"PROPAINTER_RUNTIME_DIR": host.path(backend)}
            size = params(working_size=WORKING_SIZE[depth])
            wanted = host.shot(shot, tmp_path / depth / folder, *size, frames=",".join(map(str, frames)))
            done = host.run(*wanted, environment=place, timeout_s=900)
            assert done.returncode == 0, done.stderr
        for frame in frames:
            here, there = (shot.result(tmp_path / depth / folder, frame) for folder in ("linux", "windows"))
            np.testing.assert_array_equal(there, here)
            assert not np.array_equal(here, shot.plate[frame - 1])


def test_the_selftest_removes_an_object(windows: Minihost, runtime: Path) -> None:
    with FakeDaemon(runtime, endpoint=TCP):
        done = windows.run("--selftest", environment=at(windows, runtime))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok      removes an object") == 4


def place_connection(runtime: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(runtime / "daemon.json", target / "daemon.json")


def test_it_finds_the_connection_file_in_local_app_data(
    windows: Minihost, prefix: Path, runtime: Path, tmp_path: Path
) -> None:
    (user,) = (path for path in (prefix / "drive_c" / "users").iterdir() if path.name != "Public")
    local = user / "AppData" / "Local" / "propainter"
    with FakeDaemon(runtime, endpoint=TCP):
        place_connection(runtime, local)
        said, is_right = render_once(windows, runtime, tmp_path, PROPAINTER_RUNTIME_DIR="", XDG_RUNTIME_DIR="")
        shutil.rmtree(local)
    assert is_right, said


def test_it_finds_the_connection_file_wherever_it_lies(windows: Minihost, runtime: Path, tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*[f"a folder with a long name, number {index:02d}" for index in range(12)])
    places = {
        "umlauts": windows.path(tmp_path / UMLAUTS),
        "long": windows.path(deep),
        "long, with slashes": windows.path(deep).replace("\\", "/"),
        "verbatim": "\\\\?\\" + windows.path(tmp_path / "verbatim"),
        "of the network": "\\\\?\\unix" + str(tmp_path / "share").replace("/", "\\"),
        "ends in a slash": windows.path(tmp_path / "slash") + "\\",
    }
    assert len(places["long"]) > 400
    with FakeDaemon(runtime, endpoint=TCP):
        for folder in (tmp_path / UMLAUTS, deep, tmp_path / "verbatim", tmp_path / "share", tmp_path / "slash"):
            place_connection(runtime, folder)
        for name, place in places.items():
            said, is_right = render_once(windows, runtime, tmp_path / name, PROPAINTER_RUNTIME_DIR=place)
            assert is_right, f"{name}: {said}"
            file = place.rstrip("\\/") + "\\daemon.json"
            said, is_right = render_once(windows, runtime, tmp_path / f"{name} 2", PROPAINTER_CONNECTION=file)
            assert is_right, f"{name}: {said}"
        knob = params(connection_file=windows.path(tmp_path / UMLAUTS / "daemon.json"))
        said, is_right = render_once(windows, tmp_path / "none", tmp_path / "knob", *knob)
        assert is_right, said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is not a ProPainter connection file"),
        ("x" * 5000, "too long"),
        (None, "No ProPainter backend is running (there is no Z:\\"),
        ("ipc", "which no program on Windows can reach"),
    ],
)
def test_a_connection_file_of_no_use_is_told_in_words(
    windows: Minihost, runtime: Path, tmp_path: Path, content: str | None, words: str
) -> None:
    if content == "ipc":
        publish_stale_connection(runtime)
    elif content is not None:
        (runtime / "daemon.json").write_text(content)
    said, _ = render_once(windows, runtime, tmp_path, *params(auto_start="no"))
    assert words in said


def test_nobody_at_the_address_is_told_in_words(windows: Minihost, runtime: Path, tmp_path: Path) -> None:
    publish_stale_connection(runtime, endpoint="tcp://127.0.0.1:1")
    said, _ = render_once(windows, runtime, tmp_path, *params(auto_start="no"))
    assert "No backend answers at tcp://127.0.0.1:1 (" in said


@contextlib.contextmanager
def relay_over_ipv6(port: int) -> Iterator[int]:
    """One connection to a port of ::1, carried on to the same machine's 127.0.0.1; libzmq binds no IPv6 here. Its port."""
    with socket.socket(socket.AF_INET6) as door:
        try:
            door.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        door.listen()

        def carry(source: socket.socket, target: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)

        def serve() -> None:
            caller, _ = door.accept()
            with caller, socket.create_connection(("127.0.0.1", port)) as daemon:
                back = threading.Thread(target=carry, args=(daemon, caller))
                back.start()
                carry(caller, daemon)
                back.join()

        threading.Thread(target=serve, daemon=True).start()
        yield door.getsockname()[1]


def test_it_reaches_a_daemon_over_ipv6(windows: Minihost, runtime: Path, tmp_path: Path) -> None:
    with FakeDaemon(runtime, endpoint=TCP):
        known = read_connection(runtime / "daemon.json")
        with relay_over_ipv6(int(known.endpoint.rpartition(":")[2])) as port:
            write_connection(runtime / "daemon.json", replace(known, endpoint=f"tcp://[::1]:{port}"))
            said, is_right = render_once(windows, runtime, tmp_path)
    assert is_right, said


def test_an_abort_stops_the_render_and_the_job(windows: Minihost, runtime: Path, tmp_path: Path) -> None:
    with FakeDaemon(runtime, Behaviour(never_done=True), endpoint=TCP) as daemon:
        said, _ = render_once(windows, runtime, tmp_path, "--abort-after", "40")
        daemon.wait_until_idle()
    assert "frame 5: aborted" in said


def test_a_daemon_that_is_silent_is_given_up(windows: Minihost, runtime: Path, tmp_path: Path) -> None:
    with FakeDaemon(runtime, Behaviour(silent_after="render"), endpoint=TCP):
        said, _ = render_once(windows, runtime, tmp_path, *params(timeout=1))
    assert "frame 5: failed" in said
    assert "backend" in said


def test_a_daemon_that_dies_is_told_in_words(windows: Minihost, runtime: Path, tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, str(FAKE_DAEMON), str(runtime), "render", TCP])
    try:
        wait_for_file(runtime / "daemon.json", process)
        said, _ = render_once(windows, runtime, tmp_path, *params(auto_start="no"))
    finally:
        process.kill()
        assert process.wait() == 7  # by itself, at the render
    assert "frame 5: failed" in said
    assert "No backend answers at tcp://127.0.0.1:" in said


def test_unloading_hangs_up_though_the_program_goes_on(
    windows: Minihost, runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROPAINTER_RUNTIME_DIR", windows.path(runtime))
    check_unloading_hangs_up(windows, runtime, tmp_path)


@pytest.fixture(scope="session")
def stand_in(wine: str, windows_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program the node is to start, in a folder with a space and an umlaut."""
    folder = tmp_path_factory.mktemp("programs")
    program = folder / UMLAUTS / "stand in.exe"
    program.parent.mkdir()
    compiler = [sys.executable, "-m", "ziglang", "c++", "-target", "x86_64-windows-gnu", "-std=c++17", "-O1"]
    subprocess.run([*compiler, str(STAND_IN), "-lshell32", "-o", str(folder / "plain.exe")], check=True)
    return (folder / "plain.exe").rename(program)


def auto_start(
    windows: Minihost, runtime: Path, tmp_path: Path, command: str, place: Path, **environment: str
) -> tuple[str, bool]:
    """Render with no daemon running but one whose connection file waits in the place; the node has to start the command."""
    place.mkdir(parents=True, exist_ok=True)
    with FakeDaemon(runtime, endpoint=TCP):
        shutil.copy(runtime / "daemon.json", place / "waiting.json")
        try:
            return render_once(windows, place, tmp_path, PROPAINTER_BACKEND=command, **environment)
        finally:
            (place / "end").touch()


def test_it_starts_the_backend_with_its_words_and_a_clean_environment(
    windows: Minihost, runtime: Path, stand_in: Path, tmp_path: Path
) -> None:
    place = tmp_path / UMLAUTS
    words = ["--plain", "two words", "ends in a slash\\", UMLAUTS]
    written = " ".join(f'"{word}"' for word in words)
    command = f'"{windows.path(stand_in)}" {written}'
    said, is_right = auto_start(windows, runtime, tmp_path, command, place, PYTHONHOME="C:\\host")
    assert is_right, said
    log = (place / "daemon.log").read_text(encoding="utf-8").splitlines()
    assert [line.removeprefix("word=") for line in log if line.startswith("word=")] == words
    assert f"folder={windows.path(place)}" in log
    assert f"variable PROPAINTER_RUNTIME_DIR={windows.path(place)}" in log
    assert "variable PYTHONHOME=" in log
    assert "variable SystemRoot=C:\\windows" in log
    assert "input=empty" in log


def test_it_starts_the_backend_by_its_path_into_a_long_folder(
    windows: Minihost, runtime: Path, stand_in: Path, tmp_path: Path
) -> None:
    place = tmp_path.joinpath(*[f"a folder with a long name, number {index:02d}" for index in range(8)])
    assert len(windows.path(place)) > 260
    said, is_right = auto_start(windows, runtime, tmp_path, windows.path(stand_in), place)
    assert is_right, said


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ('"{program}" exit:3', "was started but ended at once with status 3. Read "),
        ("Z:\\nowhere\\backend.exe", "cannot be started ("),
        ('"{program}', "leaves a quote open"),
    ],
)
def test_a_backend_that_does_not_start_is_told_in_words(
    windows: Minihost, runtime: Path, stand_in: Path, tmp_path: Path, command: str, words: str
) -> None:
    named = command.format(program=windows.path(stand_in))
    said, _ = render_once(windows, runtime, tmp_path, PROPAINTER_BACKEND=named)
    assert words in said


def test_another_s_backend_is_used_where_ours_finds_it_running(
    windows: Minihost, runtime: Path, stand_in: Path, tmp_path: Path
) -> None:
    command = f'"{windows.path(stand_in)}" exit_after:75'
    said, is_right = auto_start(windows, runtime, tmp_path, command, tmp_path / "place")
    assert is_right, said


def test_a_log_that_cannot_be_written_is_told_in_words(
    windows: Minihost, runtime: Path, stand_in: Path, tmp_path: Path
) -> None:
    (runtime / "daemon.log").mkdir()
    said, _ = render_once(windows, runtime, tmp_path, PROPAINTER_BACKEND=windows.path(stand_in))
    assert "The backend's log" in said
    assert "cannot be written (" in said


def test_a_runtime_directory_that_is_a_file_is_told_in_words(windows: Minihost, stand_in: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said, _ = render_once(windows, tmp_path / "file", tmp_path, PROPAINTER_BACKEND=windows.path(stand_in))
    assert "is a file; remove it" in said
