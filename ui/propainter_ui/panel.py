"""The panel: one state, the widgets that show it, the bridge that carries out what is asked.

Here: every wish of the artist (``PanelState`` in, ``PanelState`` out) and what it entails for bridge and viewer; keys;
layout. Not here: any of the widgets, any decision that can be made without Qt (``panel_state.py``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from propainter_ui.bridge.backend_bridge import BackendBridge
from propainter_ui.bridge.wishes import ExportWish, LookWish, RenderWish
from propainter_ui.look import COLOURS, icon
from propainter_ui.qt import QAction, QActionGroup, QShortcut, Qt, QtCore, QtGui, QtWidgets
from propainter_ui.remembered import Remembered
from propainter_ui.shot.export import EXPORT_NAMES, ExportKind
from propainter_ui.shot.frame_maker import FrameMaker, PictureWish
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.picture import Display
from propainter_ui.shot.shot_files import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from propainter_ui.state import changes, events, outcomes, panel_state, publishing, shown
from propainter_ui.state.estimates import Rates
from propainter_ui.state.events import Event
from propainter_ui.state.panel_state import VIEW_NAMES, VIEWS, Notice, PanelState, View
from propainter_ui.widgets.daemon import DaemonPage, DaemonStrip
from propainter_ui.widgets.jobs import Jobs, RecentShot, Shots
from propainter_ui.widgets.publishing import KnownShots, PublishCard, PublishedBadge
from propainter_ui.widgets.settings import Settings
from propainter_ui.widgets.timeline import Timeline
from propainter_ui.widgets.viewer import Shown, Viewer
from propainter_wire.messages import ShotLine

_PICTURE_BYTES = 384 << 20
_AHEAD = 6
"""Pictures made ahead of the playhead, in the direction it moves."""
_INVITATION = (
    "Drop a plate and its roto matte here\n"
    "Folders of frames, a frame of a sequence, or videos. White is removed. A clean plate may come along."
)


class Panel(QtWidgets.QWidget):
    """The whole panel, to stand alone or be docked. ``close_panel`` before it is thrown away."""

    def __init__(self, parent: QtWidgets.QWidget | None = None, *, remembered: Remembered | None = None) -> None:
        super().__init__(parent)
        self.state = PanelState()
        self._remembered = remembered or Remembered()
        self._recent = self._remembered.recent
        self.state = replace(self.state, rates=Rates(self._remembered.rates), channel=self._remembered.text("channel"))
        self.library = ShotLibrary(_memory_for_frames())
        self.maker = FrameMaker(self.library, limit_bytes=_PICTURE_BYTES, parent=self)
        self.bridge = BackendBridge(self.library, parent=self)
        self._direction = 1
        self._showing: PictureWish | None = None
        self._pending: tuple[PictureWish, ...] = ()
        self._fetched_for: object = None
        self._shower = QtCore.QTimer(self)
        self._shower.setSingleShot(True)
        self._shower.timeout.connect(self._show_changes)
        self._player = QtCore.QTimer(self)
        self._player.setTimerType(Qt.TimerType.PreciseTimer)
        self._player.timeout.connect(self._play_on)
        self._make_widgets()
        self._lay_out()
        self._connect()
        self._bind_keys()
        self._restore()
        self.bridge.watch_channel(self.state.channel)
        self._shown = PanelState()
        self._show_changes()

    # --- the one way the state changes ----------------------------------------------------------------------------

    def change(self, state: PanelState) -> None:
        """Take on a state, show it, and ask for whatever it lacks."""
        old, self.state = self.state, state
        if state.channel != old.channel:
            self.bridge.watch_channel(state.channel)
        self._show_changes()

    def hear(self, event: Event) -> None:
        """Something happened. Of several events at once the outcome is shown, and not each."""
        self.state = outcomes.after(self.state, event)
        self._shower.start()
        if isinstance(event, events.ShotFound):
            self._remember_shot(event.shot)
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
        self._show_notice(state.notice, old.notice)
        self._show_status(state)
        self._show_bar(state)
        self._show_pictures()
        self._fetch_missing()

    # --- wishes of the artist -------------------------------------------------------------------------------------

    def open_paths(self, paths: list[str]) -> None:
        """Open what was dropped or chosen."""
        self.bridge.open([Path(path) for path in paths])

    def reload(self) -> None:
        """Read plate, matte and clean plate anew: the roto was changed."""
        shot, files = self.state.shot, self.library.files
        if shot is not None:
            self.bridge.reopen(shot.plate, shot.matte, shot.clean, files.clean_only if files is not None else None)

    def render_range(self) -> None:
        """Render the range with the edited settings."""
        if self.state.can_render:
            self.change(replace(self.state, notice=None, is_playing=False))
            self.bridge.render(self._render_wish())

    def apply(self) -> None:
        """Tell the backend about the edited settings; render nothing."""
        if self.state.can_apply and self.state.daemon.phase == "ready":
            self.bridge.apply(self._render_wish())

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
        """Cancel what is under way."""
        self.bridge.cancel()

    def start_backend(self) -> None:
        """Start, or restart, the backend."""
        self.bridge.start()

    def stop_backend(self) -> None:
        """Stop the backend."""
        self.change(replace(self.state, daemon=replace(self.state.daemon, phase="stopping")))
        self.bridge.stop()

    def export(self, kind: ExportKind, path: Path) -> None:
        """Write the range's result; frames without one are rendered first."""
        if self.state.can_render and (kind != "report" or self.state.report):
            self.bridge.export(ExportWish(kind, path, self._render_wish(), self._report()))

    def go_to(self, frame: int) -> None:
        """Move the playhead."""
        moved = changes.at_frame(self.state, frame)
        if moved is not self.state:
            self._direction = 1 if moved.frame > self.state.frame else -1
        self.change(moved)

    def toggle_play(self) -> None:
        """Play the range, or stop."""
        is_playing = not self.state.is_playing and self.state.shot is not None
        self.change(replace(self.state, is_playing=is_playing))
        if is_playing and self.state.shot is not None:
            self._player.start(max(1, round(1000 / self.state.shot.fps)))
        else:
            self._player.stop()

    def show_view(self, view: View) -> None:
        """Choose a view."""
        self.change(changes.with_view(self.state, view))

    def toggle_wipe(self) -> None:
        """Wipe on in the middle, or off."""
        self.change(changes.with_wipe(self.state, 0.5 if self.state.wipe is None else None))

    def toggle_previous(self) -> None:
        """A/B: the result before the last change, and back."""
        self.change(changes.with_previous_shown(self.state, not self.state.shows_previous))

    def _render_wish(self) -> RenderWish:
        s = self.state
        return RenderWish(s.settings, s.quality, s.first, s.last, min(max(s.frame, s.first), s.last))

    def _report(self) -> dict[str, Any]:
        s, shot = self.state, self.state.shot
        return {
            "shot": vars(shot) if shot else {}, "range": {"first": s.first, "last": s.last},
            "backend": {"version": s.daemon.server, "device": s.daemon.device, "licence": s.daemon.licence},
            "quality": s.applied_quality, **s.report,
        }  # fmt: skip

    # --- pictures -------------------------------------------------------------------------------------------------

    def _wish_for(self, view: View, frame: int, *, previous: bool = False) -> PictureWish:
        s = self.state
        is_result = view in ("result", "unseen", "difference")
        revision = (s.previous_revision if previous else s.revision) if is_result else 0
        display = Display(s.exposure, s.gamma, s.shot.is_linear if s.shot else False)
        grow = s.settings.grow if view == "matte" else 0
        return PictureWish(self.library.serial, view, frame, revision or 0, display, grow)

    def _wishes(self, frame: int) -> tuple[PictureWish, PictureWish | None]:
        """What is shown at a frame: the picture, and what is left of the wipe."""
        s = self.state
        after = self._wish_for(s.view, frame, previous=s.shows_previous)
        if s.wipe is None:
            return after, None
        is_previous = s.against == "previous" and bool(s.previous_results)
        return after, self._wish_for("result" if is_previous else "plate", frame, previous=is_previous)

    def _show_pictures(self) -> None:
        """Show what is at hand of the playhead's frame, and have the rest made."""
        s = self.state
        if s.shot is None:
            self.viewer.invite(_INVITATION)
            self.viewer.show_pictures(None, None, None, "")
            return
        after, before = self._wishes(s.frame)
        shown, hint = self.maker.picture(after), ""
        if shown is None and not self._can_be_made(after):
            hint = self._lack_of(after)
            after = self._wish_for("plate", s.frame)
            shown = self.maker.picture(after)
        left = self.maker.picture(before) if before is not None else None
        self._pending = tuple(w for w in (after, before) if w is not None and self.maker.picture(w) is None)
        self.maker.ask([*self._pending, *self._ahead()])
        if shown is None:
            return  # what is on the screen stays there until the new picture comes
        self._showing = after
        name = "Previous result" if s.shows_previous and after.revision else VIEW_NAMES[after.view]
        old = None if left is None or before is None else Shown(left, _left_name(before))
        self.viewer.show_pictures(Shown(shown, f"{name}  ·  {after.frame}"), old, s.wipe, hint)

    def _ahead(self) -> list[PictureWish]:
        """The pictures the playhead will come to next."""
        s, shot = self.state, self.state.shot
        assert shot is not None
        frames = [s.frame + self._direction * step for step in range(1, _AHEAD + 1)]
        wishes = [self._wishes(frame) for frame in frames if shot.first <= frame <= shot.last]
        return [wish for pair in wishes for wish in pair if wish is not None and self._can_be_made(wish)]

    def _can_be_made(self, wish: PictureWish) -> bool:
        s = self.state
        if wish.view == "plate":
            return True
        if wish.view == "matte":
            return bool(s.shot and s.shot.matte)
        has_result = self.library.patch("result", wish.revision, wish.frame) is not None
        if wish.view == "unseen":
            return has_result and self.library.patch("unseen", wish.revision, wish.frame) is not None
        return has_result

    def _lack_of(self, wish: PictureWish) -> str:
        """Why there is no such picture, for the bottom of the viewer."""
        s = self.state
        if s.shot is not None and not s.shot.matte:
            return "No matte yet: drop one here"
        if s.shows_previous:
            return "No earlier result of this frame"
        if wish.view == "unseen" and wish.frame in s.results:
            return "Asking what was never seen …" if s.daemon.phase == "ready" else "Needs the backend"
        if s.job is not None and s.job.kind == "rendering" and s.job.first <= wish.frame <= s.job.last:
            return "Plate: the result of this frame is on its way"
        return "Plate: this frame has no result yet"

    def _picture_made(self, wish: PictureWish) -> None:
        if wish in self._pending:
            self._show_pictures()

    def _fetch_missing(self) -> None:
        """Ask the backend for what it has and the screen lacks: the playhead's frame first.

        Asked anew only when the playhead or what the backend has is another: frames that arrive do not start it over.
        """
        s = self.state
        if s.daemon.phase != "ready" or s.shot is None or not s.shot.matte or s.is_playing:
            return
        lacks_playhead = s.frame in s.results and self.library.patch("result", s.revision, s.frame) is None
        wanted = (s.frame, s.view, s.revision, s.bands, s.job.stage if s.job else "", lacks_playhead, s.daemon.pid)
        if wanted == self._fetched_for:
            return
        self._fetched_for = wanted
        frames = [s.frame] if lacks_playhead else []
        if s.job is None:
            frames += shown.frames_to_fetch(s)
        elif s.job.kind == "rendering" and s.frame not in s.results and s.job.stage in ("painting", "composite"):
            frames = [s.frame]  # looked at now: before the others of the range
        has_unseen = self.library.patch("unseen", s.revision, s.frame) is not None
        unseen = [s.frame] if s.view == "unseen" and s.frame in s.results and not has_unseen else []
        if frames or unseen:
            self.bridge.look(LookWish(s.applied, s.applied_quality, tuple(frames), tuple(unseen)))

    def _play_on(self) -> None:
        if not self._pending:  # every frame is shown; a slow disk makes it slower, not jumpy
            self._direction = 1
            self.change(changes.played_on(self.state))

    # --- showing what no widget of its own shows ------------------------------------------------------------------

    def _show_notice(self, notice: Notice | None, old: Notice | None) -> None:
        self.notice.setVisible(notice is not None)
        if notice is None or (notice == old and self.notice.objectName() == f"notice_{notice.level}"):
            return
        self.notice.setObjectName(f"notice_{notice.level}")
        self.notice.style().unpolish(self.notice)
        self.notice.style().polish(self.notice)
        self._notice_text.setText(notice.text)
        self._notice_text.setAccessibleDescription(notice.text)
        names = {
            "start": "Start backend", "restart": "Restart backend", "render": "Render", "publish": "Publish", "": "",
        }  # fmt: skip
        self._notice_act.setText(names[notice.action])
        self._notice_act.setAccessibleName(names[notice.action] or "No action")
        self._notice_act.setVisible(bool(notice.action))

    def _act_on_notice(self) -> None:
        notice = self.state.notice
        if notice is not None:
            {
                "start": self.start_backend, "restart": self.start_backend, "render": self.render_range,
                "publish": self.publish,
            }[notice.action]()  # fmt: skip

    def _show_status(self, state: PanelState) -> None:
        job = state.job
        self._progress.setVisible(job is not None)
        if job is not None:
            share = job.share
            self._progress.setRange(0, 0 if share is None else 1000)
            self._progress.setValue(round((share or 0) * 1000))
            self._status.setText(job.sentence)
        else:
            self._status.setText(_place_text(state))

    def _show_zoom(self, zoom: float) -> None:
        self._zoom.setText(f"{zoom * 100:.0f} %" if self.state.shot is not None else "Fit")

    def _show_bar(self, state: PanelState) -> None:
        for view, button in self._view_buttons.items():
            button.setChecked(view == state.view)
        self._wipe.setChecked(state.wipe is not None)
        self._against.setVisible(state.wipe is not None and bool(state.previous_results))
        if self._against.currentData() != state.against:
            self._against.setCurrentIndex(self._against.findData(state.against))
        self._previous.setChecked(state.shows_previous)
        self._previous.setEnabled(bool(state.previous_results))
        for box, value in ((self._exposure, state.exposure), (self._gamma, state.gamma)):
            if box.value() != value:
                box.blockSignals(True)
                box.setValue(value)
                box.blockSignals(False)
        has_shot = state.shot is not None
        for button in self._transport:
            button.setEnabled(has_shot)
        if self._play.property("playing") != state.is_playing:
            self._play.setProperty("playing", state.is_playing)
            self._play.setIcon(icon("pause" if state.is_playing else "play", self))
        self._export.setEnabled(state.can_render)
        self._reload.setEnabled(has_shot)
        self._open_clean.setEnabled(has_shot)
        self._drop_clean.setEnabled(state.shot is not None and bool(state.shot.clean))
        for kind, action in self._export_actions.items():
            action.setEnabled(kind != "report" or bool(state.report))

    # --- widgets --------------------------------------------------------------------------------------------------

    def _make_widgets(self) -> None:
        self.viewer, self.timeline, self.settings = Viewer(), Timeline(), Settings()
        self.strip, self.daemon_page, self.jobs, self.shots = DaemonStrip(), DaemonPage(), Jobs(), Shots()
        self.badge, self.publish_card, self.known_shots = PublishedBadge(), PublishCard(), KnownShots()
        self._make_notice()
        self._make_view_bar()
        self._make_transport()
        self._export = _menu_button("Export", "Write the result of the range as files")
        self._export_actions = {kind: self._export_action(kind) for kind in EXPORT_NAMES}
        self._export.menu().addActions(list(self._export_actions.values()))
        self._open = _menu_button("Open", "Open a plate, a matte or a clean plate")
        for name, what in (("Plate", "plate"), ("Matte", "matte"), ("Clean plate", "clean")):
            action = self._open.menu().addAction(f"{name}: any frame, or a video …")
            action.triggered.connect(lambda _=False, what=what: self._choose_file(what))
        self._open_clean = action
        self._drop_clean = self._open.menu().addAction("Do without the clean plate")
        self._drop_clean.triggered.connect(lambda: self.bridge.drop_clean())
        self._reload = QtWidgets.QPushButton("Reload")
        self._reload.setAccessibleName("Reload files")
        self._reload.setToolTip("Read all files anew (R); what did not change stays cached")

    def _make_notice(self) -> None:
        self.notice = QtWidgets.QFrame()
        self._notice_text, self._notice_act = QtWidgets.QLabel(), QtWidgets.QPushButton()
        self._notice_text.setWordWrap(True)
        self._notice_text.setAccessibleName("Message")
        self._notice_close = QtWidgets.QToolButton()
        self._notice_close.setObjectName("quiet")
        self._notice_close.setAccessibleName("Dismiss message")
        row = QtWidgets.QHBoxLayout(self.notice)
        row.setContentsMargins(14, 7, 10, 7)
        row.addWidget(self._notice_text, 1)
        row.addWidget(self._notice_act)
        row.addWidget(self._notice_close)

    def _make_view_bar(self) -> None:
        self._view_buttons: dict[View, QtWidgets.QToolButton] = {}
        for number, view in enumerate(VIEWS, start=1):
            button = QtWidgets.QToolButton()
            button.setText(VIEW_NAMES[view])
            button.setCheckable(True)
            button.setAccessibleName(f"View: {VIEW_NAMES[view]}")
            button.setToolTip(f"{_VIEW_HELP[view]} ({number})")
            button.clicked.connect(lambda _=False, view=view: self.show_view(view))
            self._view_buttons[view] = button
        self._wipe = _toggle("Wipe", "Compare: drag the line in the picture (W)")
        self._against = QtWidgets.QComboBox()
        self._against.setAccessibleName("Compare with")
        self._against.addItem("against plate", "plate")
        self._against.addItem("against previous result", "previous")
        self._previous = _toggle("A/B", "The result before the last change of settings, and back (B)")
        self._exposure = _number("Exposure, stops", -10, 10, 0.25, "EV ")
        self._gamma = _number("Gamma", 0.2, 4, 0.1, "γ ")
        self._zoom = QtWidgets.QToolButton()
        self._zoom.setText("Fit")
        self._zoom.setMinimumWidth(64)
        self._zoom.setAccessibleName("Fit picture to viewer")
        self._zoom.setToolTip("Show the whole picture (F); wheel zooms, middle button pans, + and - zoom")
        self._pointed = QtWidgets.QLabel()
        self._pointed.setObjectName("dim")
        self._pointed.setAccessibleName("Colour under the pointer")
        self._pointed.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._pointed.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)

    def _make_transport(self) -> None:
        self._transport: list[QtWidgets.QToolButton] = []
        steps: tuple[tuple[str, str, Callable[[], None]], ...] = (
            ("first", "First frame of the range (Home)", lambda: self.go_to(self.state.first)),
            ("previous", "One frame back (Left)", lambda: self.go_to(self.state.frame - 1)),
            ("play", "Play the range (Space)", self.toggle_play),
            ("next", "One frame on (Right)", lambda: self.go_to(self.state.frame + 1)),
            ("last", "Last frame of the range (End)", lambda: self.go_to(self.state.last)),
        )
        for name, tip, act in steps:
            button = QtWidgets.QToolButton()
            button.setAccessibleName(tip.partition(" (")[0])
            button.setToolTip(tip)
            button.setProperty("icon_name", name)
            button.clicked.connect(act)
            self._transport.append(button)
        self._play = self._transport[2]
        self._status, self._progress = QtWidgets.QLabel(), QtWidgets.QProgressBar()
        self._status.setAccessibleName("Status")
        self._progress.setAccessibleName("Progress")
        self._progress.setTextVisible(False)
        self._progress.setFixedSize(180, 6)

    def _export_action(self, kind: ExportKind) -> QAction:
        action = QAction(f"{EXPORT_NAMES[kind]} …", self)
        action.triggered.connect(lambda _=False: self._choose_export(kind))
        return action

    # --- layout ---------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.settings_page = _column(self.settings, self.publish_card)
        self.tabs = QtWidgets.QTabWidget()
        self.tabs.setDocumentMode(True)
        for widget, name in (
            (self.settings_page, "Settings"), (self.jobs, "Jobs"), (self.shots, "Shots"),
            (_column(self.daemon_page, self.known_shots), "Backend"),
        ):  # fmt: skip
            self.tabs.addTab(widget, name)
        self.tabs.tabBar().setAccessibleName("Pages")
        self.tabs.setMinimumWidth(392)
        self.splitter = QtWidgets.QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(_column(self.viewer, _bar(*self._view_bar_widgets())))
        self.splitter.addWidget(self.tabs)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setCollapsible(0, False)
        self.splitter.setSizes([900, 390])
        top = _bar(self._open, self._reload, self._export, None, self.badge, 8, self.strip, name="strip")
        bottom = _bar(*self._transport, 12, self._status, self._progress)
        whole = _column(top, self.notice, self.splitter, bottom, self.timeline)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(whole)

    def _view_bar_widgets(self) -> list[QtWidgets.QWidget | int | None]:
        return [
            *self._view_buttons.values(), 8, self._wipe, self._against, self._previous, self._pointed, 8,
            self._exposure, self._gamma, self._zoom,
        ]  # fmt: skip

    def _connect(self) -> None:
        self.bridge.told.connect(self.hear)
        self.maker.made.connect(self._picture_made)
        self.maker.failed.connect(lambda text: self.change(replace(self.state, notice=Notice("error", text))))
        self.viewer.dropped.connect(self.open_paths)
        self.viewer.wipe_asked.connect(lambda place: self.change(changes.with_wipe(self.state, place)))
        self.viewer.pointed.connect(self._pointed.setText)
        self.viewer.zoom_changed.connect(self._show_zoom)
        self.timeline.frame_asked.connect(self.go_to)
        self.timeline.first_asked.connect(lambda frame: self.change(changes.with_range(self.state, first=frame)))
        self.timeline.last_asked.connect(lambda frame: self.change(changes.with_range(self.state, last=frame)))
        self.settings.setting_asked.connect(lambda n, v: self.change(changes.with_setting(self.state, n, v)))
        self.settings.default_asked.connect(lambda name: self.change(changes.with_default(self.state, name)))
        self.settings.quality_asked.connect(lambda quality: self.change(replace(self.state, quality=quality)))
        self.settings.apply_asked.connect(self.apply)
        self.settings.revert_asked.connect(lambda: self.change(changes.reverted(self.state)))
        self.settings.render_asked.connect(self.render_range)
        self.settings.cancel_asked.connect(self.cancel)
        self.settings.typed.connect(self.viewer.setFocus)
        self.jobs.cancel_asked.connect(self.cancel)
        self.shots.reopen_asked.connect(self.bridge.reopen)
        self.publish_card.publish_asked.connect(self.publish)
        self.publish_card.withdraw_asked.connect(self.withdraw)
        self.publish_card.channel_asked.connect(self.choose_channel)
        self.known_shots.steer_asked.connect(self.steer)
        self.badge.clicked.connect(lambda: self.tabs.setCurrentWidget(self.settings_page))
        self.strip.start_asked.connect(self.start_backend)
        self.strip.stop_asked.connect(self.stop_backend)
        self._notice_act.clicked.connect(self._act_on_notice)
        self._notice_close.clicked.connect(lambda: self.change(replace(self.state, notice=None)))
        self._reload.clicked.connect(self.reload)
        self._wipe.clicked.connect(self.toggle_wipe)
        self._previous.clicked.connect(self.toggle_previous)
        self._against.activated.connect(
            lambda _: self.change(changes.with_against(self.state, self._against.currentData()))
        )
        self._exposure.valueChanged.connect(lambda value: self.change(replace(self.state, exposure=value)))
        self._gamma.valueChanged.connect(lambda value: self.change(replace(self.state, gamma=value)))
        self._zoom.clicked.connect(self.viewer.fit)

    def _bind_keys(self) -> None:
        """Keys as compositors expect them; none is taken from a field that is being typed in."""
        keys: Mapping[str, Callable[[], None]] = {
            "Space": self.toggle_play,
            "Left": lambda: self.go_to(self.state.frame - 1),
            "Right": lambda: self.go_to(self.state.frame + 1),
            "Shift+Left": lambda: self.go_to(self.state.frame - 10),
            "Shift+Right": lambda: self.go_to(self.state.frame + 10),
            "Home": lambda: self.go_to(self.state.first),
            "End": lambda: self.go_to(self.state.last),
            "I": lambda: self.change(changes.with_range(self.state, first=self.state.frame)),
            "O": lambda: self.change(changes.with_range(self.state, last=self.state.frame)),
            "+": lambda: self.viewer.zoom_by(1.25),
            "=": lambda: self.viewer.zoom_by(1.25),
            "-": lambda: self.viewer.zoom_by(0.8),
            "F": self.viewer.fit,
            "W": self.toggle_wipe,
            "B": self.toggle_previous,
            "R": self.reload,
            "Ctrl+Return": self.render_range,
            "Esc": self.cancel,
            **{str(number): lambda view=view: self.show_view(view) for number, view in enumerate(VIEWS, 1)},  # type: ignore[misc]
        }
        for key, act in keys.items():
            shortcut = QShortcut(QtGui.QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    def refresh_icons(self) -> None:
        """Draw icons anew, after the theme has changed."""
        for button in self._transport:
            button.setIcon(icon(str(button.property("icon_name")), self))
            button.setIconSize(QtCore.QSize(18, 18))
        self.settings.refresh_icons()
        self._play.setProperty("playing", None)
        self._notice_close.setIcon(icon("close", self))
        self._show_bar(self.state)

    # --- files, memory of the last session ------------------------------------------------------------------------

    def _choose_file(self, what: str) -> None:
        endings = " ".join(f"*{suffix}" for suffix in sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))
        start = str(Path(self.state.shot.plate).parent) if self.state.shot else ""
        title = "Open clean plate" if what == "clean" else f"Open {what}"
        path, _ = QtWidgets.QFileDialog.getOpenFileName(self, title, start, f"Pictures and videos ({endings})")
        if path:
            self.bridge.open_as(what, Path(path))

    def _choose_export(self, kind: ExportKind) -> None:
        shot = self.state.shot
        assert shot is not None
        folder = self._remembered.text("export_folder") or str(Path(shot.plate).parent)
        title = f"Export {EXPORT_NAMES[kind].lower()}, frames {self.state.first}–{self.state.last}"
        if kind == "sequence":
            path = QtWidgets.QFileDialog.getExistingDirectory(self, f"{title}: into which folder?", folder)
        else:
            ending = {"mp4": "mp4", "sheet": "png", "report": "json"}[kind]
            suggested = str(Path(folder) / f"{shot.name}-{'clean' if kind == 'mp4' else kind}.{ending}")
            path, _ = QtWidgets.QFileDialog.getSaveFileName(self, title, suggested, f"*.{ending}")
            if path and not Path(path).suffix:
                path += f".{ending}"
        if path:
            self._remembered.keep("export_folder", str(Path(path) if kind == "sequence" else Path(path).parent))
            self.export(kind, Path(path))

    def _remember_shot(self, shot: panel_state.ShotState) -> None:
        detail = f"{shot.first}–{shot.last}, {shot.width}×{shot.height}" + ("" if shot.matte else ", no matte")
        self._recent = self._remembered.keep_recent(
            RecentShot(shot.name, shot.plate, shot.matte, detail, shot.clean), self._recent
        )
        self.shots.show_recent(self._recent)

    def _restore(self) -> None:
        layout = self._remembered.bytes("splitter")
        if layout is not None:
            self.splitter.restoreState(layout)
        self.shots.show_recent(self._recent)
        self.refresh_icons()

    def open_last_shot(self) -> None:
        """Open the shot of the last session, if its files are still there."""
        for shot in self._recent[:1]:
            if all(Path(path).exists() for path in (shot.plate, shot.matte, shot.clean) if path):
                self.bridge.reopen(shot.plate, shot.matte, shot.clean)

    def close_panel(self) -> None:
        """Remember the layout and end the threads."""
        self._player.stop()
        self._remembered.keep("splitter", self.splitter.saveState())
        self.bridge.close()
        self.maker.close()


