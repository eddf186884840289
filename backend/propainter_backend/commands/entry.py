"""Where the commands begin: Ctrl-C counts from the first moment, while torch loads, and SIGTERM lets nothing lie about.

Here: ``remove``, ``matte``, ``weights``, ``evaluate``, ``backend``. Not here: the commands themselves (``remove.py``,
``matte.py``, ``weights_cli.py``, ``evaluate.py``, ``backend.py``). Nothing heavy is imported above.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable

INTERRUPTED = 130
ENDED = 128 + signal.SIGTERM


def remove() -> int:
    """Entry point of ``propainter-remove``."""

    def run() -> int:
        from propainter_backend.commands.remove import main

        return main()

    code = _interruptible("propainter-remove", run)
    if code == INTERRUPTED:
        _end_at_once(code)
    return code


def matte() -> int:
    """Entry point of ``propainter-matte``."""

    def run() -> int:
        from propainter_backend.commands.matte import main

        return main()

    return _interruptible("propainter-matte", run)


def weights() -> int:
    """Entry point of ``propainter-weights``."""

    def run() -> int:
        from propainter_backend.commands.weights_cli import main

        return main()

    return _interruptible("propainter-weights", run)


def evaluate() -> int:
    """Entry point of ``propainter-evaluate``."""

    def run() -> int:
        from propainter_backend.commands.evaluate import main

        return main()

    return _interruptible("propainter-evaluate", run)


def backend() -> int:
    """Entry point of ``propainter-backend``."""

    def run() -> int:
        from propainter_backend.commands.backend import main

        return main()

    return _interruptible("propainter-backend", run)


def _interruptible(name: str, run: Callable[[], int]) -> int:
    signal.signal(signal.SIGTERM, _leave)
    try:
        return run()
    except MemoryError:  # while libraries load
        sys.stderr.write(f"{name}: there is not enough memory to begin; close other programs\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"{name}: interrupted\n")
        return INTERRUPTED


def _end_at_once(code: int) -> None:
    """End without taking the libraries down, which takes torch seconds: all that was open has been closed by now."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _leave(*_: object) -> None:
    """What a command has open is closed, what is half written is removed. The daemon has a way of its own.

    Once is enough: told again, it would leave amid that.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(ENDED)
