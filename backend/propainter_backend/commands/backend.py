"""``propainter-backend``: the daemon, and looking after it.

Here: the command line. Without a command it serves. Not here: serving (``daemon/daemon.py``), what ``doctor`` looks at
(``doctor.py``). Nothing heavy is imported: the daemon must accept connections within a second.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from propainter_backend.daemon.cache_folder import usual_folder
from propainter_backend.errors import BadInput, RemoveError
from propainter_knobs.command_line import CommandParser, number_of_cores
from propainter_pictures.console import speak_any_encoding
from propainter_wire.client import Client
from propainter_wire.connection import DaemonPlace, connection_path
from propainter_wire.descriptors import raise_limit
from propainter_wire.errors import AlreadyRunning, BackendUnreachable, PropainterError
from propainter_wire.link import ClientKeys
from propainter_wire.messages import JobLine
from propainter_wire.reception.sessions import CARETAKER
from propainter_wire.shm import unlink_orphans
from propainter_wire.start import EXIT_ALREADY_RUNNING

_GB = 1 << 30


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. Exit codes: 0 done, 2 something the user can put right, 75 another daemon is running.

    ``weights`` as the first argument: ``propainter-weights``, for who knows this command alone, as the panel does.
    """
    speak_any_encoding()
    argv = sys.argv[1:] if argv is None else argv
    if list(argv[:1]) == ["weights"]:
        from propainter_backend.commands import weights_cli

        return weights_cli.main(argv[1:])
    options = _parser().parse_args(argv)
    try:
        return int(options.act(options))
    except AlreadyRunning as error:
        print(f"propainter-backend: {error}", file=sys.stderr)
        return EXIT_ALREADY_RUNNING
    except (RemoveError, PropainterError, ValueError, OSError) as error:
        print(f"propainter-backend: {_plain(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _serve(options: argparse.Namespace) -> int:
    raise_limit()
    unlink_orphans()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr)
    return _serve_relay(options) if options.relay else _serve_daemon(options)


def _serve_daemon(options: argparse.Namespace) -> int:
    from propainter_backend.daemon.cache_folder import FALLBACK_BUDGET, cache_folder
    from propainter_backend.daemon.cache_privacy import check_cache_folder
    from propainter_backend.daemon.daemon import Daemon, DaemonOptions
    from propainter_backend.daemon.devices import choose_devices
    from propainter_backend.daemon.keys import daemon_keys, signing_key

    devices, said = choose_devices(options.gpu or (), options.device)
    logging.getLogger(__name__).info("%s", said)
    cache_dir, remark = cache_folder(options.cache_dir)
    budget = int(options.cache_size * _GB)
    if remark is not None:
        logging.getLogger(__name__).warning("%s", remark)
        budget = min(budget, FALLBACK_BUDGET)
    check_cache_folder(cache_dir)
    curve = daemon_keys(options.curve_keys) if options.curve_keys else None
    daemon_options = DaemonOptions(
        devices,
        cache_dir,
        cache_budget=budget,
        memory_budget=int(options.memory * _GB),
        cores=options.cores,
        weights=options.weights,
        endpoint=options.endpoint,
        idle_timeout_s=options.idle_timeout,
        parent_pid=options.parent_pid,
        flow_hole_snap=options.flow_hole_snap,
        worker_silence_s=options.worker_silence,
        curve=curve,
        key=signing_key(curve.public) if curve else None,
    )
    with DaemonPlace() as place:
        Daemon(daemon_options, place).serve()
    return 0


def _serve_relay(options: argparse.Namespace) -> int:
    from propainter_backend.daemon.keys import remote_backend
    from propainter_backend.daemon.relay import Relay

    if options.curve_keys is None:
        raise BadInput(
            "a relay needs --curve-keys DIR, with its own keys and the other backend's public key as server.key"
        )
    remote = remote_backend(_resolved(options.relay), options.curve_keys)
    with DaemonPlace() as place:
        Relay(
            remote,
            place,
            endpoint=options.endpoint,
            idle_timeout_s=options.idle_timeout,
            parent_pid=options.parent_pid,
        ).serve()
    return 0


