"""A daemon that lets another machine do the work: the same frames, the same protocol, and no way in for strangers."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from daemon_harness import PATIENCE_S, Daemon, TinyShot, assert_same, collect, daemon, hold_still, home, wait_until

from matte_scenes import moving_disc
from propainter_backend.daemon.keys import client_keys, daemon_keys, make_keys, remote_backend, signing_key
from propainter_backend.daemon.relay import received_pixels
from propainter_backend.errors import BadInput
from propainter_wire.client import Client, FrameMatte
from propainter_wire.connection import Connection
from propainter_wire.errors import BackendUnreachable, JobCancelled, PropainterError, RemoteError, WireError
from propainter_wire.framing import Envelope, Header
from propainter_wire.messages import (
    Accepted,
    Buffer,
    Done,
    FrameContent,
    Have,
    Inline,
    InSegment,
    Need,
    OpenShot,
    Progress,
    Result,
)
from propainter_wire.shot import digest_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and sockets of POSIX")


def make_acquainted(server: Path, client: Path) -> None:
    """Two folders of keys, each with the other's public one, as ``keys new`` says to copy them."""
    for folder in (server, client):
        make_keys(folder)
    (server / "clients" / "workstation.key").write_bytes((client / "public.key").read_bytes())
    (client / "server.key").write_bytes((server / "public.key").read_bytes())


def start_server(folder: Path, port: str = "*") -> Daemon:
    options = ("--endpoint", f"tcp://127.0.0.1:{port}", "--curve-keys", str(folder / "keys"))
    return Daemon(folder, *options).start()


def start_relay(folder: Path, port: str) -> Daemon:
    return Daemon(folder, "--relay", f"localhost:{port}", "--curve-keys", str(folder / "keys")).start()


def port_of(server: Daemon) -> str:
    return server.connection().endpoint.rsplit(":", 1)[1]


@contextmanager
def both() -> Iterator[tuple[Daemon, Daemon]]:
    """A daemon that wants CURVE, and a relay to it."""
    with home() as there, home() as here:
        make_acquainted(there / "keys", here / "keys")
        server = start_server(there)
        try:
            relay = start_relay(here, port_of(server))
            try:
                yield server, relay
            finally:
                if relay.process is not None and relay.process.poll() is None:
                    relay.terminate()
        finally:
            if server.process is not None and server.process.poll() is None:
                server.terminate()


@pytest.fixture(scope="module")
def pair():
    with both() as running:
        yield running


def directly(server: Daemon) -> Client:
    """A client on the server's own machine, which the server's own keys let in."""
    return Client.connect(
        server.connection(), name="beside", keys=client_keys(server.home / "keys"), timeout_s=PATIENCE_S
    )


# --- the same frames


def test_frames_through_the_relay_are_those_of_the_daemon_itself(pair):
    server, relay = pair
    shot = TinyShot(6, seed=201)
    with relay.client() as client, directly(server) as beside:
        assert client.welcome.engine == "classical" and server.connection().endpoint in client.welcome.device
        through = shot.render(client, shot.open(client), provisional=True)
        assert through.order[0] == (1001, True)
        assert {"flow", "painting"} <= {progress.stage for progress in through.progress}
        assert through.computed("flow") == 5
        assert_same(through, shot.expected())
        same = shot.render(beside, shot.open(beside))
        assert same.computed("flow") == 0
        assert_same(through, same)


def test_large_frames_go_by_shared_memory_on_this_machine_and_inline_to_the_other(pair):
    _, relay = pair
    plate, matte = np.zeros((1536, 2048, 3), np.uint8), np.zeros((1536, 2048, 1), np.uint8)
    plate[..., 1], matte[:8, :8] = 77, 255
    with relay.client() as client:
        shot = client.open_shot(OpenShot(1, 2, 2048, 1536, 3, "uint8")).shot
        digests = [client.put(shot, "plate", plate), client.put(shot, "matte", matte)]
        client.ask(Have(shot, tuple(FrameContent(n, *digests) for n in (1, 2))), Need)
        hole = collect(client.render(shot, [1], output="hole", dtype="float32")).frames[1]
        assert client._memory is not None and len(client._memory._segments) == 2
    assert hole.shape == (1536, 2048, 1) and hole[4, 4] == 1 and hole[100, 100] == 0


