"""Events: what the bridge tells of.

Here: data alone. Not here: events about the drawn matte (``matte_events.py``), who tells (``bridge/``), what the state
becomes (``outcomes.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from propainter_ui.state.matte_events import MatteEvent
from propainter_ui.state.panel_state import JobState, NoticeAction, ShotState
from propainter_wire.messages import CacheStateIs, Quality, ShotSettings, StatusIs, Welcome


@dataclass(frozen=True)
class DaemonAbsent:
    """Nothing is there to connect to."""


@dataclass(frozen=True)
class DaemonStarting:
    """A backend is being started or connected to."""


@dataclass(frozen=True)
class DaemonReady:
    """Connected."""

    welcome: Welcome


@dataclass(frozen=True)
class DaemonStatus:
    """What it says of itself, once in a while."""

    status: StatusIs


@dataclass(frozen=True)
class DaemonLost:
    """It was there and is gone; or it was asked to stop and did."""

    reason: str
    was_asked: bool = False


@dataclass(frozen=True)
class SettingsPublished:
    """What the backend has under a channel, whoever published it. settings: None: nothing."""

    channel: str
    settings: Mapping[str, Any] | None
    matte_frames: int = 0
    """So many frames have a matte published under it, too."""


@dataclass(frozen=True)
class ShotFound:
    """Files were looked at and make a shot."""

    shot: ShotState
    revision: int
    note: str = ""


@dataclass(frozen=True)
class MatteUnread:
    """A matte was given, and nothing tells which of its channels counts."""

    path: str
    channels: tuple[str, ...]
    """What can be chosen."""
    message: str


@dataclass(frozen=True)
class ShotUnderstood:
    """The backend knows the shot and these settings."""

    settings: ShotSettings
    quality: Quality
    engine: str
    working_size: tuple[int, int]
    revision: int
    """Of the results to come."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobChanged:
    """The panel's own work is at this point; None: it has ended."""

    job: JobState | None


@dataclass(frozen=True)
class ResultArrived:
    """A result of this revision lies in the store."""

    revision: int
    frame: int
    is_rough: bool = False
    """The final one follows."""


@dataclass(frozen=True)
class BandsChanged:
    """What the backend has cached of the shot."""

    state: CacheStateIs


@dataclass(frozen=True)
class RenderFinished:
    """A range is rendered."""

    report: Mapping[str, Any]
    frames: int


@dataclass(frozen=True)
class ExportFinished:
    """Files are written."""

    path: str
    what: str
    notes: tuple[str, ...] = ()
    """Sentences on what the files are without."""


@dataclass(frozen=True)
class Failed:
    """Something could not be done; the sentence says what, why and the way out."""

    message: str
    action: NoticeAction = ""


Event: TypeAlias = (
    DaemonAbsent | DaemonStarting | DaemonReady | DaemonStatus | DaemonLost | SettingsPublished | ShotFound
    | MatteUnread | ShotUnderstood | JobChanged | ResultArrived | BandsChanged | RenderFinished | ExportFinished | Failed
    | MatteEvent
)  # fmt: skip
