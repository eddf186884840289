"""The pictures of the artist's guide: the sample shot, removed well and less well, by the classical engine.

Writes ``docs/images/guide-*.jpg``. Run by ``make docs-pictures``; takes a few minutes. Not here: pictures of the panel
(``tests/ui/take_screenshots.py``).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from propainter.hole import hole_of

ROOT = Path(__file__).resolve().parent.parent
PLATE, MATTE = ROOT / "samples/synth-pan/plate", ROOT / "samples/synth-pan/matte"
OUT = ROOT / "docs/images"
FIRST, FEW = 1001, 1004
RED, MAGENTA, YELLOW = (40, 40, 235), (255, 0, 255), (0, 230, 255)

Picture = NDArray[np.uint8]
"""[h, w, 3], BGR, as OpenCV reads and writes it."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="propainter-pictures-") as name:
        scratch = Path(name)
        show_removal(scratch)
        show_mattes(scratch)
        show_never_seen(scratch)
        show_texture(scratch)
        show_grain(scratch)
        show_tripod(scratch)
    show_growing()


def show_removal(scratch: Path) -> None:
    """Plate, matte, result of a frame in the middle of the shot."""
    frame = 1010
    clean = remove(scratch / "whole")
    panels = [plate(frame), tint(plate(frame), matte(frame), RED), read(clean, frame)]
    write("guide-removal", [panels], ["plate", "roto matte, in red", "result"])


def show_mattes(scratch: Path) -> None:
    """The same frame with a matte that cuts into the object, one that is right and one that wastes background."""
    frame, part = 1010, (slice(40, 200), slice(90, 310))
    variants = {
        "cuts into the object": (cut_into(scratch / "tight"), 0),
        "around it, grown by 4": (MATTE, 4),
        "far too wide": (MATTE, 40),
    }
    mattes, results = [], []
    for number, (folder, grow) in enumerate(variants.values()):
        hole = hole_of(torch.from_numpy(grey(folder, frame)), threshold=0, grow_pixels=grow).numpy()
        mattes.append(tint(plate(frame), hole, RED)[part])
        clean = remove(scratch / f"matte{number}", "--grow", str(grow), matte=folder)
        results.append(read(clean, frame)[part])
    write("guide-mattes", [mattes, results], list(variants), scale=2)


def cut_into(folder: Path) -> Path:
    """The sample's mattes, each six pixels smaller all around."""
    folder.mkdir()
    for path in sorted(MATTE.glob("*.png")):
        cv2.imwrite(str(folder / path.name), cv2.erode(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.ones((13, 13))))
    return folder


def show_never_seen(scratch: Path) -> None:
    """The first frame of four frames of the shot, of the whole shot, and of the four with a clean plate of that frame."""
    whole = scratch / "whole"
    painted = scratch / f"painted.{FIRST}.png"
    cv2.imwrite(str(painted), read(whole, FIRST))
    few = ("--last", str(FEW))
    remove(scratch / "few", *few)
    remove(scratch / "helped", *few, "--clean-plate", str(scratch / "painted.####.png"))
    part = (slice(None), slice(60, 300))
    seen, results = [], []
    for name in ("few", "whole", "helped"):
        invented = np.load(scratch / f"{name}-stages" / "unseen.npy")[0, 0]
        seen.append(tint(plate(FIRST), invented, MAGENTA, 0.8)[part])
        results.append(read(scratch / name, FIRST)[part])
    write("guide-never-seen", [seen, results], ["4 frames", "24 frames", "4 frames, clean plate"], scale=1.3)


def show_texture(scratch: Path) -> None:
    """The first of four frames: never seen in magenta, filled smoothly, filled with texture."""
    few = ("--last", str(FEW))
    smooth = remove(scratch / "smooth", *few, "--never-seen", "smooth")
    texture = remove(scratch / "few", *few)
    invented = np.load(scratch / "few-stages" / "unseen.npy")[0, 0]
    part = (slice(None), slice(60, 300))
    shown = [tint(plate(FIRST), invented, MAGENTA, 0.8), read(smooth, FIRST), read(texture, FIRST)]
    write("guide-texture", [[picture[part] for picture in shown]], ["never seen", "smooth", "texture"], scale=1.6)


def show_grain(scratch: Path) -> None:
    """The first of four frames with grain that was added: a smooth surface without it, and with it."""
    few, grainy = ("--last", str(FEW), "--never-seen", "smooth"), add_grain(scratch / "grainy")
    results = [remove(scratch / f"grain{m}", *few, "--match-grain", m, source=grainy) for m in ("0", "1")]
    part = (slice(30, 210), slice(70, 250))
    shown = [read(grainy, FIRST)[part], *(read(result, FIRST)[part] for result in results)]
    write("guide-grain", [shown], ["a plate with grain", "match grain 0", "match grain 1"], scale=2)


def add_grain(folder: Path) -> Path:
    """The first four plates with grain: strongest in the mid tones, a little coarser in blue."""
    folder.mkdir()
    for frame in range(FIRST, FEW + 1):
        picture, draw = plate(frame), np.random.default_rng(frame)
        drawn = [cv2.GaussianBlur(draw.normal(0, 1, picture.shape[:2]), (0, 0), size) for size in (0.9, 0.6, 0.7)]
        strength = 4 + 7 * np.sin(picture / 255 * np.pi)
        grainy = picture + strength * np.stack([each / each.std() for each in drawn], -1)
        cv2.imwrite(str(folder / f"grainy.{frame}.png"), np.rint(grainy.clip(0, 255)).astype(np.uint8))
    return folder


