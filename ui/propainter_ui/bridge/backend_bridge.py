"""The bridge's door: the panel asks here, and lanes of its own carry out what was asked.

Here: what the panel may ask for, and which thread does it; what happens is told as events (``state/events.py``). Not here:
the work itself, which the other files of this room hold, and the protocol (``propainter_wire.client``, whose calls may come
from several threads).

Five lanes, each a thread that does one thing after the other, so that none waits for another's work: *talk* (connect,
status, cancel, stop), *work* (reading, rendering, exporting), *look* (frames that are wanted on the screen now; a
newer wish replaces an older one), *ask* (what is cached, and what is kept of a drawing) and *matte* (a frame's matte while
the hand draws).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from propainter_pictures.mattes import MatteReading
from propainter_ui.bridge.connection import Connection
from propainter_ui.bridge.exporting import Exports
from propainter_ui.bridge.lane import Lane
from propainter_ui.bridge.looking import Looks
from propainter_ui.bridge.matte_bridge import MatteBridge
from propainter_ui.bridge.matte_filing import MatteFiles
from propainter_ui.bridge.matting import Mattings
from propainter_ui.bridge.opening import ShotOpener
from propainter_ui.bridge.questions import Questions
from propainter_ui.bridge.rendering import Renders
from propainter_ui.bridge.shot_at_backend import ShotAtBackend
from propainter_ui.bridge.teller import Teller, sentence_of
from propainter_ui.bridge.under_way import Interrupted, UnderWay
from propainter_ui.bridge.wishes import ExportWish, LookWish, RenderWish
from propainter_ui.qt import QtCore, Signal
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.shot_files import BadShot
from propainter_ui.state.events import Event, Failed, JobChanged
from propainter_wire.errors import BackendDied, BackendSilent, PropainterError
from propainter_wire.messages import Cancel

log = logging.getLogger(__name__)

_POLL_S = 1.5


class BackendBridge(QtCore.QObject):
    """Carries out what the panel asks for and tells what happens. Every method returns at once."""

    told = Signal(object)
    """An ``Event``."""

    def __init__(self, library: ShotLibrary, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._under_way = UnderWay()
        self._tell = Teller(self._tell_current)
        self.connection = Connection(self._tell)
        self._ask = Lane("propainter ask", self._say_failed)
        self._shot = ShotAtBackend(self.connection, library, self._under_way, self._tell, self._ask.do)
        self._opener = ShotOpener(self._shot, library, self._tell)
        self._renders = Renders(self.connection, self._shot, library, self._under_way, self._tell)
        self._exports = Exports(self._renders, self._shot, library, self._under_way, self._tell)
        self._looks = Looks(self.connection, self._shot, library, self._tell)
        self._questions = Questions(self.connection, self._shot, self._under_way, self._tell)
        self._mattings = Mattings(self.connection, self._shot, library, self._under_way, self._tell, self._open_session)
        self._talk = Lane("propainter talk", self._say_failed, idle=self._poll, idle_s=_POLL_S)
        self._work = Lane("propainter work", self._say_failed)
        self._look = Lane("propainter look", self._say_failed)
        self._matte = Lane("propainter matte", self._say_failed)
        self.matte = MatteBridge(
            self._mattings, self._renders, MatteFiles(library, self._under_way, self._tell), ask=self._matte.do,
            instead=self._do_instead, after=lambda work: self._do(self._under_way.ticket, work), later=self._ask.do,
        )  # fmt: skip
        """What is asked about the drawn matte."""

    def connect_if_there(self) -> None:
        """Look for a running backend; start none."""
        self._talk.do(self._poll)

    def start(self) -> None:
        """Start a backend, or connect to the one there is; the open shot is told to it."""
        self._talk.do(self._start)

    def stop(self) -> None:
        """Stop the backend, whoever started it."""
        self._talk.do(self.connection.stop)

    def open(self, paths: Sequence[Path]) -> None:
        """Open what was dropped: a plate, a matte, or both."""
        self._do_instead(lambda: self._opener.open(paths))

    def open_as(self, what: str, path: Path) -> None:
        """Open a file as ``plate``, ``matte`` or ``clean`` plate, whatever it looks like."""
        self._do_instead(lambda: self._opener.open_as(what, path))

    def reopen(
        self,
        plate: str,
        matte: str,
        clean: str = "",
        only: frozenset[int] | None = None,
        *,
        reading: MatteReading | None = None,
    ) -> None:
        """Open a shot by the paths a ``ShotState`` holds, its files read anew.

        only: frames whose clean plate counts; None: all that there are. reading: how the matte is read; None: as
        before, if it is the same matte.
        """
        self._do_instead(lambda: self._opener.reopen(plate, matte, clean, only, reading))

    def read_matte(self, path: str, reading: MatteReading) -> None:
        """Read the shot's matte so: another channel of it, its black removed; or take another matte, read so."""
        self._under_way.give_up()
        self._work.do(lambda: self._opener.read_matte(path, reading))

    def drop_clean(self) -> None:
        """Do without clean plates from here on."""
        self._under_way.give_up()
        self._work.do(self._opener.drop_clean)

    def watch_channel(self, channel: str) -> None:
        """Tell what is published under this name, too, whether or not a shot follows it."""
        self._questions.channel = channel
        self._talk.do(self._poll)

    def publish(self, channel: str, settings: Mapping[str, Any] | None) -> None:
        """Publish settings under a name; None withdraws what is there."""
        self._talk.do(lambda: self._questions.publish(channel, settings))

    def apply(self, wish: RenderWish) -> None:
        """Tell the backend about settings, and find out what of the shot is still valid."""
        self._do_instead(lambda: self._renders.apply(wish))

    def render(self, wish: RenderWish) -> None:
        """Render frames; starts a backend if there is none."""
        self._do_instead(lambda: self._renders.render(wish))

    def look(self, wish: LookWish) -> None:
        """Fetch frames for the screen, in place of those asked for before."""
        if self._looks.take(wish):
            self._look.do(lambda: self._looks.fetch(wish))

    def export(self, wish: ExportWish) -> None:
        """Write results; frames without one are rendered first."""
        self._do_instead(lambda: self._exports.export(wish))

    def cancel(self) -> None:
        """Cancel what is under way, and what was asked for and has not begun. Waits for nobody."""
        self._under_way.give_up()
        job = self._under_way.job
        if job:  # on this thread: a lane may be waiting for an answer
            self.connection.with_client(lambda client: client.notify(Cancel(job)))

    def close(self) -> None:
        """End the session and the threads; a backend goes on living."""
        self._tell.is_closed = True
        self._under_way.give_up()
        self.connection.close()
        for lane in (self._talk, self._work, self._look, self._ask, self._matte):
            lane.close()

    def _poll(self) -> None:
        if self.connection.client is not None:
            self._questions.poll()
        elif self.connection.connect_quietly():
            self._do(self._under_way.ticket, self._shot.introduce)

    def _start(self) -> None:
        self.connection.need_client()
        self._do(self._under_way.ticket, self._shot.introduce)

    def _open_session(self, then: Callable[[], object]) -> None:
        def open_it() -> None:
            try:
                client = self.connection.need_client()
                if self._shot.state is not None:
                    self._shot.session_now(client)
            finally:
                then()

        self._work.do(open_it)

    def _do_instead(self, work: Callable[[], object]) -> None:
        """Have the work lane do this in place of what it is at."""
        self._do(self._under_way.give_up(), work)

    def _do(self, ticket: int, work: Callable[[], object]) -> None:
        def begun() -> None:
            with contextlib.suppress(Interrupted):
                self._under_way.begin(ticket)
                work()

        self._work.do(begun)

    def _tell_current(self, event: Event) -> None:
        """Tell of an event; work that has been given up is over for whoever looks on, however long it takes to end."""
        if isinstance(event, JobChanged) and event.job is not None and self._under_way.is_given_up:
            event = JobChanged(None)
        self.told.emit(event)

    def _say_failed(self, error: Exception) -> None:
        """Where an exception of a lane ends."""
        if isinstance(error, (BackendDied, BackendSilent)):
            client = self.connection.client
            if client is not None:
                self.connection.lost(client, error)
            return
        if not isinstance(error, (PropainterError, BadShot, OSError, ValueError)):
            log.exception("the panel made a mistake", exc_info=error)
        self._tell(Failed(sentence_of(error)))
