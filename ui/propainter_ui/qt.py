"""The one door to Qt: PySide6, or PySide2 where the host brings only that (Nuke 15 and earlier).

Here: imports, and the few names that moved between the two. Everything else in the panel uses what both have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PySide6 import QtCore, QtGui, QtWidgets
    from PySide6.QtGui import QAction, QActionGroup, QShortcut
else:
    try:
        from PySide6 import QtCore, QtGui, QtWidgets
        from PySide6.QtGui import QAction, QActionGroup, QShortcut
    except ImportError:
        from PySide2 import QtCore, QtGui, QtWidgets
        from PySide2.QtWidgets import QAction, QActionGroup, QShortcut

Qt = QtCore.Qt
Signal = QtCore.Signal


def place_of(event: Any) -> QtCore.QPointF:
    """Where in the widget a mouse event happened; Qt 5 has other names for it."""
    if hasattr(event, "position"):
        return QtCore.QPointF(event.position())
    return QtCore.QPointF(event.pos())  # Qt 5


__all__ = ["QAction", "QActionGroup", "QShortcut", "Qt", "QtCore", "QtGui", "QtWidgets", "Signal", "place_of"]
