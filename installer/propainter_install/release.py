"""What is installed: a folder with the wheel, the node's bundle and their checksums, checked before anything of it is used.

Here: finding and verifying. Not here: making a release (``installer/make_release.py``).
"""

from __future__ import annotations

import hashlib
import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from propainter_install.errors import InstallError
from propainter_install.places import BINARY, BUNDLE, MINIHOST, Machine, minihost_in

SUMS = "SHA256SUMS"
CONSTRAINTS = "constraints.txt"
WHEELS = "wheels"
FOR_PYTHON = "for-python.txt"
"""In the folder of wheels: the version of Python they are for, 3.11 say."""


@dataclass(frozen=True)
class Release:
    """A verified release folder."""

    folder: Path
    wheel: Path
    bundle: Path
    """The zip with this machine's binary."""
    constraints: Path
    version: str
    minihost: Path | None = None
    """The zip with this machine's ``propainter-minihost``; None: it was not built for it."""

    @property
    def sums(self) -> Path:
        return self.folder / SUMS

    @property
    def wheels(self) -> Path | None:
        """Every package an installation needs, in a release that downloads nothing; None: one without."""
        folder = self.folder / WHEELS
        return folder if folder.is_dir() else None

    @property
    def pip(self) -> Path | None:
        """A pip to begin with, where Python has none of its own to give."""
        return next(iter(sorted(self.folder.glob("pip-*.whl"))), None)

    @property
    def id(self) -> str:
        """Version and content: two builds of one version are two releases."""
        return f"{self.version}-{digest_of(self.wheel)[:8]}"


def open_release(folder: Path, machine: Machine, *, pin: str | None = None) -> Release:
    """Raises InstallError when something is missing, is not what SHA256SUMS says, or is for other machines.

    pin: the SHA-256 that SHA256SUMS itself must have, as it was made known apart from these files; None: not known.
    """
    if pin is not None:
        _check_pin(folder, pin)
    sums = _read_sums(folder)
    wheel = _the_one(folder, "propainter_remove-*.whl")
    if machine.ofx_folder is None:
        raise InstallError(
            f"the node is not built for {machine.processor} processors under {machine.system}; on this machine use "
            "propainter-remove and the panel, from: pip install 'propainter-remove[backend,ui]'"
        )
    bundle = _the_one(folder, f"ProPainterRemove-*-{machine.system}*.zip")
    constraints = folder / CONSTRAINTS
    minihosts = sorted(folder.glob(f"{MINIHOST}-*-{machine.system}*.zip"))
    extras = [*minihosts, *folder.glob("pip-*.whl"), *(folder / WHEELS).glob("*")]
    for path in (wheel, bundle, constraints, *extras):
        _check_sum(path, sums)
    check_bundle(bundle, machine)
    for path in minihosts:
        _check_minihost(path, machine)
    return Release(folder, wheel, bundle, constraints, wheel.name.split("-")[1], next(iter(minihosts), None))


def check_bundle(path: Path, machine: Machine) -> None:
    """Raise InstallError unless the zip holds a bundle with a binary this machine can load."""
    name = f"{BUNDLE}/Contents/{machine.ofx_folder}/{BINARY}"
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            image = archive.read(name) if name in names else b""
    except (OSError, zipfile.BadZipFile) as error:
        raise InstallError(f"{path} cannot be read ({error}); download it again") from error
    if any(PurePosixPath(one).is_absolute() or ".." in PurePosixPath(one).parts for one in names):
        raise InstallError(f"{path} holds paths that lead out of it; it is not ours, download it again")
    if not image:
        there = sorted({one.split("/")[2] for one in names if one.count("/") >= 3 and one.endswith(BINARY)})
        raise InstallError(
            f"{path.name} holds the node for {', '.join(there) or 'no system'}, but this machine loads "
            f"{machine.ofx_folder}; take the zip for {machine.system}"
        )
    _refuse_foreign(image, name, path, machine)


def _check_minihost(path: Path, machine: Machine) -> None:
    name = minihost_in(PurePosixPath(), machine.system).name
    try:
        with zipfile.ZipFile(path) as archive:
            image = archive.read(name)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InstallError(f"{path} cannot be read ({error}); download it again") from error
    _refuse_foreign(image, name, path, machine)


def _refuse_foreign(image: bytes, name: str, path: Path, machine: Machine) -> None:
    if not is_loadable(image, machine):
        raise InstallError(
            f"{name} in {path.name} is no program for {machine.processor} {machine.system}; build it again"
        )


def is_loadable(image: bytes, machine: Machine) -> bool:
    """Whether the first bytes of a binary are those this system and processor load."""
    if machine.system == "linux":
        return image[:5] == b"\x7fELF\x02" and struct.unpack_from("<H", image, 18)[0] == 62  # e_machine: x86-64
    if machine.system == "windows":
        if image[:2] != b"MZ" or len(image) < 64:
            return False
        header = struct.unpack_from("<I", image, 60)[0]
        return image[header : header + 4] == b"PE\0\0" and image[header + 4 : header + 6] == b"\x64\x86"
    return image[:4] in (b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")


def digest_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def _the_one(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        what = "none" if not found else ", ".join(path.name for path in found)
        raise InstallError(f"{folder} should hold one {pattern} and holds {what}; name a whole release with --release")
    return found[0]


def _read_sums(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InstallError(
            f"{folder} is no release folder: {SUMS} cannot be read ({error.strerror}); name one with --release"
        ) from error
    found = (re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line) for line in lines)
    return {match[2]: match[1] for match in found if match}


def _check_pin(folder: Path, pin: str) -> None:
    wanted = pin.lower()
    if re.fullmatch(r"[0-9a-f]{64}", wanted) is None:
        raise InstallError(f"--pin {pin} is no SHA-256; it has 64 hexadecimal digits")
    try:
        digest = digest_of(folder / SUMS)
    except OSError as error:
        raise InstallError(f"{folder / SUMS} cannot be read ({error.strerror}); name a whole release") from error
    if digest != wanted:
        raise InstallError(
            f"{folder / SUMS} has sha256 {digest[:12]}..., not {wanted[:12]}... as pinned: this is another release than the "
            "one that was made known; nothing of it was used"
        )


def _check_sum(path: Path, sums: dict[str, str]) -> None:
    name = f"{WHEELS}/{path.name}" if path.parent.name == WHEELS else path.name
    if name not in sums:
        raise InstallError(f"{name} is not listed in {SUMS}; it does not belong to this release")
    try:
        digest = digest_of(path)
    except OSError as error:
        raise InstallError(f"{path} cannot be read ({error.strerror}); copy the whole release folder") from error
    if digest != sums[name]:
        raise InstallError(f"{name} has sha256 {digest[:12]}..., not {sums[name][:12]}...; download it again")
