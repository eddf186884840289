"""The bridge's door for the drawn matte: what the desk may ask, and which lane does it.

Here: ``MatteBridge``; every method returns at once. Not here: the work (``matting.py``, ``matte_filing.py``,
``rendering.py``), the panel's other wishes (``backend_bridge.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from propainter_ui.bridge.matte_filing import MatteFiles
from propainter_ui.bridge.matte_wishes import CarryWish, CastWish, MatteToPublish, MotionWish, SelectWish, TrackWish
from propainter_ui.bridge.matting import Mattings
from propainter_ui.bridge.rendering import Renders
from propainter_ui.matte.document import MatteDocument

Work = Callable[[], object]


class MatteBridge:
    """Asks for mattes. ask: does something on the matte lane; instead: in place of what is under way; after: behind
    it; later: on a lane that nobody waits for.
    """

    def __init__(
        self,
        mattings: Mattings,
        renders: Renders,
        files: MatteFiles,
        *,
        ask: Callable[[Work], object],
        instead: Callable[[Work], object],
        after: Callable[[Work], object],
        later: Callable[[Work], object],
    ) -> None:
        self._mattings, self._renders, self._files = mattings, renders, files
        self._ask, self._instead, self._after, self._later = ask, instead, after, later

    def select(self, wish: SelectWish) -> None:
        """Find the matte of a frame's marks, in place of what was asked before; starts a backend if there is none."""
        self._mattings.take(wish)
        self._ask(lambda: self._mattings.select(wish))

    def carry(self, wish: CarryWish) -> None:
        """Find where an outline's points are on other frames."""
        self._ask(lambda: self._mattings.carry(wish))

    def find_motion(self, wish: MotionWish) -> None:
        """Find how the background moves between two frames."""
        self._ask(lambda: self._mattings.motion(wish))

    def track(self, wish: TrackWish) -> None:
        """Find the mattes of a range."""
        self._instead(lambda: self._mattings.track(wish))

    def cast(self, wish: CastWish) -> None:
        """Look for the object's shadow."""
        self._instead(lambda: self._mattings.cast(wish))

    def publish(self, wish: MatteToPublish) -> None:
        """Publish the shot's matte under a channel, or withdraw it."""
        self._after(lambda: self._mattings.publish(wish))

    def redraw(self, drawn: MatteDocument | None) -> None:
        """Tell the backend about another drawn matte, and find out what of the shot is still valid."""
        self._after(lambda: self._renders.redraw(drawn))

    # --- files ----------------------------------------------------------------------------------------------------

    def save(self, place: str, document: MatteDocument, *, as_alpha: bool) -> None:
        """Write the matte as a sequence, with its project."""
        self._instead(lambda: self._files.save(place, document, as_alpha=as_alpha))

    def save_clean(self, folder: Path, document: MatteDocument) -> None:
        """Write the painted clean plates."""
        self._instead(lambda: self._files.save_clean(folder, document))

    def open(self, path: Path) -> None:
        """Go on with a project that was saved."""
        self._instead(lambda: self._files.open(path))

    def take_given(self, drawn: MatteDocument | None) -> None:
        """Make a document of the matte that was opened with the plate. drawn: what of it there was, which stays."""
        self._instead(lambda: self._files.take_given(drawn))

    def keep(self, path: Path, document: MatteDocument | None, saved_as: str = "") -> None:
        """Keep the document from one day to the next. saved_as: the sequence it was saved as."""
        self._later(lambda: self._files.keep(path, document, saved_as))

    def open_kept(self, path: Path) -> None:
        """The document as it was kept, if there is one."""
        self._later(lambda: self._files.open_kept(path))
