"""Rendering: frames of the open shot made by the backend, and kept as they come.

Here: ``Renders``. Not here: frames that exist already (``looking.py``), files of them (``exporting.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from propainter_ui.bridge.connection import Connection
from propainter_ui.bridge.shot_at_backend import Session, ShotAtBackend
from propainter_ui.bridge.teller import Teller
from propainter_ui.bridge.under_way import Interrupted, UnderWay
from propainter_ui.bridge.wishes import RenderWish
from propainter_ui.matte.document import MatteDocument
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.picture import Patch
from propainter_ui.state.events import JobChanged, RenderFinished, ResultArrived
from propainter_ui.state.panel_state import JobKind, JobState
from propainter_wire.client import FrameResult
from propainter_wire.errors import JobCancelled, RemoteError
from propainter_wire.messages import Done
from propainter_wire.shot import frames_of

_TRIES = 3


class Renders:
    """Renders the open shot. Of the work lane."""

    def __init__(
        self, connection: Connection, shot: ShotAtBackend, library: ShotLibrary, under_way: UnderWay, tell: Teller
    ) -> None:
        self._connection = connection
        self._shot = shot
        self._library = library
        self._under_way = under_way
        self._tell = tell
        connection.when_lost.append(self._forget_job)

    def _forget_job(self) -> None:
        self._under_way.job = ""

    def apply(self, wish: RenderWish) -> None:
        """Tell the backend about settings, and go on reading."""
        client = self._connection.client
        self._shot.draw(wish.drawn)
        if client is None or self._shot.state is None:
            self._shot.prefer(wish.settings, wish.quality)
            return
        with self._connection.noticing_loss(client):
            self._shot.session_for(client, wish.settings, wish.quality)
        self._shot.introduce()  # goes on with what was interrupted

    def redraw(self, drawn: MatteDocument | None) -> None:
        """Tell the backend about another drawn matte, under the settings it knows."""
        self._shot.draw(drawn)
        client = self._connection.client
        if client is None or self._shot.state is None:
            return
        with self._connection.noticing_loss(client):
            self._shot.session_now(client)
        self._shot.introduce()

    def render(self, wish: RenderWish) -> None:
        """Render frames, from the playhead outward; starts a backend if there is none."""
        frames = sorted(range(wish.first, wish.last + 1), key=lambda frame: (abs(frame - wish.frame), frame))
        reports = [report for _, report in self.rendering("rendering", wish, frames) if report is not None]
        if reports:
            self._tell(RenderFinished(reports[-1], len(frames)))

    def rendering(
        self, kind: JobKind, wish: RenderWish, frames: Sequence[int]
    ) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Render frames, keep the results, tell of everything; yields (frame, None) and at last (0, report).

        A cancelled render ends without a report. Raises PropainterError, BadShot.
        """
        job = JobState(kind, first=wish.first, last=wish.last, frames_total=len(frames), begins_at=frames[0])
        self._tell(JobChanged(job))
        self._shot.draw(wish.drawn)
        client = self._connection.need_client()
        try:
            with self._connection.noticing_loss(client):
                session = self._shot.session_for(client, wish.settings, wish.quality)
                self._shot.tell_bands(client)
                for attempt in range(_TRIES):
                    reach = client.reach(session.shot, frames, quality=wish.quality)
                    job = self._shot.offer(session, frames_of(reach.plates), job)
                    self._under_way.check()
                    try:
                        yield from self._events(session, wish, frames, job)
                        break
                    except RemoteError as error:
                        if error.code != "frames_missing" or attempt == _TRIES - 1:
                            raise
                        session.offered.clear()
                self._shot.tell_bands(client)
        except (JobCancelled, Interrupted):
            self._shot.tell_bands(client)
        finally:
            self._under_way.job = ""
            self._tell(JobChanged(None))

    def _events(
        self, session: Session, wish: RenderWish, frames: Sequence[int], job: JobState
    ) -> Iterator[tuple[int, dict[str, Any] | None]]:
        revision = self._shot.revision_of(wish.settings, wish.quality)
        events = session.client.render(
            session.shot,
            frames,
            quality=wish.quality,
            priority="preview",
            crop=True,
            provisional=job.kind == "rendering",
        )
        for event in events:
            job = self._under_way.followed(job, event)
            if isinstance(event, FrameResult):
                kind = "rough" if event.provisional else "result"
                self._library.keep_patch(kind, revision, event.frame, Patch(event.region, event.pixels))
                self._tell(ResultArrived(revision, event.frame, is_rough=event.provisional))
                if not event.provisional:
                    job = replace(job, frames_done=job.frames_done + 1)
                    yield event.frame, None
            elif isinstance(event, Done):
                yield 0, dict(event.report)
            self._tell(JobChanged(job))
            if self._under_way.is_given_up:
                events.close()  # type: ignore[attr-defined]
                raise Interrupted
