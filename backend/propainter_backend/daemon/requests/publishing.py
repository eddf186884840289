"""Mattes published by message.

Here: ``PublishingHandlers``. Mattes are packed and written by a thread of its own, so that nobody waits for a disk; what is
published holds once they are kept. Not here: the folder (``published_mattes.py``), settings (``shots.py``).
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping

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

log = logging.getLogger(__name__)


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
        size = (message.width, message.height)

        def settled(problem: WireError | None) -> None:
            self._settle(request, message, mattes, problem)

        settle = guarded(self._router, request, settled)
        self._wishes.put(lambda: self._keep(mattes, size, settle))

    def _settle(
        self, request: Request, message: PublishMattes, mattes: Mapping[int, str], problem: WireError | None
    ) -> None:
        if problem is not None:
            raise problem
        name = message.name
        told = PanelMattes.of(message.first, message.last, (message.width, message.height), mattes)
        before = self._published.of(name)
        if message.more and before is not None:
            told = before.with_more(told)
        withdrawn = not mattes and not message.more
        try:
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

    def _keep(
        self, mattes: Mapping[int, str], size: tuple[int, int], settle: Callable[[WireError | None], None]
    ) -> None:
        problem: WireError | None = None
        try:
            for frame, digest in mattes.items():
                self._keep_one(frame, digest, size)
            empty = PanelMattes.of(0, 0, size, {}).empty
            self._published.keep(empty, empty_matte(size))
        except WireError as error:
            problem = error
        except OSError as error:
            problem = WireError(
                "internal", f"the mattes cannot be kept on disk ({error}); make room, and publish again"
            )
        except Exception:
            log.exception("mattes cannot be published")
            problem = WireError("internal", "the backend made a mistake; its log has the rest")
        self._kept.put(lambda: settle(problem))
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
