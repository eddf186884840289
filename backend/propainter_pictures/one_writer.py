"""One render at a time writes a frame of an output: the second is told.

Here: ``OneWriter``, a lock on a run of frames of one place. Not here: what is written there (``results.py``).

The lock is a byte a frame of a hidden file beside the results, so that renders of other frames go on side by side. The
operating system lets go of it when a process ends, however it ends.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from propainter_pictures.errors import OutputError
from propainter_pictures.frame_range import FrameRange

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows: no two renders are told from each other there
    fcntl = None

_MIDDLE = 1 << 40
"""Frame 0's byte: numbers may be negative, offsets not."""
_TRIES = 8


class OneWriter:
    """Holds frames of a place until it is let go.

    place: names all that is written, a sequence or a video; beside it lies the lock. frames: None for all of them at once.
    Raises ``OutputError`` while another process holds any of these frames. Where a file system knows no locks, it holds
    nothing.
    """

    def __init__(self, place: Path, frames: FrameRange | None) -> None:
        self._lock = place.with_name(f".{place.name}.rendering")
        self._start, self._count = (0, 0) if frames is None else (_MIDDLE + frames.first, len(frames))  # 0: to the end
        self._file: int | None = None
        if fcntl is None:
            return
        for _ in range(_TRIES):
            file = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
            with suppress(OSError):  # others of a shared folder have to open it, whatever our umask
                os.fchmod(file, 0o666)
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, self._count, self._start)
            except (BlockingIOError, PermissionError) as error:
                os.close(file)
                which = "" if frames is None else f"frames {frames.first}-{frames.last} of "
                raise OutputError(
                    f"another render is writing {which}{place} right now; wait until it ends, or choose another output"
                ) from error
            except OSError:
                os.close(file)
                return
            if self._is_same_file(file):
                self._file = file
                return
            os.close(file)  # whoever held it took it away between our opening and locking it

    def let_go(self) -> None:
        """Let others write."""
        if self._file is None or fcntl is None:
            return
        file, self._file = self._file, None
        with suppress(OSError):  # another one has frames of the same place: it takes the file away
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._lock.unlink(missing_ok=True)
        with suppress(OSError):  # nothing was written to it
            os.close(file)

    def _is_same_file(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._lock.stat())
        except OSError:
            return False
