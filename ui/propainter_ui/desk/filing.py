"""Files of the drawn matte, as the artist asks for them: where to, which project, the given matte.

Here: ``Filing``, which asks and hands on. Not here: the dialogs (``dialogs.py``), reading and writing
(``bridge/matte_filing.py``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from propainter_ui.state.panel_state import Notice

if TYPE_CHECKING:
    from propainter_ui.panel import Panel


class Filing:
    """The desk's wishes about files that need an answer first."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._bridge = panel.bridge.matte

    def save(self) -> None:
        """Ask where to, and write the matte."""
        state, files = self._panel.state, self._panel.library.files
        if state.drawn is None or files is None:
            return
        chosen = self._panel.dialogs.matte_place_wanted(state, files)
        if chosen is not None:
            self._bridge.save(chosen.place, state.drawn, as_alpha=chosen.as_alpha)

    def save_clean(self) -> None:
        """Ask where to, and write the painted clean plates."""
        state, files = self._panel.state, self._panel.library.files
        if state.drawn is None or files is None or not state.drawn.clean:
            return
        folder = self._panel.dialogs.clean_place_wanted(state, files)
        if folder is not None:
            self._bridge.save_clean(folder, state.drawn)

    def open(self) -> None:
        """Ask for a project, and go on with it."""
        path = self._panel.dialogs.matte_project_wanted(self._panel.state)
        if path is not None:
            self._bridge.open(path)

    def draw_on(self) -> None:
        """Read the given matte, to be corrected. What is under way is not given up for it."""
        state = self._panel.state
        if not state.is_free:
            text = "The given matte is read to be corrected once this is done. Cancel it, or draw again then."
            self._panel.change(replace(state, notice=Notice("info", text)))
            return
        self._bridge.take_given(state.drawn)
