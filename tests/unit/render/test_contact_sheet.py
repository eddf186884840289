"""The contact sheet: one row a frame, before, matte and after in three cells."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from propainter_backend.errors import OutputError
from propainter_backend.removal.contact_sheet import (
    CELL_WIDTH,
    SheetRow,
    compose_sheet,
    make_contact_sheet,
    overlay_matte,
)
from propainter_pictures.color import Pixels

GREEN, BLUE = (0, 200, 0), (0, 0, 200)


def plain(colour: tuple[int, int, int], *, width: int = 64, height: int = 32) -> Pixels:
    return np.full((height, width, 3), colour, np.uint8)


def row(number: int = 1001, **size: int) -> SheetRow:
    before = plain(GREEN, **size)
    matte = np.zeros(before.shape[:2], np.float32)
    matte[: matte.shape[0] // 2] = 1
    return SheetRow(number, before, matte, plain(BLUE, **size))


def pixels_of(sheet: Pixels, colour: tuple[int, int, int]) -> int:
    return int((sheet == np.array(colour)).all(axis=-1).sum())


def test_a_row_shows_the_plate_the_plate_under_a_red_matte_and_the_result() -> None:
    sheet = compose_sheet([row()], title="title")
    cell = 64 * 32
    assert pixels_of(sheet, GREEN) == cell + cell // 2
    assert pixels_of(sheet, (128, 100, 0)) == cell // 2
    assert pixels_of(sheet, BLUE) == cell


def test_every_row_carries_its_frame_number() -> None:
    one, other = (compose_sheet([row(number)], title="") for number in (1001, 1078))
    assert one.shape == other.shape
    assert not np.array_equal(one, other)


def test_the_title_stands_above_all_rows() -> None:
    titled, plain_sheet = compose_sheet([row()], title="engine classical"), compose_sheet([row()], title="")
    differing = np.flatnonzero((titled != plain_sheet).any(axis=(1, 2)))
    assert differing.size and differing.max() < 28


def test_large_plates_are_shrunk_to_the_cell() -> None:
    sheet = compose_sheet([row(width=1920, height=1080)], title="")
    assert sheet.shape[1] == 3 * CELL_WIDTH + 4 * 8


def test_the_matte_overlay_is_in_proportion_to_the_matte() -> None:
    matte = np.array([[0, 0.5, 1]], np.float32)
    shown = overlay_matte(np.zeros((1, 3, 3), np.uint8), matte)
    np.testing.assert_array_equal(shown[0, :, 0], [0, 64, 128])


def test_scene_linear_rows_are_shown_through_srgb() -> None:
    light = np.full((32, 64, 3), 0.18, np.float32)
    sheet = compose_sheet([SheetRow(1, light, np.zeros((32, 64), np.float32), light)], title="")
    assert pixels_of(sheet, (118, 118, 118)) == 3 * 64 * 32


def test_the_sheet_is_written_as_a_png_that_reads_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    make_contact_sheet([row()], path, title="t")
    np.testing.assert_array_equal(cv2.imread(str(path))[..., ::-1], compose_sheet([row()], title="t"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["sheet.png"]


def test_a_sheet_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        make_contact_sheet([row()], tmp_path / "nowhere" / "sheet.png", title="t")


def test_a_sheet_without_rows_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="row"):
        compose_sheet([], title="t")
