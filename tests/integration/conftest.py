"""What tests of the release and of its installer share: a release that is made once a run and only read, a machine each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from installation import Workstation, build_release, workstation


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scratch = tmp_path_factory.mktemp("release")
    return build_release(scratch / "dist", scratch)


@pytest.fixture
def station() -> Iterator[Workstation]:
    with workstation() as here:
        yield here
