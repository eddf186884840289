"""What a plugin did that some host would punish: noted when it happens, raised when the host closes.

Here: the rules and the ledger. Not here: the checks themselves, which stand where the deed happens (``suites/``,
``graph/``, ``effect/``, ``properties.py``). A violation never stops a render: the plugin is served on, as a real
host would, so that one run shows everything that is wrong with it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum

from propainter_host.errors import StrictnessError


class Rule(Enum):
    """Each thing a plugin must not do; the value is how a report says it."""

    DUPLICATE_PARAMETER = "a parameter is defined twice"
    DUPLICATE_CLIP = "a clip is defined twice"
    DEFINED_OUTSIDE_DESCRIBE = "a clip or parameter is defined outside describe in context"
    SET_VALUE_OUTSIDE_INSTANCE_CHANGED = "a parameter is set outside instance changed"
    UNBALANCED_EDIT = "parameter edits are begun and not ended, or the reverse"
    IMAGE_OUTSIDE_RENDER = "a clip's image is asked for outside render"
    UNRELEASED_IMAGE = "an image is still held when the action ends"
    RELEASED_TWICE = "an image is released twice"
    UNDECLARED_FRAME = "a frame is fetched that frames needed did not declare"
    NO_TEMPORAL_ACCESS = "another frame is fetched without temporal access"
    WROTE_OUTSIDE_WINDOW = "pixels are written outside the render window"
    WROTE_OUTSIDE_IMAGE = "bytes are written outside an image or a memory block"
    WROTE_INTO_INPUT = "pixels of an input image are changed"
    LEFT_UNWRITTEN = "pixels of the render window are not written"
    FOREIGN_THREAD = "a suite is called from a thread the host did not call in on"
    AFTER_DESTROY = "a handle is used after what it named is gone"
    BAD_HANDLE = "a handle was never given out by this host"
    NULL_POINTER = "a pointer that must lead somewhere is NULL"
    WRONG_TYPE = "a property or parameter is used with another type than its own"
    BAD_INDEX = "a property is indexed past its end"
    READ_ONLY = "a property that belongs to the host is set"
    BAD_VALUE = "a value is outside what is allowed"
    BAD_DESCRIPTION = "a description is incomplete or contradicts itself"
    WRONG_STATUS = "an action returns a status it may not return"
    HOST_TRAP = "this host is known to break on it"
    LEAKED_MEMORY = "memory or a mutex is not given back before unload"
    HOST_FAULT = "the host itself raised inside a callback"


@dataclass(frozen=True)
class Violation:
    """One broken rule, once."""

    rule: Rule
    text: str
    """What exactly happened, with the names and values."""
    action: str
    """The action the plugin was in, or an empty string on a thread the host did not call in on."""

    def __str__(self) -> str:
        during = f" (during {self.action})" if self.action else ""
        return f"{self.rule.value}: {self.text}{during}"


class Ledger:
    """Everything held against a plugin, in order and without repeats; safe to use from any thread."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.notes: list[str] = []
        """Things a host tolerates: unknown properties, refused requests."""
        self._lock = threading.Lock()

    def record(self, rule: Rule, text: str, *, action: str = "") -> None:
        """Note a broken rule; the same one with the same text is kept once."""
        violation = Violation(rule, text, action)
        with self._lock:
            if violation not in self.violations:
                self.violations.append(violation)

    def note(self, text: str) -> None:
        """Note something tolerated."""
        with self._lock:
            if text not in self.notes:
                self.notes.append(text)

    @property
    def rules(self) -> set[Rule]:
        """The rules broken so far."""
        return {violation.rule for violation in self.violations}

    def raise_if_any(self) -> None:
        """StrictnessError listing every violation, or nothing."""
        if self.violations:
            lines = "".join(f"\n  {index}. {one}" for index, one in enumerate(self.violations, start=1))
            raise StrictnessError(f"the plugin broke {len(self.violations)} rule(s) of the interface:{lines}")
