"""Backends to talk to: over ipc and over loopback tcp."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from recording_backend import RecordingBackend

TRANSPORTS = ["tcp"] if sys.platform == "win32" else ["ipc", "tcp"]


@pytest.fixture
def place() -> Iterator[Path]:
    """A private directory with a path short enough for a socket."""
    directory = Path(tempfile.mkdtemp(prefix="ppw"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(params=TRANSPORTS)
def endpoint(request: pytest.FixtureRequest, place: Path) -> str:
    return f"ipc://{place}/s" if request.param == "ipc" else "tcp://127.0.0.1:*"


@pytest.fixture
def backend(endpoint: str) -> Iterator[RecordingBackend]:
    with RecordingBackend(endpoint) as running:
        yield running
