"""Matting: the backend makes the drawn matte: of one frame while the hand draws, of all frames along the flow.

Here: ``Mattings``, whose questions are of a lane of their own, its jobs of the work lane. Not here: the wishes
(``matte_wishes.py``), what the panel makes of the answers (``state/matte_outcomes.py``), files (``matte_filing.py``).

A question needs the plates around its frame at the backend, and no matte. They are offered when the shot is opened, and
again here where that has not come so far.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from propainter_ui.bridge.connection import Connection
from propainter_ui.bridge.matte_wishes import CarryWish, CastWish, MatteToPublish, MotionWish, SelectWish, TrackWish
from propainter_ui.bridge.shot_at_backend import Session, ShotAtBackend
from propainter_ui.bridge.teller import Teller
from propainter_ui.bridge.under_way import Interrupted, UnderWay
from propainter_ui.matte.recipes import Recipe
from propainter_ui.matte.strokes import Matrix
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.shot_files import BadShot
from propainter_ui.state.events import JobChanged
from propainter_ui.state.matte_events import (
    CastFinished,
    MatteSelected,
    MattesPublished,
    MattesTracked,
    MotionFound,
    ShadowFound,
    ShapeCarried,
    TrackFinished,
)
from propainter_ui.state.panel_state import JobKind, JobState
from propainter_wire.client import Client, FrameMatte
from propainter_wire.errors import JobCancelled, RemoteError
from propainter_wire.messages import Done

log = logging.getLogger(__name__)

_AROUND = 24
"""Frames on either side of a question's whose plates are offered before it is asked."""
_OPENED_WITHIN_S = 120.0
"""A shot is opened within, a backend started for it."""
_TRIES = 3


