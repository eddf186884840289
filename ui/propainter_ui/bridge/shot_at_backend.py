"""The open shot as the backend knows it: its session, the frames it has been given, what it has cached.

Here: ``ShotAtBackend``. Not here: finding the files (``opening.py``), rendering (``rendering.py``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from propainter_knobs.table import heard_by
from propainter_ui.bridge.connection import Connection
from propainter_ui.bridge.teller import Teller
from propainter_ui.bridge.under_way import Interrupted, UnderWay
from propainter_ui.matte.document import MatteDocument
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.shot_files import ShotFiles
from propainter_ui.state.events import BandsChanged, JobChanged, ShotFound, ShotUnderstood
from propainter_ui.state.panel_state import JobState, ShotState
from propainter_wire.client import Client
from propainter_wire.errors import BackendSilent, PropainterError, RemoteError
from propainter_wire.messages import OpenShot, Quality, ShotSettings
from propainter_wire.shot import Pixels

_READ_BATCH = 8


@dataclass(frozen=True)
class Session:
    """The open shot as a backend knows it."""

    client: Client
    shot: str
    serial: int
    settings: ShotSettings
    engine: str
    """That which renders under these settings."""
    offered: set[int]
    """Frames it has been given, plate and matte."""
    plates: set[int] = field(default_factory=set)
    """Frames whose plate alone it has been given: enough to draw a matte on."""

    def without_plate(self, frames: Sequence[int]) -> list[int]:
        """Those of the frames whose plate it has not been given."""
        return [frame for frame in frames if frame not in self.plates and frame not in self.offered]


class ShotAtBackend:
    """The open shot, its session, and the settings the backend was told last. Of the work lane."""

    def __init__(
        self,
        connection: Connection,
        library: ShotLibrary,
        under_way: UnderWay,
        tell: Teller,
        ask_later: Callable[[Callable[[], object]], None],
    ) -> None:
        """ask_later: does something on a lane that nobody waits for."""
        self._ask_later = ask_later
        self._are_bands_asked = False
        self._connection = connection
        self._library = library
        self._under_way = under_way
        self._tell = tell
        self._applied = ShotSettings()
        self._applied_quality: Quality = "normal"
        self._auto = ""
        """The engine that ``auto`` means, as a backend told last."""
        self.state: ShotState | None = None
        self.session: Session | None = None
        connection.when_forgotten.append(self._forget_session)

    def take(self, shot: ShotState, files: ShotFiles, note: str) -> None:
        """This is the open shot from here on."""
        revision = self._library.open(files)
        session, self.session = self.session, None
        if session is not None:
            with contextlib.suppress(PropainterError):  # a backend that is gone has forgotten it anyhow
                session.client.close_shot(session.shot)
        self.state = shot
        self._tell(ShotFound(shot, revision, note))
        self.introduce()

    def prefer(self, settings: ShotSettings, quality: Quality) -> None:
        """Introduce the shot with these settings, once there is a backend and a matte."""
        self._applied, self._applied_quality = settings, quality

    def revision_of(self, settings: ShotSettings, quality: Quality) -> int:
        """The revision of results under these settings; what the engine ignores makes no other one."""
        engine = self._auto if settings.engine == "auto" else settings.engine
        return self._library.revision_of(heard_by(engine, settings), quality)

    def _forget_session(self) -> None:
        self.session = None

    def introduce(self) -> None:
        """Tell a running backend about the open shot and all its frames, ahead of any render."""
        client, shot = self._connection.client, self.state
        if client is None or shot is None:
            return
        try:
            with self._connection.noticing_loss(client):
                session = self.session_now(client)
                frames = range(shot.first, shot.last + 1)
                job = JobState("reading", first=shot.first, last=shot.last)
                if not self._library.has_matte:
                    self.offer_plates(session, frames, job)
                    return
                self.offer(session, frames, job)
                self.tell_bands(client)
        except Interrupted:
            pass
        finally:
            self._tell(JobChanged(None))

    def session_for(self, client: Client, settings: ShotSettings, quality: Quality) -> Session:
        """The open shot on this backend under these settings; opened, or told of the change, if need be."""
        shot, session = self.state, self.session
        assert shot is not None
        wanted = dict(vars(settings))
        if session is None or session.client is not client or session.serial != self._library.serial:
            opened = client.open_shot(_shot_message(shot, wanted))
            session = Session(client, opened.shot, self._library.serial, settings, opened.engine, set())
        else:
            opened = client.change_settings(session.shot, wanted)
            session = replace(session, settings=settings, engine=opened.engine)
        self._applied, self._applied_quality = settings, quality
        with self._connection.guard:
            self.session = session
        if settings.engine == "auto":
            self._auto = opened.engine
        revision = self.revision_of(settings, quality)
        self._tell(ShotUnderstood(settings, quality, opened.engine, opened.working_size, revision, opened.notes))
        return session

    def session_now(self, client: Client) -> Session:
        """The open shot on this backend under the settings it was told last."""
        return self.session_for(client, self._applied, self._applied_quality)

    def draw(self, drawn: MatteDocument | None) -> None:
        """The matte is drawn so from here on: frames whose matte is another are offered again before they are used."""
        changed = self._library.draw(drawn)
        if self.session is not None and changed:
            self.session.offered.difference_update(changed)
            self.session.plates.update(changed)

    def send_plates(self, session: Session, frames: Sequence[int]) -> None:
        """Make sure the backend has these frames' plates. From any thread; nothing of it is told."""
        new = session.without_plate(frames)
        for start in range(0, len(new), _READ_BATCH):
            self._send(session, new[start : start + _READ_BATCH], mattes=False)

    def offer(self, session: Session, frames: Sequence[int], job: JobState) -> JobState:
        """Make sure the backend has these frames, a few at a time; returns the job as far as that brought it.

        Raises Interrupted.
        """
        return self._offer(session, [frame for frame in frames if frame not in session.offered], job, mattes=True)

    def offer_plates(self, session: Session, frames: Sequence[int], job: JobState) -> JobState:
        """The same of plates alone: that is all a matte is drawn and tracked on. Raises Interrupted."""
        return self._offer(session, session.without_plate(frames), job, mattes=False)

    def _offer(self, session: Session, new: Sequence[int], job: JobState, *, mattes: bool) -> JobState:
        for start in range(0, len(new), _READ_BATCH):
            self._under_way.check()
            job = job.read(start, len(new))
            self._tell(JobChanged(job))
            self._send(session, new[start : start + _READ_BATCH], mattes=mattes)
        return job.read(len(new), len(new)) if new else job

    def _send(self, session: Session, frames: Sequence[int], *, mattes: bool) -> None:
        session.client.offer_frames(session.shot, frames, _Provider(self._library), mattes=mattes)
        (session.offered if mattes else session.plates).update(frames)

    def tell_bands(self, client: Client) -> None:
        """Have it told what this backend has cached of the shot. Of a long shot the answer takes a while: nobody waits."""
        if not self._are_bands_asked:
            self._are_bands_asked = True
            self._ask_later(lambda: self._ask_bands(client))

    def _ask_bands(self, client: Client) -> None:
        self._are_bands_asked = False
        session = self.session
        if session is not None and session.client is client:
            with contextlib.suppress(BackendSilent, RemoteError):  # closed meanwhile, or busy: it is asked for again
                self._tell(BandsChanged(client.cache_state(session.shot)))


class _Provider:
    """A shot's frames for the client."""

    def __init__(self, library: ShotLibrary) -> None:
        self._library = library

    def plate(self, frame: int) -> Pixels:
        return self._library.plate(frame)

    def matte(self, frame: int) -> Pixels | None:
        return self._library.matte(frame)

    def clean(self, frame: int) -> Pixels | None:
        return self._library.clean(frame)


def _shot_message(shot: ShotState, settings: dict[str, Any]) -> OpenShot:
    return OpenShot(
        first=shot.first, last=shot.last, width=shot.width, height=shot.height, channels=3, dtype=shot.dtype,
        still_matte=shot.still_matte, settings=settings, name=shot.name,
    )  # fmt: skip
