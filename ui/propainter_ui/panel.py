"""The panel: one state, the widgets that show it, the bridge that carries out what is asked.

Here: every wish of the artist (``PanelState`` in, ``PanelState`` out), what it entails for the bridge, and which widget or
key asks for it; the layout. Not here: which pictures are shown (``screen.py``), any of the widgets, any decision that can
be made without Qt (``state/``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from propainter_ui.bridge.backend_bridge import BackendBridge
from propainter_ui.bridge.wishes import ExportWish, render_wish_of, report_of
from propainter_ui.dialogs import Dialogs
from propainter_ui.editing import Editing
from propainter_ui.fetching import Fetcher
from propainter_ui.playing import Player
from propainter_ui.qt import QShortcut, Qt, QtCore, QtGui, QtWidgets
from propainter_ui.recent_shots import RecentShots
from propainter_ui.remembered import Remembered
from propainter_ui.screen import Screen
from propainter_ui.shot.export import ExportKind
from propainter_ui.shot.frame_maker import FrameMaker
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.shot_files import BadShot, frames_listed
from propainter_ui.state import changes, events, outcomes, publishing
from propainter_ui.state.estimates import Rates
from propainter_ui.state.events import Event
from propainter_ui.state.panel_state import VIEWS, Notice, PanelState, View
from propainter_ui.state.shown import others_at_work
from propainter_ui.widgets.daemon import DaemonPage, DaemonStrip
from propainter_ui.widgets.file_bar import FileBar
from propainter_ui.widgets.jobs import Jobs, Shots
from propainter_ui.widgets.notice import NoticeBar
from propainter_ui.widgets.parts import column_of
from propainter_ui.widgets.publishing import KnownShots, PublishCard, PublishedBadge
from propainter_ui.widgets.settings import Settings
from propainter_ui.widgets.timeline import Timeline
from propainter_ui.widgets.transport import Transport
from propainter_ui.widgets.view_bar import ViewBar
from propainter_ui.widgets.viewer import Viewer
from propainter_wire.messages import ShotLine

_PICTURE_BYTES = 384 << 20


class Panel(QtWidgets.QWidget):
    """The whole panel, to stand alone or be docked. ``close_panel`` before it is thrown away."""

    def __init__(self, parent: QtWidgets.QWidget | None = None, *, remembered: Remembered | None = None) -> None:
        super().__init__(parent)
        self._remembered = remembered or Remembered()
        self.state = PanelState(rates=Rates(self._remembered.rates), channel=self._remembered.text("channel"))
        self.library = ShotLibrary(_memory_for_frames())
        self.maker = FrameMaker(self.library, limit_bytes=_PICTURE_BYTES, parent=self)
        self.bridge = BackendBridge(self.library, parent=self)
        self._shower = QtCore.QTimer(self)
        self._shower.setSingleShot(True)
        self._shower.timeout.connect(self._show_changes)
        self._make_widgets()
        self._lay_out()
        self.on_screen = Screen(
            lambda: self.state, library=self.library, maker=self.maker, viewer=self.viewer, parent=self
        )
        self._fetcher = Fetcher(self.bridge, self.library)
        self.player = Player(lambda: self.state, self.change, screen=self.on_screen, parent=self)
        self.dialogs = Dialogs(self, self._remembered)
        self.recent = RecentShots(self._remembered, self.shots, self.bridge)
        self.editing = Editing(lambda: self.state, self.change, viewer=self.viewer, parent=self)
        _connect_widgets(self)
        _bind_keys(self)
        self.refresh_icons()
        self.bridge.watch_channel(self.state.channel)
        self._shown = PanelState()
        self._show_changes()

    # --- the one way the state changes ----------------------------------------------------------------------------

    def change(self, state: PanelState) -> None:
        """Take on a state, show it, and ask for whatever it lacks."""
        old, self.state = self.state, state
        self.editing.note(old, state)
        if state.channel != old.channel:
            self.bridge.watch_channel(state.channel)
        self._show_changes()

    def hear(self, event: Event) -> None:
        """Something happened. Of several events at once the outcome is shown, and not each."""
        if isinstance(event, events.ShotFound):
            self.editing.keep()
        before, self.state = self.state, outcomes.after(self.state, event)
        self._shower.start()
        if isinstance(event, events.ShotFound):
            self.recent.remember(event.shot)
            self.editing.opened(before.shot)
        elif isinstance(event, events.RenderFinished):
            self._remembered.keep_rates(self.state.rates.seconds)

    def _show_changes(self) -> None:
        self._shower.stop()
        if self.state is not self._shown:
            old, self._shown = self._shown, self.state
            self._show(old)

    def _show(self, old: PanelState) -> None:
        state = self.state
        for widget in (
            self.strip, self.badge, self.daemon_page, self.known_shots, self.settings, self.publish_card, self.timeline,
            self.jobs, self.shots,
        ):  # fmt: skip
            widget.show_state(state)
        self.notice.show_notice(state.notice, old.notice)
        self.transport.show_state(state)
        self.view_bar.show_state(state)
        self.files.show_state(state)
        self.on_screen.show_pictures()
        self._fetcher.fetch_missing(state)

    # --- wishes of the artist -------------------------------------------------------------------------------------

    def open_paths(self, paths: list[str]) -> None:
        """Open what was dropped or chosen."""
        self.bridge.open([Path(path) for path in paths])

    def reload(self) -> None:
        """Read plate, matte and clean plate anew: the roto was changed."""
        shot, files = self.state.shot, self.library.files
        if shot is not None:
            self.bridge.reopen(shot.plate, shot.matte, shot.clean, files.clean_only if files is not None else None)

    def choose_clean_frames(self, text: str) -> None:
        """Let the clean plate count for these frames alone; empty: for every frame it has."""
        shot = self.state.shot
        try:
            only = frames_listed(text)
        except BadShot as error:
            self.change(replace(self.state, notice=Notice("error", str(error))))
            return
        if shot is not None and shot.clean:
            self.bridge.reopen(shot.plate, shot.matte, shot.clean, only)

    def render_range(self) -> None:
        """Render the range with the edited settings."""
        if self.state.can_render:
            self.change(replace(self.state, notice=None, is_playing=False))
            self.bridge.render(render_wish_of(self.state))

    def apply(self) -> None:
        """Tell the backend about the edited settings; render nothing."""
        if self.state.can_apply and self.state.daemon.phase == "ready":
            self.bridge.apply(render_wish_of(self.state))

    def publish(self) -> None:
        """Publish what the settings page shows under the panel's channel."""
        if publishing.can_publish(self.state):
            self.bridge.publish(self.state.channel, publishing.settings_to_publish(self.state))

    def withdraw(self) -> None:
        """Publish nothing under the panel's channel: the nodes' own knobs count again."""
        self.bridge.publish(self.state.channel, None)

    def steer(self, shot: ShotLine) -> None:
        """Show a shot's settings, and publish to its channel from here on."""
        self.change(publishing.steering(self.state, shot))
        self._remembered.keep("channel", self.state.channel)
        self.tabs.setCurrentWidget(self.settings_page)

    def choose_channel(self, channel: str) -> None:
        """Publish under another name from here on."""
        self.change(changes.with_channel(self.state, channel))
        self._remembered.keep("channel", self.state.channel)

    def cancel(self) -> None:
        """Cancel what is under way. It is over for the artist at once."""
        if self.state.job is not None:
            self.bridge.cancel()
            self.change(replace(self.state, job=None, notice=Notice("info", "Cancelled. What is finished stays.")))

    def start_backend(self) -> None:
        """Start, or restart, the backend."""
        self.bridge.start()

    def stop_backend(self) -> None:
        """Stop the backend; asks first where it works for others."""
        at_stake = others_at_work(self.state)
        if at_stake and not self.dialogs.may_stop(at_stake):
            return
        self.change(replace(self.state, daemon=replace(self.state.daemon, phase="stopping")))
        self.bridge.stop()

    def export(self, kind: ExportKind, path: Path) -> None:
        """Write the range's result; frames without one are rendered first."""
        if self.state.can_render and (kind != "report" or self.state.report):
            self.bridge.export(ExportWish(kind, path, render_wish_of(self.state), report_of(self.state)))

    def go_to(self, frame: int) -> None:
        """Move the playhead."""
        moved = changes.at_frame(self.state, frame)
        if moved is not self.state:
            self.on_screen.direction = 1 if moved.frame > self.state.frame else -1
        self.change(moved)

    def show_view(self, view: View) -> None:
        """Choose a view."""
        self.change(changes.with_view(self.state, view))

    def toggle_wipe(self) -> None:
        """Wipe on in the middle, or off."""
        self.change(changes.with_wipe(self.state, 0.5 if self.state.wipe is None else None))

    def toggle_previous(self) -> None:
        """A/B: the result before the last change, and back."""
        self.change(changes.with_previous_shown(self.state, not self.state.shows_previous))

    def close_panel(self) -> None:
        """Remember the layout and what is set up, and end the threads."""
        self.editing.keep()
        self.player.stop()
        self._remembered.keep("splitter", self.splitter.saveState())
        self.bridge.close()
        self.maker.close()

    # --- layout ---------------------------------------------------------------------------------------------------

    def _make_widgets(self) -> None:
        self.viewer, self.timeline, self.settings = Viewer(), Timeline(), Settings(memory=self._remembered)
        self.strip, self.daemon_page, self.jobs, self.shots = DaemonStrip(), DaemonPage(), Jobs(), Shots()
        self.badge, self.publish_card, self.known_shots = PublishedBadge(), PublishCard(), KnownShots()
        self.notice, self.view_bar, self.transport = NoticeBar(), ViewBar(), Transport()
        self.files = FileBar(self.badge, 8, self.strip)

    def _lay_out(self) -> None:
        self.settings_page = column_of(self.settings, self.publish_card, filling=self.settings)
        self.tabs = QtWidgets.QTabWidget()
        self.tabs.setDocumentMode(True)
        for widget, name in (
            (self.settings_page, "Settings"), (self.jobs, "Jobs"), (self.shots, "Shots"),
            (column_of(self.daemon_page, self.known_shots, filling=self.known_shots), "Backend"),
        ):  # fmt: skip
            self.tabs.addTab(widget, name)
        self.tabs.tabBar().setAccessibleName("Pages")
        self.tabs.setMinimumWidth(392)
        self.splitter = QtWidgets.QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(column_of(self.viewer, self.view_bar, filling=self.viewer))
        self.splitter.addWidget(self.tabs)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setCollapsible(0, False)
        self.splitter.setSizes([900, 390])
        whole = column_of(self.files, self.notice, self.splitter, self.transport, self.timeline, filling=self.splitter)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(whole)
        remembered = self._remembered.bytes("splitter")
        if remembered is not None:
            self.splitter.restoreState(remembered)

    def refresh_icons(self) -> None:
        """Draw icons anew, after the theme has changed."""
        self.settings.refresh_icons()
        self.notice.refresh_icons()
        self.transport.refresh_icons()
        self.transport.show_state(self.state)


