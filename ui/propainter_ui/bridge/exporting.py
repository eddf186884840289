"""Exporting: results as files, rendered first where they are not at hand.

Here: ``Exports``. Not here: the files' formats (``shot/export.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from propainter_ui.bridge.rendering import Renders
from propainter_ui.bridge.shot_at_backend import ShotAtBackend
from propainter_ui.bridge.teller import Teller
from propainter_ui.bridge.under_way import Interrupted, UnderWay
from propainter_ui.bridge.wishes import ExportWish, RenderWish
from propainter_ui.shot import export
from propainter_ui.shot.export import EXPORT_NAMES
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.matte_views import hole_settings
from propainter_ui.shot.picture import Patch
from propainter_ui.state.events import ExportFinished, JobChanged
from propainter_ui.state.panel_state import WRITING_FROM, JobState


class Exports:
    """Writes results of the open shot. Of the work lane."""

    def __init__(
        self, renders: Renders, shot: ShotAtBackend, library: ShotLibrary, under_way: UnderWay, tell: Teller
    ) -> None:
        self._renders = renders
        self._shot = shot
        self._library = library
        self._under_way = under_way
        self._tell = tell

    def export(self, wish: ExportWish) -> None:
        """Write results; frames without one are rendered first."""
        shot, library = self._shot.state, self._library
        assert shot is not None
        frames = range(wish.render.first, wish.render.last + 1)
        if library.files is not None:  # before a render, which may take hours
            export.check_place(wish.kind, wish.path, library.files, frames, wish.ending)
        job = JobState("exporting", first=frames[0], last=frames[-1], frames_total=len(frames), stage="writing")
        if wish.kind == "report":
            self._tell(ExportFinished(str(export.write_report(wish.path, wish.report)), EXPORT_NAMES[wish.kind]))
            return
        patches, was_rendered = self._patches_for(wish.render, frames)
        if patches is None:
            return
        job = replace(job, begun=WRITING_FROM if was_rendered else 0.0)

        def advance(done: int) -> None:
            self._under_way.check()
            self._tell(JobChanged(replace(job, frames_done=done)))

        self._tell(JobChanged(job))
        notes: tuple[str, ...] = ()
        try:
            if wish.kind == "sequence":
                written = export.write_sequence(wish.path, library, shot, frames, patches, advance, wish.ending)
            elif wish.kind == "video":
                written, notes = export.write_video(wish.path, library, frames, patches, advance)
            else:
                written = export.write_sheet(
                    wish.path, library, shot, frames, patches, hole_settings(wish.render.settings)
                )
        except Interrupted:
            return
        finally:
            self._tell(JobChanged(None))
        self._tell(ExportFinished(str(written), EXPORT_NAMES[wish.kind], notes))

    def _patches_for(self, wish: RenderWish, frames: Sequence[int]) -> tuple[dict[int, Patch] | None, bool]:
        """Every frame's result, rendered where it is not at hand; None if that was cancelled. And whether any was."""
        self._shot.draw(wish.drawn)
        revision = self._shot.revision_of(wish.settings, wish.quality)
        patches = {frame: self._library.patch("result", revision, frame) for frame in frames}
        missing = [frame for frame, patch in patches.items() if patch is None]
        if missing:
            for frame, report in self._renders.rendering("exporting", wish, missing):
                if report is None:
                    patches[frame] = self._library.patch("result", revision, frame)
        found = {frame: patch for frame, patch in patches.items() if patch is not None}
        return found if len(found) == len(frames) else None, bool(missing)