class Window(QtWidgets.QMainWindow):
    """The panel standing alone."""

    def __init__(self, *, remembered: Remembered, set_theme: Callable[[str], None], theme: str) -> None:
        super().__init__()
        self.setWindowTitle("ProPainter Remove")
        self._remembered = remembered
        self._set_theme = set_theme
        self.panel = Panel(remembered=remembered)
        self.setCentralWidget(self.panel)
        self.resize(1360, 860)
        geometry = remembered.bytes("geometry")
        if geometry is not None:
            self.restoreGeometry(geometry)
        self._make_menu(theme)

    def _make_menu(self, theme: str) -> None:
        menu = self.menuBar().addMenu("&View")
        group = QActionGroup(self)
        for name in ("system", *COLOURS):
            action = QAction(f"{name.capitalize()} colours", self)
            action.setCheckable(True)
            action.setChecked(name == theme)
            action.triggered.connect(lambda _=False, name=name: self._choose_theme(name))
            group.addAction(action)
            menu.addAction(action)

    def _choose_theme(self, name: str) -> None:
        self._set_theme(name)
        self._remembered.keep("theme", name)
        self.panel.refresh_icons()

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        self._remembered.keep("geometry", self.saveGeometry())
        self.panel.close_panel()
        super().closeEvent(event)


