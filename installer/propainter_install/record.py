"""What was written to this machine, and taking exactly that away again.

Here: ``Entry``, ``Record`` (a journal: every entry is on disk before what it tells of is done), and ``remove``. Not here:
writing pieces (``pieces.py``). The rule that keeps a user's work safe: only what still has a digest we wrote is removed;
anything else stays, and is named.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from propainter_install.errors import InstallError
from propainter_install.release import digest_of
from propainter_install.windows import change_user_variable, delete_task
from propainter_os import files

FORMAT = 1
Kind = Literal["folder", "file", "link", "block", "tree", "aside", "variable", "task", "shortcut"]


@dataclass
class Entry:
    """One thing written. What ``digests`` and ``text`` hold depends on the kind."""

    kind: Kind
    path: str
    digests: list[str] = field(default_factory=list)
    """file: SHA-256 of every content it may have now; link: every target it may have."""
    text: str = ""
    """block: exactly what was inserted; aside: where the file lies now; variable: what was put in front."""
    is_made: bool = False
    """block: whether the file around it is ours, too."""
    files: dict[str, str] | None = None
    """tree: path below it to SHA-256, or to ``-> target`` for a link; None while it is being made: all of it is ours."""


@dataclass
class Record:
    """Everything written, in the order in which it was. Kept at ``path``."""

    path: Path
    entries: dict[str, Entry] = field(default_factory=dict)
    version: str = ""
    is_whole: bool = True
    """False from before the first change of a run until after its last: what broke off is told by that."""
    program: str = ""
    """The installed daemon's command."""
    is_for_everyone: bool = False
    """Whether it was installed with --system."""

    @classmethod
    def load(cls, path: Path) -> Record:
        """The record of an earlier installation; an empty one where there is none. Raises InstallError if damaged."""
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError) as error:
            raise InstallError(
                f"{path}, which says what was installed, cannot be read ({error}); restore it, or remove by hand "
                f"what lies below {path.parent}"
            ) from error
        if told.get("format") != FORMAT:
            raise InstallError(f"{path} was written by another installer (format {told.get('format')}); use that one")
        entries = [Entry(**entry) for entry in told["entries"]]
        return cls(
            path,
            {entry.path: entry for entry in entries},
            told["version"],
            told["is_whole"],
            told["program"],
            bool(told.get("is_for_everyone")),
        )

    def save(self) -> None:
        """Write it beside its place, then into it: there is never half a record."""
        told = {
            "format": FORMAT,
            "version": self.version,
            "is_whole": self.is_whole,
            "program": self.program,
            "is_for_everyone": self.is_for_everyone,
            "entries": [asdict(entry) for entry in self.entries.values()],
        }
        temporary = self.path.with_name(f".{self.path.name}.new")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(told, file)
            file.flush()
            os.fsync(file.fileno())
        files.replace(temporary, self.path)

    def intend(self, entry: Entry) -> None:
        """Write down what is about to be done; an earlier entry's digests stay possible until ``settle``."""
        earlier = self.entries.get(entry.path)
        if earlier is not None and earlier.kind == entry.kind:
            entry.digests = list(dict.fromkeys([*earlier.digests, *entry.digests]))
        self.entries[entry.path] = entry
        self.save()

    def settle(self, path: str, digest: str) -> None:
        """It is done: of the possible contents, this one is there."""
        self.entries[path].digests = [digest]

    def forget(self, path: str) -> None:
        self.entries.pop(path, None)

    def make_folder(self, path: Path) -> None:
        """Make a folder and the missing ones above it, each written down."""
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            self.entries.setdefault(str(folder), Entry("folder", str(folder)))
        if missing and self.path.parent.is_dir():
            self.save()
        for folder in reversed(missing):
            folder.mkdir()
        if self.path.parent in missing:
            self.save()


Leave = Callable[[str], None]


