"""How well a matte from one box follows the truth: a table of clips, printed.

    python tests/benchmarks/mattes.py CLIPS [--clips goat,cows] [--frames N] [--overlays DIR]

CLIPS: a folder of NAME/frames and NAME/masks, true masks white. Columns, each the mean overlap (intersection over union)
with the truth: ``first``, the first frame's matte from a box around its truth; over all frames, ``box``, tracked from it;
``+1 +2 +3``, the truth put in for the most doubtful frame, one after another; ``grabcut``, OpenCV's GrabCut by itself from
the truth's box on every frame; ``warped``, the first true mask carried along flow; ``s``, CPU seconds a frame for ``box``.

Here: figures. Not here: promises (``tests/unit/matte``).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from propainter_matte.arrays import look_up, overlap
from propainter_matte.doubt import frames_to_help
from propainter_matte.footage import Footage, working_size
from propainter_matte.marks import Box, Marks
from propainter_matte.selecting import select
from propainter_matte.tracking import Track, finish, track

_CORRECTIONS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", help="names, by commas (default: all with masks)")
    parser.add_argument("--frames", type=int, help="this many of each at most")
    parser.add_argument(
        "--corrections", type=int, default=_CORRECTIONS, help="frames put right, at most 3 (%(default)s)"
    )
    parser.add_argument("--overlays", type=Path, help="write one picture a clip there")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    found = sorted(each.parent.name for each in options.folder.glob("*/masks"))
    names = options.clips.split(",") if options.clips else found
    print(f"{'clip':16}{'first':>7}{'box':>7}{'+1':>7}{'+2':>7}{'+3':>7}{'grabcut':>9}{'warped':>8}{'s':>7}  corrected")
    rows = []
    for name in names:
        figures, seconds, keys = judge(options.folder / name, options.frames, options.overlays, options.corrections)
        rows.append([*figures, seconds])
        print(_line(name, rows[-1]), " ", *keys, flush=True)
    print(_line("mean", list(np.mean(rows, 0))))


def _line(name: str, values: list[float]) -> str:
    widths = (7, 7, 7, 7, 7, 9, 8, 7)
    return f"{name:16}" + "".join(f"{value:{width}.3f}" for value, width in zip(values, widths, strict=True))


def judge(
    clip: Path, limit: int | None, overlays: Path | None, corrections: int
) -> tuple[list[float], float, list[int]]:
    """The figures of one clip, CPU seconds a frame, the frames that were corrected."""
    frames = [cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in _files(clip / "frames", limit)]
    truth = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) > 127 for file in _files(clip / "masks", limit)]
    size = working_size(*truth[0].shape[::-1])
    frames = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]
    truth = [cv2.resize(each.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5 for each in truth]
    started = time.process_time()
    footage = Footage(lambda i: frames[i], len(frames))
    keys = {0: select(footage, 0, Marks(boxes=(box_of(truth[0]),)))}
    found = finish(track(footage, keys))
    seconds = (time.process_time() - started) / len(frames)
    figures = [overlap(found.mattes[0], truth[0]), _mean(found, truth)]
    if overlays is not None:
        _draw(frames, found, truth, overlays / f"{clip.name}.png")
    corrected = []
    for turn in range(_CORRECTIONS):
        for index in frames_to_help(found, settled=corrected, most=1) if turn < corrections else ():
            corrected.append(index)
            keys = {**keys, index: truth[index].astype(np.float32)}
            found = finish(track(footage, keys, known=found))
        figures.append(_mean(found, truth))
    if overlays is not None:
        _draw(frames, found, truth, overlays / f"{clip.name}-corrected.png")
    return [*figures, _by_grabcut(frames, truth), _by_warping(footage, truth)], seconds, corrected


def box_of(mask: np.ndarray) -> Box:
    """The smallest box around a mask."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return Box(columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)


def _files(folder: Path, limit: int | None) -> list[Path]:
    return sorted(folder.iterdir())[:limit]


def _mean(found: Track, truth: list[np.ndarray]) -> float:
    return float(np.mean([overlap(found.mattes[i], each) for i, each in enumerate(truth)]))


def _by_grabcut(frames: list[np.ndarray], truth: list[np.ndarray]) -> float:
    overlaps = []
    for frame, mask in zip(frames, truth, strict=True):
        if not mask.any():
            continue
        cv2.setRNGSeed(0)
        box = box_of(mask)
        labels = np.zeros(mask.shape, np.uint8)
        rectangle = (int(box.x), int(box.y), int(box.width), int(box.height))
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), labels, rectangle, *models, 5, cv2.GC_INIT_WITH_RECT)
        overlaps.append(overlap(labels % 2, mask))
    return float(np.mean(overlaps))


def _by_warping(footage: Footage, truth: list[np.ndarray]) -> float:
    mask = truth[0].astype(np.float32)
    overlaps = [1.0]
    for i in range(1, len(truth)):
        mask = look_up(mask, footage.flow(i, i - 1))
        overlaps.append(overlap(mask, truth[i]))
    return float(np.mean(overlaps))


def _draw(frames: list[np.ndarray], found: Track, truth: list[np.ndarray], path: Path) -> None:
    """Six frames: the matte's edge in yellow, the truth's in red."""
    shown = []
    for i in np.linspace(0, len(frames) - 1, 6).astype(int):
        picture = cv2.cvtColor(frames[i], cv2.COLOR_RGB2BGR)
        for mask, colour in ((truth[i], (0, 0, 255)), (found.mattes[i] > 0.5, (0, 255, 255))):
            edges, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(picture, edges, -1, colour, 1)
        shown.append(picture)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.vstack([np.hstack(shown[:3]), np.hstack(shown[3:])]))


if __name__ == "__main__":
    main()
