"""The screen: which pictures the viewer is to show, which are made for it, and why one is not there.

Here: ``Screen``. Not here: making pictures (``shot/frame_maker.py``), painting them (``widgets/viewer.py``), frames that
only the backend has (``fetching.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from propainter_ui.matte.document import MatteDocument
from propainter_ui.matte.recipes import Recipe, recipe_of
from propainter_ui.matte.standing import neighbour_keys, says_something
from propainter_ui.qt import QtCore
from propainter_ui.shot.frame_maker import FrameMaker, PictureWish
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.matte_views import PLAIN_HOLE, hole_settings
from propainter_ui.shot.picture import Display
from propainter_ui.state.panel_state import (
    AGAINST_NAMES,
    ASKED_APART,
    OF_MATTE,
    VIEW_NAMES,
    WITHOUT_RESULT,
    PanelState,
    View,
)
from propainter_ui.widgets.viewer import Viewer
from propainter_ui.widgets.viewer_painting import Shown

_NO_ONION = (None, None)
_AHEAD = 6
"""Pictures made ahead of the playhead, in the direction it moves."""
_ALONE = {"R": "red", "G": "green", "B": "blue", "A": "alpha"}
_LINE_PX = 1.6
"""How wide outlines are on the screen, at least."""
_LINE_WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24)
"""Widths it is drawn at, in plate pixels: few, so that a turn of the wheel needs no new picture."""


class Screen(QtCore.QObject):
    """Keeps the viewer at the playhead's frame. state: gives the panel's state as it is now."""

    def __init__(
        self,
        state: Callable[[], PanelState],
        *,
        library: ShotLibrary,
        maker: FrameMaker,
        viewer: Viewer,
        parent: QtCore.QObject,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._library = library
        self._maker = maker
        self._viewer = viewer
        self.direction = 1
        """Of the playhead's last move: 1 or -1."""
        self.showing: PictureWish | None = None
        self.pending: tuple[PictureWish, ...] = ()
        """Pictures of the playhead's frame that are being made."""
        maker.made.connect(self._show_made)

    def _wish_for(self, view: View, frame: int, *, previous: bool = False) -> PictureWish:
        s = self._state()
        is_result = view not in WITHOUT_RESULT
        revision = (s.previous_revision if previous else s.revision) if is_result else 0
        display = Display(s.exposure, s.gamma, s.shot.is_linear if s.shot else False, s.isolated)
        hole = hole_settings(s.settings) if view in ("matte", "hole") else PLAIN_HOLE
        shows_matte = view in OF_MATTE or s.isolated == "A"
        onion = _NO_ONION if is_result else self._onion(frame)
        drawn = self._drawn()
        return PictureWish(
            self._library.serial, view, frame, revision or 0, display, hole,
            line=self._line_width() if view in ("matte", "edge") or any(onion) else 1,
            drawn=recipe_of(drawn, frame) if drawn is not None and shows_matte else None, onion=onion,
            clean=s.drawn.clean.get(frame, ()) if s.drawn is not None and view == "plate" else (),
        )  # fmt: skip

    def _drawn(self) -> MatteDocument | None:
        """The drawn matte that is shown: with what the gesture under way makes of it; None: the matte is a file's."""
        s = self._state()
        drawn = s.meanwhile or s.drawn
        is_shown = drawn is not None and (says_something(drawn) or not (s.shot and s.shot.matte))
        return drawn if is_shown else None

    def _onion(self, frame: int) -> tuple[Recipe | None, Recipe | None]:
        """The mattes of the keys on both sides, where they are wanted."""
        drawn = self._state().drawn
        if drawn is None or not self._state().onion:
            return _NO_ONION
        before, after = neighbour_keys(drawn, frame)
        return (
            None if before is None else recipe_of(drawn, before),
            None if after is None else recipe_of(drawn, after),
        )

    def _line_width(self) -> int:
        """Plate pixels that are wide enough to be seen at the viewer's zoom."""
        wanted = _LINE_PX / self._viewer.zoom
        return next((width for width in _LINE_WIDTHS if width >= wanted), _LINE_WIDTHS[-1])

    def _wishes(self, frame: int) -> tuple[PictureWish, PictureWish | None]:
        """What is shown at a frame: the picture, and what is left of the wipe."""
        s = self._state()
        after = self._wish_for(s.view, frame, previous=s.shows_previous)
        if s.wipe is None:
            return after, None
        if s.against == "previous":
            return after, self._wish_for("result", frame, previous=True)
        return after, self._wish_for(s.against, frame)

    def show_zoom(self) -> None:
        """The picture is larger or smaller: outlines keep their width on the screen."""
        has_lines = self.showing is not None and (self.showing.view in ("matte", "edge") or any(self.showing.onion))
        if self.showing is not None and has_lines and self.showing.line != self._line_width():
            self.show_pictures()

    def show_pictures(self) -> None:
        """Show what is at hand of the playhead's frame, and have the rest made."""
        s = self._state()
        if s.shot is None:
            self._viewer.show_pictures(None, None, None, "")
            return
        after, before = self._wishes(s.frame)
        shown, hint, instead = self._maker.picture(after), "", ""
        if shown is None and not self._can_be_made(after):
            after, hint, instead = self._instead_of(after)
        left_name = AGAINST_NAMES[s.against]
        if before is not None and self._maker.picture(before) is None and not self._can_be_made(before):
            left_name, before = f"Plate ({left_name} is not there yet)", self._wish_for("plate", s.frame)
        shown = self._maker.picture(after)
        left = self._maker.picture(before) if before is not None else None
        self.pending = tuple(w for w in (after, before) if w is not None and self._maker.picture(w) is None)
        self._maker.ask([*self.pending, *self._ahead()])
        if shown is None:
            return  # what is on the screen stays there until the new picture comes
        self.showing = after
        name = instead or ("Previous result" if s.shows_previous and after.revision else VIEW_NAMES[after.view])
        alone = f"  ·  {_ALONE[s.isolated]}" if s.isolated else ""
        old = None if left is None else Shown(left, f"{left_name}{alone}")
        self._viewer.show_pictures(Shown(shown, f"{name}{alone}  ·  {after.frame}"), old, s.wipe, hint)

    def _ahead(self) -> list[PictureWish]:
        """The pictures the playhead will come to next."""
        s = self._state()
        shot = s.shot
        assert shot is not None
        frames = [s.frame + self.direction * step for step in range(1, _AHEAD + 1)]
        wishes = [self._wishes(frame) for frame in frames if shot.first <= frame <= shot.last]
        return [wish for pair in wishes for wish in pair if wish is not None and self._can_be_made(wish)]

    def _instead_of(self, wish: PictureWish) -> tuple[PictureWish, str, str]:
        """What is shown while a picture cannot be had: it, a sentence on what is lacking, and its name.

        A rough result comes before the last one of other settings, and that before the plate: nothing an artist has
        waited for vanishes before there is something better.
        """
        s = self._state()
        if wish.view in ("result", "difference") and not s.shows_previous:
            name, coming = VIEW_NAMES[wish.view], self._is_coming(wish.frame)
            rough = replace(wish, is_rough=True)
            if self._can_be_made(rough):
                then = "The final one is on its way." if coming else "Render for the final one."
                return rough, f"A rough {name.lower()}. {then}", f"{name}, rough"
            old = replace(wish, revision=s.last_results.get(wish.frame, 0))
            if self._can_be_made(old):
                then = "The new one is on its way." if coming else "Render for the new one."
                return old, f"An old {name.lower()}, from before the last change. {then}", f"{name}, old"
        return self._wish_for("plate", wish.frame), self._lack_of(wish), ""

    def _is_coming(self, frame: int) -> bool:
        """Whether the render under way makes this frame."""
        job = self._state().job
        return job is not None and job.kind == "rendering" and job.first <= frame <= job.last

    def _can_be_made(self, wish: PictureWish) -> bool:
        s = self._state()
        if wish.view == "plate":
            return True
        if wish.view in OF_MATTE:
            return wish.drawn is not None or bool(s.shot and s.shot.matte)
        kind = "rough" if wish.is_rough else "result"
        has_result = self._library.patch(kind, wish.revision, wish.frame) is not None
        if wish.view in ASKED_APART:
            return has_result and self._library.patch(wish.view, wish.revision, wish.frame) is not None
        return has_result

    def _lack_of(self, wish: PictureWish) -> str:
        """Why there is no such picture, for the bottom of the viewer."""
        s = self._state()
        if s.shot is not None and not s.has_matte:
            return "This shot has no matte yet. Draw a box around what must go (X), or drop a matte here."
        if s.shows_previous:
            return "This frame has no earlier result."
        if wish.view in ASKED_APART and wish.frame in s.results:
            what = "what it never saw" if wish.view == "unseen" else "for the fill without grain"
            return (
                f"The panel asks the backend {what} …"
                if s.daemon.phase == "ready"
                else "Start the backend to see this."
            )
        if self._is_coming(wish.frame):
            return "Plate. The result of this frame is on its way."
        return "Plate. This frame has no result yet."

    def _show_made(self, wish: PictureWish) -> None:
        if wish in self.pending:
            self.show_pictures()
