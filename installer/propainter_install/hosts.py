"""What compositors keep on a machine that decides whether they show the node: search paths, caches, lists of the refused.

Here: facts, and reading. Not here: moving caches aside (``pieces.py``), advice (the daemon's ``doctor``). Where the facts
come from: other plug-ins' installers and manuals; Natron's and Nuke's cache folders on Linux were seen. A cache counts as
stale when it mentions the bundle: one that has never heard of it is scanned for new bundles by every host at its start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from propainter_install.places import BUNDLE, Machine, system_plugins

_LONGEST_CACHE = 64 << 20


@dataclass(frozen=True)
class CachePlace:
    """Where one host keeps what it found out about plug-ins."""

    host: str
    folder: PurePath
    pattern: str


@dataclass(frozen=True)
class HostCache:
    """A cache file that is there."""

    host: str
    path: Path
    mentions_us: bool
    is_refused: bool
    """Whether it says that the bundle failed to load: Resolve does not try again then."""


def cache_places(machine: Machine) -> list[CachePlace]:
    """Where Resolve, Nuke and Natron keep their caches of OpenFX plug-ins."""
    home, system = machine.home, machine.system
    if system == "windows":
        roaming = machine.variable("APPDATA", machine.below_home("AppData", "Roaming"))
        local = machine.variable("LOCALAPPDATA", machine.below_home("AppData", "Local"))
        resolve = roaming / "Blackmagic Design" / "DaVinci Resolve" / "Support"
        nuke, natron = [local / "Temp" / "nuke"], local / "INRIA" / "Natron" / "cache"
    elif system == "macos":
        resolve = home / "Library" / "Application Support" / "Blackmagic Design" / "DaVinci Resolve"
        nuke, natron = [machine.path(f"/var/tmp/nuke-u{machine.uid}")], home / "Library" / "Caches" / "INRIA" / "Natron"
    else:
        resolve = home / ".local" / "share" / "DaVinciResolve" / "configs"
        nuke = [machine.path(f"/var/tmp/nuke-u{machine.uid}")]
        natron = machine.variable("XDG_CACHE_HOME", machine.below_home(".cache")) / "INRIA" / "Natron"
    if machine.environ.get("NUKE_TEMP_DIR"):
        nuke.insert(0, machine.variable("NUKE_TEMP_DIR", str(nuke[0])))
    return [
        CachePlace("Resolve", resolve, "OFXPluginCacheV2.xml"),
        *(CachePlace("Nuke", folder / "ofxplugincache", "ofxplugincache*.xml") for folder in nuke),
        CachePlace("Natron", natron / "OFXLoadCache", "OFXCache_*.xml"),
    ]


def refusal_places(machine: Machine) -> list[PurePath]:
    """Lists of plug-ins that Resolve's Fusion page and Fusion will not load."""
    tail = ("Fusion", "Profiles", "Default", "Plugins.blocklist")
    if machine.system == "windows":
        roaming = machine.variable("APPDATA", machine.below_home("AppData", "Roaming")) / "Blackmagic Design"
        return [roaming.joinpath("DaVinci Resolve", "Support", *tail), roaming.joinpath(*tail)]
    if machine.system == "macos":
        support = machine.home / "Library" / "Application Support" / "Blackmagic Design"
        return [support.joinpath("DaVinci Resolve", *tail), support.joinpath(*tail)]
    local = machine.home / ".local" / "share" / "DaVinciResolve"
    return [local.joinpath(*tail), machine.home.joinpath(".fusion", "BlackmagicDesign", *tail)]


def find_caches(machine: Machine) -> Iterator[HostCache]:
    """The caches that are there and can be read."""
    for place in cache_places(machine):
        for path in sorted(Path(place.folder).glob(place.pattern)):
            text = read_text(path)
            if text is not None:
                yield HostCache(place.host, path, BUNDLE in text, is_marked_failed(text))


def refusing_lists(machine: Machine) -> list[Path]:
    """Lists of refused plug-ins that name the node."""
    paths = [Path(place) for place in refusal_places(machine)]
    return [path for path in paths if BUNDLE.split(".")[0] in (read_text(path) or "")]


def is_marked_failed(text: str) -> bool:
    """Whether the cache's element about the bundle carries Resolve's status 2."""
    elements = re.findall(rf"<[^<>]*{re.escape(BUNDLE)}[^<>]*>", text)
    beside = re.findall(rf"{re.escape(BUNDLE)}.{{0,400}}", text, re.DOTALL)
    marks = (r'status\s*=\s*"2"', r"<status>\s*2\s*<")
    return any(re.search(mark, part, re.IGNORECASE) for part in [*elements, *beside] for mark in marks)


def search_path(machine: Machine) -> list[PurePath]:
    """The folders hosts look for bundles in: those OFX_PLUGIN_PATH names, then the system's."""
    separator = ";" if machine.system == "windows" else ":"
    named = [text for text in machine.environ.get("OFX_PLUGIN_PATH", "").split(separator) if text]
    return [*(type(system_plugins(machine))(text) for text in named), system_plugins(machine)]


def is_nuke_there(machine: Machine) -> bool:
    """Whether somebody uses Nuke here: its folder in the home, NUKE_PATH, or an installation where they usually are."""
    if machine.environ.get("NUKE_PATH") or Path(machine.home / ".nuke").is_dir():
        return True
    folders = {
        "linux": ["/usr/local", "/opt"],
        "macos": ["/Applications"],
        "windows": [r"C:\Program Files"],
    }[machine.system]
    return any(True for folder in folders for _ in Path(machine.path(folder)).glob("Nuke[0-9]*"))


def read_text(path: Path) -> str | None:
    """A file's text; None when it is not there, cannot be read or is absurdly long."""
    try:
        if path.stat().st_size > _LONGEST_CACHE:
            return None
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
