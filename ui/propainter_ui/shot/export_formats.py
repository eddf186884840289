"""Formats an export can be written in: those that hold this plate, each with what it keeps and loses.

Here: ``formats_of``, and the sentences about them. Not here: writing (``export.py``), the window that offers them
(``widgets/export_place.py``). The list is what ``propainter-remove --output`` writes, no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from propainter_ui.shot.export import ExportKind
from propainter_ui.shot.shot_files import BadShot, ShotFiles, told_to_artists

_PICTURE_NAMES: Mapping[str, str] = {
    ".exr": "OpenEXR", ".dpx": "DPX", ".tif": "TIFF", ".tiff": "TIFF", ".png": "PNG",
}  # fmt: skip
_VIDEO_NAMES: Mapping[str, str] = {
    ".mp4": "MP4", ".mov": "QuickTime", ".mkv": "Matroska", ".webm": "WebM", ".mxf": "MXF", ".avi": "AVI",
}  # fmt: skip
_NO_PRORES = "For ProRes, export a sequence and encode it: the panel writes none."


@dataclass(frozen=True)
class Format:
    """One way to write an export."""

    ending: str
    """With its dot."""
    name: str
    about: str
    """Sentences on what it keeps and loses."""


def formats_of(kind: ExportKind, files: ShotFiles) -> tuple[Format, ...]:
    """The formats of an export of this shot, the most fitting first. Raises BadShot where files cannot be read."""
    if kind == "sequence":
        return _picture_formats(files)
    if kind == "video":
        return _video_formats(files)
    about = {"sheet": "Plate, matte and result of a few frames, to look at.", "report": "What was rendered, as JSON."}
    return (Format(".png" if kind == "sheet" else ".json", "PNG" if kind == "sheet" else "JSON", about[kind]),)


def _picture_formats(files: ShotFiles) -> tuple[Format, ...]:
    plate = files.plate_frames.source
    with told_to_artists():
        from propainter_pictures.formats import formats_for

        own = Path(plate.file_name(plate.range.first)).suffix.lower()
        endings = [own, *(ending for ending in formats_for(plate.dtype) if ending != own)]
    is_kept = any(file.suffix.lower() == own for file in plate.files)  # JPEG and video become PNG
    return tuple(_picture_format(ending, is_kept and ending == own, plate.dtype.name) for ending in endings)


def _picture_format(ending: str, is_own: bool, dtype: str) -> Format:
    kept = "every pixel outside the hole stays as it is" + (", and so do channels and header" if is_own else "")
    name = _PICTURE_NAMES.get(ending, ending[1:].upper())
    return Format(ending, f"{name}, as the plate" if is_own else name, f"{_DEPTHS[dtype]}; {kept}.")


_DEPTHS: Mapping[str, str] = {
    "uint8": "8 bit", "uint16": "16 bit", "float16": "Half float", "float32": "Float",
}  # fmt: skip


def _video_formats(files: ShotFiles) -> tuple[Format, ...]:
    plate, found = files.plate_frames.source, []
    own = Path(files.plate_frames.path).suffix.lower() if plate.video is not None else ""
    for ending in sorted(_VIDEO_NAMES, key=lambda ending: ending != own):
        try:
            with told_to_artists():
                from propainter_pictures.results import foretell_video

                told = foretell_video(Path(f"export{ending}"), plate)
        except (BadShot, OSError, ValueError):  # it cannot hold the plate's depth; the plate's file is gone
            continue
        about = _about(told.codec, told.sound, told.dropped, is_video=plate.video is not None)
        found.append(Format(ending, _VIDEO_NAMES[ending], about))
    return tuple(found)


def _about(codec: str, sound: tuple[str, ...], dropped: tuple[str, ...], *, is_video: bool) -> str:
    sentences = [f"{codec}."]
    if sound:
        sentences.append(f"The plate's sound is kept ({', '.join(sound)}).")
    elif is_video and not any("sound" in words for words in dropped):
        sentences.append("The plate has no sound.")
    elif not is_video:
        sentences.append("Frames have no sound.")
    if dropped:
        sentences.append(f"The file is without {', '.join(dropped)}.")
    return " ".join([*sentences, _NO_PRORES])
