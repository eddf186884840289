"""One file over HTTP, resumed where it broke off, under its name only when whole and of the right digest.

Here: ``download``. Not here: which files and from where, licences, manifests (``weights_cli.py``).

Beside the wanted file stand, until it is whole, ``NAME.part`` (what has arrived) and ``NAME.part.tag`` (the server's
ETag or modification date of it). A later run asks for the rest on condition that the tag still holds (RFC 9110, section
13.1.5, If-Range), and looks whether the answer is of that version, so two versions of a file are never joined.
"""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from propainter_backend.errors import FetchError, OutputError
from propainter_os import files

Report = Callable[[int, "int | None"], None]
"""Called with the bytes that are there, and how many there will be if known."""

_ATTEMPTS = 3
_TIMEOUT_S = 30.0
_BLOCK = 1 << 18
MAX_BYTES = 1 << 30
"""No published checkpoint comes near it; a mirror that sends without end must not fill the disk."""


def download(url: str, destination: Path, *, sha256: str | None, report: Report) -> str:
    """Fetch a file; what an earlier run left unfinished is continued. Returns its SHA-256 in hexadecimal.

    sha256: what it must be, if known; something else is thrown away.
    Raises FetchError if it cannot be had (what has arrived is kept), OutputError if it cannot be stored.
    """
    part = destination.with_name(f"{destination.name}.part")
    for attempt in range(1, _ATTEMPTS + 1):
        before = _size(part)
        if _fetch_rest(url, part, report):
            break
        has_grown = _size(part) > before
        if attempt == _ATTEMPTS or not has_grown:
            raise FetchError(
                f"the connection broke after {_size(part)} bytes of {url}; run the same command again to continue there"
            )
    digest = _digest(part)
    if sha256 is not None and digest != sha256.lower():
        _forget(part)
        raise FetchError(
            f"{url} has sha256 {digest}, not {sha256}; it was thrown away: check the address and the digest"
        )
    _tag_file(part).unlink(missing_ok=True)
    files.replace(part, destination)
    return digest


class _Broken(Exception):
    """The connection ended before the file did."""


class _OtherVersion(Exception):
    """What is sent is the rest of another file than the one that was begun."""


def _fetch_rest(url: str, part: Path, report: Report) -> bool:
    """One connection. Whether the file is whole now."""
    try:
        with urllib.request.urlopen(_request(url, part), timeout=_TIMEOUT_S) as response:
            return _receive(response, part, report)
    except _Broken:
        return False
    except _OtherVersion:
        _forget(part)
        return _fetch_rest(url, part, report)
    except urllib.error.HTTPError as error:
        if error.code == 416 and _size(part):  # there is nothing after what we have
            if error.headers.get("Content-Range") == f"bytes */{_size(part)}" and _is_of(error.headers, part):
                return True
            _forget(part)
            return _fetch_rest(url, part, report)
        raise FetchError(f"{url} answers {error.code} {error.reason}; check the address (--url-base)") from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise FetchError(
            f"{url} cannot be reached ({getattr(reason, 'strerror', None) or reason}); check the network, name a mirror "
            "with --url-base, or copy the files by hand"
        ) from error


def _request(url: str, part: Path) -> urllib.request.Request:
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "propainter-weights"})
    except ValueError as error:
        raise FetchError(f"{url} is no web address; give --url-base as https://...") from error
    tag = _tag_file(part)
    if _size(part) and tag.is_file():
        request.add_header("Range", f"bytes={_size(part)}-")
        request.add_header("If-Range", tag.read_text(encoding="utf-8"))
    return request


def _receive(response: Any, part: Path, report: Report) -> bool:
    is_resumed = response.status == 206
    if is_resumed and not str(response.headers.get("Content-Range")).startswith(f"bytes {_size(part)}-"):
        raise FetchError(f"{response.url} sends another piece than was asked for; name another mirror with --url-base")
    if is_resumed and not _is_of(response.headers, part):  # the server does not heed If-Range
        raise _OtherVersion
    there = _size(part) if is_resumed else 0
    length = response.headers.get("Content-Length")
    total = there + int(length) if length is not None else None
    if total is not None and total > MAX_BYTES:
        raise _too_large(response, part)
    try:
        if not is_resumed:
            _remember_tag(response, part)
        with part.open("ab" if is_resumed else "wb") as file:
            report(there, total)
            for block in _blocks(response):
                file.write(block)
                there += len(block)
                if there > MAX_BYTES:
                    raise _too_large(response, part)
                report(there, total)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{part} cannot be written ({reason}); make room there, then run again") from error
    return total is None or there == total


def _too_large(response: Any, part: Path) -> FetchError:
    _forget(part)
    return FetchError(
        f"{response.url} is larger than {MAX_BYTES >> 20} MB, which no checkpoint is; it was thrown away: check the address "
        "(--url-base)"
    )


def _blocks(response: Any) -> Iterator[bytes]:
    try:
        while block := response.read(_BLOCK):
            yield block
    except (http.client.HTTPException, OSError) as error:
        raise _Broken from error


def _remember_tag(response: Any, part: Path) -> None:
    """Keep what identifies this version of the file; without it, or if it is only a weak one, a part is not continued."""
    tag = response.headers.get("ETag") or response.headers.get("Last-Modified")
    if tag and not tag.startswith("W/"):
        _tag_file(part).write_text(tag, encoding="utf-8")
    else:
        _tag_file(part).unlink(missing_ok=True)


def _is_of(headers: Any, part: Path) -> bool:
    """Whether an answer speaks of the version that was begun. An ETag it must repeat (RFC 9110, 15.3.7), a date it may."""
    begun = _tag_file(part).read_text(encoding="utf-8")
    if begun.startswith('"'):
        return bool(headers.get("ETag") == begun)
    return headers.get("Last-Modified") in (None, begun)


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag_file(part).unlink(missing_ok=True)


def _tag_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
