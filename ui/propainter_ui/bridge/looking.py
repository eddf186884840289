"""Looking: frames that the backend has or makes, fetched for the screen.

Here: ``Looks``; a newer wish replaces an older one. Not here: which frames the screen lacks (``fetching.py`` of the hall).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from propainter_ui.bridge.connection import Connection
from propainter_ui.bridge.shot_at_backend import Session, ShotAtBackend
from propainter_ui.bridge.teller import Teller
from propainter_ui.bridge.wishes import LookWish
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.picture import Patch
from propainter_ui.state.events import ResultArrived
from propainter_wire.client import FrameResult
from propainter_wire.errors import JobCancelled, RemoteError

log = logging.getLogger(__name__)


class Looks:
    """Fetches frames for the screen. Of the look lane, ``take`` aside."""

    def __init__(self, connection: Connection, shot: ShotAtBackend, library: ShotLibrary, tell: Teller) -> None:
        self._connection = connection
        self._shot = shot
        self._library = library
        self._tell = tell
        self._wish: LookWish | None = None
        connection.when_connected.append(self._forget_wish)

    def take(self, wish: LookWish) -> bool:
        """Want this in place of what was wanted before; whether it is another."""
        is_new = wish != self._wish
        if is_new:
            self._wish = wish
        return is_new

    def _forget_wish(self) -> None:
        self._wish = None

    def fetch(self, wish: LookWish) -> None:
        """Fetch what is wished for, while it is the wish last taken."""
        session = self._shot.session
        if wish is not self._wish or session is None or session.settings != wish.settings:
            return
        revision = self._library.revision
        for kind, frames in (("unseen", wish.unseen), ("grain_free", wish.grain_free), ("result", wish.frames)):
            if frames and not self._fetch_kind(session, wish, kind, frames, revision):
                return

    def _fetch_kind(self, session: Session, wish: LookWish, kind: str, frames: Sequence[int], revision: int) -> bool:
        """Fetch one kind of picture; false once something else is wanted."""
        dtype = "uint8" if kind == "unseen" else None
        try:
            with self._connection.noticing_loss(session.client):
                events = session.client.render(
                    session.shot, frames, quality=wish.quality, output=kind, dtype=dtype, crop=True  # type: ignore[arg-type]
                )  # fmt: skip
                for event in events:
                    if isinstance(event, FrameResult):
                        self._library.keep_patch(kind, revision, event.frame, Patch(event.region, event.pixels))
                        self._tell(ResultArrived(revision, event.frame))
                    if wish is not self._wish:
                        events.close()  # type: ignore[attr-defined]
                        return False
        except (RemoteError, JobCancelled) as error:
            log.info("cannot fetch frames %s: %s", frames[:3], error)  # asked for again when the playhead moves
            self._wish = None
            return False
        return True
