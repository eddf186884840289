"""A client without libzmq: ZMTP 3.0, NULL, DEALER over a plain socket, from docs/wire.md, section 2, alone.

It stands for the node inside the host, which is written the same way in another language, and it may misbehave on purpose.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import struct
import time

import msgpack

GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)


class ThinClient:
    """One connection. ``key``: what it signs with."""

    def __init__(self, endpoint: str, key: bytes, *, identity: bytes = b"") -> None:
        self.key = key
        self.session = ""
        self.seq = 0
        self.pings = 0
        if endpoint.startswith("ipc://"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(endpoint.removeprefix("ipc://"))
        else:
            host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
            self.socket = socket.create_connection((host, int(port)))
        self.socket.settimeout(60)
        self.socket.sendall(GREETING)
        greeting = self._read(64)
        assert (
            greeting[:1] == b"\xff" and greeting[9:10] == b"\x7f" and greeting[10] >= 3 and greeting[12:16] == b"NULL"
        )
        ready = b"\x05READY" + _property(b"Socket-Type", b"DEALER") + _property(b"Identity", identity)
        self.socket.sendall(bytes([4, len(ready)]) + ready)
        flags, body = self._frame()
        assert flags & 4 and body.startswith(b"\x05READY")

    def __enter__(self) -> ThinClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def parts(self, kind: str, content: dict[str, object], *buffers: bytes, **header: object) -> list[bytes]:
        """A signed message."""
        self.seq += 1
        head = {
            "msg_id": os.urandom(16).hex(),
            "msg_type": kind,
            "version": "1.0",
            "session": self.session,
            "seq": self.seq,
            "date": int(time.time() * 1000),
            **header,
        }
        signed = [msgpack.packb(part) for part in (head, {}, content)]
        return [hmac.new(self.key, b"".join(signed), hashlib.sha256).digest(), *signed, *buffers]

    def send_parts(self, parts: list[bytes]) -> None:
        for index, part in enumerate(parts):
            more = 1 if index < len(parts) - 1 else 0
            head = bytes([more, len(part)]) if len(part) < 256 else bytes([more | 2]) + struct.pack(">Q", len(part))
            self.socket.sendall(head + part)

    def send(self, kind: str, content: dict[str, object], *buffers: bytes, **header: object) -> None:
        self.send_parts(self.parts(kind, content, *buffers, **header))

    def receive(self) -> list[bytes]:
        """The parts of the next message; pings in between are answered."""
        parts = []
        while True:
            flags, body = self._frame()
            if flags & 4:
                self._obey(body)
                continue
            parts.append(body)
            if not flags & 1:
                return parts

    def answer_ping(self) -> None:
        """Wait for the next frame, which is a command."""
        flags, body = self._frame()
        assert flags & 4
        self._obey(body)

    def ask(
        self, kind: str, content: dict[str, object], *buffers: bytes, **header: object
    ) -> tuple[str, dict[str, object]]:
        """Send and return type and content of the next message, its signature verified."""
        self.send(kind, content, *buffers, **header)
        return self.understand(self.receive())

    def understand(self, parts: list[bytes]) -> tuple[str, dict[str, object]]:
        expected = hmac.new(self.key, b"".join(parts[1:4]), hashlib.sha256).digest()
        assert parts[0] in (expected, b"")
        return msgpack.unpackb(parts[1])["msg_type"], msgpack.unpackb(parts[3])

    def hello(self) -> dict[str, object]:
        kind, content = self.ask("hello", {"client": "thin 1.0", "protocols": ["1.0"]})
        assert kind == "welcome", content
        self.session = str(content["session"])
        return content

    def is_closed_by_peer(self) -> bool:
        """Whether the other end has closed; waits for it up to the socket's timeout."""
        try:
            while True:
                if not self.socket.recv(65536):
                    return True
        except (ConnectionResetError, BrokenPipeError):
            return True
        except TimeoutError:
            return False

    def _obey(self, command: bytes) -> None:
        if command.startswith(b"\x04PING"):
            self.pings += 1
            pong = b"\x04PONG" + command[7:]
            self.socket.sendall(bytes([4, len(pong)]) + pong)

    def _frame(self) -> tuple[int, bytes]:
        flags = self._read(1)[0]
        size = struct.unpack(">Q", self._read(8))[0] if flags & 2 else self._read(1)[0]
        return flags, self._read(size)

    def _read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionResetError("the backend closed the connection")
            data += piece
        return bytes(data)


def _property(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
