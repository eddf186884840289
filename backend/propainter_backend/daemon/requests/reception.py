"""Where requests come in: each goes to its handler, or waits until a worker is ready.

Here: ``Reception``. Not here: the handlers (the other files of this room), bytes and signatures
(``propainter_wire/router.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from propainter_backend.daemon.requests.refusing import refusing
from propainter_backend.daemon.workers.workers import NO_WORKER, Workers
from propainter_wire.errors import WireError
from propainter_wire.messages import (
    Analyse,
    CacheQuery,
    Carry,
    Cast,
    ChangeSettings,
    Message,
    Motion,
    OpenShot,
    Reach,
    Render,
    Select,
    Track,
)
from propainter_wire.router import Request, Router

Handlers: TypeAlias = Mapping[type[Message], Callable[[Request, Any], None]]
"""What answers which message. A handler answers or raises a WireError; it never waits."""

MAX_WAITING_REQUESTS = 256
"""Requests of a session that wait for a worker to be ready."""

_NEEDS_ENGINE = (
    OpenShot, ChangeSettings, Reach, Render, Analyse, CacheQuery, Select, Track, Cast, Motion, Carry,
)  # fmt: skip


class Reception:
    """handlers: of each room of requests; no two of one message."""

    def __init__(self, router: Router, workers: Workers, handlers: Iterable[Handlers]) -> None:
        self._router = router
        self._workers = workers
        self._handlers = {message: handler for each in handlers for message, handler in each.items()}
        self._waiting: list[Request] = []

    def __len__(self) -> int:
        """Requests that wait for a worker."""
        return len(self._waiting)

    def take(self, request: Request) -> None:
        """Answer it, now or when a worker is ready."""
        with refusing(self._router, request):
            if isinstance(request.message, _NEEDS_ENGINE) and not self._workers.is_any_ready:
                self._wait(request)
            else:
                self._handlers[type(request.message)](request, request.message)

    def take_waiting(self) -> None:
        """A worker is ready: answer what has waited for one."""
        waiting, self._waiting = self._waiting, []
        for request in waiting:
            self.take(request)

    def give_up(self, error: WireError) -> None:
        """No worker will be ready: whoever waits for one is told so."""
        waiting, self._waiting = self._waiting, []
        for request in waiting:
            self._router.reply_error(request, error)

    def end_session(self, session: str) -> None:
        """Forget what waits of a session that has ended."""
        self._waiting = [request for request in self._waiting if request.session != session]

    def _wait(self, request: Request) -> None:
        if self._workers.is_hopeless:
            raise WireError("engine_unavailable", NO_WORKER)
        if sum(waiting.session == request.session for waiting in self._waiting) >= MAX_WAITING_REQUESTS:
            raise WireError("busy", "too many requests wait for the worker process to be ready; ask again in a moment")
        self._waiting.append(request)
