"""Files that appear under their name only when they are whole.

Here: the hidden name beside a file, what becomes of it, and what to tell where that fails. Not here: what is written.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from propainter_pictures.errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; becomes ``path`` on success and vanishes on any failure.

    Raises ``OutputError`` where the operating system refuses.
    """
    partial = partial_name(path)
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        partial.unlink(missing_ok=True)


def partial_name(path: Path) -> Path:
    """A hidden name in the same folder, with the same ending, that no other process uses, on no other machine either."""
    return path.with_name(f".{path.stem}.partial-{platform.node()}-{os.getpid()}{path.suffix}")


def unwritable(path: Path, error: Exception) -> OutputError:
    """What to tell when writing fails."""
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(f"{path} cannot be written ({reason}); make room there or choose another place for the output")
