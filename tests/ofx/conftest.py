"""For tests that need a plugin: the probe, compiled once a session, and small plates to show it.

The probe (``probe/probe.cpp``) is written for the host's own tests; the node is built by ``make plugin``.
"""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from node_fixtures import daemon, node_build, node_bundle, runtime, started_daemons  # noqa: F401 - fixtures of the node's tests
from sample_shot import backend, sample  # noqa: F401

_PROBE = Path(__file__).parent / "probe" / "probe.cpp"
_FLAGS = ["-std=c++17", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-gnu-unique", "-pthread"]


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The probe's bundle."""
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("no C++ compiler to build the probe plugin with")
    bundle = tmp_path_factory.mktemp("plugins") / "Probe.ofx.bundle"
    binary = bundle / "Contents" / "Linux-x86-64" / "Probe.ofx"
    binary.parent.mkdir(parents=True)
    subprocess.run([compiler, *_FLAGS, str(_PROBE), "-o", str(binary)], check=True)
    return bundle


@pytest.fixture(scope="session")
def plate() -> np.ndarray:
    """Nine frames of noise, (t, h, w, c), RGBA float."""
    return np.random.default_rng(7).random((9, 12, 16, 4), dtype=np.float32)


@pytest.fixture(scope="session")
def matte() -> np.ndarray:
    """A box on each of the nine frames, (t, h, w), soft at one side."""
    boxes = np.zeros((9, 12, 16), np.float32)
    boxes[:, 3:8, 4:12] = 1
    boxes[:, 3:8, 4] = 0.5
    return boxes
