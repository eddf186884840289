"""What the panel has at hand: plates, mattes, results and finished pictures, the least recently used thrown away first.

Here: a bounded map safe to use from several threads, and on top of it the open shot's pictures. Not here: reading files
(``shot_files.py``), what is made of pictures (``picture.py``).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from propainter_ui.shot.picture import Patch
from propainter_ui.shot.shot_files import ShotFiles
from propainter_wire.shot import Pixels

T = TypeVar("T")


class BoundedStore(Generic[T]):
    """A map that never holds more than ``limit_bytes`` of values; what was not looked at longest goes first."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._bytes = 0

    def put(self, key: Hashable, value: T, nbytes: int) -> None:
        """Keep a value; a single one above the limit is not kept."""
        with self._lock:
            self._drop(key)
            self._entries[key] = (value, nbytes)
            self._bytes += nbytes
            while self._bytes > self.limit_bytes:
                _, (_, freed) = self._entries.popitem(last=False)
                self._bytes -= freed

    def get(self, key: Hashable) -> T | None:
        """A value, or None if it is not, or no longer, there."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._entries

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    @property
    def nbytes(self) -> int:
        """Bytes of all values kept."""
        with self._lock:
            return self._bytes

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry[1]


class ShotLibrary:
    """The open shot's pictures: read from files once, rendered patches as they come, by revision.

    A revision is one state of everything a result depends on: files, settings, quality.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.store: BoundedStore[Pixels | Patch] = BoundedStore(limit_bytes)
        self.files: ShotFiles | None = None
        self.serial = 0
        """Counts shots, mattes and clean plates opened."""
        self.revision = 0
        self._plate_serial = 0
        self._shown: object = None

    def open(self, files: ShotFiles) -> int:
        """Other files; returns the revision of results to come."""
        if self.files is None or self.files.plate_frames is not files.plate_frames:
            self._plate_serial += 1
        self.files = files
        self.serial += 1
        self.revision += 1
        self._shown = None
        return self.revision

    def revision_of(self, settings: object, quality: str) -> int:
        """The revision of results under these settings; another one than before if they differ."""
        wanted = (self.serial, settings, quality)
        if self._shown is None:
            self._shown = wanted
        elif self._shown != wanted:
            self._shown = wanted
            self.revision += 1
        return self.revision

    def plate(self, frame: int) -> Pixels:
        """RGB of the plate. Raises BadShot."""
        assert self.files is not None
        return self._read(("plate", self._plate_serial, frame), lambda files: files.plate(frame))

    def matte(self, frame: int) -> Pixels | None:
        """The matte, None without one. Raises BadShot."""
        if self.files is None or self.files.matte_frames is None:
            return None
        number = self.files.matte_number(frame)  # frames that share one, or have an empty one, share what is kept
        return self._read(("matte", self.serial, number), lambda files: files.matte(frame))

    def alpha(self, frame: int) -> Pixels | None:
        """The plate's own alpha, None without one. Raises BadShot."""
        if self.files is None or not self.files.has_alpha:
            return None
        return self._read(("alpha", self._plate_serial, frame), lambda files: files.alpha(frame))

    def clean(self, frame: int) -> Pixels | None:
        """The clean plate, None for a frame without one. Raises BadShot."""
        number = self.files.clean_number(frame) if self.files is not None else None
        return None if number is None else self._read(("clean", self.serial, number), lambda files: files.clean(frame))

    def patch(self, kind: str, revision: int, frame: int) -> Patch | None:
        """What was rendered of a frame: ``result``, the ``rough`` one before it, ``unseen``; None if not at hand."""
        found = self.store.get((kind, revision, frame))
        return found if isinstance(found, Patch) else None

    def keep_patch(self, kind: str, revision: int, frame: int, patch: Patch) -> None:
        """Keep what was rendered of a frame."""
        self.store.put((kind, revision, frame), patch, int(patch.pixels.nbytes))

    def _read(self, key: Hashable, read: Callable[[ShotFiles], Pixels | None]) -> Pixels:
        found = self.store.get(key)
        if found is None or isinstance(found, Patch):
            assert self.files is not None
            found = read(self.files)
            assert found is not None
            self.store.put(key, found, int(found.nbytes))
        return found
