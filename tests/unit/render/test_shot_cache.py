"""The store of artifacts: bounded, verified, and never a liar."""

import os
import platform

import numpy as np
import pytest
from safetensors.numpy import load_file

from propainter_backend.render.cache_entry import content_digest
from propainter_backend.render.shot_cache import ShotCache

KEYS = [f"{i:064x}" for i in range(1, 20)]


def array(seed: int, size: int = 1000) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(size).astype(np.float32)


def test_what_was_saved_comes_back_equal_and_read_only(tmp_path):
    cache = ShotCache(tmp_path, memory_budget=1 << 20)
    given = {"b": array(1), "a": np.arange(6, dtype=np.uint8).reshape(2, 3), "none": np.zeros((0, 3), np.float32)}
    digest = cache.save(KEYS[0], given)
    for reader in (cache, ShotCache(tmp_path, memory_budget=1 << 20)):
        assert reader.digest(KEYS[0]) == digest == content_digest(given)
        back = reader.load(KEYS[0])
        assert back is not None and set(back) == set(given)
        assert all(np.array_equal(back[name], given[name]) for name in given)
        with pytest.raises(ValueError, match="read-only"):
            back["b"][0] = 1


def test_later_changes_to_a_saved_array_do_not_reach_the_cache(tmp_path):
    cache = ShotCache(tmp_path, memory_budget=1 << 20)
    mine = array(1)
    cache.save(KEYS[0], {"x": mine})
    mine[:] = 0
    assert np.array_equal(cache.load(KEYS[0])["x"], array(1))


def test_equal_content_has_an_equal_digest_and_any_difference_another():
    base = {"x": array(1), "y": array(2)}
    assert content_digest(base) == content_digest({"y": array(2), "x": array(1)})
    changed = array(1)
    changed[500] = np.nextafter(changed[500], 9)
    others = [
        {"x": changed, "y": array(2)},
        {"z": array(1), "y": array(2)},
        {"x": array(1).reshape(10, 100), "y": array(2)},
        {"x": array(1).view(np.uint8), "y": array(2)},
    ]
    digests = {content_digest(other) for other in [base, *others]}
    assert len(digests) == 5


def test_memory_stays_within_its_budget_and_the_rest_is_on_disk(tmp_path):
    cache = ShotCache(tmp_path, memory_budget=10_000, write_through=False)
    for i, key in enumerate(KEYS):
        cache.save(key, {"x": array(i)})
        assert cache.use().memory_bytes <= 10_000
    assert all(np.array_equal(cache.load(key)["x"], array(i)) for i, key in enumerate(KEYS))


def test_without_a_disk_what_exceeds_memory_is_forgotten():
    cache = ShotCache(None, memory_budget=10_000)
    for i, key in enumerate(KEYS):
        cache.save(key, {"x": array(i)})
    assert cache.load(KEYS[0]) is None and cache.digest(KEYS[0]) is None
    assert cache.load(KEYS[-1]) is not None


def test_the_least_recently_used_leave_the_disk_first(tmp_path):
    cache = ShotCache(tmp_path, memory_budget=0, disk_budget=5 * 4200)
    for i, key in enumerate(KEYS[:4]):
        cache.save(key, {"x": array(i)})
    assert cache.load(KEYS[0]) is not None
    cache.save(KEYS[4], {"x": array(4)})
    cache.save(KEYS[5], {"x": array(5)})
    assert cache.load(KEYS[0]) is not None
    assert cache.load(KEYS[1]) is None
    assert cache.use().disk_bytes <= 5 * 4200


@pytest.mark.parametrize("damage", ["truncate", "zero", "flip", "header", "empty"])
def test_a_damaged_file_is_dropped_and_never_believed(tmp_path, damage, caplog):
    ShotCache(tmp_path, memory_budget=0).save(KEYS[0], {"x": array(1)})
    (path,) = tmp_path.glob("??/*.safetensors")
    content = bytearray(path.read_bytes())
    if damage == "truncate":
        content = content[:-100]
    elif damage == "zero":
        content[-2000:-1000] = bytes(1000)
    elif damage == "flip":
        content[-7] ^= 1
    elif damage == "header":
        content[0:8] = b"\xff" * 8
    else:
        content = bytearray()
    path.write_bytes(content)
    cache = ShotCache(tmp_path, memory_budget=0)
    assert cache.load(KEYS[0]) is None
    assert not path.exists()
    assert "recomputed" in caplog.text
    cache.save(KEYS[0], {"x": array(1)})
    assert cache.load(KEYS[0]) is not None


def test_a_valid_entry_under_another_key_is_refused(tmp_path, caplog):
    cache = ShotCache(tmp_path, memory_budget=0)
    for i in (0, 1):
        cache.save(KEYS[i], {"x": array(i)})
    one, other = (tmp_path / key[:2] / f"{key}.safetensors" for key in KEYS[:2])
    contents = one.read_bytes(), other.read_bytes()
    one.write_bytes(contents[1])
    other.write_bytes(contents[0])
    swapped = ShotCache(tmp_path, memory_budget=0)
    assert [swapped.digest(key) for key in KEYS[:2]] == [None, None]
    assert [swapped.load(key) for key in KEYS[:2]] == [None, None]
    assert "another key" in caplog.text and not one.exists()


def test_files_are_plain_safetensors_that_only_their_owner_reads(tmp_path):
    root = tmp_path / "cache"
    ShotCache(root, memory_budget=0).save(KEYS[0], {"x": array(1)})
    (path,) = root.glob("??/*.safetensors")
    assert np.array_equal(load_file(path)["x"], array(1))
    assert root.stat().st_mode & 0o077 == 0 and path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("key", ["../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", ""])
def test_a_key_cannot_be_a_path(tmp_path, key):
    with pytest.raises(ValueError, match="64 hexadecimal"):
        ShotCache(tmp_path, memory_budget=0).save(key, {"x": array(1)})


def test_what_a_killed_writer_left_is_swept(tmp_path):
    cache = ShotCache(tmp_path, memory_budget=0)
    cache.save(KEYS[0], {"x": array(1)})
    folder = next(tmp_path.glob("??"))
    here = platform.node().replace(".", "-")
    dead = folder / f".{KEYS[1]}.{here}.999999999.tmp"
    alive = folder / f".{KEYS[2]}.{here}.{os.getpid()}.tmp"
    elsewhere = folder / f".{KEYS[3]}.another-machine.999999999.tmp"
    for half in (dead, alive, elsewhere):
        half.write_bytes(b"half")
    ShotCache(tmp_path, memory_budget=0)
    assert not dead.exists() and alive.exists()
    assert elsewhere.exists(), "nobody here knows whether that process lives"


def test_a_disk_that_cannot_be_written_leaves_the_memory_working(tmp_path, caplog):
    root = tmp_path / "cache"
    cache = ShotCache(root, memory_budget=1 << 20)
    root.rmdir()
    root.write_text("not a folder any more")
    cache.save(KEYS[0], {"x": array(1)})
    assert np.array_equal(cache.load(KEYS[0])["x"], array(1))
    assert "going on without it" in caplog.text
