"""What the panel remembers from one session to the next: layout, theme, recent shots, measured speed.

Here: reading and writing the settings file. Not here: what any of it means.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from propainter_ui.qt import QtCore
from propainter_ui.widgets.jobs import RecentShot

_RECENT = 8


class Remembered:
    """A small ini file of this user's; what is damaged in it counts as absent."""

    def __init__(self) -> None:
        self._file = QtCore.QSettings(
            QtCore.QSettings.Format.IniFormat, QtCore.QSettings.Scope.UserScope, "propainter-remove", "panel"
        )

    def bytes(self, name: str) -> QtCore.QByteArray | None:
        """A layout as Qt saved it."""
        found = self._file.value(name)
        return found if isinstance(found, QtCore.QByteArray) else None

    def text(self, name: str, default: str = "") -> str:
        """A word."""
        found = self._file.value(name, default)
        return found if isinstance(found, str) else default

    def keep(self, name: str, value: QtCore.QByteArray | str) -> None:
        """Remember a layout or a word."""
        self._file.setValue(name, value)

    @property
    def recent(self) -> list[RecentShot]:
        """Shots opened lately, the latest first."""
        found = self._json("recent", [])
        try:
            return [RecentShot(**entry) for entry in found]
        except TypeError:
            return []

    def keep_recent(self, shot: RecentShot, known: Sequence[RecentShot]) -> list[RecentShot]:
        """Put a shot first; returns the list."""
        shots = [shot, *(other for other in known if other.plate != shot.plate)][:_RECENT]
        self._file.setValue("recent", json.dumps([vars(entry) for entry in shots]))
        return shots

    @property
    def rates(self) -> dict[str, float]:
        """Seconds a million pixels, stage by stage, as last measured on this machine."""
        found = self._json("rates", {})
        if not isinstance(found, dict):
            return {}
        return {str(k): float(v) for k, v in found.items() if isinstance(v, (int, float))}

    def keep_rates(self, rates: Mapping[str, float]) -> None:
        """Remember them."""
        self._file.setValue("rates", json.dumps(dict(rates)))

    def _json(self, name: str, default: Any) -> Any:
        try:
            return json.loads(self.text(name))
        except ValueError:
            return default
