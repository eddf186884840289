"""Runs a scenario again and again, each time in a child of its own in which one call of the C library fails.

Here: ``Bench`` for tests, and the program it talks to, which loads the libraries once and forks for every run. Not here: the
calls (``shim.c``), what is done (``scenarios.py``), what is promised (``test_*.py``).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import importlib
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
UNDONE = 70
"""Exit code of a scenario that ended by an exception; its last line is what was said."""


@dataclass(frozen=True)
class Fault:
    """Which call fails, and how."""

    at: int = 0
    """Counted from 1; 0: none, the calls are counted."""
    error: int = errno.EIO
    stays: bool = False
    """So do all calls after it; a full disk stays full, but lets files be taken away."""
    least: int = 0
    """Bytes: allocations from this size on are counted, instead of writes."""

    def __str__(self) -> str:
        return f"{errno.errorcode[self.error]} {'from' if self.stays else 'at'} call {self.at}"


@dataclass(frozen=True)
class Run:
    """How a run ended."""

    code: int
    """Exit code; below 0: the signal that killed it."""
    said: str
    seen: int
    """How many calls were counted."""
    failed: str
    """The call that failed, with its file; empty where none did."""


class Bench:
    """The program with the libraries loaded, as a context manager.

    Raises FileNotFoundError where there is no C compiler.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Bench:
        shim = self._scratch / "shim.so"
        compiler = shutil.which("cc")
        command = [compiler] if compiler else [sys.executable, "-m", "ziglang", "cc"]
        flags = ["-std=gnu17", "-O1", "-fPIC", "-shared", str(HERE / "shim.c"), "-o", str(shim), "-ldl"]
        subprocess.run([*command, *flags], check=True)
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), str(shim)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "LD_PRELOAD": str(shim), "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def run(
        self,
        scenario: str,
        given: Mapping[str, Any],
        root: Path,
        fault: Fault | None = None,
        *,
        log: Path | None = None,
    ) -> Run:
        """Carry out a scenario of ``scenarios.py`` with these arguments; calls below ``root`` count.

        log: a file to keep what was written below the root in, call by call; outside of it.
        """
        fault = fault or Fault()
        wish = {
            "scenario": scenario, "given": given, "root": str(root), "at": fault.at, "error": fault.error,
            "stays": fault.stays, "least": fault.least, "log": None if log is None else str(log),
            "said": str(self._scratch / "said"),
        }  # fmt: skip
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        said = (self._scratch / "said").read_text(errors="replace")
        return Run(answer["code"], said, answer["seen"], answer["failed"])


def main() -> None:
    """Read a wish a line from standard input, answer each by a line."""
    os.environ.pop("LD_PRELOAD")  # for this process alone
    shim = ctypes.CDLL(sys.argv[1])
    shim.fault_seen.restype = ctypes.c_long
    shim.fault_failed.restype = ctypes.c_char_p
    shim.fault_plan.argtypes = [
        ctypes.c_char_p, ctypes.c_long, ctypes.c_int, ctypes.c_int, ctypes.c_size_t, ctypes.c_int,
    ]  # fmt: skip
    scenarios = importlib.import_module("scenarios")
    for line in sys.stdin:
        wish = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _carry_out(wish, shim, getattr(scenarios, wish["scenario"]), writing)
        os.close(writing)
        with os.fdopen(reading) as told:
            counted = told.read()
        _, status = os.waitpid(child, 0)
        seen, _, failed = counted.partition(" ")
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps({"code": code, "seen": int(seen or 0), "failed": failed}), flush=True)


def _carry_out(wish: Mapping[str, Any], shim: ctypes.CDLL, scenario: Any, writing: int) -> None:
    code = UNDONE
    said = os.open(wish["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(said, 1)
    os.dup2(said, 2)
    log = -1 if wish["log"] is None else os.open(wish["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    shim.fault_plan(wish["root"].encode(), wish["at"], wish["error"], wish["stays"], wish["least"], log)
    try:
        code = scenario(**wish["given"])
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        shim.fault_off()
        traceback.print_exc()
    finally:
        shim.fault_off()
        with contextlib.suppress(OSError):
            sys.stderr.flush()
            sys.stdout.flush()
        os.write(writing, f"{shim.fault_seen()} {shim.fault_failed().decode()}".encode())
        os._exit(code)


def points(count: int, *, few: int | None) -> Iterator[int]:
    """The calls to let fail, of so many: all of them, or ``few`` spread over them, first and last included."""
    if few is None or count <= few:
        yield from range(1, count + 1)
        return
    yield from sorted({1 + round(step * (count - 1) / (few - 1)) for step in range(few)})


if __name__ == "__main__":
    main()
