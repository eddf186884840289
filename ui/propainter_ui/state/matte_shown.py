"""What the matte page says: how the drawn matte stands, and what can be done with it now.

Here: ``facts_of``, and what the desk asks of a state besides; pure. Not here: the page (``widgets/matte_page.py``), the
document (``matte/``).
"""

from __future__ import annotations

from dataclasses import dataclass

from propainter_ui.matte.document import MatteDocument
from propainter_ui.matte.standing import doubtful_of, keys_of, marks_of, missing_of
from propainter_ui.state.panel_state import WITHOUT_RESULT, PanelState
from propainter_wire.shot import runs_of

_NAMED = 6
"""Key mattes named one by one, at most."""


@dataclass(frozen=True)
class MatteFacts:
    """All the page shows besides its tools."""

    has_plate: bool
    is_tracking: bool
    sentence: str
    can_track: frozenset[str]
    """back, both, on."""
    possible: frozenset[str]
    """Names of the buttons that would do something."""
    doubtful: tuple[tuple[int, float], ...]
    """Frames that want a look, and how much."""
    doubt_sentence: str
    shadow_sentence: str


_last: tuple[PanelState, MatteFacts] | None = None
"""The facts asked for last: page, menus and keys all ask for those of one state."""


def facts_of(state: PanelState) -> MatteFacts:
    """What the page shows of a state."""
    global _last
    if _last is None or _last[0] is not state:
        _last = state, _facts_of(state)
    return _last[1]


def _facts_of(state: PanelState) -> MatteFacts:
    drawn = state.drawn
    doubtful = () if drawn is None else tuple((frame, drawn.doubt.get(frame, 0.0)) for frame in doubtful_of(drawn))
    return MatteFacts(
        state.shot is not None, is_at_matte(state), _sentence(state), _ways(state), frozenset(_possible(state)), doubtful,
        _doubt_sentence(drawn, doubtful), _shadow_sentence(drawn),
    )  # fmt: skip


def is_at_matte(state: PanelState) -> bool:
    """Whether a matte is being tracked, or its shadow looked for."""
    return state.job is not None and state.job.kind in ("tracking", "casting")


def is_drawn_on(state: PanelState) -> bool:
    """Whether the view is one to draw on: plate or matte, and no result."""
    return state.view in WITHOUT_RESULT


def untracked(state: PanelState) -> tuple[int, int] | None:
    """First and last frame of the range that the drawn matte has still to be tracked to; None: it is complete there."""
    drawn = state.drawn
    if drawn is None or not state.is_drawn or not keys_of(drawn):
        return None
    parts = [(max(first, state.first), min(last, state.last)) for first, last in missing_of(drawn)]
    found = [(first, last) for first, last in parts if first <= last]
    return (found[0][0], found[-1][1]) if found else None


def _ways(state: PanelState) -> frozenset[str]:
    shot, drawn = state.shot, state.drawn
    if shot is None or drawn is None or not state.is_free:
        return frozenset()
    keys = keys_of(drawn)
    found = {"both"} if keys and shot.frame_count > 1 else set()
    if keys and keys[0] <= state.frame < state.last:
        found.add("on")
    if keys and state.first < state.frame <= keys[-1]:
        found.add("back")
    return frozenset(found)


def _possible(state: PanelState) -> set[str]:
    shot, drawn = state.shot, state.drawn
    if shot is None:
        return set()
    found = {"open"} if state.is_free else set()
    if shot.matte and drawn is None and state.is_free:
        found.add("draw_on")
    if state.has_matte and state.daemon.phase == "ready":
        found.add("publish")
    if state.channel in state.matte_channels and state.daemon.phase == "ready":
        found.add("withdraw")
    return found if drawn is None else found | _possible_with(state, drawn)


def _possible_with(state: PanelState, drawn: MatteDocument) -> set[str]:
    frame, free = state.frame, state.is_free
    has_shapes = any(frame in shape.keys for shape in drawn.shapes)
    is_doubtful = bool(doubtful_of(drawn))
    found = {
        "clear_frame": bool(drawn.edits_of(frame)) or has_shapes or frame in drawn.clean,
        "next_doubt": is_doubtful, "previous_doubt": is_doubtful, "cast": bool(drawn.solved) and free,
        "add_shadow": bool(drawn.shadow.mattes) and not drawn.shadow.is_added,
        "drop_shadow": drawn.shadow.is_added, "save": state.is_drawn and free, "discard": True,
        "save_clean": bool(drawn.clean) and free, "is_right": _is_tracked(drawn, frame),
    }  # fmt: skip
    return {name for name, is_so in found.items() if is_so}


def _is_tracked(drawn: MatteDocument, frame: int) -> bool:
    solved = drawn.solved.get(frame)
    return solved is not None and solved.source == "tracked"


def _sentence(state: PanelState) -> str:
    shot, drawn = state.shot, state.drawn
    if shot is None:
        return ""
    if drawn is None or drawn.is_blank:
        if shot.matte:
            return "The matte was opened with the plate. Draw on it to correct it."
        return "No matte yet. Take the Box and drag it close around what must go, on any frame."
    keys, missing = keys_of(drawn), missing_of(drawn)
    if not keys:
        asked = any(marks_of(drawn, frame) for frame in drawn.edits) or drawn.shapes
        return "Waiting for the first frame's matte." if asked else "No key matte yet: draw on one frame."
    named = ", ".join(map(str, keys[:_NAMED])) + (f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else "")
    text = f"Key matte{'s' * (len(keys) != 1)} at {named}."
    if len(keys) == shot.frame_count:
        return f"All {len(keys)} frames have a matte of their own." if len(keys) > 1 else text
    if not missing:
        return f"{text} All other frames follow."
    count = sum(last - first + 1 for first, last in missing)
    return f"{text} {count} frame{'s' * (count != 1)} still to be tracked: {_runs_text(missing)}."


def _runs_text(runs: tuple[tuple[int, int], ...]) -> str:
    texts = [str(first) if first == last else f"{first}–{last}" for first, last in runs[:_NAMED]]
    return ", ".join(texts) + (" …" if len(runs) > _NAMED else "")


def _doubt_sentence(drawn: MatteDocument | None, doubtful: tuple[tuple[int, float], ...]) -> str:
    if drawn is None:
        return ""
    parts = []
    if drawn.empty:
        named = ", ".join(f"{first}–{last}" for first, last in drawn.empty)
        parts.append(f"Nothing is marked in the scene{'s' * (len(drawn.empty) != 1)} {named}: their mattes are empty.")
    if doubtful:
        parts.append(
            "Look at these frames, the most doubtful first. Correct one with Remove and Keep, then track again."
        )
    elif drawn.doubt and not drawn.stale:
        parts.append("No frame is doubtful.")
    return " ".join(parts)


def _shadow_sentence(drawn: MatteDocument | None) -> str:
    if drawn is None:
        return ""
    found = drawn.shadow.mattes
    if drawn.shadow.is_added:
        return f"The shadow of {len(found)} frame{'s' * (len(found) != 1)} is part of the matte."
    if not found:
        return "First track the object." if not drawn.solved else ""
    runs = runs_of(sorted(found))
    return f"Looked for in {_runs_text(tuple(runs))}. Add it, then look at it in the matte view."
