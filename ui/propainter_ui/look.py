"""How the panel looks: colours in light and dark, icons drawn as paths, the style sheet.

Here: everything with a colour. Not here: layout (``panel.py``, ``widgets/``). Icons and lines are vectors, so any
display density gets sharp ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from propainter_ui.qt import QtCore, QtGui, QtWidgets

Theme = Literal["dark", "light"]


@dataclass(frozen=True)
class Colours:
    """One theme."""

    window: str
    base: str
    raised: str
    line: str
    text: str
    dim: str
    accent: str
    accent_text: str
    canvas: str
    cached: str
    stale: str
    running: str
    missing: str
    neighbour: str
    reference: str
    playhead: str
    error: str
    warning: str
    warning_text: str
    good: str
    focus: str
    """The ring round what has the focus: told apart from every other line."""


COLOURS: Mapping[Theme, Colours] = {
    "dark": Colours(
        window="#22252a", base="#1a1c20", raised="#2c3036", line="#3a3f47", text="#dde1e6", dim="#8d95a0",
        accent="#3d8bd4", accent_text="#ffffff", canvas="#121315", cached="#3f8f63", stale="#c98f2c",
        running="#4a9be0", missing="#33373e", neighbour="#2fc4b2", reference="#b48cff", playhead="#ff6a55",
        error="#e5604f", warning="#e0a83a", warning_text="#1a1c20", good="#54b87f",
        focus="#8fc7ff",
    ),
    "light": Colours(
        window="#f1f2f4", base="#ffffff", raised="#e6e8eb", line="#c9cdd3", text="#1e2227", dim="#68707b",
        accent="#2470b8", accent_text="#ffffff", canvas="#3b3d40", cached="#5aa97c", stale="#d89c34",
        running="#2f86d1", missing="#d5d8dc", neighbour="#0d9c8b", reference="#7c4ddb", playhead="#d8402a",
        error="#c23a2b", warning="#a8720c", warning_text="#ffffff", good="#2f8f58",
        focus="#0b3f7a",
    ),
}  # fmt: skip


def theme_of(widget: QtWidgets.QWidget) -> Theme:
    """The theme a widget is shown in, by its palette: inside a host, the host's."""
    return "dark" if widget.palette().color(QtGui.QPalette.ColorRole.Window).lightness() < 128 else "light"


def colours_of(widget: QtWidgets.QWidget) -> Colours:
    """The colours a widget is to paint with."""
    return COLOURS[theme_of(widget)]


def system_theme(app: QtWidgets.QApplication) -> Theme:
    """What the desktop is set to."""
    return "dark" if app.style().standardPalette().color(QtGui.QPalette.ColorRole.Window).lightness() < 128 else "light"


def palette_of(theme: Theme) -> QtGui.QPalette:
    """Qt's palette of a theme."""
    c, role = COLOURS[theme], QtGui.QPalette.ColorRole
    palette = QtGui.QPalette()
    for where, colour in (
        (role.Window, c.window), (role.WindowText, c.text), (role.Base, c.base), (role.AlternateBase, c.window),
        (role.Text, c.text), (role.Button, c.raised), (role.ButtonText, c.text), (role.ToolTipBase, c.raised),
        (role.ToolTipText, c.text), (role.Highlight, c.accent), (role.HighlightedText, c.accent_text),
        (role.PlaceholderText, c.dim), (role.Link, c.accent), (role.BrightText, c.error), (role.Mid, c.line),
        (role.Light, c.raised), (role.Midlight, c.raised), (role.Dark, c.line), (role.Shadow, c.canvas),
    ):  # fmt: skip
        palette.setColor(where, QtGui.QColor(colour))
    for where in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(QtGui.QPalette.ColorGroup.Disabled, where, QtGui.QColor(c.dim))
    return palette


