"""The work under way, and giving it up: shared by who works and who cancels."""

from __future__ import annotations

import threading


class Interrupted(Exception):
    """The work under way was given up for something else."""


class UnderWay:
    """What the work lane is at. Setting and reading may come from several threads."""

    def __init__(self) -> None:
        self._is_given_up = threading.Event()
        self.job = ""
        """The backend's name of the job under way; empty without one."""

    def begin(self) -> None:
        """Work starts that nobody has given up yet."""
        self._is_given_up.clear()

    def give_up(self) -> None:
        """Ask whoever works to stop soon."""
        self._is_given_up.set()

    @property
    def is_given_up(self) -> bool:
        """Whether the work under way is to stop."""
        return self._is_given_up.is_set()

    def check(self) -> None:
        """Raise Interrupted if the work under way is to stop."""
        if self.is_given_up:
            raise Interrupted
