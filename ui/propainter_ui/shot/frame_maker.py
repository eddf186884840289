"""Pictures for the viewer, made on a thread of their own: files are read and views composed while the interface goes on.

Here: ``PictureWish`` and ``FrameMaker``. Not here: what a view looks like (``picture.py``), painting it on the screen
(``widgets/viewer.py``).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from propainter_ui.bounded_store import BoundedStore
from propainter_ui.matte.cloning import laid_over
from propainter_ui.matte.recipes import Recipe
from propainter_ui.matte.store import UnknownMatte
from propainter_ui.matte.strokes import CloneStroke
from propainter_ui.qt import QtCore, QtGui, Signal
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.matte_views import PLAIN_HOLE, HoleSettings
from propainter_ui.shot.picture import Display, Rgb8, show
from propainter_ui.shot.shot_files import BadShot
from propainter_ui.state.panel_state import ASKED_APART, OF_MATTE, WITHOUT_RESULT, View
from propainter_wire.shot import Pixels

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PictureWish:
    """One picture: everything it depends on, so that it is also its name in the cache."""

    serial: int
    """Which shot and matte."""
    view: View
    frame: int
    revision: int
    """Whose results; 0 in views that show none."""
    display: Display
    hole: HoleSettings = PLAIN_HOLE
    """What the settings make of the matte, in views that show it."""
    is_rough: bool = False
    """Made of the rough result that comes before the final one."""
    line: int = 1
    """Plate pixels that outlines are wide."""
    drawn: Recipe | None = None
    """The frame's matte as it is drawn; None: it is a file's."""
    onion: tuple[Recipe | None, Recipe | None] = (None, None)
    """Mattes of the keys before and after, to be outlined."""
    clean: tuple[CloneStroke, ...] = ()
    """What is painted over the plate for its clean plate."""


class FrameMaker(QtCore.QObject):
    """Makes the pictures last asked for, in their order, and keeps them."""

    made = Signal(object)
    """A wish whose picture can be had from now on."""
    failed = Signal(str)
    """A frame could not be read: one sentence."""

    def __init__(self, library: ShotLibrary, *, limit_bytes: int, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.pictures: BoundedStore[QtGui.QImage] = BoundedStore(limit_bytes)
        self._library = library
        self._wanted: list[PictureWish] = []
        self._news = threading.Condition()
        self._is_closed = False
        self._said = ""
        self._thread = threading.Thread(target=self._work, name="propainter pictures", daemon=True)
        self._thread.start()

    def picture(self, wish: PictureWish) -> QtGui.QImage | None:
        """A picture if it is at hand."""
        return self.pictures.get(wish)

    def ask(self, wishes: Sequence[PictureWish]) -> None:
        """Make these, the first first; what was asked before and is not made yet is forgotten."""
        with self._news:
            self._wanted = [wish for wish in wishes if wish not in self.pictures]
            self._news.notify()

    def close(self) -> None:
        """End the thread."""
        with self._news:
            self._is_closed = True
            self._news.notify()
        self._thread.join(timeout=5)

    def _work(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._wanted or self._is_closed)
                if self._is_closed:
                    return
                wish = self._wanted.pop(0)
            self._make(wish)

    def _make(self, wish: PictureWish) -> None:
        try:
            pixels = self._compose(wish)
        except (BadShot, UnknownMatte, ValueError, OSError) as error:
            if str(error) != self._said:  # once, not at every frame of a scrub
                self._said = str(error)
                self.failed.emit(self._said)
            return
        if pixels is not None:
            image = image_of(pixels)
            self.pictures.put(wish, image, image.bytesPerLine() * image.height())
            self.made.emit(wish)

    def _compose(self, wish: PictureWish) -> Rgb8 | None:
        library = self._library
        if library.files is None or library.serial != wish.serial:
            return None
        needs_result = wish.view not in WITHOUT_RESULT
        kind = "rough" if wish.is_rough else "result"
        result = library.patch(kind, wish.revision, wish.frame) if needs_result else None
        if needs_result and result is None:
            return None
        alone = wish.display.isolated == "A"
        needs_matte = wish.view in OF_MATTE or alone
        before, after = wish.onion
        return show(
            wish.view,
            plate=self._plate(wish),
            matte=self._matte(wish) if needs_matte else None,
            result=result,
            apart=library.patch(wish.view, wish.revision, wish.frame) if wish.view in ASKED_APART else None,
            display=wish.display,
            hole=wish.hole,
            line=wish.line,
            alpha=library.alpha(wish.frame) if alone else None,
            onion=(self._cooked(before), self._cooked(after)),
        )

    def _plate(self, wish: PictureWish) -> Pixels:
        plate = self._library.plate(wish.frame)
        return laid_over(plate, *self._library.painted(wish.frame, wish.clean)) if wish.clean else plate

    def _matte(self, wish: PictureWish) -> Pixels | None:
        return self._library.matte(wish.frame) if wish.drawn is None else self._cooked(wish.drawn)

    def _cooked(self, recipe: Recipe | None) -> Pixels | None:
        return None if recipe is None else self._library.kitchen.matte(recipe)


def image_of(pixels: Rgb8) -> QtGui.QImage:
    """A picture of its own memory, in the format Qt paints fastest."""
    height, width = pixels.shape[:2]
    view = QtGui.QImage(pixels.tobytes(), width, height, 3 * width, QtGui.QImage.Format.Format_RGB888)
    return view.convertToFormat(QtGui.QImage.Format.Format_RGB32)