_VIEW_HELP: Mapping[View, str] = {
    "plate": "The plate",
    "matte": "The matte in red, the hole it makes outlined",
    "result": "The result",
    "unseen": "Magenta: what no frame ever showed, so it was invented",
    "difference": "Result minus plate, four times as strong",
}


def _left_name(wish: PictureWish) -> str:
    return "Plate" if wish.view == "plate" else "Previous result"


def _place_text(state: PanelState) -> str:
    if state.shot is None:
        return ""
    count = state.last - state.first + 1
    followed = f"Following {state.follows}   " if state.follows else ""
    at_hand = f"{len(state.results)} results at hand"
    return f"{followed}Frame {state.frame}   range {state.first}–{state.last} ({count})   {at_hand}"


def _memory_for_frames() -> int:
    """A quarter of this machine's memory, at most 4 GB."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        total = 8 << 30
    return min(4 << 30, total // 4)


def _toggle(text: str, tip: str) -> QtWidgets.QToolButton:
    button = QtWidgets.QToolButton()
    button.setText(text)
    button.setCheckable(True)
    button.setAccessibleName(text)
    button.setToolTip(tip)
    return button


def _menu_button(text: str, tip: str) -> QtWidgets.QPushButton:
    button = QtWidgets.QPushButton(text)
    button.setAccessibleName(text)
    button.setToolTip(tip)
    button.setMenu(QtWidgets.QMenu(button))
    return button


def _number(name: str, low: float, high: float, step: float, prefix: str) -> QtWidgets.QDoubleSpinBox:
    box = QtWidgets.QDoubleSpinBox()
    box.setRange(low, high)
    box.setSingleStep(step)
    box.setPrefix(prefix)
    box.setFixedWidth(78)
    box.setAccessibleName(name)
    box.setToolTip(f"{name}; of the viewer alone; wheel or arrow keys change it")
    box.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    return box


def _bar(*widgets: QtWidgets.QWidget | int | None, name: str = "bar") -> QtWidgets.QFrame:
    """Widgets side by side; a number is a gap of so many pixels, None takes all room there is."""
    frame = QtWidgets.QFrame()
    frame.setObjectName(name)
    row = QtWidgets.QHBoxLayout(frame)
    row.setContentsMargins(10, 6, 10, 6)
    row.setSpacing(5)
    for widget in widgets:
        if widget is None:
            row.addStretch(1)
        elif isinstance(widget, QtWidgets.QLabel) and not widget.text():
            row.addWidget(widget, 1)  # filled later: takes the room there is
        elif isinstance(widget, int):
            row.addSpacing(widget)
        else:
            row.addWidget(widget)
    return frame


def _column(*widgets: QtWidgets.QWidget) -> QtWidgets.QWidget:
    holder = QtWidgets.QWidget()
    column = QtWidgets.QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for widget in widgets:
        column.addWidget(widget, 1 if isinstance(widget, (Viewer, Settings, KnownShots, QtWidgets.QSplitter)) else 0)
    return holder
