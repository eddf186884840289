"""``propainter-panel``: the panel standing alone.

Here: the command line, the application, its colours. Not here: the panel (``panel.py``).
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import gc
import importlib
import sys
from collections.abc import Sequence
from typing import cast

from propainter_knobs.command_line import CommandParser
from propainter_pictures.console import speak_any_encoding
from propainter_ui.look import COLOURS, Theme, palette_of, style_sheet, system_theme
from propainter_ui.qt import QtWidgets
from propainter_ui.remembered import Remembered
from propainter_ui.window import Window


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: show the panel until it is closed."""
    window = launch(argv)
    application = QtWidgets.QApplication.instance()
    assert application is not None
    code = int(application.exec())
    window.close()
    return code


def launch(argv: Sequence[str] | None = None) -> Window:
    """Everything but the event loop: the application if there is none, the window, what the command line asks for."""
    speak_any_encoding()
    options = _parser().parse_args(argv)
    running = QtWidgets.QApplication.instance()
    application = cast(QtWidgets.QApplication, running or _application())
    remembered = Remembered()
    theme = options.theme or remembered.text("theme", "dark")
    _set_theme(application, theme)
    _load_readers()
    window = Window(remembered=remembered, set_theme=lambda name: _set_theme(application, name), theme=theme)
    window.show()
    if running is None:
        _spare_collector()
    window.panel.bridge.connect_if_there()
    if options.paths:
        window.panel.open_paths(options.paths)
    elif options.setup or (not options.empty and _is_first_time(remembered)):
        window.show_setup()
    elif not options.empty:
        window.panel.recent.open_last()
    return window


def _is_first_time(remembered: Remembered) -> bool:
    """Nobody has opened a shot here, or left the first window."""
    return not remembered.recent and remembered.text("setup") != "seen"


def _load_readers() -> None:
    """Load the libraries that read files now: done later, on another thread, it would hold up the interface."""
    for name in ("OpenImageIO", "av", "propainter_pictures.plates", "propainter_pictures.video"):
        with contextlib.suppress(ImportError):  # said in words when a file needs it
            importlib.import_module(name)


def _spare_collector() -> None:
    """Keep the garbage collector off what has been loaded by now and stays: looking through it took the interface's thread
    26 ms at a time, the longest it was ever away.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # at the end all of it goes, or OpenImageIO calls it leaked


def _application() -> QtWidgets.QApplication:
    application = QtWidgets.QApplication(sys.argv[:1])
    application.setApplicationName("propainter-panel")
    application.setStyle("Fusion")
    return application


def _set_theme(application: QtWidgets.QApplication, name: str) -> None:
    theme = cast(Theme, name) if name in COLOURS else system_theme(application)
    application.setPalette(palette_of(theme))
    application.setStyleSheet(style_sheet(theme))


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="propainter-panel", description="See, compare and steer a removal.",
        examples=("propainter-panel plate/ matte/", "propainter-panel --theme light"),
        epilog="Keys: Space plays, arrows step, I and O set the range, 1-7 choose a view, W wipes, F1 shows all of them.",
    )  # fmt: skip
    parser.add_argument("paths", nargs="*", help="plate and matte to open: folders, a frame of a sequence, videos")
    parser.add_argument("--theme", choices=["system", *COLOURS], help="colours (default: as last time, at first dark)")
    parser.add_argument(
        "--setup", action="store_true", help="show the first window: sample, node, backend, this machine"
    )
    parser.add_argument("--empty", action="store_true", help="do not open the last session's shot")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
