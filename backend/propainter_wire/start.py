"""Starting a backend from a client: detached, with a clean environment, and waiting until it can be reached.

Here: finding the command, the environment it gets, the wait. Not here: connecting (``client.py``), what the command
does (``propainter_backend/daemon/daemon.py``). A compositor's own environment must not reach the daemon: its PYTHONHOME,
its library paths and its CUDA would break ours.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from propainter_os import files, processes
from propainter_wire.connection import (
    CONNECTION_NAME,
    LOG_NAME,
    Connection,
    make_private_directory,
    read_connection,
    runtime_directory,
)
from propainter_wire.errors import BackendUnreachable, UnsafeConnection

COMMAND = "propainter-backend"
_KEPT = frozenset(
    [
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TMPDIR",
        "TEMP",
        "TMP",
        "PATH",
        "CUDA_VISIBLE_DEVICES",
        "CUDA_DEVICE_ORDER",
        "ROCR_VISIBLE_DEVICES",
        "HIP_VISIBLE_DEVICES",
        "OMP_NUM_THREADS",
        "OMP_WAIT_POLICY",
        "SYSTEMROOT",
        "SYSTEMDRIVE",
        "USERPROFILE",
        "LOCALAPPDATA",
        "APPDATA",
        "PROGRAMDATA",
        "COMSPEC",
        "PATHEXT",
        "NUMBER_OF_PROCESSORS",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
    ]
)
_KEPT_PREFIXES = ("PROPAINTER_", "XDG_", "NVIDIA_")
EXIT_ALREADY_RUNNING = 75
"""What the backend's command returns when another holds the lock (EX_TEMPFAIL)."""
_POLL_S = 0.05
_LOG_TAIL_BYTES = 2000
_LOG_LIMIT_BYTES = 4 * 2**20


def start_daemon(
    *,
    command: Sequence[str] | None = None,
    directory: Path | None = None,
    timeout_s: float = 60.0,
    environ: Mapping[str, str] | None = None,
) -> Connection:
    """Start a backend and wait for its connection file; it goes on living when this process ends.

    command: default ``$PROPAINTER_BACKEND``, else ``propainter-backend`` beside this Python or on the PATH.
    directory: the runtime directory, told to the backend as ``$PROPAINTER_RUNTIME_DIR``. Two clients that start one
    at once get the same: the second backend finds the lock taken and leaves.
    Raises BackendUnreachable, with the end of its log, if there is no such command, it ends, or timeout_s pass.
    """
    environ = os.environ if environ is None else environ
    directory = runtime_directory(environ) if directory is None else directory
    make_private_directory(directory)
    earlier = _read_if_there(directory)
    told_before = _log_size(directory)
    process = _spawn(list(command or find_command(environ)), directory, environ)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        code = process.poll()  # before the file: a backend that ends has removed it
        connection = _read_if_there(directory)
        if connection is not None and (connection != earlier or code == EXIT_ALREADY_RUNNING):
            return connection
        if code not in (None, EXIT_ALREADY_RUNNING):
            raise BackendUnreachable(
                f"the backend ended at once (exit code {code}): {_log_tail(directory, told_before)}"
            )
        time.sleep(_POLL_S)
    raise BackendUnreachable(f"the backend did not come up within {timeout_s:g} s: {_log_tail(directory, told_before)}")


def find_command(environ: Mapping[str, str] | None = None) -> list[str]:
    """The backend's command line, by the rules of the node (``host_plugin/ofx/src/os/launcher.h``).

    Raises BackendUnreachable if it is not installed where we look, or a quote in the variable is left open.
    """
    environ = os.environ if environ is None else environ
    named = environ.get("PROPAINTER_BACKEND", "")
    if named and Path(named).is_file():  # a path with spaces, as the node takes it
        return [named]
    if named:
        return _words(named)
    for path in (str(Path(sys.executable).parent), environ.get("PATH", os.defpath)):
        found = shutil.which(COMMAND, path=path)
        if found:
            return [found]
    raise BackendUnreachable(
        f"{COMMAND} is neither beside {sys.executable} nor on the PATH; install it, or name it in PROPAINTER_BACKEND"
    )


def _words(line: str) -> list[str]:
    try:
        return processes.words(line)
    except ValueError as error:
        raise BackendUnreachable(f"PROPAINTER_BACKEND leaves a quote open: {line}; close it") from error


def clean_environment(environ: Mapping[str, str], directory: Path) -> dict[str, str]:
    """What of a host's environment the backend gets: an allow-list."""
    kept = {name: value for name, value in environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    return {**kept, "PROPAINTER_RUNTIME_DIR": str(directory)}


def _spawn(command: list[str], directory: Path, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    log = files.open_to_append(directory / LOG_NAME)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=directory,
            env=clean_environment(environ, directory),
            close_fds=True,
            **processes.ways_to_outlive(),
        )
    except OSError as error:
        raise BackendUnreachable(f"cannot start {command[0]}: {error.strerror}") from error
    finally:
        os.close(log)


def _read_if_there(directory: Path) -> Connection | None:
    try:
        return read_connection(directory / CONNECTION_NAME)
    except UnsafeConnection:
        raise
    except BackendUnreachable:
        return None


def _log_size(directory: Path) -> int:
    """Bytes of the log so far; a log grown long is begun anew."""
    path = directory / LOG_NAME
    try:
        size = path.stat().st_size
        if size > _LOG_LIMIT_BYTES:
            path.unlink()
            return 0
    except OSError:
        return 0
    return size


def _log_tail(directory: Path, start: int) -> str:
    """The last the backend said since then, for an error message."""
    with contextlib.suppress(OSError):
        content = (directory / LOG_NAME).read_bytes()[start:]
        return content[-_LOG_TAIL_BYTES:].decode("utf-8", "replace").strip() or "its log is empty"
    return "it left no log"
