"""The power fails after any call, and what was not synced is lost: results and cache entries are whole or not there."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

import pytest
from bench import Bench
from disk import Disk, Tree, lay_out, read_log
from scenarios import KEYS, is_entry
from test_output_faults import OUTPUTS, arguments_for, write_shot

from propainter_backend.render.shot_cache import ShotCache


def results_in(tree: Tree) -> Tree:
    """Files under the names a user sees."""
    return {
        path: content
        for path, content in tree.items()
        if content is not None and not PurePosixPath(path).name.startswith(".") and not path.startswith("tmp/")
    }


def require_whole_results(disk: Disk, log: Path) -> int:
    """After every call: earlier results or finished ones, at the end the finished ones. Returns how many cuts there were."""
    earlier, cuts = results_in(disk.whole()), 0
    finished = results_in(_after(disk, log).whole())
    for number, call in enumerate(read_log(log), start=1):
        disk.apply(call)
        for word, tree in disk.left():
            left = results_in(tree)
            about = f"after call {number}, {call.what} {call.first[:200]!r}: {word}"
            assert earlier.keys() <= left.keys(), about
            for path, content in left.items():
                assert content in (earlier.get(path), finished.get(path)), f"{path}, {about}"
            cuts += 1
    for word, tree in disk.left():
        assert results_in(tree) == finished, f"the command had ended well: {word}"
    return cuts


def _after(disk: Disk, log: Path) -> Disk:
    """Another disk, on which all calls have been carried out."""
    other = Disk(disk.folder)
    for call in read_log(log):
        other.apply(call)
    return other


@pytest.mark.parametrize("output", ["png", "exr", "mp4", "webm"])
def test_results_are_whole_or_as_they_were(bench: Bench, plates: Path, tmp_path: Path, output: str) -> None:
    plate, name = OUTPUTS[output]
    before, now = tmp_path / "before", tmp_path / "now"
    (before / "out").mkdir(parents=True)
    shutil.copy(plates / plate / f"p.0001.{plate}", before / "out")
    for place in ("out", "new/folder"):
        shutil.rmtree(now, ignore_errors=True)
        shutil.copytree(before, now)
        disk = Disk(now)
        given = {"plate": str(plates / plate), "output": str(now / place / name), "first": 1, "last": 2}
        assert bench.run("write", given, now, log=tmp_path / "log").code == 0
        print(f"{require_whole_results(disk, tmp_path / 'log')} power cuts")


def test_all_that_the_command_writes_is_whole_or_as_it_was(bench: Bench, tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "tmp").mkdir(parents=True)
    write_shot(tmp_path / "shot")
    disk = Disk(work)
    given = {"arguments": arguments_for(tmp_path / "shot", work / "out"), "temporary": str(work / "tmp")}
    assert bench.run("remove", given, work, log=tmp_path / "log").code == 0
    print(f"{require_whole_results(disk, tmp_path / 'log')} power cuts")


@pytest.mark.parametrize("budget", [None, 60_000])
def test_entries_of_a_cache_are_whole_or_not_there(bench: Bench, tmp_path: Path, budget: int | None) -> None:
    work, found = tmp_path / "work", tmp_path / "found"
    work.mkdir()
    disk, cuts = Disk(work), 0
    given = {"root": str(work / "cache"), "budget": budget, "memory": 0}
    assert bench.run("store", given, work, log=tmp_path / "log").code == 0
    for number, call in enumerate(read_log(tmp_path / "log"), start=1):
        disk.apply(call)
        for word, tree in disk.left():
            shutil.rmtree(found, ignore_errors=True)
            found.mkdir()
            lay_out(tree, found)
            cache = ShotCache(found / "cache", memory_budget=0)
            for index, key in enumerate(KEYS):
                arrays = cache.load(key)
                assert arrays is None or is_entry(arrays, index), f"after call {number}: {word}"
                assert (cache.digest(key) is None) == (arrays is None), f"after call {number}: {word}"
            cuts += 1
    print(f"{cuts} power cuts")
