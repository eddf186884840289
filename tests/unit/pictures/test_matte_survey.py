"""Mattes that are not what they seem: read as what they are, said, or refused with the way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from propainter_pictures.errors import BadInput
from propainter_pictures.frame import Frame
from propainter_pictures.images import read_image, write_image
from propainter_pictures.matte_survey import PictureForMatte, Survey, judge_unseen, survey, without_options
from propainter_pictures.mattes import MatteReading, native_matte, read_matte

RGB = ("R", "G", "B")
NOISE = np.random.default_rng(15)
HEIGHT, WIDTH = 48, 64


def disc(radius: int = 14) -> np.ndarray:
    """A hard disc, 0 and 1."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return ((rows - 24) ** 2 + (columns - 30) ** 2 < radius**2).astype(np.uint8)


def photo(dtype: str = "uint8") -> np.ndarray:
    """Colours all over."""
    shares = NOISE.random((HEIGHT, WIDTH, 3))
    return (
        (shares * np.iinfo(dtype).max).astype(dtype)
        if np.issubdtype(np.dtype(dtype), np.integer)
        else shares.astype(dtype)
    )


def frame(pixels: np.ndarray, *names: str, suffix: str = ".png") -> Frame:
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    return Frame(pixels, names or ("Y", None, RGB)[pixels.shape[2] - 1], 1, Path(f"m.1{suffix}"))  # type: ignore[arg-type]


def looked_at(
    frames: Sequence[Frame], channel: str = "auto", *, plate: Callable[[], Frame] | None = None, **more: bool
) -> Survey:
    return survey(
        lambda n: frames[n],
        range(len(frames)),
        MatteReading(channel, **more),
        name="roto",
        plate=plate or (lambda: frame(photo())),
    )


def matte_of(picture: Frame, channel: str = "auto", **more: bool) -> np.ndarray:
    return read_matte(picture, looked_at([picture], channel, **more).reading)


# Labels


@pytest.mark.parametrize(
    "labels",
    [
        disc(),
        disc() * 3 + disc(6) * 4,
        np.where(disc(16) > disc(14), 255, disc() * 7),
        np.repeat(disc()[..., None], 3, -1),
    ],
    ids=["0 and 1", "several objects", "a border of void", "grey RGB"],
)
def test_small_whole_numbers_are_labels_and_said_to_be(labels: np.ndarray) -> None:
    found = looked_at([frame(np.zeros_like(labels, np.uint8)), frame(labels.astype(np.uint8))])
    assert found.notes == ("matte roto is read as labels: every number but 0 is removed",)
    picture = frame(labels.astype(np.uint8))
    expected = labels.reshape(HEIGHT, WIDTH, -1).any(-1)
    np.testing.assert_array_equal(read_matte(picture, found.reading), expected)
    np.testing.assert_array_equal(native_matte(picture, found.reading)[..., 0], expected * 255)


def test_labels_of_16_bits_are_labels_too() -> None:
    np.testing.assert_array_equal(matte_of(frame(disc().astype(np.uint16))), disc())


def test_numbers_of_8_bits_in_16_are_labels() -> None:
    full = disc().astype(np.uint16) * 255
    corner = np.zeros_like(full)
    corner[:2, :2] = 65535
    for picture in (frame(full), frame(np.maximum(full, corner))):
        np.testing.assert_array_equal(matte_of(picture), picture.pixels[..., 0] > 0)


def test_a_palettes_colours_made_grey_are_labels() -> None:
    greys = np.array([0, 38, 113, 150], np.uint8)  # the brightness of the first colours of DAVIS
    labels = disc() + disc(9) + disc(5)
    np.testing.assert_array_equal(matte_of(frame(greys[labels])), labels > 0)


def test_coloured_labels_of_a_palette_are_labels() -> None:
    palette = np.array([(0, 0, 0), (128, 0, 0), (0, 128, 0)], np.uint8)  # as DAVIS has them
    labels = disc() + disc(6)
    found = looked_at([frame(palette[labels])])
    assert found.notes == ("matte roto is read as labels: every colour but black is removed",)
    np.testing.assert_array_equal(read_matte(frame(palette[labels]), found.reading), labels > 0)


