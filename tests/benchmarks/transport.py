"""How long a frame takes to the backend and back: shared memory, sockets, and the memory itself, in one run.

    python tests/benchmarks/transport.py [--size 4096x2160] [--repeats 9] [--json FILE]

A round trip is what a node does for a frame nobody has seen: digest, ``put`` (the backend copies and compares the digest),
``render`` (the backend sends pixels of the same size, digested), copy into the caller's memory. So shared memory copies four
times and digests three times; beside it stand four copies without any protocol.
Compare ratios, not milliseconds: the machine is part of every number.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "contract"))

from propainter_wire.client import Client, FrameResult
from propainter_wire.connection import write_connection
from propainter_wire.messages import FrameContent, Have, Need, OpenShot
from propainter_wire.shot import Pixels, digest_of

SHOT = "5" * 32
WARM_UP = 4


def serve(endpoint: str, connection_file: Path) -> None:
    """The backend's process: runs until a client stops it."""
    from recording_backend import RecordingBackend

    with RecordingBackend(endpoint) as backend:
        write_connection(connection_file, backend.connection)
        backend._thread.join()


def start_serving(endpoint: str, connection_file: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, __file__, "--serve", endpoint, str(connection_file)])
    while not connection_file.exists():
        if process.poll() is not None:
            raise SystemExit("the serving process did not start")
        time.sleep(0.02)
    return process


def timed_ms(action: Callable[[], object], repeats: int) -> dict[str, float]:
    """Median and best of so many runs, after a few that touch the memory for the first time and are not counted."""
    for _ in range(WARM_UP):
        action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append((time.perf_counter() - start) * 1000)
    return {"median_ms": round(statistics.median(times), 2), "best_ms": round(min(times), 2)}


def measure_memory(frame: Pixels, repeats: int) -> dict[str, dict[str, float]]:
    """What the same bytes cost without a backend."""
    targets = [np.empty_like(frame) for _ in range(4)]

    def copy_four_times() -> None:
        for target in targets:
            np.copyto(target, frame)

    return {
        "memcpy once": timed_ms(lambda: np.copyto(targets[0], frame), repeats),
        "memcpy four times": timed_ms(copy_four_times, repeats),
        "digest once": timed_ms(lambda: digest_of(frame), repeats),
    }


def measure_transport(
    endpoint: str, frame: Pixels, repeats: int, *, shared_memory: bool
) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="ppw") as directory:
        connection_file = Path(directory) / "daemon.json"
        process = start_serving(endpoint.format(directory=directory), connection_file)
        try:
            with Client.connect(connection_file, shared_memory=shared_memory) as client:
                height, width, channels = frame.shape
                client.open_shot(OpenShot(1, 1, width, height, channels, "float32"))
                client.ask(Have(SHOT, (FrameContent(1, digest_of(frame)),)), Need)
                measured = {
                    "put": timed_ms(lambda: client.put(SHOT, "plate", frame), repeats),
                    "render": timed_ms(lambda: rendered(client, frame), repeats),
                    "round trip": timed_ms(
                        lambda: (client.put(SHOT, "plate", frame), rendered(client, frame)), repeats
                    ),
                    "ping": timed_ms(client.ping, 50),
                }
                client.stop()
        finally:
            process.wait(timeout=30)
    return measured


def rendered(client: Client, expected: Pixels) -> Pixels:
    results = [event for event in client.render(SHOT, [1]) if isinstance(event, FrameResult)]
    assert results[0].pixels.shape == expected.shape
    return results[0].pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="4096x2160", help="width x height of an RGBA float32 frame")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    parser.add_argument("--serve", nargs=2, metavar=("ENDPOINT", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve[0], Path(options.serve[1]))
        return
    width, height = (int(number) for number in options.size.split("x"))
    frame = np.random.default_rng(1).random((height, width, 4), np.float32)
    figures: dict[str, object] = {
        "frame": {"size": options.size, "megabytes": round(frame.nbytes / 1e6, 1), "repeats": options.repeats},
        "machine": {"python": platform.python_version(), "system": platform.platform()},
        "memory": measure_memory(frame, options.repeats),
        "shared memory over ipc": measure_transport("ipc://{directory}/s", frame, options.repeats, shared_memory=True),
        "inline over ipc": measure_transport("ipc://{directory}/s", frame, options.repeats, shared_memory=False),
        "inline over tcp": measure_transport("tcp://127.0.0.1:*", frame, options.repeats, shared_memory=False),
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
