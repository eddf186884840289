"""Whoever dies, forgets, reads slowly or runs out of room: frames are right, nothing is corrupt, nothing is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
import zmq
from daemon_harness import (
    Daemon,
    TinyShot,
    assert_same,
    collect,
    daemon,
    hold_still,
    home,
    wait_until,
)

from propainter_backend.render.shot_cache import ShotCache
from propainter_wire.client import Client
from propainter_wire.connection import Connection
from propainter_wire.errors import BackendDied, RemoteError
from propainter_wire.framing import Envelope, Header, decode, encode
from propainter_wire.messages import (
    DAEMON_MESSAGES,
    Accepted,
    ChangeSettings,
    Done,
    FrameContent,
    Have,
    Hello,
    Message,
    OpenShot,
    Pong,
    Progress,
    Render,
    Result,
    Welcome,
)
from propainter_wire.shot import digest_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and sockets of POSIX")

LONG = 48
CHUNKS = {"chunk_length": 12}


@pytest.fixture(scope="module")
def running():
    """Tests hold its worker still: the daemon must not end it for that, however slow the machine is."""
    with daemon("--worker-silence", "600") as started:
        yield started


def kept(client: Client) -> dict[str, int]:
    """What the daemon remembers on behalf of clients."""
    return dict(client.status().memory["kept"])


def units(events: Iterator[object]) -> Iterator[Progress]:
    """Progress of a job, unit by unit; accepted and heartbeats left out."""
    return (event for event in events if isinstance(event, Progress) and event.stage not in ("queued", "loading"))


# --- processes that die


def test_a_killed_worker_costs_nothing_but_time(running):
    shot = TinyShot(8, seed=101)
    with running.client() as client:
        opened = shot.open(client)
        client.prepare(opened, shot.frames, shot)
        events = client.render(opened, shot.frames, priority="final")
        next(units(events))
        killed = running.worker()
        killed.kill()
        rendered = collect(events)
        assert_same(rendered, shot.expected())
        assert running.worker().pid != killed.pid
        assert shot.render(client, opened).computed("painting") == 0


def test_a_worker_that_hangs_is_ended_and_its_work_done_by_the_next():
    shot = TinyShot(8, seed=110)
    with daemon("--worker-silence", "2") as started, started.client() as client:
        opened = shot.open(client)
        client.prepare(opened, shot.frames, shot)
        events = client.render(opened, shot.frames, priority="final")
        next(units(events))
        hung = started.worker()
        hold_still(hung)
        assert_same(collect(events), shot.expected())
        assert started.worker().pid != hung.pid
        assert "has not answered" in started.said()


def test_questions_to_a_killed_worker_are_answered_by_the_next(running):
    shot = TinyShot(4, seed=102)
    with running.client() as client:
        client.ping()
        worker = running.worker()
        hold_still(worker)  # it hears nothing, and then it is gone
        events = []
        with running.client() as other:
            exchange = other._link.send(OpenShot(1001, 1004, 48, 32, 3, "uint8", settings={"grow": 9}))
            wait_until(lambda: kept(client)["questions"] >= 1)
            worker.kill()
            events.append(exchange.next(60).message)
        assert events[0].engine == "classical"
        shot.assert_removed(shot.render(client, shot.open(client)))


def test_a_step_that_kills_every_worker_fails_its_job_in_one_sentence_and_no_other(running):
    fatal, other_shot = TinyShot(LONG, seed=103), TinyShot(4, seed=104)
    with running.client() as client, running.client() as other:
        opened = fatal.open(client, **CHUNKS)
        client.prepare(opened, fatal.frames, fatal)
        events = client.render(opened, [1024], priority="playhead")
        with pytest.raises(RemoteError, match="frame 1024 ended its worker process 2 times") as refused:
            is_new = True
            for event in events:
                is_at_work = isinstance(event, Progress) and event.stage not in ("queued", "loading")
                if is_at_work and is_new:
                    running.worker().kill()
                is_new = not is_at_work
        assert refused.value.code == "internal"
        other_shot.assert_removed(other_shot.render(other, other_shot.open(other)))


def test_a_killed_daemon_is_noticed_at_once_and_its_cache_is_sound():
    shot = TinyShot(12, seed=105)
    with home() as folder, daemon(at=folder) as started:
        with started.client() as client:
            opened = shot.open(client)
            client.prepare(opened, shot.frames, shot)
            events = client.render(opened, shot.frames, priority="final")
            next(event for event in units(events) if event.stage == "propagation")
            started.kill()
            with pytest.raises(BackendDied, match="start it again"):
                collect(events)
        assert_sound(started)
        started.start()
        with started.client() as client:
            opened = shot.open(client)
            assert client.prepare(opened, shot.frames, shot) == 0, "every plate and matte is still there"
            rendered = collect(client.render(opened, shot.frames))
            assert rendered.report["stages"]["flow"]["reused"] == 11
        assert_same(rendered, shot.expected())
        assert "does not verify" not in started.said()


def assert_sound(started: Daemon) -> None:
    """Every entry of the cache is what it says it is."""
    for root in (started.cache / "content", started.cache / "artifacts"):
        cache = ShotCache(root, memory_budget=0)
        keys = [path.stem for path in root.glob("??/*.safetensors")]
        assert keys and all(cache.load(key) is not None for key in keys)
        assert not list(root.glob("??/.*.tmp"))


def test_a_worker_that_cannot_start_is_said_in_one_sentence_and_not_waited_for_in_silence():
    with home() as folder:
        broken = folder / "broken" / "cv2"
        broken.mkdir(parents=True)
        (broken / "__init__.py").write_text("raise SystemExit('no OpenCV here')\n")
        path = os.pathsep.join(filter(None, [str(broken.parent), os.environ.get("PYTHONPATH")]))
        with daemon(at=folder, environ={"PYTHONPATH": path}) as started, started.client() as client:
            with pytest.raises(RemoteError, match="propainter-backend doctor") as refused:
                TinyShot(2).open(client)
            assert refused.value.code == "engine_unavailable"
            assert "ends as soon as it starts" in client.status().notes[0]
            client.ping()


# --- content that is gone


def test_evicted_plates_are_asked_for_again_and_the_render_goes_on(running):
    shot = TinyShot(4, seed=106)
    with running.client() as client:
        opened = shot.open(client)
        client.prepare(opened, shot.frames, shot)
        client.clear_cache("content")
        with pytest.raises(RemoteError) as refused:
            collect(client.render(opened, shot.frames))
        assert refused.value.code == "frames_missing" and refused.value.retry
        assert refused.value.details == {"plates": [[1001, 1004]], "mattes": [[1001, 1004]], "cleans": []}
        assert client.prepare(opened, shot.frames, shot) == 8
        assert_same(collect(client.render(opened, shot.frames)), shot.expected())


def test_plates_evicted_while_a_job_waits_fail_it_with_the_frames_to_send_again(running):
    shot = TinyShot(4, seed=107)
    with running.client() as client:
        opened = shot.open(client)
        client.prepare(opened, shot.frames, shot)
        worker = running.worker()
        hold_still(worker)
        waiting = client.render(opened, shot.frames, priority="final")
        assert isinstance(next(waiting), Accepted)
        client.clear_cache("content")
        worker.resume()
        with pytest.raises(RemoteError) as refused:
            collect(waiting)
        assert refused.value.code == "frames_missing"
        assert refused.value.details["plates"] == [[1001, 1004]]
        client.prepare(opened, shot.frames, shot)
        assert_same(collect(client.render(opened, shot.frames)), shot.expected())


def test_a_cache_somebody_deletes_under_way_costs_only_work(running):
    shot = TinyShot(4, seed=109)
    with running.client() as client:
        opened = shot.open(client)
        first = shot.render(client, opened)
        for path in running.cache.rglob("*.safetensors"):
            path.unlink()
        shot.edit(1002)
        assert_same(shot.render(client, opened), shot.expected())
        assert first.frames.keys() == set(shot.frames)


def test_a_damaged_entry_is_dropped_and_computed_again(running):
    shot = TinyShot(4, seed=110)
    with running.client() as client:
        client.clear_cache()
        shot.render(client, shot.open(client))
        for path in running.cache.glob("artifacts/??/*.safetensors"):
            content = bytearray(path.read_bytes())
            content[-1] ^= 255
            path.write_bytes(content)
        worker = running.worker()
        worker.kill()  # the next one knows only the disk
        wait_until(lambda: any(process.pid != worker.pid for process in running.workers()))
        shot.edit(1002)
        assert_same(shot.render(client, shot.open(client)), shot.expected())
    assert "it is dropped and will be recomputed" in running.said()


# --- no room


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    with home() as folder:
        disk = folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], capture_output=True)
        if mounted.returncode:
            pytest.skip("mounting takes an administrator")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_costs_speed_and_nothing_else():
    shots = [TinyShot(6, seed=111 + number) for number in range(3)]
    with small_disk("100k") as folder, daemon("--cache-dir", str(folder / "disk" / "cache"), at=folder) as started:
        with started.client() as client:
            for shot in shots:
                assert_same(shot.render(client, shot.open(client)), shot.expected())
            again = shots[0]
            again.edit(1003)
            assert_same(again.render(client, again.open(client)), again.expected())
            held = {entry.what: entry.count for entry in client.list_cache().entries}
            assert held["content"] < 37, "all that was sent fitted: the disk was never full"
        said = started.said()
    assert said.count("going on without it") <= 2, "said once a cache, not once a file"


def test_a_cache_folder_that_cannot_be_made_is_one_sentence():
    with home() as folder:
        (folder / "file").write_text("")
        answer = Daemon(folder).run("--device", "cpu", "--cache-dir", str(folder / "file" / "cache"))
        assert answer.returncode == 2 and "Traceback" not in answer.stderr and "file" in answer.stderr


# --- clients that misbehave, and what is kept of them


class SlowReader:
    """A client without a thread: nothing is read until it reads."""

    def __init__(self, connection: Connection) -> None:
        self.key = connection.key
        self.seq = 0
        self.session = ""
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.RCVHWM, 1)
        self.socket.connect(connection.endpoint)
        welcome = self.ask(Hello("slow reader", ("1.0",)))
        assert isinstance(welcome, Welcome)
        self.session = welcome.session

    def say(self, message: Message) -> None:
        self.seq += 1
        header = Header.fresh(message, session=self.session, seq=self.seq)
        self.socket.send_multipart(encode(message, header=header, key=self.key))

    def read(self) -> Envelope:
        assert self.socket.poll(60_000), "the daemon says nothing"
        frames = self.socket.recv_multipart(copy=False)
        return decode([frame.buffer for frame in frames], key=self.key, known=DAEMON_MESSAGES)

    def ask(self, message: Message) -> Message:
        """The answer; when some other client has left, the daemon feels for each with a pong nobody asked for."""
        self.say(message)
        while isinstance(answer := self.read().message, Pong):
            pass
        return answer

    def close(self) -> None:
        self.context.destroy(linger=0)


def wide_shot(client: Client, count: int, side: int) -> tuple[OpenShot, Have]:
    """Many frames of one plate and one matte: much to deliver and next to nothing to compute or to send."""
    plate, matte = np.zeros((side, side, 3), np.uint8), np.zeros((side, side, 1), np.uint8)
    matte[:8, :8] = 255
    opening = OpenShot(1, count, side, side, 3, "uint8", settings={"chunk_length": count})
    shot = client.open_shot(opening).shot
    digests = [client.put(shot, "plate", plate), client.put(shot, "matte", matte)]
    return opening, Have(shot, tuple(FrameContent(frame, *digests) for frame in range(1, count + 1)))


def test_results_nobody_reads_are_neither_piled_up_nor_lost(running):
    """200 MB of results for a client that reads none of them: they are computed as far as a few may wait."""
    with running.client() as client:
        opening, have = wide_shot(client, 200, 512)
        reader = SlowReader(running.connection())
        shot = reader.ask(opening).shot
        reader.ask(Have(shot, have.frames))
        before = psutil.Process(running.pid).memory_info().rss
        reader.say(Render(shot, tuple(range(1, 201)), output="hole", dtype="float32", priority="final"))
        wait_until(lambda: kept(client)["held_results"] > 0 and kept(client)["busy_workers"] == 0)
        assert 64 << 20 < kept(client)["held_bytes"] < 70 << 20
        tiny = TinyShot(4, seed=120)
        tiny.assert_removed(tiny.render(client, tiny.open(client)))  # nobody else waits for the slow one
        assert psutil.Process(running.pid).memory_info().rss - before < 190 << 20
        frames, last = [], None
        while not isinstance(last, Done):
            last = reader.read().message
            if isinstance(last, Result):
                frames.append(last.frame)
        assert frames == list(range(1, 201))
        assert kept(client)["held_bytes"] == 0
        reader.close()


@pytest.mark.parametrize("count", [200, 100], ids=["in the middle of a job", "after its job"])
def test_a_client_that_never_reads_leaves_nothing_when_it_goes(running, count):
    with running.client() as client:
        opening, have = wide_shot(client, count, 512)
        reader = SlowReader(running.connection())
        shot = reader.ask(opening).shot
        reader.ask(Have(shot, have.frames))
        reader.say(Render(shot, tuple(range(1, count + 1)), output="hole", dtype="float32", priority="final"))
        wait_until(lambda: kept(client)["held_results"] > 0 and kept(client)["busy_workers"] == 0)
        assert len(client.status().jobs) == (1 if count == 200 else 0)
        reader.close()
        wait_until(lambda: kept(client)["held_results"] == 0 and client.status().jobs == ())


def test_nothing_is_kept_of_clients_that_left_in_the_middle_of_anything(running):
    with running.client() as client:
        shot = TinyShot(LONG, seed=130)
        client.ping()
        for number in range(12):
            with running.client(f"fleeting {number}") as fleeting:
                opened = shot.open(fleeting, grow=number)
                link = fleeting._link
                link.notify(OpenShot(1001, 1048, 48, 32, 3, "uint8", settings={"feather": number}))
                fleeting.prepare(opened, [1001], shot)
                events = fleeting.render(opened, [1001], priority="preview")
                next(events)
                link.notify(Render(opened, (1002,)))
                if number == 5:
                    running.worker().kill()
        wait_until(lambda: client.status().sessions == 1)
        wait_until(lambda: not any(kept(client).values()))
        assert client.status().jobs == ()


def test_nothing_is_begun_for_a_client_that_left_while_its_wish_waited_for_the_worker(running):
    shot = TinyShot(6, seed=140)
    with running.client() as client:
        with running.client() as leaving:
            opened = shot.open(leaving)
            leaving.prepare(opened, shot.frames, shot)
            worker = running.worker()
            hold_still(worker)
            leaving._link.notify(ChangeSettings(opened, {"grow": 13}))
            leaving._link.notify(Render(opened, tuple(shot.frames)))
            wait_until(
                lambda: kept(client)["waiting_requests"] == 2,
                lambda: f"{kept(client)}, worker {worker}, log:\n{running.said()[-4000:]}",
            )
        wait_until(lambda: kept(client)["shots"] == 0)
        worker.resume()
        wait_until(lambda: not any(kept(client).values()))
        states = {line.stage: line.runs for line in client.cache_state(shot.open(client)).stages}
        assert states["flow"] == ((1001, 1005, "missing"),)


def test_a_client_that_leaves_before_the_worker_is_ready_leaves_nothing():
    with daemon() as started:
        with started.client() as early:
            early._link.notify(OpenShot(1, 2, 48, 32, 3, "uint8"))
            wait_until(lambda: kept(early)["waiting_requests"] == 1)
        with started.client() as client:
            wait_until(lambda: not any(kept(client).values()))
            shot = TinyShot(2)
            shot.open(client)
            assert kept(client)["shots"] == 1


def test_a_session_may_not_open_shots_without_end(running):
    with running.client() as client:
        opening = OpenShot(1, 2, 48, 32, 3, "uint8")
        for _ in range(256):
            client.open_shot(opening)
        with pytest.raises(RemoteError, match="256 shots open") as refused:
            client.open_shot(opening)
        assert refused.value.code == "busy" and refused.value.retry


def test_a_job_under_work_is_heard_of_at_least_once_a_second(running):
    """The worker is held still for longer than that: only the daemon itself can be telling."""
    shot = TinyShot(LONG, seed=131)
    with running.client() as client:
        opened = shot.open(client, **CHUNKS)
        client.prepare(opened, shot.frames, shot)
        events = client.render(opened, [1024])
        next(units(events))
        worker = running.worker()
        hold_still(worker)
        try:
            heard = [next(events) for _ in range(4)]
        finally:
            worker.resume()
        assert all(isinstance(event, Progress) for event in heard)
        events.close()


def test_a_plate_is_refused_where_its_pixels_are_not_what_its_digest_says(running):
    shot = TinyShot(2, seed=132)
    with running.client() as client:
        opened = shot.open(client)
        with pytest.raises(RemoteError, match="digest") as refused:
            client._uploads.put_digested(opened, "plate", shot.plate(1001), digest_of(shot.plate(1002)))
        assert refused.value.code == "bad_digest"


@pytest.mark.parametrize(
    ("kind", "pixels", "said"),
    [
        ("plate", np.zeros((32, 47, 3), np.uint8), "plate is 47x32 with 3 channels uint8 but the shot is 48x32"),
        ("plate", np.zeros((32, 48, 3), np.float32), "float32 but the shot is 48x32 with 3 channels uint8"),
        ("matte", np.zeros((30, 48, 1), np.uint8), "matte is 48x30 with 1 channel uint8"),
    ],
)
def test_pixels_that_do_not_fit_the_shot_are_refused_with_both_sizes(running, kind, pixels, said):
    with running.client() as client:
        opened = TinyShot(2).open(client)
        with pytest.raises(RemoteError, match=said) as refused:
            client.put(opened, kind, pixels)
        assert refused.value.code == "bad_buffer"
