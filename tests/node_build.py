"""The node's everyday build, for all tests that load it or ship it.

Here: configuring and building it, one process at a time. Not here: a release (``host_plugin/ofx/build_bundle.py``).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).parents[1]
EVERYDAY = ROOT / "build" / "ofx-native"


def build_node(directory: Path = EVERYDAY, *options: str) -> Path:
    """Configure and build; what is up to date is left alone. Tests that run side by side wait for each other here."""
    directory.parent.mkdir(exist_ok=True)
    source = str(ROOT / "host_plugin" / "ofx")
    with FileLock(directory.with_name(f"{directory.name}.lock")):
        for command in (["-S", source, "-B", str(directory), *options], ["--build", str(directory), "--parallel"]):
            done = subprocess.run(["cmake", *command], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
    return directory
