"""Mattes published by name, for shots that take them from the panel: kept over restarts, and whatever the cache forgets.

Here: ``PublishedMattes``, the folder they are kept in. Not here: who takes them (``open_shots.py``), the message
(``publishing.py``), what is published under one name as a shot sees it (``work/panel_mattes.py``).

``index.json`` says which frame has which matte; each matte is a packed file named by its digest, written before the index
that names it.
"""

from __future__ import annotations

import json
import logging
import threading
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from propainter_backend.daemon.work.panel_mattes import PanelMattes
from propainter_pictures.whole_files import appearing, sweep
from propainter_wire.errors import WireError
from propainter_wire.messages import MatteContent, PublishMattes
from propainter_wire.shot import digest_of

log = logging.getLogger(__name__)

MAX_NAMES = 1000
_INDEX = "index.json"


class PublishedMattes:
    """name -> mattes of a range of frames. What cannot be read counts as not published, and the log says so.

    ``keep`` may be called from another thread than the rest.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        sweep(folder)
        self._mattes = _read(folder / _INDEX)
        self._kept = {path.stem for path in folder.glob("*.npz")} if folder.is_dir() else set()
        self._on_the_way: Counter[str] = Counter()

    def of(self, name: str) -> PanelMattes | None:
        """What is published under a name; None: nothing."""
        return self._mattes.get(name)

    def has(self, digest: str) -> bool:
        """Whether a matte is kept here."""
        with self._lock:
            return digest in self._kept

    def get(self, digest: str) -> np.ndarray | None:
        """A matte's pixels [h, w, 1]; None where there is none, or its file is damaged."""
        if not self.has(digest):
            return None
        try:
            with np.load(self._path(digest), allow_pickle=False) as found:
                pixels: np.ndarray = found["pixels"]
            if digest_of(pixels) != digest:
                raise ValueError("its pixels are others")
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            log.warning("published matte %s cannot be read (%s); publish it again", digest, error)
            with self._lock:
                self._kept.discard(digest)
            return None
        pixels.flags.writeable = False
        return pixels

    def keep(self, digest: str, pixels: np.ndarray) -> None:
        """Keep a matte that is about to be published, until ``let_go``. Raises OSError."""
        with self._lock:
            if digest in self._kept:
                self._on_the_way[digest] += 1
                return
        self._folder.mkdir(parents=True, exist_ok=True)
        with appearing(self._path(digest)) as partial, partial.open("wb") as file:
            np.savez_compressed(file, pixels=pixels)
        with self._lock:
            self._kept.add(digest)
            self._on_the_way[digest] += 1

    def let_go(self, digests: Iterable[str]) -> None:
        """Of what ``keep`` has kept, only what is published stays from now on: it is put next, or will never be."""
        with self._lock:
            self._on_the_way -= Counter(digests)

    def put(self, name: str, mattes: PanelMattes | None) -> None:
        """Publish what has been kept, or withdraw with None. Raises WireError (busy) beyond 1,000 names, OSError."""
        if mattes is not None and name not in self._mattes and len(self._mattes) >= MAX_NAMES:
            raise WireError("busy", f"{MAX_NAMES} names have mattes published; withdraw one of them")
        before = dict(self._mattes)
        self._mattes.pop(name, None)
        if mattes is not None:
            self._mattes[name] = mattes
        try:
            self._write()
        except OSError:
            self._mattes = before
            raise
        self._forget_unused()

    def _forget_unused(self) -> None:
        """Delete what nobody has published any more, but for what is on its way."""
        with self._lock:
            used = {digest for each in self._mattes.values() for digest in each.digests}
            unused = self._kept - used - self._on_the_way.keys()
            self._kept -= unused
            for digest in unused:  # before the other thread may keep it again
                self._path(digest).unlink(missing_ok=True)

    def _write(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        told = {name: each.to_map() for name, each in self._mattes.items()}
        with appearing(self._folder / _INDEX) as partial:
            partial.write_text(json.dumps(told), encoding="utf-8")

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}.npz"


def _read(path: Path) -> dict[str, PanelMattes]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {name: _checked(name, told) for name, told in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError, KeyError, WireError) as error:
        log.warning("%s cannot be read (%s); no mattes are published until somebody does again", path, error)
        return {}


def _checked(name: str, told: dict[str, Any]) -> PanelMattes:
    """As strict as the message it came by."""
    mattes = [MatteContent(int(frame), digest) for frame, digest in told["mattes"].items()]
    width, height = told["size"]
    PublishMattes(name, told["first"], told["last"], width, height, tuple(mattes[:1]))
    return PanelMattes.from_map(told)
