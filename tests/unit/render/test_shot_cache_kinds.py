"""What is cleared, what an unreadable disk costs, what a full one costs, and where links lead: nowhere."""

import errno
import os

import numpy as np
import pytest

import propainter_backend.render.shot_cache as shot_cache
from propainter_backend.render.shot_cache import ShotCache

KEYS = [f"{i:064x}" for i in range(8)]


def array(value: int) -> np.ndarray:
    return np.full(1000, value, np.float32)


def holds(cache: ShotCache, key: str) -> bool:
    return cache.load(key) is not None


@pytest.mark.parametrize("memory", [0, 1 << 20])
def test_clearing_a_kind_takes_that_kind_alone_and_says_how_much(tmp_path, memory):
    cache = ShotCache(tmp_path, memory_budget=memory)
    cache.save(KEYS[0], {"x": array(0)}, kind="flow")
    cache.save(KEYS[1], {"x": array(1)}, kind="painting")
    cache.save(KEYS[2], {"x": array(2)})
    size = (tmp_path / "00" / f"{KEYS[1]}.safetensors").stat().st_size
    assert cache.clear(("painting", "composite")) == size
    assert [holds(cache, key) for key in KEYS[:3]] == [True, False, True]
    assert cache.clear(("painting",)) == 0
    assert cache.clear() > 0
    assert not any(holds(cache, key) for key in KEYS[:3])


def test_a_kind_is_known_to_every_process(tmp_path):
    ShotCache(tmp_path, memory_budget=0).save(KEYS[0], {"x": array(0)}, kind="flow")
    other = ShotCache(tmp_path, memory_budget=0)
    assert other.clear(("painting",)) == 0
    assert holds(other, KEYS[0])
    assert other.clear(("flow",)) > 0


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.EMFILE, errno.EACCES, errno.ENOMEM])
def test_an_entry_that_cannot_be_read_is_not_deleted(tmp_path, monkeypatch, code):
    cache = ShotCache(tmp_path, memory_budget=0)
    cache.save(KEYS[0], {"x": array(0)})

    def fails(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as broken:
        broken.setattr(shot_cache, "_open", fails)
        assert cache.load(KEYS[0]) is None
    assert holds(cache, KEYS[0])


def test_cleaning_never_follows_a_link_out_of_the_cache(tmp_path):
    outside = tmp_path / "outside"
    foreign = ShotCache(outside, memory_budget=0)
    foreign.save(KEYS[0], {"x": array(0)}, kind="flow")
    (outside / "00" / f".{KEYS[1]}.elsewhere.999999.tmp").write_bytes(b"another's")
    os.utime(outside / "00" / f".{KEYS[1]}.elsewhere.999999.tmp", (0, 0))
    root = tmp_path / "root"
    root.mkdir()
    (root / "00").symlink_to(outside / "00")
    cache = ShotCache(root, memory_budget=0, disk_budget=1)
    cache.save(f"01{KEYS[0][2:]}", {"x": array(1)})
    cache.clear(("flow",))
    cache.clear()
    assert sorted(path.name for path in (outside / "00").iterdir()) == [
        f".{KEYS[1]}.elsewhere.999999.tmp",
        f"{KEYS[0]}.safetensors",
    ]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_what_only_a_client_could_give_again_outlasts_a_disk_that_takes_nothing(tmp_path, monkeypatch, code):
    free = 1 << 20
    cache = ShotCache(tmp_path, memory_budget=4000, spare=lambda: free)
    with monkeypatch.context() as full:
        full.setattr(os, "open", _refusing_to_write(os.open, code))
        for i, key in enumerate(KEYS):
            cache.save(key, {"x": array(i)})
        assert all(holds(cache, key) for key in KEYS)
        assert os.strerror(code) in cache.problem
    assert cache.use().memory_entries == len(KEYS)
    free = 8000
    cache.save(f"ff{KEYS[0][2:]}", {"x": array(9)})
    assert cache.use().memory_bytes <= 4000 + free  # beyond that the oldest go, as they must


def _refusing_to_write(really, code):
    def opened(path, flags, *more, **how):
        if flags & os.O_WRONLY:
            raise OSError(code, os.strerror(code))
        return really(path, flags, *more, **how)

    return opened