def remove(record: Record, entry: Entry, *, leave: Leave) -> None:
    """Take away what an entry tells of, if it is still what we wrote; otherwise ``leave`` is told why it stays.

    Raises OSError when the system refuses. What is gone already is fine.
    """
    path = Path(entry.path)
    if entry.kind == "folder":
        with contextlib.suppress(OSError):
            path.rmdir()
    elif entry.kind == "file":
        _remove_file(path, entry, leave)
    elif entry.kind == "link":
        _remove_link(path, entry, leave)
    elif entry.kind == "block":
        _remove_block(path, entry, leave)
    elif entry.kind == "tree":
        _remove_tree(path, entry, leave)
    elif entry.kind == "aside":
        _put_back(path, Path(entry.text), leave)
    elif entry.kind == "variable":
        change_user_variable(path.name, remove=entry.text)
    elif entry.kind == "task":
        delete_task(path.name)
    elif entry.kind == "shortcut":
        path.unlink(missing_ok=True)
    record.forget(entry.path)


def scratch_beside(path: Path) -> Path:
    """Where a file's new content is put together."""
    return path.with_name(f".{path.name}.propainter-new")


def describe_tree(folder: Path) -> dict[str, str]:
    """Every file and link below a folder, with digest or target."""
    return {str(path.relative_to(folder)): _look(path) for path in _walk(folder)}


def _walk(folder: Path) -> Iterator[Path]:
    for found in sorted(folder.iterdir()):
        if found.is_dir() and not found.is_symlink():
            yield from _walk(found)
        else:
            yield found


def _look(path: Path) -> str:
    return f"-> {path.readlink()}" if path.is_symlink() else digest_of(path)


def _remove_file(path: Path, entry: Entry, leave: Leave) -> None:
    for leftover in (scratch_beside(path), *path.parent.glob(f"{path.name}.old*")):
        with contextlib.suppress(OSError):
            leftover.unlink()
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_file() or digest_of(path) not in entry.digests:
        leave(f"{path} was changed since it was installed; it stays")
        return
    path.unlink()


def _remove_link(path: Path, entry: Entry, leave: Leave) -> None:
    if not os.path.lexists(path):
        return
    if not path.is_symlink() or str(path.readlink()) not in entry.digests:
        leave(f"{path} is not the link that was installed; it stays")
        return
    path.unlink()


def _remove_block(path: Path, entry: Entry, leave: Leave) -> None:
    scratch_beside(path).unlink(missing_ok=True)
    if not path.exists():
        return
    content, block = path.read_bytes(), entry.text.encode()
    if block not in content:
        if b"propainter-remove" in content:
            leave(f"{path}: the lines about propainter-remove were changed since; they stay")
        return
    rest = content.replace(block, b"", 1)
    if not rest and entry.is_made:
        path.unlink()
    else:
        replace_content(path, rest)


def replace_content(path: Path, content: bytes) -> None:
    """Give a file new content at once, keeping its mode; a link is followed, so that it stays one."""
    target = path.resolve()
    scratch = scratch_beside(target)
    scratch.write_bytes(content)
    scratch.chmod(stat.S_IMODE(target.stat().st_mode))
    files.replace(scratch, target)


def _remove_tree(folder: Path, entry: Entry, leave: Leave) -> None:
    """Python may have left ``__pycache__`` of our files in it; those go, too."""
    if not folder.is_dir():
        return
    if entry.files is None:
        shutil.rmtree(folder)
        return
    for path in list(_walk(folder)):
        known = entry.files.get(str(path.relative_to(folder)))
        if path.parent.name == "__pycache__" or (known is not None and known == _look(path)):
            path.unlink()
        else:
            what = "was changed since it was installed" if known else "was not installed by us"
            leave(f"{path} {what}; it stays")
    for below, _, _ in sorted(os.walk(folder), reverse=True):
        with contextlib.suppress(OSError):
            Path(below).rmdir()


def _put_back(path: Path, aside: Path, leave: Leave) -> None:
    if not aside.exists():
        return
    if path.exists():
        leave(f"{aside} stays: the host has made a newer {path.name} since")
        return
    aside.rename(path)


def digest_of_bytes(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
