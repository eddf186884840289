"""How the panel keeps up: scrubbing a long shot, drawing a window while a slider moves, breathing during a render.

    python tests/benchmarks/panel.py [--frames 1000] [--out FOLDER]

Offscreen, so that nothing waits for a display: what is measured is the panel's own work, painting included. The machine is
part of every number.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from propainter_pictures.frame import Frame
from propainter_pictures.frame_range import FrameRange

SAMPLE = Path(__file__).parents[2] / "samples/synth-pan"
SIZE = (432, 240)
PATIENCE_S = 300


class MemoryFrames:
    """A long plate nobody has to store: a texture sliding by."""

    path, first, is_still, fps = "/long", 1, False, 24.0
    dtype, channel_names = "uint8", ("R", "G", "B")
    width, height = SIZE

    def __init__(self, count: int) -> None:
        self.last = count
        self.range = FrameRange(self.first, count)
        self.numbers, self.labels, self.source = range(self.first, count + 1), None, self
        noise = np.random.default_rng(1).integers(0, 256, (SIZE[1], SIZE[0] + 64, 3), dtype=np.uint8)
        self._wide = noise

    def frame(self, frame: int) -> Frame:
        return Frame(np.ascontiguousarray(self._wide[:, frame % 64 : frame % 64 + SIZE[0]]), self.channel_names)


def measure_scrub(panel: Any, application: Any, count: int) -> dict[str, float]:
    """Every frame shown once, forwards, as a hand drags the playhead: frames a second, and the slowest frame."""
    from propainter_ui.shot.picture import Patch
    from propainter_ui.shot.shot_files import ShotFiles
    from propainter_ui.state import changes, events, panel_state

    revision = panel.library.open(ShotFiles(MemoryFrames(count), None))
    shot = panel_state.ShotState("long", "/long", "/m", 1, count, *SIZE, "uint8", 24.0)
    panel.change(changes.with_shot(panel.state, shot, revision))
    fill = np.full((120, 120, 3), 128, np.uint8)
    for frame in range(1, count + 1):
        panel.library.plate(frame)
        panel.library.keep_patch("result", revision, frame, Patch((150, 60, 120, 120), fill))
        panel.hear(events.ResultArrived(revision, frame))
    panel.show_view("result")
    times = []
    for frame in range(1, count + 1):
        started = time.perf_counter()
        panel.go_to(frame)
        while panel.on_screen.pending:
            application.processEvents()
            time.sleep(0.0005)
        panel.viewer.repaint()
        panel.timeline.repaint()
        times.append(time.perf_counter() - started)
    return {
        "frames_a_second": round(count / sum(times), 1), "median_ms": round(statistics.median(times) * 1e3, 2),
        "slowest_ms": round(max(times) * 1e3, 1),
    }  # fmt: skip


def measure_sliders(panel: Any) -> dict[str, dict[str, float]]:
    """From a slider's step to the window drawn anew on the timeline."""
    found = {}
    for name in ("neighbor_length", "ref_stride"):
        slider = panel.settings._rows[name]._slider
        times, own = [], []
        for value in range(2, 40):
            started, own_started = time.perf_counter(), time.thread_time()
            slider.setValue(value)
            panel.timeline.repaint()
            times.append(time.perf_counter() - started)
            own.append(time.thread_time() - own_started)
        found[name] = {
            "median_ms": round(statistics.median(times) * 1e3, 2),
            "slowest_ms": round(max(times) * 1e3, 2),
            "slowest_own_ms": round(max(own) * 1e3, 2),
        }
    return found


