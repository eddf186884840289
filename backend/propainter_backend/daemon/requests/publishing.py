"""Mattes published by message.

Here: ``PublishingHandlers``. Mattes are packed and written by a thread of its own, so that nobody waits for a disk; what is
published holds once they are kept. Not here: the folder (``published_mattes.py``), settings (``shots.py``).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from propainter_backend.daemon.requests.open_shots import OpenShots
from propainter_backend.daemon.requests.published_mattes import PublishedMattes
from propainter_backend.daemon.requests.reception import Handlers
from propainter_backend.daemon.requests.refusing import guarded
from propainter_backend.daemon.requests.sizes import shape_text
from propainter_backend.daemon.work.jobs import Jobs
from propainter_backend.daemon.work.missing import frames_missing
from propainter_backend.daemon.work.panel_mattes import PanelMattes, empty_matte
from propainter_backend.render.content import ContentStore
from propainter_wire.errors import WireError
from propainter_wire.messages import MattesPublished, PublishMattes
from propainter_wire.router import Request, Router


class PublishingHandlers:
    """Answers publish_mattes. ``turn`` is called once a turn of the daemon's loop."""

    def __init__(
        self, router: Router, shots: OpenShots, published: PublishedMattes, jobs: Jobs, content: ContentStore
    ) -> None:
        self._router = router
        self._shots = shots
        self._published = published
        self._jobs = jobs
        self._content = content
        self._wishes: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._kept: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._write, name="published mattes", daemon=True).start()

    @property
    def handlers(self) -> Handlers:
        """By message."""
        return {PublishMattes: self._on_publish}

    def turn(self) -> None:
        """Go on with what has been written."""
        while not self._kept.empty():
            self._kept.get()()

    def _on_publish(self, request: Request, message: PublishMattes) -> None:
        mattes = {each.frame: each.matte for each in message.frames}
        unknown = [frame for frame, digest in mattes.items() if not self._content.has(digest)]
        if unknown:
            raise frames_missing([], unknown, [])
        told = PanelMattes(message.first, message.last, (message.width, message.height), mattes)

        def settled(problem: Exception | None) -> None:
            self._settle(request, message, told, problem)

        settle = guarded(self._router, request, settled)
        self._wishes.put(lambda: self._keep(told, settle))

    def _settle(self, request: Request, message: PublishMattes, told: PanelMattes, problem: Exception | None) -> None:
        name = message.name
        try:
            if problem is not None:
                raise problem
            before = self._published.of(name)
            if message.more and before is not None:
                told = before.with_more(told)
            withdrawn = not message.frames and not message.more
            self._published.put(name, None if withdrawn else told)
        except OSError as error:
            raise WireError(
                "internal", f"the mattes cannot be kept on disk ({error}); make room, and publish again"
            ) from error
        now = self._published.of(name)
        takers = self._shots.taking_mattes(name)
        for shot in takers:
            if change := shot.take_panel_mattes(now):
                self._jobs.shot_changed(change)
        self._router.reply(request, MattesPublished(name, 0 if now is None else len(now.mattes), len(takers)))

    # --- the other thread

    def _write(self) -> None:
        while True:
            self._wishes.get()()

    def _keep(self, told: PanelMattes, settle: Callable[[Exception | None], None]) -> None:
        """Keep each matte once, however many frames share it; what hinders it is raised where the request is answered."""
        problem: Exception | None = None
        kept: set[str] = set()
        try:
            for frame, digest in told.mattes.items():
                if digest not in kept:
                    self._keep_one(frame, digest, told.size)
                    kept.add(digest)
            if told.empty not in kept:
                self._published.keep(told.empty, empty_matte(told.size))
                kept.add(told.empty)
        except Exception as error:
            problem = error

        def go_on() -> None:
            self._published.let_go(kept)
            settle(problem)

        self._kept.put(go_on)
        self._router.wake()

    def _keep_one(self, frame: int, digest: str, size: tuple[int, int]) -> None:
        pixels = self._content.get(digest)
        if pixels is None:
            raise frames_missing([], [frame], [])
        if pixels.shape != (size[1], size[0], 1):
            raise WireError(
                "bad_message",
                f"the matte of frame {frame} is {shape_text(pixels.shape)} but {size[0]}x{size[1]} is published; publish "
                "mattes of one size",
                {"field": "frames"},
            )
        self._published.keep(digest, pixels)