# --- who asks, and what it reaches of the panel -----------------------------------------------------------------------


def _connect_widgets(panel: Panel) -> None:
    panel.bridge.told.connect(panel.hear)
    panel.editing.restored.connect(lambda: panel.bridge.apply(render_wish_of(panel.state)))
    panel.maker.failed.connect(lambda text: panel.change(replace(panel.state, notice=Notice("error", text))))
    panel.viewer.dropped.connect(panel.open_paths)
    panel.viewer.wipe_asked.connect(lambda place: panel.change(changes.with_wipe(panel.state, place)))
    panel.timeline.frame_asked.connect(panel.go_to)
    panel.timeline.first_asked.connect(lambda frame: panel.change(changes.with_range(panel.state, first=frame)))
    panel.timeline.last_asked.connect(lambda frame: panel.change(changes.with_range(panel.state, last=frame)))
    panel.settings.setting_asked.connect(lambda n, v: panel.change(changes.with_setting(panel.state, n, v)))
    panel.settings.default_asked.connect(lambda name: panel.change(changes.with_default(panel.state, name)))
    panel.settings.view_asked.connect(lambda view: panel.change(changes.with_view(panel.state, view)))
    panel.settings.range_asked.connect(
        lambda first, last: panel.change(changes.with_range(panel.state, first=first, last=last))
    )
    panel.settings.invert_asked.connect(panel.bridge.invert_matte)
    panel.settings.clean_frames_asked.connect(panel.choose_clean_frames)
    panel.settings.quality_asked.connect(lambda quality: panel.change(replace(panel.state, quality=quality)))
    panel.settings.apply_asked.connect(panel.apply)
    panel.settings.revert_asked.connect(lambda: panel.change(changes.reverted(panel.state)))
    panel.settings.render_asked.connect(panel.render_range)
    panel.settings.cancel_asked.connect(panel.cancel)
    panel.settings.typed.connect(panel.viewer.setFocus)
    panel.jobs.cancel_asked.connect(panel.cancel)
    panel.shots.reopen_asked.connect(panel.bridge.reopen)
    panel.publish_card.publish_asked.connect(panel.publish)
    panel.publish_card.withdraw_asked.connect(panel.withdraw)
    panel.publish_card.channel_asked.connect(panel.choose_channel)
    panel.known_shots.steer_asked.connect(panel.steer)
    panel.badge.clicked.connect(lambda: panel.tabs.setCurrentWidget(panel.settings_page))
    panel.strip.start_asked.connect(panel.start_backend)
    panel.strip.stop_asked.connect(panel.stop_backend)
    _connect_bars(panel)


