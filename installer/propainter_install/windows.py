"""What only Windows has: variables in the registry, scheduled tasks. Never run on Windows by us yet.

Here: the calls. Not here: when (``pieces.py``, ``record.py``).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from propainter_install.errors import InstallError
from propainter_os.systems import is_windows


def create_task(name: str, definition: Path) -> None:
    """Register a task of the scheduler. Raises InstallError."""
    asked = ["schtasks", "/Create", "/F", "/TN", name, "/XML", str(definition)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"the task {name} cannot be registered ({done.stderr.strip()}); use --no-service")


def delete_task(name: str) -> None:
    """Take a task off the Windows scheduler."""
    subprocess.run(["schtasks", "/Delete", "/F", "/TN", name], capture_output=True, check=False)


def create_shortcut(path: Path, target: str, arguments: str, icon: str) -> None:
    """Put a shortcut into the Start menu. Raises InstallError. Values go by variables: no quoting can go wrong."""
    asked = (
        "$s = (New-Object -ComObject WScript.Shell).CreateShortcut($env:PPR_LINK); $s.TargetPath = $env:PPR_TARGET; "
        "$s.Arguments = $env:PPR_ARGUMENTS; $s.IconLocation = $env:PPR_ICON; $s.Save()"
    )
    values = {"PPR_LINK": str(path), "PPR_TARGET": target, "PPR_ARGUMENTS": arguments, "PPR_ICON": icon}
    command = ["powershell", "-NoProfile", "-NonInteractive", "-Command", asked]
    done = subprocess.run(command, env={**os.environ, **values}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"the shortcut {path} cannot be made ({done.stderr.strip()}); use --no-menu")


def change_user_variable(name: str, *, remove: str, add: str = "") -> None:
    """Take a folder out of a user's variable on Windows, and put another in front."""
    if not is_windows():
        raise InstallError(f"{name} can be set for a user on Windows only; this is another system")
    winreg = importlib.import_module("winreg")
    with winreg.OpenKey(winreg.HKEY_CURRENT_USER, "Environment", 0, winreg.KEY_READ | winreg.KEY_WRITE) as key:
        value = ""
        with contextlib.suppress(FileNotFoundError):
            value = str(winreg.QueryValueEx(key, name)[0])
        parts = with_folder(value.split(";"), remove=remove, add=add)
        if parts:
            winreg.SetValueEx(key, name, 0, winreg.REG_EXPAND_SZ, ";".join(parts))
        elif value:
            winreg.DeleteValue(key, name)


def with_folder(parts: Sequence[str], *, remove: str, add: str = "") -> list[str]:
    """A search path without one folder and with another in front; empty parts go."""
    return [part for part in (add, *(one for one in parts if one != remove)) if part]
