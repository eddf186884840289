"""Opening: the shot out of the files that were dropped or chosen.

Here: which of them count together with those known, and what they measure. Not here: telling and reading files
(``shot/shot_files.py``), what the backend is told (``shot_at_backend.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from propainter_pictures.console import as_sentence
from propainter_pictures.mattes import PLAIN, MatteReading
from propainter_ui.bridge.shot_at_backend import ShotAtBackend
from propainter_ui.bridge.teller import Teller
from propainter_ui.shot.companions import matte_beside, shot_name
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.shot_files import (
    BadShot,
    Frames,
    ShotFiles,
    UnreadMatte,
    check_clean_fit,
    check_fit,
    frame_list_text,
    open_dropped,
    open_frames,
)
from propainter_ui.state.events import MatteUnread
from propainter_ui.state.panel_state import ShotState
from propainter_wire.shot import DType


class ShotOpener:
    """Opens files and hands the shot on. Of the work lane; everything raises BadShot."""

    def __init__(self, shot: ShotAtBackend, library: ShotLibrary, tell: Teller) -> None:
        self._shot = shot
        self._library = library
        self._tell = tell

    def open(self, paths: Sequence[Path]) -> None:
        """Open what was dropped: a plate, a matte, or both."""
        known = self._library.files
        opened = open_dropped(
            paths, has_plate=known is not None, awaits_matte=known is not None and known.matte_frames is None
        )
        if opened.plate is None and known is None:
            assert opened.matte is not None
            raise BadShot(
                f"{Path(opened.matte.path).name} looks like a matte, and there is no plate yet; drop the plate as well"
            )
        if opened.plate is not None or known is None:
            assert opened.plate is not None
            if opened.matte is None:
                self._found_alone(opened.plate, opened.clean)
            else:
                self._found(opened.plate, opened.matte, opened.clean)
        elif opened.clean is None:
            self._found(known.plate_frames, opened.matte, known.clean_frames, known.clean_only)
        else:
            self._found(known.plate_frames, opened.matte or known.matte_frames, opened.clean)

    def open_as(self, what: str, path: Path) -> None:
        """Open a file as ``plate``, ``matte`` or ``clean`` plate, whatever it looks like."""
        known, frames = self._library.files, open_frames(path)
        if what == "plate":
            self._found_alone(frames)
        elif known is None:
            raise BadShot("there is no plate yet; open the plate first, then its matte and clean plate")
        elif what == "matte":
            self._found(known.plate_frames, frames, known.clean_frames, known.clean_only)
        else:
            self._found(known.plate_frames, known.matte_frames, frames)

    def reopen(
        self, plate: str, matte: str, clean: str, only: frozenset[int] | None, reading: MatteReading | None = None
    ) -> None:
        """Open a shot by the paths a ``ShotState`` holds, its files read anew. reading: see ``_found``."""
        self._found(
            open_frames(Path(plate)),
            open_frames(Path(matte)) if matte else None,
            open_frames(Path(clean)) if clean else None,
            only,
            reading,
        )

    def read_matte(self, path: str, reading: MatteReading) -> None:
        """Read a matte so: the shot's, or another one for its plate."""
        known = self._library.files
        if known is not None:
            given = known.matte_frames
            matte = given if given is not None and given.path == path else open_frames(Path(path))
            self._found(known.plate_frames, matte, known.clean_frames, known.clean_only, reading)

    def drop_clean(self) -> None:
        """Do without clean plates from here on."""
        known = self._library.files
        if known is not None and known.clean_frames is not None:
            self._found(known.plate_frames, known.matte_frames)

    def _found_alone(self, plate: Frames, clean: Frames | None = None) -> None:
        """A plate came without a matte: take the one beside it that is named as its matte, and say so."""
        beside = matte_beside(Path(plate.path))
        if beside is None:
            self._found(plate, None, clean)
            return
        try:
            matte = open_frames(beside)
            check_fit(plate, matte)
        except UnreadMatte:
            self._found(plate, matte, clean)
        except BadShot as error:
            self._found(plate, None, clean, note=f"{beside.name} beside the plate is not its matte: {error}.")
        else:
            self._found(plate, matte, clean, note=f"Matte: {beside.name}, found beside the plate by its name.")

    def _found(
        self,
        plate: Frames,
        matte: Frames | None = None,
        clean: Frames | None = None,
        clean_only: frozenset[int] | None = None,
        reading: MatteReading | None = None,
        note: str = "",
    ) -> None:
        """These files are the shot from here on. Raises BadShot if they do not fit each other.

        reading: how the matte is read; None: as before, if it is the same matte, and else as it looks. Where nothing tells
        that, the plate is opened, and who chose the files is asked to choose the channel.
        """
        wanted = self._reading_so_far(matte) if reading is None else reading
        if matte is not None:
            try:
                check_fit(plate, matte, wanted)
            except UnreadMatte as error:
                if reading is not None:
                    raise
                self._found_unread(plate, clean, clean_only, error)
                return
        files = ShotFiles(plate, matte, clean, clean_only, reading=wanted)
        if clean is not None:
            check_clean_fit(files)
        shot = _state_of(files)
        had_clean = self._shot.state is not None and self._shot.state.clean
        if clean is not None and clean.path != had_clean:
            numbers = shot.clean_frames
            whose = "every frame" if len(numbers) == shot.frame_count else frame_list_text(numbers)
            taken = f"Clean plate {Path(clean.path).name}: the fill of {whose} is taken from it where it has pixels."
            note = f"{note} {taken}".strip()
        self._shot.take(
            shot, files, " ".join([*(as_sentence(said) for said in files.notes), *([note] if note else [])])
        )

    def _found_unread(
        self, plate: Frames, clean: Frames | None, clean_only: frozenset[int] | None, error: UnreadMatte
    ) -> None:
        """A matte came whose channel has to be chosen. A shot that is open keeps its own until then."""
        known = self._library.files
        if known is None or known.plate_frames is not plate:
            self._found(plate, None, clean, clean_only)
        self._tell(MatteUnread(error.path, error.channels, as_sentence(str(error))))

    def _reading_so_far(self, matte: Frames | None) -> MatteReading:
        """How this very matte was read so far."""
        known = self._library.files
        if known is None or known.matte_frames is None or matte is None or known.matte_frames.path != matte.path:
            return PLAIN
        return known.reading


def _state_of(files: ShotFiles) -> ShotState:
    plate, matte, clean = files.plate_frames, files.matte_frames, files.clean_frames
    return ShotState(
        name=shot_name(Path(plate.path)), plate=plate.path, matte=matte.path if matte is not None else "",
        first=files.frames[0], last=files.frames[-1], width=plate.width, height=plate.height, dtype=cast(DType, plate.dtype),
        fps=plate.fps, still_matte=files.holds_matte, is_inverted=files.reading.is_inverted,
        matte_channel=files.reading.channel, matte_channels=files.matte_channels,
        clean=clean.path if clean is not None else "", clean_frames=files.clean_numbers(),
    )  # fmt: skip
