"""Who may connect from another machine: CURVE, and the list of known keys.

Here: ``CurveKeys`` and ``Doorkeeper``. Not here: where a daemon may listen without them (``router.py``), the key that signs
messages (``admission.py``).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import zmq
import zmq.utils.z85

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CurveKeys:
    """Keys of a daemon that other machines may reach. All Z85, 40 characters."""

    public: bytes
    secret: bytes
    clients: frozenset[bytes]
    """Public keys of the clients that may connect."""

    def __repr__(self) -> str:
        return f"CurveKeys(public={self.public!r}, clients={len(self.clients)})"


class Doorkeeper:
    """Lets in only clients whose public key is listed. Without these answers any key would do."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keys: CurveKeys) -> None:
        self._keys = keys
        self.questions = context.socket(zmq.REP)
        """To be polled; ``answer`` when it is ready."""
        self.questions.bind("inproc://zeromq.zap.01")

    def guard(self, listener: zmq.Socket[bytes]) -> None:
        """Demand CURVE of whoever connects; call it before binding."""
        listener.setsockopt_string(zmq.ZAP_DOMAIN, "propainter")
        listener.setsockopt(zmq.CURVE_SERVER, 1)
        listener.setsockopt(zmq.CURVE_SECRETKEY, self._keys.secret)
        listener.setsockopt(zmq.CURVE_PUBLICKEY, self._keys.public)

    def answer(self) -> None:
        """ZeroMQ RFC 27: may this client in?"""
        version, request_id, _domain, address, _identity, mechanism, *credentials = self.questions.recv_multipart()
        known = mechanism == b"CURVE" and len(credentials) == 1 and self._knows(credentials[0])
        if not known:
            log.warning("refused a client at %s: its CURVE key is not known", ascii(address.decode("ascii", "replace")))
        status = [b"200", b"OK"] if known else [b"400", b"unknown client key"]
        self.questions.send_multipart([version, request_id, *status, b"", b""])

    def close(self) -> None:
        """Nobody new is let in."""
        self.questions.close(linger=0)

    def _knows(self, key: bytes) -> bool:
        return zmq.utils.z85.encode(key) in self._keys.clients
