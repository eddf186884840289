"""A user without a home to write to still has a cache, or is told which option names one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from propainter_backend.daemon import cache_folder as rooms
from propainter_backend.daemon.cache_folder import cache_folder
from propainter_backend.errors import BadInput


def test_the_folder_named_is_made(tmp_path: Path) -> None:
    assert cache_folder(tmp_path / "a" / "b") == ((tmp_path / "a" / "b").resolve(), None)
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_cannot_be_made_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"the cache folder .*file/below cannot be used .*--cache-dir"):
        cache_folder(tmp_path / "file" / "below")


@pytest.mark.skipif(os.name == "nt", reason="no /tmp there")
@pytest.mark.parametrize("home", ["none", "refused"])
def test_without_a_home_it_lies_in_a_private_folder(home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(rooms, "usual_folder", lambda: None if home == "none" else tmp_path / "file" / "cache")
    folder, remark = cache_folder(None)
    assert folder == Path(f"/tmp/propainter-{os.getuid()}/cache")
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert remark is not None and str(folder) in remark and "--cache-dir" in remark


def test_nobody_saying_where_home_is_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> str:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(rooms.platformdirs, "user_cache_dir", unknown)
    assert rooms.usual_folder() is None


def test_weights_are_not_there_where_home_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    from propainter import weights

    def unknown(*_: object, **__: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("PROPAINTER_WEIGHTS", raising=False)
    monkeypatch.setattr(weights.platformdirs, "user_data_path", unknown)
    assert weights.find_weights() is None
    with pytest.raises(weights.WeightsError, match=r"HOME is not set.*PROPAINTER_WEIGHTS"):
        weights.default_folder()