@pytest.mark.parametrize(
    "picture",
    [frame(disc() * 255), frame(disc() * 200), frame(NOISE.integers(0, 4, (HEIGHT, WIDTH)).astype(np.uint8)),
     frame(disc(), "Y", suffix=".jpg"), frame(disc().astype(np.float32), "Y", suffix=".exr")],
    ids=["0 and 255", "half removed", "noise of a dark picture", "a lossy file", "floats"],
)  # fmt: skip
def test_what_are_no_labels_keep_their_values(picture: Frame) -> None:
    found = looked_at([picture])
    assert not found.reading.is_labels
    np.testing.assert_array_equal(read_matte(picture, found.reading), read_matte(picture))


# Channels


def test_an_alpha_that_says_something_counts_for_every_frame() -> None:
    clear = np.dstack([photo(), disc() * 255])
    full = np.dstack([photo(), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    found = looked_at([frame(clear, *RGB, "A"), frame(full, *RGB, "A")])
    assert found.reading.channel == "alpha"
    assert (read_matte(frame(full, *RGB, "A"), found.reading) == 1).all()


@pytest.mark.parametrize(
    ("names", "others"),
    [((*RGB, "A", "roto.mask"), r"roto\.mask"), ((*RGB, "mask.a", "woman.Y"), r"mask\.a, woman\.Y"),
     ((*RGB, "channel3"), "channel3"), ((*RGB, "Z", "key.A"), r"\(key\.A\)")],
    ids=["beside an opaque picture", "several", "TIFF's unspecified channel", "beside depth"],
)  # fmt: skip
def test_a_picture_beside_masks_is_refused_and_they_are_named(names: tuple[str, ...], others: str) -> None:
    pixels = np.dstack([photo(), *([np.full((HEIGHT, WIDTH), 255, np.uint8)] * (len(names) - 3))])
    with pytest.raises(PictureForMatte, match=rf"other channels beside it .*{others}.*--matte-channel"):
        looked_at([frame(pixels, *names)])
    pixels[..., -1] = disc() * 255
    np.testing.assert_array_equal(matte_of(frame(pixels, *names), names[-1]), disc())
    if "." in names[-1]:
        layer = names[-1].rpartition(".")[0]
        np.testing.assert_array_equal(matte_of(frame(pixels, *names), layer), disc())


@pytest.mark.parametrize("names", [("A", "Z"), ("Z", "mask"), ("mask.Y",), ("Y", "A")])
def test_the_one_channel_that_can_be_a_matte_is_it(names: tuple[str, ...]) -> None:
    values = {
        "Z": np.full((HEIGHT, WIDTH), 500, np.float32),
        "Y": photo("float32")[..., 0] if "A" in names else disc() * 1.0,
    }
    pixels = np.dstack([values.get(name, disc().astype(np.float32)) for name in names]).astype(np.float32)
    np.testing.assert_array_equal(matte_of(frame(pixels, *names, suffix=".exr")), disc())


def test_channels_that_may_all_be_mattes_are_asked_about() -> None:
    pixels = np.dstack([disc()] * 3).astype(np.float32)
    with pytest.raises(
        BadInput, match=r"may be any of roto\.b, roto\.a, roto\.c; name the one to use by --matte-channel"
    ):
        looked_at([frame(pixels, "roto.b", "roto.a", "roto.c", suffix=".exr")])


@pytest.mark.parametrize("suffix", [".mov", ".png", ".exr"])
def test_colours_are_no_matte_unless_somebody_says_so(suffix: str) -> None:
    picture = frame(photo(), *RGB, suffix=suffix)
    with pytest.raises(PictureForMatte, match=r"roto is a colour picture.*--matte-channel \(luma, R, G, B\)"):
        looked_at([picture])
    assert looked_at([picture], "luma").reading.channel == "luma"
    np.testing.assert_array_equal(matte_of(picture, "G"), photo_channel(picture, 1))


def photo_channel(picture: Frame, index: int) -> np.ndarray:
    return picture.pixels[..., index].astype(np.float32) / np.float32(255)


def test_a_faint_tint_is_no_colour() -> None:
    tinted = np.dstack([disc() * 255, disc() * 250, disc() * 245])
    assert looked_at([frame(tinted, *RGB)]).reading.channel == "luma"


def test_plate_and_matte_swapped_are_told() -> None:
    black_and_white = frame(np.dstack([disc() * 255] * 3))
    for picture in (photo(), photo()[..., 0] // 2 + 60):
        with pytest.raises(PictureForMatte, match="plate and matte look swapped"):
            looked_at([frame(picture)], plate=lambda: black_and_white)


def test_frames_that_a_program_wrote_with_fewer_channels_do_not_decide() -> None:
    """ImageMagick and others write an empty frame of a colour sequence as grey, an opaque one without alpha."""
    empty = frame(disc() * 0)
    palette = np.array([(0, 0, 0), (255, 255, 0), (0, 128, 0)], np.uint8)
    coloured = frame(palette[disc() + disc(6)])
    found = looked_at([empty, coloured])
    assert found.reading.is_labels and not read_matte(empty, found.reading).any()
    np.testing.assert_array_equal(read_matte(coloured, found.reading), disc())
    clear = frame(np.dstack([photo(), disc() * 255]), *RGB, "A")
    with pytest.raises(BadInput, match="no channel 'alpha' among R, G, B"):
        looked_at([frame(photo()), clear])


def test_labels_that_come_late_in_a_long_run_are_found() -> None:
    frames = [frame(disc() * 0)] * 200
    frames[101] = frame(disc())
    assert looked_at(frames).reading.is_labels


def test_a_thin_wire_in_a_large_picture_is_neither_empty_nor_faint() -> None:
    wire = np.zeros((1080, 1920), np.uint8)
    wire[:, 701] = 255
    assert looked_at([frame(wire)] * 3).notes == ()


# Inverted


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32"])
def test_an_inverted_matte_is_one_less_it(dtype: str) -> None:
    full = np.iinfo(dtype).max if np.issubdtype(np.dtype(dtype), np.integer) else 1
    picture = frame((disc() * np.float64(full)).astype(dtype), "A", suffix=".exr")
    reading = MatteReading(is_inverted=True)
    np.testing.assert_array_equal(read_matte(picture, reading), 1 - disc())
    np.testing.assert_array_equal(native_matte(picture, reading)[..., 0] / full, 1 - disc())


def test_labels_can_be_inverted() -> None:
    np.testing.assert_array_equal(matte_of(frame(disc()), is_inverted=True), 1 - disc())


# What is said


def test_an_ordinary_matte_is_passed_over_in_silence() -> None:
    soft = (disc() * 255 * 0.8 + disc(10) * 255 * 0.2).astype(np.uint8)
    assert looked_at([frame(soft), frame(soft * 0)]).notes == ()


@pytest.mark.parametrize(
    ("matte", "sentence"),
    [
        (disc() * 0, "every frame of the matte is empty, so nothing is removed"),
        (disc() * 100, r"never exceeds 0\.39, so the object stays half visible"),
        (255 - disc() * 255, r"looks inverted: it covers 80% .*--invert-matte"),
        (np.full((HEIGHT, WIDTH), 255), r"looks inverted: it covers 100%"),
        (
            np.where(np.pad(np.ones((HEIGHT - 2, WIDTH - 2)), 1) > 0, 255, 0),
            r"covers 93% of the picture, so little is left",
        ),
    ],
    ids=["empty", "faint", "inverted", "full", "nearly full"],
)
def test_what_is_suspicious_is_one_sentence(matte: np.ndarray, sentence: str) -> None:
    (note,) = looked_at([frame(matte.astype(np.uint8))] * 3).notes
    assert re.search(sentence, note), note


def test_what_is_removed_is_named_as_it_is_read() -> None:
    full = np.full((HEIGHT, WIDTH), 255, np.uint8)
    (as_it_is,) = looked_at([frame(full)]).notes
    (inverted,) = looked_at([frame(full * 0)], is_inverted=True).notes
    assert "white is removed, black stays" in as_it_is
    assert "black is removed, white stays" in inverted


def test_a_matte_is_called_empty_only_after_every_frame_was_looked_at() -> None:
    frames = [frame(disc() * 0)] * 100
    frames[37] = frame(disc() * 255)
    assert looked_at(frames).notes == ()


def test_what_was_never_seen_is_said_when_it_is_most() -> None:
    assert judge_unseen(0.2) == []
    assert judge_unseen(0.97)[0].startswith("97% of what the matte covers is shown in no frame")


def test_those_without_a_command_line_read_of_no_options() -> None:
    assert without_options("it looks inverted; 1 removes (--invert-matte)") == "it looks inverted; 1 removes"


def test_a_label_map_in_a_real_file_comes_through_the_reader(tmp_path: Path) -> None:
    write_image(tmp_path / "m.0001.png", Frame(disc()[..., None], ("Y",)), {})
    np.testing.assert_array_equal(matte_of(read_image(tmp_path / "m.0001.png", 1)), disc())


@pytest.mark.filterwarnings("error")
def test_a_matte_one_pixel_wide_is_looked_at_without_a_word():
    column = frame(np.uint8([[0], [2], [2], [0]]), "Y")
    survey(lambda number: column, range(1), name="matte")
