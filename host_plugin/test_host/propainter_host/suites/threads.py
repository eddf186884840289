"""The multi-thread suite: real threads or a dummy, and mutexes."""

from __future__ import annotations

import threading

from propainter_host import abi
from propainter_host.abi import Refusal, Status, write_int, write_pointer
from propainter_host.core import Core
from propainter_host.strict import Rule
from propainter_host.suites.base import SuiteFunctions


class _Mutex:
    """One mutex given to a plugin; recursive, as the interface asks."""

    def __init__(self) -> None:
        self.lock = threading.RLock()

    def __str__(self) -> str:
        return "a mutex"


class ThreadFunctions(SuiteFunctions):
    """OfxMultiThreadSuite 1: real threads, or the dummy some hosts have."""

    MOST_THREADS = 4

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._mutexes: list[_Mutex] = []

    def multiThread(self, function: int | None, threads: int, argument: int | None) -> None:
        run = abi.THREAD_FUNCTION(self._target(function, "multiThread without a function"))
        if self._core.calls.spawned is not None:
            self._core.record(Rule.FOREIGN_THREAD, "multiThread inside a thread of multiThread")
            raise Refusal(Status.EXISTS)
        if self._core.profile.multi_thread == "dummy":
            run(0, 1, argument)
            return
        stack = list(self._core.calls.stack)

        def spawned(index: int) -> None:
            self._core.calls.stack, self._core.calls.spawned = list(stack), index
            run(index, count, argument)

        count = min(threads, self.MOST_THREADS) or self.MOST_THREADS
        workers = [threading.Thread(target=spawned, args=(index,)) for index in range(count)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def multiThreadNumCPUs(self, out: int | None) -> None:
        count = 1 if self._core.profile.multi_thread == "dummy" else self.MOST_THREADS
        write_int(self._target(out, "multiThreadNumCPUs has nowhere to put its answer"), count)

    def multiThreadIndex(self, out: int | None) -> None:
        write_int(self._target(out, "multiThreadIndex has nowhere to put its answer"), self._core.calls.spawned or 0)

    def multiThreadIsSpawnedThread(self) -> int:
        return int(self._core.calls.spawned is not None)

    def mutexCreate(self, out: int | None, lock_count: int) -> None:
        mutex = _Mutex()
        for _ in range(lock_count):
            mutex.lock.acquire()
        self._mutexes.append(mutex)
        write_pointer(self._target(out, "mutexCreate has nowhere to put its answer"), self._core.handles.of(mutex))

    def mutexDestroy(self, handle: int | None) -> None:
        mutex = self._core.handles.find(handle, _Mutex, "mutexDestroy")
        self._mutexes.remove(mutex)
        self._core.handles.retire(mutex)

    def mutexLock(self, handle: int | None) -> None:
        self._core.handles.find(handle, _Mutex, "mutexLock").lock.acquire()

    def mutexUnLock(self, handle: int | None) -> None:
        mutex = self._core.handles.find(handle, _Mutex, "mutexUnLock")
        try:
            mutex.lock.release()
        except RuntimeError:
            self._core.record(Rule.BAD_HANDLE, "mutexUnLock by a thread that does not hold it")
            raise Refusal(Status.FAILED) from None

    def mutexTryLock(self, handle: int | None) -> int:
        mutex = self._core.handles.find(handle, _Mutex, "mutexTryLock")
        return Status.OK if mutex.lock.acquire(blocking=False) else Status.FAILED

    def settle(self) -> None:
        """After unload: whatever is left was leaked."""
        for mutex in self._mutexes:
            self._core.record(Rule.LEAKED_MEMORY, str(mutex))
        self._mutexes.clear()
