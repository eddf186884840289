"""Turned and mirrored pictures are read as they are shown, and written back as they were stored."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import pytest

from propainter_backend.errors import BadInput
from propainter_pictures.images import read_image, read_info, write_image
from propainter_pictures.video import VideoReader

STORED = np.random.default_rng(3).integers(0, 256, (24, 40, 3), np.uint8)

# EXIF 2.3 by its own words: where row 0 and column 0 of the stored picture are seen.
SHOWN = {
    1: STORED,
    2: STORED[:, ::-1],
    3: STORED[::-1, ::-1],
    4: STORED[::-1],
    5: STORED.transpose(1, 0, 2),
    6: np.rot90(STORED, -1),
    7: STORED[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(STORED),
}


def store(path: Path, orientation: int, pixels: np.ndarray = STORED) -> Path:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], 3, "uint8")
    spec.attribute("Orientation", orientation)
    spec.attribute("CompressionQuality", 100)
    spec.attribute("jpeg:subsampling", "4:4:4")
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec)
    assert out.write_image(np.ascontiguousarray(pixels))
    assert out.close()
    return path


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
def test_every_exif_orientation_is_read_as_shown(name: str, orientation: int, tmp_path: Path) -> None:
    path = store(tmp_path / name, orientation)
    frame = read_image(path, 1)
    assert read_info(path, 1).size == frame.size == SHOWN[orientation].shape[1::-1]
    difference = np.abs(frame.pixels.astype(int) - SHOWN[orientation])
    assert difference.max() <= (6 if name == "a.jpg" else 0)


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_what_was_not_touched_is_stored_as_it_was(name: str, orientation: int, tmp_path: Path) -> None:
    frame = read_image(store(tmp_path / name, orientation), 1)
    write_image(tmp_path / f"out_{name}", frame, {})
    raw = oiio.ImageInput.open(str(tmp_path / f"out_{name}"))
    np.testing.assert_array_equal(raw.read_image("uint8"), STORED)
    assert raw.spec().get_int_attribute("Orientation", 1) == orientation


@pytest.mark.parametrize("orientation", [2, 6])
def test_in_another_format_it_is_written_upright(orientation: int, tmp_path: Path) -> None:
    frame = read_image(store(tmp_path / "a.jpg", orientation), 1)
    write_image(tmp_path / "a.png", frame, {})
    raw = oiio.ImageInput.open(str(tmp_path / "a.png"))
    np.testing.assert_array_equal(raw.read_image("uint8"), frame.pixels)
    assert raw.spec().get_int_attribute("Orientation", 1) == 1


def test_a_dpx_that_begins_at_the_bottom_is_read_upright(tmp_path: Path) -> None:
    path = store(tmp_path / "a.dpx", 1)
    content = bytearray(path.read_bytes())
    order = ">" if content[:4] == b"SDPX" else "<"
    content[768:770] = struct.pack(order + "H", 2)  # SMPTE 268M, field 25: left to right, bottom to top
    path.write_bytes(content)
    frame = read_image(path, 1)
    np.testing.assert_array_equal(frame.pixels, STORED[::-1])
    write_image(tmp_path / "b.dpx", frame, {})
    np.testing.assert_array_equal(read_image(tmp_path / "b.dpx", 1).pixels, STORED[::-1])


MATRICES = {
    "as it is": ([1, 0, 0, 1], lambda a: a),
    "mirrored": ([-1, 0, 0, 1], lambda a: a[:, ::-1]),
    "upside down": ([1, 0, 0, -1], lambda a: a[::-1]),
    "half a turn": ([-1, 0, 0, -1], lambda a: a[::-1, ::-1]),
    "a quarter right": ([0, 1, -1, 0], lambda a: np.rot90(a, -1)),
    "a quarter left": ([0, -1, 1, 0], np.rot90),
    "transposed": ([0, 1, 1, 0], lambda a: a.transpose(1, 0, 2)),
    "transposed the other way": ([0, -1, -1, 0], lambda a: a[::-1, ::-1].transpose(1, 0, 2)),
    "mirrored and scaled": ([-2, 0, 0, 1], lambda a: a[:, ::-1]),
}


def with_matrix(path: Path, values: list[float]) -> Path:
    """A lossless video, whose track header then gets this display matrix."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 40, 24, "yuv444p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(STORED, format="rgb24")))
        container.mux(stream.encode(None))
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2, version 0
    a, b, c, d = values
    rows = [a, b, 0, c, d, 0, 0, 0, 1]
    content[at : at + 36] = b"".join(
        struct.pack(">i", round(value * (1 << (30 if index % 3 == 2 else 16)))) for index, value in enumerate(rows)
    )
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", MATRICES)
def test_every_display_matrix_is_read_as_players_show_it(name: str, tmp_path: Path) -> None:
    plain = VideoReader(with_matrix(tmp_path / "plain.mp4", [1, 0, 0, 1])).read(0)
    values, shown = MATRICES[name]
    reader = VideoReader(with_matrix(tmp_path / "turned.mp4", list(values)))
    np.testing.assert_array_equal(reader.read(0), shown(plain))
    assert reader.size == shown(plain).shape[1::-1]


def test_a_slanted_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="slant; export it upright"):
        VideoReader(with_matrix(tmp_path / "a.mp4", [0.9, 0.1, -0.1, 0.9]))
