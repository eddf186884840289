"""A plan is made once for all who wait for it, and no client's wishes can pile up or cost another its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from propainter_backend.daemon.requests.open_shots import OpenShots
from propainter_backend.daemon.requests.plans import MAX_WAITING, Plans
from propainter_backend.daemon.work.shots import ShotRecord
from propainter_wire.errors import WireError
from propainter_wire.framing import new_id
from propainter_wire.messages import OpenShot, ShotSettings, Status
from propainter_wire.router import Request

PLAN = {"engine": "classical", "working_size": [48, 32], "reach": [[[0, 1]], [[0, 1]]]}


@dataclass
class Everybody:
    """Router and workers, as far as plans know them: what they are told is kept."""

    refused: list[tuple[str, str]] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    """(asker, what is called with the answer)"""

    def reply_error(self, request: Request, error: WireError) -> None:
        self.refused.append((request.session, error.code))

    def ask(self, key: str, note: object, then: Any, *, asker: str) -> None:
        self.asked.append((asker, then))


@pytest.fixture
def everybody() -> Everybody:
    return Everybody()


@pytest.fixture
def shots() -> dict[str, ShotRecord]:
    opened = OpenShot(1, 2, 48, 32, 3, "uint8")
    return {session: ShotRecord(new_id(), session, "test", opened, ShotSettings()) for session in ("much", "little")}


@pytest.fixture
def plans(everybody: Everybody, shots: dict[str, ShotRecord]) -> Plans:
    are_open = OpenShots()
    for shot in shots.values():
        are_open.add(shot)
    return Plans(everybody, are_open, everybody)  # type: ignore[arg-type]


def wish(plans: Plans, shot: ShotRecord, heard: list[str]) -> None:
    request = Request(shot.session, "test", new_id(), Status())
    plans.with_plan(request, shot, "normal", lambda plan: heard.append(shot.session))


def test_all_who_wait_are_answered_by_one_question(plans: Plans, shots: dict[str, ShotRecord], everybody: Everybody):
    heard: list[str] = []
    for session in ("much", "little", "much"):
        wish(plans, shots[session], heard)
    assert [asker for asker, _ in everybody.asked] == ["much"]
    everybody.asked[0][1](PLAN)
    assert sorted(heard) == ["little", "much", "much"] and plans.waiting == 0
    wish(plans, shots["little"], heard)
    assert len(heard) == 4 and len(everybody.asked) == 1


def test_so_many_wishes_of_a_client_wait_and_no_more(plans: Plans, shots: dict[str, ShotRecord]):
    heard: list[str] = []
    for _ in range(MAX_WAITING):
        wish(plans, shots["much"], heard)
    with pytest.raises(WireError, match="wait for an answer") as refused:
        wish(plans, shots["much"], heard)
    assert refused.value.code == "busy"
    wish(plans, shots["little"], heard)


def test_a_question_that_is_dropped_because_its_asker_asks_too_much_is_asked_again_for_the_others(
    plans: Plans, shots: dict[str, ShotRecord], everybody: Everybody
):
    heard: list[str] = []
    for session in ("much", "little"):
        wish(plans, shots[session], heard)
    everybody.asked[0][1]({"problem": "too many", "code": "busy"})
    assert everybody.refused == [("much", "busy")] and heard == []
    assert [asker for asker, _ in everybody.asked] == ["much", "little"]
    everybody.asked[1][1](PLAN)
    assert heard == ["little"] and plans.waiting == 0
