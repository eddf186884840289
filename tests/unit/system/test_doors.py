"""What one system has and another lacks is asked for in ``propainter_os`` alone: every module's source is looked at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROOMS = (
    "propainter", "propainter_matte", "backend/propainter_knobs", "backend/propainter_wire", "backend/propainter_pictures",
    "backend/propainter_plan", "backend/propainter_backend", "ui/propainter_ui", "installer/propainter_install",
)  # fmt: skip
MODULES = frozenset(
    {
        "fcntl",
        "resource",
        "msvcrt",
        "winreg",
        "pwd",
        "grp",
        "termios",
        "tty",
        "pty",
        "posix",
        "_winapi",
        "resource_tracker",
    }
)
NAMES = frozenset(
    {
        "os.kill", "os.killpg", "os.fork", "os.getuid", "os.geteuid", "os.getgid", "os.setsid", "os.nice", "os.fchmod",
        "os.chown", "os.fchown", "os.O_NOFOLLOW", "os.O_BINARY", "os.O_NONBLOCK", "os.O_DIRECTORY", "os.O_CLOEXEC",
        "os.name", "os.posix_fallocate", "os.pread", "os.preadv", "os.pwrite", "os.uname", "os.getpgid",
        "os.sched_getaffinity",
        "sys.platform", "platform.system", "signal.SIGKILL", "signal.SIGHUP", "signal.SIGUSR1", "signal.pthread_sigmask",
        "signal.alarm", "signal.setitimer", "socket.AF_UNIX", "socket.SO_PEERCRED", "select.poll", "ctypes.windll",
        "ctypes.WinDLL", "subprocess.CREATE_NO_WINDOW", "os.sysconf", "os.getloadavg", "os.statvfs", "os.waitpid",
        "os.mkfifo", "os.register_at_fork", "time.tzset", "signal.SIGCHLD",
    }
)  # fmt: skip
ATTRIBUTES = frozenset({"st_uid", "st_gid"})
ARGUMENTS = frozenset({"start_new_session", "preexec_fn", "creationflags", "pass_fds"})
DOORS = {
    "backend/propainter_wire/shm.py": "is the door to shared memory, which is refused where the system has none",
    "backend/propainter_wire/reception/door.py": "polls local sockets alone, which it is given by propainter_os.sockets",
    "backend/propainter_wire/connection.py": "names a foreign owner in a sentence, after propainter_os.users said so",
    "installer/propainter_install/places.py": "makes Machine.this, of which all other places are arithmetic",
}


def offences(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            modules = {node.module or "", *(name.name for name in node.names)}
            yield from sorted(modules & MODULES)
            yield from (f"{node.module}.{one.name}" for one in node.names if f"{node.module}.{one.name}" in NAMES)
        elif isinstance(node, ast.Attribute):
            name = f"{node.value.id}.{node.attr}" if isinstance(node.value, ast.Name) else node.attr
            if name in NAMES or node.attr in ATTRIBUTES:
                yield name
        elif isinstance(node, ast.Call):
            yield from (word.arg for word in node.keywords if word.arg in ARGUMENTS)
            yield from (
                f"{a.id}.{b.value}"
                for a, b in [node.args[:2]] * (len(node.args) >= 2)
                if isinstance(a, ast.Name) and isinstance(b, ast.Constant) and f"{a.id}.{b.value}" in NAMES
            )


@pytest.mark.parametrize("room", ROOMS)
def test_no_module_but_the_doors_asks_for_what_one_system_lacks(room: str) -> None:
    found = {}
    for path in sorted((ROOT / room).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name not in DOORS:
            found |= {name: names} if (names := sorted(set(offences(path.read_text(encoding="utf-8"))))) else {}
    assert not found, "put it behind a function of propainter_os, with a branch for Windows"


def test_every_exception_is_still_one() -> None:
    for name in DOORS:
        assert list(offences((ROOT / name).read_text(encoding="utf-8"))), f"{name} needs no exception any more"


@pytest.mark.parametrize(
    "source",
    [
        "import fcntl", "from fcntl import flock", "def f():\n    import resource", "import os\nos.kill(1, 0)",
        "import os\nif os.name == 'nt': pass", "from os import getuid", "import os\ngetattr(os, 'O_NOFOLLOW', 0)",
        "found.st_uid", "run(x, start_new_session=True)", "from multiprocessing import resource_tracker",
        "import os\nhasattr(os, 'nice')",
    ],
)  # fmt: skip
def test_the_look_sees_each_way_to_ask(source: str) -> None:
    assert list(offences(source))


def test_text_is_written_and_read_in_utf8_whatever_the_system_prefers() -> None:
    """Windows takes the code page of the country where nothing is said."""
    found = []
    for room in (*ROOMS, "backend/propainter_os"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _is_text_without_encoding(node):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found


def _is_text_without_encoding(call: ast.Call) -> bool:
    named = {word.arg for word in call.keywords}
    if not isinstance(call.func, ast.Attribute) or "encoding" in named or ast.unparse(call.func) == "av.open":
        return False
    if call.func.attr == "read_text":
        return not call.args
    if call.func.attr == "write_text":
        return len(call.args) < 2
    modes = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return call.func.attr in ("open", "fdopen") and any(mode in ("r", "w", "a", "x", "rt", "wt") for mode in modes)