def test_mattes_through_the_relay_are_those_of_the_daemon_itself(pair):
    server, relay = pair
    scene = moving_disc(3, speed=3)
    height, width = scene.frames[0].shape[:2]
    marks = {"boxes": [list(scene.box(0))]}
    found = []
    for connect in (relay.client, lambda: directly(server)):
        with connect() as client:
            shot = client.open_shot(OpenShot(1, 3, width, height, 3, "uint8")).shot
            digests = [client.put(shot, "plate", frame) for frame in scene.frames]
            told = tuple(FrameContent(1 + i, digest) for i, digest in enumerate(digests))
            assert client.ask(Have(shot, told), Need).plates == ()
            key = client.select(shot, 1, marks)
            events = list(client.track(shot, {1: key.digest}, 1, 3))
            found.append([key.digest, *(event.digest for event in events if isinstance(event, FrameMatte))])
            assert isinstance(events[-1], Done)
    assert len(found[0]) == 4
    assert found[0] == found[1]


def test_cancelling_and_leaving_reach_the_daemon(pair):
    server, relay = pair
    shot = TinyShot(48, seed=202)
    with directly(server) as beside:
        with relay.client() as client:
            opened = shot.open(client, chunk_length=12)
            client.prepare(opened, shot.frames, shot)
            events = client.render(opened, shot.frames, priority="final")
            accepted = next(events)
            assert isinstance(accepted, Accepted)
            next(event for event in events if isinstance(event, Progress) and event.stage == "flow")
            assert client.cancel(accepted.job)
            with pytest.raises(JobCancelled):
                collect(events)
            left_alone = client.render(opened, [1048], priority="final")
            next(left_alone)
            assert len(beside.status().jobs) == 1
        wait_until(lambda: beside.status().jobs == () and beside.status().sessions == 1)


def test_a_cancel_is_served_however_many_requests_are_under_way_and_none_of_them_takes_a_thread(pair):
    server, relay = pair
    shot = TinyShot(4, seed=206)
    with relay.client() as client:
        opened = shot.open(client)
        client.prepare(opened, shot.frames, shot)
        worker = server.worker()
        hold_still(worker)
        try:
            before = psutil.Process(relay.pid).num_threads()
            jobs = [client.render(opened, [frame % 4 + 1001]) for frame in range(120)]
            accepted = [next(job) for job in jobs]
            assert all(isinstance(each, Accepted) for each in accepted)
            assert psutil.Process(relay.pid).num_threads() <= before + 2
            assert client.cancel(accepted[-1].job)
            with pytest.raises(JobCancelled):
                collect(jobs[-1])
        finally:
            worker.resume()
        assert_same(collect(jobs[0]), shot.expected([1001]))


def test_status_and_stop_of_the_relay_are_served_while_the_daemon_is_stuck():
    with both() as (server, relay), relay.client() as client:
        stuck = psutil.Process(server.pid)
        hold_still(stuck)
        try:
            notes = client.status().notes
            assert f"process {relay.pid}" in notes[0] and "has not answered" in notes[1]
            assert relay.run("stop").returncode == 0
            assert relay.process is not None and relay.process.wait(30) == 0
        finally:
            stuck.resume()


def test_refusals_keep_their_code_sentence_and_details(pair):
    _, relay = pair
    shot = TinyShot(4, seed=203)
    with relay.client() as client:
        opened = shot.open(client)
        with pytest.raises(RemoteError, match="must be sent before") as refused:
            next(client.render(opened, [1001]))
        assert refused.value.code == "frames_missing" and refused.value.retry
        assert refused.value.details == {"plates": [[1001, 1004]], "mattes": [[1001, 1004]], "cleans": []}


def test_status_names_the_daemon_and_the_road_to_it(pair):
    server, relay = pair
    answer = relay.run("status")
    assert f"process {server.pid}" in answer.stdout
    assert f"through a relay on this machine, process {relay.pid}" in answer.stdout


