"""The protocol over made-up clips: what is found, what is removed, what comes out, and what is refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from builders import ToyEngine, moving_plates
from propainter.types import BidirectionalFlow
from propainter_backend.commands import evaluate as command
from propainter_backend.errors import BadInput
from propainter_backend.evaluation.clips import find_clips
from propainter_backend.evaluation.holes import stationary_hole
from propainter_backend.evaluation.measures import frechet_distance
from propainter_backend.evaluation.protocol import SETTINGS, Figures, Wish, evaluate

SIZE = (96, 64)


class GreyEngine(ToyEngine):
    """Paints every hole middle grey."""

    def paint_window(
        self, frames: torch.Tensor, holes: torch.Tensor, unseen: torch.Tensor, flow: BidirectionalFlow, **_: object
    ) -> torch.Tensor:
        return torch.zeros(flow.pairs + 1, 3, *frames.shape[-2:])


def write_clip(folder: Path, count: int = 6, *, size: tuple[int, int] = SIZE, step: int = 2) -> list[np.ndarray]:
    folder.mkdir(parents=True)
    pictures = [frame.pixels for frame in moving_plates(count, size=size, step=step)]
    for index, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"{index:05d}.png"), picture[..., ::-1])
    return pictures


def write_mask(folder: Path, *, name: str = "00000", size: tuple[int, int] = SIZE) -> np.ndarray:
    folder.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((size[1], size[0]), np.uint8)
    mask[20:40, 30:50] = 1  # a label, as DAVIS has them: anything above 0 counts
    cv2.imwrite(str(folder / f"{name}.png"), mask)
    return mask > 0


def grown_by_four(mask: np.ndarray) -> np.ndarray:
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return cv2.dilate(mask.astype(np.uint8), cross, iterations=4) > 0


def test_what_comes_out_of_a_grey_fill_is_what_the_hole_held(tmp_path):
    pictures = write_clip(tmp_path / "JPEGImages" / "480p" / "slide")
    hole = grown_by_four(write_mask(tmp_path / "test_masks" / "slide"))
    (clip,) = find_clips(tmp_path, SIZE)
    figures, restored = evaluate(clip, GreyEngine(), Wish(SIZE))
    squares = [np.square(np.where(hole[..., None], 127.5 - p.astype(np.float64), 0)).mean() for p in pictures]
    assert figures.psnr == pytest.approx(np.mean([10 * np.log10(255**2 / square) for square in squares]), rel=1e-6)
    assert figures.hole_share == pytest.approx(hole.mean())
    assert figures.frames == len(pictures)
    for ours, picture in zip(restored, pictures, strict=True):
        assert np.array_equal(ours[~hole], picture[~hole])
        assert (ours[hole] == 127.5).all()
    assert figures.warping > figures.warping_of_truth


@pytest.mark.parametrize("hides", [False, True])
def test_the_engine_sees_intact_pictures_unless_they_are_to_be_hidden(tmp_path, hides):
    seen = []

    class Watching(GreyEngine):
        def estimate_flow(self, frames: torch.Tensor, **how: object) -> BidirectionalFlow:
            seen.append(frames.clone())
            return super().estimate_flow(frames, **how)

    write_clip(tmp_path / "slide")
    hole = grown_by_four(write_mask(tmp_path / "test_masks" / "slide"))
    (clip,) = find_clips(tmp_path, SIZE)
    figures, _ = evaluate(clip, Watching(), Wish(SIZE, hides=hides))
    inside = torch.cat(seen, dim=1)[..., torch.from_numpy(hole)]
    assert bool((inside == inside.flatten()[0]).all()) == hides
    assert figures.psnr == pytest.approx(evaluate(clip, GreyEngine(), Wish(SIZE))[0].psnr)


def test_the_protocol_is_the_paper_s():
    told = SETTINGS.grow, SETTINGS.neighbor_length, SETTINGS.ref_stride, SETTINGS.flow_iterations, SETTINGS.feather
    assert told == (4, 20, 10, 20, 0)
    assert SETTINGS.chunk_length >= 104  # DAVIS's longest clip: no sub-videos
    assert Wish().size == (432, 240)


def test_means_weigh_frames_and_vfid_needs_two_clips(tmp_path):
    write_clip(tmp_path / "JPEGImages" / "a", 3)
    write_clip(tmp_path / "JPEGImages" / "b", 6, step=3)
    wish = Wish(SIZE, features=lambda clip: clip.mean((1, 2, 3)))
    found = [evaluate(clip, GreyEngine(), wish)[0] for clip in find_clips(tmp_path, SIZE)]
    figures = Figures(tuple(found))
    assert figures.mean("psnr") == pytest.approx((3 * found[0].psnr + 6 * found[1].psnr) / 9)
    ours, truth = (np.stack([clip.features[which] for clip in found]) for which in (0, 1))
    assert figures.vfid == pytest.approx(frechet_distance(ours, truth))
    assert Figures(tuple(found[:1])).vfid is None


def test_pictures_and_masks_of_another_size_are_brought_to_the_evaluation_s(tmp_path):
    write_clip(tmp_path / "JPEGImages" / "480p" / "slide", 4, size=(192, 128))
    write_mask(tmp_path / "test_masks" / "slide", size=(192, 128))
    (clip,) = find_clips(tmp_path, SIZE)
    assert clip.pictures(SIZE).shape == (4, 64, 96, 3)
    masks = clip.drawn_masks(SIZE)
    assert masks.shape == (4, 64, 96)
    assert masks[0, 10:20, 15:25].all()
    assert masks.sum() == 4 * 10 * 10
    assert len(clip.drawn_masks(SIZE, 2)) == len(clip.pictures(SIZE, 2)) == 2


def test_clips_at_the_size_asked_for_come_before_larger_ones(tmp_path):
    write_clip(tmp_path / "JPEGImages" / "480p" / "large", 2)
    write_clip(tmp_path / "JPEGImages_96_64" / "small", 2)
    assert [clip.name for clip in find_clips(tmp_path, SIZE)] == ["small"]


def test_a_made_up_hole_stands_in_the_picture_and_depends_on_the_name_alone():
    shares = []
    for name in map(str, range(40)):
        hole = stationary_hole(name, (432, 240))
        assert np.array_equal(hole, stationary_hole(name, (432, 240)))
        assert not np.array_equal(hole, stationary_hole(name + "x", (432, 240)))
        assert not (hole[0].any() or hole[-1].any() or hole[:, 0].any() or hole[:, -1].any())
        shares.append(hole.mean())
    assert 0.02 < min(shares) <= max(shares) < 0.3


@pytest.mark.parametrize(
    ("masks", "said"),
    [(("00000", "00001"), "has 3 frames but 2 masks"), ((), "has no masks in")],
)
def test_masks_that_do_not_fit_are_refused(tmp_path, masks, said):
    write_clip(tmp_path / "JPEGImages" / "slide", 3)
    (tmp_path / "test_masks").mkdir()
    for name in masks:
        write_mask(tmp_path / "test_masks" / "slide", name=name)
    with pytest.raises(BadInput, match=said):
        evaluate(find_clips(tmp_path, SIZE)[0], GreyEngine(), Wish(SIZE))


def test_the_command_restores_a_slide_and_writes_table_report_and_pictures(tmp_path, capsys):
    for name, step in (("slow", 2), ("fast", 3)):
        write_clip(tmp_path / "data" / "JPEGImages" / name, 8, step=step)
        write_mask(tmp_path / "data" / "test_masks" / name)
    report, output = tmp_path / "r.json", tmp_path / "kept"
    arguments = [str(tmp_path / "data"), "--size", "96x64", "--engine", "classical", "--truth-flow", "engine"]
    assert command.main([*arguments, "--report", str(report), "--output", str(output)]) == 0
    printed = capsys.readouterr().out
    assert "mean, classical" in printed
    assert "ProPainter, DAVIS" in printed
    assert "34.47" in printed
    told = json.loads(report.read_text())
    assert [clip["name"] for clip in told["clips"]] == ["fast", "slow"]
    assert told["masks"] == "drawn"
    assert told["mean"]["vfid"] is None
    assert told["mean"]["psnr"] > 30  # a slide shows all that its hole hides
    assert told["settings"]["neighbor_length"] == 20
    assert len(list((output / "slow").iterdir())) == 8
    kept = cv2.imread(str(output / "slow" / "00000.png"))
    truth = cv2.imread(str(tmp_path / "data" / "JPEGImages" / "slow" / "00000.png"))
    assert np.array_equal(kept[:10], truth[:10])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["NONE"], "is no folder"),
        (["EMPTY"], "holds no clips"),
        (["DATA", "--clips", "nobody"], "clip nobody is not in"),
        (["DATA", "--masks", "NONE"], "is not there; leave out --masks"),
        (["DATA", "--limit", "1"], "--limit 1 is too few"),
        (["DATA", "--i3d", "NONE"], "cannot be read"),
        (["DATA", "--engine", "classical", "--precision", "fp16"], "--precision fp16 needs"),
        (["DATA", "--size", "4x4"], "is no size; give"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_ends_with_2(tmp_path, capsys, arguments, said):
    write_clip(tmp_path / "data" / "JPEGImages" / "slide", 3)
    (tmp_path / "empty").mkdir()
    places = {"NONE": tmp_path / "none", "EMPTY": tmp_path / "empty", "DATA": tmp_path / "data"}
    try:
        code = command.main([str(places.get(word, word)) for word in arguments])
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "\n" not in error


def test_a_clip_of_one_frame_is_refused_by_name(tmp_path, capsys):
    write_clip(tmp_path / "JPEGImages" / "short", 1)
    assert command.main([str(tmp_path), "--engine", "classical"]) == 2
    assert "clip short has a single frame" in capsys.readouterr().err
