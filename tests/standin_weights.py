"""Stand-in weights: seeded values in the exact shape of the three published ProPainter checkpoints.

The published checkpoints may not be shipped, so numeric agreement is tested with these instead. They are NOT a trained
network and must never make a picture that somebody could take for a result.

Rule, from names and shapes alone (``data/golden/state_dicts.tsv``):
  for every tensor ``key`` (without the leading ``module.``) of model ``tag`` (raft, rfc, propainter)
    rng   = numpy.random.RandomState((crc32(f"{tag}/{key}") + SEED) % 2**32)
    z     = rng.standard_normal(shape)            # float64, C order
    value = rule(key, shape) applied to z, cast to float32
A small hand-made path is laid over the random RAFT so that its flows roughly follow the picture (``wire_raft``).

Not here: torch, files of weights (``golden.py``).
"""

from __future__ import annotations

import csv
import math
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SEED = 20230907
FILES = {"raft": "raft-things.pth", "rfc": "recurrent_flow_completion.pth", "propainter": "ProPainter.pth"}

Shape = tuple[int, ...]

# (part of the key, gain), first match wins: weight = z * gain / sqrt(fan_in)
GAINS = {
    "raft": [
        ("fnet.conv2.weight", 1.0),
        ("cnet.conv2.weight", 0.3),
        ("update_block.flow_head.conv2.weight", 0.003),
        ("update_block.mask.2.weight", 2.0),
        ("update_block.encoder.convc1.weight", 0.08),
        ("update_block.gru.", 1.2),
        ("", 1.41),
    ],
    "rfc": [
        ("conv_offset.6.weight", 0.5),
        ("upsample.2.conv.weight", 0.35),
        ("feat_prop_module.fusion.weight", 1.0),
        ("feat_prop_module.backbone.", 0.7),
        ("feat_prop_module.deform_align.", 1.0),
        ("", 1.40),
    ],
    "propainter": [
        ("conv_offset.6.weight", 0.5),
        ("feat_prop_module.backbone.", 0.7),
        ("feat_prop_module.fuse.", 0.8),
        ("feat_prop_module.deform_align.", 1.0),
        ("ss.embedding.weight", 1.0),
        ("sc.embedding.weight", 0.5),
        ("sc.bias_conv.weight", 0.7),
        ("attention.query.weight", 1.5),
        ("attention.key.weight", 1.5),
        ("attention.value.weight", 1.0),
        ("attention.proj.weight", 1.0),
        ("mlp.fc1.0.weight", 1.4),
        ("mlp.fc2.1.weight", 1.0),
        ("decoder.6.weight", 0.6),
        ("", 1.40),
    ],
}
BIAS_STD = 0.05
BIAS_OVERRIDE = {"raft": ("update_block.flow_head.conv2.bias", 0.0005), "rfc": ("upsample.2.conv.bias", 0.01)}

# The hand-made path of wire_raft: gain of the correlation gradient, step of the flow head, restoring force, and what is
# left of the random weights on the reserved channels.
ALPHA, STEP, BETA, EPS = 0.03, 0.25, 2.0, 0.03


def read_specs(path: Path) -> dict[str, list[tuple[str, Shape]]]:
    """{tag: [(key as stored, shape), ...]} from state_dicts.tsv."""
    tags = {name: tag for tag, name in FILES.items()}
    specs: dict[str, list[tuple[str, Shape]]] = {tag: [] for tag in FILES}
    with path.open(newline="") as handle:
        for row in csv.DictReader(handle, delimiter="\t"):
            if row["key"].startswith("#"):
                continue
            shape = () if row["shape"] == "scalar" else tuple(int(n) for n in row["shape"].split("x"))
            specs[tags[row["file"]]].append((row["key"], shape))
    return specs


def state(tag: str, specs: Iterable[tuple[str, Shape]]) -> dict[str, NDArray[Any]]:
    """{key: float32 or int64 array} for keys without ``module.``."""
    values = {key: value_for(tag, key, shape) for key, shape in specs}
    if tag == "raft":
        wire_raft(values)
    return values


