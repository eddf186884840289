"""The daemon of an installation: stopping it, what it wrote while it was used, its service's manager.

Here: talking to the installed command. Not here: the daemon (``propainter_backend``), where its service lies (``plan.py``).
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from propainter_install.errors import InstallError
from propainter_install.places import Machine, find_data
from propainter_os.processes import is_running
from propainter_os.systems import is_linux

_STOP_S = 60.0


def stop_daemon(backend: str, *, tell: Callable[[str], None]) -> None:
    """Stop the daemon of an earlier installation, and wait until it is gone. Raises InstallError if it stays."""
    if not backend or not Path(backend).exists():
        return
    asked = subprocess.run([backend, "status", "--json"], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        return
    pid = int(json.loads(asked.stdout)["pid"])
    tell(f"stop the running backend, process {pid}")
    subprocess.run([backend, "stop"], capture_output=True, check=False)
    deadline = time.monotonic() + _STOP_S
    while _is_alive(pid):
        if time.monotonic() > deadline:
            raise InstallError(f"the backend, process {pid}, does not stop; end it and start again")
        time.sleep(0.1)


def remove_data(machine: Machine) -> list[str]:
    """What daemon and panel wrote while they were used. Returns a sentence about weights, which stay the user's."""
    data = find_data(machine)
    for folder in (data.cache / "artifacts", data.cache / "content"):
        shutil.rmtree(folder, ignore_errors=True)
    for name in ("daemon.json", "daemon.sock", "daemon.lock", "daemon.log"):
        Path(data.runtime / name).unlink(missing_ok=True)
    Path(data.panel).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        Path(data.runtime).rmdir()
    return [f"{data.weights} holds weights you fetched; they stay"] if Path(data.weights).is_dir() else []


def reload_services() -> None:
    """Let this user's systemd see units that came or went. Where none runs (a container), there is nobody to tell."""
    if is_linux() and shutil.which("systemctl"):
        subprocess.run(["systemctl", "--user", "daemon-reload"], capture_output=True, check=False)


def _is_alive(pid: int) -> bool:
    if not is_running(pid):
        return False
    try:  # one that has ended, and whose parent has not asked yet
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not Path("/proc/self/stat").exists()
