"""Ctrl-C at any moment: a sentence and code 130, no traceback, also while the libraries still load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

WAITS = """
import sys, importlib, importlib.abc

class Waits(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name in ("torch", "zmq", "PySide6"):
            print("loading", flush=True)
            sys.stdin.read()

sys.meta_path.insert(0, Waits())
entry = importlib.import_module(sys.argv[1])
sys.exit(getattr(entry, sys.argv[2])())
"""


@pytest.mark.parametrize(
    ("module", "function", "command"),
    [
        ("propainter_backend.commands.entry", "remove", "propainter-remove"),
        ("propainter_backend.commands.entry", "matte", "propainter-matte"),
        ("propainter_backend.commands.entry", "weights", "propainter-weights"),
        ("propainter_backend.commands.entry", "evaluate", "propainter-evaluate"),
        ("propainter_backend.commands.entry", "backend", "propainter-backend"),
        ("propainter_ui.entry", "main", "propainter-panel"),
    ],
)
def test_ctrl_c_while_libraries_load_ends_with_130_and_no_traceback(module, function, command):
    with subprocess.Popen(
        [sys.executable, "-c", WAITS, module, function],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=240)[1]
    assert process.returncode == 130
    assert said == f"{command}: interrupted\n"
