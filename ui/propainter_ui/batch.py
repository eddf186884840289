"""The batch: carries out the queue, one shot after the other: open, render, write, next.

Here: ``Batch``. Not here: the queue as data (``state/queue.py``), its page (``widgets/queue.py``), rendering and writing
(``bridge/``). A shot that fails is told in the list, and the next one begins.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from propainter_pictures.mattes import MatteReading
from propainter_ui.shot.companions import matte_beside, shot_name
from propainter_ui.shot.export import suggested_place
from propainter_ui.state import changes, events
from propainter_ui.state.events import Event
from propainter_ui.state.matte_events import TrackFinished
from propainter_ui.state.matte_shown import untracked
from propainter_ui.state.panel_state import Notice
from propainter_ui.state.queue import Queue, QueuedShot

if TYPE_CHECKING:
    from propainter_ui.panel import Panel


class Batch:
    """Works the queue off while it runs."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self.queue = Queue()
        self.is_running = False
        self._is_opening = False

    @property
    def unwritten(self) -> int:
        """Shots it has yet to write; 0 while it does not run. Between two of them the panel has no job."""
        return self.queue.unwritten if self.is_running else 0

    # --- the queue ------------------------------------------------------------------------------------------------

    def add_open_shot(self) -> None:
        """The open shot with its settings, quality and range."""
        s = self._panel.state
        if s.shot is not None and s.has_matte:
            shot, files = s.shot, self._panel.library.files
            self._take(self.queue.with_added(QueuedShot(
                shot.name, shot.plate, shot.matte, shot.clean, s.settings, s.quality, s.first, s.last,
                clean_only=files.clean_only if files is not None else None, is_inverted=shot.is_inverted,
                matte_channel=shot.matte_channel,
                drawn=s.drawn,
            )))  # fmt: skip

    def add_plates(self, plates: list[str]) -> None:
        """Whole shots by their plates, with the settings of now; each needs its matte beside it."""
        s, lacking = self._panel.state, []
        for plate in map(Path, plates):
            matte = matte_beside(plate)
            if matte is None:
                lacking.append(plate.name)
            else:
                self._take(self.queue.with_added(
                    QueuedShot(shot_name(plate), str(plate), str(matte), "", s.settings, s.quality)
                ))  # fmt: skip
        if lacking:
            text = (
                f"No matte lies beside {', '.join(lacking)}. Name it as the plate with _matte behind it, or open both."
            )
            self._panel.change(replace(self._panel.state, notice=Notice("error", text)))

    def remove(self, place: int) -> None:
        """Take one out."""
        self._take(self.queue.without(place))

    def move(self, place: int, step: int) -> None:
        """One a place up (-1) or down (1)."""
        self._take(self.queue.with_moved(place, step))

    def _take(self, queue: Queue) -> None:
        self.queue = queue
        self.show()

    def show(self) -> None:
        """Bring the page up to date."""
        s = self._panel.state
        can_add = s.has_matte
        self._panel.queue_page.show_queue(self.queue, is_running=self.is_running, can_add=can_add)

    # --- carrying it out ------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Begin with the first shot that is not done."""
        if not self.is_running:
            self.is_running = True
            self._take(self.queue.with_all_waiting())
            self._go_on()

    def stop(self) -> None:
        """End here; the shot under way waits again."""
        if self.is_running:
            self.is_running = False
            self._take(self.queue.with_all_waiting())
            self._panel.bridge.cancel()

    def _go_on(self) -> None:
        place = self.queue.following
        if place is None:
            self.is_running = False
            self._say_end()
            self.show()
            return
        shot = self.queue.shots[place]
        self._is_opening = True
        self._take(self.queue.with_progress(place, "running"))
        reading = MatteReading(shot.matte_channel, is_inverted=shot.is_inverted)
        self._panel.bridge.reopen(shot.plate, shot.matte, shot.clean, shot.clean_only, reading=reading)

    def hear(self, event: Event) -> None:
        """Something happened: it may be what the batch waits for."""
        place = self.queue.running
        if not self.is_running or place is None:
            return
        if isinstance(event, events.ShotFound) and self._is_opening:
            self._render(place)
        elif isinstance(event, events.ShotFound):
            self.is_running = False
            self._take(self.queue.with_progress(place, "failed", "Stopped: another shot was opened."))
        elif isinstance(event, events.ExportFinished):
            self._take(self.queue.with_progress(place, "done", f"Written to {event.path}"))
            self._go_on()
        elif isinstance(event, TrackFinished) and untracked(self._panel.state) is not None:
            self._fail(place, "The drawing changed while it was tracked. Add the shot again, or run the queue again.")
        elif isinstance(event, (events.Failed, events.DaemonLost)):
            self._fail(place, event.message if isinstance(event, events.Failed) else "The backend is gone.")

    def _fail(self, place: int, said: str) -> None:
        self._take(self.queue.with_progress(place, "failed", said))
        self._go_on()

    def _render(self, place: int) -> None:
        self._is_opening = False
        shot, panel = self.queue.shots[place], self._panel
        state = changes.with_whole_range(
            replace(panel.state, settings=shot.settings, quality=shot.quality, drawn=shot.drawn)
        )
        if shot.first is not None and shot.last is not None:
            state = changes.with_range(changes.with_range(state, first=shot.first), last=shot.last)
        panel.desk.keeping.lend(shot.drawn)
        panel.change(state)
        files = panel.library.files
        assert files is not None
        frames = range(state.first, state.last + 1)
        folders = panel.dialogs.folders_for(files)
        panel.export("sequence", suggested_place("sequence", shot.name, files, frames, folders))

    def _say_end(self) -> None:
        done = sum(shot.progress == "done" for shot in self.queue.shots)
        failed = sum(shot.progress == "failed" for shot in self.queue.shots)
        text = f"The queue is done: {done} of {len(self.queue.shots)} shots are written." + (
            f" {failed} failed; the list says why." if failed else ""
        )
        self._panel.change(replace(self._panel.state, notice=Notice("warning" if failed else "info", text)))
