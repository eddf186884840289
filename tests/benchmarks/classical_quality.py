"""How good the classical engine is: PSNR, flicker and speed over a folder of cases whose truth is known.

    python tests/benchmarks/classical_quality.py CASES [NAME ...] [--write]

CASES/NAME/{frames,masks,clean} hold images of one size with the same file names: the plate with its object (or a grey
box), the matte (white = remove) and the truth. Prints one row a case: PSNR in the grown hole with a hard edge and with the
product's feather, flicker (mean absolute difference of neighbouring frames along the truth's own flow, in levels), what no
frame shows, and frames a second of everything after the flow. Telea's fast marching, frame by frame, is the bar.
``--write`` saves the hard-edged results to CASES/NAME/out.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from propainter.classical import ClassicalEngine
from propainter.hole import hole_of, soft_alpha
from propainter.stages import remove
from propainter.types import Settings

SETTINGS = Settings()


@dataclass(frozen=True)
class Case:
    """One shot, BGR 8 bit as read, with hole (t, h, w) and the composite's alpha."""

    plate: np.ndarray
    truth: np.ndarray
    hole: np.ndarray
    alpha: np.ndarray


class TimedEngine(ClassicalEngine):
    """The engine, with a clock on the flow so that it can be left out."""

    flow_s = 0.0

    def estimate_flow(self, frames: torch.Tensor, *, iterations: int, stop: float = 0.0):  # type: ignore[no-untyped-def]
        start = time.perf_counter()
        flow = super().estimate_flow(frames, iterations=iterations, stop=stop)
        self.flow_s += time.perf_counter() - start
        return flow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    names = arguments.names or sorted(path.parent.name for path in arguments.cases.glob("*/clean"))
    if not names:
        sys.exit(f"no case in {arguments.cases}: it needs folders NAME/frames, NAME/masks and NAME/clean")
    print(
        f"{'case':16} {'hard':>6} {'soft':>6} {'Telea':>6} dB  {'flicker':>7} {'Telea':>6}  {'unseen':>6} flow rest fps"
    )
    for name in names:
        report(arguments.cases / name, write=arguments.write)


def report(folder: Path, *, write: bool) -> None:
    """Print one case's row."""
    case, engine = read_case(folder), TimedEngine()
    frames = torch.from_numpy(np.ascontiguousarray(case.plate[..., ::-1])).float().permute(0, 3, 1, 2)[None] / 127.5 - 1
    holes = torch.from_numpy(case.hole).float()[None, :, None]
    start = time.perf_counter()
    shot = remove(engine, frames, holes, settings=SETTINGS)
    fill = torch.stack([shot.fill(i) for i in range(len(case.plate))])
    rest_s = time.perf_counter() - start - engine.flow_s
    levels = ((fill.permute(0, 2, 3, 1).numpy()[..., ::-1] + 1) * 127.5).clip(0, 255)
    hard, soft = (composite(case, levels, alpha) for alpha in (case.hole.astype(np.float32), case.alpha))
    telea = np.stack(
        [cv2.inpaint(p, h.astype(np.uint8), 5, cv2.INPAINT_TELEA) for p, h in zip(case.plate, case.hole, strict=True)]
    )
    unseen = shot.propagated.unseen.numpy()[0, :, 0][case.hole].mean()
    count = len(case.plate)
    print(
        f"{folder.name:16} {psnr(hard, case):6.2f} {psnr(soft, case):6.2f} {psnr(telea, case):6.2f}     "
        f"{flicker(hard, case):7.2f} {flicker(telea, case):6.2f}  {100 * unseen:5.1f}% "
        f"{count / engine.flow_s:4.1f} {count / rest_s:4.1f}"
    )
    if write:
        (folder / "out").mkdir(exist_ok=True)
        for path, image in zip(sorted((folder / "frames").iterdir()), hard, strict=True):
            cv2.imwrite(str(folder / "out" / f"{path.stem}.png"), image)


def read_case(folder: Path) -> Case:
    """Read one case; the hole is the matte grown as the product grows it."""
    plate, truth = (read_images(folder / kind, cv2.IMREAD_COLOR) for kind in ("frames", "clean"))
    mattes = [torch.from_numpy(m).float() / 255 for m in read_images(folder / "masks", cv2.IMREAD_GRAYSCALE)]
    grow = {"threshold": SETTINGS.threshold, "grow_pixels": SETTINGS.grow}
    hole = np.stack([hole_of(matte, **grow).numpy() > 0 for matte in mattes])
    alpha = np.stack([soft_alpha(matte, feather=SETTINGS.feather, **grow).numpy() for matte in mattes])
    return Case(plate, truth, hole, alpha)


def read_images(folder: Path, how: int) -> np.ndarray:
    return np.stack([cv2.imread(str(path), how) for path in sorted(folder.iterdir())])


def composite(case: Case, levels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None]
    return np.rint(levels * share + case.plate * (1 - share)).astype(np.uint8)


def psnr(images: np.ndarray, case: Case) -> float:
    error = (images.astype(float) - case.truth)[case.hole]
    return float(10 * np.log10(255**2 / (error**2).mean()))


def flicker(images: np.ndarray, case: Case) -> float:
    """Mean over frames of the warping error in the hole, along the truth's flow, in 8-bit levels."""
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    rows, columns = np.mgrid[: images.shape[1], : images.shape[2]].astype(np.float32)
    errors = []
    for t in np.flatnonzero(case.hole[:-1].any((1, 2))):
        now, following = (cv2.cvtColor(case.truth[i], cv2.COLOR_BGR2GRAY) for i in (t, t + 1))
        flow = estimator.calc(now, following, None)
        warped = cv2.remap(images[t + 1], columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR)
        errors.append(np.abs(warped.astype(float) - images[t])[case.hole[t]].mean())
    return float(np.mean(errors))


if __name__ == "__main__":
    main()