def value_for(tag: str, key: str, shape: Shape) -> NDArray[Any]:
    """One tensor of the stand-in checkpoint."""
    if key.endswith("valid_ind_rolled"):
        return rolled_indices()
    if key.endswith("num_batches_tracked"):
        return np.array(1, dtype=np.int64)
    # RAFT's downsample.1 is the very same module as norm3: two names, one tensor.
    z = standard_normal(tag, key.replace(".downsample.1.", ".norm3.") if tag == "raft" else key, shape)
    if key.endswith("running_mean"):
        value = 0.1 * z
    elif key.endswith("running_var"):
        value = 1.0 + 0.25 * np.abs(z)
    elif "pool_layer.weight" in key:
        value = 1.0 / 16 + 0.03 * z
    elif len(shape) >= 2:
        gain = next(gain for part, gain in GAINS[tag] if part in key)
        value = z * (gain / math.sqrt(math.prod(shape[1:])))
    elif ".norm" in key or key.startswith("norm") or ".downsample.1." in key:
        value = 1.0 + 0.1 * z if key.endswith("weight") else 0.05 * z
    else:
        part, std = BIAS_OVERRIDE.get(tag, ("", BIAS_STD))
        value = (std if part in key else BIAS_STD) * z
    return value.astype(np.float32)


def standard_normal(tag: str, key: str, shape: Shape) -> NDArray[np.float64]:
    """The seeded draw every value starts from."""
    rng = np.random.RandomState((zlib.crc32(f"{tag}/{key}".encode()) + SEED) % 2**32)
    return rng.standard_normal(shape)


def rolled_indices() -> NDArray[np.int64]:
    """The buffer ``valid_ind_rolled``: which of the 4 x 45 shifted key positions lie outside their own window."""
    rows, cols = np.mgrid[0:5, 0:9]
    keep = [
        (rows >= 2) | (cols >= 4),  # read at (+3, +5)
        (rows >= 2) | (cols < 5),  # read at (+3, -5)
        (rows < 3) | (cols >= 4),  # read at (-3, +5)
        (rows < 3) | (cols < 5),  # read at (-3, -5)
    ]
    return np.flatnonzero(np.stack(keep).ravel())


def wire_raft(values: dict[str, NDArray[Any]]) -> None:
    """Overlay a tiny hand-made "hill climbing on the correlation volume" on the random RAFT, in place, so that its
    flows are (crudely) real motion and forward and backward agree on part of the picture."""
    block = "update_block."
    weight = _reserve(values, block + "encoder.convc1", 4)
    for level, share in ((0, 1.0), (1, 0.5)):
        for o in (-1, 0, 1):
            for channel, sign in ((0, 1.0), (1, -1.0)):
                weight[channel, _lookup_channel(level, 1, o), 0, 0] += sign * share / 3
                weight[channel, _lookup_channel(level, -1, o), 0, 0] -= sign * share / 3
                weight[2 + channel, _lookup_channel(level, o, 1), 0, 0] += sign * share / 3
                weight[2 + channel, _lookup_channel(level, o, -1), 0, 0] -= sign * share / 3
    blur = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16
    for name in ("encoder.convc2", "encoder.conv"):
        weight = _reserve(values, block + name, 4)
        for channel in range(4):
            weight[channel, channel] += blur
    for pass_name, (row, col) in (("1", (0, 2)), ("2", (2, 0))):
        _reserve(values, f"{block}gru.convz{pass_name}", 2, bias=6.0)
        _reserve(values, f"{block}gru.convr{pass_name}", 2)
        weight = _reserve(values, f"{block}gru.convq{pass_name}", 2)
        for c in range(2):
            weight[c, 256 + 2 * c, row, col] += ALPHA
            weight[c, 256 + 2 * c + 1, row, col] -= ALPHA
            weight[c, 256 + 126 + c, row, col] -= BETA  # restoring force on the current flow: a contraction
    weight = _reserve(values, block + "flow_head.conv1", 4)
    for c in range(2):
        weight[2 * c, c, 1, 1] += 1.0
        weight[2 * c + 1, c, 1, 1] -= 1.0
    weight = values[block + "flow_head.conv2.weight"]
    for c in range(2):
        weight[c, 2 * c, 1, 1] += STEP
        weight[c, 2 * c + 1, 1, 1] -= STEP


def _reserve(values: dict[str, NDArray[Any]], layer: str, channels: int, *, bias: float = 0.0) -> NDArray[Any]:
    """Quiet a layer's first output channels for the hand-made path; returns the layer's weight."""
    weight = values[f"{layer}.weight"]
    weight[:channels] *= EPS
    values[f"{layer}.bias"][:channels] = bias
    return weight


def _lookup_channel(level: int, ox: int, oy: int) -> int:
    """Channel of RAFT's correlation lookup: the x offset is the slow axis (spec, section 2)."""
    return level * 81 + (ox + 4) * 9 + (oy + 4)
