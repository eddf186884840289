"""Where everything goes: pure functions of the system, its environment variables and what was asked for.

Here: ``Machine`` and ``Places``. Not here: what compositors keep where (``hosts.py``), writing anything (``pieces.py``).
Paths are pure, so that those of Windows can be tested on Linux; whoever touches files makes them real with ``Path``.
Windows and macOS: tested as arithmetic only, never run there.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Literal

from propainter_install.errors import InstallError
from propainter_os import users

System = Literal["linux", "macos", "windows"]
BUNDLE = "ProPainterRemove.ofx.bundle"
BINARY = "ProPainterRemove.ofx"
PRODUCT = "propainter-remove"
MINIHOST = "propainter-minihost"
NODE_ID = "org.propainter-remove.Remove"
"""The node's identifier; OpenFX names its icons by it."""
_START_MENU = PureWindowsPath("Microsoft", "Windows", "Start Menu", "Programs")
COMMANDS = ("backend", "install", "matte", "ofx", "panel", "remove", "weights")
"""``propainter-`` and each of these."""


@dataclass(frozen=True)
class Machine:
    """What places depend on."""

    system: System
    processor: str
    """As Python names it: ``x86_64``, ``AMD64``, ``arm64``, ``aarch64``."""
    environ: Mapping[str, str]
    root: str = ""
    """Everything lies below this folder, as though it were ``/``; empty: the machine itself."""
    uid: int = 0
    """The user's number; counts on Linux and macOS only."""

    @classmethod
    def this(cls, root: str = "") -> Machine:
        """The machine this runs on."""
        names: dict[str, System] = {"darwin": "macos", "win32": "windows"}
        return cls(names.get(sys.platform, "linux"), platform.machine(), os.environ, root, users.number())

    def path(self, text: str) -> PurePath:
        """An absolute path of this system, below ``root``."""
        pure = PureWindowsPath(text) if self.system == "windows" else PurePosixPath(text)
        if not pure.is_absolute():
            raise InstallError(f"{text!r} is not an absolute path; give one that starts at the file system's root")
        return type(pure)(self.root, *pure.parts[1:]) if self.root else pure

    def variable(self, name: str, default: str) -> PurePath:
        """The folder an environment variable names; one that is unset, empty or relative does not count (XDG)."""
        given = self.environ.get(name, "")
        pure = PureWindowsPath(given) if self.system == "windows" else PurePosixPath(given)
        return self.path(given) if pure.is_absolute() else self.path(default)

    @property
    def home(self) -> PurePath:
        """The user's home folder. Raises InstallError when no variable tells."""
        name = "USERPROFILE" if self.system == "windows" else "HOME"
        if not self.environ.get(name):
            raise InstallError(f"{name} is not set, so the home folder is unknown; set it, or install with --system")
        return self.path(self.environ[name])

    def below_home(self, *parts: str) -> str:
        """A path below the home folder as text, before ``root`` is applied."""
        name = "USERPROFILE" if self.system == "windows" else "HOME"
        if not self.environ.get(name):
            raise InstallError(f"{name} is not set, so the home folder is unknown; set it, or install with --system")
        flavour = PureWindowsPath if self.system == "windows" else PurePosixPath
        return str(flavour(self.environ[name], *parts))

    @property
    def ofx_folder(self) -> str | None:
        """The folder of a bundle's ``Contents`` this machine's hosts load from; None: the node is not built for it."""
        if self.system == "macos":
            return "MacOS"
        is_intel = self.processor.lower() in ("x86_64", "amd64")
        return {"linux": "Linux-x86-64", "windows": "Win64"}[self.system] if is_intel else None


@dataclass(frozen=True)
class Places:
    """Where an installation's pieces lie. None: this system or scope has no such thing."""

    prefix: PurePath
    plugins: PurePath
    """The folder of bundles."""
    are_plugins_searched: bool
    """Whether hosts look there by themselves; otherwise OFX_PLUGIN_PATH has to name it."""
    environment_file: PurePath | None
    """Read at login; sets OFX_PLUGIN_PATH."""
    service_file: PurePath | None
    service_link: PurePath | None
    """What makes the service start at login (systemd)."""
    commands: PurePath | None
    """A folder on the PATH, for links to the commands."""
    nuke_init: PurePath | None
    """Nuke's start-up file of this user."""
    menu: PurePath | None = None
    """The folder of entries in the desktop's menu of programs; Windows: of the Start menu."""
    icons: PurePath | None = None
    """The root of the theme every desktop falls back to (freedesktop.org, Icon Theme Specification)."""

    @property
    def bundle(self) -> PurePath:
        return self.plugins / BUNDLE

    @property
    def record(self) -> PurePath:
        """What was written; ``record.py``."""
        return self.prefix / "installed.json"

    def kept_release(self, release_id: str) -> PurePath:
        """What the node is put in place from again, without the release that was downloaded."""
        return self.prefix / "release" / release_id

    @property
    def environments(self) -> PurePath:
        return self.prefix / "environments"

    def nuke_site(self, release_id: str) -> PurePath:
        """The packages Nuke's own Python gets."""
        return self.prefix / "nuke" / release_id

    def nuke_plugin(self, release_id: str) -> PurePath:
        """The folder for NUKE_PATH, with ``init.py`` and ``menu.py``."""
        return self.nuke_site(release_id) / "propainter_ui" / "nuke"


def find_places(machine: Machine, *, system_wide: bool, prefix: str | None = None) -> Places:
    """Places on a machine. prefix: an absolute path that replaces the usual one."""
    found = _system_wide(machine) if system_wide else _of_the_user(machine)
    if prefix is None:
        return found
    chosen = machine.path(prefix)
    plugins = found.plugins if found.are_plugins_searched else chosen / "OFX" / "Plugins"
    return Places(**{**vars(found), "prefix": chosen, "plugins": plugins})


