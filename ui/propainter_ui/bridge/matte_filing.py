"""Files of the drawn matte: read and written on the bridge's threads, with progress and cancel.

Here: ``MatteFiles``. Not here: the files' form (``shot/matte_files.py``, ``matte/project.py``), asking for a place
(``desk/filing.py``).
"""

from __future__ import annotations

import glob
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from propainter_ui.bridge.teller import Teller
from propainter_ui.bridge.under_way import Interrupted, UnderWay
from propainter_ui.matte.document import MatteDocument
from propainter_ui.shot import matte_files
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.shot_files import BadShot
from propainter_ui.state.events import Failed, JobChanged
from propainter_ui.state.matte_events import MatteOpened, MatteSaved
from propainter_ui.state.panel_state import JobKind, JobState

log = logging.getLogger(__name__)

_DISCARDED_KEPT = 20
"""Discarded drawings of one shot that lie beside; the oldest go."""


class MatteFiles:
    """Reads and writes. Of the work lane; ``keep`` and ``open_kept`` of any. Everything else raises BadShot, OSError."""

    def __init__(self, library: ShotLibrary, under_way: UnderWay, tell: Teller) -> None:
        self._library, self._under_way, self._tell = library, under_way, tell
        self._kept: dict[Path, tuple[int, int, int]] = {}
        """Projects as they were kept last: while nobody else has written there, they need not be read to be replaced."""

    def save(self, place: str, document: MatteDocument, *, as_alpha: bool) -> None:
        """Write the final mattes as a sequence, and the project beside them."""
        files = self._library.files
        assert files is not None

        def save(advance: Callable[[int], None]) -> None:
            written = matte_files.save_matte(
                place, document, files, self._library.kitchen, self._library.solved, advance, as_alpha=as_alpha
            )
            self._tell(MatteSaved(place, notes=(f"the project to go on with is {written.name} beside it",)))

        self._working("saving", document.first, document.last, save)

    def save_clean(self, folder: Path, document: MatteDocument) -> None:
        """Write the painted clean plates."""

        def save(advance: Callable[[int], None]) -> None:
            matte_files.save_clean(folder, document, self._library, advance)
            self._tell(MatteSaved(str(folder), "Painted clean plate", is_matte=False))

        frames = sorted(document.clean)
        self._working("saving", frames[0], frames[-1], save)

    def take_given(self, drawn: MatteDocument | None) -> None:
        """Make a document of the matte that was opened with the plate. drawn: what of it there was, which stays."""
        files = self._library.files
        assert files is not None

        def take(advance: Callable[[int], None]) -> None:
            document = matte_files.take_sequence(files, self._library.solved, advance, drawn)
            self._tell(MatteOpened(document, "The given matte can be corrected now. Its files stay as they are."))

        self._working("reading", files.frames[0], files.frames[-1], take)

    def open(self, path: Path) -> None:
        """Go on with a project that was saved."""
        document = matte_files.open_project(path, self._library.solved, self._library.files)
        self._tell(MatteOpened(document, f"{path.name} is open. Draw on where it was left."))

    def keep(self, path: Path, document: MatteDocument | None, saved_as: str = "") -> None:
        """Keep the document from one day to the next. None: it was discarded; the last ones lie beside, to be opened."""
        try:
            if document is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                is_own = path.exists() and self._kept.get(path) == _identity(path)
                matte_files.save_project(path, document, self._library.solved, sequence=saved_as, is_own=is_own)
                self._kept[path] = _identity(path)
            elif path.exists():
                path.replace(discarded(path))
                for old in _discarded(path)[:-_DISCARDED_KEPT]:
                    old.unlink(missing_ok=True)
        except (OSError, BadShot) as error:
            log.warning("the drawn matte is not kept: %s", error)
            self._tell(Failed(f"The drawn matte cannot be kept ({error}). Save it elsewhere, or make room."))

    def open_kept(self, path: Path) -> None:
        """The document as it was kept; a damaged one is set aside, and that is told."""
        if not path.exists():
            return
        try:
            document, saved_as = matte_files.read_project(path, self._library.solved, self._library.files)
        except (BadShot, OSError) as error:
            aside = path.with_name(f"{path.name}.damaged")
            path.replace(aside)
            self._tell(Failed(f"The drawn matte kept for this shot cannot be read ({error}); it lies at {aside}."))
            return
        self._tell(
            MatteOpened(
                document, "The matte you drew for this shot is as you left it.", is_from_before=True, saved_as=saved_as
            )
        )

    def _working(self, kind: JobKind, first: int, last: int, work: Callable[[Callable[[int], None]], None]) -> None:
        total = last - first + 1
        stage = "reading" if kind == "reading" else "writing"
        job = JobState(kind, stage=stage, first=first, last=last, frames_total=total)

        def advance(done: int) -> None:
            self._under_way.check()
            self._tell(JobChanged(job.read(done, total) if kind == "reading" else replace(job, frames_done=done)))

        self._tell(JobChanged(job))
        try:
            work(advance)
        except Interrupted:
            return
        finally:
            self._tell(JobChanged(None))


def discarded(path: Path) -> Path:
    """Where a kept drawing lies once it is discarded: no other lies there."""
    before = _discarded(path)
    number = _number_of(before[-1]) + 1 if before else 1
    return path.with_name(f"discarded-{number:03d}-{path.name}")


def _discarded(path: Path) -> list[Path]:
    """What was discarded of the same shot, the latest last."""
    found = path.parent.glob(f"discarded-*-{glob.escape(path.name)}")
    return sorted((each for each in found if _number_of(each)), key=_number_of)


def _number_of(discarded: Path) -> int:
    number = discarded.name.split("-")[1]
    return int(number) if number.isdecimal() else 0


def _identity(path: Path) -> tuple[int, int, int]:
    """Which file lies there, as it was written."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
