"""Windows of the panel in tests: how long one waits for them, where they remember things, their end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PATIENCE_MS = 240_000


def end_window(window: Any) -> None:
    """Close a window of the panel, whatever is under way, and delete it."""
    window._quitting._is_decided = True  # nobody is there to answer
    window.close()
    throw_away(window)


def throw_away(window: Any) -> None:
    """Delete a window at once: the colours of the next one would be worked out for it, too, and for all before."""
    from propainter_ui.qt import QtCore, QtWidgets

    window.deleteLater()
    QtWidgets.QApplication.sendPostedEvents(window, int(QtCore.QEvent.Type.DeferredDelete.value))


def remember_in(folder: Path) -> None:
    """Settings of the panel itself, its layout for one, are kept in this folder."""
    from propainter_ui.qt import QtCore

    kind, scope = QtCore.QSettings.Format.IniFormat, QtCore.QSettings.Scope.UserScope
    QtCore.QSettings.setPath(kind, scope, str(folder))
