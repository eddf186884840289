"""One render at a time writes a frame of an output: the second is told.

Here: ``OneWriter``, a lock on a run of frames of one place. Not here: what is written there (``results.py``).

The lock is a byte a frame of a hidden file beside the results, so that renders of other frames go on side by side. The
operating system lets go of it when a process ends, however it ends.
"""

from __future__ import annotations

import os
from pathlib import Path

from propainter_os import files, locks
from propainter_pictures.errors import OutputError
from propainter_pictures.frame_range import FrameRange

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
        for _ in range(_TRIES):
            file = files.open_or_make(self._lock, mode=0o666)
            files.let_all_write(file)
            try:
                is_ours = locks.try_lock_bytes(file, self._start, self._count)
            except OSError:
                os.close(file)
                return
            if not is_ours:
                os.close(file)
                which = "" if frames is None else f"frames {frames.first}-{frames.last} of "
                raise OutputError(
                    f"another render is writing {which}{place} right now; wait until it ends, or choose another output"
                )
            if self._is_same_file(file):
                self._file = file
                return
            os.close(file)  # whoever held it took it away between our opening and locking it

    def let_go(self) -> None:
        """Let others write."""
        if self._file is None:
            return
        file, self._file = self._file, None
        locks.let_go(file, self._lock, self._start, self._count)

    def _is_same_file(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._lock.stat())
        except OSError:
            return False
