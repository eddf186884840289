"""What a render's status and memory say of the plugin."""

from __future__ import annotations

from propainter_host.abi import Status
from propainter_host.core import RENDER
from propainter_host.effect.request import Wanted
from propainter_host.handles import Call
from propainter_host.images import Rect
from propainter_host.strict import Ledger, Rule


def judge(status: Status, wanted: Wanted, window: Rect, call: Call, *, ledger: Ledger) -> str:
    """What a render's status and memory mean; notes what is wrong with either."""
    output = call.output
    assert output is not None

    def record(rule: Rule, text: str) -> None:
        ledger.record(rule, text, action=RENDER)

    if not output.guards_hold:
        record(Rule.WROTE_OUTSIDE_IMAGE, str(output))
    strayed = output.count_written_outside(window)
    if strayed:
        record(Rule.WROTE_OUTSIDE_WINDOW, f"{strayed} pixel(s) of {output}, window {tuple(window)}")
    if status is not Status.OK:
        if status is Status.REPLY_DEFAULT and not wanted.abort.is_set():
            record(Rule.WRONG_STATUS, f"the render of frame {wanted.time:g} returned REPLY_DEFAULT without an abort")
        return "aborted" if wanted.abort.is_set() else "failed"
    unwritten = output.count_unwritten(window)
    if unwritten and not wanted.abort.is_set():
        record(Rule.LEFT_UNWRITTEN, f"{unwritten} pixel(s) of {output}, window {tuple(window)}")
    return "done"
