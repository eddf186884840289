"""Putting one piece of an installation in place: a file, a link, a block of lines, a tree, a host's cache out of the way.

Here: every piece says what it is about to do, writes that into the record, does it, and can take it back while the same run
goes on. Not here: which pieces there are (``plan.py``), taking away what an earlier run installed (``record.py``).
A piece that is in place already is left alone, so that a second run of the same installer changes nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from propainter_install.errors import InstallError
from propainter_install.record import (
    Entry,
    Record,
    describe_tree,
    digest_of_bytes,
    remove,
    replace_content,
    scratch_beside,
)
from propainter_install.windows import change_user_variable, create_shortcut, create_task, delete_task
from propainter_os import files, systems

ASIDE = ".before-propainter-remove"


@dataclass
class Work:
    """One run: where it is recorded, whom it talks to, and how to take back what it has done so far."""

    record: Record
    tell: Callable[[str], None]
    undo: list[Callable[[], object]] = field(default_factory=list)


class Piece(Protocol):
    """Something an installation consists of."""

    @property
    def path(self) -> Path: ...

    def saying(self) -> str:
        """What will be done, in words."""

    def put(self, work: Work) -> None:
        """Do it. Raises InstallError, OSError."""


@dataclass(frozen=True)
class Folder:
    """A private folder that the daemon will fill; made here, so that an uninstall knows whether it was there before."""

    path: Path

    def saying(self) -> str:
        return f"make {self.path}"

    def put(self, work: Work) -> None:
        if not self.path.exists():
            work.record.make_folder(self.path)
            self.path.chmod(0o700)


@dataclass(frozen=True)
class TextFile:
    """A file of our own."""

    path: Path
    content: bytes
    mode: int = 0o644

    def saying(self) -> str:
        return f"write {self.path}"

    def put(self, work: Work) -> None:
        entry = work.record.entries.get(str(self.path))
        earlier = self.path.read_bytes() if self.path.exists() else None
        if earlier is not None:
            if entry is None:
                raise InstallError(f"{self.path} is there and was not written by this installer; move it away first")
            if digest_of_bytes(earlier) not in entry.digests:
                work.tell(f"{self.path} was changed since it was installed; it stays. Delete it to get ours again")
                return
            if earlier == self.content:
                return
        work.record.make_folder(self.path.parent)
        digest = digest_of_bytes(self.content)
        work.record.intend(Entry("file", str(self.path), [digest]))
        work.undo.append(lambda: self._take_back(earlier))
        self._write(self.content)
        work.record.settle(str(self.path), digest)

    def _write(self, content: bytes) -> None:
        scratch = scratch_beside(self.path)
        scratch.write_bytes(content)
        scratch.chmod(self.mode)
        if systems.is_windows() and self.path.exists():  # a loaded library cannot be replaced, but renamed
            self.path.replace(_free_name(self.path))
        files.replace(scratch, self.path)

    def _take_back(self, earlier: bytes | None) -> None:
        scratch_beside(self.path).unlink(missing_ok=True)
        if earlier is None:
            self.path.unlink(missing_ok=True)
        else:
            self._write(earlier)


@dataclass(frozen=True)
class Link:
    """A symbolic link of our own. A file of somebody else's in its place is left alone, and named."""

    path: Path
    target: str

    def saying(self) -> str:
        return f"link {self.path} to {self.target}"

    def put(self, work: Work) -> None:
        entry = work.record.entries.get(str(self.path))
        earlier = str(self.path.readlink()) if self.path.is_symlink() else None
        if os.path.lexists(self.path) and (entry is None or earlier not in entry.digests):
            work.tell(f"{self.path} is there and was not made by this installer; it stays")
            return
        if earlier == self.target:
            return
        work.record.make_folder(self.path.parent)
        work.record.intend(Entry("link", str(self.path), [self.target]))
        work.undo.append(lambda: self._point_to(earlier))
        self._point_to(self.target)
        work.record.settle(str(self.path), self.target)

    def _point_to(self, target: str | None) -> None:
        if target is None:
            self.path.unlink(missing_ok=True)
            return
        scratch = scratch_beside(self.path)
        scratch.unlink(missing_ok=True)
        scratch.symlink_to(target)
        scratch.replace(self.path)