class Beats:
    """A timer that ought to fire every 2 ms, and when it did not."""

    def __init__(self) -> None:
        from propainter_ui.qt import QtCore

        self.gaps: list[float] = []
        self.own: list[float] = []
        """What this thread itself computed between two beats."""
        self.process: list[float] = []
        """What all threads of this process did."""
        self._last = self._clocks()
        self._timer = QtCore.QTimer()
        self._timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(2)

    def stop(self) -> dict[str, float]:
        """Figures so far, in milliseconds."""
        self._timer.stop()
        ordered = sorted(self.gaps)
        return {
            "longest_ms": round(ordered[-1] * 1e3, 1), "over_50_ms": sum(gap > 0.05 for gap in ordered),
            "99.9_percent_below_ms": round(ordered[-len(ordered) // 1000] * 1e3, 1),
            "longest_own_ms": round(max(self.own) * 1e3, 1), "longest_process_ms": round(max(self.process) * 1e3, 1),
            "own_share": round(sum(self.own) / sum(self.gaps), 3), "beats": len(ordered),
        }  # fmt: skip

    @staticmethod
    def _clocks() -> tuple[float, float, float]:
        return time.perf_counter(), time.thread_time(), time.process_time()

    def _beat(self) -> None:
        now = self._clocks()
        for kept, new, old in zip((self.gaps, self.own, self.process), now, self._last, strict=True):
            kept.append(new - old)
        self._last = now


def measure_stalls(panel: Any, application: Any) -> dict[str, Any]:
    """How long the event loop was away while the sample was opened, rendered and scrubbed at once.

    ``control`` is the same timer in a process that does nothing else, at the same time on the same machine: what it is kept
    waiting, any program is. ``own`` is what the interface's thread itself computed between two beats, which is the panel's
    own doing alone; ``process`` is that of all its threads.
    """
    control = subprocess.Popen([sys.executable, __file__, "--control"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert control.stdin is not None and control.stdout is not None
    control.stdout.readline()
    try:
        figures = measure_beside(panel, application)
    finally:
        told, _ = control.communicate()
    return {**figures, "control": json.loads(told)}


def measure_beside(panel: Any, application: Any) -> dict[str, Any]:
    """The panel's own part of ``measure_stalls``."""
    beats = Beats()
    panel.open_paths([str(SAMPLE)])
    breathe_until(panel, application, lambda: panel.state.shot is not None and panel.state.shot.name == "synth-pan")
    panel.render_range()
    started = time.perf_counter()

    def is_rendered() -> bool:
        panel.go_to(1001 + int((time.perf_counter() - started) / 0.04) % 24)
        return bool(panel.state.report) and panel.state.job is None

    breathe_until(panel, application, is_rendered)
    return {"panel": beats.stop(), "render_s": round(time.perf_counter() - started, 1)}


def breathe_until(panel: Any, application: Any, is_so: Callable[[], bool]) -> None:
    """Run the event loop. Raises RuntimeError with what the panel says where it fails, or takes minutes."""
    from propainter_ui.qt import QtCore

    end = time.monotonic() + PATIENCE_S
    while not is_so():
        application.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 5)
        time.sleep(0.001)
        notice = panel.state.notice
        if time.monotonic() > end or (notice is not None and notice.level == "error"):
            raise RuntimeError(f"the panel says {notice} and does {panel.state.job}")


def beat_alone() -> None:
    """The control: the timer until standard input ends, its figures to standard output."""
    from propainter_ui.qt import QtCore

    application = QtCore.QCoreApplication([])
    threading.Thread(target=lambda: (sys.stdin.read(), application.quit()), daemon=True).start()
    beats = Beats()
    print("ready", flush=True)
    application.exec()
    print(json.dumps(beats.stop()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--control", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="write panel.json into this folder, too")
    options = parser.parse_args()
    if options.control:
        beat_alone()
        return
    with tempfile.TemporaryDirectory(prefix="ppu") as home:
        (Path(home) / "run").mkdir(mode=0o700)
        os.environ.update(
            QT_QPA_PLATFORM="offscreen", PROPAINTER_RUNTIME_DIR=f"{home}/run", XDG_CONFIG_HOME=f"{home}/config",
            XDG_CACHE_HOME=f"{home}/cache", XDG_DATA_HOME=f"{home}/data",
            PROPAINTER_BACKEND=f"{sys.executable} -m propainter_backend --device cpu --parent-pid {os.getpid()}",
        )  # fmt: skip
        from propainter_ui.__main__ import launch
        from propainter_ui.qt import QtWidgets

        window = launch(["--empty"])
        application = QtWidgets.QApplication.instance()
        figures = {
            "scrub": {
                "frames": options.frames,
                "size": SIZE,
                **measure_scrub(window.panel, application, options.frames),
            },
            "slider to drawing": measure_sliders(window.panel),
            "event loop during a render": measure_stalls(window.panel, application),
            "machine": {"system": platform.platform(), "cores": os.cpu_count(), "load": os.getloadavg()},
        }
        window.panel.bridge.stop()
        window.close()
    text = json.dumps(figures, indent=2)
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "panel.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
