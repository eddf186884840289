"""propainter-ofx from a shell: files in, files out, one sentence for every mistake."""

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from propainter_host.__main__ import main, parse_frames
from propainter_host.errors import BadValue, SequenceError
from propainter_host.sequences import file_of_frame, find_sequence


def write(path: Path, pixels: np.ndarray, **attributes: float | str) -> None:
    """An image of the array's depth; attributes such as x=, full_width=, or named ones."""
    height, width, channels = pixels.shape
    depth = {"float16": "half", "float32": "float"}.get(pixels.dtype.name, pixels.dtype.name)
    spec = oiio.ImageSpec(width, height, channels, depth)
    for name, value in attributes.items():
        setattr(spec, name, value) if hasattr(spec, name) else spec.attribute(name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = oiio.ImageOutput.create(str(path))
    assert file.open(str(path), spec) and file.write_image(pixels)
    file.close()


def read(path: Path) -> tuple[np.ndarray, oiio.ImageSpec]:
    file = oiio.ImageInput.open(str(path))
    spec = file.spec()
    return np.asarray(file.read_image(0, 0, 0, spec.nchannels, spec.format)), spec


@pytest.fixture
def shot(tmp_path: Path, plate: np.ndarray, matte: np.ndarray) -> Path:
    """A folder with plate/plate.1001.exr ... and roto/roto.1001.png ..., five frames."""
    for index in range(5):
        write(tmp_path / f"plate/plate.{1001 + index}.exr", plate[index, ..., :3].astype(np.float16))
        write(tmp_path / f"roto/roto.{1001 + index}.png", (matte[index, ..., None] * 255).astype(np.uint8))
    return tmp_path


def run(probe: Path, shot: Path, *more: str, output: str = "clean") -> int:
    source, mask = shot / "plate", shot / "roto" / "roto.%04d.png"
    return main(
        ["--plugin", str(probe), "--source", str(source), "--mask", str(mask), "--output", str(shot / output), *more]
    )


def test_a_sequence_is_rendered_beside_its_plate_and_untouched_outside_the_matte(
    probe: Path, shot: Path, matte: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(probe, shot, "--threads", "2", "--shuffle", "--strict") == 0
    assert sorted(path.name for path in (shot / "clean").iterdir()) == [
        f"plate.{1001 + index}.exr" for index in range(5)
    ]
    plates = [read(shot / f"plate/plate.{1001 + index}.exr")[0] for index in range(5)]
    clean, spec = read(shot / "clean/plate.1003.exr")
    assert (str(spec.format), spec.nchannels) == ("half", 3)
    mean = np.mean(np.float32(plates[1:4]), axis=0)
    whole, outside = matte[2] == 1, matte[2] == 0
    np.testing.assert_array_equal(clean[outside], plates[2][outside])
    np.testing.assert_allclose(clean[whole], mean[whole], atol=1e-3)
    assert capsys.readouterr().out.count("frame 10") == 5


@pytest.mark.parametrize("profile", ["resolve", "fusion", "natron", "mlt"])
def test_other_hosts_write_the_same_untouched_plate(probe: Path, shot: Path, profile: str) -> None:
    assert run(probe, shot, "--profile", profile, "--param", "radius=0") == 0
    for name in ("plate.1001.exr", "plate.1005.exr"):
        np.testing.assert_array_equal(read(shot / "clean" / name)[0], read(shot / "plate" / name)[0])


def test_frames_may_be_chosen_and_written_by_a_pattern_in_another_format(probe: Path, shot: Path) -> None:
    assert run(probe, shot, "--frames", "1002-1005x3", output="out/shot_####.png") == 0
    assert sorted(path.name for path in (shot / "out").iterdir()) == ["shot_1002.png", "shot_1005.png"]
    assert str(read(shot / "out/shot_1002.png")[1].format) == "uint16"


def test_a_data_window_stays_where_it_is(probe: Path, shot: Path, plate: np.ndarray) -> None:
    window = {"x": -2, "y": 2, "full_x": 0, "full_y": 0, "full_width": 20, "full_height": 18}
    for number in (1, 2):
        write(shot / f"over/o.{number}.exr", plate[number], **window)
    options = ["--source", str(shot / "over"), "--output", str(shot / "clean"), "--param", "radius=0"]
    assert main(["--plugin", str(probe), *options]) == 0
    pixels, spec = read(shot / "clean/o.2.exr")
    assert {name: getattr(spec, name) for name in window} == window
    np.testing.assert_array_equal(pixels, plate[2])


def test_a_format_without_data_windows_gets_the_display_window(probe: Path, tmp_path: Path, plate: np.ndarray) -> None:
    write(tmp_path / "in/o.1.exr", plate[0], x=-2, y=2, full_width=20, full_height=18)
    options = ["--source", str(tmp_path / "in"), "--output", str(tmp_path / "out.%d.tif"), "--param", "radius=0"]
    assert main(["--plugin", str(probe), *options]) == 0
    pixels, _ = read(tmp_path / "out.1.tif")
    assert pixels.shape == (18, 20, 4)
    expected = np.floor(plate[0, :, 2:] * 65535 + 0.5)
    np.testing.assert_allclose(pixels[2:14, :14], expected, atol=1)
    assert not pixels[14:].any() and not pixels[:, 14:].any()


def test_what_a_file_says_of_itself_is_kept_in_the_same_format(probe: Path, tmp_path: Path, plate: np.ndarray) -> None:
    write(tmp_path / "in/o.1.exr", plate[0, ..., :3], compression="piz", Artist="A. Painter", PixelAspectRatio=2.0)
    for name, expected in (("out.1.exr", ("piz", "A. Painter", 2.0)), ("out.1.png", ("", "", 2.0))):
        options = ["--source", str(tmp_path / "in"), "--output", str(tmp_path / name)]
        assert main(["--plugin", str(probe), *options]) == 0
        spec = read(tmp_path / name)[1]
        words = (spec.get_string_attribute("compression"), spec.get_string_attribute("Artist"))
        assert (*words, spec.get_float_attribute("PixelAspectRatio")) == expected


def test_shuffled_frames_come_in_a_mixed_order(probe: Path, shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orders = []
    for more in ([], ["--shuffle"]):
        assert run(probe, shot, *more) == 0
        orders.append([line.split(":")[0] for line in capsys.readouterr().out.splitlines()])
    assert orders[0] == sorted(orders[1]) != orders[1]


def test_an_eight_bit_alpha_that_is_not_multiplied_in_stays_so(probe: Path, tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (6, 7, 4), dtype=np.uint8)
    write(tmp_path / "in/a.0001.png", pixels, **{"oiio:UnassociatedAlpha": 1})
    options = ["--source", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--param", "radius=0"]
    assert main(["--plugin", str(probe), *options]) == 0
    keep = oiio.ImageSpec()
    keep.attribute("oiio:UnassociatedAlpha", 1)
    file = oiio.ImageInput.open(str(tmp_path / "out/a.0001.png"), keep)
    np.testing.assert_array_equal(file.read_image(0, 0, 0, 4, "uint8"), pixels)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ([[0.5]], 0.5),
        ([[1.0, 0.5, 0.0]], 0.2126 + 0.7152 / 2),
        ([[0.9, 0.9, 0.9, 0.25]], 0.25),
        ([[0.5, 0.5, 0.5, 1.0]], 0.5),
    ],
)
def test_a_matte_is_its_lone_channel_its_alpha_or_its_luma(
    probe: Path, tmp_path: Path, channels: list[list[float]], expected: float
) -> None:
    dark, light = np.zeros((1, 1, 3), np.float32), np.ones((1, 1, 3), np.float32)
    write(tmp_path / "p/p.1.exr", dark)
    write(tmp_path / "p/p.2.exr", light)
    write(tmp_path / "m.exr", np.array([channels], np.float32))
    options = ["--source", str(tmp_path / "p"), "--mask", str(tmp_path / "m.exr"), "--output", str(tmp_path / "o")]
    assert main(["--plugin", str(probe), *options, "--frames", "1"]) == 0
    mean = 1 / 3  # frame 0 is held (0), then 0 and 1
    np.testing.assert_allclose(read(tmp_path / "o/p.1.exr")[0], mean * expected, atol=1e-5)


def test_the_list_shows_clips_parameters_and_defaults(probe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--plugin", str(probe), "--list"]) == 0
    told = capsys.readouterr().out
    assert "Probe (org.propainter.probe 1.0), context General" in told
    assert "Mask                 Alpha/RGBA, optional, mask, other frames too" in told
    assert "radius               integer, default 1, 0 to 20" in told
    assert "misdeed              choice, default none, one of: none | leak image |" in told


def test_frames_that_fail_are_told_and_the_others_written(
    probe: Path, shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shot / "plate/plate.1002.exr").write_bytes(b"no image at all")
    assert run(probe, shot, "--param", "radius=0") == 1
    assert sorted(path.name for path in (shot / "clean").iterdir()) == [
        f"plate.{number}.exr" for number in (1001, 1003, 1004, 1005)
    ]
    told = capsys.readouterr().err
    assert "plate.1002.exr is no image that can be opened" in told and "1 of 5 frames were not rendered" in told


def test_a_plugin_that_fails_is_quoted(probe: Path, shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(probe, shot, "--param", "misdeed=fail", "--frames", "1003", "--profile", "fusion") == 1
    assert "frame 1003: failed (FAILED): frame 1003: nothing to see" in capsys.readouterr().err


def test_broken_rules_are_told_and_with_strict_are_an_error(
    probe: Path, shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(probe, shot, "--param", "misdeed=leak image") == 0
    assert run(probe, shot, "--param", "misdeed=leak image", "--strict") == 3
    assert "rule broken: an image is still held when the action ends" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--plugin", "nowhere.ofx"], "there is no plugin at nowhere.ofx"),
        (["--source", "nowhere"], "there is no image, folder or pattern nowhere"),
        (["--source", "plate/take2.%04d.exr"], "no image matches"),
        (["--source", "."], "holds no numbered images"),
        (["--mask", "plate/readme.txt"], "is no image that can be opened"),
        (["--output", "one.exr"], "5 frames cannot all be one.exr; put %04d"),
        (["--output", "plate"], "would overwrite the source"),
        (["--output", "clean.%04d.mov"], "is no image format known here"),
        (["--param", "radius"], "--param 'radius' is not NAME=VALUE"),
        (["--param", "radius=99"], "radius is 99; it takes 0 to 20"),
        (["--param", "radios=1"], "there is no parameter 'radios'"),
        (["--button", "radius"], "radius is a Integer, not a push button"),
        (["--clean-plate", "plate"], "the effect has no clip CleanPlate; it has Source, Mask, Output"),
        (["--context", "Paint"], "has no context 'Paint'"),
        (["--frames", "1003-1001"], "holds no frame in '1003-1001'"),
        (["--frames", "all"], "is not understood at 'all'"),
        (["--scale", "0"], "a render scale of 0 x 0 shows nothing"),
    ],
)
def test_each_mistake_is_one_sentence_and_exit_code_two(
    probe: Path,
    shot: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(shot)
    (shot / "plate/readme.txt").write_text("read me")
    given = ["--plugin", str(probe), "--source", "plate", "--mask", "roto", "--output", "clean", *options]
    assert main(given) == 2
    told = capsys.readouterr().err.strip()
    assert sentence in told and "\n" not in told


def test_a_folder_of_two_sequences_is_refused_with_their_names(shot: Path) -> None:
    (shot / "plate/other_07.png").touch()
    with pytest.raises(SequenceError, match=r"name one: other_%02d\.png, plate\.%04d\.exr"):
        find_sequence(str(shot / "plate"))


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("a.%04d.exr", "a.0007.exr"), ("a.####.exr", "a.0007.exr"), ("a.#.exr", "a.7.exr"), ("a.%d.exr", "a.7.exr")],
)
def test_a_pattern_names_a_frame(pattern: str, name: str) -> None:
    assert file_of_frame(pattern, 7) == name


@pytest.mark.parametrize(
    ("text", "frames"),
    [("7", [7]), ("1-4", [1, 2, 3, 4]), ("1-9x4,2,2", [1, 5, 9, 2]), ("-2-1", [-2, -1, 0, 1]), ("-4--3", [-4, -3])],
)
def test_frame_lists_are_read(text: str, frames: list[int]) -> None:
    assert parse_frames(text) == frames


@pytest.mark.parametrize("text", ["", "1-", "a", "1-9x", "1-9x0", "5-1", "1,,2"])
def test_frame_lists_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(BadValue, match="--frames"):
        parse_frames(text)


def test_folders_and_patterns_may_hold_negative_frames(tmp_path: Path) -> None:
    for name in ("p.-002.png", "p.-001.png", "p.0000.png"):
        (tmp_path / name).touch()
    for given in (tmp_path, tmp_path / "p.%04d.png"):
        found = find_sequence(str(given))
        assert found.numbers == [-2, -1, 0] and found.pattern == "p.%04d.png"
