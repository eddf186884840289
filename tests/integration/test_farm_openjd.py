"""The Open Job Description bundle, run by the ``openjd`` command as a worker would run it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
import yaml
from daemon_harness import assert_gone, wait_until
from farm_shots import FIRST, FarmShot, computed, python, quiet_environ

TEMPLATE = Path(__file__).parents[2] / "installer" / "openjd" / "template.yaml"
OPENJD = shutil.which("openjd", path=str(Path(sys.executable).parent))
COUNT = 9


@pytest.fixture
def shot(tmp_path: Path) -> FarmShot:
    return FarmShot(tmp_path / "a shot", COUNT).write()


def openjd(*arguments: str) -> str:
    assert OPENJD is not None, "openjd-cli is missing from this environment; run: make setup"
    done = subprocess.run([OPENJD, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_command(shot: FarmShot, **parameters: object) -> list[str]:
    """``openjd run`` of the whole job."""
    folder = shot.folder
    given = {
        "Plate": folder / "plate", "Matte": folder / "matte", "Output": folder / "farm", "CacheDir": shot.cache,
        "FirstFrame": FIRST, "LastFrame": shot.last, "Options": f"--chunk-length={shot.chunk_length}\n--grow=4",
        "MergeOptions": f"--report={folder / 'report.json'}\n--contact-sheet={folder / 'sheet.png'}", **parameters,
    }  # fmt: skip
    path = folder / "parameters.json"
    path.write_text(json.dumps(given, default=str))
    assert OPENJD is not None
    return [OPENJD, "run", str(TEMPLATE), "-p", f"file://{path}"]


@contextlib.contextmanager
def session(shot: FarmShot, **parameters: object) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A worker at this job, and the file with everything it says; nothing of it is left afterwards."""
    log = shot.folder / "session.log"
    bin_first = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with log.open("w") as file:
        worker = subprocess.Popen(
            run_command(shot, **parameters),
            env=quiet_environ(shot.folder, PATH=bin_first, TMPDIR=str(shot.folder)),
            stdout=file,
            stderr=file,
            text=True,
        )
        try:
            yield worker, log
        finally:
            kill_session(worker, log)


def daemon_of(log: Path) -> psutil.Process | None:
    """The session's daemon, if it is alive."""
    place = re.search(r"openjd_env: PROPAINTER_RUNTIME_DIR=(\S+)", log.read_text())
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        if place is not None:
            return psutil.Process(json.loads((Path(place[1]) / "daemon.json").read_text())["pid"])
    return None


def kill_session(worker: subprocess.Popen[str], log: Path) -> None:
    """What the loss of a machine does to it: everything dies, nothing is told."""
    doomed: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        doomed += psutil.Process(worker.pid).children(recursive=True)
    if (daemon := daemon_of(log)) is not None:
        doomed += [daemon, *daemon.children(recursive=True)]
    worker.kill()
    for process in doomed:
        with contextlib.suppress(psutil.Error):
            process.kill()
    worker.wait()
    assert_gone(doomed)
    for place in re.findall(r"openjd_env: PROPAINTER_RUNTIME_DIR=(\S+)", log.read_text()):
        shutil.rmtree(place, ignore_errors=True)


def single_process(shot: FarmShot) -> dict:
    report = f"--report={shot.folder / 'single.json'}"
    subprocess.run(
        python(*shot.options("single"), "--quiet", report), env=quiet_environ(shot.folder), check=True, timeout=120
    )
    return shot.report("single.json")


def test_the_bundle_validates_and_has_the_stages_as_steps():
    assert "passes validation checks" in openjd("check", str(TEMPLATE))
    steps = yaml.safe_load(TEMPLATE.read_text())["steps"]
    assert [step["name"] for step in steps] == ["Flow", "Completion", "Propagation", "Painting", "Merge"]
    for before, step in pairwise(steps):
        assert step["dependencies"] == [{"dependsOn": before["name"]}]
    for step in steps[:-1]:
        amounts = {amount["name"]: amount["min"] for amount in step["hostRequirements"]["amounts"]}
        assert amounts == {"amount.worker.gpu": "{{Param.GPUs}}", "amount.worker.gpu.memory": "{{Param.GPUMemoryMiB}}"}
    assert "hostRequirements" not in steps[-1]


def test_the_merge_is_given_the_very_options_of_the_other_steps():
    steps = yaml.safe_load(TEMPLATE.read_text())["steps"]
    options = [step["script"]["embeddedFiles"][0] for step in steps]
    assert all(each == options[0] for each in options)


@pytest.mark.slow
def test_a_worker_carries_out_the_job_through_one_daemon_and_leaves_none(shot):
    with session(shot) as (worker, log):
        assert worker.wait(300) == 0, log.read_text()
        said = log.read_text()
        assert daemon_of(log) is None and "propainter_backend.daemon.daemon: stopped" in said
    assert said.count("propainter_backend.daemon.daemon: listening on") == 1
    assert "openjd_progress: 100" in said
    single = single_process(shot)
    assert shot.frames() == shot.frames("single") and len(shot.frames()) == COUNT
    assert computed(shot.report()) == computed(single)
    assert (shot.folder / "sheet.png").exists()
    runtime = re.findall(r"openjd_env: PROPAINTER_RUNTIME_DIR=(\S+)", said)
    assert len(runtime) == 1 and not Path(runtime[0]).exists()


def test_a_daemon_that_cannot_start_fails_the_session_in_one_sentence(shot):
    (shot.folder / "cache").write_text("in the way")
    with session(shot) as (worker, log):
        assert worker.wait(120) != 0
        assert "openjd_fail: propainter-backend did not start" in log.read_text()


@pytest.mark.slow
def test_after_the_loss_of_a_worker_amid_a_task_another_finishes_without_repeating_finished_chunks(shot):
    single = single_process(shot)
    parts = {"FlowFrames": 3, "ChunkFrames": 4, "PaintFrames": 3}
    with session(shot, **parts) as (worker, log):
        wait_until(lambda: "Running step 'Propagation'" in log.read_text(), log.read_text)
        stored = len(shot.artifacts())
        wait_until(lambda: len(shot.artifacts()) > stored, log.read_text)
        kill_session(worker, log)
    before = task_reports(shot)
    with session(shot, **parts) as (worker, log):
        assert worker.wait(300) == 0, log.read_text()
    assert shot.frames() == shot.frames("single") and len(shot.frames()) == COUNT
    again = task_reports(shot)[len(before) :]
    for stage in ("flow", "completion"):
        assert [report["stage"] for report in before].count(stage) == 3
        repeated = [report for report in again if report["stage"] == stage]
        assert len(repeated) == 3
        assert all(set(computed(report).values()) <= {0} for report in repeated), f"no {stage} is computed again"
    painted = [report for report in again if report["stage"] == "painting"]
    assert sum(report["frames_written"] for report in painted) == COUNT
    assert sum(computed(report).get("propagation", 0) for report in again) <= computed(single)["propagation"]


def task_reports(shot: FarmShot) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(shot.cache.glob("farm/*/tasks/*.json"))]


@pytest.mark.slow
def test_an_interrupted_worker_stops_its_daemon_on_the_way_out(shot):
    with session(shot) as (worker, log):
        wait_until(lambda: "Running step 'Propagation'" in log.read_text(), log.read_text)
        daemon = daemon_of(log)
        assert daemon is not None
        worker.send_signal(signal.SIGINT)
        worker.wait(120)
        assert_gone([daemon])
        assert "propainter_backend.daemon.daemon: stopped" in log.read_text()
