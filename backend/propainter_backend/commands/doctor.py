"""What works on this machine, and what to do about the rest.

Here: ``examine``, for ``propainter-backend doctor``. Not here: repairing anything.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from propainter_backend.daemon.cache_privacy import check_cache_folder
from propainter_backend.daemon.devices import cuda_device_count
from propainter_install.hosts import find_caches, read_text, refusing_lists, search_path
from propainter_install.node import own_record
from propainter_install.places import BINARY, BUNDLE, Machine, find_places, minihost_in
from propainter_install.release import is_loadable
from propainter_wire.client import Client
from propainter_wire.connection import connection_path, make_private_directory, runtime_directory
from propainter_wire.errors import PropainterError
from propainter_wire.link import ClientKeys
from propainter_wire.shm import SHM_DIRECTORY, is_supported

_LIBRARIES = ("torch", "cv2", "OpenImageIO", "av", "zmq", "msgpack", "safetensors")
_LITTLE_DISK = 5 << 30
_LITTLE_SHM = 256 << 20


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    is_well: bool
    advice: str = ""
    is_needed: bool = True
    """Whether nothing can be rendered without it."""
    about: str = ""
    """A word for programs that show one subject apart: ``weights``."""

    @property
    def mark(self) -> str:
        """``ok``, ``note``: worth knowing, ``FIX``: somebody has to do something."""
        return "FIX" if not self.is_well else "note" if self.advice else "ok"


def examine(cache_dir: Path, weights: Path | None, keys: ClientKeys | None = None) -> list[Finding]:
    """Look at everything a render needs, in the order in which it is needed. keys: for a daemon with CURVE."""
    machine = [*_libraries(), *_devices(), _weights(weights)]
    daemon = [_runtime(), _shared_memory(), _disk(cache_dir), _daemon(keys)]
    here = Machine.this()
    return [*machine, *daemon, *examine_hosts(here), *_minihost(here)]


def examine_hosts(machine: Machine) -> list[Finding]:
    """Why a compositor would not show the node: where it looks, what lies there, what it remembers. None is needed to render
    without one.
    """
    if not machine.environ.get("USERPROFILE" if machine.system == "windows" else "HOME"):
        return []
    folders = [Path(folder) for folder in search_path(machine)]
    bundles = [folder / BUNDLE for folder in folders if os.path.exists(folder / BUNDLE)]  # noqa: PTH110 - refused is absent
    findings = [_bundle(bundle, machine) for bundle in bundles] or [_no_bundle(machine, folders)]
    if len(bundles) > 1:
        advice = f"hosts may load any of them; keep one of: {', '.join(map(str, bundles))}"
        findings.append(Finding(f"{len(bundles)} nodes in the folders hosts search", False, advice, is_needed=False))
    return [*findings, *_host_caches(machine), *_refusals(machine)]


def _libraries() -> list[Finding]:
    found = [Finding(f"Python {sys.version.split()[0]}", sys.version_info >= (3, 10), about="library")]
    for name in _LIBRARIES:
        try:
            module = importlib.import_module(name)
        except Exception as error:  # a broken wheel may raise anything
            found.append(
                Finding(
                    f"{name}: {error}", False, "install it: pip install 'propainter-remove[backend]'", about="library"
                )
            )
        else:
            found.append(Finding(f"{name} {getattr(module, '__version__', '')}", True, about="library"))
    return found


def _devices() -> list[Finding]:
    count = cuda_device_count()
    if count == 0:
        advice = "the classical engine needs none; ProPainter is slow without one"
        return [Finding("no NVIDIA GPU: renders run on the CPU", True, advice, is_needed=False)]
    import torch

    usable = torch.cuda.is_available()
    advice = (
        "" if usable else f"torch {torch.__version__} cannot use it: install a CUDA build of torch that fits the driver"
    )
    return [Finding(f"{count} CUDA device{'s' if count > 1 else ''}", usable, advice, is_needed=False)]


def _weights(folder: Path | None) -> Finding:
    from propainter.weights import WeightsError, find_weights

    try:
        found = find_weights(folder)
    except WeightsError as error:
        return Finding(f"weights: {error}", False, is_needed=False, about="weights")
    if found is None:
        advice = "renders use the classical engine; for ProPainter: propainter-weights fetch"
        return Finding("the ProPainter weights are not installed", True, advice, is_needed=False, about="weights")
    return Finding(f"ProPainter weights {found.id} in {found.folder}", True, about="weights")


def _runtime() -> Finding:
    directory = runtime_directory()
    try:
        make_private_directory(directory)
    except (PropainterError, OSError) as error:
        return Finding(f"runtime directory {directory}: {error}", False, "name another in PROPAINTER_RUNTIME_DIR")
    return Finding(f"runtime directory {directory}", True)


def _shared_memory() -> Finding:
    if not is_supported():
        return Finding("no shared memory: large frames travel more slowly", True, is_needed=False)
    free = shutil.disk_usage(SHM_DIRECTORY).free
    advice = "" if free > _LITTLE_SHM else "frames over 8 MB travel several times slower; enlarge /dev/shm"
    return Finding(
        f"shared memory: {free >> 20} MB free in {SHM_DIRECTORY}", free > _LITTLE_SHM, advice, is_needed=False
    )


def _disk(cache_dir: Path) -> Finding:
    if cache_dir.exists():
        try:
            check_cache_folder(cache_dir.resolve())
        except (PropainterError, OSError) as error:
            return Finding(f"cache {cache_dir}: {error}", False)
    existing = next(folder for folder in (cache_dir, *cache_dir.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    is_well = free > _LITTLE_DISK and os.access(existing, os.W_OK)
    advice = "" if is_well else "choose another with --cache-dir; without a cache every render starts from scratch"
    return Finding(f"cache {cache_dir}: {free / (1 << 30):.1f} GB free", is_well, advice, is_needed=False)


def _daemon(keys: ClientKeys | None) -> Finding:
    if not connection_path().exists():
        advice = "the node and the panel start it; so does propainter-backend"
        return Finding("no backend is running", True, advice, is_needed=False, about="backend")
    try:
        with Client.connect(name="propainter-backend doctor", timeout_s=5.0, keys=keys) as client:
            status = client.status()
    except PropainterError as error:
        advice = "start it again: propainter-backend"
        return Finding(f"backend: {error}", False, advice, is_needed=False, about="backend")
    return Finding(
        f"backend {status.server} is running, process {status.pid} ({connection_path()})", True, about="backend"
    )


def _no_bundle(machine: Machine, folders: list[Path]) -> Finding:
    """The node is nowhere hosts look; perhaps it is where they would after a login."""
    installed = Path(find_places(machine, system_wide=False).bundle)
    if installed.exists():
        advice = f"log in again, or start the host with OFX_PLUGIN_PATH={_quoted(installed.parent, machine)}"
        what = f"the node lies in {installed.parent}, which OFX_PLUGIN_PATH does not name here"
        return Finding(what, False, advice, is_needed=False)
    looked = ", ".join(map(str, folders))
    return Finding(
        f"no node in {looked}", True, "for Nuke, Resolve, Fusion, Natron: propainter-install", is_needed=False
    )


def _bundle(bundle: Path, machine: Machine) -> Finding:
    """Whether a host could load it, and whom it would start."""
    if machine.ofx_folder is None:
        return Finding(f"node {bundle}: not built for {machine.processor} processors", False, is_needed=False)
    binary = bundle / "Contents" / machine.ofx_folder / BINARY
    try:
        image = binary.read_bytes()
    except FileNotFoundError:
        there = ", ".join(sorted(path.parent.name for path in bundle.glob(f"Contents/*/{BINARY}"))) or "no system"
        what = f"node {bundle} is for {there}, and this machine loads {machine.ofx_folder}"
        return Finding(what, False, "install the release for this system: propainter-install", is_needed=False)
    except OSError as error:
        advice = f"hosts of this user cannot read it: chmod -R a+rX {_quoted(bundle, machine)}"
        return Finding(f"node {binary}: {error.strerror}", False, advice, is_needed=False)
    if not is_loadable(image, machine):
        what = f"node {binary} is no program for {machine.processor} {machine.system}"
        return Finding(what, False, "install it anew: propainter-install", is_needed=False)
    named = read_text(bundle / "Contents" / "Resources" / "backend-path")
    if named is not None and not Path(named.strip()).exists():
        what = f"node {bundle} starts {named.strip()}, which is not there"
        return Finding(what, False, "install it anew: propainter-install", is_needed=False)
    return Finding(f"node {bundle}", True, is_needed=False)


def _minihost(machine: Machine) -> list[Finding]:
    """How to try the node without a host, where an installation has what it takes."""
    places = [find_places(machine, system_wide=wide).prefix for wide in (False, True)]
    programs = [Path(minihost_in(prefix, machine.system)) for prefix in (own_record().parent, *places)]
    found = next((program for program in programs if program.exists()), None)
    if found is None:
        return []
    advice = f"type {_quoted(found, machine)} --selftest"
    return [Finding("the node can be tried without a host", True, advice, is_needed=False)]


def _quoted(path: Path, machine: Machine) -> str:
    """A path as this system's shell takes it."""
    return f'"{path}"' if machine.system == "windows" else shlex.quote(str(path))


def _host_caches(machine: Machine) -> list[Finding]:
    """What hosts found out about the node earlier; one that failed is not tried again by Resolve."""
    findings = []
    for cache in find_caches(machine):
        if cache.is_refused:
            what = f"{cache.host} remembers that the node failed to load ({cache.path}), and does not try again"
            advice = f"close {cache.host} and delete that file; see its log for why it failed"
            findings.append(Finding(what, False, advice, is_needed=False))
        elif cache.mentions_us:
            advice = (
                f"shown there and not in the list: enable it in {cache.host}'s preferences (Resolve: Video Plugins)"
            )
            findings.append(Finding(f"{cache.host} has seen the node ({cache.path})", True, advice, is_needed=False))
        else:
            what = f"{cache.host} has not seen the node ({cache.path})"
            advice = (
                f"start {cache.host} once more, from a session with OFX_PLUGIN_PATH; if it stays so, delete that file"
            )
            findings.append(Finding(what, True, advice, is_needed=False))
    return findings


def _refusals(machine: Machine) -> list[Finding]:
    advice = "close Fusion or Resolve and take the node's line out of that file"
    return [
        Finding(f"Fusion is told not to load the node ({path})", False, advice, is_needed=False)
        for path in refusing_lists(machine)
    ]