def system_plugins(machine: Machine) -> PurePath:
    """The folder of bundles every host searches (OpenFX reference, packaging)."""
    if machine.system == "windows":
        return machine.variable("CommonProgramFiles", r"C:\Program Files\Common Files") / "OFX" / "Plugins"
    return machine.path("/Library/OFX/Plugins" if machine.system == "macos" else "/usr/OFX/Plugins")


@dataclass(frozen=True)
class DaemonData:
    """What daemon and panel write while they are used; the daemon and the panel decide where, this only repeats it."""

    cache: PurePath
    """Holds ``artifacts`` and ``content``: everything in it can be computed again."""
    runtime: PurePath
    """Socket, lock, log."""
    panel: PurePath
    """The panel's settings."""
    weights: PurePath
    """Fetched by the user, who keeps them."""


def find_data(machine: Machine) -> DaemonData:
    """Where daemon and panel keep what they write, unless they were told otherwise."""
    home = machine.home
    if machine.system == "windows":
        local = machine.variable("LOCALAPPDATA", machine.below_home("AppData", "Local"))
        roaming = machine.variable("APPDATA", machine.below_home("AppData", "Roaming"))
        runtime = machine.variable("PROPAINTER_RUNTIME_DIR", str(local / "propainter"))
        return DaemonData(
            local / PRODUCT / "Cache", runtime, roaming / PRODUCT / "panel.ini", local / PRODUCT / "weights"
        )
    runtime = machine.path(f"/tmp/propainter-{machine.uid}")
    if machine.environ.get("XDG_RUNTIME_DIR"):  # as the daemon does if it is this user's, which only a daemon can see
        runtime = machine.variable("XDG_RUNTIME_DIR", "/tmp") / "propainter"
    runtime = machine.variable("PROPAINTER_RUNTIME_DIR", str(runtime))
    panel = machine.variable("XDG_CONFIG_HOME", machine.below_home(".config")) / PRODUCT / "panel.ini"
    if machine.system == "macos":
        library = home / "Library"
        weights = library / "Application Support" / PRODUCT / "weights"
        return DaemonData(library / "Caches" / PRODUCT, runtime, panel, weights)
    cache = machine.variable("XDG_CACHE_HOME", machine.below_home(".cache")) / PRODUCT
    data = machine.variable("XDG_DATA_HOME", machine.below_home(".local", "share")) / PRODUCT
    return DaemonData(cache, runtime, panel, data / "weights")


def program(environment: PurePath, name: str, system: System) -> PurePath:
    """A command of a virtual environment."""
    return environment / "Scripts" / f"{name}.exe" if system == "windows" else environment / "bin" / name


def minihost_in(prefix: PurePath, system: System) -> PurePath:
    """The small host of an installation. It takes the node of ``OFX/Plugins`` beside it, else one where hosts look."""
    return prefix / (f"{MINIHOST}.exe" if system == "windows" else MINIHOST)


def python_of(environment: PurePath, system: System) -> PurePath:
    """The interpreter of a virtual environment."""
    return program(environment, "python", system)


def _system_wide(machine: Machine) -> Places:
    plugins = system_plugins(machine)
    if machine.system == "windows":
        prefix = machine.variable("ProgramFiles", r"C:\Program Files") / PRODUCT
        menu = machine.variable("ProgramData", r"C:\ProgramData") / _START_MENU
        return Places(prefix, plugins, True, None, None, None, None, None, menu)
    if machine.system == "macos":
        agent = machine.path("/Library/LaunchAgents/org.propainter-remove.backend.plist")
        prefix = machine.path(f"/Library/Application Support/{PRODUCT}")
        return Places(prefix, plugins, True, None, agent, None, machine.path("/usr/local/bin"), None)
    units = machine.path("/etc/systemd/user")
    unit, link = units / "propainter-backend.service", units / "default.target.wants" / "propainter-backend.service"
    prefix = machine.path(f"/opt/{PRODUCT}")
    share = machine.path("/usr/local/share")
    menu, icons = share / "applications", share / "icons" / "hicolor"
    return Places(prefix, plugins, True, None, unit, link, machine.path("/usr/local/bin"), None, menu, icons)


def _of_the_user(machine: Machine) -> Places:
    nuke = machine.home / ".nuke" / "init.py"
    if machine.system == "windows":
        local = machine.variable("LOCALAPPDATA", machine.below_home("AppData", "Local"))
        prefix = local / PRODUCT / "app"
        menu = machine.variable("APPDATA", machine.below_home("AppData", "Roaming")) / _START_MENU
        return Places(prefix, prefix / "OFX" / "Plugins", False, None, None, None, None, nuke, menu)
    commands = machine.home / ".local" / "bin"
    if machine.system == "macos":
        library = machine.home / "Library"
        prefix = library / "Application Support" / PRODUCT / "app"
        agents = library / "LaunchAgents"
        environment = agents / "org.propainter-remove.environment.plist"
        agent = agents / "org.propainter-remove.backend.plist"
        return Places(prefix, prefix / "OFX" / "Plugins", False, environment, agent, None, commands, nuke)
    share = machine.variable("XDG_DATA_HOME", machine.below_home(".local", "share"))
    prefix, menu, icons = share / PRODUCT / "app", share / "applications", share / "icons" / "hicolor"
    config = machine.variable("XDG_CONFIG_HOME", machine.below_home(".config"))
    units = config / "systemd" / "user"
    unit, link = units / "propainter-backend.service", units / "default.target.wants" / "propainter-backend.service"
    environment = config / "environment.d" / "60-propainter-remove.conf"
    return Places(prefix, prefix / "OFX" / "Plugins", False, environment, unit, link, commands, nuke, menu, icons)
