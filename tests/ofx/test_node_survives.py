"""Backends that are absent, slow, mute, dying, strange or replaced: each ends in a picture or in one sentence, never in
a hang, a crash or a wrong picture."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_daemon import Behaviour, FakeDaemon, publish_stale_connection
from node_fixtures import make_shot, node_effect, sentence, when

from node_build import ROOT, build_node
from propainter_host import Host, Rendered
from propainter_wire.connection import new_key, read_connection, write_connection
from propainter_wire.errors import WireError

FAKE_DAEMON = Path(__file__).with_name("fake_daemon.py")
SANITIZED = (
    "test_node_renders.py",
    "test_node_clean_plate.py",
    "test_node_survives.py",
    "test_node_unread_frames.py",
    "test_node_progress.py",
    "test_node_remembers.py",
)
"""What is run once more in a node built with the sanitizers."""


def render_once(bundle: Path, *, profile: str = "natron", **params: object) -> Rendered:
    with Host(profile) as host:
        effect = node_effect(host, bundle, make_shot())
        for name, value in params.items():
            effect.set_param(name, value)
        return effect.render(5)


@contextmanager
def fake_daemon_process(runtime: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The fake daemon in a process that can be killed."""
    process = subprocess.Popen([sys.executable, str(FAKE_DAEMON), str(runtime), *arguments])
    try:
        for _ in range(3000):
            if (runtime / "daemon.json").exists():
                break
            time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.wait()


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop every thread of it, and wait until the kernel says so."""
    process.send_signal(signal.SIGSTOP)
    for _ in range(3000):
        threads = Path(f"/proc/{process.pid}/task").glob("*/stat")
        if all(thread.read_text().rsplit(") ", 1)[1].startswith("T") for thread in threads):
            return
        time.sleep(0.01)
    raise AssertionError("the process does not stop")


def test_an_absent_backend_is_named_with_the_way_out(node_bundle: Path, runtime: Path) -> None:
    rendered = render_once(node_bundle)
    assert rendered.outcome == "failed"
    assert f"there is no {runtime / 'daemon.json'}" in sentence(rendered)
    assert "Auto-start" in sentence(rendered)


def test_a_backend_that_left_its_file_behind_is_named(node_bundle: Path, runtime: Path) -> None:
    publish_stale_connection(runtime)
    rendered = render_once(node_bundle)
    assert rendered.outcome == "failed"
    assert "No backend answers at ipc://" in sentence(rendered)


@pytest.mark.parametrize(
    ("version", "words"), [("2.0", "speaks protocol 2.0 but this node speaks 1.0"), ("x", "speaks protocol x")]
)
def test_another_protocol_is_named_with_both_versions(
    node_bundle: Path, runtime: Path, version: str, words: str
) -> None:
    publish_stale_connection(runtime, version=version)
    rendered = render_once(node_bundle)
    assert rendered.outcome == "failed"
    assert words in sentence(rendered)


@pytest.mark.parametrize("mode", [0o644, 0o620])
def test_a_connection_file_others_can_touch_is_refused(node_bundle: Path, daemon: FakeDaemon, mode: int) -> None:
    (daemon.directory / "daemon.json").chmod(mode)
    rendered = render_once(node_bundle)
    assert "mode 0600" in sentence(rendered)
    assert not daemon.seen


def test_a_runtime_directory_others_can_enter_is_refused(node_bundle: Path, daemon: FakeDaemon) -> None:
    daemon.directory.chmod(0o755)
    assert "mode 0700" in sentence(render_once(node_bundle))
    daemon.directory.chmod(0o700)
    assert not daemon.seen


def test_a_link_in_place_of_the_connection_file_is_refused(node_bundle: Path, daemon: FakeDaemon) -> None:
    path = daemon.directory / "daemon.json"
    path.rename(daemon.directory / "elsewhere.json")
    path.symlink_to(daemon.directory / "elsewhere.json")
    assert "plain file" in sentence(render_once(node_bundle))
    assert not daemon.seen


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"protocol": "other"}', b"\xff" * 5000, b'{"protocol": "propainter", "version": "1.0"}'],
)
def test_a_file_that_is_no_connection_file_is_refused_in_words(
    node_bundle: Path, runtime: Path, content: bytes
) -> None:
    (runtime / "daemon.json").write_bytes(content)
    (runtime / "daemon.json").chmod(0o600)
    assert "Start the backend again" in sentence(render_once(node_bundle))


def test_the_connection_file_can_be_named(
    node_bundle: Path, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = daemon.directory / "elsewhere.json"
    (daemon.directory / "daemon.json").rename(path)
    assert render_once(node_bundle).outcome == "failed"
    assert render_once(node_bundle, connection_file=str(path)).outcome == "done"
    monkeypatch.setenv("PROPAINTER_CONNECTION", str(path))
    assert render_once(node_bundle).outcome == "done"


@pytest.mark.parametrize("after", ["", "reach", "put", "render"])
def test_a_mute_backend_is_given_up_after_the_timeout(node_bundle: Path, runtime: Path, after: str) -> None:
    behaviour = Behaviour(silent=not after, silent_after=after)
    with FakeDaemon(runtime, behaviour):
        rendered = render_once(node_bundle, timeout=1.0)
    assert rendered.outcome == "failed"
    assert "not answered for 1 s" in sentence(rendered)


def test_what_accepts_calls_without_being_a_backend_is_given_up(node_bundle: Path, runtime: Path) -> None:
    path = runtime / "mute.sock"
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen(5)
        publish_stale_connection(runtime, endpoint=f"ipc://{path}")
        assert "The backend does not answer" in sentence(render_once(node_bundle, timeout=1.0))


def test_what_speaks_another_protocol_is_named(node_bundle: Path, runtime: Path) -> None:
    path = runtime / "other.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen(5)

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n" * 10)
                connection.recv(1 << 16)

        threading.Thread(target=answer, daemon=True).start()
        publish_stale_connection(runtime, endpoint=f"ipc://{path}")
        assert "Another program answers" in sentence(render_once(node_bundle, timeout=20.0))


@pytest.mark.parametrize("at", ["open_shot", "have", "put", "render"])
def test_a_backend_that_dies_is_named_and_the_host_lives(node_bundle: Path, runtime: Path, at: str) -> None:
    with fake_daemon_process(runtime, at) as process:
        rendered = render_once(node_bundle)
        assert process.wait(60) == 7
    assert rendered.outcome == "failed"
    assert "No backend answers" in sentence(rendered) or f"Look into {runtime}" in sentence(rendered)


def test_a_backend_that_hangs_as_a_process_is_given_up(node_bundle: Path, runtime: Path) -> None:
    with fake_daemon_process(runtime) as process:
        assert render_once(node_bundle).outcome == "done"
        stop(process)
        rendered = render_once(node_bundle, timeout=1.0)
        process.send_signal(signal.SIGCONT)
    assert rendered.outcome == "failed"
    assert "does not answer" in sentence(rendered)


def test_a_restarted_backend_with_a_new_key_is_found_without_a_word(node_bundle: Path, runtime: Path) -> None:
    shot = make_shot()
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        for _ in range(2):
            with FakeDaemon(runtime):
                rendered = effect.render(5)
                assert rendered.messages == ()
                np.testing.assert_array_equal(rendered.pixels, shot.expected(5))


def test_a_backend_that_forgot_frames_is_sent_them_again(node_bundle: Path, runtime: Path) -> None:
    shot = make_shot()
    with FakeDaemon(runtime) as daemon, Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        effect.render(5)
        daemon.content.clear()  # between two renders
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))
        daemon.behaviour.forgets = True  # between have and render
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))
        assert not daemon.behaviour.forgets


def test_a_backend_that_forgot_the_shot_is_told_of_it_again(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        effect.render(5)
        daemon.forget_shots()
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))


def test_a_busy_backend_is_asked_again(node_bundle: Path, runtime: Path) -> None:
    with FakeDaemon(runtime, Behaviour(busy_times=2)) as daemon:
        assert render_once(node_bundle).outcome == "done"
        assert len(daemon.renders) == 3


def test_the_backends_own_refusal_is_shown_word_for_word(node_bundle: Path, runtime: Path) -> None:
    refusal = WireError(
        "out_of_memory", "100 frames of 4096x2160 need 80 GB, the device has 24; choose Working size Half"
    )
    with FakeDaemon(runtime, Behaviour(refuse_render=refusal)):
        assert "choose Working size Half" in sentence(render_once(node_bundle))


LIES = {
    "digest": "arrived damaged",
    "region": "region and shape differ",
    "channels": "in the wrong format",
    "dtype": "in the wrong format",
    "nothing": "returned no picture of frame 5",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_result_that_is_not_what_it_says_is_refused_in_words(node_bundle: Path, runtime: Path, lie: str) -> None:
    with FakeDaemon(runtime, Behaviour(lie=lie)):
        rendered = render_once(node_bundle)
    assert rendered.outcome == "failed"
    assert LIES[lie] in sentence(rendered)


def test_a_result_that_lies_beside_the_plate_writes_nothing_beside_it(node_bundle: Path, runtime: Path) -> None:
    with FakeDaemon(runtime, Behaviour(lie="outside")):
        assert render_once(node_bundle).outcome == "done"  # and the host finds no byte out of place


def test_a_source_of_one_channel_is_refused_in_words(node_bundle: Path, runtime: Path) -> None:
    """The node offers RGB and RGBA alone; a host that hands over something else must not make it read past a row."""
    with Host("natron") as host:
        effect = node_effect(host, node_bundle, make_shot())
        effect.clips["Source"].components = "Alpha"
        rendered = effect.render(5)
    assert rendered.outcome == "failed"
    assert "one channel, but RGB or RGBA is needed" in sentence(rendered)


def test_another_daemons_key_is_refused_by_both_and_named(node_bundle: Path, daemon: FakeDaemon) -> None:
    path = daemon.directory / "daemon.json"
    connection = read_connection(path)
    write_connection(path, replace(connection, key=new_key()))
    rendered = render_once(node_bundle)
    assert rendered.outcome == "failed"
    assert "does not accept this node's signature" in sentence(rendered)
    assert not daemon.seen


def test_an_abort_ends_the_render_and_the_backends_job(node_bundle: Path, runtime: Path) -> None:
    with FakeDaemon(runtime, Behaviour(never_done=True)) as daemon, Host("natron") as host:
        effect = node_effect(host, node_bundle, make_shot())
        raised_at: list[float] = []
        abort = threading.Event()

        def raise_it() -> None:
            daemon.wait_for("render")
            raised_at.append(time.monotonic())
            abort.set()

        threading.Thread(target=raise_it, daemon=True).start()
        rendered = effect.render(5, abort=abort)
        waited_s = time.monotonic() - raised_at[0]
        daemon.wait_until_idle()
    assert rendered.outcome == "aborted"
    assert rendered.messages == ()
    assert waited_s < 5  # one poll is 25 ms; a machine that hangs for seconds is no news of the node


def test_after_an_abort_the_next_frame_is_right(node_bundle: Path, runtime: Path) -> None:
    shot = make_shot()
    with FakeDaemon(runtime, Behaviour(never_done=True)) as daemon, Host("natron") as host:
        effect, abort = node_effect(host, node_bundle, shot), threading.Event()
        when(lambda: daemon.seen["render"], abort)
        assert effect.render(5, abort=abort).outcome == "aborted"
        daemon.behaviour.never_done = False
        np.testing.assert_array_equal(effect.render(6).pixels, shot.expected(6))


def test_cancel_stops_a_render_that_runs_on_another_thread(node_bundle: Path, runtime: Path) -> None:
    with FakeDaemon(runtime, Behaviour(never_done=True)) as daemon, Host("natron") as host:
        effect = node_effect(host, node_bundle, make_shot())
        done: list[Rendered] = []
        thread = threading.Thread(target=lambda: done.append(effect.render(5)))
        thread.start()
        daemon.wait_for("render")
        effect.push_button("cancel")
        thread.join(30)
        daemon.wait_until_idle()
    assert done[0].outcome == "failed"
    assert "Cancelled" in sentence(done[0])


def test_a_message_goes_when_the_artist_acts_and_when_a_render_succeeds(node_bundle: Path, runtime: Path) -> None:
    shot = make_shot()
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        assert effect.render(5).outcome == "failed"
        assert effect.persistent_message is not None
        assert effect.render(5).outcome == "blocked"  # Nuke does not ask while a message stands
        effect.set_param("grow", 5)
        assert effect.persistent_message is None
        with FakeDaemon(runtime):
            assert effect.render(5).outcome == "done"
    with Host("natron") as host:
        effect = node_effect(host, node_bundle, shot)
        assert effect.render(5).outcome == "failed"
        with FakeDaemon(runtime):
            assert effect.render(5).outcome == "done"
        assert effect.persistent_message is None


@pytest.mark.parametrize("profile", ["resolve", "resolve14", "fusion"])
def test_hosts_without_standing_messages_hear_each_sentence_once(
    node_bundle: Path, runtime: Path, profile: str
) -> None:
    with Host(profile) as host:
        effect = node_effect(host, node_bundle, make_shot())
        for frame in (4, 5, 6):
            assert effect.render(frame).outcome == "failed"
        assert len(host.messages) == 1


def test_show_source_helps_in_the_viewer_but_never_in_a_final_render(node_bundle: Path, runtime: Path) -> None:
    shot = make_shot()
    for is_viewer in (True, False):
        with Host("natron") as host:
            effect = host.load(node_bundle).create(
                clips={"Source": shot.source(), "Mask": shot.mask()}, interactive=is_viewer
            )
            effect.set_param("auto_start", False)
            effect.set_param("on_error", "Show source")
            rendered = effect.render(5)
            assert rendered.outcome == ("done" if is_viewer else "failed")
            assert "No ProPainter backend" in sentence(rendered)
            if is_viewer:
                np.testing.assert_array_equal(rendered.pixels, shot.plate[4])


def test_renders_of_two_instances_on_two_threads_do_not_disturb_each_other(
    node_bundle: Path, daemon: FakeDaemon
) -> None:
    shots = [make_shot(), replace(make_shot(), matte=np.roll(make_shot().matte, 2, axis=2))]
    wrong: list[str] = []
    with Host("nuke") as host:
        plugin = host.load(node_bundle)
        effects = [plugin.create(clips={"Source": shot.source(), "Mask": shot.mask()}) for shot in shots]

        def render_all(index: int) -> None:
            for frame in [5, 6, 4, 5]:
                pixels = effects[index].render(frame).pixels
                if pixels is None or not np.array_equal(pixels, shots[index].expected(frame)):
                    wrong.append(f"instance {index}, frame {frame}")

        threads = [threading.Thread(target=render_all, args=(index,)) for index in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert wrong == []


def hang_up_soon(monkeypatch: pytest.MonkeyPatch) -> float:
    """Daemons made from now on hang up on whoever answers no ping for so many seconds: few, but a busy machine's pauses are
    shorter."""
    monkeypatch.setattr("propainter_wire.router.SILENCE_MS", 1000)
    monkeypatch.setattr("propainter_wire.router.HEARTBEAT_MS", 100)
    return 1.0


def test_an_idle_conversation_the_backend_hung_up_on_is_begun_anew(
    node_bundle: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang_up_soon(monkeypatch)
    shot = make_shot()
    with FakeDaemon(runtime) as daemon, Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        for count in (1, 2):
            np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))
            daemon.wait_until(lambda count=count: daemon.hung_up >= count, "it does not hang up")


def test_a_long_wait_is_survived_by_answering_the_backends_pings(
    node_bundle: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence_s = hang_up_soon(monkeypatch)
    with FakeDaemon(runtime, Behaviour(never_done=True)) as daemon, Host("natron") as host:
        effect, abort = node_effect(host, node_bundle, make_shot()), threading.Event()
        heard_at: list[float] = []

        def has_waited_long() -> bool:
            if 0.5 in host.progress and not heard_at:
                heard_at.append(time.monotonic())
            return bool(heard_at) and time.monotonic() - heard_at[0] > 2 * silence_s

        when(has_waited_long, abort)
        assert effect.render(5, abort=abort).outcome == "aborted"
        daemon.wait_for("cancel")  # so the session was still the same
        assert daemon.seen["open_shot"] == 1


def launcher(runtime: Path, *, exits: int | None = None) -> Path:
    """A program standing in for propainter-backend."""
    program = runtime / "propainter-backend"
    run = f"exit {exits}" if exits is not None else f'exec "{sys.executable}" "{FAKE_DAEMON}" "{runtime}"'
    program.write_text(
        f"#!/bin/sh\necho $$ > {runtime}/pid\nenv > {runtime}/environment\n"
        f"ls /proc/self/fd > {runtime}/files\necho started\n{run}\n"
    )
    program.chmod(0o700)
    return program


def wait_until_collected(pid_file: Path) -> None:
    """Until the process has been started, has ended, and the node has seen both."""
    for _ in range(3000):
        if pid_file.exists() and pid_file.read_text() and not Path("/proc", pid_file.read_text().strip()).exists():
            return
        time.sleep(0.01)
    raise AssertionError("the program was not started, or did not end")


def test_a_missing_backend_is_started_with_a_clean_environment(
    node_bundle: Path, runtime: Path, started_daemons: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROPAINTER_BACKEND", str(launcher(runtime)))
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/host/libs")
    monkeypatch.setenv("PYTHONHOME", "/opt/host/python")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("PATH", os.environ["PATH"])
    shot = make_shot()
    leaked = os.dup(0)
    os.set_inheritable(leaked, True)
    try:
        with Host("natron") as host:
            effect = node_effect(host, node_bundle, shot)
            effect.set_param("auto_start", True)
            rendered = effect.render(5)
            assert rendered.outcome == "done", sentence(rendered)
            np.testing.assert_array_equal(rendered.pixels, shot.expected(5))
    finally:
        os.close(leaked)
    environment = dict(line.split("=", 1) for line in (runtime / "environment").read_text().splitlines() if "=" in line)
    assert environment["CUDA_VISIBLE_DEVICES"] == "1"
    assert environment["PROPAINTER_RUNTIME_DIR"] == str(runtime)
    assert not {"LD_LIBRARY_PATH", "PYTHONHOME"} & set(environment)
    assert {int(name) for name in (runtime / "files").read_text().split()} <= {0, 1, 2, 3}  # 3 is ls's own
    assert (runtime / "daemon.log").read_text().startswith("started")
    assert (runtime / "daemon.log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "line",
    ["{}", "'{}'", '"{}"', "{escaped}", "'{}' --device cpu 'two words'"],
    ids=lambda line: line.format("P", escaped="E"),
)
def test_a_backend_in_a_folder_with_a_space_is_started_however_it_is_quoted(
    node_bundle: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    program = runtime / "my tools" / "backend"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{runtime}/arguments"\nexit 3\n')
    program.chmod(0o700)
    monkeypatch.setenv("PROPAINTER_BACKEND", line.format(program, escaped=str(program).replace(" ", "\\ ")))
    assert "ended at once with status 3" in sentence(render_once(node_bundle, auto_start=True))
    words = (runtime / "arguments").read_text().split("\n")[:-1]
    assert words == (["--device", "cpu", "two words"] if "--device" in line else [""])


def test_an_open_quote_in_the_backends_command_is_named(
    node_bundle: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROPAINTER_BACKEND", f"'{runtime}/my backend")
    assert "leaves a quote open" in sentence(render_once(node_bundle, auto_start=True))


def test_a_backend_that_ends_at_once_is_named_with_its_log(
    node_bundle: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROPAINTER_BACKEND", str(launcher(runtime, exits=3)))
    rendered = render_once(node_bundle, auto_start=True)
    assert rendered.outcome == "failed"
    assert "ended at once with status 3" in sentence(rendered)
    assert str(runtime / "daemon.log") in sentence(rendered)


def test_a_backend_started_by_somebody_else_a_moment_earlier_is_waited_for(
    node_bundle: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROPAINTER_BACKEND", str(launcher(runtime, exits=75)))
    rendered: list[Rendered] = []
    thread = threading.Thread(target=lambda: rendered.append(render_once(node_bundle, auto_start=True)))
    thread.start()
    wait_until_collected(runtime / "pid")
    with FakeDaemon(runtime):
        thread.join(60)
    assert rendered[0].outcome == "done"


def test_a_backend_that_is_not_installed_is_named(
    node_bundle: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(runtime))
    assert "set PROPAINTER_BACKEND" in sentence(render_once(node_bundle, auto_start=True))


@pytest.mark.slow
def test_the_sanitizers_find_nothing_in_a_day_of_a_nodes_life(tmp_path: Path) -> None:
    """The renders and failures above once more, in a node built with the address and undefined-behaviour sanitizers."""
    build = build_node(ROOT / "build" / "ofx-sanitized", "-DSANITIZE=ON")
    # libstdc++ too: the sanitizer looks for what it wraps, __cxa_throw among it, when the process starts.
    libraries = [_runtime_library(name) for name in ("libasan.so", "libstdc++.so")]
    environment = {
        **os.environ,
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",  # the interpreter itself leaks
        "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1",
        "PROPAINTER_NODE_BUNDLE": str(build / "ProPainterRemove.ofx.bundle"),
    }
    here = Path(__file__).parent
    tests = [str(here / name) for name in SANITIZED]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def _runtime_library(name: str) -> str:
    asked = subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return asked.stdout.strip()


@pytest.mark.parametrize("profile", ["natron", "nuke", "resolve"])
def test_a_sentence_reaches_the_artist_whole_whatever_the_host_makes_of_formats(
    node_bundle: Path, runtime: Path, profile: str
) -> None:
    """Natron drops the arguments of a persistent message; a path or host name may hold a percent sign."""
    with Host(profile) as host:
        effect = node_effect(host, node_bundle, make_shot())
        effect.set_param("connection_file", str(runtime / "100%s" / "50%%n.json"))
        rendered = effect.render(5)
    assert f"there is no {runtime}/100%s/50%%n.json" in sentence(rendered)


def test_a_named_connection_file_without_a_backend_is_said_at_once_and_starts_nothing(
    node_bundle: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is started publishes itself elsewhere: waiting for it behind that file took two minutes."""
    monkeypatch.setenv("PROPAINTER_BACKEND", str(launcher(runtime)))
    publish_stale_connection(runtime)
    elsewhere = runtime / "elsewhere.json"
    (runtime / "daemon.json").rename(elsewhere)
    rendered = render_once(node_bundle, auto_start=True, connection_file=str(elsewhere))
    assert rendered.outcome == "failed"
    assert f"runs behind the connection file {elsewhere}" in sentence(rendered)
    assert not (runtime / "pid").exists()


def test_a_backend_that_died_in_the_usual_place_is_started_again(
    node_bundle: Path, runtime: Path, started_daemons: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROPAINTER_BACKEND", str(launcher(runtime)))
    publish_stale_connection(runtime)
    assert render_once(node_bundle, auto_start=True).outcome == "done"


@pytest.mark.parametrize("name", ["Büro", "撮影", "\U0001f3ac take"])
def test_a_runtime_directory_may_have_any_letters(
    node_bundle: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    directory = runtime / name
    directory.mkdir(mode=0o700)
    monkeypatch.setenv("PROPAINTER_RUNTIME_DIR", str(directory))
    shot = make_shot()
    with FakeDaemon(directory), Host("natron") as host:
        rendered = node_effect(host, node_bundle, shot).render(5)
    assert rendered.outcome == "done", sentence(rendered)
    np.testing.assert_array_equal(rendered.pixels, shot.expected(5))
