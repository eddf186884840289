"""The timeline suite: which time it is, and how long the project."""

from __future__ import annotations

from propainter_host.abi import write_double
from propainter_host.graph.instance import Instance
from propainter_host.suites.base import SuiteFunctions


class TimeLineFunctions(SuiteFunctions):
    """OfxTimeLineSuite 1; this host's time is that of the action in progress."""

    def getTime(self, effect: int | None, out: int | None) -> None:
        self._core.handles.find(effect, Instance, "getTime")
        call = self._core.calls.current
        write_double(self._target(out, "getTime has nowhere to put its answer"), call.time if call else 0.0)

    def gotoTime(self, effect: int | None, time: float) -> None:
        self._core.handles.find(effect, Instance, "gotoTime")
        self._core.ledger.note(f"gotoTime({time}) was asked for; this host has no viewer to move")

    def getTimeBounds(self, effect: int | None, first: int | None, last: int | None) -> None:
        project = self._core.handles.find(effect, Instance, "getTimeBounds").project
        write_double(self._target(first, "getTimeBounds has nowhere to put its answer"), project.first)
        write_double(self._target(last, "getTimeBounds has nowhere to put its answer"), project.last)
