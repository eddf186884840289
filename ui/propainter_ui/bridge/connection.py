"""The connection to a backend and its life: none, connected, stopped, lost.

Here: the one client, and who is to hear of its coming and going. Not here: what is said over it.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

from propainter_ui.bridge.teller import Teller
from propainter_ui.state.events import DaemonAbsent, DaemonLost, DaemonReady, DaemonStarting
from propainter_wire.client import Client
from propainter_wire.errors import BackendDied, BackendSilent, BackendUnreachable, PropainterError

log = logging.getLogger(__name__)


class Connection:
    """The client, if there is one. Its methods may be called from every lane."""

    def __init__(self, tell: Teller) -> None:
        self._tell = tell
        self.client: Client | None = None
        self.guard = threading.Lock()
        """Held while the client, or what belongs to it, is exchanged."""
        self.when_connected: list[Callable[[], None]] = []
        self.when_forgotten: list[Callable[[], None]] = []
        """Called with ``guard`` held."""
        self.when_lost: list[Callable[[], None]] = []
        self._connecting = threading.Lock()
        self._is_absent_told = False

    def connect_quietly(self) -> bool:
        """Connect to a backend that somebody else has started; none is no failure. Whether it connected."""
        if not self._connecting.acquire(blocking=False):
            return False
        try:
            if self.client is None and not self._tell.is_closed:
                self._connected(Client.connect(name="propainter-panel"))
                return True
        except BackendUnreachable as error:
            log.debug("no backend: %s", error)
            if not self._is_absent_told:
                self._is_absent_told = True
                self._tell(DaemonAbsent())
        finally:
            self._connecting.release()
        return False

    def need_client(self) -> Client:
        """The client, with a backend started if there is none. Raises PropainterError."""
        with self._connecting:
            if self.client is not None:
                return self.client
            self._tell(DaemonStarting())
            try:
                return self._connected(Client.connect(name="propainter-panel", start=True))
            except PropainterError:
                self._tell(DaemonAbsent())
                raise

    def _connected(self, client: Client) -> Client:
        with self.guard:
            self.client = client
        self._is_absent_told = False
        for do in self.when_connected:
            do()
        self._tell(DaemonReady(client.welcome))
        return client

    def stop(self) -> None:
        """Stop the backend, whoever started it."""
        client = self._forget_client()
        if client is not None:
            with contextlib.suppress(BackendDied, BackendSilent):
                client.stop("now")
            client.close()
            self._is_absent_told = True
            self._tell(DaemonLost("", was_asked=True))

    def _forget_client(self, which: Client | None = None) -> Client | None:
        """Let go of the client (only if it is this one), its session with it."""
        with self.guard:
            client = self.client
            if client is None or (which is not None and client is not which):
                return None
            self.client = None
            for do in self.when_forgotten:
                do()
            return client

    def lost(self, client: Client, error: Exception) -> None:
        """The backend is gone: told once, however many calls find out."""
        if self._forget_client(client) is not None:
            self._is_absent_told = True
            for do in self.when_lost:
                do()
            self._tell(DaemonLost(str(error)))
            threading.Thread(target=client.close, daemon=True).start()

    def with_client(self, do: Callable[[Client], object]) -> None:
        """Do something with the client, if there is one."""
        client = self.client
        if client is not None:
            do(client)

    @contextlib.contextmanager
    def noticing_loss(self, client: Client) -> Iterator[None]:
        """Within it, a backend that dies or falls silent counts as lost."""
        try:
            yield
        except (BackendDied, BackendSilent) as error:
            self.lost(client, error)

    def close(self) -> None:
        """Let go of the backend, which goes on living."""
        client = self._forget_client()
        if client is not None:
            client.close()
