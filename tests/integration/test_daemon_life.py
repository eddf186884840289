"""The daemon comes, is the only one, answers its commands, and leaves nothing behind."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from daemon_harness import PATIENCE_S, Daemon, TinyShot, assert_gone, daemon, home, wait_until

from builders import box_matte, moving_plates
from propainter_backend.daemon.devices import cuda_device_count
from propainter_wire.client import Client
from propainter_wire.connection import Connection
from propainter_wire.errors import BackendDied, BackendUnreachable, JobCancelled, RemoteError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and sockets of POSIX")


@pytest.fixture(scope="module")
def running():
    with daemon() as started:
        yield started


# --- coming


def test_the_daemon_s_own_process_never_loads_torch(running):
    with running.client() as client:
        shot = TinyShot(2)
        shot.render(client, shot.open(client))
    assert "libtorch" not in Path(f"/proc/{running.pid}/maps").read_text()
    assert "libtorch" in Path(f"/proc/{running.worker().pid}/maps").read_text()


def test_it_answers_before_its_worker_is_ready_and_says_so():
    with daemon() as started, started.client() as client:
        client.ping()
        status = client.status()
        assert status.pid == started.pid
        assert status.device == "starting" and status.notes == ("the worker process is starting",)
        shot = TinyShot(2)
        shot.open(client)  # waits for the worker
        status = client.status()
        assert (status.engine, status.device, status.notes) == ("classical", "cpu", ())


def test_a_gpu_that_is_not_there_is_one_sentence_that_names_the_processor():
    with home() as folder:
        answer = Daemon(folder).run("--gpu", "99")
    assert answer.returncode == 2
    (sentence,) = answer.stderr.strip().splitlines()
    assert "GPU 99" in sentence and "--device cpu" in sentence


@pytest.mark.skipif(cuda_device_count() > 0, reason="this machine has a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "cuda:x", "tpu"])
def test_a_device_that_is_not_there_is_refused_in_one_sentence(device):
    with home() as folder:
        answer = Daemon(folder).run("--device", device)
    assert answer.returncode == 2
    (sentence,) = answer.stderr.strip().splitlines()
    assert "not there" in sentence or f"no device '{device}'" in sentence
    assert "--device cpu" in sentence


def test_a_daemon_on_the_processor_refuses_half_precision_and_a_command_that_wants_cuda(running, tmp_path):
    with running.client() as client, pytest.raises(RemoteError, match=r"fp16 needs CUDA.*precision auto or fp32"):
        TinyShot(2).open(client, precision="fp16")
    for number, frame in enumerate(moving_plates(2)):
        matte = np.uint8(255 * box_matte((64, 48), left=20, top=16))
        for name, pixels in (("plate", frame.pixels), ("matte", matte)):
            (tmp_path / name).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / name / f"a.{number:04d}.png"), pixels)
    given = [f"--{name}={tmp_path / name}" for name in ("plate", "matte")]
    for more, says in ((["--device=cuda"], "--device cuda was asked for"), (["--precision=bf16"], "bf16 needs CUDA")):
        answer = subprocess.run(
            [sys.executable, "-m", "propainter_backend.commands.remove", *given, f"--output={tmp_path / 'out'}",
             f"--backend={running.runtime / 'daemon.json'}", *more],
            env=running.environ, capture_output=True, text=True,
        )  # fmt: skip
        assert answer.returncode == 2 and says in answer.stderr, answer.stderr
        assert not (tmp_path / "out").exists()


def test_auto_says_what_it_chose():
    with home() as folder, daemon(at=folder) as started:
        started.terminate()
        started.log.unlink()
        started.options = ("--device", "auto")
        started.start()
        chosen = "auto chose GPU 0" if cuda_device_count() else "auto chose cpu (no CUDA device is found)"
        assert chosen in started.said()


def test_a_second_daemon_ends_with_75_and_leaves_the_first_alone(running):
    answer = running.run("--device", "cpu")
    assert answer.returncode == 75
    assert f"process {running.pid}" in answer.stderr
    with running.client() as client:
        client.ping()


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("tcp://0.0.0.0:*", "CURVE"),
        ("tcp://localhost:9", "numeric"),
        ("tcp://127.0.0.1:{taken}", "choose another --endpoint"),
        ("ipc://{open}/socket", "open to others"),
    ],
)
def test_an_address_it_must_not_or_cannot_have_is_refused_in_one_sentence(endpoint, said):
    with home() as folder, socket.create_server(("127.0.0.1", 0)) as taken:
        everybodys = folder / "open"
        everybodys.mkdir()
        everybodys.chmod(0o777)
        endpoint = endpoint.format(taken=taken.getsockname()[1], open=everybodys)
        answer = Daemon(folder).run("--device", "cpu", "--endpoint", endpoint)
        assert answer.returncode == 2 and said in answer.stderr
        assert "Traceback" not in answer.stderr
        assert not (folder / "run" / "daemon.json").exists()


# --- leaving


def test_sigterm_leaves_neither_file_nor_socket_nor_process():
    with home() as folder, daemon(at=folder) as started:
        shot = TinyShot(2)
        with started.client() as client:
            shot.open(client)
            family = started.family()
            assert family
            assert started.terminate() == 0
            with pytest.raises((BackendDied, RemoteError)):
                client.status()
        assert sorted(path.name for path in started.runtime.iterdir()) == ["daemon.lock"]
        assert_gone(family)


@pytest.mark.parametrize("is_ready", [False, True], ids=["a starting worker", "an idle worker"])
def test_a_killed_daemon_takes_its_worker_with_it(is_ready):
    with home() as folder, daemon(at=folder) as started:
        if is_ready:
            with started.client() as client:
                TinyShot(2).open(client)
        family = [started.worker(), *started.family()]
        started.kill()
        assert_gone(family)


def test_a_daemon_killed_while_its_worker_works_takes_it_with_it():
    with home() as folder, daemon(at=folder) as started, started.client() as client:
        shot = TinyShot(48)
        opened = shot.open(client, chunk_length=12)
        client.prepare(opened, shot.frames, shot)
        events = client.render(opened, shot.frames, priority="final")
        next(events)
        next(event for event in events if getattr(event, "stage", "") in ("flow", "completion"))
        family = started.family()
        started.kill()
        with pytest.raises(BackendDied):
            list(events)
        assert_gone(family)


def test_a_new_daemon_takes_the_place_of_a_killed_one():
    with home() as folder, daemon(at=folder) as started:
        stale = started.connection()
        started.kill()
        assert (started.runtime / "daemon.json").exists()
        with pytest.raises(BackendUnreachable):
            Client.connect(stale)
        started.start()
        assert started.connection().key != stale.key
        with started.client() as client:
            client.ping()


def test_a_daemon_nobody_uses_ends_after_its_idle_time_and_not_while_a_client_is_there():
    with home() as folder, daemon("--idle-timeout", "3", at=folder) as started:
        assert started.process is not None
        try:
            with started.client() as client:
                wait_until(lambda: client.status().uptime_s > 5.0)
        except BackendUnreachable:
            pytest.skip("too slow a machine: the idle time passed before the client came")
        assert started.process.wait(PATIENCE_S) == 0
        assert not (started.runtime / "daemon.json").exists()
        assert "nobody has asked" in started.said()


def test_a_daemon_ends_with_the_process_it_was_to_live_as_long_as():
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with home() as folder, daemon("--parent-pid", str(parent.pid), at=folder) as started, started.client() as client:
        client.ping()
        assert started.process is not None and started.process.poll() is None
        parent.kill()  # not waited for: a process that has ended and not been fetched has ended all the same
        assert started.process.wait(PATIENCE_S) == 0
    parent.wait()


def test_stop_ends_it_from_the_command_line():
    with home() as folder, daemon(at=folder) as started:
        answer = started.run("stop")
        assert (answer.returncode, answer.stdout) == (0, "stopping\n")
        assert started.process is not None and started.process.wait(PATIENCE_S) == 0


def test_stop_when_idle_lets_a_job_finish_and_takes_no_new_one():
    with home() as folder, daemon(at=folder) as started, started.client() as client:
        shot = TinyShot(8)
        opened = shot.open(client)
        client.prepare(opened, shot.frames, shot)
        events = client.render(opened, shot.frames)
        accepted = next(events)
        assert client.stop("idle") == 1
        with pytest.raises(RemoteError, match="is stopping"):
            next(client.render(opened, [1001]))
        frames = {event.frame for event in events if hasattr(event, "pixels")}
        assert frames == set(shot.frames) and accepted
        assert started.process is not None and started.process.wait(PATIENCE_S) == 0


def test_stop_now_tells_its_clients_that_their_jobs_have_ended():
    with home() as folder, daemon(at=folder) as started, started.client() as client:
        shot = TinyShot(48)
        opened = shot.open(client, chunk_length=12)
        client.prepare(opened, shot.frames, shot)
        events = client.render(opened, shot.frames)
        next(events)
        assert client.stop("now") == 1
        with pytest.raises((JobCancelled, BackendDied)):
            list(events)
        assert started.process is not None and started.process.wait(PATIENCE_S) == 0


# --- its commands


def test_status_is_for_people_and_as_json_for_programs(running):
    answer = running.run("status")
    assert answer.returncode == 0
    assert f"process {running.pid}" in answer.stdout and "engine classical" in answer.stdout
    told = json.loads(running.run("status", "--json").stdout)
    assert told["pid"] == running.pid and told["sessions"] == 1 and told["running"] is True
    assert {"rss_bytes", "worker_rss_bytes", "cache_bytes", "cache_limit_bytes"} <= set(told["memory"])


def test_the_cache_is_listed_and_cleared_from_the_command_line(running):
    with running.client() as client:
        shot = TinyShot(4, seed=77)
        first = shot.render(client, shot.open(client))
        assert first.computed("flow") == 3
        listed = running.run("cache", "list").stdout
        assert "content: 0 entries" not in listed and "artifacts: 0 entries" not in listed
        cleared = running.run("cache", "clear")
        assert cleared.returncode == 0
        assert "content: 0 entries" in cleared.stdout and "artifacts: 0 entries" in cleared.stdout
        assert "freed 0.0 MB" not in cleared.stdout
        assert not [path for path in running.cache.rglob("*") if path.is_file()]
        again = shot.render(client, shot.open(client))
        assert again.computed("flow") == 3


def test_commands_without_a_daemon_say_in_one_sentence_that_there_is_none():
    with home() as folder:
        for command in (("status",), ("stop",), ("cache", "list")):
            answer = Daemon(folder).run(*command)
            assert answer.returncode == 2 and "no backend is running" in answer.stderr
            assert "Traceback" not in answer.stderr
        told = Daemon(folder).run("status", "--json")
        assert told.returncode == 2 and told.stderr == ""
        assert json.loads(told.stdout)["running"] is False and json.loads(told.stdout)["reason"]


def test_the_doctor_finds_the_daemon_and_everything_a_render_needs(running):
    answer = running.run("doctor")
    assert answer.returncode == 0, answer.stdout
    for said in ("torch", "cv2", "runtime directory", "shared memory", "cache", f"process {running.pid}"):
        assert said in answer.stdout
    notes = [line for line in answer.stdout.splitlines() if line.startswith("note ")]
    assert any("the ProPainter weights are not installed" in note for note in notes), (
        "what is only worth knowing is a note"
    )
    lines = answer.stdout.splitlines()
    advised = {line[:4].strip() for line, after in itertools.pairwise(lines) if after.startswith("       ")}
    assert "ok" not in advised, "what comes with advice is not simply well"
    assert "FIX" not in answer.stdout.replace("FIX  cache", "").replace("FIX  shared memory", "")
    told = json.loads(running.run("doctor", "--json").stdout)
    assert {one["what"] for one in told if one["about"] == "library"} >= {
        line[5:] for line in lines if "torch" in line[:10]
    }
    assert [one["mark"] for one in told if one["about"] == "weights"] == ["note"]
    assert {one["mark"] for one in told} <= {"ok", "note", "FIX"}


def test_the_doctor_says_what_to_do_about_a_runtime_directory_others_may_enter():
    with home() as folder:
        unsafe = Daemon(folder)
        unsafe.runtime.mkdir()
        unsafe.runtime.chmod(0o755)
        answer = unsafe.run("doctor")
    assert answer.returncode == 2
    assert "FIX  runtime directory" in answer.stdout and "PROPAINTER_RUNTIME_DIR" in answer.stdout


def test_the_secret_key_stays_out_of_the_log(running):
    assert isinstance(running.connection(), Connection)
    assert running.connection().key.hex() not in running.said()