def style_sheet(theme: Theme) -> str:
    """What palettes cannot say."""
    c = COLOURS[theme]
    return f"""
    QToolTip {{ background: {c.raised}; color: {c.text}; border: 1px solid {c.line}; padding: 4px; }}
    QPushButton, QToolButton {{
        background: {c.raised}; border: 1px solid {c.line}; border-radius: 4px; padding: 4px 10px; color: {c.text}; }}
    QToolButton {{ padding: 4px 5px; }}
    QPushButton:hover, QToolButton:hover {{ border-color: {c.accent}; }}
    QPushButton:pressed, QToolButton:pressed {{ background: {c.line}; }}
    QPushButton:disabled, QToolButton:disabled {{ color: {c.dim}; background: {c.window}; }}
    QToolButton:checked {{ background: {c.accent}; color: {c.accent_text}; border-color: {c.accent}; }}
    QToolButton::menu-indicator {{ image: none; }}
    QPushButton#primary {{ background: {c.accent}; color: {c.accent_text}; border-color: {c.accent}; font-weight: 600;
        padding: 6px 14px; }}
    QPushButton#primary:disabled {{ background: {c.raised}; color: {c.dim}; border-color: {c.line}; }}
    QToolButton#quiet {{ background: transparent; border-color: transparent; padding: 2px; }}
    QToolButton#quiet:hover {{ border-color: {c.line}; }}
    QSpinBox, QDoubleSpinBox, QComboBox, QLineEdit {{
        background: {c.base}; border: 1px solid {c.line}; border-radius: 4px; padding: 1px 6px; color: {c.text};
        selection-background-color: {c.accent}; }}
    QAbstractSpinBox QLineEdit, QAbstractSpinBox QLineEdit:focus, QComboBox QLineEdit, QComboBox QLineEdit:focus {{
        background: transparent; border: 0; padding: 0px 4px; }}
    /* No little arrows (wheel and arrow keys step); NoButtons would leave the text no room under a style sheet. */
    QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button, QDoubleSpinBox::down-button {{
        width: 0; border: 0; }}
    QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {{ color: {c.dim}; }}
    QComboBox QAbstractItemView {{ background: {c.base}; border: 1px solid {c.line}; color: {c.text}; }}
    QGroupBox {{ border: 0; margin-top: 17px; font-weight: 600; }}
    QGroupBox::title {{ subcontrol-origin: margin; subcontrol-position: top left; left: -2px; top: 2px; color: {c.dim}; }}
    QScrollBar:vertical {{ background: transparent; width: 8px; margin: 0; }}
    QScrollBar::handle:vertical {{ background: {c.line}; border-radius: 4px; min-height: 24px; }}
    QScrollBar::add-line:vertical, QScrollBar::sub-line:vertical {{ height: 0; }}
    QScrollBar::add-page:vertical, QScrollBar::sub-page:vertical {{ background: transparent; }}
    QCheckBox::indicator:unchecked {{ width: 12px; height: 12px; border: 1px solid {c.dim}; border-radius: 3px;
        background: {c.base}; }}
    QComboBox::drop-down {{ border: 0; width: 18px; }}
    QComboBox::down-arrow {{ image: none; width: 0; height: 0; margin-right: 7px; border-left: 4px solid {c.base};
        border-right: 4px solid {c.base}; border-top: 5px solid {c.dim}; }}
    QMenuBar {{ background: {c.base}; color: {c.text}; }}
    QMenuBar::item:selected {{ background: {c.raised}; }}
    QStatusBar::item {{ border: 0; }}
    QListWidget {{ background: transparent; }}
    QListWidget::item {{ padding: 6px 8px; border-radius: 4px; }}
    QListWidget::item:hover {{ background: {c.raised}; }}
    QListWidget::item:selected {{ background: {c.accent}; color: {c.accent_text}; }}
    QPushButton::menu-indicator {{ width: 0; image: none; }}
    QTabWidget::pane {{ border: 0; border-top: 1px solid {c.line}; }}
    QTabBar::tab {{ padding: 7px 14px; border: 0; border-bottom: 2px solid transparent; color: {c.dim}; }}
    QTabBar::tab:selected {{ color: {c.text}; border-bottom-color: {c.accent}; }}
    QTabBar::tab:hover {{ color: {c.text}; }}
    QSlider::groove:horizontal {{ height: 4px; background: {c.line}; border-radius: 2px; }}
    QSlider::sub-page:horizontal {{ background: {c.accent}; border-radius: 2px; }}
    QSlider::sub-page:horizontal:disabled {{ background: {c.line}; }}
    QSlider::handle:horizontal {{ width: 12px; margin: -5px 0; border-radius: 6px; background: {c.text}; }}
    QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus {{ background: {c.accent}; }}
    QSlider::handle:horizontal:disabled {{ background: {c.dim}; }}
    QProgressBar {{ background: {c.missing}; border: 0; border-radius: 3px; height: 6px; text-align: center; }}
    QProgressBar::chunk {{ background: {c.running}; border-radius: 3px; }}
    QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; border: 0; }}
    QSplitter::handle {{ background: {c.line}; }}
    QSplitter::handle:horizontal {{ width: 1px; }} QSplitter::handle:vertical {{ height: 1px; }}
    QFrame#strip {{ background: {c.base}; border-bottom: 1px solid {c.line}; }}
    QFrame#bar {{ background: {c.base}; border-top: 1px solid {c.line}; }}
    QFrame#notice_info {{ background: {c.raised}; border-left: 3px solid {c.accent}; }}
    QFrame#notice_warning {{ background: {c.raised}; border-left: 3px solid {c.warning}; }}
    QFrame#notice_error {{ background: {c.raised}; border-left: 3px solid {c.error}; }}
    QFrame#welcome {{ background: transparent; border: 2px dashed #5c636d; border-radius: 10px; margin: 14px; }}
    QLabel#card_title {{ font-weight: 600; }}
    QLabel#mark_ok {{ color: {c.good}; font-weight: 600; }}
    QLabel#mark_note {{ color: {c.dim}; font-weight: 600; }}
    QLabel#mark_fix {{ color: {c.warning}; font-weight: 600; }}
    QLabel#first_run_title {{ font-size: 22px; font-weight: 600; }}
    QLabel#welcome_title {{ color: #e3e6ea; font-size: 18px; font-weight: 600; }}
    QLabel#welcome_text {{ color: #9aa2ac; }}
    QFrame#card {{ background: {c.base}; border: 1px solid {c.line}; border-radius: 6px; }}
    QLabel#dim {{ color: {c.dim}; }} QLabel#strong {{ font-weight: 600; }}
    QLabel#error {{ color: {c.error}; }} QLabel#published {{ color: {c.warning}; }}
    QPushButton#published {{ background: {c.warning}; color: {c.warning_text}; border-color: {c.warning};
        font-weight: 600; }}
    QMenu {{ background: {c.base}; border: 1px solid {c.line}; color: {c.text}; padding: 4px; }}
    QMenu::item {{ padding: 5px 22px; border-radius: 3px; }}
    QMenu::item:selected {{ background: {c.accent}; color: {c.accent_text}; }}
    QMenu::item:disabled {{ color: {c.dim}; }}
    /* The ring of the focus: two pixels on every control, taken from its padding so that nothing moves. */
    QPushButton:focus {{ border: 2px solid {c.focus}; padding: 3px 9px; }}
    QToolButton:focus, QToolButton:checked:focus {{ border: 2px solid {c.focus}; padding: 3px 4px; }}
    QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus, QLineEdit:focus {{
        border: 2px solid {c.focus}; padding: 0px 5px; }}
    QAbstractSpinBox QLineEdit:focus, QComboBox QLineEdit:focus {{ border: 0; padding: 0px 4px; }}
    QCheckBox, QSlider {{ border: 2px solid transparent; border-radius: 4px; }}
    QCheckBox:focus, QSlider:focus, QListWidget:focus, QTextBrowser:focus {{
        border: 2px solid {c.focus}; border-radius: 4px; }}
    QListWidget, QTextBrowser {{ border: 2px solid transparent; }}
    QTabBar::tab:selected:focus {{ background: {c.raised}; border: 2px solid {c.focus}; border-radius: 4px; }}
    QPushButton#heading {{ padding: 4px 0; border: 2px solid transparent; background: transparent; }}
    QPushButton#heading:focus {{ border: 2px solid {c.focus}; padding: 4px 0; }}
    QPushButton#primary:focus {{ border: 2px solid {c.focus}; padding: 5px 13px; }}
    QToolButton#quiet:focus {{ border: 2px solid {c.focus}; padding: 1px; }}
    """


