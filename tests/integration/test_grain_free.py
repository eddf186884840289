"""``--grain-free``: the result once more, for those who regrain it; and what a report tells of grain and crop."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from builders import box_matte
from propainter_backend.commands.remove import main

SIZE, COUNT = (160, 128), 5
HOLE = box_matte(SIZE, left=56, top=40, width=48, height=40)


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain wall with grain, on a tripod; a box stands before it."""
    folder = tmp_path_factory.mktemp("grainy")
    for name in ("plate", "matte"):
        (folder / name).mkdir()
    wall = np.linspace(90, 150, SIZE[0], dtype=np.float32)[None, :, None] + np.zeros((SIZE[1], 1, 3), np.float32)
    for i in range(COUNT):
        picture = wall + np.random.default_rng(i).normal(0, 6, wall.shape)
        picture[HOLE > 0] = 255
        cv2.imwrite(str(folder / "plate" / f"p.{i:04d}.png"), np.rint(picture).clip(0, 255).astype(np.uint8))
        cv2.imwrite(str(folder / "matte" / f"m.{i:04d}.png"), (HOLE * 255).astype(np.uint8))
    return folder


def run(shot: Path, *more: str) -> int:
    given = ["--plate", str(shot / "plate"), "--matte", str(shot / "matte"), "--output", str(shot / "out")]
    return main([*given, "--quiet", "--engine", "classical", *more])


def noise(picture: np.ndarray, where: np.ndarray) -> float:
    picture = picture.astype(np.float32)
    return float((picture - cv2.GaussianBlur(picture, (0, 0), 2))[where].std())


@pytest.mark.parametrize("more", [[], ["--crop-to-matte"]])
def test_the_fill_has_no_grain_and_all_else_is_the_plate(shot, more):
    report = shot / "report.json"
    assert run(shot, "--grain-free", str(shot / "bare"), "--report", str(report), *more) == 0
    inner = cv2.erode((HOLE > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    far = cv2.dilate((HOLE > 0).astype(np.uint8), np.ones((17, 17), np.uint8)) == 0
    for i in range(COUNT):
        plate, result, bare = (cv2.imread(str(shot / f"{name}/p.{i:04d}.png")) for name in ("plate", "out", "bare"))
        np.testing.assert_array_equal(bare[far], plate[far])
        assert noise(bare, inner) < 0.5 * noise(result, inner)
        assert np.abs(cv2.blur(bare, (9, 9)).astype(int) - cv2.blur(result, (9, 9)))[inner].mean() < 2
    told = json.loads(report.read_text())["settings"]
    assert told["match_grain"] == 1 and told["native_fill"] is True
    assert told["crop"] == (0 if more else None)


@pytest.mark.parametrize(
    ("more", "word"), [(["--grain-free", "{out}"], "--output"), (["--grain-free", "x", "--backend"], "--backend")]
)
def test_what_cannot_be_is_said(shot, more, word, capsys):
    code = run(shot, *(option.format(out=shot / "out") for option in more))
    said = capsys.readouterr().err.strip()
    assert code == 2 and "--grain-free" in said and word in said and "\n" not in said
