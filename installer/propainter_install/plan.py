"""The pieces an installation consists of, in the order in which they are put in place: what points to things comes last.

Here: choices to pieces. Not here: putting them in place (``pieces.py``), talking (``__main__.py``).
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePath
from typing import Literal
from xml.sax.saxutils import escape

from propainter_install.environment import Sources, make_environment, make_nuke_site
from propainter_install.hosts import find_caches
from propainter_install.pieces import Aside, Block, Folder, Link, Piece, Shortcut, Task, TextFile, Tree, UserVariable
from propainter_install.places import (
    BUNDLE,
    COMMANDS,
    MINIHOST,
    NODE_ID,
    PRODUCT,
    Machine,
    Places,
    find_data,
    minihost_in,
    program,
    python_of,
)
from propainter_install.release import Release

ClearCaches = Literal["stale", "all", "none"]


@dataclass(frozen=True)
class Choices:
    """What was asked for."""

    environment: Path | None
    """An environment with the daemon that is there already, and stays somebody else's; None: one is made."""
    is_for_everyone: bool
    """--system: nothing goes into the home of whoever installs."""
    with_nuke: bool
    with_service: bool
    with_commands: bool
    clear_caches: ClearCaches
    with_menu: bool = True
    """An entry in the desktop's menu of programs."""


def make_plan(choices: Choices, machine: Machine, places: Places, sources: Sources) -> list[Piece]:
    """Everything that shall be there afterwards."""
    environment = environment_of(choices, places, sources)
    pieces = [*_environments(choices, machine, places, sources), *_kept_release(places, sources)]
    pieces += node_pieces(machine, places, sources.release, environment)
    minihost = list(_minihost(machine, places, sources.release))
    pieces += minihost
    if not choices.is_for_everyone:
        data = find_data(machine)
        pieces += [Folder(Path(data.cache)), Folder(Path(data.panel.parent))]
    if choices.with_nuke:
        pieces += _nuke_hook(places, sources)
    if choices.with_service:
        pieces += _service(machine, places, environment)
    if choices.with_menu:
        pieces += list(menu_pieces(machine, places, sources.release, environment))
    if choices.with_commands and places.commands is not None:
        folder = Path(places.commands)
        names = [f"propainter-{name}" for name in COMMANDS]
        pieces += [Link(folder / name, str(program(environment, name, machine.system))) for name in names]
        pieces += [Link(folder / MINIHOST, str(piece.path)) for piece in minihost]
    return pieces + cache_pieces(machine, choices.clear_caches)


def node_pieces(machine: Machine, places: Places, release: Release, environment: PurePath) -> list[Piece]:
    """The node alone, and what makes hosts look where it lies."""
    return [*_bundle(machine, places, release, environment), *_search_path(machine, places)]


def cache_pieces(machine: Machine, which: ClearCaches) -> list[Piece]:
    """What hosts remember of plug-ins, out of the way."""
    if which == "none":
        return []
    return [Aside(one.path, one.host) for one in find_caches(machine) if one.mentions_us or which == "all"]


def environment_of(choices: Choices, places: Places, sources: Sources) -> PurePath:
    """The environment whose daemon the node will start."""
    return choices.environment or places.environments / sources.release.id


def _environments(choices: Choices, machine: Machine, places: Places, sources: Sources) -> Iterator[Piece]:
    environment = environment_of(choices, places, sources)
    if choices.environment is None:
        what = "Python, torch and packages of the backend"
        yield Tree(Path(environment), what, lambda folder: make_environment(folder, sources, machine.system))
    if choices.with_nuke:
        python = Path(python_of(environment, machine.system))
        site = Path(places.nuke_site(sources.release.id))
        yield Tree(site, "the panel for Nuke's Python", lambda folder: make_nuke_site(folder, sources, python))


def _kept_release(places: Places, sources: Sources) -> Iterator[Piece]:
    release = sources.release
    for path in (release.wheel, release.bundle, release.constraints, release.sums):
        yield TextFile(Path(places.kept_release(release.id)) / path.name, path.read_bytes())


def _bundle(machine: Machine, places: Places, release: Release, environment: PurePath) -> Iterator[Piece]:
    """The binary last: a bundle without one is passed over by hosts, one with half its files is not."""
    plugins = Path(places.plugins)
    backend = f"{program(environment, 'propainter-backend', machine.system)}\n"
    yield TextFile(plugins / BUNDLE / "Contents" / "Resources" / "backend-path", backend.encode())
    with zipfile.ZipFile(release.bundle) as archive:
        members = sorted(archive.infolist(), key=lambda member: member.filename.endswith(".ofx"))
        for member in members:
            if not member.is_dir():
                mode = 0o755 if member.filename.endswith(".ofx") else 0o644
                yield TextFile(plugins / member.filename, archive.read(member), mode)


