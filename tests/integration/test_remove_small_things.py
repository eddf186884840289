"""``propainter-remove`` in small: part of a shot, the sample shot, sound left out, nothing of a library's on stderr."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
from test_remove_command import SIZE, mattes, read, refused, run, shot, write

from builders import moving_plates
from propainter.weights import FOLDER_VARIABLE
from propainter_backend.commands.remove import main
from propainter_backend.commands.sample import with_sample
from propainter_backend.removal.removal import SourcePictures
from propainter_pictures.console import as_sentence
from propainter_pictures.sample import sample_folder

__all__ = ["shot"]


def test_part_of_a_shot_is_what_the_whole_shot_would_have_there(shot: Path) -> None:
    assert run(shot) == 0
    assert run(shot, "--frames", "1002-1003", "--report", str(shot / "r.json"), output="part") == 0
    assert sorted(path.name for path in (shot / "part").glob("*.png")) == ["plate.1002.png", "plate.1003.png"]
    for number in (1002, 1003):
        np.testing.assert_array_equal(*(read(shot / out / f"plate.{number}.png") for out in ("out", "part")))
    report = json.loads((shot / "r.json").read_text())
    assert report["frames"] == {"first": 1002, "last": 1003, "count": 2}
    assert run(shot, "--first", "1002", "--last", "1003", output="short") == 0
    assert any(
        not np.array_equal(*(read(shot / out / f"plate.{number}.png") for out in ("out", "short")))
        for number in (1002, 1003)
    ), "a shorter shot shows less background: these frames are the whole shot's"


def test_frames_outside_the_shot_are_refused(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, run(shot, "--frames", "1004-1006"))
    assert "--frames 1004-1006 is not in the shot, frames 1001-1005" in said and not (shot / "out").exists()


def test_quality_is_spelled_alike_everywhere(shot: Path) -> None:
    assert run(shot, "--quality", "draft", output="quality") == 0
    assert run(shot, "--draft", output="draft") == 0
    assert run(shot, "--quality", "best", output="best") == 0
    one, other = (read(shot / out / "plate.1003.png") for out in ("quality", "draft"))
    np.testing.assert_array_equal(one, other)


def test_the_sample_shot_comes_along_and_the_command_it_proposes_cleans_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["--sample", "try it"])
    assert ended.value.code == 0
    proposed = shlex.split(capsys.readouterr().out.splitlines()[-1])
    there = sample_folder()
    assert there is not None
    names = {path.name for path in (tmp_path / "try it" / "plate").iterdir()}
    assert names == {path.name for path in (there / "plate").iterdir()}
    assert "CC-BY" in (tmp_path / "try it" / "README.md").read_text()
    assert proposed[0] == "propainter-remove"
    assert (
        main([*proposed[1:], "--quiet", "--engine", "classical", "--draft", "--first", "1001", "--last", "1002"]) == 0
    )


def test_the_sample_is_written_over_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(SystemExit) as ended:
        main(["--sample", str(tmp_path)])
    assert ended.value.code == 2
    assert "is not an empty folder; choose another" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def write_video(path: Path, codec: str, sound: str | None, rate: int = 24) -> None:
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=rate)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        voice = container.add_stream(sound, rate=48000) if sound else None
        plates = moving_plates(5, size=SIZE)
        for plate in plates:
            container.mux(video.encode(av.VideoFrame.from_ndarray(plate.pixels, format="rgb24")))
        container.mux(video.encode())
        if voice is not None:
            tone = av.AudioFrame.from_ndarray(np.zeros((1, 48000 * 5 // rate), np.int16), format="s16", layout="mono")
            tone.sample_rate, tone.pts = 48000, 0
            container.mux(voice.encode(tone))
            container.mux(voice.encode())


def video_shot(folder: Path, name: str, codec: str, sound: str | None, rate: int = 24) -> list[str]:
    write_video(folder / name, codec, sound, rate)
    for i, matte in enumerate(mattes()):
        write(folder / "matte" / f"matte.{i}.png", matte)
    return ["--plate", str(folder / name), "--matte", str(folder / "matte"), "--engine", "classical", "--quiet"]


def test_sound_that_frames_cannot_hold_is_said_to_be_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = video_shot(tmp_path, "plate.mov", "libx264", "pcm_s16le")
    assert main([*given, "--output", str(tmp_path / "frames")]) == 0
    assert "the sound of " in (said := capsys.readouterr().err) and "name a video as --output to keep it" in said
    assert main([*given, "--output", str(tmp_path / "clean.mov")]) == 0
    assert "sound" not in capsys.readouterr().err
    with av.open(str(tmp_path / "clean.mov")) as container:
        assert container.streams.audio
    silent = video_shot(tmp_path, "silent.mov", "libx264", None)
    assert main([*silent, "--output", str(tmp_path / "silent")]) == 0
    assert "sound" not in capsys.readouterr().err


def test_an_mxf_leaves_no_line_of_a_library_on_stderr(tmp_path: Path) -> None:
    given = video_shot(tmp_path, "plate.mxf", "mpeg2video", "pcm_s16le", rate=25)
    command = [sys.executable, "-m", "propainter_backend.commands.remove", *given, "--output", str(tmp_path / "o.mxf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if not line.startswith("warning: ")] == []


def test_missing_weights_are_told_in_plain_words(
    shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "none"))
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    given = ["--plate", str(shot / "plate"), "--matte", str(shot / "matte"), "--output", str(shot / "out")]
    said = refused(capsys, main([*given, "--engine", "propainter"]))
    assert "The ProPainter weights are not installed" in as_sentence(said.partition(": ")[2])
    assert "propainter-weights fetch" in said and "--engine classical" in said


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("the plate ends early", "The plate ends early."),
        ("plate.0001.exr is damaged", "plate.0001.exr is damaged."),
        ("synth-pan has no matte", "synth-pan has no matte."),
        ("/shots/a b.mov is cut short; copy it again", "/shots/a b.mov is cut short; copy it again."),
        ("--frames 1-2 is not in the shot", "--frames 1-2 is not in the shot."),
        ("done!", "Done!"),
        ("", ""),
    ],
)
def test_a_message_gets_a_capital_but_a_file_s_name_keeps_its_own(text: str, sentence: str) -> None:
    assert as_sentence(text) == sentence


def test_the_sample_with_an_output_is_written_once_and_taken_for_plate_and_matte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, output = tmp_path / "try it", ["--output", str(tmp_path / "clean"), "--frames", "1001"]
    for spelled in (["--sample", str(folder)], [f"--sample={folder}"]):
        words = list(with_sample([*spelled, *output]))
        assert words == [*output, "--plate", str(folder / "plate"), "--matte", str(folder / "matte")]
    assert len(list((folder / "plate").iterdir())) == 24
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "plate").touch()
    with pytest.raises(SystemExit) as ended:
        with_sample(["--sample", str(tmp_path / "mine"), *output])
    assert ended.value.code == 2 and "is not an empty folder" in capsys.readouterr().err
    for alone in (["--sample", "x"], ["--sample", "x", *output, "--plate", "p"], ["--sample", "x", *output, "--help"]):
        assert with_sample(alone) is alone


def test_each_picture_is_decoded_once(shot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_of: Counter[tuple[str, int]] = Counter()
    before = SourcePictures._read

    def counted(self, source, number, what, *how):
        read_of[what, number] += 1
        return before(self, source, number, what, *how)

    monkeypatch.setattr(SourcePictures, "_read", counted)
    assert run(shot, "--working-size", f"{SIZE[0] // 2}x{SIZE[1] // 2}", "--cores", "2") == 0
    assert set(read_of.values()) == {1} and len(read_of) == 10
