"""A small backend for contract tests: a real Router on a real socket, that records what it is asked and answers simply.

It keeps put content by digest, "renders" a frame by returning its plate unchanged, and has no other ideas. Not the daemon:
what that does with a request is tested elsewhere.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from propainter_wire.connection import Connection, new_key
from propainter_wire.errors import WireError
from propainter_wire.messages import (
    Accepted,
    Cancel,
    Cancelled,
    Done,
    FrameContent,
    Have,
    Need,
    OpenShot,
    Progress,
    Put,
    Reach,
    ReachIs,
    Render,
    ShotOpened,
    ShotSettings,
    Status,
    StatusIs,
    Stop,
    Stopping,
    Stored,
)
from propainter_wire.router import CurveKeys, Facts, Request, Router, SessionEnded
from propainter_wire.shot import Pixels, runs_of

SHOT = "5" * 32
JOB = "7" * 32
FACTS = Facts("0.0 recording", "classical", "cpu")


@dataclass
class RecordingBackend:
    """Runs in a thread of its own between ``with``; everything it saw is in its lists."""

    endpoint: str
    facts: Facts = FACTS
    curve: CurveKeys | None = None
    clock: Callable[[], float] = time.monotonic
    key: bytes = field(default_factory=new_key)
    requests: list[Request] = field(default_factory=list)
    ended: list[SessionEnded] = field(default_factory=list)
    content: dict[str, Pixels] = field(default_factory=dict)
    refuse: dict[str, WireError] = field(default_factory=dict)
    """Message type -> the error it is answered with."""
    stall_jobs: bool = False
    """Jobs are accepted and then work on until they are cancelled."""
    puts: list[Put] = field(default_factory=list)
    unread_results: int = 1
    """How often every result of a render is sent."""
    connection: Connection = field(init=False)
    router: Router = field(init=False)

    def __enter__(self) -> RecordingBackend:
        self.router = Router(self.key, self.facts, clock=self.clock)
        bound = self.router.bind(self.endpoint, curve=self.curve)
        server_key = self.curve.public.decode() if self.curve else ""
        self.connection = Connection(bound, self.key, 0, server_key=server_key)
        self._frames: dict[int, FrameContent] = {}
        self._jobs: dict[str, Request] = {}
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="recording-backend", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """Stop abruptly; safe to call twice."""
        self._stop.set()
        self.router.wake()
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()

    def wait_for(self, condition: object, timeout_s: float = 60.0) -> None:
        """Until a callable of no arguments is true; looked at after every turn of the backend."""
        assert callable(condition)
        with self._changed:
            assert self._changed.wait_for(condition, timeout=timeout_s), "the backend never saw it"

    def requests_of(self, kind: type) -> list[Request]:
        return [request for request in self.requests if isinstance(request.message, kind)]

    def _run(self) -> None:
        with self.router as router:
            while not self._stop.is_set():
                for event in router.poll(1.0):
                    if isinstance(event, SessionEnded):
                        self.ended.append(event)
                    else:
                        self.requests.append(replace(event, pixels=None))  # pixels live in content alone
                        self._answer(router, event)
                with self._changed:
                    self._changed.notify_all()

    def _answer(self, router: Router, request: Request) -> None:
        message = request.message
        if message.type in self.refuse:
            router.reply_error(request, self.refuse[message.type])
        elif isinstance(message, OpenShot):
            settings = ShotSettings().changed(message.settings)
            router.reply(request, ShotOpened(SHOT, settings, "classical", (message.width, message.height)))
        elif isinstance(message, Reach):
            runs = runs_of(message.frames)
            router.reply(request, ReachIs(runs, runs))
        elif isinstance(message, Have):
            router.reply(request, self._need(message))
        elif isinstance(message, Put):
            assert request.pixels is not None
            self.puts.append(message)
            self.content[message.digest] = request.pixels
            router.reply(request, Stored(message.digest))
        elif isinstance(message, Render):
            self._render(router, request, message)
        elif isinstance(message, Cancel):
            self._cancel(router, request, message)
        elif isinstance(message, Status):
            router.reply(request, StatusIs("0.0", "classical", "cpu", 0, 1.5, router.session_count))
        elif isinstance(message, Stop):
            router.reply(request, Stopping(0))
            self._stop.set()

    def _need(self, have: Have) -> Need:
        lacking: dict[str, list[int]] = defaultdict(list)
        for told in have.frames:
            self._frames[told.frame] = told
            for kind, digest in (("plate", told.plate), ("matte", told.matte)):
                if digest is not None and digest not in self.content:
                    lacking[kind].append(told.frame)
        return Need(tuple(lacking["plate"]), tuple(lacking["matte"]))

    def _render(self, router: Router, request: Request, render: Render) -> None:
        router.reply(request, Accepted(JOB))
        router.reply(request, Progress(JOB, "flow", 0, len(render.frames)), droppable=True)
        if self.stall_jobs:
            self._jobs[JOB] = request
            return
        for frame in render.frames:
            plate = self._frames[frame].plate
            assert plate is not None
            for _ in range(self.unread_results):
                router.reply_result(request, self.content[plate], job=JOB, frame=frame, quality=render.quality)
        router.reply(request, Done(JOB, {"frames": len(render.frames)}))

    def _cancel(self, router: Router, request: Request, cancel: Cancel) -> None:
        job = self._jobs.pop(cancel.job, None)
        router.reply(request, Cancelled(cancel.job, job is not None))
        if job is not None:
            router.reply(job, Cancelled(cancel.job, True))
