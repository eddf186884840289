"""Who is not let in, what is not believed, and what nobody can do to the backend's memory or to another client."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import zmq
from recording_backend import FACTS, SHOT, RecordingBackend
from test_conversation import Gradient
from thin_client import ThinClient

from propainter_wire import router
from propainter_wire.client import Client
from propainter_wire.connection import new_key
from propainter_wire.errors import BackendUnreachable, UnsafeConnection
from propainter_wire.link import ClientKeys, exchanges
from propainter_wire.messages import Hello
from propainter_wire.reception import hellos, outbox, sessions
from propainter_wire.router import CurveKeys, Router
from propainter_wire.shot import digest_of

HELLO: dict[str, object] = {"client": "thin 1.0", "protocols": ["1.0"]}
PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def thin(backend: RecordingBackend, key: bytes | None = None, **options: bytes) -> ThinClient:
    return ThinClient(backend.connection.endpoint, backend.key if key is None else key, **options)


def answer(client: ThinClient) -> tuple[str, dict[str, object]]:
    """The next message that is no feeler."""
    while (found := client.understand(client.receive()))[0] == "pong":
        pass
    return found


def put_of(pixels: np.ndarray) -> dict[str, object]:
    place = {"kind": "inline", "index": 0}
    buffer = {"dtype": str(pixels.dtype), "shape": list(pixels.shape), "place": place}
    return {"shot": SHOT, "kind": "plate", "digest": digest_of(pixels), "buffer": buffer}


def test_a_client_without_libzmq_holds_the_whole_conversation(backend: RecordingBackend) -> None:
    with thin(backend) as client:
        assert client.hello()["protocol"] == "1.0"
        shot = {"first": 1, "last": 2, "width": 3, "height": 2, "channels": 4, "dtype": "uint8"}
        kind, opened = client.ask("open_shot", shot)
        assert kind == "shot" and opened["settings"]["grow"] == 4  # type: ignore[index]
        digest = digest_of(PIXELS)
        frames = [{"frame": 1, "plate": digest, "matte": None}]
        assert client.ask("have", {"shot": SHOT, "frames": frames}) == (
            "need",
            {"plates": [1], "mattes": [], "cleans": []},
        )
        assert client.ask("put", put_of(PIXELS), PIXELS.tobytes()) == ("stored", {"digest": digest})
        assert client.ask("have", {"shot": SHOT, "frames": frames}) == (
            "need",
            {"plates": [], "mattes": [], "cleans": []},
        )
        assert client.ask("render", {"shot": SHOT, "frames": [1]})[0] == "accepted"
        assert client.understand(client.receive())[0] == "progress"
        result = client.receive()
        kind, content = client.understand(result)
        assert (kind, content["frame"], content["digest"]) == ("result", 1, digest)
        assert result[4:] == [PIXELS.tobytes()]
        assert client.understand(client.receive())[0] == "done"


def test_a_thin_client_is_pinged_and_kept_if_it_answers(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "HEARTBEAT_MS", 50)
    monkeypatch.setattr(router, "SILENCE_MS", 200)
    with RecordingBackend(endpoint) as backend, thin(backend) as client:
        client.hello()
        while client.pings < 10:  # longer than the silence allowed
            client.answer_ping()
        assert client.ask("ping", {})[0] == "pong"
        assert client.is_closed_by_peer()  # now nobody answers


def test_who_has_another_key_is_refused_without_a_signed_word(backend: RecordingBackend) -> None:
    with thin(backend, new_key()) as stranger:
        stranger.send("hello", HELLO)
        reply = stranger.receive()
        assert reply[0] == b"" and stranger.understand(reply)[1]["code"] == "bad_signature"
    assert backend.router.session_count == 0


def test_an_eavesdropper_can_repeat_nothing_he_has_heard(backend: RecordingBackend) -> None:
    with thin(backend) as victim, thin(backend, new_key()) as thief:
        hello = victim.parts("hello", HELLO)
        victim.send_parts(hello)
        victim.session = str(victim.understand(victim.receive())[1]["session"])
        stop = victim.parts("render", {"shot": SHOT, "frames": [1]})
        backend.stall_jobs = True
        victim.send_parts(stop)
        victim.receive()
        thief.key = victim.key  # to read the answers, not to sign
        for heard, code in ((hello, "replayed"), (stop, "no_session")):
            thief.send_parts(heard)
            assert thief.understand(thief.receive())[1]["code"] == code
        victim.receive()
        for heard, code in ((stop, "replayed"), (hello, "replayed")):
            victim.send_parts(heard)
            assert victim.understand(victim.receive())[1]["code"] == code
    assert len(backend.requests) == 1


def test_a_hello_from_another_time_is_refused(backend: RecordingBackend) -> None:
    with thin(backend) as client:
        for minutes in (-6, 6):
            date = int((time.time() + 60 * minutes) * 1000)
            kind, content = client.ask("hello", HELLO, date=date)
            assert (kind, content["code"]) == ("error", "replayed")
            assert "set the clocks" in str(content["message"])


def test_a_flood_of_hellos_locks_nobody_out_and_none_of_it_can_be_said_again(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hellos, "MAX_REMEMBERED_HELLOS", 3)
    with RecordingBackend(endpoint) as backend, thin(backend) as client, thin(backend) as thief:
        with thin(backend) as flood:
            ahead = int((time.time() + 200) * 1000)
            assert [flood.ask("hello", HELLO, date=ahead)[0] for _ in range(20)] == ["welcome"] * 20
        heard = []
        for _ in range(5):
            time.sleep(0.005)  # a hello's date is in milliseconds
            heard.append(client.parts("hello", HELLO))
            client.send_parts(heard[-1])
            assert answer(client)[0] == "welcome"
        for parts in heard:
            thief.send_parts(parts)
            assert answer(thief)[1]["code"] == "replayed"
        time.sleep(0.005)
        assert len(backend.router._admission._hellos._said_at) == 3
        assert thief.ask("hello", HELLO)[0] == "welcome"


def test_sessions_that_ask_for_nothing_give_way_and_those_that_work_do_not(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 3)
    with RecordingBackend(endpoint) as backend, thin(backend) as working:
        working.hello()
        working.ask("ping", {})
        with contextlib.ExitStack() as crowd:
            for _ in range(9):
                crowd.enter_context(thin(backend)).hello()
            assert working.ask("ping", {})[0] == "pong"
            assert backend.router.session_count == 3


def test_a_flood_of_refused_messages_does_not_fill_the_log(
    backend: RecordingBackend, caplog: pytest.LogCaptureFixture
) -> None:
    with thin(backend, key=new_key()) as stranger:
        for _ in range(500):
            stranger.send("ping", {})
        with thin(backend) as client:
            client.hello()
            assert client.ask("ping", {})[0] == "pong"
    assert 0 < sum("refused a message" in line for line in caplog.messages) <= 20


def test_a_session_belongs_to_its_connection(backend: RecordingBackend) -> None:
    with thin(backend) as client, thin(backend) as other:
        client.hello()
        other.session = client.session
        assert other.ask("ping", {})[1]["code"] == "no_session"
        assert client.ask("ping", {})[0] == "pong"


def test_a_second_hello_ends_the_first_session(backend: RecordingBackend) -> None:
    with thin(backend) as client:
        first = client.hello()["session"]
        assert client.hello()["session"] != first
        backend.wait_for(lambda: [end.session for end in backend.ended] == [first])
        assert backend.router.session_count == 1


def test_versions_without_common_ground_are_told_apart(backend: RecordingBackend) -> None:
    with thin(backend) as client:
        kind, content = client.ask("hello", {**HELLO, "protocols": ["2.0", "1.9"]}, version="1.9")
        assert (kind, content["code"], content["details"]) == ("error", "version_mismatch", {"supported": ["1.0"]})
        assert client.ask("hello", HELLO, version="2.0")[1]["code"] == "version_mismatch"
        assert client.ask("hello", {**HELLO, "protocols": ["1.9", "1.0"]}, version="1.9")[0] == "welcome"


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("render", {"shot": SHOT, "frames": []}, "bad_message"),
        ("render", {"shot": SHOT, "frames": ["1"]}, "bad_message"),
        ("render", {"shot": "../../etc", "frames": [1]}, "bad_message"),
        ("launch", {}, "unknown_type"),
        ("welcome", {}, "unknown_type"),
        ("put", put_of(PIXELS), "bad_buffer"),
        ("shm_request", {"nbytes": 4096, "use": "upload"}, "shm_unavailable"),
        ("shm_mapped", {"name": "ppb-" + "0" * 32}, "shm_unavailable"),
    ],
)
def test_what_makes_no_sense_is_an_error_reply_and_the_session_goes_on(
    backend: RecordingBackend, kind: str, content: dict[str, object], code: str
) -> None:
    with thin(backend) as client:
        client.hello()
        reply, error = client.ask(kind, content)
        assert (reply, error["code"]) == ("error", code)
        assert client.ask("ping", {})[0] == "pong"
    assert backend.requests == []


def test_noise_after_the_handshake_neither_harms_nor_stops_the_service(backend: RecordingBackend) -> None:
    with thin(backend) as client, thin(backend) as stranger:
        client.hello()
        for parts in ([b""], [b"x"] * 3, [b"x"] * 500, [os.urandom(50)] * 5, [bytes(100_000)] * 6):
            stranger.send_parts(parts)
            assert stranger.understand(stranger.receive())[0] == "error"
        assert client.ask("ping", {})[0] == "pong"


def test_noise_instead_of_a_handshake_neither_harms_nor_stops_the_service(backend: RecordingBackend) -> None:
    endpoint = backend.connection.endpoint
    for noise in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(200), b"\xff" * 200, os.urandom(5000)):
        if endpoint.startswith("ipc://"):
            stranger = socket.socket(socket.AF_UNIX)
            stranger.connect(endpoint.removeprefix("ipc://"))
        else:
            stranger = socket.create_connection(("127.0.0.1", int(endpoint.rsplit(":", 1)[1])))
        with stranger:
            stranger.sendall(noise)
            with thin(backend) as client:
                client.hello()


def test_a_part_announced_too_long_ends_the_connection_before_it_is_received(backend: RecordingBackend) -> None:
    with thin(backend) as stranger, thin(backend) as client:
        client.hello()
        stranger.socket.sendall(b"\x02" + (2**30 + 1).to_bytes(8, "big") + b"x")
        assert stranger.is_closed_by_peer()
        assert client.ask("ping", {})[0] == "pong"


def test_half_a_message_is_never_acted_on(backend: RecordingBackend) -> None:
    with thin(backend) as client:
        client.hello()
        parts = client.parts("render", {"shot": SHOT, "frames": [1]})
        client.socket.sendall(b"\x01\x20" + parts[0] + b"\x01" + bytes([len(parts[1])]) + parts[1][:10])
    backend.wait_for(lambda: backend.ended)
    assert backend.requests == []


def test_a_connection_that_names_itself_is_not_heard(backend: RecordingBackend) -> None:
    with thin(backend, identity=b"owner") as impostor, thin(backend) as client:
        impostor.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            impostor.ask("hello", HELLO)
        assert client.hello()
        assert backend.router.session_count == 1


def test_more_clients_than_there_is_room_for_are_told_so(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 1)
    with RecordingBackend(endpoint) as backend, thin(backend) as first, thin(backend) as second:
        first.hello()
        assert first.ask("ping", {})[0] == "pong"
        kind, error = second.ask("hello", HELLO)
        assert (kind, error["code"], error["retry"]) == ("error", "busy", True)
        assert first.ask("ping", {})[0] == "pong"


def test_a_client_that_never_reads_loses_its_session_and_costs_a_bounded_amount(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING_BYTES", 24 * 2**20)
    monkeypatch.setattr(outbox, "MAX_IN_FLIGHT_BYTES", 8 * 2**20)
    with RecordingBackend(endpoint) as backend:
        backend.unread_results = 200  # of 2 MiB
        provider = Gradient(256, 512)
        with Client.connect(backend.connection) as reader:
            reader.offer_frames(SHOT, [1], provider)
            with thin(backend) as sleeper:
                sleeper.hello()
                sleeper.send("render", {"shot": SHOT, "frames": [1]})
                backend.wait_for(lambda: backend.ended)
                reader.ping()
    assert "does not read" in backend.ended[0].reason


def first_request(ours: Router, client: ThinClient) -> router.Request:
    """The render of a thin client that has just said hello; the Router is polled by hand."""
    client.send("hello", HELLO)
    while not ours.session_count:
        ours.poll(0.1)
    client.session = str(client.understand(client.receive())[1]["session"])
    client.send("render", {"shot": SHOT, "frames": [1]})
    while True:
        for event in ours.poll(0.1):
            assert isinstance(event, router.Request)
            return event


LARGE = np.zeros((1024, 1024, 4), np.float32)  # 16 MiB


def test_a_client_that_reads_slowly_holds_results_back_and_has_progress_left_out(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_IN_FLIGHT_BYTES", 1)
    with Router(new_key(), FACTS) as ours, ThinClient(ours.bind(endpoint), ours._key) as client:
        request = first_request(ours, client)
        given = 0
        while ours.has_room(request):
            ours.reply_result(request, LARGE, job="0" * 32, frame=1, quality="draft")
            given += 1
        assert given <= 3  # libzmq is not given more, whatever its own count of messages allows
        assert ours.reply(request, Hello("a message that matters", ())) is True
        assert ours.reply(request, Hello("one that does not", ()), droppable=True) is False


def test_what_is_on_its_way_when_the_backend_closes_still_arrives(endpoint: str) -> None:
    with Router(new_key(), FACTS) as ours, ThinClient(ours.bind(endpoint), ours._key) as client:
        request = first_request(ours, client)
        ours.reply_result(request, LARGE, job="0" * 32, frame=1, quality="draft")
        closing = threading.Thread(target=ours.close)
        closing.start()
        assert client.receive()[4] == LARGE.tobytes()
        closing.join()


def test_a_slow_reader_gets_everything_in_order(backend: RecordingBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "MAX_UNREAD_BYTES", 4 * 2**20)
    monkeypatch.setattr(outbox, "MAX_IN_FLIGHT_BYTES", 4 * 2**20)
    backend.unread_results = 30  # of 2 MiB: more than the pipe and both queues hold
    provider = Gradient(256, 512)
    with Client.connect(backend.connection) as client:
        client.offer_frames(SHOT, [1], provider)
        stream = client.render(SHOT, [1])
        next(stream)
        unread = -1
        while unread != client._link._exchanges._unread_bytes or unread < exchanges.MAX_UNREAD_BYTES:
            unread = client._link._exchanges._unread_bytes
            time.sleep(0.2)  # long enough for more to come if it were let in
        assert unread <= exchanges.MAX_UNREAD_BYTES + 2 * 2**20
        kinds = [type(event).__name__ for event in stream]
    assert kinds == ["Progress", *["FrameResult"] * 30, "Done"]


# --- where it may be bound --------------------------------------------------------------------------------------------


def test_other_machines_are_not_listened_to_without_curve_and_known_clients() -> None:
    keys = [zmq.curve_keypair() for _ in range(2)]
    without_clients = CurveKeys(*keys[0], frozenset())
    with Router(new_key(), FACTS) as ours:
        for curve in (None, without_clients):
            with pytest.raises(UnsafeConnection, match="can be reached from other machines"):
                ours.bind("tcp://0.0.0.0:*", curve=curve)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_a_socket_is_not_put_where_others_may_enter_and_not_opened_to_them_by_a_loose_umask(place: Path) -> None:
    with Router(new_key(), FACTS) as ours:
        place.chmod(0o755)
        with pytest.raises(UnsafeConnection, match="open to others"):
            ours.bind(f"ipc://{place}/s")
        place.chmod(0o700)
        before = os.umask(0)
        try:
            ours.bind(f"ipc://{place}/s")
        finally:
            os.umask(before)
        assert (place / "s").stat().st_mode & 0o077 == 0
        with pytest.raises(UnsafeConnection):
            ours.bind("ipc://@abstract")


@pytest.fixture
def curve_backend() -> object:
    if not zmq.has("curve"):
        pytest.skip("this libzmq has no CURVE")
    public, secret = zmq.curve_keypair()
    client_public, client_secret = zmq.curve_keypair()
    curve = CurveKeys(public, secret, frozenset({client_public}))
    with RecordingBackend("tcp://127.0.0.1:*", curve=curve) as backend:
        yield backend, ClientKeys(client_public, client_secret)


def test_a_known_key_comes_in_through_curve(curve_backend: tuple[RecordingBackend, ClientKeys]) -> None:
    backend, keys = curve_backend
    provider = Gradient()
    with Client.connect(backend.connection, keys=keys) as client:
        assert client.offer_frames(SHOT, [1], provider) == 2


def test_unknown_wrong_and_missing_curve_keys_stay_outside(
    curve_backend: tuple[RecordingBackend, ClientKeys],
) -> None:
    backend, keys = curve_backend
    with pytest.raises(BackendUnreachable):
        Client.connect(backend.connection, keys=ClientKeys(*zmq.curve_keypair()), timeout_s=20)
    with pytest.raises(BackendUnreachable, match="wants CURVE keys"):
        Client.connect(backend.connection, timeout_s=20)
    other_server = dataclasses.replace(backend.connection, server_key=zmq.curve_keypair()[0].decode())
    with pytest.raises(BackendUnreachable):
        Client.connect(other_server, keys=keys, timeout_s=20)
    with pytest.raises(BackendUnreachable):
        Client.connect(dataclasses.replace(backend.connection, server_key=""), timeout_s=20)
    assert backend.router.session_count == 0


# --- what is never loaded ---------------------------------------------------------------------------------------------


def test_nothing_heavy_and_nothing_that_unpickles_comes_with_the_wire() -> None:
    program = (
        "import sys; import propainter_wire.client, propainter_wire.router\n"
        "print([name for name in ('torch', 'cv2', 'PySide6', 'propainter', 'propainter_backend', 'msgpack_numpy',"
        " 'diskcache', 'multiprocessing.shared_memory') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
    sources = Path(router.__file__).parent.rglob("*.py")
    assert not [path.name for path in sources if "import pickle" in path.read_text(encoding="utf-8")]
