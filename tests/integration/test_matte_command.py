"""The command that makes mattes, on real files: what it writes, what it refuses, what it says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from matte_scenes import moving_disc
from propainter_backend.commands import matte, remove
from propainter_matte.arrays import overlap
from propainter_pictures.frame import Frame
from propainter_pictures.images import read_image, write_image
from propainter_pictures.mattes import read_matte
from propainter_pictures.plates import open_source

COUNT = 3
BOX = "1001:{:g},{:g},{:g},{:g}"


@pytest.fixture(scope="module")
def scene():
    return moving_disc(COUNT, speed=3)


@pytest.fixture
def shot(tmp_path, scene):
    (tmp_path / "plate").mkdir()
    for i, frame in enumerate(scene.frames):
        write_image(tmp_path / "plate" / f"plate.{1001 + i}.png", Frame(frame, ("R", "G", "B"), 1001 + i), {})
    return tmp_path


def run(shot: Path, *more: str, output: str = "out") -> int:
    return matte.main(["--plate", str(shot / "plate"), "--output", str(shot / output), "--quiet", *more])


def mattes(shot: Path, output: str = "out") -> list[np.ndarray]:
    source = open_source(str(shot / output))
    return [read_matte(source.read(number)) for number in source.numbers]


def test_one_box_makes_the_mattes_of_all_frames(shot, scene):
    box = BOX.format(*scene.box(0))
    assert run(shot, "--box", box, "--report", str(shot / "report.json")) == 0
    assert sorted(file.name for file in (shot / "out").iterdir()) == [f"plate.{1001 + i}.png" for i in range(COUNT)]
    assert min(overlap(*pair) for pair in zip(mattes(shot), scene.truth, strict=True)) > 0.85
    report = json.loads((shot / "report.json").read_text())
    assert report["keys"] == [1001]
    assert report["frames"] == {"first": 1001, "last": 1003, "count": 3}
    assert set(report["doubt"]) == {"1001", "1002", "1003"}


@pytest.mark.parametrize(
    ("output", "more", "channels", "dtype"),
    [("m.####.exr", (), ("Y",), "float16"), ("rgba", ("--alpha",), ("R", "G", "B", "A"), "uint8")],
)
def test_mattes_are_written_as_asked_and_read_back_by_the_one_reader(shot, scene, output, more, channels, dtype):
    assert run(shot, "--box", BOX.format(*scene.box(0)), "--last", "1002", *more, output=output) == 0
    file = shot / ("m.1002.exr" if "####" in output else "rgba/plate.1002.png")
    frame = read_image(file, 1002)
    assert frame.channel_names == channels
    assert frame.pixels.dtype == dtype
    assert overlap(read_matte(frame), scene.truth[1]) > 0.85


def test_a_shot_is_cleaned_from_a_box_in_one_go(shot, scene):
    given = ["--plate", str(shot / "plate"), "--output", str(shot / "clean"), "--engine", "classical", "--quiet"]
    assert remove.main([*given, "--box", BOX.format(*scene.box(0)), "--save-matte", str(shot / "kept")]) == 0
    assert len(list((shot / "clean").iterdir())) == len(list((shot / "kept").iterdir())) == COUNT
    clean = read_image(shot / "clean" / "plate.1002.png", 1002).pixels.astype(float)
    inside = scene.truth[1] > 0.99
    assert abs(clean - scene.frames[1])[inside].mean() > 20
    assert np.array_equal(clean[:, 120:], scene.frames[1][:, 120:].astype(float))


def test_a_wrong_removal_is_refused_before_a_matte_is_made(shot, scene, capsys):
    given = ["--plate", str(shot / "plate"), "--output", str(shot / "clean"), "--quiet"]
    given += ["--box", BOX.format(*scene.box(0)), "--save-matte", str(shot / "kept")]
    assert remove.main([*given, "--match-grain", "7"]) == 2
    assert not (shot / "kept").exists()
    assert remove.main([*given, "--matte", str(shot / "plate")]) == 2
    assert "give one of them" in capsys.readouterr().err
    assert remove.main([*given[:5], "--shadow"]) == 2
    assert "goes with marks" in capsys.readouterr().err
    assert remove.main(given[:5]) == 2
    assert "give --matte" in capsys.readouterr().err
    assert remove.main([*given[:7], "--save-matte", str(shot / "clean")]) == 2
    told = capsys.readouterr().err
    assert "--save-matte and --output are both" in told and told.count("\n") == 1
    assert not (shot / "clean").exists()


def test_strokes_correct_what_was_tracked_and_keys_are_kept(shot, scene):
    (shot / "keys").mkdir()
    key = np.rint(scene.truth[0] * 255).astype(np.uint8)
    write_image(shot / "keys" / "key.1001.png", Frame(key[..., None], ("Y",), 1001), {})
    strokes = {"1003": {"keep": [{"points": [[46, 60], [46, 70]], "radius": 4}]}}
    (shot / "strokes.json").write_text(json.dumps(strokes))
    assert run(shot, "--keys", str(shot / "keys"), output="plain") == 0
    assert run(shot, "--keys", str(shot / "keys"), "--strokes", str(shot / "strokes.json")) == 0
    plain, corrected = mattes(shot, "plain"), mattes(shot)
    assert np.array_equal(read_image(shot / "out" / "plate.1001.png", 1001).pixels[..., 0], key)
    assert plain[2][62:68, 44:48].min() > 0.9
    assert corrected[2][62:68, 44:48].max() < 0.5


SELECTOR = """
import json, sys
import numpy as np
from propainter_pictures.frame import Frame
from propainter_pictures.images import read_image, write_image
from pathlib import Path
frame, points, matte = map(Path, sys.argv[1:4])
facts = json.loads(points.read_text())
(x, y), = facts["remove"][0]["points"]
rows, columns = np.mgrid[: facts["height"], : facts["width"]]
assert read_image(frame, 0).pixels.shape == (facts["height"], facts["width"], 3)
cover = (np.hypot(columns - x, rows - y) < 18).astype(np.uint8) * 255
write_image(matte, Frame(cover[..., None], ("Y",), 0), {})
"""


def test_a_selector_of_one_s_own_draws_the_key(shot, scene):
    (shot / "own.py").write_text(SELECTOR)
    command = f"{sys.executable} {shot / 'own.py'} {{frame}} {{points}} {{matte}}"
    assert run(shot, "--points", "1001:40,60", "--selector", command, "--last", "1002") == 0
    assert overlap(mattes(shot)[0], scene.truth[0]) > 0.9


def test_a_shadow_is_written_by_itself(tmp_path):
    scene = moving_disc(14, shadow=0.4, speed=6, pan=0, radius=12, start=30)
    (tmp_path / "plate").mkdir()
    for i, frame in enumerate(scene.frames):
        write_image(tmp_path / "plate" / f"p.{i:04d}.png", Frame(frame, ("R", "G", "B"), i), {})
    (tmp_path / "keys").mkdir()
    for i, each in enumerate(scene.truth):
        cover = np.rint(each * 255).astype(np.uint8)[..., None]
        write_image(tmp_path / "keys" / f"k.{i:04d}.png", Frame(cover, ("Y",), i), {})
    given = ("--keys", str(tmp_path / "keys"), "--shadow-output", str(tmp_path / "cast"), "--shadow-soften", "1")
    assert run(tmp_path, *given) == 0
    assert overlap(mattes(tmp_path, "cast")[5], scene.shadows[5]) > 0.5


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "nothing says what to remove"),
        (("--keep-points", "1001:3,4"), "nothing says what to remove"),
        (("--box", "900:1,1,20,20"), "frame 900 is marked but the shot's frames are 1001-1003"),
        (("--box", "1001:900,1,20,20"), "outside the plate's 160x120 pixels"),
        (("--points", "1001:-5,4"), "outside the plate's 160x120 pixels"),
        (("--box", "1001:1,1,20,20", "--first", "7"), "--first 7 lies outside"),
        (("--box", "1001:1,1,20,20", "--shadow-threshold", "3"), "--shadow-threshold is 3"),
        (("--box", "1001:1,1,20,20", "--reflections"), "belongs to --shadow"),
        (("--box", "1001:1,1,20,20", "--strokes", "nowhere.json"), "cannot be read"),
        (("--box", "1001:1,1,20,20", "--selector", "segment {frame}"), "has no {matte}"),
        (("--box", "1001:1,1,20,20", "--selector", "nowhere-at-all {frame} {matte}"), "cannot be started"),
        (
            ("--box", "1001:1,1,20,20", "--selector", f"{sys.executable} -c 'exit(3)' {{frame}} {{matte}}"),
            "exit code 3",
        ),
        (("--box", "1001:1,1,20,20", "--selector", f"{sys.executable} -c '' {{frame}} {{matte}}"), "wrote no matte"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(shot, capsys, more, said):
    assert run(shot, *more) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("output", ["plate", "plate/plate.####.png", "m.mp4", "m.####.jpg"])
def test_no_output_hurts_the_plate_or_loses_edges(shot, scene, capsys, output):
    before = {file: file.read_bytes() for file in (shot / "plate").iterdir()}
    assert run(shot, "--box", BOX.format(*scene.box(0)), output=output) == 2
    assert capsys.readouterr().err.startswith("propainter-matte: ")
    assert {file: file.read_bytes() for file in (shot / "plate").iterdir()} == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "no JSON"),
        ("{}", "hold no frames"),
        ('{"1001": {"boxs": []}}', "'boxs' is none of"),
        ('{"1001": {"remove": [{"radius": 2}]}}', "'points' is missing"),
        ('{"x": {"boxes": []}}', "frame 'x'"),
        ('{"1001": {"polygons": [[[1, 2], [3, 4]]]}}', "three at least"),
        ('{"1001": {"boxes": [[1, 2, "a", 4]]}}', "frame '1001'"),
        ('{"1001": {"boxes": [[1, 2, Infinity, 4]]}}', "is not 4 numbers"),
    ],
)
def test_a_wrong_file_of_strokes_is_told_with_its_frame(shot, capsys, text, said):
    (shot / "strokes.json").write_text(text)
    assert run(shot, "--strokes", str(shot / "strokes.json")) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("box", ["1001", "1001:1,2,3", "x:1,2,3,4", "1001:1,2,0,4", "1001:nan,2,3,4"])
def test_a_wrong_box_is_refused_with_an_example(shot, capsys, box):
    with pytest.raises(SystemExit) as ended:
        run(shot, "--box", box)
    assert ended.value.code == 2
    assert repr(box) in capsys.readouterr().err


def test_a_box_that_leaves_nearly_everything_open_is_warned_of(shot, capsys):
    for box, is_vague in (("1001:1,1,157,117", True), ("1001:40,30,60,60", False)):
        assert run(shot, "--box", box) == 0
        assert ("the box on frame 1001 is nearly the whole picture" in capsys.readouterr().err) == is_vague


def test_nothing_is_tracked_across_a_cut(tmp_path, scene, capsys):
    (tmp_path / "plate").mkdir()
    other = np.random.default_rng(4).integers(0, 255, (8, 10, 3)).astype(np.uint8).repeat(15, 0).repeat(16, 1)
    for i, frame in enumerate([*scene.frames, other, other, other]):
        write_image(tmp_path / "plate" / f"p.{i}.png", Frame(frame, ("R", "G", "B"), i), {})
    assert run(tmp_path, "--box", "0:{:g},{:g},{:g},{:g}".format(*scene.box(0))) == 0
    assert [bool((each > 0.5).any()) for each in mattes(tmp_path)] == [True] * COUNT + [False] * 3
    assert f"frames {COUNT}-{COUNT + 2} are another scene" in capsys.readouterr().err
