"""The C tables of one host: which suites there are, and every call made fit for C.

No exception reaches C: a ``Refusal`` becomes its status, anything else FAILED and a note that the host itself broke.
Every call is checked for the thread it comes from: only threads the host is calling in on, or those its own multi-thread
suite made, may call; memory and mutexes are free to all.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

from propainter_host import abi
from propainter_host.abi import Refusal, Status, Suite, SuiteTable
from propainter_host.core import Core
from propainter_host.errors import HostError
from propainter_host.strict import Rule
from propainter_host.suites.image_effect import ImageEffectFunctions
from propainter_host.suites.memory import MemoryFunctions
from propainter_host.suites.messages import BrokenMessageFunctions, MessageFunctions
from propainter_host.suites.parameters import ParameterFunctions
from propainter_host.suites.progress import ProgressFunctions
from propainter_host.suites.properties import PropertyFunctions
from propainter_host.suites.threads import ThreadFunctions
from propainter_host.suites.timeline import TimeLineFunctions


class Suites:
    """The C tables of one host, as its profile has them."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.asked: list[tuple[str, int]] = []
        """What plugins asked for, whether or not it is there."""
        self.memory = MemoryFunctions(core)
        self.threads = ThreadFunctions(core)
        message, progress = MessageFunctions(core), ProgressFunctions(core)
        free = {"mutexCreate", "mutexDestroy", "mutexLock", "mutexUnLock", "mutexTryLock", "multiThreadIsSpawnedThread"}
        self._tables: dict[tuple[str, int], SuiteTable] = {}
        self._add(abi.PROPERTY_SUITE, PropertyFunctions(core))
        self._add(abi.IMAGE_EFFECT_SUITE, ImageEffectFunctions(core, self.memory))
        self._add(abi.PARAMETER_SUITE, ParameterFunctions(core))
        self._add(abi.MEMORY_SUITE, self.memory, from_any_thread={"memoryAlloc", "memoryFree"})
        self._add(abi.MULTI_THREAD_SUITE, self.threads, from_any_thread=free)
        self._add(abi.MESSAGE_SUITE_1, message)
        for version, suite in ((1, abi.PROGRESS_SUITE_1), (2, abi.PROGRESS_SUITE_2)):
            if version in core.profile.progress_suites:
                self._add(suite, progress)
        self._add(abi.TIMELINE_SUITE, TimeLineFunctions(core))
        if core.profile.message_suite_2 == "present":
            self._add(abi.MESSAGE_SUITE_2, message)
        if core.profile.message_suite_2 == "broken":
            self._add(abi.MESSAGE_SUITE_2, BrokenMessageFunctions(core), missing={"clearPersistentMessage"})

    def fetch(self, _host: int | None, name: bytes | None, version: int) -> int | None:
        """What OfxHost.fetchSuite does: the table's address, or NULL for what this host lacks."""
        key = ((name or b"").decode("utf-8", "replace"), version)
        self.asked.append(key)
        if self._core.calls.current is None:
            self._core.record(Rule.FOREIGN_THREAD, f"fetchSuite({key[0]}) outside any action")
        table = self._tables.get(key)
        return table.address if table else None

    def _add(
        self,
        suite: Suite,
        functions: object,
        *,
        from_any_thread: Set[str] = frozenset(),
        missing: Set[str] = frozenset(),
    ) -> None:
        slots = {
            slot.name: None
            if slot.name in missing
            else _guarded(self._core, slot.name, getattr(functions, slot.name), slot.name in from_any_thread)
            for slot in suite.functions
        }
        self._tables[suite.name, suite.version] = suite.table(slots)


def _guarded(core: Core, name: str, function: Callable[..., int | None], from_any_thread: bool) -> Callable[..., int]:
    """`function` made fit for C: its thread checked, its exceptions turned into statuses."""

    def call(*arguments: Any) -> int:
        try:
            if core.calls.current is None and not from_any_thread:
                core.record(Rule.FOREIGN_THREAD, f"{name} on a thread or at a time the host is not calling the plugin")
            return int(function(*arguments) or 0)
        except Refusal as refusal:
            return refusal.status
        except HostError as error:  # a file that cannot be read is nobody's broken rule
            core.ledger.note(str(error))
            return Status.FAILED
        except Exception as error:
            core.record(Rule.HOST_FAULT, f"{name}: {type(error).__name__}: {error}")
            return Status.FAILED

    return call
