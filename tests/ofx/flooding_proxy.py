"""A way to a daemon that turns into a flood: every byte passes both ways until it is told to pour noise on the node.

Here: ``FloodingProxy``, which stands between a node and the fake daemon of a runtime directory. Not here: what the daemon
says (``fake_daemon.py``).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from dataclasses import replace
from pathlib import Path

from propainter_wire.connection import read_connection, write_connection

MOST_BYTES = 4 << 30
"""Poured at most, so that a node that never hangs up is found out and not waited for."""


def message(*parts: bytes) -> bytes:
    """One message of ZMTP 3.0."""
    frames = []
    for index, part in enumerate(parts):
        more = int(index + 1 < len(parts))
        head = bytes([more, len(part)]) if len(part) < 256 else struct.pack(">BQ", more | 2, len(part))
        frames.append(head + part)
    return b"".join(frames)


PING = b"\x04\x07\x04PING\x00\x00"
NOISE = {
    "messages": message(b"s" * 32, b"\x80", b"\x80", b"\x80") * 4000,
    "pings": PING * 20000,
    "an endless message": struct.pack(">BQ", 1 | 2, 0) * 100,
}
"""None of it is signed; each is well-formed as a stream, the last but for its length."""


class FloodingProxy:
    """As a context manager: publishes itself in the daemon's place and floods the first connection when told to."""

    def __init__(self, directory: Path, noise: str) -> None:
        self.poured = 0
        self.has_begun = threading.Event()
        self.was_hung_up_on = threading.Event()
        self.starts = threading.Event()
        self._noise = NOISE[noise]
        self._file = directory / "daemon.json"
        self._daemon = read_connection(self._file)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(directory / "proxy.sock"))
        self._listener.listen()
        self._is_first = True
        write_connection(self._file, replace(self._daemon, endpoint=f"ipc://{directory}/proxy.sock"))

    def __enter__(self) -> FloodingProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                node, _ = self._listener.accept()
                daemon = socket.socket(socket.AF_UNIX)
                daemon.connect(self._daemon.endpoint.removeprefix("ipc://"))
                guard = threading.Lock()
                threading.Thread(target=self._pass_on, args=(node, daemon, None), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(daemon, node, guard), daemon=True).start()
                if self._is_first:
                    threading.Thread(target=self._pour, args=(node, guard), daemon=True).start()
                self._is_first = False

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket, guard: threading.Lock | None) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(1 << 20):
                with guard or contextlib.nullcontext():
                    target.sendall(chunk)
            target.close()

    def _pour(self, node: socket.socket, guard: threading.Lock) -> None:
        self.starts.wait()
        try:
            while self.poured < MOST_BYTES:
                with guard:
                    node.sendall(self._noise[:64])
                    self.has_begun.set()  # the rest may have to wait for the node to read
                    node.sendall(self._noise[64:])
                self.poured += len(self._noise)
        except OSError:
            self.was_hung_up_on.set()
