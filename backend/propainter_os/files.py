"""Files, where systems differ: links are not followed, and what others have open is replaced and removed all the same.

Here: opening by descriptor, replacing, removing, keeping a folder's names, lengths of paths. Not here: files that appear
when they are whole (``propainter_pictures/whole_files.py``), locks (``locks.py``).

On Windows a file that somebody has open can be neither replaced nor removed, unless he opened it in a way that allows that;
Python's ``open`` and virus scanners do not. They are done in a moment, so both are tried again for a while.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from propainter_os import systems

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_AS_IT_IS = getattr(os, "O_BINARY", 0)
"""Windows otherwise adds a carriage return to every line written by descriptor."""
_PAUSES_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.5)
"""Between tries: some two seconds in all."""
_LONGEST_ON_WINDOWS = 259
"""Characters of a path, unless the machine's owner has turned long ones on."""
_JUNCTION = 0xA0000003
"""IO_REPARSE_TAG_MOUNT_POINT: a folder that leads elsewhere, and is no link to Python."""
_LOST = frozenset({errno.EIO, errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})


def open_new(path: Path, *, mode: int = 0o600) -> int:
    """Descriptor of a file that was not there before, to write. Raises OSError, FileExistsError."""
    check_length(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | _AS_IT_IS, mode)


def open_to_read(path: Path) -> int:
    """Descriptor of what lies there, if it is no link; whoever opens it does not wait. Raises OSError."""
    _refuse_link(path)
    flags = os.O_RDONLY | _NO_LINK | _AS_IT_IS | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.open(path, flags)


def open_or_make(path: Path, *, mode: int = 0o600) -> int:
    """Descriptor to read and write; the file is made where there is none, and no link is followed. Raises OSError."""
    _refuse_link(path)
    return os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK | _AS_IT_IS, mode)


def open_existing(path: Path) -> int:
    """The same of a file that has to be there. Raises OSError, FileNotFoundError."""
    _refuse_link(path)
    return os.open(path, os.O_RDWR | _NO_LINK | _AS_IT_IS)


def open_to_append(path: Path) -> int:
    """Descriptor of a log of this user's. Raises OSError."""
    _refuse_link(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NO_LINK | _AS_IT_IS, 0o600)


def let_all_write(descriptor: int) -> None:
    """Others of a shared folder may open this file, whatever our umask. Never fails: where it cannot be, it is not."""
    if not systems.is_windows():  # there a file has the access list of its folder
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, 0o666)


def replace(source: Path, target: Path, *, pause: Callable[[float], object] = time.sleep) -> None:
    """Give a file its name, whatever bore it before. Raises OSError."""
    _insist(lambda: source.replace(target), pause)


def remove(path: Path, *, pause: Callable[[float], object] = time.sleep) -> None:
    """Take a file away; one that is gone already is fine. Raises OSError."""
    _insist(lambda: path.unlink(missing_ok=True), pause)


def sync_folder(folder: Path) -> None:
    """Let a folder keep its names through a power cut. Raises OSError where the disk says that it lost them.

    Some network disks know no such thing, and a folder may be writable but not readable. Windows opens no folders; its file
    system keeps a journal of names.
    """
    if systems.is_windows():
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in _LOST:
            raise


def check_length(path: Path) -> None:
    """Raise OSError for a path that Windows would say it cannot find: it is too long. Elsewhere the system says so."""
    if not systems.is_windows() or len(str(path.absolute())) <= _LONGEST_ON_WINDOWS or _are_long_paths_on():
        return
    raise OSError(
        errno.ENAMETOOLONG,
        f"the path has more than {_LONGEST_ON_WINDOWS} characters; shorten it, or turn on Win32 long paths in Windows",
        str(path),
    )


def _refuse_link(path: Path) -> None:
    """Where the system opens links whatever it is told."""
    if systems.is_windows() and _is_link(path):
        raise OSError(errno.ELOOP, "it is a link", str(path))


def _is_link(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == _JUNCTION


def _insist(act: Callable[[], object], pause: Callable[[float], object]) -> None:
    if systems.is_windows():
        for seconds in _PAUSES_S:
            try:
                act()
                return
            except PermissionError:
                pause(seconds)
    act()


def _are_long_paths_on() -> bool:
    registry = importlib.import_module("winreg")
    try:
        with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return bool(registry.QueryValueEx(key, "LongPathsEnabled")[0])
    except OSError:
        return False
