"""Whatever bytes a picture file holds, reading it ends in a picture or in one sentence that names it, and in no crash."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from bench import Bench

from propainter_pictures.images import read_image, write_image

SUFFIXES = ["png", "exr", "dpx", "tif", "jpg"]


def read_many(bench: Bench, plates: Path, tmp_path: Path, suffix: str, first: int, last: int) -> None:
    picture = tmp_path / f"p.0001.{suffix}"
    if suffix == "jpg":
        write_image(picture, read_image(plates / "png" / "p.0001.png", 1), {})
    else:
        shutil.copy(plates / suffix / picture.name, picture)
    (tmp_path / "damaged").mkdir()
    given = {"path": str(picture), "scratch": str(tmp_path / "damaged"), "first": first, "last": last}
    run = bench.run("read_damaged", given, tmp_path)
    assert run.code == 0, run.said[-2000:]
    print(f"{last - first} damaged files")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_hundred_damaged_pictures_are_read_or_refused(
    bench: Bench, plates: Path, tmp_path: Path, suffix: str
) -> None:
    read_many(bench, plates, tmp_path, suffix, 0, 100)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_five_thousand_damaged_pictures_are_read_or_refused(
    bench: Bench, plates: Path, tmp_path: Path, suffix: str
) -> None:
    read_many(bench, plates, tmp_path, suffix, 1000, 6000)
