"""What the panel has at hand: plates, mattes, results and finished pictures, the least recently used thrown away first.

Here: the open shot's pictures, and its drawn mattes. Not here: the bounded map they lie in (``bounded_store.py``), reading
files (``shot_files.py``), what is made of pictures (``picture.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

import numpy as np

from propainter_pictures.frame import as_type
from propainter_ui.bounded_store import BoundedStore
from propainter_ui.matte.cloning import CleanBench, Shares
from propainter_ui.matte.cooking import Kitchen
from propainter_ui.matte.document import MatteDocument
from propainter_ui.matte.recipes import Recipe, recipe_of
from propainter_ui.matte.standing import says_something
from propainter_ui.matte.store import MatteStore
from propainter_ui.matte.strokes import CloneStroke
from propainter_ui.shot.picture import Patch
from propainter_ui.shot.shot_files import ShotFiles
from propainter_wire.shot import Pixels

_HOLDS = 0.5
"""A clean plate holds where it is painted by more than this."""
_SHARE_OF_MATTES = 8
"""One part in so many of the memory is for final mattes."""


class ShotLibrary:
    """The open shot's pictures: read from files once, rendered patches as they come, by revision.

    A revision is one state of everything a result depends on: files, settings, quality.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.store: BoundedStore[Pixels | Patch] = BoundedStore(limit_bytes)
        self.solved = MatteStore()
        """Mattes of the drawn matte, by digest."""
        self.kitchen = Kitchen(self.solved, limit_bytes // _SHARE_OF_MATTES)
        """Makes its final mattes."""
        self._bench = CleanBench(limit_bytes // _SHARE_OF_MATTES)
        self._drawn: Mapping[int, Recipe] = {}
        """Empty: the files' matte counts."""
        self._painted: Mapping[int, tuple[CloneStroke, ...]] = {}
        self._edition = 0
        """Counts the drawn mattes."""
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
        self._shown, self._drawn, self._painted = None, {}, {}
        return self.revision

    def draw(self, drawn: MatteDocument | None) -> frozenset[int]:
        """What is removed, and painted for clean plates, is drawn so; what it does not say is as the files say. Returns the
        frames whose matte or clean plate is another now.
        """
        counts = drawn is not None and says_something(drawn)
        new = {frame: recipe_of(drawn, frame) for frame in drawn.frames} if drawn is not None and counts else {}
        clean = dict(drawn.clean) if drawn is not None else {}
        old, old_clean, self._drawn, self._painted = self._drawn, self._painted, new, clean
        frames = {*old, *new, *old_clean, *clean}
        changed = {f for f in frames if (new.get(f), clean.get(f)) != (old.get(f), old_clean.get(f))}
        self._edition += bool(changed)
        return frozenset(changed)

    def revision_of(self, settings: object, quality: str) -> int:
        """The revision of results under these settings; another one than before if they differ."""
        wanted = (self.serial, self._edition, settings, quality)
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
        """The matte that counts, None without one. Raises BadShot."""
        recipe = self._drawn.get(frame)
        if recipe is not None:
            return self.kitchen.matte(recipe)
        if self.files is None or self.files.matte_frames is None:
            return None
        number = self.files.matte_number(frame)  # frames that share one, or have an empty one, share what is kept
        return self._read(("matte", self.serial, number), lambda files: files.matte(frame))

    @property
    def has_matte(self) -> bool:
        """Whether anything says what is to be removed."""
        return bool(self._drawn) or (self.files is not None and self.files.matte_frames is not None)

    def alpha(self, frame: int) -> Pixels | None:
        """The plate's own alpha, None without one. Raises BadShot."""
        if self.files is None or not self.files.has_alpha:
            return None
        return self._read(("alpha", self._plate_serial, frame), lambda files: files.alpha(frame))

    def clean(self, frame: int) -> Pixels | None:
        """The clean plate, None for a frame without one; where one was painted here, that. Raises BadShot."""
        return self.clean_with(frame, self._painted.get(frame, ()))

    def clean_with(self, frame: int, strokes: tuple[CloneStroke, ...]) -> Pixels | None:
        """The clean plate of the files with these strokes over it: RGBA where there are any. Raises BadShot."""
        given = self._given_clean(frame)
        if not strokes:
            return given
        plate = self.plate(frame)
        colours, alpha = self.painted(frame, strokes)
        holds = as_type((alpha > _HOLDS).astype(np.float32), plate.dtype)[..., None]
        clean: Pixels = np.ascontiguousarray(np.concatenate([colours, holds], -1))
        if given is None or given.dtype != plate.dtype:
            return clean
        full = as_type(np.ones((1, 1, 1), np.float32), plate.dtype)
        whole = given if given.shape[2] == 4 else np.concatenate([given, np.broadcast_to(full, holds.shape)], -1)
        return np.ascontiguousarray(np.where((alpha > _HOLDS)[..., None], clean, whole))

    def painted(self, frame: int, strokes: tuple[CloneStroke, ...]) -> tuple[Pixels, Shares]:
        """A frame's painted clean plate; see ``matte/cloning.py``. Raises BadShot."""
        return self._bench.painted(self.plate(frame), frame, strokes, self.plate, of=self._plate_serial)

    def _given_clean(self, frame: int) -> Pixels | None:
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
