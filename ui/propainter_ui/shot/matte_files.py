"""A drawn matte as files: the sequence that everything takes, the project beside it, clean plates that were painted.

Here: saving, opening again, a shot's own matte to be edited, clean plates. Not here: what is in a project
(``matte/project.py``), final mattes (``matte/cooking.py``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from propainter_pictures.formats import IMAGE_SUFFIXES
from propainter_pictures.frame import Frame, as_float, as_type
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.names import FilePattern
from propainter_pictures.whole_files import appearing, make_folder
from propainter_ui.matte import edits
from propainter_ui.matte.cooking import Kitchen
from propainter_ui.matte.document import MatteDocument
from propainter_ui.matte.project import DamagedProject, OtherVersion, fitted, from_json, json_parts, project_in
from propainter_ui.matte.recipes import recipe_of
from propainter_ui.matte.store import MatteStore, UnknownMatte
from propainter_ui.shot.export import folder_beside
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.shot_files import BadShot, ShotFiles, told_to_artists
from propainter_wire.shot import Pixels

if TYPE_CHECKING:
    from propainter_pictures.plates import FrameSource

Advance = Callable[[int], None]
"""Called with how many frames are done; may raise to stop."""

PROJECT_ENDING = ".matte.json"
_SUGGESTIONS = 100


def project_of(place: str) -> Path:
    """Where the project of a sequence lies: ``NAME.matte.json`` beside its folder, or beside the files of its pattern."""
    path = Path(place)
    if path.suffix.lower() not in IMAGE_SUFFIXES or path.is_dir():
        return path.with_name(path.name + PROJECT_ENDING)
    with told_to_artists():
        pattern = FilePattern.parse(place)
    name = path.stem if pattern is None else pattern.before.rstrip("._- ") or "matte"
    return path.with_name(name + PROJECT_ENDING)


def suggested_place(name: str, files: ShotFiles) -> Path:
    """The first folder where a shot's mattes may go and replace nothing."""
    folder = folder_beside(files)
    places = (folder / f"{name}-matte{'' if count == 1 else f'-{count}'}" for count in range(1, _SUGGESTIONS))
    return next(
        (place for place in places if not (os.path.lexists(place) or os.path.lexists(project_of(str(place))))),
        folder / f"{name}-matte",
    )


def files_there(place: str, document: MatteDocument, files: ShotFiles) -> list[Path]:
    """Files that saving there would replace, the project among them."""
    path = Path(place)
    with told_to_artists():
        pattern = FilePattern.parse(place) if path.suffix and not path.is_dir() else None
    if pattern is not None:
        mattes = [pattern.file(frame) for frame in document.frames]
    elif path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir():
        mattes = [path]
    else:
        plate = files.plate_frames.source
        mattes = [(path / plate.file_name(frame)).with_suffix(".png") for frame in document.frames]
    return [each for each in (*mattes, project_of(place)) if os.path.lexists(each)]


def save_matte(
    place: str, document: MatteDocument, files: ShotFiles, kitchen: Kitchen, store: MatteStore,
    advance: Advance, *, as_alpha: bool = False,
) -> Path:  # fmt: skip
    """Write the final mattes, and the project beside them.

    place: a folder, which takes PNG named like the plate's, or a pattern that ends in .png .tif .exr. EXR holds half floats,
    the others 8 bits. as_alpha: RGBA, the matte in all four, else one grey channel. Returns the project's path.
    The shot's own matte is never written over, unless it was saved here with its project. What was written before a failure
    stays, each file whole. Raises BadShot, OSError.
    """
    project = project_of(place)
    with told_to_artists():
        from propainter_pictures.results import open_matte_sink

        frames = FrameRange(document.first, document.last)
        like, *others = _inputs(files, project)
        sink, dtype = open_matte_sink(place, like=like, frames=frames, protect=others)
        names = ("R", "G", "B", "A") if as_alpha else ("Y",)
        with sink:
            for done, frame in enumerate(document.frames, start=1):
                values = _in_type(_cooked(kitchen, document, frame), dtype)
                sink.write(frame, Frame(np.ascontiguousarray(np.repeat(values, len(names), -1)), names, frame))
                advance(done)
    save_project(project, document, store, plate=files.plate_frames.path, sequence=place)
    return project


