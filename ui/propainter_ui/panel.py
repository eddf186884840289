"""The panel: one state, the widgets that show it, the bridge that carries out what is asked.

Here: every wish of the artist (``PanelState`` in, ``PanelState`` out) and what it entails for the bridge. Not here: which
menu or key asks for it (``commands.py``, ``menus.py``), which widget does (``wiring.py``), where the widgets stand
(``layout.py``), asking for files (``files.py``), which pictures are shown (``screen.py``), any decision that can be made
without Qt (``state/``).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from propainter_os.limits import machine_memory_bytes
from propainter_ui.batch import Batch
from propainter_ui.bridge.backend_bridge import BackendBridge
from propainter_ui.bridge.wishes import ExportWish, render_wish_of, report_of
from propainter_ui.commands import Commands
from propainter_ui.desk.desk import MatteDesk
from propainter_ui.dialogs import Dialogs
from propainter_ui.editing import Editing
from propainter_ui.fetching import Fetcher
from propainter_ui.files import Files
from propainter_ui.keys import WheelGuard, leave_focus_on_click, order_tabs
from propainter_ui.layout import lay_out, turn_to
from propainter_ui.playing import Player
from propainter_ui.qt import QtCore, QtWidgets, Signal
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
from propainter_ui.state.panel_state import Notice, PanelState, View
from propainter_ui.state.shown import others_at_work
from propainter_ui.state.wipe import Wipe
from propainter_ui.surface import Surface
from propainter_ui.widgets.daemon import DaemonPage, DaemonStrip
from propainter_ui.widgets.file_bar import FileBar
from propainter_ui.widgets.jobs import Jobs, Shots
from propainter_ui.widgets.matte_page import MattePage
from propainter_ui.widgets.notice import NoticeBar
from propainter_ui.widgets.publishing import KnownShots, PublishCard, PublishedBadge
from propainter_ui.widgets.queue import QueuePage
from propainter_ui.widgets.settings import Settings
from propainter_ui.widgets.timeline import Timeline
from propainter_ui.widgets.transport import Transport
from propainter_ui.widgets.view_bar import ViewBar
from propainter_ui.widgets.viewer import Viewer
from propainter_ui.widgets.welcome import Welcome
from propainter_ui.wiring import connect
from propainter_wire.messages import ShotLine

_PICTURE_BYTES = 384 << 20


class Panel(Surface):
    """The whole panel, to stand alone or be docked. ``close_panel`` before it is thrown away.

    Its many methods are short: each is one wish of the artist, and menus, keys and widgets all ask here, so that what a wish
    entails stands once.
    """

    has_window_of_its_own = True
    """Whether keys such as Ctrl+O are its own to take: in a host they are the host's."""
    tabs: QtWidgets.QTabWidget
    splitter: QtWidgets.QSplitter
    state_shown = Signal(object)
    """The ``PanelState`` the widgets show from now on."""

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
        lay_out(self, self._remembered.bytes("splitter"))
        self.on_screen = Screen(
            lambda: self.state, library=self.library, maker=self.maker, viewer=self.viewer, parent=self
        )
        self._fetcher = Fetcher(self.bridge, self.library)
        self.player = Player(lambda: self.state, self.change, screen=self.on_screen, parent=self)
        self.dialogs = Dialogs(self, self._remembered)
        self.recent = RecentShots(self._remembered, (self.shots, self.welcome), self.bridge)
        self.editing = Editing(lambda: self.state, self.change, viewer=self.viewer, parent=self)
        self.files = Files(self, self.dialogs)
        self.desk = MatteDesk(self)
        self.batch = Batch(self)
        self.commands = Commands(self)
        connect(self)
        self._wheel_guard = WheelGuard(self)
        for page in (self.settings, self.matte_page):
            self._wheel_guard.watch(page)
        leave_focus_on_click(self)
        order_tabs(self)
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
        self.desk.note(old, state)
        self._show_changes()

    def hear(self, event: Event) -> None:
        """Something happened. Of several events at once the outcome is shown, and not each."""
        if isinstance(event, events.ShotFound):
            self.editing.keep()
        before, self.state = self.state, outcomes.after(self.state, event)
        self._shower.start()
        self.desk.note(before, self.state)
        self.desk.hear(event, before)
        if isinstance(event, events.ShotFound):
            self.recent.remember(event.shot)
            self.editing.opened(before.shot, recalls_matte=not self.batch.is_running)
        elif isinstance(event, events.MatteUnread):
            self.editing.unread(event.path)
        elif isinstance(event, events.RenderFinished):
            self._remembered.keep_rates(self.state.rates.seconds)
        self.batch.hear(event)  # last: what was kept of a shot gives way to what the queue has for it

    def _show_changes(self) -> None:
        self._shower.stop()
        if self.state is not self._shown:
            old, self._shown = self._shown, self.state
            self._show(old)

    def _show(self, old: PanelState) -> None:
        state = self.state
        for widget in (
            self.strip, self.badge, self.daemon_page, self.known_shots, self.settings, self.publish_card, self.timeline,
            self.jobs, self.shots, self.matte_page,
        ):  # fmt: skip
            widget.show_state(state)
        self.notice.show_notice(state.notice, old.notice)
        self.transport.show_state(state)
        self.view_bar.show_state(state)
        self.file_bar.show_state(state)
        self.commands.show_state(state)
        self.batch.show()
        self._show_welcome(state)
        self.on_screen.show_pictures()
        self._fetcher.fetch_missing(state)
        self.state_shown.emit(state)

    def _show_welcome(self, state: PanelState) -> None:
        if self.welcome.isHidden() == (state.shot is None):
            had_focus = self.welcome.isAncestorOf(self.focusWidget() or self)
            self.welcome.setVisible(state.shot is None)
            if had_focus:
                self.take_focus()

    def take_focus(self) -> None:
        """Put the focus where work begins: on the picture, or on Open while there is none."""
        (self.viewer if self.state.shot is not None else self.welcome.open).setFocus()

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
        if self.state.can_render and not self.desk.tracks_first(self.render_range):
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
        self.show_page(self.settings)

    def show_page(self, widget: QtWidgets.QWidget) -> None:
        """Turn to the page a widget is on, and scroll to it."""
        turn_to(self.tabs, widget)

    def choose_channel(self, channel: str) -> None:
        """Publish under another name from here on."""
        self.change(changes.with_channel(self.state, channel))
        self._remembered.keep("channel", self.state.channel)

    def cancel(self) -> None:
        """Cancel what is under way, and a queue that runs. It is over for the artist at once."""
        if self.batch.is_running:
            self.batch.stop()
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

    def export(self, kind: ExportKind, path: Path, ending: str | None = None) -> None:
        """Write the range's result; frames without one are rendered first. ending: of a sequence's files."""
        if kind != "report" and self.desk.tracks_first(lambda: self.export(kind, path, ending)):
            return
        if self.state.can_render and (kind != "report" or self.state.report):
            self.bridge.export(ExportWish(kind, path, render_wish_of(self.state), report_of(self.state), ending))

    def go_to(self, frame: int) -> None:
        """Move the playhead."""
        moved = changes.at_frame(self.state, frame)
        if moved is not self.state:
            self.on_screen.direction = 1 if moved.frame > self.state.frame else -1
        self.change(moved)

    def set_range(self, *, first: int | None = None, last: int | None = None) -> None:
        """Move the in or the out point."""
        self.change(changes.with_range(self.state, first=first, last=last))

    def show_view(self, view: View) -> None:
        """Choose a view."""
        self.change(changes.with_view(self.state, view))

    def toggle_wipe(self) -> None:
        """Wipe on in the middle, or off."""
        self.change(changes.with_wipe(self.state, Wipe() if self.state.wipe is None else None))

    def toggle_previous(self) -> None:
        """A/B: the result before the last change, and back."""
        self.change(changes.with_previous_shown(self.state, not self.state.shows_previous))

    def close_panel(self) -> None:
        """Remember the layout and what is set up, and end the threads."""
        self.editing.keep()
        self.desk.keeping.keep()
        self.player.stop()
        self._remembered.keep("splitter", self.splitter.saveState())
        self.bridge.close()
        self.maker.close()

    def refresh_icons(self) -> None:
        """Draw icons anew, after the theme has changed."""
        self.settings.refresh_icons()
        self.notice.refresh_icons()
        self.transport.refresh_icons()
        self.transport.show_state(self.state)

    def _make_widgets(self) -> None:
        self.viewer, self.timeline, self.settings = Viewer(), Timeline(), Settings(memory=self._remembered)
        self.strip, self.daemon_page, self.jobs, self.shots = DaemonStrip(), DaemonPage(), Jobs(), Shots()
        self.badge, self.publish_card, self.known_shots = PublishedBadge(), PublishCard(), KnownShots()
        self.notice, self.view_bar, self.transport, self.welcome = NoticeBar(), ViewBar(), Transport(), Welcome()
        self.matte_page = MattePage(memory=self._remembered)
        self.file_bar, self.queue_page = FileBar(self.badge, 8, self.strip), QueuePage()


def _memory_for_frames() -> int:
    """A quarter of this machine's memory, at most 4 GB."""
    return min(4 << 30, machine_memory_bytes() // 4)
