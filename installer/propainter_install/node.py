"""The node of an installation by itself: how it stands, putting it in place or in order again, taking it away.

Here: ``look_at_node``, ``put_node``, ``remove_node``, for the panel's first window and for ``propainter-install --repair``.
They work from the copy of the release that the installation keeps, and on its record. Not here: installing all of it
(``__main__.py``), why a host does not show a node that is well (the daemon's ``doctor``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Literal

from propainter_install.errors import InstallError
from propainter_install.pieces import Piece, TextFile
from propainter_install.places import BUNDLE, Machine, Places, find_places
from propainter_install.plan import cache_pieces, node_pieces
from propainter_install.record import Record, digest_of_bytes, remove
from propainter_install.release import SUMS, Release, open_release
from propainter_install.transaction import carry_out, in_words

Standing = Literal["whole", "damaged", "absent", "unknown"]


@dataclass(frozen=True)
class NodeState:
    """How the node of this installation stands."""

    standing: Standing
    sentence: str
    is_ours: bool = True
    """Whether this user may change it here. Not: the sentence says what to do."""


@dataclass(frozen=True)
class _Installation:
    """What is worked on."""

    record: Record
    machine: Machine
    places: Places
    release: Release
    pieces: Sequence[Piece]
    """The node's."""

    @property
    def files(self) -> list[TextFile]:
        return [piece for piece in self.pieces if isinstance(piece, TextFile)]


def own_record() -> Path:
    """Where the record lies of the installation that this very Python belongs to, if it belongs to one."""
    return Path(sys.prefix).parent.parent / "installed.json"


def set_aside(record: Path) -> Path:
    """Where a repair puts what was changed; it belongs to whoever changed it, and stays."""
    return record.parent / "set-aside"


def look_at_node(record: Path | None = None) -> NodeState:
    """How it stands, in a word and a sentence. Never fails, and changes nothing."""
    try:
        found = _open(record)
    except InstallError as error:
        return NodeState("unknown", f"{error}.", is_ours=False)
    except OSError as error:
        return NodeState("unknown", f"The installation cannot be looked at: {in_words(error)}.", is_ours=False)
    place = found.places.plugins
    wrong = [piece.path for piece in found.files if not _is_as_installed(piece)]
    there = [piece for piece in found.files if piece.path.exists()]
    may = os.access(found.record.path, os.W_OK)
    whose = "" if may else " It was installed for everybody: only an administrator may change that."
    if not there:
        return NodeState("absent", f"The node is not installed: hosts do not offer it.{whose}", may)
    if wrong:
        named = wrong[0] if len(wrong) == 1 else f"{wrong[0]} and {len(wrong) - 1} more files"
        how = "is missing" if not wrong[0].exists() else "was changed"
        return NodeState("damaged", f"The node is damaged: {named} {how}.{whose}", may)
    return NodeState("whole", f"Version {found.release.version} of the node is in {place}.{whose}", may)


def put_node(record: Path | None = None, *, tell: Callable[[str], None] = lambda _: None) -> list[str]:
    """Put the node in place, or in order again; the rest of the installation stays as it is.

    A file that was changed is set aside, beside the record, and named: it may be somebody's work. Returns sentences about
    that, and about what was left. Raises InstallError after everything has been taken back.
    """
    found = _open(record)
    try:
        said = [sentence for piece in found.files for sentence in _set_aside(piece, found.record)]
        plan = [*found.pieces, *cache_pieces(found.machine, "stale")]
        backend = PurePath(found.record.program)
        return said + carry_out(plan, found.record, found.record.version, backend, tell=tell, keeps_others=True)
    except OSError as error:
        raise InstallError(in_words(error)) from error


def remove_node(record: Path | None = None) -> list[str]:
    """Take the node away; commands, panel and backend stay. Returns sentences about what was left. Raises InstallError."""
    found = _open(record)
    left: list[str] = []
    try:
        paths = {str(piece.path) for piece in found.pieces}
        for path in [path for path in reversed(found.record.entries) if path in paths]:
            remove(found.record, found.record.entries[path], leave=left.append)
        bundle = Path(found.places.bundle)
        folders = [one for one in found.record.entries.values() if one.kind == "folder"]
        for entry in sorted(folders, key=lambda one: one.path, reverse=True):
            if Path(entry.path).is_relative_to(bundle) or Path(entry.path) == Path(found.places.plugins):
                remove(found.record, entry, leave=left.append)
        found.record.save()
    except OSError as error:
        raise InstallError(in_words(error)) from error
    return left


def _open(path: Path | None) -> _Installation:
    path = own_record() if path is None else path
    if not path.exists():
        raise InstallError(
            f"This Python ({sys.prefix}) was not set up by the installer, so it has no node to install; run the release's "
            "install.sh, or install.cmd on Windows"
        )
    record = Record.load(path)
    machine = Machine.this()
    places = find_places(machine, system_wide=record.is_for_everyone, prefix=str(path.parent))
    sums = [Path(name) for name, entry in record.entries.items() if entry.kind == "file" and name.endswith(SUMS)]
    if not sums:
        raise InstallError(f"the installation in {path.parent} keeps no copy of its release; run the installer again")
    release = open_release(sums[-1].parent, machine)
    pieces = node_pieces(machine, places, release, PurePath(record.program).parent.parent)
    return _Installation(record, machine, places, release, [_where_it_went(piece, record) for piece in pieces])


def _where_it_went(piece: Piece, record: Record) -> Piece:
    """The file of that name on record: variables that say where it lies (XDG) may have another value by now."""
    if not isinstance(piece, TextFile) or str(piece.path) in record.entries or BUNDLE in piece.path.parts:
        return piece
    earlier = [
        Path(path) for path, one in record.entries.items() if one.kind == "file" and Path(path).name == piece.path.name
    ]
    return replace(piece, path=earlier[0]) if earlier else piece


def _is_as_installed(piece: TextFile) -> bool:
    try:
        return piece.path.read_bytes() == piece.content
    except OSError:
        return False


def _set_aside(piece: TextFile, record: Record) -> list[str]:
    """A file of ours that is not what we wrote, out of the way of the right one."""
    entry = record.entries.get(str(piece.path))
    if entry is None or not piece.path.is_file() or digest_of_bytes(piece.path.read_bytes()) in entry.digests:
        return []
    inside = piece.path.parts[piece.path.parts.index(BUNDLE) :] if BUNDLE in piece.path.parts else (piece.path.name,)
    folder = set_aside(record.path)
    aside = next(
        place for place in (folder / f"{'-'.join(inside[-2:])}.{n}" for n in range(10_000)) if not place.exists()
    )
    folder.mkdir(exist_ok=True)
    piece.path.replace(aside)
    return [f"{piece.path} was changed since it was installed; it lies in {aside} now"]
