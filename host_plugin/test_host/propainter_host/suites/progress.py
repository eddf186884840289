"""The progress suite: the dialog an action in progress may open."""

from __future__ import annotations

from propainter_host.abi import Refusal, Status
from propainter_host.graph.instance import Instance
from propainter_host.handles import Call
from propainter_host.strict import Rule
from propainter_host.suites.base import SuiteFunctions


class ProgressFunctions(SuiteFunctions):
    """OfxProgressSuite 1 and 2; each action in progress has its own dialog, and an abort counts as the artist's cancel."""

    def progressStart(self, effect: int | None, _label: bytes | None, _id: bytes | None = None) -> None:
        call = self._call(effect, "progressStart")
        if call.progress is not None:
            self._core.record(Rule.BAD_VALUE, "progress is started twice")
        call.progress = 0.0
        self._core.progress.append(0.0)

    def progressUpdate(self, effect: int | None, share: float) -> int:
        call = self._call(effect, "progressUpdate")
        if call.progress is None or not 0 <= share <= 1:
            self._core.record(Rule.BAD_VALUE, f"progress {share} is outside 0..1 or was not started")
        call.progress = share
        self._core.progress.append(share)
        return Status.REPLY_NO if call.abort is not None and call.abort.is_set() else Status.OK

    def progressEnd(self, effect: int | None) -> None:
        call = self._call(effect, "progressEnd")
        if call.progress is None:
            self._core.record(Rule.BAD_VALUE, "progress is ended but was not started")
        call.progress = None
        self._core.progress.append(None)

    def _call(self, effect: int | None, what: str) -> Call:
        self._core.handles.find(effect, Instance, what)
        call = self._core.calls.current
        if call is None:
            raise Refusal(Status.FAILED)
        return call
