"""Content by message: which frames have what, and the pixels themselves.

Here: ``ContentHandlers``. Not here: the store (``propainter_backend/render/content.py``), what an edit makes stale
(``work/shots.py``).
"""

from __future__ import annotations

from propainter_backend.daemon.requests.open_shots import OpenShots
from propainter_backend.daemon.requests.reception import Handlers
from propainter_backend.daemon.requests.sizes import shape_text
from propainter_backend.daemon.work.jobs import Jobs
from propainter_backend.daemon.work.shots import cleans_of
from propainter_backend.render.content import ContentStore
from propainter_wire.errors import WireError
from propainter_wire.messages import Have, Need, Put, Stored
from propainter_wire.router import Request, Router


class ContentHandlers:
    """Answers have and put."""

    def __init__(self, router: Router, shots: OpenShots, content: ContentStore, jobs: Jobs) -> None:
        self._router = router
        self._shots = shots
        self._content = content
        self._jobs = jobs

    @property
    def handlers(self) -> Handlers:
        """By message."""
        return {Have: self._on_have, Put: self._on_put}

    def _on_have(self, request: Request, message: Have) -> None:
        shot = self._shots.of(request, message.shot)
        shot.indices([told.frame for told in message.frames])
        if change := shot.take_in(message):
            self._jobs.shot_changed(change)
        plates = [told.frame for told in message.frames if told.plate and not self._content.has(told.plate)]
        mattes = [frame for frame, digest in shot.mattes_in(message).items() if not self._content.has(digest)]
        cleans = [frame for frame, digest in cleans_of(message).items() if digest and not self._content.has(digest)]
        self._router.reply(request, Need(tuple(plates), tuple(mattes), tuple(cleans)))

    def _on_put(self, request: Request, message: Put) -> None:
        shot = self._shots.of(request, message.shot)
        opened, pixels = shot.opened, request.pixels
        assert pixels is not None
        channels = {"plate": opened.channels, "matte": 1, "clean": max(3, pixels.shape[2])}[message.kind]
        expected = (opened.height, opened.width, channels)
        if pixels.shape != expected or (message.kind == "plate" and pixels.dtype.name != opened.dtype):
            raise WireError(
                "bad_buffer",
                f"{message.kind} is {shape_text(pixels.shape)} {pixels.dtype.name} but the shot is "
                f"{shape_text(expected)} {opened.dtype}; send it at the plate's size",
            )
        self._content.put(message.digest, pixels)
        self._router.reply(request, Stored(message.digest))