class Mattings:
    """Asks for mattes of the open shot. open_session: has the work lane open the shot, then calls what it is given."""

    def __init__(
        self,
        connection: Connection,
        shot: ShotAtBackend,
        library: ShotLibrary,
        under_way: UnderWay,
        tell: Teller,
        open_session: Callable[[Callable[[], object]], None],
    ) -> None:
        self._connection = connection
        self._shot = shot
        self._library = library
        self._under_way = under_way
        self._tell = tell
        self._open_session = open_session
        self._wanted: SelectWish | None = None

    # --- questions: of the matte lane -----------------------------------------------------------------------------

    def take(self, wish: SelectWish) -> None:
        """Want this in place of what was wanted before; from any thread."""
        self._wanted = wish

    def select(self, wish: SelectWish) -> None:
        """Find the matte of a frame's marks, while it is the wish last taken."""
        if wish is not self._wanted:
            return

        def ask(client: Client, session: Session) -> None:
            start = self._put(session, self._library.solved.get(wish.start)) if wish.start else None
            found = client.select(session.shot, wish.frame, wish.marks, start=start)
            digest = self._library.solved.put(found.pixels)
            self._tell(MatteSelected(wish.frame, wish.marks, wish.start, digest, wish.is_meanwhile))

        self._asking(wish.frame, ask, lambda: wish is self._wanted)

    def carry(self, wish: CarryWish) -> None:
        """Find where points are on other frames, one after the other."""

        def ask(client: Client, session: Session) -> None:
            for frame in wish.frames:
                carried = client.carry(session.shot, wish.key, frame, wish.points)
                self._tell(ShapeCarried(wish.shape, wish.key, wish.points, frame, tuple(carried)))

        self._asking(wish.key, ask)

    def motion(self, wish: MotionWish) -> None:
        """Find how the background moves from a frame to another."""

        def ask(client: Client, session: Session) -> None:
            matrix = client.motion(session.shot, wish.to, wish.frame)
            self._tell(MotionFound(wish.frame, wish.to, cast(Matrix, matrix)))

        self._asking(wish.frame, ask)

    def _asking(
        self, frame: int, ask: Callable[[Client, Session], None], is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """Ask with the plates around a frame at the backend, with all of them where it says that some are lacking."""
        shot = self._shot.state
        if shot is None:
            return
        client = self._connection.need_client()
        with self._connection.noticing_loss(client):
            session = self._session(client)
            around = range(max(shot.first, frame - _AROUND), min(shot.last, frame + _AROUND) + 1)
            for frames in (around, range(shot.first, shot.last + 1)):
                self._shot.send_plates(session, sorted(frames, key=lambda each: abs(each - frame)))
                if not is_wanted():
                    return
                try:
                    ask(client, session)
                    return
                except RemoteError as error:
                    if error.code != "frames_missing" or len(frames) == shot.frame_count:
                        raise
                    session.plates.clear()

    def _session(self, client: Client) -> Session:
        """The open shot at the backend, opened if need be."""
        for _ in range(_TRIES):
            session = self._shot.session
            if session is not None and session.client is client and session.serial == self._library.serial:
                return session
            opened = threading.Event()
            self._open_session(opened.set)
            opened.wait(_OPENED_WITHIN_S)
        raise BadShot("the backend has not opened the shot yet; draw again in a moment")

    # --- jobs: of the work lane -----------------------------------------------------------------------------------

    def track(self, wish: TrackWish) -> None:
        """Find the mattes of a range from those of its keys; each is told as soon as it is final."""

        def follow(client: Client, session: Session) -> Iterator[Any]:
            keys = {frame: self._put_made(session, recipe) for frame, recipe in wish.keys.items()}
            return client.track(session.shot, keys, wish.first, wish.last, known=wish.known)

        def take(mattes: Mapping[int, str]) -> None:
            self._tell(MattesTracked(mattes, wish.keys))

        report = self._following("tracking", wish.first, wish.last, follow, take)
        if report is not None:
            self._tell(TrackFinished(report, wish.keys, wish.first, wish.last))

    def cast(self, wish: CastWish) -> None:
        """Find what the object casts."""
        shadow = wish.shadow

        def follow(client: Client, session: Session) -> Iterator[Any]:
            mattes = {frame: self._put_made(session, recipe) for frame, recipe in wish.mattes.items()}
            return client.cast(
                session.shot, mattes, wish.first, wish.last, threshold=shadow.threshold, soften=shadow.soften,
                reflections=shadow.reflections,
            )  # fmt: skip

        def take(mattes: Mapping[int, str]) -> None:
            self._tell(ShadowFound(mattes, shadow))

        if self._following("casting", wish.first, wish.last, follow, take) is not None:
            self._tell(CastFinished(wish.last - wish.first + 1))

    def _following(
        self, kind: JobKind, first: int, last: int, follow: Callable[[Client, Session], Iterator[Any]],
        take: Callable[[Mapping[int, str]], None],
    ) -> Mapping[str, Any] | None:  # fmt: skip
        """Carry out a job whose results are mattes; its report, None where it was cancelled."""
        shot = self._shot.state
        if shot is None:
            return None
        job = JobState(kind, first=first, last=last, frames_total=last - first + 1)
        self._tell(JobChanged(job))
        try:
            client = self._connection.need_client()
            with self._connection.noticing_loss(client):
                session = self._shot.session_now(client)
                for attempt in range(_TRIES):
                    job = self._shot.offer_plates(session, range(shot.first, shot.last + 1), job)
                    try:
                        return self._follow(follow(client, session), job, take)
                    except RemoteError as error:
                        if error.code != "frames_missing" or attempt == _TRIES - 1:
                            raise
                        session.plates.clear()
                        session.offered.clear()
        except (JobCancelled, Interrupted):
            return None
        finally:
            self._under_way.job = ""
            self._tell(JobChanged(None))
        return None

    def _follow(
        self, events: Iterator[Any], job: JobState, take: Callable[[Mapping[int, str]], None]
    ) -> Mapping[str, Any] | None:
        report: Mapping[str, Any] | None = None
        for event in events:
            job = self._under_way.followed(job, event)
            if isinstance(event, Done):
                report = dict(event.report)
            elif isinstance(event, FrameMatte):
                take({event.frame: self._library.solved.put(event.pixels)})
                job = replace(job, frames_done=job.frames_done + 1)
            self._tell(JobChanged(job))
            if self._under_way.is_given_up:
                events.close()  # type: ignore[attr-defined]
                raise Interrupted
        return report

    def publish(self, wish: MatteToPublish) -> None:
        """Publish the final mattes under a channel, or withdraw them."""
        shot = self._shot.state
        if shot is None:
            return
        client = self._connection.need_client()
        with self._connection.noticing_loss(client):
            digests: dict[int, str] = {}
            if not wish.is_withdrawn:
                session = self._shot.session_now(client)
                digests = {f: self._put(session, self._final(wish, f)) for f in range(wish.first, wish.last + 1)}
            client.publish_mattes(wish.channel, wish.first, wish.last, (shot.width, shot.height), digests)
            self._tell(MattesPublished(wish.channel, len(digests)))

    def _final(self, wish: MatteToPublish, frame: int) -> Any:
        if wish.mattes is not None:
            return self._library.kitchen.matte(wish.mattes[frame])
        return self._library.matte(frame)

    def _put_made(self, session: Session, recipe: Recipe) -> str:
        return self._put(session, self._library.kitchen.matte(recipe))

    def _put(self, session: Session, matte: Any) -> str:
        """Have a matte at the backend; its digest."""
        return session.client.put(session.shot, "matte", matte)