@dataclass(frozen=True)
class Block:
    """Marked lines at the end of a file that belongs to the user."""

    path: Path
    lines: tuple[str, ...]

    def saying(self) -> str:
        return f"add {len(self.lines)} marked lines to {self.path}"

    def put(self, work: Work) -> None:
        earlier = self.path.read_bytes() if self.path.exists() else None
        entry = work.record.entries.get(str(self.path))
        kept = earlier or b""
        if entry is not None and entry.text:
            kept = kept.replace(entry.text.encode(), b"", 1)
        text = self._text(kept)
        if earlier == kept + text.encode():
            return
        work.record.make_folder(self.path.parent)
        is_made = entry.is_made if entry is not None else earlier is None
        work.record.intend(Entry("block", str(self.path), text=text, is_made=is_made))
        work.undo.append(lambda: self._take_back(earlier))
        if earlier is None:
            self.path.touch()
        replace_content(self.path, kept + text.encode())

    def _text(self, kept: bytes) -> str:
        start = "" if not kept or kept.endswith(b"\n") else "\n"
        begin, end = (f"# {mark} propainter-remove {mark}" for mark in (">>>", "<<<"))
        note = f"{begin} written by propainter-install, removed by propainter-install --uninstall"
        return start + "\n".join([note, *self.lines, end]) + "\n"

    def _take_back(self, earlier: bytes | None) -> None:
        if earlier is None:
            self.path.unlink(missing_ok=True)
        else:
            replace_content(self.path, earlier)


@dataclass(frozen=True)
class Tree:
    """A folder of our own, made by ``make`` in its final place: virtual environments cannot be moved."""

    path: Path
    what: str
    make: Callable[[Path], None]

    def saying(self) -> str:
        return f"make {self.path}: {self.what}"

    def put(self, work: Work) -> None:
        entry = work.record.entries.get(str(self.path))
        if entry is None and self.path.exists():
            raise InstallError(f"{self.path} is there and was not made by this installer; move it away first")
        if entry is not None:
            if entry.files is not None and all(os.path.lexists(self.path / name) for name in entry.files):
                return
            remove(work.record, entry, leave=work.tell)  # broken off or damaged
        work.record.make_folder(self.path.parent)
        work.record.intend(Entry("tree", str(self.path)))
        work.undo.append(lambda: shutil.rmtree(self.path, ignore_errors=True))
        self.path.mkdir()
        self.make(self.path)
        work.record.entries[str(self.path)].files = describe_tree(self.path)
        work.record.save()


@dataclass(frozen=True)
class Aside:
    """A host's cache of plug-ins, moved out of the way so that the host looks again; an uninstall puts it back."""

    path: Path
    host: str

    def saying(self) -> str:
        return f"move {self.host}'s stale cache {self.path} aside, so that it looks at the node again"

    def put(self, work: Work) -> None:
        if str(self.path) in work.record.entries:  # the first one, from before us, is the one to put back
            content = self.path.read_bytes()
            work.undo.append(lambda: self.path.write_bytes(content))
            self.path.unlink()
            return
        aside = self.path.with_name(self.path.name + ASIDE)
        work.record.intend(Entry("aside", str(self.path), text=str(aside)))
        work.undo.append(lambda: aside.exists() and aside.rename(self.path))
        self.path.rename(aside)


@dataclass(frozen=True)
class UserVariable:
    """A folder in front of a variable of this Windows user's. Never run on Windows by us yet."""

    path: Path
    """Only its name counts: the variable's."""
    folder: str

    def saying(self) -> str:
        return f"put {self.folder} in front of this user's variable {self.path.name}"

    def put(self, work: Work) -> None:
        work.record.intend(Entry("variable", str(self.path), text=self.folder))
        work.undo.append(lambda: change_user_variable(self.path.name, remove=self.folder))
        change_user_variable(self.path.name, remove=self.folder, add=self.folder)


@dataclass(frozen=True)
class Task:
    """A task of the Windows scheduler that starts the daemon at login. Never run on Windows by us yet."""

    path: Path
    """Only its name counts: the task's."""
    definition: Path

    def saying(self) -> str:
        return f"register the task {self.path.name}, which starts the backend at login"

    def put(self, work: Work) -> None:
        work.record.intend(Entry("task", str(self.path)))
        work.undo.append(lambda: delete_task(self.path.name))
        create_task(self.path.name, self.definition)


@dataclass(frozen=True)
class Shortcut:
    """An entry of the Windows Start menu. Never run on Windows by us yet."""

    path: Path
    target: str
    arguments: str
    icon: str

    def saying(self) -> str:
        return f"put {self.path.stem} into the Start menu: {self.path}"

    def put(self, work: Work) -> None:
        if str(self.path) not in work.record.entries and self.path.exists():
            work.tell(f"{self.path} is there and was not made by this installer; it stays")
            return
        work.record.make_folder(self.path.parent)
        work.record.intend(Entry("shortcut", str(self.path)))
        work.undo.append(lambda: self.path.unlink(missing_ok=True))
        create_shortcut(self.path, self.target, self.arguments, self.icon)


def _free_name(path: Path) -> Path:
    """Where a file goes that a host may have loaded: what an earlier update put there may be loaded still."""
    number = 0
    while True:
        aside = path.with_name(f"{path.name}.old{number or ''}")
        try:
            aside.unlink(missing_ok=True)
            return aside
        except PermissionError:
            number += 1
