"""``make screenshots``: the panel in each of its states, on a display of its own, as pictures for the README.

Usage: take_screenshots.py FOLDER. Everything shown is real: the sample shot, a backend started for the purpose, the
embedded engine. The node that the first window tells of is one of a few bytes, in a home of its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from display import virtual_display

from small_release import install_small, write_release

if TYPE_CHECKING:
    from propainter_ui.panel import Panel
    from propainter_ui.window import Window

SAMPLE = Path(__file__).parents[2] / "samples/synth-pan"
PATIENCE_S = 180


def main(folder: Path) -> None:
    """Take them all."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ppu") as home, virtual_display() as display:
        (Path(home) / "run").mkdir(mode=0o700)
        os.environ.update(
            HOME=home, DISPLAY=display, QT_QPA_PLATFORM="xcb", PROPAINTER_RUNTIME_DIR=f"{home}/run",
            XDG_CACHE_HOME=f"{home}/cache", XDG_CONFIG_HOME=f"{home}/config", XDG_DATA_HOME=f"{home}/data",
            PROPAINTER_BACKEND=f"{sys.executable} -m propainter_backend --device cpu --parent-pid {os.getpid()}",
        )  # fmt: skip
        _take(folder)


def _take(folder: Path) -> None:
    from propainter_ui.__main__ import launch
    from propainter_ui.qt import QtWidgets
    from propainter_ui.state import changes
    from propainter_ui.state.wipe import Wipe

    window = launch(["--empty"])
    window.resize(1400, 880)
    panel = window.panel
    application = QtWidgets.QApplication.instance()
    assert application is not None

    def wait(is_so: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not is_so():
            application.processEvents()
            time.sleep(0.005)
            if time.monotonic() > end:
                raise TimeoutError(f"the panel stays at {panel.state}")

    def settle(seconds: float = 0.6) -> None:
        end = time.monotonic() + seconds
        wait(lambda: time.monotonic() > end)

    def take(name: str) -> None:
        settle()
        window.grab().save(str(folder / f"panel-{name}.png"))

    wait(lambda: panel.state.daemon.phase == "absent")
    take("no-backend")
    _take_setup(window, wait, take)
    _take_drawing(panel, folder, wait, take)
    panel.stop_backend()
    wait(lambda: panel.state.daemon.phase == "absent")
    panel.open_paths([str(SAMPLE)])
    wait(lambda: panel.state.shot is not None)
    panel.go_to(1012)
    take("matte")
    panel.render_range()
    wait(lambda: panel.state.job is not None and panel.state.job.stage == "completion")
    panel.show_page(panel.jobs)
    wait(lambda: any(run[2] == "cached" for run in panel.state.bands.get("flow", ())))
    take("rendering")
    wait(lambda: panel.state.report and panel.state.job is None)
    panel.show_page(panel.settings)
    panel.change(changes.with_wipe(panel.state, Wipe(0.47, 0.5, 12)))
    take("wipe")
    panel.change(changes.with_wipe(panel.state, None))
    _take_export(panel, folder, settle)
    panel.show_view("unseen")
    panel.go_to(1001)
    screen = panel.on_screen
    wait(lambda: screen.showing is not None and (screen.showing.view, screen.showing.frame) == ("unseen", 1001))
    take("never-seen")
    panel.show_view("result")
    panel.go_to(1012)
    for name, value in (("neighbor_length", 6), ("ref_stride", 4), ("grow", 8)):
        panel.change(changes.with_setting(panel.state, name, value))
    window._choose_theme("light")
    take("settings")
    window._choose_theme("dark")
    with _followers() as following:
        wait(lambda: sum(shot.follows for shot in panel.state.daemon.shots) == following)
        panel.publish()
        wait(lambda: "" in panel.state.published)
        settle()
        panel.show_page(panel.publish_card)
        take("published")
        panel.tabs.setCurrentIndex(3)
        panel.known_shots._list.setCurrentRow(0)
        take("shots")
        panel.withdraw()
        wait(lambda: not panel.state.published)
    panel.show_page(panel.settings)
    panel.render_range()
    wait(lambda: panel.state.job is not None and panel.state.job.stage == "completion")
    os.kill(panel.state.daemon.pid, signal.SIGKILL)
    wait(lambda: panel.state.daemon.phase == "lost")
    panel.show_view("result")
    panel.toggle_previous()
    take("backend-lost")
    window.close()


def _take_drawing(
    panel: Panel, folder: Path, wait: Callable[[Callable[[], object]], None], take: Callable[[str], None]
) -> None:
    """A matte drawn from nothing: the box, its matte, the track with its doubt; taken of the plate alone."""
    from propainter_ui.matte import edits
    from propainter_ui.matte.strokes import Box

    with tempfile.TemporaryDirectory(prefix="ppu") as place:
        plate = shutil.copytree(SAMPLE / "plate", Path(place) / "walker")
        panel.open_paths([str(plate)])
        wait(lambda: panel.state.shot is not None)
        panel.desk.take_up("box")
        document = panel.desk.document()
        assert document is not None
        panel.desk.draw(edits.with_box(document, 1001, Box(109, 61, 87, 179)))
        wait(lambda: panel.state.drawn is not None and panel.state.drawn.solved)
        take("drawn")
        panel.desk.track("both")
        wait(lambda: panel.state.drawn is not None and len(panel.state.drawn.doubt) == 24 and panel.state.job is None)
        panel.desk.take_up("remove")
        panel.go_to(1018)
        take("tracked")
        panel.desk.take_up("remove")
        panel.desk.wishes.discard()
        panel.show_page(panel.settings)


def _take_setup(window: Window, wait: Callable[[Callable[[], object]], None], take: Callable[[str], None]) -> None:
    """The first window, once the doctor has answered."""
    from propainter_install import node
    from propainter_install.places import Machine

    home = Path(os.environ["HOME"])
    record = install_small(write_release(home / "release", Machine.this()), home, Path(sys.prefix))
    node.own_record = lambda: record
    window.show_setup()
    page = window.setup
    assert page is not None
    wait(lambda: page.machine.look.isEnabled())
    take("first-run")
    page.panel.click()


def _take_export(panel: Panel, folder: Path, settle: Callable[[], None]) -> None:
    """The window that asks what to export and where, as a video."""
    from propainter_ui.widgets.export_place import ExportPlace

    assert panel.state.shot is not None and panel.library.files is not None
    frames = range(panel.state.first, panel.state.last + 1)
    window = ExportPlace(panel, "video", panel.state.shot.name, panel.library.files, frames, [Path("/shots")])
    window.path.setText("/shots/synth-pan-clean.mp4")
    window.show()
    settle()
    window.grab().save(str(folder / "panel-export.png"))
    window.reject()


@contextlib.contextmanager
def _followers() -> Iterator[int]:
    """Two shots that follow the panel and one that does not, opened by a client of their own; how many follow."""
    from propainter_wire.client import Client
    from propainter_wire.messages import OpenShot

    with Client.connect(name="stand-in for a node") as client:
        for name, size, follow in (("cliff", (2048, 1152), False), ("", (1920, 1080), True), ("", (432, 240), True)):
            client.open_shot(OpenShot(1001, 1060, *size, 3, "float16", name=name, follow=follow))
        yield 2


if __name__ == "__main__":
    main(Path(sys.argv[1]))
