"""Where ``propainter-panel`` begins: Ctrl-C counts from the first moment, while Qt loads.

Here: ``main``. Not here: the command (``__main__.py``). Nothing heavy is imported above.
"""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> int:
    """Entry point."""
    try:
        from propainter_ui.__main__ import main as show

        return show()
    except KeyboardInterrupt:
        sys.stderr.write("propainter-panel: interrupted\n")
        return INTERRUPTED
