"""``propainter-install``: install, bring up to date, take away.

    propainter-install --release FOLDER [--yes]      # install, or bring an earlier installation up to date
    propainter-install --dry-run ...                 # say what would be done
    propainter-install --uninstall

Exit codes: 0 done, 1 done but something of the user's was left in place, 2 something the user can put right, 130
interrupted. Here: arguments, questions, what is said. Not here: what is put where (``plan.py``, ``places.py``), all or
nothing (``transaction.py``).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from propainter_install.daemon import reload_services, remove_data, stop_daemon
from propainter_install.environment import Sources, can_use_gpu, check_python, check_space, check_wheels
from propainter_install.errors import InstallError
from propainter_install.hosts import is_nuke_there
from propainter_install.node import look_at_node, own_record, put_node, set_aside
from propainter_install.pieces import Piece
from propainter_install.places import Machine, Places, find_places, minihost_in, program, python_of
from propainter_install.plan import Choices, environment_of, make_plan
from propainter_install.record import Record
from propainter_install.release import Release, open_release
from propainter_install.torch_build import TorchBuild, choose_torch, find_driver
from propainter_install.transaction import carry_out, in_words, take_away
from propainter_knobs.command_line import CommandParser
from propainter_os.processes import ways_to_outlive
from propainter_os.systems import is_macos, is_windows

_UPDATE_MB = 200
"""Room for an update that builds no environment, bundle and records included."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):  # what a console's encoding lacks is escaped, and ends no installation
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        act = uninstall if options.uninstall else repair if options.repair else install
        return act(options)
    except InstallError as error:
        print(f"propainter-install: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"propainter-install: {in_words(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("propainter-install: interrupted; what had been done was taken back", file=sys.stderr)
        return 130


def install(options: argparse.Namespace) -> int:
    """Put everything in place; on any failure, leave the machine as it was."""
    machine = Machine.this(options.root)
    places = find_places(machine, system_wide=options.system, prefix=options.prefix)
    release = open_release(_release_folder(options), machine, pin=options.pin)
    wheelhouse = _existing(options.offline, "--offline") or release.wheels
    if wheelhouse is not None and options.environment is None:
        check_wheels(wheelhouse)
    build = choose_torch(machine, _torch_wanted(options, release, wheelhouse), find_driver())
    sources = Sources(release, options.torch_index or build.index, wheelhouse)
    choices = _choices(options, machine)
    plan = make_plan(choices, machine, places, sources)
    record = Record.load(Path(places.record))
    _announce(record, places, release.version, build if choices.environment is None else None, sources)
    if options.dry_run:
        return _say_plan(plan, record)
    _check_before(plan, places, choices, build, release)
    _require_yes(options)
    stop_daemon(record.program, tell=print)
    environment = environment_of(choices, places, sources)
    record.is_for_everyone = options.system
    backend = program(environment, "propainter-backend", machine.system)
    left = carry_out(plan, record, release.version, backend, tell=print)
    for sentence in left:
        print(sentence)
    if not options.root and not options.system:
        reload_services()
    if choices.environment is None and build.is_cuda and not can_use_gpu(Path(python_of(environment, machine.system))):
        print("torch for CUDA was installed but finds no GPU, so renders run on the CPU; update the NVIDIA driver")
    _say_what_remains(machine, places, sources, options, choices, environment)
    _offer_weights(Path(record.program), options)
    open_panel(Path(record.program), options)
    return 1 if left else 0


def uninstall(options: argparse.Namespace) -> int:
    """Take away what the record tells of, and nothing else."""
    machine = Machine.this(options.root)
    path = _record_of(options, machine)
    record = Record.load(path)
    if not path.exists():
        raise InstallError(
            f"nothing is installed: there is no {path}; name what was given at installation (--system, --prefix)"
        )
    if is_windows() and Path(sys.prefix) in [Path(entry) for entry in record.entries]:
        raise InstallError("Windows cannot remove a running program; run install.ps1 --uninstall of the release")
    if options.dry_run:
        for entry in reversed(record.entries.values()):
            print(f"would remove: {entry.kind} {entry.path}")
        return 0
    _require_yes(options)
    stop_daemon(record.program, tell=print)
    left = [] if options.keep_data or options.root else remove_data(machine)
    left += take_away(record)
    if set_aside(path).is_dir():
        left.append(f"{set_aside(path)} holds files that were changed, and set aside by a repair; they stay")
    if not options.root and not options.system:
        reload_services()
    for sentence in left:
        print(sentence)
    print("removed" if not left else "removed; what is named above stays")
    return 1 if left else 0


def repair(options: argparse.Namespace) -> int:
    """Put the node in order again, from the copy of the release that the installation keeps."""
    if options.root:
        raise InstallError("--repair works on this machine as it is; leave --root out, and install there again instead")
    path = _record_of(options, Machine.this())
    if options.dry_run:
        print(look_at_node(path).sentence)
        return 0
    _require_yes(options)
    left = put_node(path, tell=print)
    for sentence in left:
        print(sentence)
    print(look_at_node(path).sentence)
    return 1 if left else 0


def _torch_wanted(options: argparse.Namespace, release: Release, wheelhouse: Path | None) -> str:
    """A release that brings its packages has one build of torch."""
    if wheelhouse is None or wheelhouse != release.wheels:
        return str(options.torch)
    if options.torch == "cuda":
        raise InstallError(
            "this release holds torch for the CPU; for CUDA take the release that downloads, or name a folder that has it "
            "with --offline"
        )
    return "cpu"


# What is checked, asked and said.


def _check_before(plan: Sequence[Piece], places: Places, choices: Choices, build: TorchBuild, release: Release) -> None:
    """Everything that can be known to fail before anything is changed. Raises InstallError."""
    for piece in plan:
        existing = next((one for one in piece.path.parents if os.path.lexists(one)), None)
        if existing is None or not piece.path.is_absolute():
            continue  # a name of Windows, not a path
        if not existing.is_dir():
            raise InstallError(f"{existing} is in the way of {piece.path}: it is not a folder; move it away")
        if not os.access(existing, os.W_OK):
            raise InstallError(
                f"{existing} cannot be written to, for {piece.path}; use an administrator's account for --system, or "
                "install for yourself with --user or another --prefix"
            )
    if choices.environment is None:
        check_python(release)
        check_space(Path(places.prefix), build.disk_mb)
    else:
        check_space(Path(places.prefix), _UPDATE_MB)


def _announce(record: Record, places: Places, version: str, build: TorchBuild | None, sources: Sources) -> None:
    if not record.is_whole:
        print("an earlier installation was interrupted; this one completes it")
    if record.version:
        print(f"update {record.version} to {version} in {places.prefix}")
    else:
        print(f"install {version} into {places.prefix}")
    if build is None:
        return
    name = {"": "torch", "cpu": "torch for the CPU"}.get(build.name, f"torch for CUDA ({build.name})")
    if sources.wheelhouse is not None:
        print(f"{name} from {sources.wheelhouse}, nothing is downloaded; about {build.disk_mb} MB on disk")
    else:
        print(f"{name}: {build.reason}; up to {build.download_mb} MB to download, about {build.disk_mb} MB on disk")


def _say_plan(plan: Sequence[Piece], record: Record) -> int:
    for piece in plan:
        print(f"would {piece.saying()}")
    kept = {str(piece.path) for piece in plan}
    for path, entry in record.entries.items():
        if path not in kept and entry.kind not in ("folder", "aside"):
            print(f"would remove: {entry.kind} {path}")
    return 0


def _say_what_remains(
    machine: Machine,
    places: Places,
    sources: Sources,
    options: argparse.Namespace,
    choices: Choices,
    environment: PurePath,
) -> None:
    print(f"installed {sources.release.version}. The node is {places.bundle}")
    if not choices.with_nuke:
        print("The panel was not added to Nuke: no Nuke was found, or --no-nuke was given. --nuke adds it.")
    elif places.nuke_init is None or options.system:
        print(f"For the panel in Nuke, add {places.nuke_plugin(sources.release.id)} to every user's NUKE_PATH.")

    def typed(name: str) -> str:
        return _as_typed(program(environment, name, machine.system), places if choices.with_commands else None)

    print("Next:")
    if not places.are_plugins_searched:
        by_hand = f"export OFX_PLUGIN_PATH={shlex.quote(str(places.plugins))}"
        again = "start your hosts again" if machine.system == "windows" else f"log out and in again (or: {by_hand})"
        print(f"  {again}, so that hosts find the node")
    print("  in your host: add ProPainter Remove, connect plate and matte")
    print(f"  without a host: ProPainter Remove in the menu of programs, or {typed('propainter-panel')}")
    print(f"  without a desktop: {typed('propainter-remove')} --sample sample --output sample/clean")
    if sources.release.minihost is not None:
        small_host = minihost_in(places.prefix, machine.system)
        typed_host = _as_typed(small_host, places if choices.with_commands else None)
        print(f"Does the node work here? {typed_host} --selftest")
    print(f"If a host does not show the node: {typed('propainter-backend')} doctor")


def _as_typed(command: PurePath, places: Places | None) -> str:
    """What somebody types in this very shell. places: None where commands are linked nowhere.

    A home's folder of commands is on the PATH of most shells, and of many only after the next login.
    """
    if places is None or places.commands is None:
        return f'"{command}"'
    is_found = str(places.commands) in os.environ.get("PATH", "").split(os.pathsep)
    return command.name if is_found else shlex.quote(str(places.commands / command.name))


def _offer_weights(backend: Path, options: argparse.Namespace) -> None:
    """Show what the weights are and ask; without a person at the terminal, say how. Never fetched unasked."""
    command = backend.with_name(backend.name.replace("-backend", "-weights"))
    is_for_others = options.system or options.root  # they would lie in the administrator's home
    if not sys.stdin.isatty() or options.yes or is_for_others:
        whose = " Each user has weights of their own." if is_for_others else ""
        print(
            f"The ProPainter weights (non-commercial) are not installed. Licence and download: {shlex.quote(str(command))} "
            f"fetch{whose}"
        )
        return
    print("\nThe classical engine is ready. The ProPainter engine needs weights, under this licence:\n")
    sys.stdout.flush()  # what the next program says belongs behind it
    subprocess.run([str(command), "fetch"], check=False)  # shows the licence, and asks before it fetches


def open_panel(backend: Path, options: argparse.Namespace) -> None:
    """Show the panel to somebody who sits at a desktop; it goes on when this program has ended."""
    has_desktop = is_windows() or is_macos() or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    if options.yes or options.system or options.root or not options.panel or not has_desktop or not sys.stdin.isatty():
        return
    panel = backend.with_name(backend.name.replace("-backend", "-panel"))
    print("The panel opens: it has a sample shot to try, and shows what works on this machine. (--no-panel: not now)")
    devices: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    with contextlib.suppress(OSError):
        subprocess.Popen([str(panel)], **devices, **ways_to_outlive())


def _require_yes(options: argparse.Namespace) -> None:
    """Raise InstallError unless somebody at the terminal agrees, or has agreed beforehand."""
    agrees = options.yes or (sys.stdin.isatty() and input("Go on? Type yes: ").strip().lower() == "yes")
    if not agrees:
        raise InstallError("nothing was installed or removed; answer yes, or add --yes")


# What was asked for.


def _choices(options: argparse.Namespace, machine: Machine) -> Choices:
    environment = _existing(options.environment, "--environment")
    if environment is not None and not Path(program(environment, "propainter-backend", machine.system)).exists():
        raise InstallError(
            f"--environment {environment} holds no propainter-backend; name a virtual environment that does"
        )
    with_nuke = is_nuke_there(machine) if options.nuke is None else options.nuke
    return Choices(
        environment,
        options.system,
        with_nuke,
        options.service,
        options.commands,
        options.clear_host_caches,
        options.menu,
    )


def _existing(folder: str | None, option: str) -> Path | None:
    if folder is None:
        return None
    path = Path(folder).absolute()
    if not path.is_dir():
        raise InstallError(f"{option} {folder} is not a folder; name one that exists")
    return path


def _release_folder(options: argparse.Namespace) -> Path:
    folder = _existing(options.release, "--release")
    if folder is None:
        raise InstallError("--release is missing: the folder with the wheel, the node's zip and SHA256SUMS")
    return folder


def _record_of(options: argparse.Namespace, machine: Machine) -> Path:
    """The record named by the options; without any, that of the installation this very program belongs to."""
    own = own_record()
    if not options.system and options.prefix is None and not options.root and own.exists():
        return own
    return Path(find_places(machine, system_wide=options.system, prefix=options.prefix).record)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="propainter-install",
        description="Install ProPainter Remove: commands, backend, OpenFX node, panel, service.",
        examples=(
            "propainter-install --release ~/Downloads/propainter-remove", "propainter-install --release . --dry-run",
            "propainter-install --uninstall",
        ),
    )  # fmt: skip
    add = parser.add_argument
    add("--release", metavar="DIR", help="the release folder: wheel, node, constraints, SHA256SUMS")
    add("--pin", metavar="HEX", help="the SHA-256 of SHA256SUMS, as published apart from the files")
    add("--uninstall", action="store_true", help="remove what was installed, and nothing else")
    add("--repair", action="store_true", help="put the node in order again, or back where it was removed")
    add("--dry-run", action="store_true", help="list what would be done; change nothing")
    add("--yes", action="store_true", help="do not ask; this never downloads weights")
    where = parser.add_argument_group("where")
    scope = where.add_mutually_exclusive_group()
    scope.add_argument("--user", dest="system", action="store_false", default=False, help="for this user (the default)")
    scope.add_argument(
        "--system",
        action="store_true",
        help="for every user: the folder every host searches; needs administrator rights",
    )
    where.add_argument("--prefix", metavar="DIR", help="folder for the backend and its Python environment")
    where.add_argument("--root", metavar="DIR", default="", help="treat this folder as the root of the file system")
    what = parser.add_argument_group("what")
    what.add_argument(
        "--torch", choices=["auto", "cpu", "cuda"], default="auto", help="auto: CUDA with an NVIDIA driver"
    )
    what.add_argument("--torch-index", metavar="URL", help="the package index with torch: a studio's mirror, say")
    what.add_argument("--offline", metavar="WHEELHOUSE", help="folder with all wheels; downloads nothing")
    what.add_argument("--environment", metavar="DIR", help="use a Python environment you keep yourself")
    what.add_argument(
        "--nuke", action=argparse.BooleanOptionalAction, help="the panel in Nuke (default: if Nuke is there)"
    )
    what.add_argument(
        "--service", action=argparse.BooleanOptionalAction, default=True, help="start the backend at login"
    )
    what.add_argument(
        "--commands", action=argparse.BooleanOptionalAction, default=True, help="links in a folder on the PATH"
    )
    what.add_argument(
        "--menu", action=argparse.BooleanOptionalAction, default=True, help="an entry in the menu of programs"
    )
    what.add_argument(
        "--panel", action=argparse.BooleanOptionalAction, default=True, help="open the panel at the end, on a desktop"
    )
    what.add_argument(
        "--clear-host-caches",
        choices=["stale", "all", "none"],
        default="stale",
        help="move plug-in caches of Resolve, Nuke and Natron aside: those that know the node (default), all, none",
    )
    what.add_argument("--keep-data", action="store_true", help="with --uninstall: keep cache and settings")
    return parser


if __name__ == "__main__":
    sys.exit(main())