def show_tripod(scratch: Path) -> None:
    """Someone stands before a camera that stands: the matte, filled smoothly, with texture; and five frames on end."""
    rows = []
    for name, left in (("city", 150), ("room", 70)):
        folder, part = hold(scratch, name, left), (slice(20, 235), slice(left, left + 170))
        given = ("--plate", str(folder / "plate"))
        smooth = remove(folder / "smooth", *given, "--never-seen", "smooth", matte=folder / "matte")
        texture = remove(folder / "texture", *given, matte=folder / "matte")
        before = tint(read(folder / "plate", FIRST), grey(folder / "matte", FIRST), RED)
        rows.append([picture[part] for picture in (before, read(smooth, FIRST), read(texture, FIRST))])
        if name == "city":
            consecutive = [read(texture, FIRST + t)[60:200, left + 20 : left + 130] for t in range(5)]
    write("guide-tripod", rows, ["roto matte, in red", "smooth", "texture"], scale=2)
    write("guide-tripod-frames", [consecutive], [str(FIRST + t) for t in range(5)], scale=2)


def hold(scratch: Path, name: str, left: int) -> Path:
    """Six frames of a still with grain new in every frame; the person stands in it. Folders plate and matte."""
    folder, random = scratch / name, np.random.default_rng(1)
    still = np.asarray(cv2.imread(str(ROOT / f"samples/tripod/{name}.png")), np.float32)
    shape = cv2.imread(str(next(MATTE.glob("*.1010.png"))), cv2.IMREAD_GRAYSCALE)
    rows, columns = np.flatnonzero(shape.any(1)), np.flatnonzero(shape.any(0))
    person = shape[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    person = cv2.resize(
        person, None, fx=170 / person.shape[0], fy=170 / person.shape[0], interpolation=cv2.INTER_LINEAR
    )
    standing = np.zeros(still.shape[:2], np.uint8)
    middle = left + 85 - person.shape[1] // 2
    standing[40:210, middle : middle + person.shape[1]] = person[:170]
    for part in ("plate", "matte"):
        (folder / part).mkdir(parents=True)
    for frame in range(FIRST, FIRST + 6):
        grain = cv2.GaussianBlur(random.standard_normal(still.shape).astype(np.float32), (0, 0), 0.6) * 8
        shown = np.where(standing[..., None] > 127, np.float32(60), still) + grain
        cv2.imwrite(str(folder / f"plate/plate.{frame}.png"), np.clip(np.rint(shown), 0, 255).astype(np.uint8))
        cv2.imwrite(str(folder / f"matte/matte.{frame}.png"), standing)
    return folder


def show_growing() -> None:
    """The edge of a matte, the hole it grows to, and the wider one for the motion."""
    frame, part = 1010, (slice(60, 150), slice(100, 260))
    large = 5
    picture = cv2.resize(plate(frame)[part], None, fx=large, fy=large, interpolation=cv2.INTER_CUBIC)
    soft = torch.from_numpy(grey(MATTE, frame))
    for grow, colour in ((0, (255, 255, 255)), (4, RED), (12, YELLOW)):
        hole = hole_of(soft, threshold=0, grow_pixels=grow).numpy()[part].astype(np.uint8)
        outlines, _ = cv2.findContours(
            cv2.resize(hole, None, fx=large, fy=large, interpolation=cv2.INTER_NEAREST),
            cv2.RETR_EXTERNAL,
            cv2.CHAIN_APPROX_NONE,
        )
        cv2.drawContours(picture, outlines, -1, colour, 2)
    write("guide-grow", [[picture]], ["white: matte   red: grow 4   yellow: grow flow 12"])


def remove(output: Path, *options: str, matte: Path = MATTE, source: Path = PLATE) -> Path:
    """Run the command; its stages lie beside its output."""
    if not output.exists():
        command = [Path(sys.executable).with_name("propainter-remove"), "--plate", source, "--matte", matte]
        kept = ["--output", output, "--save-stages", f"{output}-stages", "--engine", "classical", "--quiet", *options]
        subprocess.run([*command, *kept], check=True)
    return output


def plate(frame: int) -> Picture:
    return read(PLATE, frame)


def matte(frame: int) -> NDArray[np.float32]:
    return grey(MATTE, frame)


def read(folder: Path, frame: int) -> Picture:
    return np.asarray(cv2.imread(str(next(folder.glob(f"*.{frame}.png")))), np.uint8)


def grey(folder: Path, frame: int) -> NDArray[np.float32]:
    """[h, w], 0..1."""
    path = next(folder.glob(f"*.{frame}.png"))
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)


def tint(picture: Picture, where: NDArray[np.float32], colour: tuple[int, int, int], strength: float = 0.6) -> Picture:
    share = strength * where[..., None]
    return np.rint(picture * (1 - share) + np.array(colour) * share).astype(np.uint8)


def write(name: str, rows: Sequence[Sequence[Picture]], titles: Sequence[str], *, scale: float = 1) -> None:
    """Rows of pictures of one size, under a line of titles, as a JPEG."""
    lines = [cv2.hconcat([enlarge(picture, scale) for picture in row]) for row in rows]
    width = lines[0].shape[1] // len(titles)
    head = np.full((30, lines[0].shape[1], 3), 32, np.uint8)
    for column, title in enumerate(titles):
        cv2.putText(
            head, title, (column * width + 8, 21), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (235, 235, 235), 1, cv2.LINE_AA
        )
    page = cv2.vconcat([head, *lines])
    cv2.imwrite(str(OUT / f"{name}.jpg"), page, [cv2.IMWRITE_JPEG_QUALITY, 80])


def enlarge(picture: Picture, scale: float) -> Picture:
    framed = cv2.copyMakeBorder(picture, 0, 4, 0, 4, cv2.BORDER_CONSTANT, value=(32, 32, 32))
    return np.asarray(cv2.resize(framed, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)


if __name__ == "__main__":
    main()