def test_the_relay_needs_no_torch_and_no_numbers_of_gpus(pair):
    _, relay = pair
    assert "libtorch" not in Path(f"/proc/{relay.pid}/maps").read_text()
    assert relay.workers() == []


@pytest.mark.parametrize(
    ("place", "digest", "code"),
    [
        (Inline(0), "0" * 32, "bad_digest"),
        (InSegment("ppb-" + "0" * 32, 0, 12, 1), None, "bad_buffer"),
    ],
)
def test_pixels_that_arrive_damaged_or_in_another_machine_s_memory_are_not_passed_on(place, digest, code):
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    name = digest or digest_of(pixels)
    result = Result("0" * 32, 1001, "normal", False, (0, 0, 2, 2), name, Buffer("uint8", (2, 2, 3), place))
    header = Header.fresh(result, session="", seq=1)
    with pytest.raises(WireError) as refused:
        received_pixels(result, Envelope(header, "", result, (pixels.reshape(-1).data,)))
    assert refused.value.code == code


# --- ends


def test_stopping_the_relay_leaves_the_daemon_running_and_nothing_else_behind():
    with both() as (server, relay):
        assert relay.run("stop").returncode == 0
        assert relay.process is not None and relay.process.wait(30) == 0
        assert sorted(path.name for path in relay.runtime.iterdir()) == ["daemon.lock"]
        with directly(server) as beside:
            wait_until(lambda: beside.status().sessions == 1)
        assert server.run("--curve-keys", str(server.home / "keys"), "stop").returncode == 0
        assert server.process is not None and server.process.wait(30) == 0


def test_a_daemon_that_dies_is_said_and_one_that_returns_is_found():
    shot = TinyShot(4, seed=204)
    with both() as (server, relay), relay.client() as client:
        opened = shot.open(client)
        client.prepare(opened, shot.frames, shot)
        events = client.render(opened, shot.frames)
        next(events)
        port = port_of(server)
        server.kill()
        with pytest.raises(RemoteError, match="has ended") as refused:
            collect(events)
        assert refused.value.code == "no_session" and refused.value.retry
        with pytest.raises(RemoteError, match="has ended"):
            shot.open(client)
        status = client.status()
        assert status.pid == relay.pid and "has ended" in status.notes[1]
        with relay.client() as other, pytest.raises(RemoteError, match="cannot be reached from here"):
            shot.open(other)
        server.options = ("--endpoint", f"tcp://127.0.0.1:{port}", *server.options[2:])
        server.start()
        with relay.client() as again:
            assert_same(shot.render(again, shot.open(again)), shot.expected())


def test_a_relay_whose_daemon_is_not_there_says_so_at_its_start():
    with home() as folder:
        make_acquainted(folder / "there", folder / "here")
        answer = Daemon(folder).run("--relay", "127.0.0.1:9", "--curve-keys", str(folder / "here"))
        assert answer.returncode == 2 and "tcp://127.0.0.1:9" in answer.stderr
        assert "Traceback" not in answer.stderr


# --- strangers


def test_a_client_whose_key_is_not_known_does_not_come_in(pair):
    server, _ = pair
    with home() as folder:
        make_keys(folder / "keys")
        (folder / "keys" / "server.key").write_bytes((server.home / "keys" / "public.key").read_bytes())
        answer = Daemon(folder).run("--relay", f"localhost:{port_of(server)}", "--curve-keys", str(folder / "keys"))
        assert answer.returncode == 2
        assert "does not let this client in" in answer.stderr
    assert "its CURVE key is not known" in server.said()


def test_a_daemon_with_another_key_than_expected_is_not_trusted(pair):
    server, relay = pair
    with home() as folder:
        make_keys(folder / "other")
        imposter = (folder / "other" / "public.key").read_bytes().strip().decode()
        own = client_keys(relay.home / "keys")
        endpoint = server.connection().endpoint
        key = signing_key(imposter.encode())
        with pytest.raises(PropainterError):
            Client.connect(Connection(endpoint, key, 0, server_key=imposter), keys=own, timeout_s=3)


