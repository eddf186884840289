"""Native resolution in the walk of a frame: when it is done, what it may touch, what it reuses."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import pytest
import torch

from builders import RGB, MemoryPictures, ToyEngine, box_matte, box_shot
from propainter.classical import ClassicalEngine
from propainter.hole import hole_of
from propainter.types import Settings
from propainter_backend.removal.options import add_shot_options, removal_of
from propainter_backend.render.drafts import draft_size
from propainter_backend.render.plate_parts import PlateParts
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame

SIZE, COUNT = (256, 160), 8
SETTINGS = Settings(feather=0)


def cache() -> ShotCache:
    return ShotCache(None, memory_budget=1 << 30)


def render(shot: Shot, *, store: ShotCache | None = None, frames: range | None = None, **how: bool) -> list[np.ndarray]:
    renderer = ShotRenderer(shot, ClassicalEngine(), store or cache())
    return [run_to_end(renderer.frame(i, **how)).pixels for i in frames or range(shot.pictures.frame_count)]


def textured_shot(*, dtype: str = "uint8", gain: float = 1.0) -> Shot:
    """A pan with detail that half its size cannot hold, and a box that goes across it the other way."""
    width, height = SIZE
    noise = np.random.default_rng(2).random((height, width + 60, 3), np.float32)
    wide = cv2.GaussianBlur(noise, (0, 0), 1.0) + cv2.GaussianBlur(noise, (0, 0), 6.0) * 6
    wide = (wide - wide.min()) / (wide.max() - wide.min())
    plates, mattes = [], []
    for i in range(COUNT):
        view = cv2.warpAffine(wide, np.float32([[1, 0, -4.6 * i], [0, 1, 0]]), SIZE, flags=cv2.INTER_CUBIC).clip(0, 1)
        pixels = np.rint(view * 255).astype(np.uint8) if dtype == "uint8" else (view * gain).astype(dtype)
        plates.append(Frame(pixels, RGB, number=i))
        mattes.append(box_matte(SIZE, left=60 + 14 * i, top=60, width=24, height=40))
    return Shot(MemoryPictures(plates, mattes), WorkingSpace.AUTO, SETTINGS, SIZE, (SIZE[0] // 2, SIZE[1] // 2))


def behind_object(shot: Shot) -> Shot:
    """The same shot with the object in the plates, where its mattes are."""
    pictures = shot.pictures
    assert isinstance(pictures, MemoryPictures)
    plates = []
    for plate, matte in zip(pictures.plates, pictures.mattes, strict=True):
        pixels = plate.pixels.copy()
        pixels[matte > 0] = 0
        plates.append(Frame(pixels, RGB, number=plate.number))
    return replace(shot, pictures=MemoryPictures(plates, pictures.mattes))


def holes(shot: Shot) -> list[np.ndarray]:
    mattes = [torch.from_numpy(shot.pictures.matte(i)) for i in range(shot.pictures.frame_count)]
    return [hole_of(matte, threshold=0.0, grow_pixels=SETTINGS.grow).numpy() > 0 for matte in mattes]


def psnr(shot: Shot, frames: list[np.ndarray], *, white: float) -> float:
    errors = [
        (frames[i].astype(np.float64) - shot.pictures.plate(i).pixels)[hole] for i, hole in enumerate(holes(shot))
    ]
    return float(10 * np.log10(white**2 / np.mean(np.concatenate(errors) ** 2)))


@pytest.mark.parametrize(("dtype", "gain", "white"), [("uint8", 1.0, 255.0), ("float32", 8.0, 8.0)])
def test_detail_comes_from_the_plates_and_outside_the_matte_no_bit_changes(dtype, gain, white):
    truth = textured_shot(dtype=dtype, gain=gain)
    shot = behind_object(truth)
    native, enlarged = render(shot), render(replace(shot, native_fill=False))
    assert psnr(truth, native, white=white) > psnr(truth, enlarged, white=white) + 5
    for i, hole in enumerate(holes(shot)):
        assert np.array_equal(native[i][~hole], shot.pictures.plate(i).pixels[~hole])


@pytest.mark.parametrize("working_size", [None, (64, 48), (96, 72)])
def test_where_the_working_size_is_not_below_the_plate_s_the_setting_changes_nothing(working_size):
    shot = replace(box_shot(6, Settings(neighbor_length=4, ref_stride=4)), working_size=working_size)
    engine = ToyEngine()
    pictures = []
    for native_fill in (True, False):
        renderer = ShotRenderer(replace(shot, native_fill=native_fill), engine, cache())
        pictures.append([run_to_end(renderer.frame(i)).pixels for i in range(6)])
    assert all(np.array_equal(a, b) for a, b in zip(*pictures, strict=True))
    assert engine.calls["sights"] == 0


def test_sights_are_found_as_the_plate_is_propagated_and_not_once_more():
    class Watched(ClassicalEngine):
        asked = 0

        def find_sights(self, *given, **how):
            self.asked += 1
            return super().find_sights(*given, **how)

    shot = replace(textured_shot(), working_size=(SIZE[0] // 2, SIZE[1] // 2))
    engine, store = Watched(), cache()
    whole = [run_to_end(ShotRenderer(shot, engine, store).frame(i)).pixels for i in range(COUNT)]
    assert engine.asked == 0
    small = ShotRenderer(replace(shot, native_fill=False, match_grain=0.0), engine, fresh := cache())
    for i in range(COUNT):
        run_to_end(small.frame(i))
    later = [run_to_end(ShotRenderer(shot, engine, fresh).frame(i)).pixels for i in range(COUNT)]
    assert engine.asked > 0, "the plate was propagated before anybody asked for sights"
    np.testing.assert_array_equal(whole, later)


def test_a_provisional_picture_does_without_it():
    shot = behind_object(textured_shot())
    provisional = render(shot, frames=range(3, 4), provisional=True)
    assert np.array_equal(
        provisional[0], render(replace(shot, native_fill=False), frames=range(3, 4), provisional=True)[0]
    )
    store = cache()
    final = render(shot, store=store, frames=range(3, 4))
    assert np.array_equal(render(shot, store=store, frames=range(3, 4), provisional=True)[0], final[0]), "it is there"
    assert not np.array_equal(provisional[0], final[0])


def test_a_clean_plate_is_the_fill_to_the_bit_and_is_pulled_from():
    truth = textured_shot()
    shot = behind_object(truth)
    pictures = shot.pictures
    assert isinstance(pictures, MemoryPictures)
    painted = truth.pictures.plate(3).pixels.copy()
    painted[..., 0] = 255  # nothing like it is anywhere else
    with_clean = replace(shot, pictures=replace(pictures, cleans={3: Frame(painted, RGB)}))
    rendered, without = render(with_clean), render(shot)
    hole = holes(shot)
    assert np.array_equal(rendered[3][hole[3]], painted[hole[3]])
    reddened = (rendered[2].astype(int) - without[2])[hole[2]][:, 0] > 40
    assert reddened.sum() > 100


@dataclass
class CountedPictures(MemoryPictures):
    """Counts how often each plate is read."""

    reads: Counter[int] = field(default_factory=Counter)

    def plate(self, index: int) -> Frame:
        self.reads[index] += 1
        return super().plate(index)


def test_a_second_render_reads_no_plate_but_its_own_and_an_edit_only_what_it_changes():
    shot = behind_object(textured_shot())
    pictures = shot.pictures
    assert isinstance(pictures, MemoryPictures)
    counted = CountedPictures(pictures.plates, pictures.mattes)
    shot, store = replace(shot, pictures=counted), cache()
    first = render(shot, store=store)
    counted.reads.clear()
    again = render(shot, store=store)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert set(counted.reads.values()) == {1}
    mattes = list(pictures.mattes)
    mattes[0] = box_matte(SIZE, left=20, top=20, width=24, height=40)
    counted.reads.clear()
    render(replace(shot, pictures=replace(counted, mattes=mattes)), store=store)
    assert counted.reads[0] > 1 and all(counted.reads[i] == 1 for i in range(2, COUNT))


def test_the_key_names_the_working_size_and_not_its_grid():
    shot, store = behind_object(textured_shot()), cache()
    sizes = [(127, 79), (128, 80)]
    apart = [render(replace(shot, working_size=size), frames=range(3, 4))[0] for size in sizes]
    together = [render(replace(shot, working_size=size), store=store, frames=range(3, 4))[0] for size in sizes]
    assert all(np.array_equal(a, b) for a, b in zip(apart, together, strict=True))
    assert not np.array_equal(*apart)


def test_a_part_of_a_plate_has_the_hole_of_the_whole_and_the_clean_plate_laid_in():
    shot = behind_object(textured_shot())
    pictures = shot.pictures
    assert isinstance(pictures, MemoryPictures)
    clean = np.full((SIZE[1], SIZE[0], 4), 255, np.uint8)
    clean[:, :110, 3] = 0
    shot = replace(shot, pictures=replace(pictures, cleans={3: Frame(clean, ("R", "G", "B", "A"))}))
    rows, columns = slice(57, 90), slice(98, 121)
    part = PlateParts(shot, cache()).read(3, rows, columns)
    shown = np.zeros((SIZE[1], SIZE[0]), np.bool_)
    shown[:, 110:] = True
    assert np.array_equal(part.hole, (holes(shot)[3] & ~shown)[rows, columns])
    expected = np.where((holes(shot)[3] & shown)[..., None], 255, pictures.plates[3].pixels)[rows, columns] / 127.5 - 1
    assert np.abs(part.colours - expected)[~part.hole].max() < 1e-6


def test_a_part_of_a_plate_has_the_hole_that_grows_into_it_from_beside():
    size = (600, 64)
    matte = box_matte(size, left=240, top=20, width=16, height=20)
    pictures = MemoryPictures([Frame(np.zeros((64, 600, 3), np.uint8), RGB)], [matte])
    shot = Shot(pictures, WorkingSpace.AUTO, SETTINGS, size, (300, 32))
    part = PlateParts(shot, cache()).read(0, slice(0, 64), slice(256, 300))
    assert np.array_equal(part.hole, holes(shot)[0][:, 256:300]) and part.hole.any()


@pytest.mark.parametrize(("options", "expected"), [([], True), (["--no-native-fill"], False), (["--draft"], False)])
def test_the_command_asks_for_it_unless_told_otherwise_and_never_for_a_draft(options, expected):
    parser = argparse.ArgumentParser()
    add_shot_options(parser)
    parser.set_defaults(report=None, contact_sheet=None)
    wish = removal_of(parser.parse_args(["--plate", "p", "--matte", "m", "--output", "o", *options]))
    assert wish.drafted_native_fill() is expected


def test_a_plate_s_size_asked_for_as_the_working_size_is_not_below_it():
    shot = textured_shot()
    assert shot.fills_natively and replace(shot, working_size=draft_size(SIZE)).fills_natively
    assert not replace(shot, native_fill=False).fills_natively
    assert not replace(shot, working_size=SIZE).fills_natively