def save_project(
    path: Path, document: MatteDocument, store: MatteStore, *, plate: str = "", sequence: str = "", is_own: bool = False
) -> None:
    """Write the project alone, whole or not at all. plate, sequence: paths to tell by.

    A file of that name that is no project, or cannot be read as one, is kept beside it with ``.damaged`` behind its name.
    is_own: what lies there is known to be a project, and need not be read for it. Raises BadShot, OSError.
    """
    try:
        held = replace(document, start=_beside(document.start, path))
        parts = json_parts(held, store, plate=_beside(plate, path), sequence=_beside(sequence, path))
        head = next(parts)
    except UnknownMatte as error:
        raise BadShot(str(error)) from error
    make_folder(path.parent)
    if not is_own:
        _set_aside_what_is_no_project(path)
    with appearing(path) as partial, partial.open("w", encoding="utf-8") as file:
        file.write(head)
        file.writelines(parts)
        file.close()  # what the disk refuses is told here, before the file has its name


def open_project(path: Path, store: MatteStore, files: ShotFiles | None = None) -> MatteDocument:
    """A project as it was saved; see ``read_project``. Raises BadShot."""
    document, _ = read_project(path, store, files)
    return document


def read_project(path: Path, store: MatteStore, files: ShotFiles | None = None) -> tuple[MatteDocument, str]:
    """A project as it was saved, its mattes put into the store, and where its sequence was saved, as it can be saved again;
    empty: it never was. files: the shot it is opened for, whose frames it takes on.

    Raises BadShot: damaged, of a later version, of another plate's size. The file is left as it is.
    """
    with _told_of_projects(path):
        document, sequence = from_json(path.read_text(encoding="utf-8"), store)
    document, sequence = replace(document, start=_from_beside(document.start, path)), _from_beside(sequence, path)
    if files is None:
        return document, sequence
    plate = files.plate_frames
    if (document.width, document.height) != (plate.width, plate.height):
        raise BadShot(
            f"the project {path.name} is of a plate of {document.width}x{document.height}, and this one is "
            f"{plate.width}x{plate.height}; open the plate it was drawn for"
        )
    return fitted(document, files.frames[0], files.frames[-1]), sequence


def take_sequence(
    files: ShotFiles, store: MatteStore, advance: Advance, document: MatteDocument | None = None
) -> MatteDocument:
    """The shot's own matte to be edited, read as the shot reads it (channel, inverted). All its frames are keys.

    document: what was drawn so far; its brush and garbage mattes stay. Raises BadShot.
    """
    plate, matte = files.plate_frames, files.matte_frames
    if matte is None:
        raise BadShot("the shot has no matte that could be edited; open one, or draw a box")
    found: dict[int, str] = {}
    known: dict[int | None, str] = {}
    for done, frame in enumerate(files.frames, start=1):
        number = files.matte_number(frame)
        if number is not None:
            if number not in known:
                pixels = files.matte(frame)
                assert pixels is not None
                known[number] = store.put(_as_stored(pixels))
            found[frame] = known[number]
        advance(done)
    if document is None:
        document = MatteDocument(plate.width, plate.height, files.frames[0], files.frames[-1])
    return edits.opened_from(document, matte.path, found)


