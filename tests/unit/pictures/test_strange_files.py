"""Names, notes and headers that no program of today writes: read, or refused in one sentence; never a traceback."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import pytest

from propainter_backend.errors import BadInput, OutputError
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.images import read_image, read_info, write_image
from propainter_pictures.plates import open_source
from propainter_pictures.results import open_sink
from propainter_pictures.video import VideoReader

PIXELS = np.random.default_rng(4).integers(0, 256, (16, 24, 3), np.uint8)
MARK = "Mxxller"
LATIN = b"M\xfcxller"  # as long, and no UTF-8


def store(path: Path, **notes: str) -> Path:
    """A picture with notes, whose bytes are then made Latin-1."""
    is_float = path.suffix == ".exr"
    spec = oiio.ImageSpec(24, 16, 3, "half" if is_float else "uint8")
    for name, value in notes.items():
        spec.attribute(name, value)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec)
    assert out.write_image(PIXELS.astype(np.float16) if is_float else PIXELS)
    assert out.close()
    content = path.read_bytes()
    assert MARK.encode() in content
    path.write_bytes(content.replace(MARK.encode(), LATIN))
    return path


@pytest.mark.parametrize("out", ["tif", "dpx", "exr", "png"])
@pytest.mark.parametrize("name", ["a.tif", "a.dpx", "a.exr"])
def test_latin_1_in_a_header_ends_nothing(name: str, out: str, tmp_path: Path) -> None:
    note = {"a.tif": "Artist", "a.dpx": "Creator", "a.exr": "owner"}[name]
    path = store(tmp_path / name, **{note: MARK, "ImageDescription": f"shot by {MARK}"})
    frame = read_image(path, 1)
    kept = name.endswith(out)
    if not kept and out != "exr" and name == "a.exr":
        return  # floats do not go there
    if out == "exr" and name != "a.exr":
        return
    write_image(tmp_path / f"out.{out}", frame, {"propainter:engine": "classical"})
    np.testing.assert_array_equal(read_image(tmp_path / f"out.{out}", 1).pixels, frame.pixels)
    if kept:
        content = (tmp_path / f"out.{out}").read_bytes()
        assert LATIN in content or "Müxller".encode() in content


def test_latin_1_in_a_video_becomes_text(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        container.metadata["artist"] = MARK
        stream = container.add_stream("libx264", rate=Fraction(24))
        stream.width, stream.height, stream.pix_fmt = 24, 16, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(PIXELS, format="rgb24")))
        container.mux(stream.encode(None))
    path.write_bytes(path.read_bytes().replace(MARK.encode(), LATIN))
    with (
        open_source(str(path)) as plate,
        open_sink(str(tmp_path / "b.mp4"), like=plate, frames=FrameRange(0, 2)) as sink,
    ):
        for number in range(3):
            sink.write(number, plate.read(number))
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.metadata["artist"] == "Müxller"


def test_a_damaged_exr_header_is_a_sentence(tmp_path: Path) -> None:
    whole = store(tmp_path / "whole.exr", owner=MARK).read_bytes()
    path = tmp_path / "a.exr"
    rng = np.random.default_rng(6)
    refused = 0
    for _ in range(300):
        content = bytearray(whole)
        for at in rng.integers(4, 330, 3):
            content[at] = rng.integers(0, 256)
        path.write_bytes(content)
        try:
            read_info(path, 1)
            read_image(path, 1)
        except BadInput as error:
            refused += 1
            assert "a.exr" in str(error)
    assert refused > 30


@pytest.mark.parametrize(
    ("window", "what"),
    [((0, 0, 2**20, 2**20), "format"), ((0, 0, -2, 5), "format"), ((-(2**30), 0, 2**30, 15), "format")],
)
def test_a_huge_or_empty_display_window_is_refused_before_memory_is_asked_for(
    window: tuple[int, ...], what: str, tmp_path: Path
) -> None:
    path = store(tmp_path / "a.exr", owner=MARK)
    content = bytearray(path.read_bytes())
    at = content.index(b"displayWindow\0box2i\0") + 24
    content[at : at + 16] = struct.pack("<4i", *window)
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"a\.exr"):
        open_source(str(path)).read(1)


needs_bytes = pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")


@needs_bytes
def test_names_that_are_not_utf_8_are_refused_in_a_sentence(tmp_path: Path) -> None:
    png = tmp_path / "p.1.png"
    write_image(png, read_image(_plain(png), 1), {})
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/f\xf6lder"))
    folder.mkdir()
    (folder / "p.1.png").write_bytes(png.read_bytes())
    for bad in (folder, folder / "p.1.png"):
        with pytest.raises(BadInput, match="not UTF-8; rename"):
            open_source(str(bad))
    with (
        open_source(str(png)) as plate,
        pytest.raises(OutputError, match="not UTF-8"),
        open_sink(str(folder / "out"), like=plate, frames=FrameRange(1, 1)) as sink,
    ):
        sink.write(1, plate.read(1))


@needs_bytes
def test_a_video_whose_name_is_not_utf_8_is_read_or_refused(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/v\xf6.mp4"))
    path.write_bytes(b"nothing")
    with pytest.raises(BadInput, match=r"cannot be read|not UTF-8"):
        VideoReader(path)


def test_names_too_long_for_the_disk_are_a_sentence(tmp_path: Path) -> None:
    for name in ("x" * 300, "a\0b"):
        with pytest.raises(BadInput):
            open_source(str(tmp_path / name))


def _plain(path: Path) -> Path:
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), oiio.ImageSpec(24, 16, 3, "uint8")) and out.write_image(PIXELS) and out.close()
    return path


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize(
    "command",
    [
        "propainter_backend.__main__ --help", "propainter_backend.commands.remove --help",
        "propainter_backend.commands.weights_cli path", "propainter_install --help",
    ],
)  # fmt: skip
def test_every_command_speaks_to_any_console(command: str, encoding: str, tmp_path: Path) -> None:
    home = tmp_path / "größe 映像 100%"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for variable in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "PROPAINTER_WEIGHTS"):
        environment.pop(variable, None)
    done = subprocess.run([sys.executable, "-m", *command.split()], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def tiff(path: Path, photometric: int, channels: int, tags: tuple[tuple[int, int, int], ...] = ()) -> Path:
    """A TIFF by hand (TIFF 6.0, section 2): 8 bits, one strip."""
    pixels = np.random.default_rng(9).integers(0, 256, (16, 24, channels), np.uint8).tobytes()
    entries = [
        (256, 3, 24), (257, 3, 16), (259, 3, 1), (262, 3, photometric), (277, 3, channels), (278, 3, 16),
        (279, 4, len(pixels)), (284, 3, 1), *tags,
    ]  # fmt: skip
    entries += [(258, 3, -1), (273, 4, -2)]
    size = 8 + 2 + 12 * len(entries) + 4
    body = b""
    for tag, kind, value in sorted(entries):
        count = channels if tag == 258 else 1
        number = size if tag == 258 else size + 2 * channels if tag == 273 else value
        body += struct.pack("<HHII", tag, kind, count, number)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    path.write_bytes(head + body + bytes(4) + struct.pack(f"<{channels}H", *[8] * channels) + pixels)
    return path


def test_the_tiff_by_hand_is_read_when_it_is_rgb(tmp_path: Path) -> None:
    assert read_image(tiff(tmp_path / "a.tif", 2, 3), 1).pixels.shape == (16, 24, 3)


@pytest.mark.parametrize(("photometric", "channels", "name"), [(5, 4, "CMYK"), (8, 3, "Lab"), (6, 3, "YCbCr")])
def test_tiffs_of_other_colours_are_refused(photometric: int, channels: int, name: str, tmp_path: Path) -> None:
    path = tiff(tmp_path / "a.tif", photometric, channels)
    with pytest.raises(BadInput, match=rf"a\.tif\) holds {name} colours"):
        read_info(path, 1)


@pytest.mark.parametrize("has_adobes_mark", [True, False])
def test_a_jpeg_in_cmyk_is_refused(has_adobes_mark: bool, tmp_path: Path) -> None:
    def segment(marker: int, content: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content

    # One grey block of each of four colours: with these tables a block is the bits 0 and 0 (ITU-T T.81, B and F.1.2).
    one_code = bytes([1] + [0] * 15) + b"\0"
    mark = segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0)) if has_adobes_mark else b""
    colours = b"".join(bytes([number, 0x11, 0]) for number in range(1, 5))
    scan = b"\4" + b"".join(bytes([number, 0]) for number in range(1, 5)) + b"\0\x3f\0"
    (tmp_path / "a.jpg").write_bytes(
        b"\xff\xd8" + mark + segment(0xDB, b"\0" + bytes([1] * 64))
        + segment(0xC0, struct.pack(">BHHB", 8, 8, 8, 4) + colours)
        + segment(0xC4, b"\0" + one_code) + segment(0xC4, b"\x10" + one_code)
        + segment(0xDA, scan) + b"\0" + b"\xff\xd9"
    )  # fmt: skip
    with pytest.raises(BadInput, match=r"a\.jpg\) holds CMYK colours, .*; write it as RGB"):
        read_info(tmp_path / "a.jpg", 1)


def test_a_channel_of_whole_numbers_in_an_exr_is_refused_by_name(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(24, 16, 4, "float")
    spec.channelnames = ("R", "G", "B", "objectId")
    spec.channelformats = ("half", "half", "half", "uint")
    out = oiio.ImageOutput.create(str(tmp_path / "a.exr"))
    assert out.open(str(tmp_path / "a.exr"), spec)
    assert out.write_image(np.zeros((16, 24, 4), np.float32)) and out.close()
    with pytest.raises(BadInput, match=r"objectId \(uint\); write them into a file of their own"):
        read_info(tmp_path / "a.exr", 1)
