"""One folder of artifacts under several processes at once: nobody ever reads anything but what was meant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from propainter_pictures.whole_files import partial_name

WORKER = """
import random, sys
import numpy as np
from propainter_backend.render.shot_cache import ShotCache

root, seed, budget, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
chance = random.Random(seed)
cache = ShotCache(__import__("pathlib").Path(root), memory_budget=0, disk_budget=budget)
hits = 0
for _ in range(rounds):
    number = chance.randrange(24)
    meant = {"x": np.random.default_rng(number).standard_normal(1000 + 100 * number).astype(np.float32)}
    found = cache.load(f"{number:064x}")
    if found is None:
        cache.save(f"{number:064x}", meant)
    else:
        hits += 1
        assert np.array_equal(found["x"], meant["x"]), number
print(hits)
"""
ENTRY = 9 << 10


def test_processes_that_read_write_and_evict_in_one_folder_do_each_other_no_harm(tmp_path: Path):
    budget, rounds = 12 * ENTRY, 600
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), str(seed), str(budget), str(rounds)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for seed in range(3)
    ]  # fmt: skip
    told = [worker.communicate(timeout=120) for worker in workers]
    assert all(worker.returncode == 0 for worker in workers), told
    warnings = "".join(error for _, error in told)
    assert "does not verify" not in warnings, "nobody saw a file half written"
    assert "going on without it" not in warnings
    assert all(0 < int(hits) < rounds for hits, _ in told), "each found entries, and none found all: some were evicted"
    assert not list(tmp_path.rglob("*.tmp"))
    used = sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors"))
    assert used <= budget + 3 * budget // 16 + 3 * 2 * ENTRY


def test_machines_with_equal_process_numbers_write_under_different_names(tmp_path: Path, monkeypatch):
    names = set()
    for machine in ("one", "other"):
        monkeypatch.setattr("platform.node", lambda machine=machine: machine)
        names.add(partial_name(tmp_path / "plate.1001.exr"))
    assert len(names) == 2
