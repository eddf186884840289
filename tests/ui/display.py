"""A display of one's own: Xvfb, started and ended here, and xdotool's hands on it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

SIZE = (1700, 960)

PACKAGES = "xvfb xdotool libxcb-cursor0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1"
"""What Debian calls all that a real window needs."""


@contextmanager
def virtual_display(size: tuple[int, int] = SIZE) -> Iterator[str]:
    """The name of a new display. Raises FileNotFoundError where Xvfb is not installed."""
    binary = shutil.which("Xvfb")
    if binary is None:
        raise FileNotFoundError(f"Xvfb is not installed; on Debian: apt-get install {PACKAGES}")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [binary, "-displayfd", str(writing), "-screen", "0", f"{size[0]}x{size[1]}x24", "-nolisten", "tcp"],
        pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            yield f":{told.readline().strip()}"
    finally:
        server.terminate()
        server.wait(timeout=10)


class Hands:
    """Mouse and keyboard of a display."""

    def __init__(self, display: str) -> None:
        self.environ = {**os.environ, "DISPLAY": display}

    def do(self, *words: object) -> None:
        """One xdotool command."""
        subprocess.run(["xdotool", *map(str, words)], env=self.environ, check=True, timeout=20)

    def click(self, place: tuple[int, int], times: int = 1, button: int = 1) -> None:
        self.do("mousemove", *place)
        self.do("click", "--repeat", times, "--delay", 60, button)

    def drag(self, start: tuple[int, int], end: tuple[int, int], steps: int = 12) -> None:
        """Press, move in steps as a hand does, release."""
        self.do("mousemove", *start)
        self.do("mousedown", 1)
        for step in range(1, steps + 1):
            x, y = (round(a + (b - a) * step / steps) for a, b in zip(start, end, strict=True))
            self.do("mousemove", x, y, "sleep", 0.03)
        self.do("sleep", 0.2, "mouseup", 1)

    def key(self, *names: str) -> None:
        self.do("key", "--delay", 60, *names)

    def type(self, text: str) -> None:
        self.do("type", "--delay", 15, text)
