"""Outcomes: the state after an event.

Here: ``after``, pure. Not here: the events (``events.py``), what the artist changes (``changes.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from propainter_pictures.console import as_sentence
from propainter_ui.state.changes import with_revision, with_shot
from propainter_ui.state.estimates import time_text
from propainter_ui.state.events import (
    BandsChanged,
    DaemonAbsent,
    DaemonLost,
    DaemonReady,
    DaemonStarting,
    DaemonStatus,
    Event,
    ExportFinished,
    Failed,
    JobChanged,
    MatteUnread,
    RenderFinished,
    ResultArrived,
    SettingsPublished,
    ShotFound,
    ShotUnderstood,
)
from propainter_ui.state.matte_outcomes import after_matte
from propainter_ui.state.panel_state import DaemonState, JobState, Notice, PanelState, Unread
from propainter_ui.state.windows_preview import plan_for
from propainter_wire.messages import StatusIs, Welcome
from propainter_wire.waiting import waits_for


def after(state: PanelState, event: Event) -> PanelState:
    """The state after an event."""
    match event:
        case DaemonAbsent():
            return replace(state, daemon=DaemonState("absent"))
        case DaemonStarting():
            return replace(state, daemon=DaemonState("starting"), notice=_unless(state.notice, "restart", "start"))
        case DaemonReady(welcome):
            return _connected(state, welcome)
        case DaemonStatus(status):
            return _told_status(state, status)
        case DaemonLost(reason, was_asked):
            return _lost(state, reason, was_asked)
        case SettingsPublished(channel, settings, matte_frames):
            others = {name: part for name, part in state.published.items() if name != channel}
            published = others if settings is None else {**others, channel: settings}
            mattes = state.matte_channels | {channel} if matte_frames else state.matte_channels - {channel}
            return replace(state, published=published, matte_channels=mattes, notice=_unless(state.notice, "publish"))
        case ShotFound(shot, revision, note):
            return with_shot(state, shot, revision, note)
        case MatteUnread(path, channels, message):
            return replace(state, unread=Unread(path, channels), notice=Notice("warning", message))
        case ShotUnderstood():
            return _understood(state, event)
        case JobChanged(job):
            return replace(state, job=None if job is None else _waiting(job, state.daemon))
        case ResultArrived(revision, frame, is_rough):
            return _with_result(state, revision, frame, is_rough=is_rough)
        case BandsChanged(told):
            return replace(state, bands={stage.stage: stage.runs for stage in told.stages})
        case RenderFinished(report, frames):
            return _rendered(state, report, frames)
        case ExportFinished(path, what, notes):
            said = "; ".join([f"{what} written to {path}", *notes])
            return replace(state, job=None, notice=Notice("info", said))
        case Failed(message, action):
            return replace(state, notice=Notice("error", message, action))
    return after_matte(state, event)


def _connected(state: PanelState, welcome: Welcome) -> PanelState:
    daemon = DaemonState("ready", "", welcome.server, welcome.engine, welcome.device, welcome.weights, welcome.licence)
    return replace(state, daemon=daemon, notice=_unless(state.notice, "restart", "start"))


def _told_status(state: PanelState, status: StatusIs) -> PanelState:
    memory = {name: value for name, value in status.memory.items() if isinstance(value, int)}
    licence = state.daemon.licence
    if not licence and status.weights != "none":
        licence = "ProPainter weights: S-Lab License 1.0, non-commercial"
    daemon = replace(
        state.daemon, phase="ready", server=status.server, engine=status.engine, device=status.device,
        weights=status.weights, licence=licence, pid=status.pid, uptime_s=status.uptime_s, sessions=status.sessions,
        memory=memory, jobs=status.jobs, shots=status.shots, notes=status.notes,
    )  # fmt: skip
    return replace(state, daemon=daemon, job=None if state.job is None else _waiting(state.job, daemon))


def _waiting(job: JobState, daemon: DaemonState) -> JobState:
    """The job, and what it waits for as far as the backend has told."""
    if job.stage != "queued":
        return job
    if daemon.phase != "ready":
        return replace(job, waiting_for="the backend to start")
    return replace(job, waiting_for=waits_for(daemon.jobs, daemon.notes, job.job))


def _lost(state: PanelState, reason: str, was_asked: bool) -> PanelState:
    if was_asked:
        return replace(state, daemon=DaemonState("absent"), job=None, published={})
    when = " during a render" if state.job is not None and state.job.kind == "rendering" else ""
    kept = f"The {len(state.results)} finished frames stay here" if state.results else "Nothing shown is lost"
    text = f"The backend is gone{when}. {kept}, and what it had cached is still on disk. Restart it to go on."
    return replace(
        state, daemon=DaemonState("lost", reason), job=None, published={}, notice=Notice("error", text, "restart")
    )


def _understood(state: PanelState, told: ShotUnderstood) -> PanelState:
    changed = replace(
        state, applied=told.settings, applied_quality=told.quality, engine=told.engine, working_size=told.working_size
    )
    if told.notes:
        changed = replace(changed, notice=Notice("info", " ".join(told.notes)))
    return with_revision(changed, told.revision)


def _with_result(state: PanelState, revision: int, frame: int, *, is_rough: bool) -> PanelState:
    if revision != state.revision:
        return state
    is_rendering = state.job is not None and state.job.kind == "rendering"
    is_drawing = state.tools.tool != "move" and not is_rendering  # the hand keeps what it draws on
    is_first = not state.results and not state.rough and not is_drawing
    view = "result" if is_first and state.view in ("plate", "matte") else state.view
    if is_rough:
        return replace(state, rough=state.rough | {frame}, view=view)
    last = {**state.last_results, frame: revision}
    return replace(state, results=state.results | {frame}, rough=state.rough - {frame}, last_results=last, view=view)


_TOLD = 0.0005
"""Share of the hole below which a number would read 0.0%."""


def _rendered(state: PanelState, report: Mapping[str, Any], frames: int) -> PanelState:
    rates = state.rates
    if state.shot and state.working_size:
        pixels = state.working_size[0] * state.working_size[1]
        rates = rates.learned_from(report, plan_for(state.shot.frame_count, state.engine, state.applied), pixels)
    windows = len(report.get("windows_redone", ()))
    unseen, unsure = (float(report.get(share, 0.0)) for share in ("unseen_fraction", "unsure_fraction"))
    text = (
        f"Rendered {frames} frame{'s' * (frames != 1)} in {time_text(float(report.get('seconds', 0.0)))}; "
        f"{windows} window{'s' * (windows != 1)} painted, {unseen:.1%} of the hole never seen"
        + (f", {unsure:.1%} a guess." if unsure >= _TOLD else ".")
    )
    if cuts := report.get("cuts", ()):
        text += f" Cut{'s' * (len(cuts) != 1)} at {', '.join(str(frame) for frame in cuts)}."
    for note in report.get("notes", ()):
        if note.startswith("the plate "):  # what is wrong with it is the artist's to know
            text += f" {as_sentence(note)}"
    warnings = [as_sentence(said) for said in report.get("warnings", ())]
    return replace(
        state, job=None, rates=rates, report=dict(report), notice=Notice("info", " ".join([text, *warnings]))
    )


def _unless(notice: Notice | None, *actions: str) -> Notice | None:
    """The notice, unless its button offers something that has just been done."""
    return None if notice is not None and notice.action in actions else notice
