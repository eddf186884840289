"""Figures as people read them: a table of clips, the means, and what the paper reports below.

Here: ``table_of`` and the same facts for a report. Not here: computing them (``protocol.py``).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from propainter_backend.evaluation.protocol import ClipFigures, Figures
from propainter_backend.evaluation.published import PAPER

_HEAD = ("", "frames", "hole %", "PSNR", "SSIM", "VFID", "Ewarp", "(truth)", "s/frame")


def table_of(figures: Figures, *, name: str, drawn: bool) -> str:
    """Lines of a table. name: of the engine. drawn: whether the masks came from files."""
    rows = [_HEAD, *(_clip_row(clip) for clip in figures.clips), _mean_row(figures, name)]
    rows += [
        (f"{each.method}, {each.data_set}", "", "", f"{each.psnr:.2f}", f"{each.ssim:.4f}", f"{each.vfid:.3f}",
         f"{each.warping:.3f}", "", "")
        for each in PAPER
    ]  # fmt: skip
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEAD))]
    lines = ["  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
             for row in rows]  # fmt: skip
    rule = "-" * len(lines[0])
    at = len(figures.clips) + 1
    lines = [lines[0], rule, *lines[1:at], rule, lines[at], rule, *lines[at + 1 :]]
    return "\n".join(line.rstrip() for line in [*lines, "", *_remarks(figures, drawn=drawn)])


def facts_of(figures: Figures) -> dict[str, Any]:
    """Everything but the features, for a report."""
    names = ("psnr", "ssim", "warping", "warping_of_truth", "hole_share")
    clips = [{key: value for key, value in vars(clip).items() if key != "features"} for clip in figures.clips]
    return {
        "clips": [{**clip, "notes": list(clip["notes"])} for clip in clips],
        "mean": {
            **{name: figures.mean(name) for name in names},
            "vfid": figures.vfid,
            "seconds_a_frame": figures.seconds_a_frame,
        },
        "paper": [asdict(each) for each in PAPER],
    }


def _clip_row(clip: ClipFigures) -> tuple[str, ...]:
    return (
        clip.name, str(clip.frames), f"{100 * clip.hole_share:.1f}", f"{clip.psnr:.2f}", f"{clip.ssim:.4f}", "",
        f"{1000 * clip.warping:.3f}", f"{1000 * clip.warping_of_truth:.3f}", f"{clip.seconds / clip.frames:.3f}",
    )  # fmt: skip


def _mean_row(figures: Figures, name: str) -> tuple[str, ...]:
    return (
        f"mean, {name}", str(sum(clip.frames for clip in figures.clips)), f"{100 * figures.mean('hole_share'):.1f}",
        f"{figures.mean('psnr'):.2f}", f"{figures.mean('ssim'):.4f}",
        "" if figures.vfid is None else f"{figures.vfid:.3f}", f"{1000 * figures.mean('warping'):.3f}",
        f"{1000 * figures.mean('warping_of_truth'):.3f}", f"{figures.seconds_a_frame:.3f}",
    )  # fmt: skip


def _remarks(figures: Figures, *, drawn: bool) -> list[str]:
    said = ["The last rows are the paper's (ICCV 2023, table 1), of all its clips under its own masks."]
    if not drawn:
        said.append(
            "These holes are made up: compare engines by them, not with the paper. Put its masks in ROOT/test_masks."
        )
    if figures.vfid is None:
        said.append("VFID needs two clips and I3D's weights: --i3d rgb_imagenet.pt.")
    said.append("Ewarp is times 1000. It depends on whose flow is followed, so read it beside the truth's own.")
    said += [f"{clip.name}: {note}" for clip in figures.clips for note in clip.notes]
    return said