def _minihost(machine: Machine, places: Places, release: Release) -> Iterator[Piece]:
    """The small host that tells whether the node works here."""
    if release.minihost is None:
        return
    path = Path(minihost_in(places.prefix, machine.system))
    with zipfile.ZipFile(release.minihost) as archive:
        yield TextFile(path, archive.read(path.name), 0o755)


def _search_path(machine: Machine, places: Places) -> Iterator[Piece]:
    if places.are_plugins_searched:
        return
    if machine.system == "windows":
        yield UserVariable(Path("OFX_PLUGIN_PATH"), str(places.plugins))
    elif machine.system == "macos" and places.environment_file is not None:
        content = fill("org.propainter-remove.environment.plist", PLUGINS=escape(str(places.plugins)))
        yield TextFile(Path(places.environment_file), content)
    elif places.environment_file is not None:
        yield TextFile(Path(places.environment_file), fill("environment.conf", PLUGINS=str(places.plugins)))


def _nuke_hook(places: Places, sources: Sources) -> Iterator[Piece]:
    if places.nuke_init is not None:
        plugin = str(places.nuke_plugin(sources.release.id))
        yield Block(Path(places.nuke_init), ("import nuke", f"nuke.pluginAddPath({plugin!r})"))


def menu_pieces(machine: Machine, places: Places, release: Release, environment: PurePath) -> Iterator[Piece]:
    """The panel in the desktop's menu of programs, with its icon."""
    if places.menu is None:
        return
    if machine.system == "windows":
        icon = Path(places.prefix / f"{PRODUCT}.ico")
        yield TextFile(icon, as_ico(_icon(release, ".png")))
        program_of = str(environment / "Scripts" / "pythonw.exe")  # the one that opens no console
        yield Shortcut(Path(places.menu / "ProPainter Remove.lnk"), program_of, "-m propainter_ui", str(icon))
        return
    if places.icons is not None:
        yield TextFile(Path(places.icons / "scalable" / "apps" / f"{PRODUCT}.svg"), _icon(release, ".svg"))
        yield TextFile(Path(places.icons / "64x64" / "apps" / f"{PRODUCT}.png"), _icon(release, ".png"))
    quoted = in_exec(str(program(environment, "propainter-panel", machine.system)))
    yield TextFile(Path(places.menu / f"{PRODUCT}.desktop"), fill("propainter-remove.desktop", PROGRAM=quoted))


def in_exec(path: str) -> str:
    """A program as the key Exec wants it (freedesktop.org, Desktop Entry Specification): quoted, then escaped as text."""
    quoted = "".join(f"\\{letter}" if letter in '"`$\\' else letter for letter in path).replace("%", "%%")
    return '"' + quoted.replace("\\", "\\\\") + '"'


def as_ico(png: bytes) -> bytes:
    """A PNG as an icon of Windows, which may hold one as it is since Vista."""
    width, height = struct.unpack_from(">II", png, 16)
    head = struct.pack("<HHH", 0, 1, 1)
    return head + struct.pack("<BBBBHHII", width % 256, height % 256, 0, 0, 1, 32, len(png), 22) + png


def _icon(release: Release, ending: str) -> bytes:
    """The node's own."""
    with zipfile.ZipFile(release.bundle) as archive:
        return archive.read(f"{BUNDLE}/Contents/Resources/{NODE_ID}{ending}")


def _service(machine: Machine, places: Places, environment: PurePath) -> Iterator[Piece]:
    backend = str(program(environment, "propainter-backend", machine.system))
    if machine.system == "windows":
        definition = Path(places.prefix / "daemon-task.xml")
        yield TextFile(definition, fill("windows-task.xml", PROGRAM=escape(backend)))
        yield Task(Path("propainter-backend"), definition)
    elif machine.system == "macos" and places.service_file is not None:
        yield TextFile(Path(places.service_file), fill("org.propainter-remove.backend.plist", PROGRAM=escape(backend)))
    elif places.service_file is not None and places.service_link is not None:
        quoted = backend.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
        yield TextFile(Path(places.service_file), fill("propainter-backend.service", PROGRAM=quoted))
        yield Link(Path(places.service_link), str(places.service_file))


def fill(template: str, **values: str) -> bytes:
    """A template with its ``@NAME@`` replaced."""
    text = (resources.files("propainter_install") / "templates" / template).read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text.encode()