# --- icons ------------------------------------------------------------------------------------------------------------


def _triangle(path: QtGui.QPainterPath, x: float, tip: float, top: float = 4, bottom: float = 20) -> None:
    path.moveTo(x, top)
    path.lineTo(tip, (top + bottom) / 2)
    path.lineTo(x, bottom)
    path.closeSubpath()


def _play(path: QtGui.QPainterPath) -> None:
    _triangle(path, 7, 20)


def _pause(path: QtGui.QPainterPath) -> None:
    path.addRect(6, 5, 4, 14)
    path.addRect(14, 5, 4, 14)


def _next(path: QtGui.QPainterPath) -> None:
    _triangle(path, 6, 14, 6, 18)
    path.addRect(15, 6, 2.5, 12)


def _previous(path: QtGui.QPainterPath) -> None:
    _triangle(path, 18, 10, 6, 18)
    path.addRect(6.5, 6, 2.5, 12)


def _first(path: QtGui.QPainterPath) -> None:
    _triangle(path, 20, 13, 6, 18)
    _triangle(path, 13, 6, 6, 18)
    path.addRect(3.5, 6, 2, 12)


def _last(path: QtGui.QPainterPath) -> None:
    _triangle(path, 4, 11, 6, 18)
    _triangle(path, 11, 18, 6, 18)
    path.addRect(18.5, 6, 2, 12)


