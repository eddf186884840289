"""Where the panel's widgets stand.

Here: ``lay_out``, ``turn_to``. Not here: the widgets (``widgets/``), which are the panel's.

Cost and the render button stand below the pages, not in one of them: they are on the screen whatever page is shown and
however small the window is.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from propainter_ui.qt import Qt, QtCore, QtWidgets
from propainter_ui.widgets.parts import column_of
from propainter_ui.widgets.stage import Stage

if TYPE_CHECKING:
    from propainter_ui.panel import Panel

PAGES_WIDTH = 350
"""Least width of the pages at the right, px: what every section of the settings takes, and a scroll bar."""
_SPLIT = (970, 390)


def lay_out(panel: Panel, remembered: QtCore.QByteArray | None) -> None:
    """Lay everything out. remembered: how the panel was split last time."""
    panel.settings.add_below(panel.publish_card)
    panel.tabs = _pages(panel)
    side = column_of(panel.tabs, panel.settings.cost_card, filling=panel.tabs)
    side.setMinimumWidth(PAGES_WIDTH)
    panel.splitter = QtWidgets.QSplitter(Qt.Orientation.Horizontal)
    stage = Stage(panel.viewer, panel.notice, panel.welcome)
    panel.splitter.addWidget(column_of(stage, panel.view_bar, filling=stage))
    panel.splitter.addWidget(side)
    panel.splitter.setStretchFactor(0, 1)
    panel.splitter.setCollapsible(0, False)
    panel.splitter.setSizes(list(_SPLIT))
    panel.splitter.setStretchFactor(1, 0)
    whole = QtWidgets.QVBoxLayout(panel)
    whole.setContentsMargins(0, 0, 0, 0)
    whole.addWidget(
        column_of(panel.file_bar, panel.splitter, panel.transport, panel.timeline, filling=panel.splitter)
    )  # fmt: skip
    if remembered is not None:
        panel.splitter.restoreState(remembered)


def turn_to(tabs: QtWidgets.QTabWidget, widget: QtWidgets.QWidget) -> None:
    """Turn to the page a widget is on, and scroll to it."""
    for page in range(tabs.count()):
        holder = tabs.widget(page)
        if holder is not None and (holder is widget or holder.isAncestorOf(widget)):
            tabs.setCurrentIndex(page)
            for scroll in (holder, *holder.findChildren(QtWidgets.QScrollArea)):
                if isinstance(scroll, QtWidgets.QScrollArea) and scroll.isAncestorOf(widget):
                    once = QtCore.QTimer(scroll)  # ends with it
                    once.setSingleShot(True)
                    once.timeout.connect(partial(scroll.ensureWidgetVisible, widget))  # once it has its size
                    once.timeout.connect(once.deleteLater)
                    once.start(0)


def _pages(panel: Panel) -> QtWidgets.QTabWidget:
    tabs = QtWidgets.QTabWidget()
    tabs.setDocumentMode(True)
    jobs = column_of(panel.queue_page, panel.jobs, filling=panel.jobs)
    backend = column_of(panel.daemon_page, panel.known_shots, filling=panel.known_shots)
    for widget, name in (
        (panel.settings, "Settings"), (_scrolled(panel.matte_page), "Matte"), (_scrolled(jobs), "Jobs"),
        (_scrolled(panel.shots), "Shots"), (_scrolled(backend), "Backend"),
    ):  # fmt: skip
        tabs.addTab(widget, name)
    for part in (tabs, tabs.tabBar()):
        part.setAccessibleName("Pages")
    tabs.setFocusProxy(None)  # type: ignore[arg-type] # the bar takes the focus itself, once
    tabs.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return tabs


def _scrolled(page: QtWidgets.QWidget) -> QtWidgets.QScrollArea:
    scroll = QtWidgets.QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroll.setWidget(page)
    return scroll
