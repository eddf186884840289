"""Choosing an engine: the learned one where its weights are installed, the embedded one otherwise; and a device for it.

Here: what ``auto`` means, in words a user can be shown; what is refused rather than done on the CPU unasked. Not
here: reading weights (``propainter/weights.py``), the engines.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from propainter.classical import ClassicalEngine
from propainter.engine import Engine
from propainter.spread import ONE_BY_ONE, Spread
from propainter.types import Precision
from propainter.weights import find_weights, load_engine
from propainter_backend.errors import BadInput
from propainter_backend.render.cores import Cores

_NO_SUCH_DEVICE = "there is no device {!r}; choose auto, cuda, cuda:N, or --device cpu"
ENGINES = ("auto", "classical", "propainter")


@dataclass(frozen=True)
class EngineChoice:
    """An engine, and the sentence that says which and why."""

    engine: Engine
    reason: str


def choose_engine(
    name: str,
    *,
    weights: Path | None = None,
    device: str = "auto",
    precision: Precision = Precision.FP32,
    cores: Cores | None = None,
) -> EngineChoice:
    """Make the engine a user asked for. cores: what it shares its work on the processor among; None: it uses one.

    name: ``auto``, ``classical`` or ``propainter``. weights: folder of the weight set, or None to look where they are
    installed. device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``; the classical engine always works on the CPU.
    Raises BadInput when weights or device are asked for and missing; propainter.weights.WeightsError when unusable.
    """
    if name not in ENGINES:
        raise BadInput(f"there is no engine {name!r}; choose one of {', '.join(ENGINES)}")
    spread: Spread = cores or ONE_BY_ONE
    if name == "classical":
        return EngineChoice(ClassicalEngine(spread=spread), "engine classical, on the CPU")
    found = find_weights(weights)
    if found is None:
        if name == "propainter":
            raise BadInput(
                "the ProPainter weights are not installed. Run 'propainter-weights fetch', or use --engine classical"
            )
        return EngineChoice(
            ClassicalEngine(spread=spread),
            "engine classical, on the CPU; for ProPainter, install its weights: propainter-weights fetch",
        )
    chosen = choose_device(device)
    if chosen.type == "cuda":
        compute_exactly()
    else:
        precision = Precision.FP32
    engine = load_engine(found, device=chosen, precision=precision, spread=spread)
    return EngineChoice(engine, f"engine propainter, weights {found.id}, on {chosen} in {precision.value}")


def compute_exactly() -> None:
    """Make CUDA's libraries round alike whenever they are asked the same, and as fp32 where fp32 is asked for."""
    # RAFT and every fp32 fallback are to be fp32 in truth: TF32 keeps 10 bits of mantissa
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    # An edit equals a render from scratch to the bit: no algorithm may add up in any order that comes (cuDNN's transposed
    # convolutions do, the transformer is made of them), none may be chosen by how fast it was the first time.
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


def check_asked(engine: str, *, weights: Path | None, device: str, precision: Precision) -> None:
    """Raise BadInput where a user asked for CUDA, or half precision, and would get the CPU, in fp32.

    For commands, whose options are wishes: a worker is given its device, whatever engine a shot asks for.
    """
    chosen = choose_device(device)
    is_classical = engine == "classical" or (engine == "auto" and find_weights(weights) is None)
    if is_classical and chosen.type == "cuda" and device != "auto":
        raise BadInput(
            f"the classical engine works on the CPU, so --device {device} has no effect; use --device cpu, or install the "
            "ProPainter weights (propainter-weights fetch)"
        )
    if precision is not Precision.FP32 and (is_classical or chosen.type != "cuda"):
        raise BadInput(
            f"--precision {precision.value} needs the ProPainter engine and an NVIDIA GPU; use --device cpu with "
            "--precision fp32, or a machine that has both"
        )


def choose_device(name: str) -> torch.device:
    """The torch device for ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises BadInput when a device is named that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadInput(_NO_SUCH_DEVICE.format(name)) from error
    if device.type not in ("cpu", "cuda"):
        raise BadInput(_NO_SUCH_DEVICE.format(name))
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise BadInput(f"device {name} was not found (CUDA devices: {count}); use --device cpu")
    return device
