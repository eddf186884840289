"""Where artifacts of the stages live: memory first, then disk, both bounded; content is verified before it is believed.

Here: one store of named arrays under 64-hex keys. A file is ``root/<2 hex>/<64 hex>.safetensors`` whose metadata holds
the xxh3-128 of its content, its own key and its kind; it appears by rename and is deleted when it does not verify. One that
cannot be read is left alone: the next read may find it whole. The store may lose entries, it never lies: every miss is
recomputed. Links are never followed. Not here: what a key means (``keys.py``), what is in a file
(``cache_entry.py``).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import platform
import re
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from propainter_backend.render.cache_entry import Arrays, content_digest, pieces_of, read_entry, state_of
from propainter_os import files, processes

log = logging.getLogger(__name__)

_KEY = re.compile(r"[0-9a-f]{64}\Z")
_STALE_TEMP_S = 3600.0
_DIGESTS_KEPT = 1 << 17
_PAUSE_S = 60.0
"""How long a disk that could not be written is left alone."""
_RECENT_S = 600.0
"""A full disk takes no entry from whoever used it just now, where only a client could give it again."""
_RESCAN_SHARE = 16
"""The folder is counted anew each time this share of the budget has been written: others write there too."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_HOST = platform.node().replace(".", "-")
"""Process numbers are told apart by machine: a root may lie on storage that several share."""


@dataclass(frozen=True)
class CacheUse:
    """What a store holds at this moment, in bytes and entries."""

    memory_bytes: int
    memory_entries: int
    disk_bytes: int
    disk_entries: int


class ShotCache:
    """Arrays by key. Threads may share an instance, processes a root (each through one instance of its own).

    root: folder for the disk tier, created 0700; ``None`` keeps to memory.
    memory_budget, disk_budget: bytes; least recently used entries go first. Processes that share a root give the same
    disk_budget; together they may exceed it by a sixteenth each.
    write_through: True stores on disk at once (a daemon's cache outlives it); False only what memory cannot hold.
    clock: seconds, for the pause after a disk could not be written.
    spare: bytes that may be held beyond the memory budget while the disk takes nothing, for entries that only the caller's
    client could give again. None: such entries go as all others do.
    """

    def __init__(
        self,
        root: Path | None,
        *,
        memory_budget: int,
        disk_budget: int | None = None,
        write_through: bool = True,
        clock: Callable[[], float] = time.monotonic,
        spare: Callable[[], int] | None = None,
    ) -> None:
        self._lock = threading.RLock()
        self._memory: OrderedDict[str, _Held] = OrderedDict()
        self._memory_bytes = 0
        self._memory_budget = memory_budget
        self._write_through = write_through
        self._spare = spare
        self._disk = (
            None if root is None else _DiskTier(root, budget=disk_budget, clock=clock, keeps_recent=spare is not None)
        )
        self._digests: dict[str, str] = {}

    def digest(self, key: str) -> str | None:
        """The content digest stored under ``key``, or None. Cheap: reads at most a file's header."""
        with self._lock:
            if (held := self._memory.get(key)) is not None:
                return held.digest
            if key in self._digests and self._disk is not None and self._disk.has(key):
                return self._digests[key]
            found = self._disk.digest(key) if self._disk is not None else None
            if found is not None:
                if len(self._digests) >= _DIGESTS_KEPT:
                    self._digests.clear()  # a shortcut past the file's header, no more
                self._digests[key] = found
            return found

    def load(self, key: str) -> Arrays | None:
        """The arrays under ``key`` (read-only), or None where nothing verifiable is stored."""
        with self._lock:
            if (held := self._memory.get(key)) is not None:
                self._memory.move_to_end(key)
                return held.arrays
            if self._disk is None or (read := self._disk.read(key)) is None:
                self._digests.pop(key, None)
                return None
            digest, arrays = read
            self._remember(key, _Held.of(digest, arrays))
            return arrays

    def save(self, key: str, arrays: Arrays, *, kind: str = "") -> str:
        """Store arrays and return their content digest. Never fails for want of space: then it keeps what fits.

        kind: what ``clear`` may name.
        """
        kept = {name: _frozen(array) for name, array in arrays.items()}
        digest = content_digest(kept)
        with self._lock:
            if self._write_through and self._disk is not None:
                self._disk.write(key, kept, digest, kind)
            self._remember(key, _Held.of(digest, kept, kind))
        return digest

    @property
    def problem(self) -> str:
        """Why nothing can be written to disk at this moment, in a sentence; empty where all is well."""
        with self._lock:
            return self._disk.problem if self._disk is not None else ""

    def use(self) -> CacheUse:
        """Sizes of both tiers."""
        with self._lock:
            disk_bytes, disk_entries = self._disk.use() if self._disk is not None else (0, 0)
            return CacheUse(self._memory_bytes, len(self._memory), disk_bytes, disk_entries)

    def clear(self, kinds: Collection[str] | None = None) -> int:
        """Forget everything, in memory and on disk, or only entries of these kinds; returns the bytes that were on disk."""
        with self._lock:
            gone = [key for key, held in self._memory.items() if kinds is None or held.kind in kinds]
            for key in gone:
                self._memory_bytes -= self._memory.pop(key).nbytes
            self._digests.clear()
            return self._disk.clear(kinds) if self._disk is not None else 0

    def shrink_memory(self, budget: int) -> None:
        """Lower the memory budget (after an out-of-memory) and let go of what exceeds it."""
        with self._lock:
            self._memory_budget = budget
            self._evict()

    def _remember(self, key: str, held: _Held) -> None:
        if (old := self._memory.pop(key, None)) is not None:
            self._memory_bytes -= old.nbytes
        self._memory[key] = held
        self._memory_bytes += held.nbytes
        self._evict()

    def _evict(self) -> None:
        if self._memory_bytes <= self._memory_budget:
            return
        budget = self._memory_budget
        if self._spare is not None and self._disk is not None and self._disk.problem:
            budget += max(0, self._spare())
        for key in list(self._memory):
            if self._memory_bytes <= self._memory_budget:
                return
            if self._has_copy(key) or self._memory_bytes > budget:
                self._memory_bytes -= self._memory.pop(key).nbytes

    def _has_copy(self, key: str) -> bool:
        """Whether memory may let an entry go: the disk has it, has just taken it, or it is anybody's to make again."""
        if self._disk is None or (self._write_through and self._spare is None) or self._disk.has(key):
            return True
        held = self._memory[key]
        self._disk.write(key, held.arrays, held.digest, held.kind)
        return self._spare is None or self._disk.has(key)


