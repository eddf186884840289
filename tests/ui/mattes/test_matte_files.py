"""A drawn matte as files: a sequence that everything takes, its project, painted clean plates."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

from propainter_pictures.mattes import MatteReading, read_matte
from propainter_pictures.plates import open_source
from propainter_ui.bridge import matte_filing
from propainter_ui.bridge.matte_filing import MatteFiles
from propainter_ui.bridge.under_way import UnderWay
from propainter_ui.matte import edits, news
from propainter_ui.matte.cloning import CleanBench, Shares, Source, laid_over
from propainter_ui.matte.document import MatteDocument
from propainter_ui.matte.outlines import Outline, Shape
from propainter_ui.matte.project import digests_of, fitted, json_parts
from propainter_ui.matte.recipes import recipe_of
from propainter_ui.matte.strokes import Box, BrushStroke, CloneStroke, Scribble
from propainter_ui.shot import matte_files
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.shot_files import BadShot, ShotFiles, open_frames
from propainter_wire.shot import Pixels

W, H, FIRST, LAST = 48, 32, 1001, 1004
RNG = np.random.default_rng(5)
SQUARE = Outline.of_points([(4.5, 4), (20, 4), (20, 14), (4, 14)])


def quiet(done: int) -> None:
    pass


def write_plate(folder: Path, ending: str = ".png", dtype: str = "uint8") -> dict[int, np.ndarray]:
    folder.mkdir()
    frames = {}
    for frame in range(FIRST, LAST + 1):
        share = RNG.random((H, W, 3))
        pixels = (share * 3 - 0.5 if dtype.startswith("float") else share * np.iinfo(dtype).max).astype(dtype)
        frames[frame] = pixels
        path = str(folder / f"shot.{frame}{ending}")
        out = oiio.ImageOutput.create(path)
        out.open(path, oiio.ImageSpec(W, H, 3, {"float16": "half", "float32": "float"}.get(dtype, dtype)))
        out.write_image(pixels)
        out.close()
    return frames


@pytest.fixture
def library(tmp_path: Path) -> ShotLibrary:
    write_plate(tmp_path / "plate")
    return opened(tmp_path)


def opened(place: Path, matte: Path | None = None) -> ShotLibrary:
    library = ShotLibrary(64 << 20)
    library.open(ShotFiles(open_frames(place / "plate"), None if matte is None else open_frames(matte)))
    return library


def drawn(library: ShotLibrary, dtype: str = "uint8") -> MatteDocument:
    """Something of everything."""
    document = MatteDocument(W, H, FIRST, LAST)
    soft = np.zeros((H, W, 1), np.float32)
    soft[8:20, 10:30, 0] = RNG.random((12, 20))
    solved = (soft * 255).astype("uint8") if dtype == "uint8" else soft.astype("float16")
    digest = library.solved.put(solved)
    document = news.selected(edits.with_box(document, 1001, Box(9, 7, 22, 14.5)), 1001, digest)
    document = news.tracked(document, {frame: library.solved.put(np.roll(solved, frame, 1)) for frame in (1002, 1003)})
    document = edits.with_scribble(document, 1002, Scribble(((3.25, 4.5),), False, 2.5))
    document = edits.with_brush(document, 1003, BrushStroke(((30.0, 20.0, 0.7), (35.0, 22.0, 1.0)), 4, True, 0.25, 0.9))
    tracked = Shape("keep_out", "tracked", {1001: SQUARE, 1004: SQUARE.moved(3, 1)}, {(1001, 1002): SQUARE}, 2.5, "rig")
    document = edits.with_shape(edits.with_shape(document, tracked), Shape("always_in", "frame", {1004: SQUARE}))
    document = edits.with_shape(document, Shape("object", "tracked", {1001: SQUARE}))
    document = news.reported(document, doubt={1002: 0.25}, help=[1002], empty=[[1004, 1004]])
    document = news.cast(document, {1002: library.solved.put(np.roll(solved, 3, 0))})
    document = edits.with_shadow(document, is_added=True)
    matrix = (1.0, 0.01, 3.5, 0.0, 1.0, -2.0, 1e-5, 0.0, 1.0)
    document = edits.with_clone(document, 1002, CloneStroke(((12.0, 12.0, 1.0),), 5, 1004, matrix, 0.5, 0.75))
    return news.with_cuts(document, (1004,))


def painted(plate: Pixels, frame: int, strokes: Iterable[CloneStroke], source: Source) -> tuple[Pixels, Shares]:
    """By a bench without room to keep anything: all strokes are drawn."""
    return CleanBench(0).painted(plate, frame, tuple(strokes), source, of="plate")


def mattes_in(place: str) -> dict[int, np.ndarray]:
    source = open_source(place)
    return {number: read_matte(source.read_all_parts(number)) for number in source.numbers}


# --- the sequence -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_alpha", [False, True])
@pytest.mark.parametrize("place", ["roto", "mattes/roto.####.png", "mattes/roto.%04d.exr", "mattes/roto_####.tif"])
def test_what_is_saved_is_what_commands_and_node_read(
    library: ShotLibrary, tmp_path: Path, place: str, as_alpha: bool
) -> None:
    document = drawn(library, "float16" if place.endswith("exr") else "uint8")
    said: list[int] = []
    assert library.files is not None
    project = matte_files.save_matte(
        str(tmp_path / place), document, library.files, library.kitchen, library.solved, said.append, as_alpha=as_alpha
    )
    found = mattes_in(str(tmp_path / place))
    assert list(found) == list(document.frames) and said == [1, 2, 3, 4]
    for frame, matte in found.items():
        made = library.kitchen.matte(recipe_of(document, frame))[..., 0]
        shares = made.astype(np.float32) / np.float32(255 if made.dtype == np.uint8 else 1)
        np.testing.assert_array_equal(matte, shares.astype(np.float16) if place.endswith("exr") else shares)
    assert project == (tmp_path / place).parent / "roto.matte.json" and project.is_file()
    names = open_source(str(tmp_path / place)).channel_names
    assert len(names) == (4 if as_alpha else 1)


def test_a_half_float_matte_in_a_png_is_rounded_to_eight_bits(library: ShotLibrary, tmp_path: Path) -> None:
    document = drawn(library, "float16")
    assert library.files is not None
    matte_files.save_matte(str(tmp_path / "roto"), document, library.files, library.kitchen, library.solved, quiet)
    made = library.kitchen.matte(recipe_of(document, 1002))[..., 0].astype(np.float32)
    np.testing.assert_allclose(mattes_in(str(tmp_path / "roto"))[1002], made, atol=0.5001 / 255)


def test_saving_never_goes_over_plate_or_matte_that_was_given(library: ShotLibrary, tmp_path: Path) -> None:
    document = drawn(library)
    files = library.files
    assert files is not None
    with pytest.raises(BadShot, match=r"plate's own folder|input's own folder"):
        matte_files.save_matte(str(tmp_path / "plate"), document, files, library.kitchen, library.solved, quiet)
    matte_files.save_matte(str(tmp_path / "given"), document, files, library.kitchen, library.solved, quiet)
    (tmp_path / "given.matte.json").unlink()  # as if it came from elsewhere
    files = ShotFiles(files.plate_frames, open_frames(tmp_path / "given"))
    with pytest.raises(BadShot, match="input"):
        matte_files.save_matte(str(tmp_path / "given"), document, files, library.kitchen, library.solved, quiet)


def test_a_matte_saved_here_is_saved_again_in_its_place(library: ShotLibrary, tmp_path: Path) -> None:
    document, files = drawn(library), library.files
    assert files is not None
    place = str(tmp_path / "roto")
    matte_files.save_matte(place, document, files, library.kitchen, library.solved, quiet)
    files = ShotFiles(files.plate_frames, open_frames(tmp_path / "roto"))
    changed = edits.with_brush(document, 1001, BrushStroke(((40.5, 28.5, 1.0),), 2))
    assert len(matte_files.files_there(place, changed, files)) == 5
    matte_files.save_matte(place, changed, files, library.kitchen, library.solved, quiet)
    assert mattes_in(place)[1001][28, 40] == 1


@pytest.mark.parametrize("place", ["roto.mp4", "roto.jpg", "roto.png", "no/such/%d#.png"])
def test_a_place_that_cannot_hold_mattes_is_refused_in_a_sentence(
    library: ShotLibrary, tmp_path: Path, place: str
) -> None:
    assert library.files is not None
    with pytest.raises(BadShot, match=r"; \w+"):
        matte_files.save_matte(
            str(tmp_path / place), drawn(library), library.files, library.kitchen, library.solved, quiet
        )


def test_a_place_is_suggested_beside_the_plate_that_replaces_nothing(library: ShotLibrary, tmp_path: Path) -> None:
    assert library.files is not None
    assert matte_files.suggested_place("shot", library.files) == tmp_path / "shot-matte"
    (tmp_path / "shot-matte.matte.json").touch()
    assert matte_files.suggested_place("shot", library.files) == tmp_path / "shot-matte-2"


def test_a_stopped_saving_leaves_whole_files_and_no_project(library: ShotLibrary, tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    assert library.files is not None
    with pytest.raises(KeyboardInterrupt):
        matte_files.save_matte(
            str(tmp_path / "roto"), drawn(library), library.files, library.kitchen, library.solved, stop
        )
    assert sorted(each.name for each in (tmp_path / "roto").iterdir()) == ["shot.1001.png", "shot.1002.png"]
    assert not (tmp_path / "roto.matte.json").exists()


# --- the project ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_a_project_comes_back_as_it_was_saved(library: ShotLibrary, tmp_path: Path, dtype: str) -> None:
    document = replace(drawn(library, dtype), start=str(tmp_path / "old" / "roto"))
    path = tmp_path / "roto.matte.json"
    matte_files.save_project(path, document, library.solved, sequence=str(tmp_path / "roto"))
    other = ShotLibrary(64 << 20)
    back = matte_files.open_project(path, other.solved, library.files)
    assert back == document
    for frame in document.frames:
        np.testing.assert_array_equal(
            other.kitchen.matte(recipe_of(back, frame)), library.kitchen.matte(recipe_of(document, frame))
        )
    assert matte_files.read_project(path, other.solved) == (document, str(tmp_path / "roto"))


def test_a_project_moves_with_its_sequence(library: ShotLibrary, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "roto.matte.json"
    matte_files.save_project(path, drawn(library), library.solved, sequence=str(tmp_path / "a" / "roto.####.png"))
    (tmp_path / "a").rename(tmp_path / "b")
    _, found = matte_files.read_project(tmp_path / "b" / "roto.matte.json", library.solved)
    assert found == str(tmp_path / "b" / "roto.####.png")


def test_a_name_that_is_no_unicode_goes_into_a_project(library: ShotLibrary, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"r\xe9duit")
    document = replace(drawn(library), start=str(folder / "roto"))
    matte_files.save_project(tmp_path / "x.matte.json", document, library.solved)
    assert matte_files.open_project(tmp_path / "x.matte.json", ShotLibrary(1 << 20).solved).start == str(
        folder / "roto"
    )


def test_frames_of_another_range_stay_in_the_project_and_count_again(library: ShotLibrary) -> None:
    document = drawn(library)
    shorter = fitted(document, 1002, 1003)
    assert list(shorter.frames) == [1002, 1003] and fitted(shorter, FIRST, LAST) == document


def _cut(text: str) -> str:
    return text[: len(text) // 2]


def _with(**parts: Any) -> Callable[[str], str]:
    return lambda text: json.dumps({**json.loads(text), **parts})


def _flipped(text: str) -> str:
    note = json.loads(text)
    digest, other = list(note["mattes"])[:2]
    return json.dumps({**note, "mattes": {**note["mattes"], digest: note["mattes"][other]}})


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        lambda text: "",
        lambda text: "[]",
        lambda text: "[" * 100_000,
        lambda text: json.dumps({"1001": {"boxes": []}}),
        _with(version="1"),
        _with(size=[48]),
        _with(size=[48, 0]),
        _with(size=[64, 32]),
        _with(frames=[1004, 1001]),
        _with(solved={"1001": {"digest": "nowhere", "source": "selected", "start": ""}}),
        _with(solved={"1001": {"digest": "nowhere", "source": "guessed", "start": ""}}),
        _with(solved=[1]),
        _with(mattes={}),
        _with(mattes=None),
        _with(shapes=[{"role": "object"}]),
        _with(shapes=[{"role": "hole", "reach": "all", "keys": {}, "carried": [], "feather": 0, "name": ""}]),
        _with(edits={"1001": {"boxes": [{"x": 0, "y": 0, "width": -5, "height": 1}], "scribbles": [], "brush": []}}),
        _with(edits={"x": {"boxes": [], "scribbles": [], "brush": []}}),
        _with(doubt={"1001": 7}),
        _with(stale=[1.5]),
        _with(clean={"1001": [{"dabs": [[1, 2]], "radius": 3, "source": 1001}]}),
        _flipped,
    ],
)
def test_a_damaged_project_is_told_in_one_sentence_and_left_as_it_is(
    library: ShotLibrary, tmp_path: Path, damage: Callable[[str], str]
) -> None:
    path = tmp_path / "roto.matte.json"
    matte_files.save_project(path, drawn(library), library.solved)
    text = damage(path.read_text())
    path.write_text(text)
    other = ShotLibrary(1 << 20)
    with pytest.raises(BadShot, match=r"the project roto\.matte\.json is damaged \(.+\); .+ opened") as caught:
        matte_files.open_project(path, other.solved)
    assert "\n" not in str(caught.value) and len(other.solved) == 0 and path.read_text() == text


def test_a_project_of_a_later_version_or_another_plate_is_refused(library: ShotLibrary, tmp_path: Path) -> None:
    path = tmp_path / "roto.matte.json"
    matte_files.save_project(path, drawn(library), library.solved)
    wider = replace(MatteDocument(64, 32, FIRST, LAST))
    matte_files.save_project(tmp_path / "wide.matte.json", wider, library.solved)
    with pytest.raises(BadShot, match="64x32, and this one is 48x32; open the plate"):
        matte_files.open_project(tmp_path / "wide.matte.json", library.solved, library.files)
    path.write_text(_with(version=2)(path.read_text()))
    with pytest.raises(BadShot, match=r"version 2.*later panel"):
        matte_files.open_project(path, library.solved)
    with pytest.raises(BadShot, match="is not there any more"):
        matte_files.open_project(tmp_path / "none.matte.json", library.solved)


def test_saving_over_a_file_that_is_no_project_keeps_that_file(library: ShotLibrary, tmp_path: Path) -> None:
    path = tmp_path / "roto.matte.json"
    for text in ("somebody's notes", '{"format": "propainter matte", "version": 2}'):
        path.write_text(text)
        matte_files.save_project(path, drawn(library), library.solved)
    assert (tmp_path / "roto.matte.json.damaged").read_text() == "somebody's notes"
    assert '"version": 2' in (tmp_path / "roto.matte.json.damaged-2").read_text()
    matte_files.save_project(path, drawn(library), library.solved)
    assert len(list(tmp_path.glob("*.damaged*"))) == 2, "an own project is replaced"


def test_a_kept_project_is_read_again_only_where_somebody_else_wrote(
    library: ShotLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []
    looks = matte_files._is_project
    monkeypatch.setattr(matte_files, "_is_project", lambda path: bool(looked.append(path)) or looks(path))
    path = tmp_path / "kept.matte.json"
    filing = MatteFiles(library, UnderWay(), lambda event: None)
    for _ in range(3):
        filing.keep(path, drawn(library))
    assert not looked, "a long shot's project is megabytes"
    path.write_text("somebody's notes")
    filing.keep(path, drawn(library))
    assert looked == [path] and (tmp_path / "kept.matte.json.damaged").read_text() == "somebody's notes"


def test_every_discarded_drawing_lies_beside_the_others(
    library: ShotLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matte_filing, "_DISCARDED_KEPT", 3)
    path, filing = tmp_path / "kept.matte.json", MatteFiles(library, UnderWay(), lambda event: None)
    places = []
    for number in range(5):
        filing.keep(path, drawn(library))
        content, place = path.read_bytes(), matte_filing.discarded(path)
        assert not place.exists()
        filing.keep(path, None)
        assert place.read_bytes() == content, number
        places.append(place)
    assert [place for place in places if place.exists()] == places[-3:], "the latest stay"


def test_a_project_is_put_into_words_a_matte_at_a_time(library: ShotLibrary) -> None:
    document = drawn(library)
    parts = list(json_parts(document, library.solved))
    assert len(parts) == 2 + len(digests_of(document)) and json.loads("".join(parts))["format"] == "propainter matte"


def test_a_project_whose_mattes_are_gone_is_not_written_over(library: ShotLibrary, tmp_path: Path) -> None:
    path = tmp_path / "roto.matte.json"
    matte_files.save_project(path, drawn(library), library.solved)
    before = path.read_bytes()
    with pytest.raises(BadShot, match="track its frames again"):
        matte_files.save_project(path, drawn(library), ShotLibrary(1 << 20).solved)
    assert path.read_bytes() == before


# --- a matte from elsewhere -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_matte_from_elsewhere_is_edited_as_the_shot_reads_it(tmp_path: Path, dtype: str) -> None:
    write_plate(tmp_path / "plate")
    (tmp_path / "given").mkdir()
    given = {}
    for frame in range(FIRST, LAST):  # one frame less
        given[frame] = (RNG.random((H, W)) * np.iinfo(dtype).max).astype(dtype)
        given[frame][:, :5] = 0
        cv2.imwrite(str(tmp_path / "given" / f"m.{frame}.png"), given[frame])
    library = ShotLibrary(64 << 20)
    files = ShotFiles(
        open_frames(tmp_path / "plate"), open_frames(tmp_path / "given"), reading=MatteReading(is_inverted=True)
    )
    library.open(files)
    document = matte_files.take_sequence(files, library.solved, quiet)
    assert sorted(document.solved) == [1001, 1002, 1003]
    for frame, pixels in given.items():
        made = library.kitchen.matte(recipe_of(document, frame))[..., 0].astype(np.float32)
        shares = 1 - pixels.astype(np.float32) / np.iinfo(dtype).max
        np.testing.assert_allclose(made / (255 if dtype == "uint8" else 1), shares, atol=3e-4)


def test_a_shot_without_a_matte_has_none_to_edit(library: ShotLibrary) -> None:
    assert library.files is not None
    with pytest.raises(BadShot, match="draw a box"):
        matte_files.take_sequence(library.files, library.solved, quiet)


# --- clean plates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "dtype"),
    [(".png", "uint8"), (".png", "uint16"), (".tif", "uint16"), (".exr", "float16"), (".exr", "float32")],
)
def test_a_clean_plate_is_written_in_the_plates_own_numbers(tmp_path: Path, ending: str, dtype: str) -> None:
    frames = write_plate(tmp_path / "plate", ending, dtype)
    library = opened(tmp_path)
    stroke = CloneStroke(((20.5, 15.5, 1.0), (30.5, 15.5, 1.0)), 5, 1003, (1, 0, 4, 0, 1, -3, 0, 0, 1))
    document = edits.with_clone(MatteDocument(W, H, FIRST, LAST), 1002, stroke)
    matte_files.save_clean(tmp_path / "cleanplate", document, library, quiet)
    assert [each.name for each in (tmp_path / "cleanplate").iterdir()] == [
        f"shot.1002{'.exr' if dtype.startswith('float') else '.png'}"
    ]
    files = ShotFiles(open_frames(tmp_path / "plate"), None, open_frames(tmp_path / "cleanplate"))
    assert files.clean_numbers() == (1002,)
    clean = files.clean(1002)
    assert clean is not None and clean.dtype == dtype and clean.shape == (H, W, 4)
    y, x = np.mgrid[:H, :W] + 0.5
    under = np.hypot(x - np.clip(x, 20.5, 30.5), y - 15.5) <= 5
    expected = frames[1002].copy()
    expected[under] = np.roll(frames[1003], (3, -4), (0, 1))[under]
    np.testing.assert_array_equal(clean[..., :3], expected)  # to the bit, below 0 and above 1, too
    full = 1 if dtype.startswith("float") else np.iinfo(dtype).max
    np.testing.assert_array_equal(clean[..., 3], under * full)


def test_no_clean_plate_is_written_where_none_is_painted_or_over_the_plate(
    library: ShotLibrary, tmp_path: Path
) -> None:
    blank = MatteDocument(W, H, FIRST, LAST)
    with pytest.raises(BadShot, match="paint one by the clone stamp"):
        matte_files.save_clean(tmp_path / "cleanplate", blank, library, quiet)
    document = edits.with_clone(blank, 1002, CloneStroke(((9.0, 9.0, 1.0),), 5, 1003))
    with pytest.raises(BadShot, match="own folder"):
        matte_files.save_clean(tmp_path / "plate", document, library, quiet)
    elsewhere = edits.with_clone(blank, 1002, CloneStroke(((9.0, 9.0, 1.0),), 5, 900))
    with pytest.raises(BadShot, match="frame 900"):
        matte_files.save_clean(tmp_path / "cleanplate", elsewhere, library, quiet)


def test_a_motion_between_pixels_is_sampled_as_opencv_samples_it() -> None:
    picture = cv2.GaussianBlur(RNG.random((H, W, 3)).astype(np.float32), (0, 0), 2)
    matrix = np.array([[0.98, 0.05, 2.3], [-0.04, 1.01, 1.7], [1e-4, -2e-4, 1.0]])
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV's pixels have whole numbers at their middle
    inner = np.linalg.inv(half) @ matrix @ half
    expected = cv2.warpPerspective(picture, inner, (W, H), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    stroke = CloneStroke(((24.0, 16.0, 1.0),), 10, 7, tuple(matrix.ravel()))  # type: ignore[arg-type]
    colours, alpha = painted(np.zeros((H, W, 3), np.float32), 1, [stroke], lambda frame: picture)
    assert alpha.sum() > 250
    np.testing.assert_allclose(colours[alpha == 1], expected[alpha == 1], atol=0.004)  # it samples in 32nds of a pixel


def test_under_a_soft_edge_the_object_never_mixes_in() -> None:
    plate, background = np.full((H, W, 3), 1000.0, np.float32), np.full((H, W, 3), 2.0, np.float32)
    stroke = CloneStroke(((24.0, 16.0, 1.0),), 10, 2, softness=1.0, opacity=0.6)
    colours, alpha = painted(plate, 1, [stroke, stroke], lambda frame: background)
    assert 0 < alpha[16, 30] < 1
    np.testing.assert_allclose(colours[alpha > 0], 2.0)
    seen = laid_over(plate, colours, alpha)
    np.testing.assert_allclose(seen[16, 30], 1000 + (2 - 1000) * alpha[16, 30], rtol=1e-5)
    np.testing.assert_array_equal(seen[alpha == 0], plate[alpha == 0])


def test_a_stroke_from_its_own_frame_takes_what_earlier_ones_left() -> None:
    plate = np.zeros((H, W, 3), np.uint8)
    green = np.zeros_like(plate)
    green[..., 1] = 200
    first = CloneStroke(((10.5, 10.5, 1.0),), 3, 2)
    second = CloneStroke(((30.5, 10.5, 1.0),), 2, 1, (1, 0, -20, 0, 1, 0, 0, 0, 1))
    colours, alpha = painted(plate, 1, [first, second], lambda frame: green)
    assert alpha[10, 30] == 1 and colours[10, 30].tolist() == [0, 200, 0]


def test_beyond_the_picture_and_from_no_number_nothing_is_painted() -> None:
    plate = np.ones((H, W, 3), np.float32)
    source = np.full((H, W, 3), 3, np.float32)
    source[5, 5] = np.nan
    away = CloneStroke(((24.0, 16.0, 1.0),), 4, 2, (1, 0, 500, 0, 1, 0, 0, 0, 1))
    behind = CloneStroke(((24.0, 16.0, 1.0),), 4, 2, (1, 0, 0, 0, 1, 0, 0, 0, -1))
    onto = CloneStroke(((5.5, 5.5, 1.0),), 1, 2)
    colours, alpha = painted(plate, 1, [away, behind, onto], lambda frame: source)
    assert alpha[16, 24] == 0 and alpha[5, 5] == 0 and alpha[5, 6] == 1
    assert np.isfinite(colours).all() and colours[5, 5].tolist() == [1, 1, 1]


def test_strokes_one_by_one_paint_the_same_clean_plate_as_all_at_once(library: ShotLibrary) -> None:
    strokes = tuple(
        CloneStroke(
            ((*RNG.uniform(5, 40, 2), 1.0), (*RNG.uniform(5, 30, 2), 1.0)), 4, source, softness=0.5, opacity=0.8
        )
        for source in (1002, 1001, 1004, 1001)
    )
    for count in range(1, len(strokes) + 1):
        one_by_one = library.painted(1001, strokes[:count])
    at_once = painted(library.plate(1001), 1001, strokes, library.plate)
    for made, expected in zip(one_by_one, at_once, strict=True):
        np.testing.assert_array_equal(made, expected)


def test_what_is_painted_lies_over_the_clean_plate_that_was_given(tmp_path: Path) -> None:
    frames = write_plate(tmp_path / "plate")
    (tmp_path / "cleanplate").mkdir()
    given = np.full((H, W, 3), 77, np.uint8)
    cv2.imwrite(str(tmp_path / "cleanplate" / "shot.1002.png"), given)
    library = ShotLibrary(64 << 20)
    library.open(ShotFiles(open_frames(tmp_path / "plate"), None, open_frames(tmp_path / "cleanplate")))
    document = edits.with_clone(MatteDocument(W, H, FIRST, LAST), 1002, CloneStroke(((9.5, 9.5, 1.0),), 3, 1003))
    clean = matte_files.clean_frame(document, library, 1002).pixels
    np.testing.assert_array_equal(clean[9, 9, :3], frames[1003][9, 9])
    np.testing.assert_array_equal(clean[25, 25], (77, 77, 77, 255))