def _connect_bars(panel: Panel) -> None:
    view_bar, files = panel.view_bar, panel.files
    panel.viewer.pointed.connect(view_bar.pointed.setText)
    panel.viewer.zoom_changed.connect(lambda zoom: view_bar.show_zoom(zoom if panel.state.shot is not None else None))
    view_bar.view_asked.connect(panel.show_view)
    view_bar.wipe.clicked.connect(panel.toggle_wipe)
    view_bar.previous.clicked.connect(panel.toggle_previous)
    view_bar.against_asked.connect(lambda against: panel.change(changes.with_against(panel.state, against)))
    view_bar.exposure.valueChanged.connect(lambda value: panel.change(replace(panel.state, exposure=value)))
    view_bar.gamma.valueChanged.connect(lambda value: panel.change(replace(panel.state, gamma=value)))
    view_bar.zoom.clicked.connect(panel.viewer.fit)
    panel.transport.step_asked.connect(lambda name: _steps(panel)[name]())
    panel.notice.act.clicked.connect(lambda: _act_on_notice(panel))
    panel.notice.dismiss.clicked.connect(lambda: panel.change(replace(panel.state, notice=None)))
    files.open_asked.connect(lambda what: _open_chosen(panel, what))
    files.drop_clean_asked.connect(panel.bridge.drop_clean)
    files.reload_asked.connect(panel.reload)
    files.export_asked.connect(lambda kind: _export_chosen(panel, kind))


