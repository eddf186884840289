"""A disk as it may be found after the power failed: what was written, in order, with what was not synced lost.

Here: ``Disk``, fed with the log that ``shim.c`` keeps. Not here: what must hold then (``test_power_loss.py``).

The bytes of a file are safe once the file was synced, its name once its folder was. A disk may lose all that is not safe, or
keep names and lose bytes: some file systems write names first. Both are looked at after every call.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

_HEAD = struct.Struct("<cqqQQ")
_PAGE = 4096
Tree = dict[str, bytes | None]
"""Content by path; None: a folder."""


@dataclass(eq=False)
class _Node:
    """A file or a folder."""

    is_folder: bool = False
    bytes: bytearray = field(default_factory=bytearray)
    safe: bytes = b""
    """Of a file: what was synced."""
    names: dict[str, _Node] = field(default_factory=dict)
    safe_names: dict[str, _Node] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One entry of the log."""

    what: str
    handle: int
    place: int
    first: bytes
    second: bytes


def read_log(path: Path) -> Iterator[Call]:
    """The calls of a log, in order."""
    content, at = path.read_bytes(), 0
    while at < len(content):
        what, handle, place, first, second = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        yield Call(what.decode(), handle, place, content[at : at + first], content[at + first : at + first + second])
        at += first + second


class Disk:
    """A folder, safe as it lies there at first. ``apply`` a log to it call by call; ``left`` is what a power cut leaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._top = self._safe(folder)
        self._open: dict[int, _Node] = {}

    def _safe(self, path: Path) -> _Node:
        if path.is_dir():
            names = {child.name: self._safe(child) for child in path.iterdir()}
            return _Node(is_folder=True, names=names, safe_names=dict(names))
        content = path.read_bytes()
        return _Node(bytes=bytearray(content), safe=content)

    def apply(self, call: Call) -> None:
        """One more call has been carried out."""
        match call.what:
            case "o":
                self._open[call.handle] = node = self._opened(call.first)
                if call.place:
                    node.bytes.clear()
            case "w":
                content = self._open[call.handle].bytes
                content.extend(bytes(max(0, call.place - len(content))))
                content[call.place : call.place + len(call.first)] = call.first
            case "t":
                content = self._open[call.handle].bytes
                del content[call.place :]
                content.extend(bytes(call.place - len(content)))
            case "s":
                node = self._open[call.handle]
                node.safe, node.safe_names = bytes(node.bytes), dict(node.names)
            case "m":
                folder, name = self._parent(call.first)
                folder.names[name] = _Node(is_folder=True)
            case "u":
                folder, name = self._parent(call.first)
                del folder.names[name]
            case "r" | "l":
                (folder, name), (to, new) = self._parent(call.first), self._parent(call.second)
                to.names[new] = folder.names.pop(name) if call.what == "r" else folder.names[name]

    def _parent(self, path: bytes) -> tuple[_Node, str]:
        *above, name = PurePosixPath(path.decode()).relative_to(self.folder).parts or ("",)
        node = self._top
        for part in above:
            node = node.names[part]
        return node, name

    def _opened(self, path: bytes) -> _Node:
        folder, name = self._parent(path)
        return folder.names.setdefault(name, _Node()) if name else folder

    def whole(self) -> Tree:
        """What lies there while the power is on."""
        return _tree(self._top, lambda node: node.names, lambda node: bytes(node.bytes))

    def left(self) -> Iterator[tuple[str, Tree]]:
        """What may lie there after a power cut at this moment, each with a word for it."""
        yield "nothing unsafe kept", _tree(self._top, lambda node: node.safe_names, lambda node: node.safe)
        for word, torn in _TORN.items():
            yield (
                f"names kept, {word}",
                _tree(self._top, lambda node: node.names, lambda node, torn=torn: _of(node, torn)),
            )


def _of(node: _Node, torn: Callable[[bytes], bytes]) -> bytes:
    content = bytes(node.bytes)
    return content if content == node.safe else node.safe or torn(content)


_TORN: dict[str, Callable[[bytes], bytes]] = {
    "bytes lost": lambda content: b"",
    "bytes zero": lambda content: bytes(len(content)),
    "half the bytes": lambda content: content[: len(content) // 2],
    "the first page": lambda content: content[:_PAGE].ljust(len(content), b"\0"),
    "all but the first page": lambda content: bytes(min(_PAGE, len(content))) + content[_PAGE:],
}


def _tree(top: _Node, names: Callable[[_Node], dict[str, _Node]], content: Callable[[_Node], bytes]) -> Tree:
    found: Tree = {}

    def walk(node: _Node, path: str) -> None:
        for name, child in names(node).items():
            below = f"{path}/{name}" if path else name
            found[below] = None if child.is_folder else content(child)
            if child.is_folder:
                walk(child, below)

    walk(top, "")
    return found


def lay_out(tree: Tree, folder: Path) -> None:
    """Write what was left into an empty folder."""
    for path, content in tree.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            place.mkdir(exist_ok=True)
        else:
            place.write_bytes(content)
