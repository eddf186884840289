"""The bridge: the only part of the panel that talks to the backend, on threads of its own.

Here: connecting, starting, opening shots, rendering, fetching, exporting; what happens is told as events
(``panel_state.py``). Not here: what the panel makes of them (``panel_state.after``), the protocol
(``propainter_wire.client``, whose calls may come from several threads).

Three lanes, each a thread that does one thing after the other, so that none waits for another's work: *talk* (connect,
status, cancel, stop), *work* (reading, rendering, exporting) and *look* (frames that are wanted on the screen now; a
newer wish replaces an older one).
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from propainter_ui.qt import QtCore, Signal
from propainter_ui.shot import export
from propainter_ui.shot.export import EXPORT_NAMES, ExportKind
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.picture import Patch
from propainter_ui.shot.shot_files import (
    BadShot,
    Frames,
    ShotFiles,
    check_clean_fit,
    check_fit,
    frame_list_text,
    open_dropped,
    open_frames,
)
from propainter_ui.state.events import (
    BandsChanged,
    DaemonAbsent,
    DaemonLost,
    DaemonReady,
    DaemonStarting,
    DaemonStatus,
    Event,
    ExportFinished,
    Failed,
    JobChanged,
    RenderFinished,
    ResultArrived,
    SettingsPublished,
    ShotFound,
    ShotUnderstood,
)
from propainter_ui.state.panel_state import JobKind, JobState, ShotState
from propainter_wire.client import Client, FrameResult
from propainter_wire.errors import (
    BackendDied,
    BackendSilent,
    BackendUnreachable,
    JobCancelled,
    PropainterError,
    RemoteError,
)
from propainter_wire.messages import Accepted, Done, OpenShot, Progress, Quality, ShotSettings, StatusIs
from propainter_wire.shot import DType, Pixels, frames_of

log = logging.getLogger(__name__)

_POLL_S = 1.5
_READ_BATCH = 8
_TRIES = 3


@dataclass(frozen=True)
class RenderWish:
    """Frames of the open shot under some settings."""

    settings: ShotSettings
    quality: Quality
    first: int
    last: int
    frame: int
    """Rendered first, then outward."""


@dataclass(frozen=True)
class LookWish:
    """Frames to have on the screen soon, of results that exist or are being made."""

    settings: ShotSettings
    quality: Quality
    frames: tuple[int, ...] = ()
    unseen: tuple[int, ...] = ()


@dataclass(frozen=True)
class ExportWish:
    """A result as files."""

    kind: ExportKind
    path: Path
    render: RenderWish
    report: dict[str, Any]
    """What the report says besides the daemon's own."""


@dataclass(frozen=True)
class _Session:
    """The open shot as a backend knows it."""

    client: Client
    shot: str
    serial: int
    settings: ShotSettings
    offered: set[int]
    """Frames it has been given, plate and matte."""


class _Interrupted(Exception):
    """The work under way was given up for something else."""


