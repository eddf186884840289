"""Settings published by name, for shots that follow it: kept in one small file, over restarts.

Here: ``PublishedSettings``. Not here: who follows (``open_shots.py``).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from propainter_pictures.whole_files import appearing, sweep
from propainter_wire.errors import WireError
from propainter_wire.messages import Publish

log = logging.getLogger(__name__)

MAX_NAMES = 1000


class PublishedSettings:
    """name -> some of a shot's settings. A file that cannot be read counts as empty, and is replaced by the next change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        sweep(path.parent)
        self._settings = _read(path)

    def get(self, name: str) -> Mapping[str, Any] | None:
        """What is published under a name; None: nothing."""
        return self._settings.get(name)

    def put(self, name: str, settings: Mapping[str, Any] | None) -> None:
        """Publish, or withdraw with None. Raises WireError (busy) beyond 1,000 names.

        If the disk refuses it, what is published holds until the daemon ends.
        """
        if settings is None:
            self._settings.pop(name, None)
        elif name not in self._settings and len(self._settings) >= MAX_NAMES:
            raise WireError("busy", f"{MAX_NAMES} names have settings published; withdraw one of them")
        else:
            self._settings[name] = dict(settings)
        try:
            self._write()
        except OSError as error:
            log.warning("published settings are not kept over a restart: %s", error)

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with appearing(self._path) as partial:
            partial.write_text(json.dumps(self._settings), encoding="utf-8")


def _read(path: Path) -> dict[str, Mapping[str, Any]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        messages = [Publish(name, settings) for name, settings in found.items()]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, WireError) as error:
        log.warning("%s cannot be read (%s); nothing is published until somebody does again", path, error)
        return {}
    return {message.name: message.settings for message in messages if message.settings is not None}