def _resolved(endpoint: str) -> str:
    """tcp://<name or number>:<port> with the name looked up, once: the wire knows numbers only."""
    match = re.fullmatch(r"(?:tcp://)?(.+):([0-9]{1,5})", endpoint)
    if match is None or int(match[2]) > 65535:
        raise BadInput(f"--relay {endpoint} is not HOST:PORT or tcp://HOST:PORT, with a port up to 65535")
    try:
        family, _, _, _, address = socket.getaddrinfo(match[1].strip("[]"), int(match[2]), type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise BadInput(f"--relay {endpoint}: the host is not found ({error})") from error
    number = str(address[0])
    return f"tcp://[{number}]:{match[2]}" if family == socket.AF_INET6 else f"tcp://{number}:{match[2]}"


def _keys(options: argparse.Namespace) -> int:
    from propainter_backend.daemon.keys import make_keys

    public = make_keys(options.folder)
    print(f"public key: {public.decode()}")
    print(f"On the rendering machine: copy {options.folder}/public.key to each client's folder, as server.key")
    print(f"On a workstation: copy {options.folder}/public.key to the rendering machine's folder, as clients/NAME.key")
    return 0


def _client(options: argparse.Namespace, name: str) -> Client:
    """The daemon of this runtime directory. One with CURVE knows itself by its own keys."""
    return Client.connect(name=f"{CARETAKER}{name}", keys=_own_keys(options))


def _own_keys(options: argparse.Namespace) -> ClientKeys | None:
    from propainter_backend.daemon.keys import client_keys

    return client_keys(options.curve_keys) if options.curve_keys else None


def _status(options: argparse.Namespace) -> int:
    try:
        with _client(options, "status") as client:
            status = client.status()
    except BackendUnreachable as error:
        if options.json:
            print(json.dumps({"running": False, "reason": str(error)}, indent=2))
            return 2
        raise
    if options.json:
        print(json.dumps({"running": True, **asdict(status)}, indent=2))
        return 0
    memory = status.memory
    print(f"backend {status.server}, process {status.pid}, up {status.uptime_s:.0f} s, {connection_path()}")
    print(f"engine {status.engine}, weights {status.weights}, device {status.device}")
    print(f"sessions {status.sessions}, jobs {len(status.jobs)}")
    for job in status.jobs:
        print(f"  {_plain(job.name) or job.job[:8]}: {job.priority}, {job.stage}{_share_text(job)}")
    sizes = [(name, value) for name, value in sorted(memory.items()) if isinstance(value, int)]
    print(", ".join(f"{name.removesuffix('_bytes')} {value / 2**20:.0f} MB" for name, value in sizes))
    for note in status.notes:
        print(_plain(note))
    return 0


def _share_text(job: JobLine) -> str:
    """How much of a job is done, once that is known."""
    return f", {job.done / job.total:.0%} done" if job.total else ""


def _plain(text: str) -> str:
    """Without what a terminal would obey: a name may be anything."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _stop(options: argparse.Namespace) -> int:
    with _client(options, "stop") as client:
        jobs = client.stop("idle" if options.idle else "now")
    print("stopping" + (f"; {jobs} jobs are {'waited for' if options.idle else 'ended'}" if jobs else ""))
    return 0


def _cache(options: argparse.Namespace) -> int:
    with _client(options, "cache") as client:
        told = client.list_cache() if options.action == "list" else client.clear_cache()
    for entry in told.entries:
        print(f"{entry.what}: {entry.count} entries, {entry.bytes / 2**20:.1f} MB")
    if options.action == "clear":
        print(f"freed {told.freed_bytes / 2**20:.1f} MB")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from propainter_backend.commands.doctor import examine
    from propainter_backend.daemon.cache_folder import cache_folder

    findings = examine(cache_folder(options.cache_dir)[0], options.weights, _own_keys(options))
    if options.json:
        print(json.dumps([{"mark": one.mark, **asdict(one)} for one in findings], indent=2))
    for finding in [] if options.json else findings:
        print(f"{finding.mark:4} {finding.what}" + (f"\n       {finding.advice}" if finding.advice else ""))
    return 0 if all(finding.is_well for finding in findings if finding.is_needed) else 2


def _usual_cache() -> str:
    return str(usual_folder() or "HOME is not set: a private folder in /tmp")


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="propainter-backend",
        description="The backend renders for the node, the panel and propainter-remove --backend. They start it themselves. "
        "Without a command it starts here and stays.",
        examples=(
            "propainter-backend status", "propainter-backend status --json", "propainter-backend doctor",
            "propainter-backend --gpu 0 --cache-dir /fast/cache --cache-size 200", "propainter-backend stop --idle",
        ),
    )  # fmt: skip
    parser.set_defaults(act=_serve)
    parser.add_argument("--gpu", type=int, action="append", metavar="N", help="work on this GPU; repeat for several")
    parser.add_argument("--device", metavar="DEVICE", help="cpu, cuda, cuda:N, or auto: the first GPU, else the CPU")
    parser.add_argument(
        "--endpoint", help="ipc:///path or tcp://127.0.0.1:port (default: a socket in the runtime directory)"
    )
    parser.add_argument(
        "--cache-dir", type=Path, metavar="DIR",
        help=f"cache folder ({_usual_cache().replace('%', '%%')})",
    )  # fmt: skip
    parser.add_argument(
        "--cache-size",
        type=float,
        default=50,
        metavar="GB",
        help="disk space for the cache, half of it for plates and mattes, half for what is computed (%(default)s)",
    )
    parser.add_argument(
        "--cores", type=number_of_cores, metavar="N",
        help="processor cores to work on, shared among GPUs (default: all that this process may use)",
    )  # fmt: skip
    parser.add_argument("--memory", type=float, default=2, metavar="GB", help="memory for the cache (%(default)s)")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="folder with the three published checkpoints")
    parser.add_argument("--idle-timeout", type=float, metavar="S", help="stop after this many seconds without clients")
    parser.add_argument("--parent-pid", type=int, metavar="PID", help="stop when this process ends")
    parser.add_argument(
        "--flow-hole-snap", type=int, default=16, metavar="PX",
        help="Flow hole grid of shots that do not set it (%(default)s; 0: exact)",
    )  # fmt: skip
    parser.add_argument(
        "--worker-silence", type=float, default=60.0, metavar="S",
        help="restart a worker process that does not answer for this long (%(default)s)",
    )  # fmt: skip
    remote = parser.add_argument_group("rendering on another machine")
    remote.add_argument(
        "--relay", metavar="HOST:PORT", help="render nothing here: forward everything to the backend there"
    )
    remote.add_argument(
        "--curve-keys", type=Path, metavar="DIR", help="keys made by 'keys new'; needed beyond this machine"
    )
    commands = parser.add_subparsers(title="commands", metavar="")
    status = commands.add_parser("status", help="clients, jobs, memory, cache, versions")
    status.add_argument(
        "--json", action="store_true", help="for scripts; running is false, exit code 2, if there is none"
    )
    status.set_defaults(act=_status)
    stop = commands.add_parser("stop", help="stop the backend")
    stop.add_argument("--idle", action="store_true", help="once no job is left")
    stop.set_defaults(act=_stop)
    doctor = commands.add_parser("doctor", help="check this machine, and say how to fix what does not work")
    doctor.set_defaults(act=_doctor)
    doctor.add_argument("--json", action="store_true", help="for programs: a list of what was looked at")
    keys = commands.add_parser("keys", help="make keys for a backend on another machine")
    keys.add_argument("action", choices=["new"])
    keys.add_argument("folder", type=Path, metavar="DIR")
    keys.set_defaults(act=_keys)
    commands.add_parser("weights", help="what propainter-weights does: fetch, list, verify, path, licence")
    cached = commands.add_parser("cache", help="list or clear the cache")
    cached.add_argument("action", choices=["list", "clear"])
    cached.set_defaults(act=_cache)
    return parser
