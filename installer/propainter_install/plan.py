"""The pieces an installation consists of, in the order in which they are put in place: what points to things comes last.

Here: choices to pieces. Not here: putting them in place (``pieces.py``), talking (``__main__.py``).
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePath
from typing import Literal
from xml.sax.saxutils import escape

from propainter_install.environment import Sources, make_environment, make_nuke_site
from propainter_install.hosts import find_caches
from propainter_install.pieces import Aside, Block, Folder, Link, Piece, Task, TextFile, Tree, UserVariable
from propainter_install.places import BUNDLE, COMMANDS, Machine, Places, find_data, program, python_of

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


def make_plan(choices: Choices, machine: Machine, places: Places, sources: Sources) -> list[Piece]:
    """Everything that shall be there afterwards."""
    environment = environment_of(choices, places, sources)
    pieces = [*_environments(choices, machine, places, sources), *_bundle(machine, places, sources, environment)]
    pieces += _search_path(machine, places)
    if not choices.is_for_everyone:
        data = find_data(machine)
        pieces += [Folder(Path(data.cache)), Folder(Path(data.panel.parent))]
    if choices.with_nuke:
        pieces += _nuke_hook(places, sources)
    if choices.with_service:
        pieces += _service(machine, places, environment)
    if choices.with_commands and places.commands is not None:
        folder = Path(places.commands)
        names = [f"propainter-{name}" for name in COMMANDS]
        pieces += [Link(folder / name, str(program(environment, name, machine.system))) for name in names]
    if choices.clear_caches != "none":
        found = [cache for cache in find_caches(machine) if cache.mentions_us or choices.clear_caches == "all"]
        pieces += [Aside(cache.path, cache.host) for cache in found]
    return pieces


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


def _bundle(machine: Machine, places: Places, sources: Sources, environment: PurePath) -> Iterator[Piece]:
    """The binary last: a bundle without one is passed over by hosts, one with half its files is not."""
    plugins = Path(places.plugins)
    backend = f"{program(environment, 'propainter-backend', machine.system)}\n"
    yield TextFile(plugins / BUNDLE / "Contents" / "Resources" / "backend-path", backend.encode())
    with zipfile.ZipFile(sources.release.bundle) as archive:
        members = sorted(archive.infolist(), key=lambda member: member.filename.endswith(".ofx"))
        for member in members:
            if not member.is_dir():
                mode = 0o755 if member.filename.endswith(".ofx") else 0o644
                yield TextFile(plugins / member.filename, archive.read(member), mode)


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
