"""A movie's alpha comes with its colours, whatever codec holds it."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from propainter_pictures.mattes import read_matte
from propainter_pictures.plates import open_source

WIDTH, HEIGHT, COUNT = 64, 48, 12

CODECS = {
    "prores.mov": ("prores_ks", "yuva444p10le", {"profile": "4444"}),
    "qtrle.mov": ("qtrle", "argb", {}),
    "png.mov": ("png", "rgba", {}),
    "ffv1.mkv": ("ffv1", "yuva444p", {}),
    "vp9.webm": ("libvpx-vp9", "yuva420p", {"lossless": "1", "g": "5"}),
    "vp8.webm": ("libvpx", "yuva420p", {"crf": "4", "b": "4M", "auto-alt-ref": "0", "g": "5"}),
}


def alpha(index: int) -> np.ndarray:
    """A box that moves, on a ramp of every value."""
    values = np.tile(np.linspace(0, 255, WIDTH).round().astype(np.uint8), (HEIGHT, 1))
    values[16:32, 2 * index : 2 * index + 16] = 255
    return values


def write_movie(path: Path) -> Path:
    codec, layout, options = CODECS[path.name]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, layout
        if "vp" in codec:
            stream.metadata["alpha_mode"] = "1"
        for index in range(COUNT):
            pixels = np.dstack([np.full((HEIGHT, WIDTH, 3), (200, 60, 90), np.uint8), alpha(index)])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgba").reformat(format=layout)))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("name", CODECS)
def test_a_movies_alpha_is_read_and_is_the_matte(name: str, tmp_path: Path) -> None:
    if CODECS[name][0] not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {CODECS[name][0]}")
    with open_source(str(write_movie(tmp_path / name))) as source:
        assert source.channel_names == ("R", "G", "B", "A")
        for index in (3, 11, 0, 7):  # seeking keeps it
            frame = source.read(index)
            matte = read_matte(frame)
            off = np.abs(matte - alpha(index) / 255)
            assert off.mean() < 0.02 and (
                off.max() < 0.0045 or name == "vp8.webm"
            )  # VP8 loses; FFmpeg's own scaling rounds
            assert matte[20, 2 * index + 8] > 0.99
            full = np.iinfo(frame.pixels.dtype).max
            assert np.abs(frame.rgb().mean((0, 1)) / full - np.array([200, 60, 90]) / 255).max() < 0.02


def test_a_movie_without_alpha_has_three_channels(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for _ in range(2):
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8), format="rgb24"))
            )
        container.mux(stream.encode(None))
    with open_source(str(path)) as source:
        assert source.channel_names == ("R", "G", "B")
