"""What more cores are worth to the embedded engine, and what of its work stays serial.

    python tests/benchmarks/cores.py [--size 1920x1080] [--frames 24] [--working 960x540] [--cores 1 2 4] [--json FILE]

A pan over made-up detail of every size, with a box moving over it, is rendered whole from an empty cache on each number of
cores. For each: seconds, processor seconds (the user's and the system's), page faults, a digest of all frames, which must be
the same. On one core it is counted besides how much of the processor time lies in work that may be shared out; from the
rest, Amdahl's law says what any number of cores can be worth at most, and from the pieces, one by one, what so many cores
are worth as the work is cut. ``--preview``: one first picture instead, cold.

Seconds tell of the machine and of who else works on it; its load is printed beside them. Processor seconds tell of the code.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: waiting threads must not spin

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from native_fill import cut, pan, psnr

from builders import MemoryPictures
from propainter.classical import ClassicalEngine
from propainter.types import Settings
from propainter_backend.render.cores import AHEAD, make_cores
from propainter_backend.render.memory import reuse_freed_memory
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace
from propainter_plan.sizes import usual_size

MANY = (2, 4, 8, 16)
A = TypeVar("A")
B = TypeVar("B")


class Imagined:
    """So many cores, though one does it all: each piece of work is timed, and where it would have run is worked out.

    A piece begins when the caller has taken it and a core is free; the caller goes on to the next, a few ahead, and waits
    for results in their order, as with ``Cores``. What the caller does itself takes none of these cores.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.worked = 0.0
        """Processor seconds in what is shared out."""
        self._now = 0.0
        self._free = [0.0] * count
        self._seen = time.thread_time()
        self._is_at_work = False

    def __call__(self, work: Callable[[A], B], things: Iterable[A], *, each_bytes: int = 0) -> Iterator[B]:
        if self._is_at_work:
            yield from map(work, things)
            return
        begun: deque[tuple[float, B]] = deque()
        for thing in things:
            self._go_on()
            begun.append(self._done(work, thing))
            if len(begun) >= AHEAD * self.count:
                yield self._waited(begun)
        while begun:
            yield self._waited(begun)

    @property
    def seconds(self) -> float:
        """What all of it would have taken by now."""
        self._go_on()
        return self._now

    def _go_on(self) -> None:
        """The caller's own work since it was last looked at."""
        seen = time.thread_time()
        self._now += seen - self._seen
        self._seen = seen

    def _done(self, work: Callable[[A], B], thing: A) -> tuple[float, B]:
        self._is_at_work = True
        made = work(thing)
        self._is_at_work = False
        took = time.thread_time() - self._seen
        self._seen += took
        self.worked += took
        first = min(range(self.count), key=self._free.__getitem__)
        self._free[first] = max(self._now, self._free[first]) + took
        return self._free[first], made

    def _waited(self, begun: deque[tuple[float, B]]) -> B:
        self._go_on()
        end, made = begun.popleft()
        self._now = max(self._now, end)
        return made


class AsFiles(MemoryPictures):
    """Pictures whose digests are taken once, as those of files are."""

    def __init__(self, pictures: MemoryPictures) -> None:
        super().__init__(pictures.plates, pictures.mattes)
        self._digests: dict[tuple[str, int], str] = {}

    def plate_digest(self, index: int) -> str:
        """See ``ShotPictures``."""
        return self._once("plate", index, super().plate_digest)

    def matte_digest(self, index: int) -> str:
        """See ``ShotPictures``."""
        return self._once("matte", index, super().matte_digest)

    def _once(self, kind: str, index: int, digest: Callable[[int], str]) -> str:
        if (kind, index) not in self._digests:
            self._digests[kind, index] = digest(index)
        return self._digests[kind, index]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=_size, default=(1920, 1080))
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--working", type=_size, help="working size (default: the usual one of the plate)")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--grain", type=float, default=1.0, help="share of the plate's grain the fill is given")
    parser.add_argument("--preview", action="store_true", help="one first picture, in the middle")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    reuse_freed_memory()
    case = cut([np.rint(picture * 255).astype(np.uint8) for picture in pan(options.size, options.frames)])
    working = options.working or usual_size(options.size, engine="classical", native_fill=True)
    shot = Shot(AsFiles(case.pictures), WorkingSpace.AUTO, Settings(), options.size, working, match_grain=options.grain)
    report: dict[str, Any] = {"python": platform.python_version(), "system": platform.platform(), "runs": []}
    for count in options.cores:
        told, frames = render(shot, count, is_preview=options.preview)
        if not options.preview:
            told["db"] = round(psnr(frames, case), 2)
        report["runs"].append(told)
        print(", ".join(f"{name} {value}" for name, value in told.items()), flush=True)
    if not options.preview:
        share, worth = serial_share(shot)
        report |= {"serial_share": share, "worth": worth}
        most = {n: round(1 / (share + (1 - share) / n), 2) for n in MANY}
        print(
            f"serial: {share:.1%} of the processor time; so at most {_times(most)}; as it is shared out {_times(worth)}"
        )
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if len({told["digest"] for told in report["runs"]}) > 1:
        sys.exit("the frames depend on the number of cores")


def render(shot: Shot, count: int, *, is_preview: bool) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The whole shot on so many cores, from an empty cache."""
    renderer = ShotRenderer(shot, ClassicalEngine(spread=make_cores(count)), ShotCache(None, memory_budget=4 << 30))
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    indices = range(shot.pictures.frame_count)
    if is_preview:
        frames = [run_to_end(renderer.frame(len(indices) // 2, provisional=True)).rgb()]
    else:
        renderer.aim_at(indices)
        frames = [run_to_end(renderer.frame(index)).rgb() for index in indices]
    after, seconds = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - began
    digest = hashlib.sha256(b"".join(frame.tobytes() for frame in frames)).hexdigest()[:16]
    told = {
        "cores": count,
        "seconds": round(seconds, 1),
        "user_s": round(after.ru_utime - before.ru_utime, 1),
        "system_s": round(after.ru_stime - before.ru_stime, 1),
        "faults": after.ru_minflt - before.ru_minflt,
        "load": round(os.getloadavg()[0], 1),
        "digest": digest,
    }
    return told, frames


def serial_share(shot: Shot) -> tuple[float, dict[int, float]]:
    """Of the processor time, the part that no second core can take over; and how many times as fast more cores are."""
    make_cores(1)
    shares, worth = [], {}
    for count in MANY:
        imagined = Imagined(count)
        renderer = ShotRenderer(shot, ClassicalEngine(spread=imagined), ShotCache(None, memory_budget=4 << 30))
        renderer.aim_at(range(shot.pictures.frame_count))
        before, begun = imagined.seconds, time.thread_time()
        for index in range(shot.pictures.frame_count):
            run_to_end(renderer.frame(index))
        whole = time.thread_time() - begun
        shares.append(1 - imagined.worked / whole)
        worth[count] = round(whole / max(imagined.seconds - before, whole / count), 2)
    return shares[0], worth


def _times(worth: dict[int, float]) -> str:
    return ", ".join(f"{n}: {x}x" for n, x in worth.items())


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


if __name__ == "__main__":
    main()