def _steps(panel: Panel) -> Mapping[str, Callable[[], None]]:
    return {
        "first": lambda: panel.go_to(panel.state.first),
        "previous": lambda: panel.go_to(panel.state.frame - 1),
        "play": panel.player.toggle,
        "next": lambda: panel.go_to(panel.state.frame + 1),
        "last": lambda: panel.go_to(panel.state.last),
    }


def _act_on_notice(panel: Panel) -> None:
    notice = panel.state.notice
    if notice is not None:
        {
            "start": panel.start_backend, "restart": panel.start_backend, "render": panel.render_range,
            "publish": panel.publish,
        }[notice.action]()  # fmt: skip


def _open_chosen(panel: Panel, what: str) -> None:
    path = panel.dialogs.file_to_open(what, panel.state)
    if path is not None:
        panel.bridge.open_as(what, path)


def _export_chosen(panel: Panel, kind: ExportKind) -> None:
    files = panel.library.files
    path = panel.dialogs.place_to_export(kind, panel.state, files) if files is not None else None
    if path is not None:
        panel.export(kind, path)


def _bind_keys(panel: Panel) -> None:
    """Keys as compositors expect them; none is taken from a field that is being typed in."""
    keys: Mapping[str, Callable[[], None]] = {
        "Space": panel.player.toggle,
        "Left": lambda: panel.go_to(panel.state.frame - 1),
        "Right": lambda: panel.go_to(panel.state.frame + 1),
        "Shift+Left": lambda: panel.go_to(panel.state.frame - 10),
        "Shift+Right": lambda: panel.go_to(panel.state.frame + 10),
        "Home": lambda: panel.go_to(panel.state.first),
        "End": lambda: panel.go_to(panel.state.last),
        "I": lambda: panel.change(changes.with_range(panel.state, first=panel.state.frame)),
        "O": lambda: panel.change(changes.with_range(panel.state, last=panel.state.frame)),
        "+": lambda: panel.viewer.zoom_by(1.25),
        "=": lambda: panel.viewer.zoom_by(1.25),
        "-": lambda: panel.viewer.zoom_by(0.8),
        "F": panel.viewer.fit,
        "W": panel.toggle_wipe,
        "B": panel.toggle_previous,
        "R": panel.reload,
        "Ctrl+Return": panel.render_range,
        "Esc": panel.cancel,
        **{str(number): lambda view=view: panel.show_view(view) for number, view in enumerate(VIEWS, 1)},  # type: ignore[misc]
    }
    for key, act in keys.items():
        shortcut = QShortcut(QtGui.QKeySequence(key), panel)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(act)


def _memory_for_frames() -> int:
    """A quarter of this machine's memory, at most 4 GB."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        total = 8 << 30
    return min(4 << 30, total // 4)
