"""How much memory this process may still take: the machine's, its control group's, its own limit; the least counts.

Here: ``available_bytes``. Containers, Slurm and systemd limit a control group; ``ulimit -v`` limits a process. Not here:
what is planned with it (``memory_plan.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

from propainter_os import limits

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
_NO_LIMIT = 1 << 60
"""What version 1 says where there is none is a page less than 2**63."""
_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Limit, use, and what of the use is file pages that go when room is needed: of versions 2 and 1."""


def available_bytes(*, groups: Path = _GROUPS, own: Path = _OWN_GROUPS) -> int:
    """Bytes that may still be taken; 0 where a limit is reached."""
    free = [int(psutil.virtual_memory().available), *_left_in_groups(groups, own)]
    left = _left_to_process()
    return max(0, min(free if left is None else [*free, left]))


def _left_to_process() -> int | None:
    """Of RLIMIT_AS, which counts addresses: libraries and reserved room too. None: no limit."""
    limit = limits.address_bytes()
    return None if limit is None else int(limit - psutil.Process().memory_info().vms)


def _left_in_groups(groups: Path, own: Path) -> Iterator[int]:
    """Of this process's group and of every group around it."""
    try:
        lines = own.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = groups / "memory" if controllers else groups
        folder = root / place.lstrip("/")
        # Within a container the own group is often seen as the root, whatever its place is called outside.
        for each in {folder, *folder.parents, root}:
            if each.is_relative_to(root):
                yield from _left_in(each)


def _left_in(folder: Path) -> Iterator[int]:
    for limit_name, use_name, file_pages in _FILES:
        limit, use = _number(folder / limit_name), _number(folder / use_name)
        if limit is not None and use is not None and limit < _NO_LIMIT:
            yield limit - max(0, use - _stat(folder / "memory.stat", file_pages))


def _number(path: Path) -> int | None:
    """None: no such file, or no limit."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _stat(path: Path, name: str) -> int:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0)
    except (OSError, ValueError, IndexError):
        return 0
