"""The daemon with ``--gpu 0`` from end to end: render, edit, cancel, a killed worker, no memory left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import golden
from integration.daemon_harness import Daemon, Rendered, TinyShot, assert_same, collect, daemon, wait_until
from propainter_wire.errors import RemoteError
from propainter_wire.messages import Progress

SETTINGS = {"neighbor_length": 4, "ref_stride": 4, "flow_iterations": 2, "engine": "propainter"}
LONGEST_CHUNK = 18


@pytest.fixture(scope="module")
def options(device: torch.device, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    weights = golden.standin_folder(tmp_path_factory.mktemp("weights"))
    return [*(["--gpu", "0"] if device.type == "cuda" else []), "--weights", str(weights)]


@pytest.fixture(scope="module")
def running(options: list[str]) -> Iterator[Daemon]:
    with daemon(*options) as started:
        yield started


def render(running: Daemon, shot: TinyShot, **settings: object) -> Rendered:
    with running.client() as client:
        opened = shot.open(client, **{**SETTINGS, **settings})
        return shot.render(client, opened)


def test_it_works_on_the_device_it_was_given(running: Daemon, device: torch.device) -> None:
    shot = TinyShot(6)
    shot.assert_removed(render(running, shot))
    with running.client() as client:
        status = client.status()
    assert str(device) in status.device
    if device.type == "cuda":
        assert 0 < status.memory["device_used_bytes"] <= status.memory["device_total_bytes"]


def test_an_edit_redoes_what_it_can_change_and_is_a_render_from_scratch(running: Daemon) -> None:
    shot, same = TinyShot(12, seed=1), TinyShot(12, seed=1)
    with running.client() as client:
        opened = shot.open(client, **SETTINGS)
        shot.render(client, opened)
        shot.edit(1005, left=22)
        after = shot.render(client, opened)
        assert after.computed("flow") == 0
        client.clear_cache()
    same.edit(1005, left=22)
    assert_same(after, render(running, same))


def test_a_cancelled_job_ends_and_the_next_is_right(running: Daemon) -> None:
    shot = TinyShot(24, seed=2)
    with running.client() as client:
        opened = shot.open(client, **SETTINGS)
        client.prepare(opened, shot.frames, shot)
        events = client.render(opened, shot.frames, priority="final")
        next(event for event in events if isinstance(event, Progress) and event.stage not in ("queued", "loading"))
        events.close()
        wait_until(lambda: not client.status().jobs, lambda: "the job goes on")
        shot.assert_removed(shot.render(client, opened, shot.frames[:3]))


def test_a_killed_worker_costs_nothing_but_time(running: Daemon) -> None:
    shot = TinyShot(8, seed=3)
    with running.client() as client:
        opened = shot.open(client, **SETTINGS)
        client.prepare(opened, shot.frames, shot)
        events = client.render(opened, shot.frames, priority="final")
        next(event for event in events if isinstance(event, Progress) and event.stage not in ("queued", "loading"))
        killed = running.worker()
        killed.kill()
        interrupted = collect(events)
        assert running.worker().pid != killed.pid
        client.clear_cache()
    assert_same(interrupted, render(running, TinyShot(8, seed=3)))


def test_where_memory_runs_out_it_goes_on_in_shorter_chunks_and_says_so(options: list[str]) -> None:
    narrow = Path(__file__).parent / "narrow"
    path = os.pathsep.join([str(narrow), *filter(None, [os.environ.get("PYTHONPATH")])])
    shot = TinyShot(24, seed=4)
    with daemon(*options, environ={"PYTHONPATH": path, "PROPAINTER_TEST_LONGEST_CHUNK": str(LONGEST_CHUNK)}) as started:
        rendered = render(started, shot)
    shot.assert_removed(rendered)
    assert any("memory ran out: going on with chunks of 12 frames" in note for note in rendered.report["notes"])
    with daemon(*options, environ={"PYTHONPATH": path, "PROPAINTER_TEST_LONGEST_CHUNK": "1"}) as started:
        with pytest.raises(RemoteError, match=r"cannot hold the .* frames of 48x32") as refused:
            render(started, TinyShot(16, seed=5))
        assert refused.value.code == "out_of_memory"
        assert np.array_equal(shot.plate(1001), TinyShot(24, seed=4).plate(1001))
