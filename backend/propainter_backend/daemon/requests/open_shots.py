"""The shots that sessions have open.

Here: ``OpenShots``. Not here: one shot (``work/shots.py``), opening and closing by message (``shots.py``).
"""

from __future__ import annotations

from propainter_backend.daemon.work.shots import ShotRecord
from propainter_wire.errors import WireError
from propainter_wire.router import Request

MAX_SHOTS = 256
"""Open shots a session."""


class OpenShots:
    """A session sees its own shots alone."""

    def __init__(self) -> None:
        self._shots: dict[str, ShotRecord] = {}

    def __len__(self) -> int:
        return len(self._shots)

    def add(self, shot: ShotRecord) -> None:
        """Raises WireError (busy) where its session has too many."""
        if sum(other.session == shot.session for other in self._shots.values()) >= MAX_SHOTS:
            raise WireError("busy", f"this session has {MAX_SHOTS} shots open; close one of them")
        self._shots[shot.id] = shot

    def find(self, request: Request, shot_id: str) -> ShotRecord | None:
        """A shot of the asking session; None: it has no such shot."""
        shot = self._shots.get(shot_id)
        return shot if shot is not None and shot.session == request.session else None

    def of(self, request: Request, shot_id: str) -> ShotRecord:
        """A shot of the asking session. Raises WireError (unknown_shot)."""
        shot = self.find(request, shot_id)
        if shot is None:
            raise WireError("unknown_shot", "this session has no such shot; open it again")
        return shot

    def remove(self, shot: ShotRecord) -> None:
        """It is closed."""
        del self._shots[shot.id]

    def end_session(self, session: str) -> None:
        """Close the shots of a session that has ended."""
        self._shots = {key: shot for key, shot in self._shots.items() if shot.session != session}

    def followers(self, channel: str) -> list[ShotRecord]:
        """Shots that follow what is published under a name."""
        return [shot for shot in self._shots.values() if shot.opened.follow and shot.opened.name == channel]

    def taking_mattes(self, channel: str) -> list[ShotRecord]:
        """Shots that take the mattes published under a name."""
        return [shot for shot in self._shots.values() if shot.opened.panel_mattes and shot.opened.name == channel]

    def latest(self, count: int) -> list[ShotRecord]:
        """The last to be opened, latest first."""
        return list(reversed(list(self._shots.values())[-count:]))
