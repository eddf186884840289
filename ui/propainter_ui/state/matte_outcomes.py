"""Outcomes of what is told about the drawn matte: the state after an event.

Here: ``after_matte``, pure. An answer to what has been changed since is not taken for an answer to what is there now. Not
here: the events (``matte_events.py``), other outcomes (``outcomes.py``), the document's own changes (``matte/news.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from propainter_ui.matte import news
from propainter_ui.matte.document import MatteDocument, Shadow
from propainter_ui.matte.outlines import Outline, Vertex
from propainter_ui.matte.recipes import Recipe, key_recipe_of
from propainter_ui.matte.standing import doubtful_of, keys_of, marks_of, missing_of, start_of
from propainter_ui.matte.strokes import Box
from propainter_ui.state.matte_events import (
    CastFinished,
    MatteEvent,
    MatteOpened,
    MatteSaved,
    MatteSelected,
    MattesPublished,
    MattesTracked,
    MotionFound,
    ShadowFound,
    ShapeCarried,
    TrackFinished,
)
from propainter_ui.state.panel_state import Notice, PanelState

_NEARLY_ALL = 0.9
"""A box of so much of the picture leaves no ground to tell the object from."""


def after_matte(state: PanelState, event: MatteEvent) -> PanelState:
    """The state after an event."""
    match event:
        case MatteSelected():
            return _selected(state, event)
        case MattesTracked(mattes, keys):
            return _tracked(state, mattes, keys)
        case TrackFinished():
            return _finished(state, event)
        case ShadowFound(mattes, shadow):
            return _with_shadow(state, mattes, shadow)
        case CastFinished(frames):
            text = f"Looked for the shadow in {frames} frame{'s' * (frames != 1)}. Add it to the matte, or leave it."
            return replace(state, notice=Notice("info", text))
        case ShapeCarried():
            return _carried(state, event)
        case MotionFound():
            return state
        case MattesPublished(channel, frames):
            return _published(state, channel, frames)
        case MatteOpened(document, note):
            return replace(state, drawn=document, view="matte", notice=Notice("info", note) if note else state.notice)
        case MatteSaved(path, what, notes=notes):
            return replace(state, notice=Notice("info", "; ".join([f"{what} written to {path}", *notes])))
    raise AssertionError(event)


def _selected(state: PanelState, told: MatteSelected) -> PanelState:
    """A frame's marks have their matte: the first one of a shot is worth a look."""
    drawn = state.drawn
    if drawn is None or marks_of(drawn, told.frame) != told.marks or (start_of(drawn, told.frame) or "") != told.start:
        return state
    if told.is_meanwhile:
        return state
    is_first = not drawn.solved
    changed = replace(state, drawn=news.selected(drawn, told.frame, told.digest), meanwhile=None)
    if not is_first:
        return changed
    text = "The matte of this frame. Correct it with Remove and Keep, then track it through the shot."
    if any(_is_nearly_all(box, drawn) for box in drawn.edits_of(told.frame).boxes):
        text = "The box is nearly the whole picture, so it says little: drag its corners close around the object."
        return replace(changed, view="matte", notice=Notice("warning", text))
    return replace(changed, view="matte", notice=Notice("info", text, "track"))


def _is_nearly_all(box: Box, drawn: MatteDocument) -> bool:
    return box.width * box.height >= _NEARLY_ALL * drawn.width * drawn.height


def _with_shadow(state: PanelState, mattes: Mapping[int, str], asked: Shadow) -> PanelState:
    drawn = state.drawn
    if drawn is None or replace(drawn.shadow, mattes={}, is_added=asked.is_added) != replace(asked, mattes={}):
        return state
    return replace(state, drawn=news.cast(drawn, mattes))


def _tracked(state: PanelState, mattes: Mapping[int, str], keys: Mapping[int, Recipe]) -> PanelState:
    drawn = state.drawn
    if drawn is None:
        return state
    if _keys_now(drawn) == keys:
        return replace(state, drawn=news.tracked(drawn, mattes))
    # They are of keys that have changed since: better than nothing or a stale one, no more than that.
    settled = set(keys_of(drawn))
    wanted = {
        frame: digest
        for frame, digest in mattes.items()
        if frame not in settled and (frame not in drawn.solved or frame in drawn.stale)
    }
    changed = news.tracked(drawn, wanted)
    return replace(state, drawn=replace(changed, stale=changed.stale | wanted.keys()))


def _keys_now(drawn: MatteDocument) -> dict[int, Recipe]:
    return {frame: key_recipe_of(drawn, frame) for frame in keys_of(drawn)}


def _finished(state: PanelState, told: TrackFinished) -> PanelState:
    drawn = state.drawn
    if drawn is None:
        return state
    if _keys_now(drawn) != told.keys:
        return replace(state, notice=_overtaken(drawn))
    report = told.report
    doubt = {int(frame): float(share) for frame, share in report.get("doubt", {}).items()}
    changed = news.reported(drawn, doubt=doubt, help=report.get("help", ()), empty=report.get("empty", ()))
    doubtful = doubtful_of(changed)
    text = f"Tracked {told.first}–{told.last}."
    if doubtful:
        text += f" Look at {', '.join(map(str, doubtful[:3]))} first (D); correct what is wrong, then track again."
    else:
        text += " Render to remove it."
    return replace(state, drawn=changed, notice=Notice("info", text, "" if doubtful else "render"))


def _overtaken(drawn: MatteDocument) -> Notice:
    """A tracking has ended whose keys are no longer those of the document: its doubt is of other mattes."""
    text = "The drawing changed while it was tracked."
    if not missing_of(drawn):
        return Notice("info", f"{text} The mattes it had are kept.")
    if not keys_of(drawn):
        return Notice("info", f"{text} No key matte is left; draw one, then track again.")
    return Notice("info", f"{text} Track again to bring all frames up to date.", "track")


def _carried(state: PanelState, told: ShapeCarried) -> PanelState:
    """Points of an outline have moved; its handles go with them."""
    drawn = state.drawn
    if drawn is None or told.shape >= len(drawn.shapes):
        return state
    outline = drawn.shapes[told.shape].keys.get(told.key)
    if outline is None or tuple(vertex.point for vertex in outline.vertices) != told.points:
        return state
    vertices = tuple(
        Vertex(x, y, old.before, old.after) for (x, y), old in zip(told.carried, outline.vertices, strict=True)
    )
    return replace(state, drawn=news.carried(drawn, told.shape, told.key, told.frame, Outline(vertices)))


def _published(state: PanelState, channel: str, frames: int) -> PanelState:
    if not frames:
        text = "The matte is withdrawn: nodes have that of their own clip again."
        channels = state.matte_channels - {channel}
    else:
        named = f"channel {channel}" if channel else "the default channel"
        text = f"The matte of {frames} frames is published to {named}. Nodes with Matte from panel on use it."
        channels = state.matte_channels | {channel}
    return replace(state, matte_channels=channels, notice=Notice("info", text))
