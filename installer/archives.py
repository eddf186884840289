"""The archives of a release: one for each system, with all that this system's installer needs and three steps to read.

Here: which files go in, README.txt, packing so that the same inputs give the same bytes. Not here: making those files
(``make_release.py``), fetching packages (``wheelhouse.py``), installing (``propainter_install``).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import tarfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from propainter_install.places import MINIHOST, PRODUCT
from propainter_install.release import CONSTRAINTS, SUMS, WHEELS, digest_of

_FOR_ALL = (
    CONSTRAINTS, "LICENSE", "WEIGHTS-LICENSE.md", "CHANGELOG.md", "TESTED.md", "sbom.cdx.json",
    "THIRD-PARTY-LICENSES.txt",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """One system an archive is for."""

    name: str
    """As the node's zip has it: ``linux-x86_64``."""
    spoken: str
    installers: tuple[str, ...]
    install: str
    uninstall: str
    starts: str
    again: str
    """What makes hosts look for the node."""
    get_python: str
    by_hand: str
    """Lines about the commands; empty where none is on the PATH."""
    minihost: str
    """The small host, as somebody types it."""

    @property
    def is_zip(self) -> bool:
        return self.name.startswith("windows")


_BY_HAND = "Without a desktop: {0}propainter-remove --sample sample --output sample/clean\n"
TARGETS = (
    Target(
        "linux-x86_64", "Linux", ("install.sh",),
        "In the unpacked folder type ./install.sh", "propainter-install --uninstall, or ./install.sh --uninstall",
        'Later: start "ProPainter Remove" from the menu of programs, or type propainter-panel.',
        "log out and in once",
        "Debian, Ubuntu: apt install python3. Rocky, Alma, Red Hat: dnf install python3.11.",
        _BY_HAND.format("") + "If the shell does not know it: log out and in, or type ~/.local/bin/propainter-remove.\n",
        "propainter-minihost",
    ),
    Target(
        "windows-x86_64", "Windows", ("install.cmd", "install.ps1"),
        "Double-click install.cmd", "install.cmd --uninstall",
        "Later: start ProPainter Remove from the Start menu.", "start them again from the Start menu",
        "Get it from python.org.", "",
        r'"%LOCALAPPDATA%\propainter-remove\app\propainter-minihost.exe"',
    ),
    Target(
        "macos-universal", "macOS", ("install.sh",),
        "In the unpacked folder type ./install.sh",
        "~/.local/bin/propainter-install --uninstall, or ./install.sh --uninstall",
        "Later: type ~/.local/bin/propainter-panel.", "log out and in once", "Get it from python.org.",
        _BY_HAND.format("~/.local/bin/"), "~/.local/bin/propainter-minihost",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Wheelhouse:
    """Packages that go into an archive, so that nothing is downloaded."""

    folder: Path
    python: str
    """The version they are for: 3.11."""


def pack_all(dist: Path, version: str, epoch: int, *, wheelhouses: Mapping[str, Wheelhouse]) -> list[Path]:
    """An archive for each system whose node is in dist; beside it one with packages, where there are some.

    wheelhouses: by name of a system. epoch: seconds since 1970 for every date inside.
    """
    made = []
    for target in TARGETS:
        node = dist / f"ProPainterRemove-{version}-{target.name}.zip"
        if not node.exists():
            continue
        ours = [
            next(dist.glob("propainter_remove-*.whl")).name,
            node.name,
            *(path.name for path in dist.glob(f"{MINIHOST}-*-{target.name}.zip")),
            *(path.name for path in dist.glob("pip-*.whl")),
        ]
        files = {name: (dist / name).read_bytes() for name in (*ours, *_FOR_ALL, *target.installers)}
        made.append(_pack(dist, target, version, epoch, files, None))
        if target.name in wheelhouses:
            made.append(_pack(dist, target, version, epoch, files, wheelhouses[target.name]))
    return made


def pin_of(archive: Path) -> str:
    """The digest of the SHA256SUMS in an archive, to be made known apart from it."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            name = next(one for one in opened.namelist() if one.endswith(f"/{SUMS}"))
            return hashlib.sha256(opened.read(name)).hexdigest()
    with tarfile.open(archive) as unpacked:
        file = unpacked.extractfile(next(one for one in unpacked if one.name.endswith(f"/{SUMS}")))
        return hashlib.sha256(file.read() if file else b"").hexdigest()


def zip_member(name: str, epoch: int) -> zipfile.ZipInfo:
    """A file in a zip, dated by seconds since 1970: whoever packs the same again gets the same bytes."""
    return zipfile.ZipInfo(name, time.gmtime(max(epoch, 315532800))[:6])  # zip knows no date before 1980


def _pack(
    dist: Path, target: Target, version: str, epoch: int, files: Mapping[str, bytes], wheelhouse: Wheelhouse | None
) -> Path:
    """The archive, with one folder in it. Its SHA256SUMS is of what is in it."""
    content = {**files, "README.txt": _readme(target, version, wheelhouse).encode()}
    packages = sorted(wheelhouse.folder.iterdir()) if wheelhouse is not None else []
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    sums |= {f"{WHEELS}/{path.name}": digest_of(path) for path in packages}
    content[SUMS] = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()
    top = f"{PRODUCT}-{version}"
    name = f"{top}-{target.name}" + ("-offline" if packages else "")
    if target.is_zip:
        return _write_zip(dist / f"{name}.zip", top, content, packages, epoch)
    return _write_tar(dist / f"{name}.tar{'' if packages else '.gz'}", top, content, packages, epoch)


def _readme(target: Target, version: str, wheelhouse: Wheelhouse | None) -> str:
    text = (Path(__file__).parent / "README.txt").read_text(encoding="utf-8")
    packages = (
        "It tells you what it will download: torch and other packages."
        if wheelhouse is None
        else "Nothing is downloaded: all packages are in here."
    )
    for name, value in (
        ("VERSION", version), ("SYSTEM", target.spoken), ("LINE", "=" * len(f" {version} for {target.spoken}")),
        ("INSTALL", target.install), ("UNINSTALL", target.uninstall), ("PACKAGES", packages), ("STARTS", target.starts),
        ("PYTHON", "3.10 or newer" if wheelhouse is None else wheelhouse.python), ("GET_PYTHON", target.get_python),
        ("MINIHOST", target.minihost), ("AGAIN", target.again), ("BY_HAND", target.by_hand),
    ):  # fmt: skip
        text = text.replace(f"@{name}@", value)
    return text.replace("\n", "\r\n") if target.is_zip else text


def _write_tar(path: Path, top: str, content: Mapping[str, bytes], packages: Sequence[Path], epoch: int) -> Path:
    """Small ones are compressed; packages are already."""
    with path.open("wb") as raw:
        packed = gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=epoch) if path.suffix == ".gz" else None
        with tarfile.open(fileobj=packed or raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name in sorted(content):
                archive.addfile(_member(f"{top}/{name}", len(content[name]), epoch), io.BytesIO(content[name]))
            for package in packages:
                with package.open("rb") as file:
                    archive.addfile(_member(f"{top}/{WHEELS}/{package.name}", package.stat().st_size, epoch), file)
        if packed is not None:
            packed.close()
    return path


def _member(name: str, nbytes: int, epoch: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime = nbytes, epoch
    member.mode = 0o755 if name.endswith(".sh") else 0o644
    return member


def _write_zip(path: Path, top: str, content: Mapping[str, bytes], packages: Sequence[Path], epoch: int) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(content):
            member = zip_member(f"{top}/{name}", epoch)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content[name])
        for package in packages:
            member = zip_member(f"{top}/{WHEELS}/{package.name}", epoch)
            with package.open("rb") as file, archive.open(member, "w", force_zip64=True) as inside:
                shutil.copyfileobj(file, inside, 1 << 20)
    return path
