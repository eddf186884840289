"""Fifty renders, errors and buttons among them, under valgrind: nothing of the node's is left behind or read amiss."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from fake_daemon import FakeDaemon

HERE = Path(__file__).parent
NODE = "ProPainterRemove.ofx"
SYSTEM = ("vgpreload", "libc.so", "libc-", "ld-linux")
"""Whose functions do what their callers tell them."""


def names_of(fault: ElementTree.Element) -> list[str]:
    """The binaries a fault's memory or access went through, the innermost first."""
    stack = fault.find("stack")
    assert stack is not None
    return [frame.findtext("obj") or "" for frame in stack.iter("frame")]


def is_the_nodes(fault: ElementTree.Element) -> bool:
    """Memory is the node's when it was asked for under one of its functions, an access when one of its own made it."""
    names = names_of(fault)
    if (fault.findtext("kind") or "").startswith("Leak"):
        return any(NODE in name for name in names)
    own = [name for name in names if not any(part in name for part in SYSTEM)]
    return bool(own) and NODE in own[0]


def describe(fault: ElementTree.Element) -> str:
    frames = " < ".join(
        frame.findtext("fn") or "?" for frame in fault.iter("frame") if NODE in (frame.findtext("obj") or "")
    )
    return f"{fault.findtext('kind')}: {frames}"


@pytest.mark.slow
def test_fifty_renders_leave_nothing_behind(node_bundle: Path, daemon: FakeDaemon, tmp_path: Path) -> None:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        pytest.skip("valgrind is not installed here; apt-get install valgrind")
    found = tmp_path / "found.xml"
    watched = [valgrind, "--quiet", "--leak-check=full", "--show-leak-kinds=definite,indirect,possible", "--xml=yes"]
    command = [*watched, f"--xml-file={found}", sys.executable, str(HERE / "many_renders.py"), str(node_bundle), "60"]
    environment = {**os.environ, "PYTHONMALLOC": "malloc"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert daemon.seen["render"] >= 50  # the others were refused before they got there
    faults = list(ElementTree.parse(found).getroot().iter("error"))
    assert faults, "valgrind has seen nothing, not even the interpreter's own leaks"
    assert [describe(fault) for fault in faults if is_the_nodes(fault)] == []
