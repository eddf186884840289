"""Which widget asks for what, and what of the panel it reaches.

Here: every connection of a widget's signal. Not here: menus and hotkeys (``commands.py``), what happens then (``panel.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from propainter_ui.bridge.wishes import render_wish_of
from propainter_ui.menus import offer_on_timeline, offer_on_viewer
from propainter_ui.qt import Qt
from propainter_ui.state import changes
from propainter_ui.state.panel_state import Notice

if TYPE_CHECKING:
    from propainter_ui.panel import Panel


def connect(panel: Panel) -> None:
    """Connect them all."""
    panel.bridge.told.connect(panel.hear)
    panel.editing.restored.connect(lambda: panel.bridge.apply(render_wish_of(panel.state)))
    panel.editing.matte_recalled.connect(panel.bridge.read_matte)
    panel.maker.failed.connect(lambda text: panel.change(replace(panel.state, notice=Notice("error", text))))
    _connect_picture(panel)
    _connect_timeline(panel)
    _connect_pages(panel)
    _connect_matte(panel)
    _connect_queue(panel)
    _connect_bars(panel)


def _connect_picture(panel: Panel) -> None:
    viewer, view_bar, welcome = panel.viewer, panel.view_bar, panel.welcome
    for place in (viewer, panel):
        place.dropped.connect(panel.open_paths)
    viewer.wipe_asked.connect(lambda wipe: panel.change(changes.with_wipe(panel.state, wipe)))
    viewer.confirmed.connect(panel.render_range)
    viewer.pointed.connect(view_bar.pointed.setText)
    viewer.zoom_changed.connect(lambda zoom: view_bar.show_zoom(zoom if panel.state.shot is not None else None))
    viewer.zoom_changed.connect(lambda _: panel.on_screen.show_zoom())
    viewer.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    viewer.customContextMenuRequested.connect(lambda place: offer_on_viewer(panel, viewer.mapToGlobal(place)))
    view_bar.view_asked.connect(panel.show_view)
    view_bar.channel_asked.connect(lambda channel: panel.change(changes.with_isolated(panel.state, channel)))
    view_bar.wipe.clicked.connect(panel.toggle_wipe)
    view_bar.previous.clicked.connect(panel.toggle_previous)
    view_bar.onion.clicked.connect(lambda _: panel.change(changes.with_onion(panel.state)))
    view_bar.against_asked.connect(lambda against: panel.change(changes.with_against(panel.state, against)))
    view_bar.exposure.valueChanged.connect(lambda value: panel.change(replace(panel.state, exposure=value)))
    view_bar.gamma.valueChanged.connect(lambda value: panel.change(replace(panel.state, gamma=value)))
    view_bar.zoom.clicked.connect(viewer.fit)
    welcome.open_asked.connect(lambda: panel.files.open_chosen("any"))
    welcome.sample_asked.connect(panel.files.open_sample)
    welcome.recent_asked.connect(panel.files.open_recent)


def _connect_timeline(panel: Panel) -> None:
    line = panel.timeline
    line.frame_asked.connect(panel.go_to)
    line.first_asked.connect(lambda frame: panel.set_range(first=frame))
    line.last_asked.connect(lambda frame: panel.set_range(last=frame))
    line.confirmed.connect(panel.render_range)
    line.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    line.customContextMenuRequested.connect(lambda place: offer_on_timeline(panel, line.mapToGlobal(place)))


def _connect_pages(panel: Panel) -> None:
    settings, cost, card = panel.settings, panel.settings.cost_card, panel.publish_card
    settings.setting_asked.connect(lambda n, v: panel.change(changes.with_setting(panel.state, n, v)))
    settings.default_asked.connect(lambda name: panel.change(changes.with_default(panel.state, name)))
    settings.view_asked.connect(panel.show_view)
    settings.range_asked.connect(lambda first, last: panel.set_range(first=first, last=last))
    settings.reading_asked.connect(panel.bridge.read_matte)
    settings.clean_frames_asked.connect(panel.choose_clean_frames)
    settings.quality_asked.connect(lambda quality: panel.change(replace(panel.state, quality=quality)))
    cost.apply_asked.connect(panel.apply)
    cost.revert_asked.connect(lambda: panel.change(changes.reverted(panel.state)))
    cost.render_asked.connect(panel.render_range)
    cost.cancel_asked.connect(panel.cancel)
    settings.typed.connect(panel.viewer.setFocus)
    panel.jobs.cancel_asked.connect(panel.cancel)
    panel.shots.reopen_asked.connect(panel.bridge.reopen)
    card.publish_asked.connect(panel.publish)
    card.withdraw_asked.connect(panel.withdraw)
    card.channel_asked.connect(panel.choose_channel)
    panel.known_shots.steer_asked.connect(panel.steer)
    panel.badge.clicked.connect(lambda: panel.show_page(card))
    panel.strip.start_asked.connect(panel.start_backend)
    panel.strip.stop_asked.connect(panel.stop_backend)


def _connect_matte(panel: Panel) -> None:
    page, desk = panel.matte_page, panel.desk
    page.tool_box.tool_asked.connect(desk.take_up)
    page.tool_box.tools_asked.connect(desk.set_tools)
    page.track_asked.connect(desk.track)
    page.cancel_asked.connect(panel.cancel)
    page.frame_asked.connect(panel.go_to)
    page.shadow_asked.connect(desk.wishes.set_shadow)
    page.asked.connect(desk.wishes.act)


def _connect_queue(panel: Panel) -> None:
    page, batch = panel.queue_page, panel.batch
    page.add_asked.connect(batch.add_open_shot)
    page.choose_asked.connect(lambda: batch.add_plates(panel.dialogs.files_to_open(panel.state)))
    page.remove_asked.connect(batch.remove)
    page.move_asked.connect(batch.move)
    page.run_asked.connect(batch.run)
    page.stop_asked.connect(batch.stop)


def _connect_bars(panel: Panel) -> None:
    bar, files, transport = panel.file_bar, panel.files, panel.transport
    transport.step_asked.connect(lambda name: _steps(panel)[name]())
    transport.rate_asked.connect(lambda fps: panel.change(replace(panel.state, play_fps=fps)))
    panel.player.rate_reached.connect(transport.show_rate)
    panel.notice.act.clicked.connect(lambda: _act_on_notice(panel))
    panel.notice.dismiss.clicked.connect(lambda: panel.change(replace(panel.state, notice=None)))
    bar.open_asked.connect(files.open_chosen)
    bar.sample_asked.connect(files.open_sample)
    bar.drop_clean_asked.connect(panel.bridge.drop_clean)
    bar.reload_asked.connect(panel.reload)
    bar.export_asked.connect(files.export_chosen)


def _steps(panel: Panel) -> Mapping[str, Callable[[], None]]:
    return {
        "first": lambda: panel.go_to(panel.state.first),
        "previous": lambda: panel.go_to(panel.state.frame - 1),
        "play": panel.player.toggle,
        "next": lambda: panel.go_to(panel.state.frame + 1),
        "last": lambda: panel.go_to(panel.state.last),
    }


def _act_on_notice(panel: Panel) -> None:
    acts: Mapping[str, Callable[[], object]] = {
        "start": panel.start_backend, "restart": panel.start_backend, "render": panel.render_range,
        "publish": panel.publish, "draw": partial(panel.desk.take_up, "box"), "track": partial(panel.desk.track, "both"),
    }  # fmt: skip
    notice = panel.state.notice
    if notice is not None:
        acts[notice.action]()
