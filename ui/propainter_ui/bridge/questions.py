"""Questions: what is asked of the backend once in a while: its status, and what is published.

Here: ``Questions``. Not here: connecting (``connection.py``), what it has cached (``shot_at_backend.py``).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from propainter_ui.bridge.connection import Connection
from propainter_ui.bridge.shot_at_backend import ShotAtBackend
from propainter_ui.bridge.teller import Teller
from propainter_ui.bridge.under_way import UnderWay
from propainter_ui.state.events import DaemonStatus, SettingsPublished
from propainter_wire.client import Client
from propainter_wire.errors import BackendSilent
from propainter_wire.messages import Published, ShotSettings, StatusIs

log = logging.getLogger(__name__)


class Questions:
    """Asks the backend. Of the talk lane."""

    def __init__(self, connection: Connection, shot: ShotAtBackend, under_way: UnderWay, tell: Teller) -> None:
        self._connection = connection
        self._shot = shot
        self._under_way = under_way
        self._tell = tell
        self.channel = ""
        """The name the panel publishes under: asked for whether or not a shot follows it."""
        self._published_for: dict[str, object] = {}
        """Channels that were asked for, and how their shots stood then."""
        connection.when_connected.append(self._forget_published)

    def _forget_published(self) -> None:
        self._published_for = {}

    def poll(self) -> None:
        """Ask the backend that is connected how it does, and what is published."""
        client = self._connection.client
        if client is None:
            return
        try:
            status = client.status()
            self._tell(DaemonStatus(status))
            self._ask_published(client, status)
            if self._under_way.job:
                self._shot.tell_bands(client)
        except BackendSilent as error:  # busy with something large; a job under way would tell if it had died
            log.info("no status: %s", error)

    def _ask_published(self, client: Client, status: StatusIs) -> None:
        """Ask what is published under the panel's channel and those followed: once, and whenever their shots stand
        otherwise than when they were asked for, which is how another panel's publishing shows.
        """
        stand: dict[str, list[tuple[str, ShotSettings]]] = {self.channel: []}
        for shot in status.shots:
            if shot.follows:
                stand.setdefault(shot.name, []).append((shot.shot, shot.settings))
        for channel, shots in stand.items():
            if self._published_for.get(channel) != shots:
                self._tell_published(client.published(channel))
                self._published_for[channel] = shots

    def publish(self, channel: str, settings: Mapping[str, Any] | None) -> None:
        """Publish settings under a name; None withdraws what is there."""
        client = self._connection.client
        if client is not None:
            self._tell_published(client.publish(channel, settings))
            self.poll()

    def _tell_published(self, found: Published) -> None:
        self._tell(SettingsPublished(found.name, found.settings, found.matte_frames))