def _reset(path: QtGui.QPainterPath) -> None:
    stroke = QtGui.QPainterPath()
    stroke.arcMoveTo(6, 6, 12, 12, 60)
    stroke.arcTo(6, 6, 12, 12, 60, 280)
    path.addPath(_outlined(stroke, 2))
    _triangle(path, 13.5, 20, 2.5, 9.5)


def _close(path: QtGui.QPainterPath) -> None:
    stroke = QtGui.QPainterPath()
    for start, end in (((7, 7), (17, 17)), ((17, 7), (7, 17))):
        stroke.moveTo(*start)
        stroke.lineTo(*end)
    path.addPath(_outlined(stroke, 2))


def _outlined(stroke: QtGui.QPainterPath, width: float) -> QtGui.QPainterPath:
    pen = QtGui.QPainterPathStroker()
    pen.setWidth(width)
    return pen.createStroke(stroke)


_ICONS: Mapping[str, Callable[[QtGui.QPainterPath], None]] = {
    "play": _play, "pause": _pause, "next": _next, "previous": _previous, "first": _first, "last": _last,
    "reset": _reset, "close": _close,
}  # fmt: skip


def icon(name: str, widget: QtWidgets.QWidget) -> QtGui.QIcon:
    """An icon in the text colour of a widget, grey where it is disabled."""
    colours = colours_of(widget)
    found = QtGui.QIcon()
    for mode, colour in ((QtGui.QIcon.Mode.Normal, colours.text), (QtGui.QIcon.Mode.Disabled, colours.line)):
        for scale in (1, 2, 3):
            picture = QtGui.QPixmap(24 * scale, 24 * scale)
            picture.fill(QtCore.Qt.GlobalColor.transparent)
            painter = QtGui.QPainter(picture)
            painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
            painter.scale(scale, scale)
            path = QtGui.QPainterPath()
            _ICONS[name](path)
            path.setFillRule(QtCore.Qt.FillRule.WindingFill)
            painter.fillPath(path, QtGui.QColor(colour))
            painter.end()
            found.addPixmap(picture, mode)
    return found
