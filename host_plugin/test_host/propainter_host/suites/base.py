"""What the suites share: names and places a plugin must give, and property sets it asks for."""

from __future__ import annotations

from typing import NoReturn

from propainter_host.abi import Refusal, Status, write_pointer
from propainter_host.core import Core
from propainter_host.properties import PropertySet
from propainter_host.strict import Rule


class SuiteFunctions:
    """One suite's functions, as methods named after its slots."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def _properties(self, handle: int | None, what: str) -> PropertySet:
        return self._core.handles.find(handle, PropertySet, what)

    def _text(self, text: bytes | None, what: str) -> str:
        """A name a plugin gives; it must not be NULL."""
        if text is None:
            self._null(what)
        return text.decode("utf-8", "replace")

    def _target(self, address: int | None, what: str) -> int:
        """Where a plugin wants an answer; it must not be NULL."""
        if not address:
            self._null(what)
        return address

    def _null(self, what: str) -> NoReturn:
        self._core.record(Rule.NULL_POINTER, what)
        raise Refusal(Status.VALUE)

    def _give_properties(self, address: int | None, props: PropertySet) -> None:
        """Answer an optional "and its property set, please"."""
        if address:
            write_pointer(address, self._core.handles.of(props))