class BackendBridge(QtCore.QObject):
    """Carries out what the panel asks for and tells what happens. Every method returns at once."""

    told = Signal(object)
    """An ``Event``."""

    def __init__(self, library: ShotLibrary, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._shot: ShotState | None = None
        self._client: Client | None = None
        self._session: _Session | None = None
        self._connecting = threading.Lock()
        self._guard = threading.Lock()
        self._interrupt = threading.Event()
        self._job = ""
        self._applied = ShotSettings()
        self._applied_quality: Quality = "normal"
        self._look: LookWish | None = None
        self._channel = ""
        self._published_for: dict[str, object] = {}
        """Channels that were asked for, and how their shots stood then."""
        self._is_absent_told = False
        self._is_closed = False
        self._talk = _Lane("propainter talk", self._say_failed, idle=self._poll, idle_s=_POLL_S)
        self._work = _Lane("propainter work", self._say_failed)
        self._looks = _Lane("propainter look", self._say_failed)

    # --- what the panel asks for ----------------------------------------------------------------------------------

    def connect_if_there(self) -> None:
        """Look for a running backend; start none."""
        self._talk.do(self._poll)

    def start(self) -> None:
        """Start a backend, or connect to the one there is; the open shot is told to it."""
        self._talk.do(self._start)

    def stop(self) -> None:
        """Stop the backend, whoever started it."""
        self._talk.do(self._stop)

    def open(self, paths: Sequence[Path]) -> None:
        """Open what was dropped: a plate, a matte, or both."""
        self._interrupt.set()
        self._work.do(lambda: self._open(paths))

    def open_as(self, what: str, path: Path) -> None:
        """Open a file as ``plate``, ``matte`` or ``clean`` plate, whatever it looks like."""
        self._interrupt.set()
        self._work.do(lambda: self._open_as(what, path))

    def reopen(self, plate: str, matte: str, clean: str = "", only: frozenset[int] | None = None) -> None:
        """Open a shot by the paths a ``ShotState`` holds, its files read anew.

        only: frames whose clean plate counts; None: all that there are.
        """
        self._interrupt.set()
        self._work.do(lambda: self._reopen(plate, matte, clean, only))

    def drop_clean(self) -> None:
        """Do without clean plates from here on."""
        self._interrupt.set()
        self._work.do(self._drop_clean)

    def watch_channel(self, channel: str) -> None:
        """Tell what is published under this name, too, whether or not a shot follows it."""
        self._channel = channel
        self._talk.do(self._poll)

    def publish(self, channel: str, settings: Mapping[str, Any] | None) -> None:
        """Publish settings under a name; None withdraws what is there."""
        self._talk.do(lambda: self._publish(channel, settings))

    def apply(self, wish: RenderWish) -> None:
        """Tell the backend about settings, and find out what of the shot is still valid."""
        self._interrupt.set()
        self._work.do(lambda: self._apply(wish))

    def render(self, wish: RenderWish) -> None:
        """Render frames; starts a backend if there is none."""
        self._interrupt.set()
        self._work.do(lambda: self._render(wish))

    def look(self, wish: LookWish) -> None:
        """Fetch frames for the screen, in place of those asked for before."""
        if wish != self._look:
            self._look = wish
            self._looks.do(lambda: self._fetch(wish))

    def export(self, wish: ExportWish) -> None:
        """Write results; frames without one are rendered first."""
        self._interrupt.set()
        self._work.do(lambda: self._export(wish))

    def cancel(self) -> None:
        """Cancel what is under way."""
        self._interrupt.set()
        job = self._job
        if job:
            self._talk.do(lambda: self._with_client(lambda client: client.cancel(job)))

    def close(self) -> None:
        """End the session and the threads; a backend goes on living."""
        self._is_closed = True
        self._interrupt.set()
        client = self._forget_client()
        if client is not None:
            client.close()
        for lane in (self._talk, self._work, self._looks):
            lane.close()

    # --- the backend itself ---------------------------------------------------------------------------------------

    def _poll(self) -> None:
        client = self._client
        if client is None:
            self._connect_quietly()
            return
        try:
            status = client.status()
            self._tell(DaemonStatus(status))
            self._ask_published(client, status)
            if self._job:
                self._tell_bands(client)
        except BackendSilent as error:  # busy with something large; a job under way would tell if it had died
            log.info("no status: %s", error)

    def _ask_published(self, client: Client, status: StatusIs) -> None:
        """Ask what is published under the panel's channel and those followed: once, and whenever their shots stand
        otherwise than when they were asked for, which is how another panel's publishing shows.
        """
        stand: dict[str, list[tuple[str, ShotSettings]]] = {self._channel: []}
        for shot in status.shots:
            if shot.follows:
                stand.setdefault(shot.name, []).append((shot.shot, shot.settings))
        for channel, shots in stand.items():
            if self._published_for.get(channel) != shots:
                self._tell(SettingsPublished(channel, client.published(channel).settings))
                self._published_for[channel] = shots

    def _publish(self, channel: str, settings: Mapping[str, Any] | None) -> None:
        client = self._client
        if client is not None:
            self._tell(SettingsPublished(channel, client.publish(channel, settings).settings))
            self._poll()

    def _connect_quietly(self) -> None:
        """Connect to a backend that somebody else has started; none is no failure."""
        if not self._connecting.acquire(blocking=False):
            return
        try:
            if self._client is None and not self._is_closed:
                self._connected(Client.connect(name="propainter-panel"))
                self._work.do(self._introduce)
        except BackendUnreachable as error:
            log.debug("no backend: %s", error)
            if not self._is_absent_told:
                self._is_absent_told = True
                self._tell(DaemonAbsent())
        finally:
            self._connecting.release()

    def _start(self) -> None:
        self._need_client()
        self._work.do(self._introduce)

    def _need_client(self) -> Client:
        """The client, with a backend started if there is none. Raises PropainterError."""
        with self._connecting:
            if self._client is not None:
                return self._client
            self._tell(DaemonStarting())
            try:
                return self._connected(Client.connect(name="propainter-panel", start=True))
            except PropainterError:
                self._tell(DaemonAbsent())
                raise

    def _connected(self, client: Client) -> Client:
        with self._guard:
            self._client = client
        self._is_absent_told = False
        self._look = None
        self._published_for = {}
        self._tell(DaemonReady(client.welcome))
        return client

    def _stop(self) -> None:
        client = self._forget_client()
        if client is not None:
            with contextlib.suppress(BackendDied, BackendSilent):
                client.stop("now")
            client.close()
            self._is_absent_told = True
            self._tell(DaemonLost("", was_asked=True))

    def _forget_client(self, which: Client | None = None) -> Client | None:
        """Let go of the client (only if it is this one), its session with it."""
        with self._guard:
            client = self._client
            if client is None or (which is not None and client is not which):
                return None
            self._client = self._session = None
            return client

    def _lost(self, client: Client, error: Exception) -> None:
        """The backend is gone: told once, however many calls find out."""
        if self._forget_client(client) is not None:
            self._is_absent_told = True
            self._job = ""
            self._tell(DaemonLost(str(error)))
            threading.Thread(target=client.close, daemon=True).start()

    def _with_client(self, do: Callable[[Client], object]) -> None:
        client = self._client
        if client is not None:
            do(client)

    # --- the shot -------------------------------------------------------------------------------------------------

    def _open(self, paths: Sequence[Path]) -> None:
        known = self._library.files
        opened = open_dropped(
            paths, has_plate=known is not None, awaits_matte=known is not None and known.matte_frames is None
        )
        if opened.plate is None and known is None:
            assert opened.matte is not None
            raise BadShot(
                f"{Path(opened.matte.path).name} looks like a matte, and there is no plate yet; drop the plate as well"
            )
        if opened.plate is not None or known is None:
            assert opened.plate is not None
            self._found(opened.plate, opened.matte, opened.clean)
        elif opened.clean is None:
            self._found(known.plate_frames, opened.matte, known.clean_frames, known.clean_only)
        else:
            self._found(known.plate_frames, opened.matte or known.matte_frames, opened.clean)

    def _open_as(self, what: str, path: Path) -> None:
        known, frames = self._library.files, open_frames(path, may_have_gaps=what == "clean")
        if what == "plate":
            self._found(frames)
        elif known is None:
            raise BadShot("there is no plate yet; open the plate first, then its matte and clean plate")
        elif what == "matte":
            self._found(known.plate_frames, frames, known.clean_frames, known.clean_only)
        else:
            self._found(known.plate_frames, known.matte_frames, frames)

    def _reopen(self, plate: str, matte: str, clean: str, only: frozenset[int] | None) -> None:
        self._found(
            open_frames(Path(plate)),
            open_frames(Path(matte)) if matte else None,
            open_frames(Path(clean), may_have_gaps=True) if clean else None,
            only,
        )

    def _drop_clean(self) -> None:
        known = self._library.files
        if known is not None and known.clean_frames is not None:
            self._found(known.plate_frames, known.matte_frames)

    def _found(
        self,
        plate: Frames,
        matte: Frames | None = None,
        clean: Frames | None = None,
        clean_only: frozenset[int] | None = None,
    ) -> None:
        """These files are the shot from here on. Raises BadShot if they do not fit each other."""
        files = ShotFiles(plate, matte, clean, clean_only)
        if matte is not None:
            check_fit(plate, matte)
        if clean is not None:
            check_clean_fit(files)
        had_clean = self._shot is not None and self._shot.clean
        numbers = files.clean_numbers()
        revision = self._library.open(files)
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(PropainterError):  # a backend that is gone has forgotten it anyhow
                session.client.close_shot(session.shot)
        self._shot = ShotState(
            name=_name_of(Path(plate.path)), plate=plate.path, matte=matte.path if matte is not None else "",
            first=plate.first, last=plate.last, width=plate.width, height=plate.height, dtype=cast(DType, plate.dtype),
            fps=plate.fps, still_matte=matte is not None and matte.is_still,
            clean=clean.path if clean is not None else "", clean_frames=numbers,
        )  # fmt: skip
        note = ""
        if clean is not None and clean.path != had_clean:
            whose = "every frame" if len(numbers) == self._shot.frame_count else frame_list_text(numbers)
            note = f"Clean plate {Path(clean.path).name}: the fill of {whose} is taken from it where it has pixels."
        self._tell(ShotFound(self._shot, revision, note))
        self._introduce()

    def _introduce(self) -> None:
        """Tell a running backend about the open shot and all its frames, ahead of any render."""
        client, shot = self._client, self._shot
        if client is None or shot is None or not shot.matte:
            return
        self._interrupt.clear()
        try:
            with self._noticing_loss(client):
                session = self._session_for(client, self._applied, self._applied_quality)
                frames = range(shot.first, shot.last + 1)
                self._offer(session, frames, JobState("reading", first=shot.first, last=shot.last))
                self._tell_bands(client)
        except _Interrupted:
            pass
        finally:
            self._tell(JobChanged(None))

    def _session_for(self, client: Client, settings: ShotSettings, quality: Quality) -> _Session:
        """The open shot on this backend under these settings; opened, or told of the change, if need be."""
        shot, session = self._shot, self._session
        assert shot is not None
        wanted = dict(vars(settings))
        if session is None or session.client is not client or session.serial != self._library.serial:
            opened = client.open_shot(_shot_message(shot, wanted))
            session = _Session(client, opened.shot, self._library.serial, settings, set())
        else:
            opened = client.change_settings(session.shot, wanted)
            session = replace(session, settings=settings)
        self._applied, self._applied_quality = settings, quality
        with self._guard:
            self._session = session
        revision = self._library.revision_of(settings, quality)
        self._tell(ShotUnderstood(settings, quality, opened.engine, opened.working_size, revision, opened.notes))
        return session

    def _offer(self, session: _Session, frames: Sequence[int], job: JobState) -> None:
        """Make sure the backend has these frames, a few at a time. Raises _Interrupted."""
        new = [frame for frame in frames if frame not in session.offered]
        for start in range(0, len(new), _READ_BATCH):
            self._check_interrupt()
            self._tell(JobChanged(replace(job, stage="reading", done=start, total=len(new))))
            batch = new[start : start + _READ_BATCH]
            session.client.offer_frames(session.shot, batch, _Provider(self._library))
            session.offered.update(batch)

    # --- work -----------------------------------------------------------------------------------------------------

    def _apply(self, wish: RenderWish) -> None:
        client = self._client
        if client is None or self._shot is None:
            return
        with self._noticing_loss(client):
            self._session_for(client, wish.settings, wish.quality)
        self._introduce()  # goes on with what was interrupted

    def _render(self, wish: RenderWish) -> None:
        frames = sorted(range(wish.first, wish.last + 1), key=lambda frame: (abs(frame - wish.frame), frame))
        reports = [report for _, report in self._rendering("rendering", wish, frames) if report is not None]
        if reports:
            self._tell(RenderFinished(reports[-1], len(frames)))

    def _rendering(
        self, kind: JobKind, wish: RenderWish, frames: Sequence[int]
    ) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Render frames, keep the results, tell of everything; yields (frame, None) and at last (0, report).

        A cancelled render ends without a report. Raises PropainterError, BadShot.
        """
        self._interrupt.clear()
        job = JobState(kind, first=wish.first, last=wish.last, frames_total=len(frames))
        self._tell(JobChanged(job))
        client = self._need_client()
        try:
            with self._noticing_loss(client):
                session = self._session_for(client, wish.settings, wish.quality)
                self._tell_bands(client)
                for attempt in range(_TRIES):
                    reach = client.reach(session.shot, frames, quality=wish.quality)
                    self._offer(session, frames_of(reach.plates), job)
                    self._check_interrupt()
                    try:
                        yield from self._events(session, wish, frames, job)
                        break
                    except RemoteError as error:
                        if error.code != "frames_missing" or attempt == _TRIES - 1:
                            raise
                        session.offered.clear()
                self._tell_bands(client)
        except (JobCancelled, _Interrupted):
            with contextlib.suppress(BackendDied, BackendSilent):
                self._tell_bands(client)
        finally:
            self._job = ""
            self._tell(JobChanged(None))

    def _events(
        self, session: _Session, wish: RenderWish, frames: Sequence[int], job: JobState
    ) -> Iterator[tuple[int, dict[str, Any] | None]]:
        revision = self._library.revision_of(wish.settings, wish.quality)
        events = session.client.render(session.shot, frames, quality=wish.quality, priority="preview", crop=True)
        for event in events:
            if isinstance(event, Accepted):
                self._job = event.job
                job = replace(job, job=event.job)
            elif isinstance(event, Progress):
                job = replace(job, stage=event.stage, done=event.done, total=event.total, eta_s=event.eta_s)
            elif isinstance(event, FrameResult):
                self._library.keep_patch("result", revision, event.frame, Patch(event.region, event.pixels))
                self._tell(ResultArrived(revision, event.frame))
                job = replace(job, frames_done=job.frames_done + 1)
                yield event.frame, None
            elif isinstance(event, Done):
                yield 0, dict(event.report)
            self._tell(JobChanged(job))
            if self._interrupt.is_set():
                events.close()  # type: ignore[attr-defined]
                raise _Interrupted

    def _export(self, wish: ExportWish) -> None:
        shot, library = self._shot, self._library
        assert shot is not None
        frames = range(wish.render.first, wish.render.last + 1)
        job = JobState("exporting", first=frames[0], last=frames[-1], frames_total=len(frames), stage="writing")
        if wish.kind == "report":
            self._tell(ExportFinished(str(export.write_report(wish.path, wish.report)), EXPORT_NAMES[wish.kind]))
            return
        patches = self._patches_for(wish.render, frames)
        if patches is None:
            return
        self._interrupt.clear()

        def advance(done: int) -> None:
            self._check_interrupt()
            self._tell(JobChanged(replace(job, frames_done=done)))

        self._tell(JobChanged(job))
        try:
            if wish.kind == "sequence":
                written = export.write_sequence(wish.path, library, shot, frames, patches, advance)
            elif wish.kind == "mp4":
                written = export.write_mp4(wish.path, library, shot, frames, patches, advance)
            else:
                written = export.write_sheet(wish.path, library, shot, frames, patches, wish.render.settings.grow)
        except _Interrupted:
            return
        finally:
            self._tell(JobChanged(None))
        self._tell(ExportFinished(str(written), EXPORT_NAMES[wish.kind]))

    def _patches_for(self, wish: RenderWish, frames: Sequence[int]) -> dict[int, Patch] | None:
        """Every frame's result, rendered where it is not at hand; None if that was cancelled."""
        revision = self._library.revision_of(wish.settings, wish.quality)
        patches = {frame: self._library.patch("result", revision, frame) for frame in frames}
        missing = [frame for frame, patch in patches.items() if patch is None]
        if missing:
            for frame, report in self._rendering("exporting", wish, missing):
                if report is None:
                    patches[frame] = self._library.patch("result", revision, frame)
        found = {frame: patch for frame, patch in patches.items() if patch is not None}
        return found if len(found) == len(frames) else None

    # --- looking --------------------------------------------------------------------------------------------------

    def _fetch(self, wish: LookWish) -> None:
        session = self._session
        if wish is not self._look or session is None or session.settings != wish.settings:
            return
        revision = self._library.revision
        for kind, frames in (("unseen", wish.unseen), ("result", wish.frames)):
            if frames and not self._fetch_kind(session, wish, kind, frames, revision):
                return

    def _fetch_kind(self, session: _Session, wish: LookWish, kind: str, frames: Sequence[int], revision: int) -> bool:
        """Fetch one kind of picture; false once something else is wanted."""
        output, dtype = ("unseen", "uint8") if kind == "unseen" else ("result", None)
        try:
            with self._noticing_loss(session.client):
                events = session.client.render(
                    session.shot, frames, quality=wish.quality, output=output, dtype=dtype, crop=True  # type: ignore[arg-type]
                )  # fmt: skip
                for event in events:
                    if isinstance(event, FrameResult):
                        self._library.keep_patch(kind, revision, event.frame, Patch(event.region, event.pixels))
                        self._tell(ResultArrived(revision, event.frame))
                    if wish is not self._look:
                        events.close()  # type: ignore[attr-defined]
                        return False
        except (RemoteError, JobCancelled) as error:
            log.info("cannot fetch frames %s: %s", frames[:3], error)  # asked for again when the playhead moves
            self._look = None
            return False
        return True

    # --- small things ---------------------------------------------------------------------------------------------

    def _tell_bands(self, client: Client) -> None:
        session = self._session
        if session is not None and session.client is client:
            self._tell(BandsChanged(client.cache_state(session.shot)))

    def _check_interrupt(self) -> None:
        if self._interrupt.is_set():
            raise _Interrupted

    @contextlib.contextmanager
    def _noticing_loss(self, client: Client) -> Iterator[None]:
        try:
            yield
        except (BackendDied, BackendSilent) as error:
            self._lost(client, error)

    def _say_failed(self, error: Exception) -> None:
        """Where an exception of a lane ends."""
        if isinstance(error, (BackendDied, BackendSilent)):
            client = self._client
            if client is not None:
                self._lost(client, error)
            return
        if not isinstance(error, (PropainterError, BadShot, OSError, ValueError)):
            log.exception("the panel made a mistake", exc_info=error)
        self._tell(Failed(_sentence(error)))

    def _tell(self, event: Event) -> None:
        if self._is_closed:
            return
        try:
            self.told.emit(event)
        except RuntimeError:  # the host has deleted the panel without closing it
            self._is_closed = True


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


class _Lane:
    """A thread that does what it is given, one after the other, and something else whenever it is idle."""

    def __init__(
        self,
        name: str,
        on_error: Callable[[Exception], None],
        *,
        idle: Callable[[], None] | None = None,
        idle_s: float | None = None,
    ) -> None:
        self._on_error = on_error
        self._idle = idle
        self._idle_s = idle_s
        self._tasks: queue.Queue[Callable[[], object] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, task: Callable[[], object]) -> None:
        """Do this after everything given before."""
        self._tasks.put(task)

    def close(self) -> None:
        """End after what is under way; at most a few seconds of waiting."""
        self._tasks.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        due = time.monotonic()
        while True:
            task: Callable[[], object] | None
            try:
                task = self._tasks.get(timeout=None if self._idle_s is None else max(0.0, due - time.monotonic()))
                if task is None:
                    return
            except queue.Empty:
                task = self._idle
                due = time.monotonic() + (self._idle_s or 0.0)
            try:
                if task is not None:
                    task()
            except Exception as error:
                self._on_error(error)


def _shot_message(shot: ShotState, settings: dict[str, Any]) -> OpenShot:
    return OpenShot(
        first=shot.first, last=shot.last, width=shot.width, height=shot.height, channels=3, dtype=shot.dtype,
        still_matte=shot.still_matte, settings=settings, name=shot.name,
    )  # fmt: skip


def _name_of(path: Path) -> str:
    """What the artist calls a shot: its sequence's name; a folder called plate lends its parent's."""
    name = path.stem if path.suffix else path.name
    name = name.rstrip("0123456789").rstrip("._-") or name
    return path.parent.name if name.lower() in ("plate", "plates", "frames") and path.parent.name else name


def _sentence(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
