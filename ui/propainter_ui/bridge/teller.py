"""Telling: the one way from the bridge's threads to the panel, and how failures are put into words."""

from __future__ import annotations

from collections.abc import Callable

from propainter_pictures.console import as_sentence
from propainter_ui.state.events import Event


class Teller:
    """Tells the panel of events until the panel is closed, or its host has deleted it."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self.is_closed = False

    def __call__(self, event: Event) -> None:
        if self.is_closed:
            return
        try:
            self._emit(event)
        except RuntimeError:  # the host has deleted the panel without closing it
            self.is_closed = True


def sentence_of(error: Exception) -> str:
    """An error as a sentence for the artist."""
    return as_sentence(str(error) or type(error).__name__)
