"""What an artist set up for a shot, kept from one day to the next: settings, range, place, view, zoom.

Here: ``ShotSession``, and keeping one for every plate. Not here: applying it (``state/changes.py``), when it is kept
(``editing.py``).
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast, get_args

from propainter_pictures.mattes import MatteReading
from propainter_ui.kept.kept_file import KeptFile, data_folder
from propainter_ui.state.panel_state import VIEWS, PanelState, ShotState, View
from propainter_wire.errors import WireError
from propainter_wire.messages import Quality, ShotSettings

_VERSION = 1
_ZOOMS = (0.02, 64.0)


@dataclass(frozen=True)
class Zoom:
    """How the viewer shows the picture: screen pixels a picture pixel, 0: all of it; and the point in its middle, 0..1."""

    zoom: float = 0.0
    x: float = 0.5
    y: float = 0.5


@dataclass(frozen=True)
class ShotSession:
    """One shot as it was left. Frames are the host's numbers."""

    settings: ShotSettings
    quality: Quality
    first: int
    """In point."""
    last: int
    """Out point."""
    frame: int
    view: View
    exposure: float
    gamma: float
    zoom: Zoom
    size: tuple[int, int]
    """Width, height of the plate: another one has another zoom."""
    matte: str = ""
    """Path of the matte that the next two are of."""
    matte_channel: str = "auto"
    is_inverted: bool = False

    @property
    def reading(self) -> MatteReading:
        """How its matte is read."""
        return MatteReading(self.matte_channel, is_inverted=self.is_inverted)

    @classmethod
    def of(cls, state: PanelState, zoom: Zoom) -> ShotSession:
        """What is to be kept of a state with an open shot."""
        shot = state.shot
        assert shot is not None
        return cls(
            state.settings, state.quality, state.first, state.last, state.frame, state.view, state.exposure, state.gamma,
            zoom, (shot.width, shot.height), shot.matte, shot.matte_channel, shot.is_inverted,
        )  # fmt: skip

    def note(self) -> dict[str, Any]:
        """For the file."""
        return asdict(self)

    @classmethod
    def from_note(cls, note: dict[str, Any]) -> ShotSession:
        """From the file. Raises ValueError, KeyError, TypeError, WireError where it cannot be."""
        quality, view = note["quality"], note["view"]
        if quality not in get_args(Quality) or view not in VIEWS:
            raise ValueError(f"it knows no quality {quality!r} or no view {view!r}")
        zoom = Zoom(**{name: float(value) for name, value in note["zoom"].items()})
        if zoom.zoom and not _ZOOMS[0] <= zoom.zoom <= _ZOOMS[1]:
            raise ValueError(f"its zoom is {zoom.zoom}")
        width, height = map(int, note["size"])
        return cls(
            ShotSettings().changed(note["settings"]), cast(Quality, quality), int(note["first"]), int(note["last"]),
            int(note["frame"]), cast(View, view), _within(note["exposure"], -20, 20), _within(note["gamma"], 0.05, 10), zoom,
            (width, height), str(note.get("matte", "")), str(note.get("matte_channel", "auto")),
            note.get("is_inverted", False) is True,
        )  # fmt: skip


class ShotSessions:
    """One file a plate. folder: None: this user's."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = (data_folder() if folder is None else folder) / "shots"

    def read(self, shot: ShotState) -> ShotSession | None:
        """What was kept of a shot; None: nothing. Raises DamagedFile, the file set aside."""
        file = self._file(shot)
        note = file.read()
        if not note:
            return None
        try:
            return ShotSession.from_note(note["session"])
        except (ValueError, KeyError, TypeError, AttributeError, WireError) as error:
            raise file.damaged(error) from error

    def keep(self, shot: ShotState, session: ShotSession) -> None:
        """Put this in place of what was kept. Raises OSError."""
        self._file(shot).write({"plate": shot.plate, "session": session.note()})

    def _file(self, shot: ShotState) -> KeptFile:
        return KeptFile(
            self._folder / f"{name_of_plate(shot.plate)}.json",
            what=f"the settings kept for {shot.name}",
            version=_VERSION,
        )


def name_of_plate(plate: str) -> str:
    """What is kept of a shot is named by its plate's path."""
    return hashlib.sha256(str(Path(plate).absolute()).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _within(value: object, low: float, high: float) -> float:
    number = float(cast(float, value))
    if not low <= number <= high:
        raise ValueError(f"{number} lies outside {low:g}..{high:g}")
    return number
