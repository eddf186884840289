"""``propainter-remove`` as its users meet it: real files in, real files out, one sentence where something is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
import torch

import golden
from builders import box_matte, moving_plates
from propainter.types import Precision
from propainter_backend.commands.remove import main
from propainter_backend.errors import BadInput
from propainter_backend.render.engines import check_asked

SIZE = (96, 72)
COUNT = 5


def write(path: Path, pixels: np.ndarray, names: tuple[str, ...] | None = None, **attributes: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    spec = oiio.ImageSpec(
        pixels.shape[1], pixels.shape[0], pixels.shape[2], pixels.dtype.name.replace("float32", "float")
    )
    if names is not None:
        spec.channelnames = names
    for name, value in attributes.items():
        spec.attribute(name, value)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(pixels), out.geterror()
    out.close()


def read(path: Path) -> np.ndarray:
    image = oiio.ImageInput.open(str(path))
    assert image is not None, oiio.geterror()
    pixels = image.read_image(image.spec().format)
    image.close()
    return pixels


def mattes(count: int = COUNT, size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    return [(box_matte(size, left=30 + i, top=25) * 255).astype(np.uint8)[..., None] for i in range(count)]


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """plate.1001-1005.png and matte.1001-1005.png."""
    for i, (plate, matte) in enumerate(zip(moving_plates(COUNT, size=SIZE), mattes(), strict=True)):
        write(tmp_path / "plate" / f"plate.{1001 + i}.png", plate.pixels)
        write(tmp_path / "matte" / f"matte.{1001 + i}.png", matte)
    return tmp_path


def run(shot: Path, *more: str, plate: str = "plate", matte: str = "matte", output: str = "out") -> int:
    given = ["--plate", str(shot / plate), "--matte", str(shot / matte), "--output", str(shot / output)]
    return main([*given, "--quiet", "--engine", "classical", *more])


def refused(capsys: pytest.CaptureFixture[str], code: int) -> str:
    """The one sentence of a run that ended with exit code 2."""
    said = capsys.readouterr().err.strip()
    assert code == 2, said
    assert said.startswith("propainter-remove: ") and "\n" not in said and "Traceback" not in said, said
    return said


def test_a_shot_is_cleaned_and_nothing_outside_the_matte_changes(shot):
    assert run(shot, "--report", str(shot / "report.json"), "--contact-sheet", str(shot / "sheet.png")) == 0
    for i, plate in enumerate(moving_plates(COUNT, size=SIZE)):
        after = read(shot / "out" / f"plate.{1001 + i}.png")
        far = np.ones(SIZE[::-1], bool)
        far[25 - 4 : 33 + 4, 30 + i - 4 : 40 + i + 4] = False
        assert np.array_equal(after[far], plate.pixels[far])
        assert not np.array_equal(after, plate.pixels)
    report = json.loads((shot / "report.json").read_text())
    assert report["engine"] == "classical" and report["weights"] == "none"
    assert report["frames"] == {"first": 1001, "last": 1005, "count": 5}
    assert set(report["stages"]) == {"flow", "completion", "propagation", "painting", "composite"}
    assert report["stages"]["flow"]["computed"] == 4 and report["stages"]["composite"]["computed"] == 5
    assert report["kernels_in_holes"] == 0
    assert 0 <= report["unseen_fraction"] <= 1 and report["peak_memory_bytes"] > 0
    assert read(shot / "sheet.png").shape[1] > SIZE[0]


def test_a_clean_plate_fills_its_frame_and_frames_without_one_stay_as_they_are(shot, capsys):
    clean = np.full((SIZE[1], SIZE[0], 4), (10, 200, 30, 255), np.uint8)
    write(shot / "clean" / "clean.1003.png", clean)
    given = ["--clean-plate", str(shot / "clean" / "clean.####.png")]
    assert run(shot, *given) == 0
    assert (read(shot / "out" / "plate.1003.png")[mattes()[2][..., 0] > 0] == (10, 200, 30)).all()
    assert not (read(shot / "out" / "plate.1001.png")[mattes()[0][..., 0] > 0] == (10, 200, 30)).all()
    assert run(shot, output="without") == 0
    assert not np.array_equal(read(shot / "out" / "plate.1004.png"), read(shot / "without" / "plate.1004.png"))
    assert run(shot, "--clean-plate", str(shot / "clean" / "clean.1003.png"), output="lone") == 0
    for number in (1001, 1003):
        np.testing.assert_array_equal(*(read(shot / out / f"plate.{number}.png") for out in ("out", "lone")))
    write(shot / "everywhere.png", clean)
    assert run(shot, "--clean-plate", str(shot / "everywhere.png"), output="still") == 0
    for number in range(1001, 1006):
        matte = mattes()[number - 1001][..., 0] > 0
        assert (read(shot / "still" / f"plate.{number}.png")[matte] == (10, 200, 30)).all()


def test_a_clean_plate_that_does_not_fit(shot, capsys):
    write(shot / "clean" / "clean.2001.png", np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    write(shot / "clean" / "clean.2002.png", np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    said = refused(capsys, run(shot, "--clean-plate", str(shot / "clean" / "clean.####.png")))
    assert "plate is 1001-1005 but clean plate clean.####.png is 2001-2002: no common frames" in said
    write(shot / "small.png", np.zeros((8, 8, 3), np.uint8))
    said = refused(capsys, run(shot, "--clean-plate", str(shot / "small.png")))
    assert "8x8" in said and "96x72" in said


@pytest.mark.parametrize("option", ["--report", "--contact-sheet"])
def test_report_and_sheet_are_never_written_over_an_input(option, shot, capsys):
    write(shot / "clean.png", np.zeros((SIZE[1], SIZE[0], 4), np.uint8))
    for taken in ("plate/plate.1002.png", "matte/matte.1001.png", "clean.png"):
        before = (shot / taken).read_bytes()
        said = refused(capsys, run(shot, option, str(shot / taken), "--clean-plate", str(shot / "clean.png")))
        assert f"{taken} belongs to the input" in said and (shot / taken).read_bytes() == before
    assert not (shot / "out").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--device", "cuda"], "device cuda was not found"),
        (["--device", "cuda:3"], "device cuda:3 was not found"),
        (["--device", "mps"], "there is no device 'mps'"),
        (["--precision", "fp16"], "--precision fp16 needs"),
        (["--precision", "bf16", "--device", "cpu"], "--precision bf16 needs"),
    ],
)
@pytest.mark.parametrize("engine", ["classical", "auto"])
def test_what_asks_for_cuda_is_never_done_on_the_processor(engine, more, says, shot, capsys):
    said = refused(capsys, run(shot, "--engine", engine, *more))
    assert says in said and "--device cpu" in said
    assert not (shot / "out").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_nor_with_weights_nor_by_a_farm_task(shot, tmp_path, capsys):
    weights = ["--weights", str(golden.standin_folder(tmp_path / "weights"))]
    for engine in ("auto", "propainter"):
        said = refused(capsys, run(shot, "--engine", engine, *weights, "--precision", "fp16"))
        assert "--precision fp16 needs" in said and "--device cpu" in said
    task = ["run-chunk", "--stage", "flow", "--cache-dir", str(tmp_path / "cache"), "--engine", "classical"]
    given = ["--plate", str(shot / "plate"), "--matte", str(shot / "matte"), "--output", str(shot / "out")]
    for more, says in ((["--device", "cuda"], "cuda was not found"), (["--precision", "bf16"], "bf16 needs")):
        assert main([*task, *given, *more]) == 2
        told = capsys.readouterr()
        assert says in told.err + told.out


def test_a_gpu_is_not_asked_of_the_classical_engine(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(BadInput, match="works on the CPU, so --device"):
        check_asked("classical", weights=None, device="cuda", precision=Precision.FP32)
    check_asked("classical", weights=None, device="auto", precision=Precision.FP32)
    check_asked("classical", weights=None, device="cpu", precision=Precision.FP32)


def test_the_engine_is_named_in_the_output(shot):
    assert run(shot) == 0
    spec = oiio.ImageInput.open(str(shot / "out" / "plate.1001.png")).spec()
    assert spec.getattribute("propainter:engine") == "classical"


def test_a_float_plate_with_highlights_and_negatives_survives_bit_for_bit_outside_the_matte(tmp_path):
    names = ("R", "G", "B", "A", "depth.Z")
    rng = np.random.default_rng(4)
    for i, frame in enumerate(moving_plates(3, size=SIZE, dtype="float32")):
        pixels = np.concatenate([frame.pixels, rng.random((SIZE[1], SIZE[0], 2), np.float32) * 1000], -1)
        pixels[10, 10 + i] = 12.0
        pixels[60, 80, :3] = (-0.25, -1e-7, -0.0)
        write(tmp_path / "plate" / f"p.{i:04d}.exr", np.ascontiguousarray(pixels), names, shotname="t_010")
        soft = box_matte(SIZE, left=30, top=25)[..., None] * 0.5
        soft[28:30, 33:37] = 1
        write(tmp_path / "matte" / f"m.{i:04d}.exr", soft, ("Y",))
    assert run(tmp_path) == 0
    for i in range(3):
        before, after = (read(tmp_path / folder / f"p.{i:04d}.exr") for folder in ("plate", "out"))
        far = np.ones(SIZE[::-1], bool)
        far[21:37, 26:44] = False
        assert after.dtype == np.float32
        assert np.array_equal(after[far].view(np.uint32), before[far].view(np.uint32))
        assert np.array_equal(after[..., 3:].view(np.uint32), before[..., 3:].view(np.uint32))
        assert np.isfinite(after[..., :3]).all() and not np.array_equal(after, before)
        header = oiio.ImageInput.open(str(tmp_path / "out" / f"p.{i:04d}.exr")).spec()
        assert header.getattribute("shotname") == "t_010"


def test_a_bright_background_is_filled_above_one(tmp_path):
    for i in range(4):
        pixels = (
            np.full((SIZE[1], SIZE[0], 3), 8.0, np.float32) + moving_plates(4, size=SIZE, dtype="float32")[i].pixels
        )
        matte = box_matte(SIZE, left=10 + 16 * i, top=25)[..., None]
        pixels[matte[..., 0] > 0] = 0.1
        write(tmp_path / "plate" / f"p.{i}.exr", pixels)
        write(tmp_path / "matte" / f"m.{i}.exr", matte, ("Y",))
    assert run(tmp_path) == 0
    inside = box_matte(SIZE, left=26, top=25) > 0
    assert read(tmp_path / "out" / "p.1.exr")[inside].min() > 6


@pytest.mark.parametrize("kind", ["pattern", "hashes", "range", "still", "video"])
def test_paths_may_be_patterns_stills_and_videos(shot, kind):
    arguments: dict[str, str] = {}
    more: list[str] = []
    if kind == "pattern":
        arguments = {"plate": "plate/plate.%04d.png", "output": "out/clean.%05d.tif"}
    elif kind == "hashes":
        arguments = {"plate": "plate/plate.####.png", "output": "out/clean.####.png"}
    elif kind == "range":
        more = ["--first", "1002", "--last", "1003"]
    elif kind == "still":
        arguments = {"matte": "matte/matte.1001.png"}
    else:
        arguments = {"output": "out.mp4"}
    assert run(shot, *more, **arguments) == 0
    written = sorted(path.name for path in (shot / "out").glob("*"))
    expected = {
        "pattern": [f"clean.0{1001 + i}.tif" for i in range(5)],
        "hashes": [f"clean.{1001 + i}.png" for i in range(5)],
        "range": ["plate.1002.png", "plate.1003.png"],
        "still": [f"plate.{1001 + i}.png" for i in range(5)],
    }
    if kind == "video":
        assert (shot / "out.mp4").stat().st_size > 500
        (shot / "again").mkdir()
        assert (
            run(shot, "--first", "0", "--last", "2", plate="out.mp4", matte="matte/matte.1001.png", output="again") == 0
        )
        assert len(list((shot / "again").glob("*.png"))) == 3
    else:
        assert written == expected[kind]


@pytest.mark.parametrize("count", [1, 2])
def test_very_short_shots_work(shot, count):
    assert run(shot, "--last", str(1000 + count)) == 0
    assert len(list((shot / "out").glob("*.png"))) == count


def test_an_empty_matte_hands_every_frame_through(shot):
    for path in (shot / "matte").glob("*.png"):
        write(path, np.zeros((SIZE[1], SIZE[0], 1), np.uint8))
    assert run(shot) == 0
    for i, plate in enumerate(moving_plates(COUNT, size=SIZE)):
        assert np.array_equal(read(shot / "out" / f"plate.{1001 + i}.png"), plate.pixels)


def test_a_matte_over_a_whole_frame_is_filled_with_numbers(shot):
    write(shot / "matte" / "matte.1003.png", np.full((SIZE[1], SIZE[0], 1), 255, np.uint8))
    assert run(shot) == 0
    assert read(shot / "out" / "plate.1003.png").std() > 1


def test_every_stage_can_be_kept(shot):
    assert run(shot, "--save-stages", str(shot / "stages")) == 0
    shapes = {path.stem: np.load(path).shape for path in (shot / "stages").glob("*.npy")}
    width, height = SIZE
    painted = {name: shape for name, shape in shapes.items() if name.startswith("painted_")}
    assert painted and all(shape[1:] == (3, height, width) for shape in painted.values())
    assert {name: shape for name, shape in shapes.items() if name not in painted} == {
        "flow_forward": (4, 2, height, width), "flow_backward": (4, 2, height, width),
        "completed_forward": (4, 2, height, width), "completed_backward": (4, 2, height, width),
        "propagated": (5, 3, height, width), "unseen": (5, 1, height, width),
    }  # fmt: skip
    told = json.loads((shot / "stages" / "stages.json").read_text())
    assert {f"painted_{w['centre']:03d}" for w in told["windows"]} == set(painted)


@pytest.mark.slow
def test_the_stages_that_are_kept_are_the_reference_s_from_files_to_files(tmp_path):
    """Golden vectors of the reference under stand-in weights; painted windows whole, outside their holes too."""
    arrays = golden.load("pan12")
    for i, (frame, hole) in enumerate(zip(arrays["frames"], arrays["hole"], strict=True)):
        write(tmp_path / "plate" / f"{i:04d}.png", frame)
        write(tmp_path / "matte" / f"{i:04d}.png", hole[..., None] * np.uint8(255))
    given = [option for name in ("plate", "matte") for option in (f"--{name}", str(tmp_path / name))]
    weights, stages = golden.standin_folder(tmp_path / "weights"), tmp_path / "stages"
    how = ["--grow", "0", "--ref-stride", "4", "--neighbor-length", "6", "--save-stages", str(stages), "--quiet"]
    assert main([*given, "--output", str(tmp_path / "out"), "--weights", str(weights), *how]) == 0

    def gaps(name: str, reference: np.ndarray) -> np.ndarray:
        return np.abs(np.load(stages / f"{name}.npy").reshape(reference.shape) - reference)

    for way in ("forward", "backward"):
        assert gaps(f"flow_{way}", arrays[f"flow_{way}"]).max() < 1e-4
        assert gaps(f"completed_{way}", arrays[f"completed_{way}"]).max() < 1e-4
    assert (gaps("propagated", arrays["propagated"]) < 1e-6).mean() >= 0.999
    assert (gaps("unseen", arrays["unseen"].astype(np.float32)) == 0).mean() >= 0.999
    for window in golden.windows("pan12"):
        name = f"painted_{window.centre:03d}"
        painted = np.load(stages / f"{name}.npy").ravel()[arrays[f"{name}.idx"]]
        assert (np.abs(painted - arrays[f"{name}.val"]) < 1e-3).mean() >= 0.999


def test_a_draft_leaves_the_plate_alone_outside_the_matte_too(shot):
    assert run(shot, "--draft") == 0
    plate = moving_plates(COUNT, size=SIZE)[0].pixels
    assert np.array_equal(read(shot / "out" / "plate.1001.png")[:20], plate[:20])


# --- what can be wrong, each told in one sentence


def test_a_missing_frame(shot, capsys):
    (shot / "plate" / "plate.1003.png").unlink()
    assert "1003" in refused(capsys, run(shot))


def test_a_matte_of_another_size(shot, capsys):
    for i, matte in enumerate(mattes(size=(48, 36))):
        write(shot / "matte" / f"matte.{1001 + i}.png", matte)
    said = refused(capsys, run(shot))
    assert "48x36" in said and "96x72" in said


def test_one_matte_frame_of_another_size(shot, capsys):
    write(shot / "matte" / "matte.1004.png", mattes(size=(48, 36))[0])
    assert "1004" in refused(capsys, run(shot))


def test_no_common_frames(shot, capsys):
    for path in sorted((shot / "matte").glob("*.png")):
        path.rename(path.with_name(path.name.replace(".10", ".20")))
    (shot / "matte" / "matte.2005.png").unlink()
    said = refused(capsys, run(shot))
    assert "1001-1005" in said and "2001-2004" in said and "--matte-offset -1000" in said
    assert run(shot, "--matte-offset", "-1000") == 0


def test_a_corrupt_file(shot, capsys):
    path = shot / "plate" / "plate.1002.png"
    path.write_bytes(path.read_bytes()[:300])
    assert "plate.1002.png" in refused(capsys, run(shot))


def test_nan_in_the_plate_is_named_and_can_be_accepted(tmp_path, capsys):
    for i, frame in enumerate(moving_plates(3, size=SIZE, dtype="float32")):
        pixels = frame.pixels.copy()
        if i == 1:
            pixels[5, 7, 1] = np.nan
            pixels[27, 33] = np.inf  # inside the matte: it goes away by itself
        write(tmp_path / "plate" / f"p.{i}.exr", pixels)
        write(tmp_path / "matte" / f"m.{i}.png", mattes()[i])
    said = refused(capsys, run(tmp_path))
    assert "frame 1" in said and "(7, 5)" in said and "--keep-nan" in said
    assert run(tmp_path, "--keep-nan") == 0
    after = read(tmp_path / "out" / "p.1.exr")
    assert np.isnan(after[5, 7, 1]) and np.isfinite(after[21:37, 27:44]).all()
    assert np.isfinite(read(tmp_path / "out" / "p.0.exr")).all()


def test_an_output_that_cannot_be_written(shot, capsys):
    (shot / "out").write_text("a file, not a folder")
    assert str(shot / "out") in refused(capsys, run(shot))


def test_channels_that_make_no_picture(shot, capsys):
    for i in range(COUNT):
        write(shot / "plate" / f"plate.{1001 + i}.png", np.zeros((SIZE[1], SIZE[0], 2), np.uint8))
    assert run(shot) == 0  # grey and alpha is a picture
    five = np.zeros((SIZE[1], SIZE[0], 5), np.float32)
    for i in range(COUNT):
        write(shot / "exr" / f"p.{1001 + i}.exr", five, ("U", "V", "W", "X", "Z"))
    capsys.readouterr()
    assert "(X, Z, U, V, W)" in refused(capsys, run(shot, plate="exr"))


def test_writing_over_the_plate_is_refused(shot, capsys):
    refused(capsys, run(shot, output="plate"))
    assert np.array_equal(read(shot / "plate" / "plate.1001.png"), moving_plates(COUNT, size=SIZE)[0].pixels)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--first", "900"], "900"),
        (["--first", "1004", "--last", "1002"], "1004"),
        (["--neighbor-length", "1"], "neighbor_length"),
        (["--threshold", "1.5"], "threshold"),
        (["--engine", "propainter", "--weights", "/nowhere"], "/nowhere"),
    ],
)
def test_options_that_cannot_be(shot, capsys, options, word):
    assert word in refused(capsys, run(shot, *options))


def test_ctrl_c_leaves_whole_frames_and_no_others(shot):
    """Interrupted after the first file is there."""
    code = (
        "import os, signal, sys, threading, time, pathlib\n"
        "from propainter_backend.commands import remove\n"
        f"first = pathlib.Path({str(shot / 'out' / 'plate.1001.png')!r})\n"
        "def watch():\n"
        "    while not first.exists(): time.sleep(0.001)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Thread(target=watch, daemon=True).start()\n"
        "sys.exit(remove.main(sys.argv[1:]))\n"
    )
    given = ["--plate", str(shot / "plate"), "--matte", str(shot / "matte"), "--output", str(shot / "out")]
    done = subprocess.run(
        [sys.executable, "-c", code, *given, "--quiet", "--engine", "classical"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    files = sorted((shot / "out").iterdir())
    assert done.returncode in (130, 0), done.stderr  # 0: the last frame was faster than the signal
    assert files and all(path.suffix == ".png" and read(path).shape == (SIZE[1], SIZE[0], 3) for path in files)


def test_named_cuts_are_reported_and_one_that_cannot_be_is_named(shot, capsys):
    assert run(shot, "--cuts", "1003", "--report", str(shot / "report.json")) == 0
    assert json.loads((shot / "report.json").read_text())["cuts"] == [1003]
    capsys.readouterr()  # that most of the hole is never seen, with a cut on either side, is said and right
    said = refused(capsys, run(shot, "--cuts", "1003,2000"))
    assert "--cuts names frame 2000" in said and "can only begin in 1002-1005" in said
    assert "frame 1001" in refused(capsys, run(shot, "--cuts", "1001"))
    said = refused(capsys, run(shot, "--cuts", "1003", "--backend"))
    assert "--cuts auto or none" in said
    with pytest.raises(SystemExit) as stop:
        run(shot, "--cuts", "soon")
    assert stop.value.code == 2 and "'soon' is neither auto, none nor frames" in capsys.readouterr().err


def test_interlaced_plates_are_told_in_one_sentence(tmp_path):
    plates = moving_plates(24, size=SIZE)
    for i, matte in enumerate(mattes(12)):
        woven = plates[2 * i].pixels.copy()
        woven[1::2] = plates[2 * i + 1].pixels[1::2]
        write(tmp_path / "plate" / f"plate.{1001 + i}.png", woven)
        write(tmp_path / "matte" / f"matte.{1001 + i}.png", matte)
    assert run(tmp_path, "--report", str(tmp_path / "report.json")) == 0
    notes = json.loads((tmp_path / "report.json").read_text())["notes"]
    assert any("interlaced" in note for note in notes)
