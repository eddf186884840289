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
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

SAMPLE = Path(__file__).parents[2] / "samples/synth-pan"
SIZE = (432, 240)


class MemoryFrames:
    """A long plate nobody has to store: a texture sliding by."""

    path, first, is_still, fps = "/long", 1, False, 24.0
    dtype, channel_names = "uint8", ("R", "G", "B")
    width, height = SIZE

    def __init__(self, count: int) -> None:
        self.last = count
        noise = np.random.default_rng(1).integers(0, 256, (SIZE[1], SIZE[0] + 64, 3), dtype=np.uint8)
        self._wide = noise

    def read(self, frame: int) -> np.ndarray:
        return np.ascontiguousarray(self._wide[:, frame % 64 : frame % 64 + SIZE[0]])


def measure_scrub(panel: Any, application: Any, count: int) -> dict[str, float]:
    """Every frame shown once, forwards, as a hand drags the playhead: frames a second, and the slowest frame."""
    from propainter_ui import panel_state as states
    from propainter_ui.picture import Patch
    from propainter_ui.shot_files import ShotFiles

    revision = panel.library.open(ShotFiles(MemoryFrames(count), None))
    shot = states.ShotState("long", "/long", "/m", 1, count, *SIZE, "uint8", 24.0)
    panel.change(states.with_shot(panel.state, shot, revision))
    fill = np.full((120, 120, 3), 128, np.uint8)
    for frame in range(1, count + 1):
        panel.library.plate(frame)
        panel.library.keep_patch("result", revision, frame, Patch((150, 60, 120, 120), fill))
        panel.hear(states.ResultArrived(revision, frame))
    panel.show_view("result")
    times = []
    for frame in range(1, count + 1):
        started = time.perf_counter()
        panel.go_to(frame)
        while panel._pending:
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


def measure_stalls(panel: Any, application: Any) -> dict[str, float]:
    """The longest the event loop was away while the sample was opened, rendered and scrubbed at once.

    ``own``: the longest the interface's thread itself was at work between two beats; ``process``: all threads of the panel
    together, which a stall cannot exceed where a core is free. The rest of ``longest`` is waiting for other programs.
    """
    from propainter_ui.qt import QtCore

    gaps: list[float] = []
    own: list[float] = []
    process: list[float] = []
    last = [time.perf_counter(), time.thread_time(), time.process_time()]
    timer = QtCore.QTimer()
    timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)

    def beat() -> None:
        now = [time.perf_counter(), time.thread_time(), time.process_time()]
        for kept, new, old in zip((gaps, own, process), now, last, strict=True):
            kept.append(new - old)
        last[:] = now

    timer.timeout.connect(beat)
    timer.start(2)
    panel.open_paths([str(SAMPLE)])
    while panel.state.shot is None or panel.state.shot.name != "synth-pan":
        application.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 5)
    panel.render_range()
    step, started = 0, time.perf_counter()
    while not panel.state.report or panel.state.job is not None:
        application.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 5)
        time.sleep(0.001)
        if time.perf_counter() - started > 0.04 * step:
            step += 1
            panel.go_to(1001 + step % 24)
    timer.stop()
    ordered = sorted(gaps)
    return {
        "own_ms": round(max(own) * 1e3, 1), "process_ms": round(max(process) * 1e3, 1),
         "longest_ms": round(ordered[-1] * 1e3, 1),
        "99.9_percent_below_ms": round(ordered[-len(ordered) // 1000] * 1e3, 1),
        "beats": len(gaps), "render_s": round(time.perf_counter() - started, 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--out", type=Path, help="write panel.json into this folder, too")
    options = parser.parse_args()
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
        (options.out / "panel.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
