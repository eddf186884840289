"""What is known of this machine, as data: the doctor's findings, and how the node stands.

Here: reading what ``propainter-backend doctor --json`` says, and what is offered because of it. Not here: asking
(``asking.py``), showing (``cards.py``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from propainter_pictures.console import as_sentence

Mark = Literal["ok", "note", "FIX"]
_ON_CARDS = ("weights", "backend")
_MARKS: tuple[Mark, ...] = ("ok", "note", "FIX")


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at."""

    mark: Mark
    what: str
    advice: str = ""
    is_needed: bool = True
    about: str = ""
    """``weights``, ``backend``, ``node``...: what it is about."""


@dataclass(frozen=True)
class NodeOffer:
    """What may be done with the node, and what the button says. Empty: nothing."""

    put: str = ""
    can_remove: bool = False


def read_findings(text: str) -> list[Finding]:
    """The doctor's words. Raises ValueError with a sentence where they are none."""
    try:
        told = json.loads(text)
        return [_finding(one) for one in told]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("the doctor's answer cannot be read") from error


def _finding(told: dict[str, Any]) -> Finding:
    mark = told["mark"]
    if mark not in _MARKS:
        raise ValueError(mark)
    return Finding(mark, str(told["what"]), str(told["advice"]), bool(told["is_needed"]), str(told.get("about", "")))


def summary(findings: Sequence[Finding]) -> str:
    """One sentence about all of them."""
    broken = [one for one in findings if one.mark == "FIX"]
    if any(one.is_needed for one in broken):
        return "Something is missing that every render needs. It is marked below."
    if broken:
        count = "One thing needs" if len(broken) == 1 else f"{len(broken)} things need"
        return f"Rendering works. {count} your attention, marked below."
    return "Everything that rendering needs works on this machine."


def lines_of(findings: Sequence[Finding]) -> list[Finding]:
    """A line each: what needs somebody first, then what is worth knowing. What has a card of its own is left out, and
    libraries that are well share a line.
    """
    rest = [one for one in findings if one.about not in _ON_CARDS and (one.about, one.mark) != ("library", "ok")]
    libraries = [one.what for one in findings if (one.about, one.mark) == ("library", "ok")]
    told = [_capitalised(one) if one.mark != "ok" else one for one in rest]
    if libraries:
        told.append(Finding("ok", ", ".join(libraries)))
    return sorted(told, key=lambda one: ("FIX", "note", "ok").index(one.mark))


def _capitalised(one: Finding) -> Finding:
    return replace(one, what=as_sentence(one.what).rstrip("."), advice=as_sentence(one.advice))


def weights_sentence(findings: Sequence[Finding]) -> str:
    """About the weights, for somebody who sees a window and no terminal."""
    for one in findings:
        if one.about == "weights":
            return " ".join(as_sentence(part) for part in (one.what, one.advice) if part)
    return "Not known yet."


def lack_weights(findings: Sequence[Finding]) -> bool:
    """Whether they are looked for, and are not there or not whole."""
    return any(one.about == "weights" and one.mark != "ok" for one in findings)


def offer_of(standing: str, *, is_ours: bool) -> NodeOffer:
    """standing: as ``propainter_install.node`` has it."""
    if not is_ours:
        return NodeOffer()
    put = {"absent": "Install node", "damaged": "Repair node"}.get(standing, "")
    return NodeOffer(put, standing in ("whole", "damaged"))
