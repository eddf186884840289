"""Golden vectors: what the reference implementation computed from seeded stand-in weights, and those weights.

Here: one loader for the vectors in ``tests/data/golden`` (their README says what each array is and how it is packed),
the stand-in weights as state dicts, networks, or a folder of checkpoints. Not here: the rule behind the weights
(``standin_weights.py``), any comparison (``unit/test_*.py``).
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import standin_weights
from propainter.flow_completion import FlowCompletion
from propainter.painter import Painter
from propainter.raft import Raft
from propainter.types import BidirectionalFlow
from propainter_plan.units import Window

FOLDER = Path(os.environ.get("PROPAINTER_GOLDEN") or Path(__file__).parent / "data" / "golden")
FIRST_FRAME = {"pan12": 8, "pan_synthflow": 8, "pan40_chunk20": 0}
FRAME_COUNT = {"pan12": 12, "pan_synthflow": 8, "pan40_chunk20": 40}

Arrays = dict[str, NDArray[Any]]


@cache
def load(case: str) -> Arrays:
    """All arrays of ``pan12``, ``pan_synthflow`` or ``pan40_chunk20``; read-only, cached. Always there:

    frames: uint8 [t, 128, 160, 3] RGB.  hole: uint8 [t, 128, 160], 1 = fill, already grown.
    NAME.idx, NAME.val: values of an array at flat (C order) positions.
    The rest, by case, is listed in ``tests/data/golden/README.md``.
    """
    arrays = _inputs(case) | _unpacked(FOLDER / f"{case}.npz")
    hole = arrays["hole"].astype(bool)
    for name in ("unseen", "consistent_forward"):
        if name in arrays:
            shape = hole[:, None].shape if name == "unseen" else hole[:-1].shape
            arrays[name] = np.unpackbits(arrays[name]).reshape(shape)
    if "propagated_in_hole" in arrays:
        arrays["propagated"] = _propagated(arrays, hole)
    for direction, target in (("forward", hole[:-1]), ("backward", hole[1:])):
        if f"completed_raw_{direction}.idx" in arrays:
            arrays[f"completed_{direction}"] = _completed(arrays, direction, target)
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def windows(case: str) -> tuple[Window, ...]:
    """The windows and references the reference chose; all weights are 1 (it knows none)."""
    entries = json.loads((FOLDER / "windows.json").read_text())[case]
    return tuple(
        Window(w["centre"], tuple(w["neighbours"]), tuple(w["references"]), (1.0,) * len(w["neighbours"]))
        for w in entries
    )


def frames_tensor(case: str) -> torch.Tensor:
    """[1, t, 3, h, w] in [-1, 1]."""
    frames = torch.from_numpy(load(case)["frames"].astype(np.float32))
    return (frames / 255 * 2 - 1).permute(0, 3, 1, 2)[None].contiguous()


def hole_tensor(case: str) -> torch.Tensor:
    """[1, t, 1, h, w], 1 = fill."""
    return torch.from_numpy(load(case)["hole"].astype(np.float32))[None, :, None]


def flow(case: str, name: str) -> BidirectionalFlow:
    """``flow`` or ``completed`` of a case as tensors [1, t-1, 2, h, w]."""
    arrays = load(case)
    forward, backward = (torch.from_numpy(arrays[f"{name}_{way}"].copy())[None] for way in ("forward", "backward"))
    return BidirectionalFlow(forward, backward)


def standin_state(tag: str) -> dict[str, torch.Tensor]:
    """Stand-in weights of ``raft``, ``rfc`` or ``propainter``, keys without ``module.``; computed once a process."""
    return dict(_standin_state(tag))


def standin_nets() -> tuple[Raft, FlowCompletion, Painter]:
    """The three networks with these weights."""
    nets = (Raft(), FlowCompletion(), Painter())
    for net, tag in zip(nets, ("raft", "rfc", "propainter"), strict=True):
        net.load_state_dict(standin_state(tag), strict=True)
    return nets


def standin_folder(path: Path) -> Path:
    """Write the three checkpoints under their published file names and keys (``module.`` included); returns path."""
    path.mkdir(parents=True, exist_ok=True)
    for tag, specs in standin_weights.read_specs(FOLDER / "state_dicts.tsv").items():
        state = _standin_state(tag)
        torch.save({key: state[key.removeprefix("module.")] for key, _ in specs}, path / standin_weights.FILES[tag])
    return path


@cache
def _standin_state(tag: str) -> dict[str, torch.Tensor]:
    specs = standin_weights.read_specs(FOLDER / "state_dicts.tsv")[tag]
    values = standin_weights.state(tag, [(key.removeprefix("module."), shape) for key, shape in specs])
    return {key: torch.from_numpy(np.array(value)) for key, value in values.items()}


def _inputs(case: str) -> Arrays:
    """All cases are runs of the same forty frames."""
    with np.load(FOLDER / "pan40_inputs.npz") as stored:
        frames = stored["frames"]
        hole = np.unpackbits(stored["hole"]).reshape(frames.shape[:3])
    run = slice(FIRST_FRAME[case], FIRST_FRAME[case] + FRAME_COUNT[case])
    return {"frames": frames[run], "hole": hole[run]}


def _unpacked(path: Path) -> Arrays:
    """``NAME|dtype`` holds the four byte planes of the differences between neighbouring values, seen as int32."""
    arrays: Arrays = {}
    with np.load(path) as stored:
        for key in stored.files:
            name, _, dtype = key.partition("|")
            if dtype == "shape":
                continue
            values = stored[key]
            if dtype:
                steps = np.ascontiguousarray(values.T).view("<i4").ravel()
                values = np.cumsum(steps, dtype=np.int32).view(dtype).reshape(stored[f"{name}|shape"])
            arrays[name] = values
    return arrays


def _completed(arrays: Arrays, direction: str, target: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The prediction inside the hole, RAFT's flow outside: how the reference combines them, to the bit."""
    completed: NDArray[np.float32] = arrays[f"flow_{direction}"].copy()
    predicted = np.zeros(completed.size, np.float32)
    predicted[arrays[f"completed_raw_{direction}.idx"]] = arrays[f"completed_raw_{direction}.val"]
    inside = np.broadcast_to(target[:, None], completed.shape)
    completed[inside] = predicted.reshape(completed.shape)[inside]
    return completed


def _propagated(arrays: Arrays, hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """[t, 3, h, w] in [-1, 1]. Propagation moves 8-bit pixels and leaves 0, so 8 bits and a bit keep all of it."""
    frames: NDArray[np.float32] = arrays["frames"].transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255) * 2 - 1
    inside = np.broadcast_to(hole[:, None], frames.shape)
    levels = arrays.pop("propagated_in_hole")
    found = np.unpackbits(arrays.pop("found_in_hole"), count=levels.size).astype(bool)
    moved = levels.astype(np.float32) / np.float32(255) * 2 - 1
    frames[inside] = np.where(found, moved, np.float32(0))
    return frames
