"""A release of a few bytes, and its installation into somebody's home: real files, no torch, no compiler.

Here: ``write_release``, ``install_small``. Not here: one as ``make release`` makes it (``integration/installation.py``).
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path, PurePath

from propainter_install.environment import Sources
from propainter_install.places import BINARY, BUNDLE, MINIHOST, NODE_ID, Machine, find_places, minihost_in, program
from propainter_install.plan import Choices, make_plan
from propainter_install.record import Record
from propainter_install.release import open_release
from propainter_install.transaction import carry_out

ELF = b"\x7fELF\x02" + b"\0" * 13 + b"\x3e\0"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\x0dIHDR" + (64).to_bytes(4, "big") * 2 + b"\x08\x06\0\0\0"


def write_release(folder: Path, machine: Machine, *, version: str = "0.1.0") -> Path:
    """Wheel, node, minihost, constraints, SHA256SUMS."""
    folder.mkdir(parents=True)
    (folder / f"propainter_remove-{version}-py3-none-any.whl").write_bytes(f"wheel {version}".encode())
    (folder / "constraints.txt").write_text("torch==2.13.0\n")
    name = {"linux": "linux-x86_64", "windows": "windows-x86_64", "macos": "macos-universal"}[machine.system]
    image = {"linux": ELF, "windows": b"MZ" + b"\0" * 58 + b"\x40\0\0\0PE\0\0\x64\x86", "macos": b"\xca\xfe\xba\xbe"}
    with zipfile.ZipFile(folder / f"ProPainterRemove-{version}-{name}.zip", "w") as archive:
        archive.writestr(f"{BUNDLE}/Contents/{machine.ofx_folder}/{BINARY}", image[machine.system] + version.encode())
        archive.writestr(f"{BUNDLE}/Contents/Info.plist", "plist")
        archive.writestr(f"{BUNDLE}/Contents/Resources/{NODE_ID}.png", PNG)
        archive.writestr(f"{BUNDLE}/Contents/Resources/{NODE_ID}.svg", "<svg/>")
    with zipfile.ZipFile(folder / f"{MINIHOST}-{version}-{name}.zip", "w") as archive:
        archive.writestr(minihost_in(PurePath(), machine.system).name, image[machine.system])
    write_sums(folder)
    return folder


def write_sums(folder: Path) -> None:
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "SHA256SUMS"]
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in found
    ]
    (folder / "SHA256SUMS").write_text("".join(lines))


def install_small(release: Path, home: Path, environment: Path) -> Path:
    """The way ``propainter-install --environment`` goes; returns the record. home: where everything lies."""
    machine = Machine("linux", "x86_64", {"HOME": str(home)}, uid=4_000_000)
    places = find_places(machine, system_wide=False)
    sources = Sources(open_release(release, machine), None, None)
    plan = make_plan(Choices(environment, False, False, True, True, "stale"), machine, places, sources)
    record = Record.load(Path(places.record))
    carry_out(plan, record, "0.1.0", program(environment, "propainter-backend", "linux"), tell=lambda _: None)
    return record.path
