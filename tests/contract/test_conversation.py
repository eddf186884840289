"""A client and a backend over real sockets: what is asked arrives as it was asked, what is answered comes back."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from recording_backend import FACTS, JOB, SHOT, RecordingBackend

from propainter_wire.client import Client, FrameResult, uploads
from propainter_wire.client import client as client_module
from propainter_wire.connection import Connection, new_key, write_connection
from propainter_wire.errors import (
    BackendDied,
    BackendSilent,
    BackendUnreachable,
    JobCancelled,
    RemoteError,
    UnsafeConnection,
    WireError,
)
from propainter_wire.messages import Accepted, Cancel, Done, Have, InSegment, OpenShot, Progress, Put, Render
from propainter_wire.shm import SHM_DIRECTORY, is_supported
from propainter_wire.shot import Pixels

needs_shm = pytest.mark.skipif(not is_supported(), reason="this machine has no /dev/shm")


class Gradient:
    """A plate whose every frame differs, and a matte that never does; remembers what was read."""

    def __init__(self, height: int = 6, width: int = 8) -> None:
        self.size = height, width
        self.read: list[tuple[str, int]] = []

    def plate(self, frame: int) -> Pixels:
        self.read.append(("plate", frame))
        return np.full((*self.size, 4), frame / 100, np.float32)

    def matte(self, frame: int) -> Pixels | None:
        self.read.append(("matte", frame))
        return np.ones((*self.size, 1), np.uint8)

    def clean(self, frame: int) -> Pixels | None:
        return None

    def shot(self, first: int = 1001, last: int = 1010) -> OpenShot:
        return OpenShot(first, last, self.size[1], self.size[0], 4, "float32")


def large_gradient() -> Gradient:
    """Frames of 9 MiB: above the threshold of shared memory."""
    return Gradient(768, 768)


def results(client: Client, frames: list[int]) -> dict[int, Pixels]:
    return {event.frame: event.pixels for event in client.render(SHOT, frames) if isinstance(event, FrameResult)}


def test_a_frame_goes_there_and_comes_back_bit_for_bit(backend: RecordingBackend) -> None:
    provider = Gradient()
    with Client.connect(backend.connection) as client:
        opened = client.open_shot(provider.shot())
        assert (opened.shot, opened.settings.grow) == (SHOT, 4)
        assert client.prepare(SHOT, [1001, 1002], provider) == 3
        events = list(client.render(SHOT, [1001, 1002], quality="best", priority="final"))
    assert [type(event) for event in events] == [Accepted, Progress, FrameResult, FrameResult, Done]
    for event in events:
        if isinstance(event, FrameResult):
            np.testing.assert_array_equal(event.pixels, provider.plate(event.frame))
            assert (event.region, event.quality, event.provisional) == ((0, 0, 8, 6), "best", False)
    asked = backend.requests_of(Render)[0].message
    assert asked == Render(SHOT, (1001, 1002), "best", "final")


def test_content_crosses_the_wire_once_whatever_frame_or_shot_it_is_in(backend: RecordingBackend) -> None:
    provider = Gradient()
    with Client.connect(backend.connection) as client:
        client.open_shot(provider.shot())
        assert client.offer_frames(SHOT, range(1001, 1006), provider) == 6  # five plates, one matte
        assert client.offer_frames(SHOT, range(1001, 1006), provider) == 0
        with Client.connect(backend.connection) as other:
            assert other.offer_frames(SHOT, range(1004, 1008), provider) == 2
    assert len(backend.puts) == 8
    assert len(backend.requests_of(Have)) == 3


def test_every_frame_is_read_once_even_if_the_offer_takes_several_batches(
    backend: RecordingBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Gradient()
    monkeypatch.setattr(uploads, "_OFFER_BYTES", 2 * provider.plate(0).nbytes)
    provider.read.clear()
    with Client.connect(backend.connection) as client:
        client.offer_frames(SHOT, range(1, 6), provider)
    assert provider.read == [(kind, frame) for frame in range(1, 6) for kind in ("plate", "matte")]
    assert len(backend.requests_of(Have)) == 3


def test_a_matte_the_provider_leaves_out_is_not_spoken_of(backend: RecordingBackend) -> None:
    class StillMatte(Gradient):
        def matte(self, frame: int) -> Pixels | None:
            return super().matte(frame) if frame == 1 else None

    with Client.connect(backend.connection) as client:
        client.offer_frames(SHOT, [1, 2], StillMatte())
    have = backend.requests_of(Have)[0].message
    assert isinstance(have, Have)
    assert [frame.matte is None for frame in have.frames] == [False, True]


@needs_shm
def test_large_frames_travel_by_shared_memory_both_ways_and_leave_no_name_behind(backend: RecordingBackend) -> None:
    provider = large_gradient()
    before = set(SHM_DIRECTORY.glob("ppb-*"))
    with Client.connect(backend.connection) as client:
        client.open_shot(provider.shot())
        client.offer_frames(SHOT, [1, 2, 3, 4], provider)
        mattes_inline = [put.buffer.place for put in backend.puts if put.kind == "matte"]
        plates = [put.buffer.place for put in backend.puts if put.kind == "plate"]
        assert all(isinstance(place, InSegment) for place in plates) and len({place.name for place in plates}) == 1
        assert not any(isinstance(place, InSegment) for place in mattes_inline)
        assert set(SHM_DIRECTORY.glob("ppb-*")) <= before
        for frame, pixels in results(client, [1, 2, 3, 4]).items():
            np.testing.assert_array_equal(pixels, provider.plate(frame))


@needs_shm
@pytest.mark.parametrize("share", [1, 10 * 2**20], ids=["none at all", "enough for one way"])
def test_where_shared_memory_runs_out_the_same_pixels_go_inline(endpoint: str, share: int) -> None:
    provider = large_gradient()
    facts = dataclasses.replace(FACTS, shm_max_bytes=share)
    with RecordingBackend(endpoint, facts=facts) as backend, Client.connect(backend.connection) as client:
        client.open_shot(provider.shot())
        client.offer_frames(SHOT, [1, 2], provider)
        for frame, pixels in results(client, [1, 2]).items():
            np.testing.assert_array_equal(pixels, provider.plate(frame))


def test_a_client_without_shared_memory_is_served_all_the_same(backend: RecordingBackend) -> None:
    provider = large_gradient()
    with Client.connect(backend.connection, shared_memory=False) as client:
        assert not client.welcome.shm
        client.offer_frames(SHOT, [7], provider)
        np.testing.assert_array_equal(results(client, [7])[7], provider.plate(7))


@needs_shm
def test_results_nobody_takes_from_shared_memory_make_later_ones_go_inline(backend: RecordingBackend) -> None:
    provider = large_gradient()
    backend.unread_results = 5  # the segment holds two
    with Client.connect(backend.connection) as client:
        client.open_shot(provider.shot())
        client.offer_frames(SHOT, [1], provider)
        stream = client.render(SHOT, [1])
        next(stream)
        client.ping()  # answered after the results, which by now lie in the segment and on the wire
        taken = [event.pixels for event in stream if isinstance(event, FrameResult)]
    assert len(taken) == 5
    for pixels in taken:
        np.testing.assert_array_equal(pixels, provider.plate(1))


@needs_shm
@pytest.mark.parametrize("taken", [0, 1])
def test_results_left_behind_give_their_shared_memory_back(backend: RecordingBackend, taken: int) -> None:
    provider = large_gradient()
    with Client.connect(backend.connection) as client:
        client.open_shot(provider.shot())
        client.offer_frames(SHOT, [1], provider)
        stream = client.render(SHOT, [1, 1])
        for _ in range(2 + taken):
            next(stream)
        if taken:
            client.ping()  # everything has arrived and lies in the queue
        stream.close()
        client.ping()
        client.ping()  # what was given back has been taken back
        (session,) = backend.router._sessions
        assert [grant.taken for grant in session.segments._grants.values() if grant.use == "download"] == [{}]


def test_a_refusal_arrives_with_its_code_its_sentence_and_its_details(backend: RecordingBackend) -> None:
    backend.refuse["render"] = WireError("frames_missing", "frame 1003 has no plate", {"plates": [[1003, 1003]]})
    backend.refuse["open_shot"] = WireError("bad_settings", "the classical engine knows no precision")
    with Client.connect(backend.connection) as client:
        with pytest.raises(RemoteError, match="frame 1003 has no plate") as caught:
            list(client.render(SHOT, [1003]))
        assert (caught.value.code, caught.value.retry) == ("frames_missing", True)
        assert caught.value.details == {"plates": [[1003, 1003]]}
        with pytest.raises(RemoteError) as refused:
            client.open_shot(Gradient().shot())
        assert (refused.value.code, refused.value.retry) == ("bad_settings", False)
        client.ping()
    assert not backend.requests_of(Cancel)


def test_pixels_that_are_not_what_their_digest_says_are_refused(backend: RecordingBackend) -> None:
    with Client.connect(backend.connection) as client, pytest.raises(RemoteError) as caught:
        client._uploads.put_digested(SHOT, "plate", np.zeros((2, 2, 3), np.uint8), "0" * 32)
    assert caught.value.code == "bad_digest"
    assert not backend.requests_of(Put)


def test_a_job_can_be_cancelled_from_another_thread(backend: RecordingBackend) -> None:
    backend.stall_jobs = True
    with Client.connect(backend.connection) as client:
        stream = client.render(SHOT, [1])
        accepted = next(stream)
        assert isinstance(accepted, Accepted)
        answers: list[bool] = []
        other = threading.Thread(target=lambda: answers.append(client.cancel(accepted.job)))
        other.start()
        with pytest.raises(JobCancelled):
            list(stream)
        other.join()
        assert answers == [True]
        assert client.cancel(accepted.job) is False


def test_turning_away_from_a_render_cancels_it(backend: RecordingBackend) -> None:
    backend.stall_jobs = True
    with Client.connect(backend.connection) as client:
        stream = client.render(SHOT, [1])
        next(stream)
        stream.close()
        backend.wait_for(lambda: backend.requests_of(Cancel))
        client.ping()
    assert backend.requests_of(Cancel)[0].message == Cancel(JOB)


def test_many_threads_may_share_a_client(backend: RecordingBackend) -> None:
    provider = Gradient()
    failures: list[BaseException] = []

    def work(frame: int) -> None:
        try:
            for _ in range(10):
                client.ping()
                np.testing.assert_array_equal(results(client, [frame])[frame], provider.plate(frame))
        except BaseException as error:
            failures.append(error)

    with Client.connect(backend.connection) as client:
        client.offer_frames(SHOT, range(1, 5), Gradient())
        threads = [threading.Thread(target=work, args=(frame,)) for frame in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures


def test_a_backend_that_dies_is_noticed_by_everybody_who_waits(backend: RecordingBackend) -> None:
    backend.stall_jobs = True
    with Client.connect(backend.connection) as client:
        stream = client.render(SHOT, [1])
        next(stream)
        next(stream)
        killer = threading.Timer(0.1, backend.die)
        killer.start()
        with pytest.raises(BackendDied, match="is gone"):
            next(stream)
        with pytest.raises(BackendDied):
            client.ping()
        killer.join()


def test_what_a_backend_said_before_it_stopped_still_arrives(endpoint: str) -> None:
    for _ in range(10):  # it is a race; one in three was lost once
        with RecordingBackend(endpoint) as backend, Client.connect(backend.connection) as client:
            assert client.stop() == 0


def test_a_client_that_dies_ends_its_session_soon(backend: RecordingBackend) -> None:
    client = Client.connect(backend.connection)
    stays = Client.connect(backend.connection)
    client.close()
    backend.wait_for(lambda: backend.ended)
    assert [end.reason for end in backend.ended] == ["the client is gone"]
    assert stays.status().sessions == 1
    stays.close()


def test_clients_that_come_and_go_all_the_time_leave_no_sessions_behind(backend: RecordingBackend) -> None:
    backend.stall_jobs = True
    most = 0
    for _ in range(40):
        with Client.connect(backend.connection) as client:
            next(client.render(SHOT, [1]))
            most = max(most, client.status().sessions)
    assert most < 40
    backend.wait_for(lambda: len(backend.ended) == 40)


def test_a_silent_backend_is_waited_for_only_so_long(backend: RecordingBackend) -> None:
    backend.stall_jobs = True
    with Client.connect(backend.connection) as client:
        exchange = client._link.send(Render(SHOT, (1,)))
        exchange.next(10)
        exchange.next(10)
        with pytest.raises(BackendSilent, match=r"for 0\.05 s"):
            exchange.next(0.05)


def test_nobody_listening_is_said_at_once(place: Path) -> None:
    for endpoint in (f"ipc://{place}/nobody", "tcp://127.0.0.1:1"):
        with pytest.raises(BackendUnreachable, match="nothing listens"):
            Client.connect(Connection(endpoint, new_key(), 1), timeout_s=20)


def test_a_client_with_yesterday_s_key_is_told_and_reads_the_file_again(backend: RecordingBackend, place: Path) -> None:
    stale = dataclasses.replace(backend.connection, key=new_key())
    with pytest.raises(UnsafeConnection, match="does not know this client's key"):
        Client.connect(stale)
    path = place / "daemon.json"
    write_connection(path, stale)
    real_read = client_module.read_connection
    reads: list[Path | None] = []

    def read_while_the_daemon_restarts(path: Path | None) -> Connection:
        found = real_read(path)
        assert path is not None
        write_connection(path, backend.connection)
        reads.append(path)
        return found

    client_module.read_connection = read_while_the_daemon_restarts  # the moment between two reads, made certain
    try:
        Client.connect(path).close()
    finally:
        client_module.read_connection = real_read
    assert len(reads) == 2


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_lease_is_kept_alive_without_the_caller_and_ends_without_the_client(endpoint: str) -> None:
    clock = Clock()
    facts = dataclasses.replace(FACTS, lease_s=10)
    with (
        RecordingBackend(endpoint, facts=facts, clock=clock) as backend,
        Client.connect(backend.connection) as client,
    ):
        for _ in range(3):
            clock.now += 6
            client._link._keep_alive_s = 0.0  # a third of the lease has passed
            client._link._waker.wake()
            backend.wait_for(lambda: all(s.heard_at == clock.now for s in backend.router._sessions))
        client._link._keep_alive_s = None
        for _ in range(2):  # after the second answer no ping sent before is still on its way
            assert client.status().sessions == 1
        clock.now += 11
        backend.router.wake()
        backend.wait_for(lambda: backend.ended)
        assert backend.ended[0].reason == "the client said nothing for 10 s"
        with pytest.raises(RemoteError) as caught:
            client.status()
        assert (caught.value.code, caught.value.retry) == ("no_session", True)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_during_a_render_ends_the_program_and_with_it_the_job(backend: RecordingBackend, place: Path) -> None:
    backend.stall_jobs = True
    path = place / "daemon.json"
    write_connection(path, backend.connection)
    program = (
        "import sys; from pathlib import Path; from propainter_wire.client import Client\n"
        "with Client.connect(Path(sys.argv[1])) as client:\n"
        "    for event in client.render('5' * 32, [1]): print(type(event).__name__, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "Accepted\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert "KeyboardInterrupt" in errors and process.returncode != 0
    backend.wait_for(lambda: backend.requests_of(Cancel) or backend.ended)


def test_a_program_that_forgets_to_close_still_ends(backend: RecordingBackend, place: Path) -> None:
    path = place / "daemon.json"
    write_connection(path, backend.connection)
    program = "import sys; from pathlib import Path; from propainter_wire.client import Client\n"
    program += "client = Client.connect(Path(sys.argv[1])); client.ping(); print('done')"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "done\n"
