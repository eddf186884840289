"""What an export may be: the formats that hold the plate, with what they keep; each said before and true afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

from propainter_ui.shot.export import write_sequence, write_video
from propainter_ui.shot.export_formats import formats_of
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.picture import Patch
from propainter_ui.shot.shot_files import ShotFiles, open_frames

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

COUNT = 6


def video_with_sound(path: Path, *, bits: int = 8) -> Path:
    """A few frames of noise with AAC beside them."""
    noise = np.random.default_rng(5)
    with av.open(str(path), "w") as out:
        shape = "yuv420p" if bits == 8 else "yuv422p10le"
        pictures = out.add_stream("libx264" if bits == 8 else "libx265", rate=24, options={"crf": "10"})
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, shape
        sound = out.add_stream("aac", rate=48000)
        for _ in range(COUNT):
            picture = av.VideoFrame.from_ndarray(noise.integers(0, 256, (48, 64, 3), np.uint8), format="rgb24")
            out.mux(pictures.encode(picture.reformat(format=shape)))
        out.mux(pictures.encode(None))
        for start in range(0, 12000, 1024):
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            samples.sample_rate, samples.pts = 48000, start
            out.mux(sound.encode(samples))
        out.mux(sound.encode(None))
    return path


def numbered(folder: Path, ending: str, dtype: str) -> Path:
    folder.mkdir()
    for frame in range(1001, 1001 + COUNT):
        out = oiio.ImageOutput.create(f"a{ending}")
        out.open(str(folder / f"hill.{frame}{ending}"), oiio.ImageSpec(64, 48, 3, dtype))
        out.write_image(np.full((48, 64, 3), frame % 7, np.float32) / 10)
        out.close()
    return folder


def shot(plate: Path) -> tuple[ShotLibrary, ShotFiles, list[int]]:
    files = ShotFiles(open_frames(plate), None)
    library = ShotLibrary(1 << 24)
    library.open(files)
    return library, files, list(files.frames)


def fill(files: ShotFiles, frames: list[int]) -> dict[int, Patch]:
    dtype = files.plate_frames.dtype
    return {frame: Patch((4, 4, 8, 6), np.full((6, 8, 3), 200, dtype)) for frame in frames}


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".webm", ".avi"])
def test_what_is_said_of_codec_and_sound_is_what_is_written(tmp_path: Path, ending: str) -> None:
    library, files, frames = shot(video_with_sound(tmp_path / "plate.mov"))
    told = {each.ending: each.about for each in formats_of("video", files)}[ending]
    path, notes = write_video(tmp_path / f"out{ending}", library, frames, fill(files, frames), lambda _: None)
    with av.open(str(path)) as written:
        codec, has_sound = written.streams.video[0].codec_context.name, bool(written.streams.audio)
    assert {"h264": "H.264", "hevc": "HEVC", "vp9": "VP9", "libvpx-vp9": "VP9"}[codec] in told
    assert has_sound == ("sound is kept (aac)" in told) != ("without its sound" in told)
    assert has_sound == (not any("sound" in note for note in notes)), "and the notice says it afterwards"


def test_ten_bits_stay_ten_bits_and_formats_that_cannot_are_not_offered(tmp_path: Path) -> None:
    library, files, frames = shot(video_with_sound(tmp_path / "plate.mov", bits=10))
    offered = formats_of("video", files)
    assert [each.ending for each in offered] == [".mov", ".mp4", ".mkv"], "the plate's own first"
    assert offered[0].about.startswith("HEVC, 4:2:2, 10 bit.")
    path, _ = write_video(tmp_path / "out.mov", library, frames, fill(files, frames), lambda _: None)
    again = open_frames(path)
    assert again.dtype == "uint16"
    before, after = files.plate(frames[2]).astype(int), again.read(again.first + 2).astype(int)
    assert np.abs(after[20:] - before[20:]).mean() < 600, "as the plate, but for the codec: about a code of eight bits"


@pytest.mark.parametrize(
    ("plate_ending", "dtype", "endings"),
    [
        (".png", "uint8", [".png", ".dpx", ".tif"]),
        (".dpx", "uint16", [".dpx", ".tif", ".png"]),
        (".exr", "half", [".exr", ".tif"]),
    ],
)
def test_sequences_are_offered_in_every_format_that_holds_the_plate(
    tmp_path: Path, plate_ending: str, dtype: str, endings: list[str]
) -> None:
    library, files, frames = shot(numbered(tmp_path / "plate", plate_ending, dtype))
    offered = formats_of("sequence", files)
    assert [each.ending for each in offered] == endings
    assert [each.name.endswith("as the plate") for each in offered] == [True, *[False] * (len(endings) - 1)]
    for each in offered:
        out = write_sequence(
            tmp_path / each.ending[1:], library, None, frames, fill(files, frames), lambda _: None, each.ending  # type: ignore[arg-type]
        )  # fmt: skip
        assert sorted(path.name for path in out.iterdir()) == [f"hill.{frame}{each.ending}" for frame in frames]
        written = open_frames(out)
        np.testing.assert_allclose(written.read(1003)[20:], files.plate(1003)[20:])


def test_a_jpeg_plate_becomes_png_and_nothing_claims_that_it_is_as_the_plate(tmp_path: Path) -> None:
    (tmp_path / "plate").mkdir()
    for frame in (1, 2):
        cv2.imwrite(str(tmp_path / f"plate/hill.{frame}.jpg"), np.full((48, 64, 3), 90, np.uint8))
    _, files, _ = shot(tmp_path / "plate")
    first = formats_of("sequence", files)[0]
    assert (first.ending, first.name) == (".png", "PNG")


def test_the_window_offers_kinds_and_formats_and_keeps_the_name_in_step(
    qtbot: QtBot, application: Any, tmp_path: Path
) -> None:
    from propainter_ui.widgets.export_place import ExportPlace

    _, files, frames = shot(video_with_sound(tmp_path / "plate.mov"))
    window = ExportPlace(None, "sequence", "hill", files, frames, [tmp_path], without={"report"})
    qtbot.addWidget(window)
    window.show()
    assert [window.what.itemData(place) for place in range(window.what.count())] == ["sequence", "video", "sheet"]
    assert (window.kind, window.ending, window.path.text()) == ("sequence", None, str(tmp_path / "hill-clean"))
    window.format.setCurrentIndex(window.format.findData(".tif"))
    assert window.ending == ".tif"
    window.what.setCurrentIndex(1)
    assert window.path.text() == str(tmp_path / "hill-clean.mov") and "sound is kept" in window.about.text()
    window.format.setCurrentIndex(window.format.findData(".webm"))
    assert window.path.text() == str(tmp_path / "hill-clean.webm") and "without its sound" in window.about.text()
    assert "ProRes" in window.about.text()
    window.export.click()
    assert window.result() == 1 and (window.kind, window.ending) == ("video", None)
