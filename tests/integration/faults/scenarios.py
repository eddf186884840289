"""What is done while calls fail: each scenario is a function of plain values that returns an exit code.

Here: the command, writing an output, storing in a cache. Not here: what fails (``bench.py``), what must hold then
(``test_*.py``).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from propainter_backend.commands import remove as remove_command
from propainter_backend.errors import RemoveError
from propainter_backend.render.out_of_memory import NO_MEMORY, is_out_of_memory
from propainter_backend.render.shot_cache import ShotCache
from propainter_pictures.frame import Frame
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.images import read_image
from propainter_pictures.plates import open_source
from propainter_pictures.results import open_sink

KEYS = tuple(f"{index:02x}" * 32 for index in range(6))


def _entry(index: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(index)
    return {"flow": random.random((index + 1, 40, 30), np.float32), "hole": random.random((30, 20)) > 0.5}


ENTRIES = tuple(map(_entry, range(len(KEYS))))
"""What is stored under each key: 5 to 29 KB, made before any call may fail."""


def remove(arguments: Sequence[str], temporary: str) -> int:
    """The whole command; what spills from memory goes below ``temporary``."""
    tempfile.tempdir = temporary
    os.environ["OMP_NUM_THREADS"] = "1"
    return remove_command.main(arguments)


def write(plate: str, output: str, first: int, last: int) -> int:
    """The plate's frames into an output, changed; one sentence and 2 where that fails, as in the command."""
    try:
        with (
            open_source(plate) as source,
            open_sink(
                output,
                like=source,
                frames=FrameRange(first, last),
                metadata={"note": "written under faults"},
                fps=Fraction(25),
            ) as sink,
        ):
            for number in range(first, last + 1):
                frame = source.read(number)
                sink.write(
                    number,
                    Frame(np.flip(frame.pixels, 1).copy(), frame.channel_names, number, frame.path, frame.header),
                )
    except RemoveError as error:
        print(f"refused: {error}")
        return 2
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        print(f"refused: {NO_MEMORY}")
        return 2
    return 0


def store(root: str, budget: int | None, memory: int) -> int:
    """Store every entry twice, read each after it. 1 where one comes back different, 2 where memory runs out."""
    try:
        cache = ShotCache(Path(root), memory_budget=memory, disk_budget=budget)
        for _ in range(2):
            for index, key in enumerate(KEYS):
                cache.save(key, ENTRIES[index], kind="flow")
                found = cache.load(key)
                if found is not None and not is_entry(found, index):
                    print(f"entry {index} came back different")
                    return 1
    except MemoryError:
        print("no memory")
        return 2
    return 0


def is_entry(found: Mapping[str, np.ndarray], index: int) -> bool:
    """Whether these are the arrays of an entry, bit for bit."""
    expected = ENTRIES[index]
    return (
        isinstance(found, dict)
        and found.keys() == expected.keys()
        and all(np.array_equal(found[name], expected[name]) for name in expected)
    )


def read_damaged(path: str, scratch: str, first: int, last: int) -> int:
    """Read a picture with some bytes changed or cut off, once a seed: a picture comes of it, or a refusal that names it."""
    whole = Path(path).read_bytes()
    place = Path(scratch) / Path(path).name
    for seed in range(first, last):
        place.write_bytes(_damaged(whole, np.random.default_rng(seed)))
        print(f"seed {seed}", flush=True)
        try:
            read_image(place, 1)
        except RemoveError as error:
            assert str(place) in str(error), error
    return 0


def _damaged(content: bytes, random: np.random.Generator) -> bytes:
    damaged = bytearray(content)
    near = min(len(damaged), 1024) if random.random() < 0.7 else len(damaged)  # headers are where harm is done
    for _ in range(random.integers(1, 5)):
        at = int(random.integers(near))
        match random.integers(4):
            case 0:
                damaged[at] ^= 1 << int(random.integers(8))
            case 1:
                damaged[at : at + 4] = random.bytes(4)
            case 2:
                damaged[at : at + 4] = random.choice(
                    [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\1\0\0\0"]
                )
            case 3:
                del damaged[max(1, at) :][: int(random.integers(1, 40))]
    return bytes(damaged[: int(random.integers(1, len(damaged)))] if random.random() < 0.1 else damaged)
