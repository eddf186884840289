"""What the tests of a GPU share: the device, and the learned engine with stand-in weights on it.

``run.py`` beside this runs them, on a card or with the processor standing in for one (``PROPAINTER_TEST_DEVICE=cpu``): then
nothing but CUDA itself is left unproven. Everyday runs leave them out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import golden
from propainter.learned import ProPainterEngine
from propainter.types import Precision
from propainter_backend.render.engines import compute_exactly

HERE = Path(__file__).parent
NAME = os.environ.get("PROPAINTER_TEST_DEVICE", "cuda")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    there = NAME == "cpu" or torch.cuda.is_available()
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.gpu)
            if not there:
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(scope="session")
def device() -> Iterator[torch.device]:
    """Where everything is computed; CUDA as a render sets it up."""
    if NAME == "cuda":
        compute_exactly()
    yield torch.device("cuda:0" if NAME == "cuda" else NAME)


@pytest.fixture(scope="session")
def engines(device: torch.device) -> dict[Precision, ProPainterEngine]:
    """One engine a precision, all with the same weights. A processor is told to compute in half precision, too."""
    nets = golden.standin_nets()
    made = {}
    for precision in Precision:
        made[precision] = ProPainterEngine(*nets, weights_id="stand-in", device=device, precision=precision)
        made[precision].precision = precision
    return made


@pytest.fixture(scope="session")
def engine(engines: dict[Precision, ProPainterEngine]) -> ProPainterEngine:
    """In full precision."""
    return engines[Precision.FP32]
