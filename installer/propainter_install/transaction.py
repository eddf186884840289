"""All pieces or none: carrying a plan out, and taking everything away.

Here: the order of things, and going back. Not here: single pieces (``pieces.py``), what is on record (``record.py``).
"""

from __future__ import annotations

import contextlib
import copy
import errno
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

from propainter_install.errors import InstallError
from propainter_install.pieces import Piece, Work
from propainter_install.record import Record, remove


def carry_out(
    plan: Sequence[Piece],
    record: Record,
    version: str,
    backend: PurePath,
    *,
    tell: Callable[[str], None],
    keeps_others: bool = False,
) -> list[str]:
    """Put all pieces in place or none, then take away what an earlier version had beside them.

    backend: the daemon's command as installed. keeps_others: the plan is a part of what is installed, and the rest stays.
    Returns sentences about what of the user's was left as it is. Raises InstallError after everything has been taken back.
    """
    before = copy.deepcopy(record)
    left: list[str] = []
    work = Work(record, left.append)
    try:
        record.is_whole = False
        record.make_folder(record.path.parent)
        record.save()
        for piece in plan:
            tell(piece.saying())
            piece.put(work)
        kept = {str(piece.path) for piece in plan}
        others = {} if keeps_others else record.entries
        outdated = [
            path for path, entry in others.items() if path not in kept and entry.kind not in ("folder", "aside")
        ]
    except BaseException as error:
        _take_back(work, before)
        if isinstance(error, OSError):
            raise InstallError(f"{in_words(error)}; the machine is as it was before") from error
        raise
    record.program, record.version = str(backend), version
    record.save()  # from here on the new one is what is installed, and only leftovers of the old one go
    _remove_pieces(record, outdated, left)
    record.is_whole = True
    record.save()
    return left


def take_away(record: Record) -> list[str]:
    """Everything the record tells of. Returns sentences about what was left in place.

    Folders last, the deepest first; the record itself before them, for it lies in one.
    """
    left: list[str] = []
    record.is_whole = False
    record.save()
    folders = [path for path, entry in record.entries.items() if entry.kind == "folder"]
    _remove_pieces(record, [path for path in record.entries if path not in folders], left)
    record.path.unlink(missing_ok=True)
    for path in sorted(folders, reverse=True):
        remove(record, record.entries[path], leave=left.append)
    return left


def in_words(error: OSError) -> str:
    """What the system refused, and the way out."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{where}; make room, or choose another --prefix"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"writing was refused{where}; use an administrator's account, or another --prefix"
    return f"{error.strerror or error}{where}"


def _take_back(work: Work, before: Record) -> None:
    record = work.record
    for undo in reversed(work.undo):
        with contextlib.suppress(OSError):
            undo()
    made = [path for path, entry in record.entries.items() if entry.kind == "folder" and path not in before.entries]
    if before.entries:
        before.save()
    else:
        record.path.unlink(missing_ok=True)
        record.path.with_name(f".{record.path.name}.new").unlink(missing_ok=True)
    for path in sorted(made, reverse=True):
        with contextlib.suppress(OSError):
            Path(path).rmdir()


def _remove_pieces(record: Record, paths: Sequence[str], left: list[str]) -> None:
    for path in reversed(paths):
        remove(record, record.entries[path], leave=left.append)
