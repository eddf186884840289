"""A log that a flood does not fill: a few lines a minute, and how many were left out.

Here: ``SparingLog``. Not here: what is refused (``admission.py``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

LINES = 20
EVERY_S = 60.0


class SparingLog:
    """clock: seconds."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float]) -> None:
        self._log = log
        self._clock = clock
        self._began = clock()
        self._said = 0

    def warn(self, message: str, *values: object) -> None:
        """Say it, unless as much was said in this minute as anybody reads."""
        now = self._clock()
        if now - self._began >= EVERY_S:
            if self._said > LINES:
                self._log.warning("%d more such messages in the last minute", self._said - LINES)
            self._began, self._said = now, 0
        self._said += 1
        if self._said <= LINES:
            self._log.warning(message, *values)
        elif self._said == LINES + 1:
            self._log.warning("more such messages follow; they are counted, not told")