def test_a_client_without_curve_does_not_come_in(pair):
    server, _ = pair
    plain = Connection(server.connection().endpoint, server.connection().key, 0)
    with pytest.raises(PropainterError):
        Client.connect(plain, timeout_s=3)
    with pytest.raises(BackendUnreachable, match="wants CURVE keys"):
        Client.connect(server.connection())


# --- keys


def test_new_keys_are_its_owner_s_alone_and_never_overwritten():
    with home() as folder:
        answer = Daemon(folder).run("keys", "new", str(folder / "keys"))
        assert answer.returncode == 0 and "server.key" in answer.stdout and "clients/NAME.key" in answer.stdout
        public = (folder / "keys" / "public.key").read_text().strip()
        assert f"public key: {public}" in answer.stdout
        secret = folder / "keys" / "secret.key"
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert stat.S_IMODE((folder / "keys").stat().st_mode) == 0o700
        assert secret.read_text().strip() not in answer.stdout
        again = Daemon(folder).run("keys", "new", str(folder / "keys"))
        assert again.returncode == 2 and "not overwritten" in again.stderr
        assert (folder / "keys" / "public.key").read_text().strip() == public


def test_keys_that_others_could_read_are_refused(tmp_path):
    make_keys(tmp_path / "keys")
    (tmp_path / "keys" / "secret.key").chmod(0o644)
    with pytest.raises(BadInput, match="chmod 600"):
        client_keys(tmp_path / "keys")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "server.key").unlink(), "copy the backend's public.key to it"),
        (lambda folder: (folder / "server.key").write_text("short"), "not a CURVE key"),
        (lambda folder: (folder / "secret.key").unlink(), "keys new"),
    ],
)
def test_a_missing_or_damaged_key_is_named_with_the_way_out(tmp_path, damage, said):
    make_acquainted(tmp_path / "there", tmp_path / "here")
    damage(tmp_path / "here")
    with pytest.raises(BadInput, match=said):
        remote_backend("tcp://10.0.0.1:7788", tmp_path / "here")


def test_a_daemon_nobody_could_connect_to_is_not_started(tmp_path):
    make_keys(tmp_path / "keys")
    with pytest.raises(BadInput, match="clients holds no public key"):
        daemon_keys(tmp_path / "keys")
    with home() as folder:
        answer = Daemon(folder).run("--endpoint", "tcp://0.0.0.0:*", "--curve-keys", str(tmp_path / "keys"))
        assert answer.returncode == 2 and "clients holds no public key" in answer.stderr


def test_with_curve_and_known_clients_any_address_may_be_bound_and_is_published_as_this_machine_s():
    with home() as there, home() as here:
        make_acquainted(there / "keys", here / "keys")
        with daemon("--endpoint", "tcp://0.0.0.0:*", "--curve-keys", str(there / "keys"), at=there) as server:
            assert server.connection().endpoint.startswith("tcp://127.0.0.1:")
            with directly(server) as client:
                client.ping()


def test_the_signing_key_of_a_daemon_with_curve_is_what_the_page_says():
    """docs/wire.md, section 10: sha-256 over the ASCII text and the public key in Z85."""
    public = b"0" * 40
    assert signing_key(public).hex() == "96bd4037282ee77ac46910d2621dbc0a065b92ad130ea43ae14f32cb597c85a1"


@pytest.mark.parametrize("where", ["host", "host:x", ":7", "no.such.host.invalid:7788", "127.0.0.1:99999"])
def test_an_address_to_relay_to_that_makes_no_sense_is_one_sentence(where):
    with home() as folder:
        make_acquainted(folder / "there", folder / "here")
        answer = Daemon(folder).run("--relay", where, "--curve-keys", str(folder / "here"))
        assert answer.returncode == 2 and "Traceback" not in answer.stderr
        assert where in answer.stderr


def test_a_relay_without_keys_is_refused():
    with home() as folder:
        answer = Daemon(folder).run("--relay", "127.0.0.1:7788")
        assert answer.returncode == 2 and "--curve-keys" in answer.stderr


def test_sigterm_to_the_relay_leaves_nothing():
    with both() as (_, relay):
        os.kill(relay.pid, signal.SIGTERM)
        assert relay.process is not None and relay.process.wait(30) == 0
        assert not (relay.runtime / "daemon.json").exists()
