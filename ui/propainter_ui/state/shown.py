"""What timeline, viewer and render button make of the state.

Here: the bands with work under way marked, frames that the screen lacks, playback rate, the window's and the button's words,
whose work a stop would end. Not here: painting them (``widgets/``).
"""

from __future__ import annotations

from collections.abc import Mapping

from propainter_ui.state.matte_shown import untracked
from propainter_ui.state.panel_state import BANDS, JobKind, JobState, PanelState, Run

_WHOSE = {
    "playhead": "a frame an artist is looking at",
    "preview": "a preview",
    "final": "a final render",
}
_NAMED = 4


def bands_shown(state: PanelState) -> dict[str, tuple[Run, ...]]:
    """The bands of the timeline, with the stage that is being computed marked as running."""
    shown = {stage: tuple(state.bands.get(stage, ())) for stage in BANDS}
    job = state.job
    if job is not None and job.kind == "rendering" and job.stage in (*BANDS, "composite"):
        for stage in BANDS[2:]:  # the first of the walk that is not done is the one at work
            marked = tuple(run for first, last, what in shown[stage] for run in _marked(first, last, what, job))
            if marked != shown[stage]:
                return {**shown, stage: marked}
    return shown


def _marked(first: int, last: int, what: str, job: JobState) -> list[Run]:
    """A run, with its part inside the job's range running unless it is cached."""
    inside_first, inside_last = max(first, job.first), min(last, job.last)
    if what == "cached" or inside_first > inside_last:
        return [(first, last, what)]
    before = [(first, inside_first - 1, what)] if first < inside_first else []
    behind = [(inside_last + 1, last, what)] if last > inside_last else []
    return [*before, (inside_first, inside_last, "running"), *behind]


def clean_frames(state: PanelState) -> tuple[int, ...]:
    """Frames with a clean plate: a file's, or one that is painted."""
    shot = state.shot
    if shot is None:
        return ()
    painted = set() if state.drawn is None else {f for f in state.drawn.clean if shot.first <= f <= shot.last}
    return tuple(sorted({*shot.clean_frames, *painted}))


def frames_to_fetch(state: PanelState) -> list[int]:
    """Frames the backend has painted but the panel has no result of: from the playhead outward."""
    if state.daemon.phase != "ready" or not state.has_matte:
        return []
    painted = {
        frame for first, last, what in state.bands.get("painting", ()) if what == "cached"
        for frame in range(first, last + 1)
    }  # fmt: skip
    missing = painted - state.results
    return sorted(missing, key=lambda frame: (abs(frame - state.frame), frame))


def play_rate(state: PanelState) -> float:
    """Frames a second to play at."""
    return state.play_fps or (state.shot.fps if state.shot is not None else 24.0)


def window_title(state: PanelState) -> str:
    """What the window is called: the shot first, as lists of windows cut the end."""
    return f"{state.shot.name} – ProPainter Remove" if state.shot is not None else "ProPainter Remove"


def render_label(state: PanelState) -> str:
    """What the render button will do."""
    if state.shot is None:
        return "Render"
    count = state.last - state.first + 1
    what = f"{count} frame{'s' * (count != 1)}"
    todo = "track and render " if untracked(state) is not None else "render "
    start = f"Start backend, {todo}" if state.daemon.phase in ("absent", "lost") else todo.capitalize()
    return f"{start}{what}" + (" with new settings" if state.is_edited and state.engine else "")


_WORK_NAMES: Mapping[JobKind, str] = {
    "reading": "reading", "rendering": "render", "exporting": "export", "tracking": "tracking of the matte",
    "casting": "search for the shadow", "saving": "saving of the matte",
}  # fmt: skip


def quitting_sentence(state: PanelState, *, queued: int = 0) -> str:
    """What of the panel's own would end with it, and what would not; empty: nothing is under way.

    queued: shots that a running queue has yet to write, the one at work among them.
    """
    job = state.job
    if queued:
        shots = "1 shot is" if queued == 1 else f"{queued} shots are"
        return (
            f"Your queue is under way: {shots} still to be written. "
            "Finish, then quit: the window closes, and the panel ends when the queue is done."
        )
    if job is None or job.kind == "reading":
        return ""
    what = _WORK_NAMES[job.kind]
    name = f" of {state.shot.name}" if state.shot is not None else ""
    share = f" and {job.share:.0%} done" if job.share else ""
    text = f"Your {what}{name}, frames {job.first}–{job.last}, is under way{share}. "
    text += "Finish, then quit: the window closes, and the panel ends when it is done."
    others = len([other for other in state.daemon.jobs if other.job != job.job])
    if others:
        whose = "The render of another client goes" if others == 1 else f"The {others} renders of other clients go"
        text += f" {whose} on either way."
    return text


def others_at_work(state: PanelState) -> str:
    """A sentence on what other clients have under way at the backend, with names where they tell them; else empty.

    A backend tells the names of those shots alone that follow a panel.
    """
    own = state.job.job if state.job is not None else ""
    others = [job for job in state.daemon.jobs if job.job != own]
    if not others:
        return ""
    count = f"{len(others)} render{'s' * (len(others) != 1)}"
    who = ", ".join(f"{_WHOSE[job.priority]}{f' ({job.name})' if job.name else ''}" for job in others[:_NAMED])
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return f"Other clients of this backend have {count} under way: {who}{more}. Stopping it ends them."
