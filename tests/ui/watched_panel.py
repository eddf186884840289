"""``propainter-panel`` as a process that also writes down, ten times a second, what it shows and where: for tests whose
hands are xdotool's. Usage: watched_panel.py FILE [arguments of propainter-panel]. A path written into FILE's namesake
that ends in .wanted has the screen saved there.
"""

import json
import os
import signal
import sys
from pathlib import Path

from propainter_ui.__main__ import launch
from propainter_ui.matte.standing import keys_of
from propainter_ui.panel import Panel
from propainter_ui.qt import QtCore, QtWidgets


def middle_of(widget: QtWidgets.QWidget) -> list[int]:
    place = widget.mapToGlobal(widget.rect().center())
    return [place.x(), place.y()]


def picture_of(panel: Panel) -> list[float]:
    """Where the picture lies on the screen: left, top, screen pixels a plate pixel."""
    rect = panel.viewer._placement.rect()
    corner = panel.viewer.mapToGlobal(QtCore.QPoint(0, 0))
    return [corner.x() + rect.left(), corner.y() + rect.top(), panel.viewer.zoom]


def what_is_shown(panel: Panel) -> dict[str, object]:
    s, window = panel.state, panel.window()
    rows = panel.settings._rows
    focused, dialog = QtWidgets.QApplication.focusWidget(), QtWidgets.QApplication.activeModalWidget()
    box = dialog if isinstance(dialog, QtWidgets.QMessageBox) else None
    return {
        "label": panel.viewer._after.label if panel.viewer._after is not None else "", "hint": panel.viewer._hint,
        "rough": len(s.rough), "share": s.job.share if s.job else None,
        "asked": box.text() if box is not None else "",
        "buttons": {button.text(): middle_of(button) for button in box.buttons()} if box is not None else {},
        "title": window.windowTitle(), "size": [window.frameGeometry().right() + 1, window.frameGeometry().bottom() + 1],
        "focus": focused.accessibleName() if focused is not None else "",
        "dialog": dialog.windowTitle() if dialog is not None else "",
        "has_menu": QtWidgets.QApplication.activePopupWidget() is not None,
        "wipe": [s.wipe.x, s.wipe.y, s.wipe.angle] if s.wipe is not None else None,
        "first": s.first, "last": s.last, "isolated": s.isolated, "native_fill": s.settings.native_fill,
        "phase": s.daemon.phase, "pid": s.daemon.pid, "shot": s.shot.name if s.shot else "",
        "job": s.job.sentence if s.job else "", "frame": s.frame, "results": len(s.results), "view": s.view,
        "previous": len(s.previous_results), "is_playing": s.is_playing,
        "notice": s.notice.text if s.notice else "",
        "work": panel.settings.cost_card._work.text(), "window": panel.settings._window.text(),
        "tool": s.tools.tool, "picture": picture_of(panel),
        "solved": len(s.drawn.solved) if s.drawn is not None else 0,
        "stale": len(s.drawn.stale) if s.drawn is not None else 0,
        "keys": list(keys_of(s.drawn)) if s.drawn is not None else [],
        "is_reported": bool(s.report), "neighbours": s.settings.neighbor_length, "grow": s.settings.grow,
        "places": {
            "viewer": middle_of(panel.viewer), "timeline": middle_of(panel.timeline),
            "sample": middle_of(panel.welcome.sample), "render": middle_of(panel.settings.cost_card._render),
            "export": middle_of(panel.file_bar.export), "neighbours": middle_of(rows["neighbor_length"]._box),
            "grow": middle_of(rows["grow"]._box), "apply": middle_of(panel.settings.cost_card._apply),
            "notice": middle_of(panel.notice.act),
        },
    }  # fmt: skip


if __name__ == "__main__":
    told = Path(sys.argv[1])
    window = launch(sys.argv[2:])

    def tell() -> None:
        partial = told.with_suffix(".partial")
        partial.write_text(json.dumps(what_is_shown(window.panel)))
        os.replace(partial, told)  # noqa: PTH105 - whole or not at all
        wanted = told.with_suffix(".wanted")
        if wanted.exists():
            QtWidgets.QApplication.primaryScreen().grabWindow(0).save(wanted.read_text())
            wanted.unlink()

    if hasattr(signal, "SIGUSR1"):  # the window's close button, for displays without a window manager
        signal.signal(signal.SIGUSR1, lambda *_: QtCore.QTimer.singleShot(0, window.close))
    timer = QtCore.QTimer()
    timer.timeout.connect(tell)
    timer.start(100)
    raise SystemExit(QtWidgets.QApplication.instance().exec())
