"""Where ``propainter-remove`` and ``propainter-weights`` begin: Ctrl-C counts from the first moment, while torch loads.

Here: ``remove``, ``weights``. Not here: the commands themselves (``remove.py``, ``weights_cli.py``). Nothing heavy is
imported above.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

INTERRUPTED = 130


def remove() -> int:
    """Entry point of ``propainter-remove``."""

    def run() -> int:
        from propainter_backend.commands.remove import main

        return main()

    return _interruptible("propainter-remove", run)


def weights() -> int:
    """Entry point of ``propainter-weights``."""

    def run() -> int:
        from propainter_backend.commands.weights_cli import main

        return main()

    return _interruptible("propainter-weights", run)


def _interruptible(name: str, run: Callable[[], int]) -> int:
    try:
        return run()
    except KeyboardInterrupt:
        sys.stderr.write(f"{name}: interrupted\n")
        return INTERRUPTED