@dataclass(frozen=True)
class _Held:
    """An entry in memory."""

    digest: str
    arrays: Arrays
    kind: str
    nbytes: int

    @classmethod
    def of(cls, digest: str, arrays: Arrays, kind: str = "") -> _Held:
        return cls(digest, arrays, kind, sum(array.nbytes for array in arrays.values()))


class _DiskTier:
    """Files of a root folder, with an in-memory index that a scan rebuilds.

    A full disk costs the oldest entries; one that still cannot be written is left alone for a minute.
    """

    def __init__(self, root: Path, *, budget: int | None, clock: Callable[[], float], keeps_recent: bool) -> None:
        self._root = root
        self._budget = budget
        self._clock = clock
        self._keeps_recent = keeps_recent
        self._paused_until: float | None = None
        self._reason = ""
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            self._pause(error)
        self._entries: OrderedDict[str, int] = OrderedDict()
        self._bytes = 0
        self._written = 0
        self._scan()

    def has(self, key: str) -> bool:
        return key in self._entries or self._path(key).exists()

    def digest(self, key: str) -> str | None:
        try:
            with _open(self._path(key)) as file:
                return state_of(file, key).digest
        except (OSError, ValueError):
            return None

    def read(self, key: str) -> tuple[str, dict[str, np.ndarray]] | None:
        path = self._path(key)
        try:
            with _open(path) as file:
                content = file.read()
            digest, arrays = read_entry(content, key)
        except (FileNotFoundError, NotADirectoryError):
            self._forget(key)
            return None
        except (OSError, MemoryError) as error:  # of the reading, not of what is there: it may be whole
            log.warning("cache entry %s cannot be read (%s); it is recomputed", path.name, error)
            return None
        except ValueError as error:
            log.warning("cache entry %s does not verify (%s); it is dropped and will be recomputed", path.name, error)
            self._remove(key)
            return None
        if key in self._entries:  # another process's entry is counted by the next scan
            self._entries.move_to_end(key)
        with contextlib.suppress(OSError):
            os.utime(path)
        return digest, arrays

    @property
    def problem(self) -> str:
        if self._paused_until is None:
            return ""
        return f"the cache in {self._root} cannot be written ({self._reason}); make room there"

    def write(self, key: str, arrays: Arrays, digest: str, kind: str = "") -> None:
        if self._paused_until is not None and self._clock() < self._paused_until:
            return
        pieces = pieces_of(arrays, key=key, digest=digest, kind=kind)
        size = sum(len(piece) for piece in pieces)
        self._make_room(size)
        try:
            self._put_file(key, pieces)
        except OSError as error:
            if error.errno not in _NO_ROOM or not self._give_way(size):
                self._pause(error)
                return
            try:
                self._put_file(key, pieces)
            except OSError as again:
                self._pause(again)
                return
        if self._paused_until is not None:
            log.info("the cache in %s can be written again", self._root)
            self._paused_until = None
        self._note(key, size)
        self._written += size

    def _put_file(self, key: str, pieces: Iterable[bytes | memoryview]) -> None:
        """Write beside the entry's place, then rename into it: nobody ever reads half a file. Raises OSError."""
        path = self._path(key)
        temporary = path.with_name(f".{key}.{_HOST}.{os.getpid()}.tmp")
        for folder in (self._root, path.parent):  # somebody may have deleted them meanwhile
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
            descriptor = files.open_new(temporary)
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(pieces)
            files.replace(temporary, path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise

    def _give_way(self, size: int) -> bool:
        """Let the oldest entries go, twice what is wanted; False where there are none."""
        before = self._bytes
        while self._entries and before - self._bytes < 2 * size:
            oldest = next(iter(self._entries))
            if self._keeps_recent and self._is_recent(oldest):
                break
            self._remove(oldest)
        return self._bytes < before

    def _is_recent(self, key: str) -> bool:
        """Whether an entry may be one that is being worked with."""
        try:
            return time.time() - self._path(key).lstat().st_mtime < _RECENT_S
        except OSError:
            return False

    def _pause(self, error: OSError) -> None:
        if self._paused_until is None:
            log.warning("cannot write to the cache in %s (%s); going on without it", self._root, error.strerror)
        self._reason = error.strerror or str(error)
        self._paused_until = self._clock() + _PAUSE_S

    def use(self) -> tuple[int, int]:
        return self._bytes, len(self._entries)

    def clear(self, kinds: Collection[str] | None) -> int:
        self._scan()
        before = self._bytes
        for key in list(self._entries):
            if kinds is None or self._kind(key) in kinds:
                self._remove(key)
        self._paused_until = None
        return before - self._bytes

    def _kind(self, key: str) -> str | None:
        """What an entry's file says of itself; None where it says nothing that can be believed."""
        try:
            with _open(self._path(key)) as file:
                return state_of(file, key).kind
        except (OSError, ValueError):
            return None

    def _path(self, key: str) -> Path:
        if not _KEY.match(key):
            raise ValueError(f"cache key {key!r} is not 64 hexadecimal digits")
        return self._root / key[:2] / f"{key}.safetensors"

    def _scan(self) -> None:
        found = []
        now = time.time()
        for path in _files_of(self._root):
            with contextlib.suppress(OSError):
                status = path.lstat()
                if not stat.S_ISREG(status.st_mode):
                    continue
                if path.suffix == ".tmp":
                    if now - status.st_mtime > _STALE_TEMP_S or not _is_alive(path):
                        path.unlink()
                elif _KEY.match(path.stem):
                    found.append((status.st_mtime, path.stem, status.st_size))
        self._entries.clear()
        self._bytes = self._written = 0
        for _, key, size in sorted(found):
            self._note(key, size)

    def _note(self, key: str, size: int) -> None:
        self._forget(key)
        self._entries[key] = size
        self._bytes += size

    def _forget(self, key: str) -> None:
        self._bytes -= self._entries.pop(key, 0)

    def _remove(self, key: str) -> None:
        self._forget(key)
        path = self._path(key)
        with contextlib.suppress(OSError):
            if not path.parent.is_symlink():
                path.unlink()

    def _make_room(self, size: int) -> None:
        if self._budget is None:
            return
        if self._written > self._budget // _RESCAN_SHARE:
            self._scan()
        while self._entries and self._bytes + size > self._budget:
            self._remove(next(iter(self._entries)))


def _frozen(array: np.ndarray) -> np.ndarray:
    fixed = np.array(array, order="C")
    fixed.flags.writeable = False
    return fixed


def _files_of(root: Path) -> Iterator[Path]:
    """What lies in the folders of a root. A folder that is a link is not ours: what it points to is never touched."""
    with contextlib.suppress(OSError), os.scandir(root) as folders:
        for folder in folders:
            if len(folder.name) == 2 and folder.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    yield from Path(folder.path).iterdir()


def _open(path: Path) -> IO[bytes]:
    """A regular file to read, no link and nothing that makes a reader wait. Raises OSError."""
    descriptor = files.open_to_read(path)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file")
    return os.fdopen(descriptor, "rb")


def _is_alive(temporary: Path) -> bool:
    """Whether its writer may still be at it; nothing is known of another machine's."""
    try:
        host, pid = temporary.name.split(".")[-3:-1]
        if host != _HOST:
            return True
        return processes.is_running(int(pid))
    except ValueError:
        return False
