"""The menus: the bar of the window, and what a right click on picture or timeline offers.

Here: which commands stand in which menu, one function a menu. Not here: what they are (``commands.py``) and do
(``panel.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from propainter_ui.commands import Commands
from propainter_ui.look import COLOURS
from propainter_ui.qt import QAction, QActionGroup, QtCore, QtWidgets
from propainter_ui.state.matte_tools import TOOLS
from propainter_ui.state.panel_state import AGAINST_NAMES, VIEWS
from propainter_ui.widgets.jobs import RecentShot

if TYPE_CHECKING:
    from propainter_ui.panel import Panel

_VIEWS = tuple(f"view_{view}" for view in VIEWS)
_CHANNELS = tuple(f"channel_{name}" for name in "RGBA")
_LINE = ""
"""A line between two parts of a menu."""


def fill_menu_bar(
    bar: QtWidgets.QMenuBar, panel: Panel, *, theme: str, choose_theme: Callable[[str], None],
    show_setup: Callable[[], None],
) -> None:  # fmt: skip
    """Every menu of the panel's own window."""
    for title, fill in (
        ("&File", file_menu), ("&Edit", edit_menu), ("&View", view_menu), ("&Playback", playback_menu),
        ("&Matte", matte_menu), ("&Render", render_menu), ("&Help", help_menu),
    ):  # fmt: skip
        menu = bar.addMenu(title)
        fill(menu, panel)
        if fill is view_menu:
            theme_menu(menu.addMenu("Colours"), theme=theme, choose_theme=choose_theme)
        elif fill is help_menu:
            menu.addAction("Set up …").triggered.connect(lambda: show_setup())


def file_menu(menu: QtWidgets.QMenu, panel: Panel) -> None:
    """Opening, exporting, leaving."""
    _add(menu, panel.commands, ("open",))
    recent = menu.addMenu("Open recent")
    recent.aboutToShow.connect(lambda: _list_recent(recent, panel.recent.known, panel.files.open_recent))
    _add(menu, panel.commands, (
        "sample", _LINE, "open_plate", "open_matte", "open_clean", "drop_clean", "reload", _LINE, "export", _LINE, "quit",
    ))  # fmt: skip


def edit_menu(menu: QtWidgets.QMenu, panel: Panel) -> None:
    """Changes of the settings and the way back. Undo and redo stand first."""
    panel.editing.fill_menu(menu)
    _add(menu, panel.commands, (_LINE, "apply", "revert"))


def view_menu(menu: QtWidgets.QMenu, panel: Panel) -> None:
    """What the viewer shows, and how large."""
    _add(menu, panel.commands, (*_VIEWS, _LINE, *_CHANNELS, _LINE, "wipe"))
    _add(menu.addMenu("Compare with"), panel.commands, tuple(f"against_{name}" for name in AGAINST_NAMES))
    _add(menu, panel.commands, ("turn_wipe", "previous", _LINE, "zoom_in", "zoom_out", "fit", "actual", _LINE))


def playback_menu(menu: QtWidgets.QMenu, panel: Panel) -> None:
    """The playhead, the range and the timeline."""
    _add(menu, panel.commands, (
        "play", "play_on", "play_back", "stop", _LINE, "next", "back", "first", "last", _LINE,
        "set_in", "set_out", "clear_range", _LINE, "line_in", "line_out", "line_range", "line_all",
    ))  # fmt: skip


def matte_menu(menu: QtWidgets.QMenu, panel: Panel) -> None:
    """Drawing a matte, and what becomes of it."""
    _add(menu.addMenu("Tools"), panel.commands, (*(f"tool_{tool}" for tool in TOOLS), _LINE, "larger", "smaller"))
    _add(menu, panel.commands, (
        _LINE, "track_both", "track_on", "track_back", _LINE, "onion", _LINE, "matte_next_doubt", "matte_previous_doubt",
        "next_key", "previous_key",
        "matte_is_right", "matte_clear_frame", _LINE, "matte_cast", "matte_add_shadow", "matte_drop_shadow", _LINE,
        "matte_save", "matte_open", "matte_draw_on", "matte_discard", "matte_save_clean", _LINE, "matte_publish",
        "matte_withdraw",
    ))  # fmt: skip


def render_menu(menu: QtWidgets.QMenu, panel: Panel) -> None:
    """The work of the backend."""
    _add(menu, panel.commands, ("render", "cancel"))


def help_menu(menu: QtWidgets.QMenu, panel: Panel) -> None:
    """Where to look things up."""
    _add(menu, panel.commands, ("hotkeys", "about"))


def theme_menu(menu: QtWidgets.QMenu, *, theme: str, choose_theme: Callable[[str], None]) -> None:
    """Light, dark, or as the desktop."""
    group = QActionGroup(menu)
    for name in ("system", *COLOURS):
        action = QAction(name.capitalize(), menu)
        action.setCheckable(True)
        action.setChecked(name == theme)
        action.triggered.connect(lambda _=False, name=name: choose_theme(name))
        group.addAction(action)
        menu.addAction(action)


def offer_on_viewer(panel: Panel, place: QtCore.QPoint) -> None:
    """The picture's own menu. place: on the screen."""
    _offer(panel, place, (
        *_VIEWS, _LINE, *_CHANNELS, _LINE, "wipe", "turn_wipe", "previous", _LINE, "fit", "actual", _LINE, "open", "export",
    ))  # fmt: skip


def offer_on_timeline(panel: Panel, place: QtCore.QPoint) -> None:
    """The timeline's own menu. place: on the screen."""
    _offer(panel, place, (
        "set_in", "set_out", "clear_range", _LINE, "line_in", "line_out", "line_range", "line_all", _LINE, "render",
    ))  # fmt: skip


def _offer(panel: Panel, place: QtCore.QPoint, names: Sequence[str]) -> None:
    menu = QtWidgets.QMenu(panel)
    _add(menu, panel.commands, names)
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(place)


def _add(menu: QtWidgets.QMenu, commands: Commands, names: Sequence[str]) -> None:
    for name in names:
        if name == _LINE:
            menu.addSeparator()
        else:
            menu.addAction(commands[name])


def _list_recent(
    menu: QtWidgets.QMenu, shots: Sequence[RecentShot], open_shot: Callable[[RecentShot], None]
) -> None:  # fmt: skip
    menu.clear()
    for shot in shots:
        action = menu.addAction(f"{shot.name}   {shot.detail}".replace("&", "&&"))
        action.setToolTip(shot.plate)
        action.triggered.connect(lambda _=False, shot=shot: open_shot(shot))
    if not shots:
        menu.addAction("No shot was opened yet").setEnabled(False)