def save_clean(folder: Path, document: MatteDocument, library: ShotLibrary, advance: Advance) -> None:
    """Write the painted clean plates: RGBA in the plate's own numbers, alpha full where they hold.

    Whole numbers become PNG, floats EXR, named like the plate's frames. Raises BadShot, OSError.
    """
    files = library.files
    assert files is not None
    wanted = [frame for frame in sorted(document.clean) if frame in document.frames]
    if not wanted:
        raise BadShot("no clean plate is painted; paint one by the clone stamp first")
    plate = files.plate_frames
    ending = ".exr" if plate.dtype.startswith("float") else ".png"
    with told_to_artists():
        from propainter_pictures.results import open_folder

        like, *others = files.sources
        frames = FrameRange(wanted[0], wanted[-1])
        with open_folder(folder, like=like, frames=frames, protect=others, ending=ending) as sink:
            for done, frame in enumerate(wanted, start=1):
                sink.write(frame, clean_frame(document, library, frame))
                advance(done)


def clean_frame(document: MatteDocument, library: ShotLibrary, frame: int) -> Frame:
    """One painted clean plate as it is written; one that was given lies below it. Raises BadShot."""
    strokes = document.clean.get(frame, ())
    for stroke in strokes:
        if stroke.source not in document.frames:
            raise BadShot(
                f"a clone stamp takes from frame {stroke.source}, which this plate does not have; open the plate it was "
                "drawn for"
            )
    clean = library.clean_with(frame, strokes)
    assert clean is not None
    return Frame(clean, ("R", "G", "B", "A"), frame)


def _cooked(kitchen: Kitchen, document: MatteDocument, frame: int) -> Pixels:
    try:
        return kitchen.matte(recipe_of(document, frame))
    except (UnknownMatte, ValueError) as error:
        raise BadShot(f"frame {frame}: {error}") from error


def _in_type(matte: Pixels, dtype: np.dtype[Any]) -> Pixels:
    return matte if matte.dtype == dtype else as_type(as_float(matte), dtype)


def _as_stored(matte: Pixels) -> Pixels:
    """A matte of any type as the store takes it: 8 bits, or half floats where there may be more."""
    return matte if matte.dtype in (np.uint8, np.float16) else as_float(matte).astype(np.float16)


def _inputs(files: ShotFiles, project: Path) -> Sequence[FrameSource]:
    """What must not be written over, the plate first."""
    plate, matte, clean = files.plate_frames, files.matte_frames, files.clean_frames
    guarded = (plate, clean) if _is_project(project) else (plate, matte, clean)
    return [frames.source for frames in guarded if frames is not None]


def _beside(path: str, project: Path) -> str:
    """A path as it stands in a project: from the project's folder, so that both can move together."""
    if not path:
        return ""
    try:
        return Path(os.path.relpath(Path(path).absolute(), project.parent.absolute())).as_posix()
    except ValueError:  # another drive
        return str(Path(path).absolute())


def _from_beside(path: str, project: Path) -> str:
    """Its inverse."""
    return os.path.normpath(project.parent.absolute() / path) if path else ""


@contextmanager
def _told_of_projects(path: Path) -> Iterator[None]:
    """What reading a project refuses, as BadShot."""
    try:
        yield
    except FileNotFoundError as error:
        raise BadShot(f"the project {path} is not there any more; open it from where it is now") from error
    except OSError as error:
        raise BadShot(f"the project {path} cannot be read ({error.strerror or error}); check its rights") from error
    except OtherVersion as error:
        raise BadShot(f"the project {path.name} cannot be opened: {error}") from error
    except (DamagedProject, UnicodeDecodeError) as error:
        raise BadShot(
            f"the project {path.name} is damaged ({error}); its saved sequence can still be opened as the matte"
        ) from error


def _is_project(path: Path) -> bool:
    try:
        project_in(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def _set_aside_what_is_no_project(path: Path) -> None:
    """Give another name to what saving would destroy though nobody can have it open: nothing is lost."""
    if not os.path.lexists(path) or path.is_dir() or _is_project(path):
        return
    names = (path.with_name(f"{path.name}.damaged{'' if n == 1 else f'-{n}'}") for n in range(1, _SUGGESTIONS))
    path.replace(next(name for name in names if not os.path.lexists(name)))
