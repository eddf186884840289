"""The Slurm submission, on a real cluster of two nodes, one of which is lost amid a task."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import slurm_cluster
from daemon_harness import home
from farm_shots import FIRST, FarmShot, computed, python, quiet_environ

SUBMIT = Path(__file__).parents[2] / "installer" / "slurm" / "submit.sh"
NEEDS_SLURM = pytest.mark.skipif(
    bool(slurm_cluster.missing()),
    reason=f"Slurm is not installed ({', '.join(slurm_cluster.missing())}); on Debian: apt-get install slurm-wlm",
)
PATIENCE_S = 300.0


@pytest.fixture
def shot(tmp_path: Path) -> FarmShot:
    return FarmShot(tmp_path, 24, size=(320, 184)).write()


@pytest.fixture
def nodes(shot: FarmShot) -> Iterator[slurm_cluster.Cluster]:
    bin_first = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with (
        home() as folder,
        slurm_cluster.cluster(folder, quiet_environ(shot.folder, PATH=bin_first)) as running,
    ):
        yield running


@pytest.mark.slow
@NEEDS_SLURM
def test_a_job_whose_node_is_lost_amid_a_task_completes_by_requeue_without_repeating_finished_chunks(shot, nodes):
    single_report = shot.folder / "single.json"
    single = python(*shot.options("single"), "--quiet", f"--report={single_report}")
    subprocess.run(single, env=nodes.environ, check=True, timeout=300)

    nodes.environ.update(FLOW_FRAMES="12", CHUNK_FRAMES="12", PAINT_FRAMES="7")
    log = f"--output={shot.folder}/%x-%a.log"
    merge = nodes.run(
        str(SUBMIT), str(FIRST), str(shot.last), log, "--", *shot.options(), f"--cache-dir={shot.cache}",
        "--", f"--report={shot.folder / 'report.json'}",
    ).strip()  # fmt: skip
    assert merge.isdigit()

    lost = wait_for_task(nodes, shot)
    nodes.lose(lost["NodeList"])
    wait_until_requeued(nodes, lost)
    assert task_of(nodes, lost)["Restarts"] == "1"
    wait(nodes, lambda: (shot.folder / "report.json").exists())

    assert shot.frames() == shot.frames("single") and len(shot.frames()) == 24
    total, alone = shot.report(), json.loads(single_report.read_text())
    for stage in ("flow", "completion"):
        assert computed(total)[stage] == computed(alone)[stage], f"no {stage} is computed twice"
    (rerun,) = [
        report
        for path in shot.cache.glob("farm/*/tasks/*.json")
        if (report := json.loads(path.read_text()))["stage"] == "propagation"
        and report["frames"]["first"] == FIRST + 12 * int(lost["ArrayTaskId"])
    ]
    cost = rerun["stages"]["propagation"]
    assert cost["computed"] < 3 and cost["reused"] >= 1, "3 chunks, at least one of which the lost node had finished"
    assert computed(rerun)["flow"] == computed(rerun)["completion"] == 0
    assert nodes.node_states()[lost["NodeList"]].startswith("DOWN")


def wait_for_task(nodes: slurm_cluster.Cluster, shot: FarmShot) -> dict[str, str]:
    """The first propagation task that has finished a chunk and has others before it."""
    found: list[dict[str, str]] = []

    def look() -> bool:
        for log in shot.folder.glob("propainter-propagation-*.log"):
            if "openjd_progress" in log.read_text():
                number = log.stem.rpartition("-")[2]
                found.extend(
                    task
                    for task in nodes.tasks("propainter-propagation")
                    if task.get("ArrayTaskId") == number and task["JobState"] == "RUNNING"
                )
        return bool(found)

    wait(nodes, look)
    return found[0]


def wait_until_requeued(nodes: slurm_cluster.Cluster, lost: dict[str, str]) -> None:
    """Slurm notices by itself; it then holds the task back for two minutes, which the test cuts short."""
    wait(
        nodes,
        lambda: task_of(nodes, lost)["JobState"] in ("PENDING", "RUNNING") and task_of(nodes, lost)["Restarts"] == "1",
    )
    if task_of(nodes, lost)["JobState"] == "PENDING":
        nodes.run("scontrol", "update", f"JobId={lost['JobId']}", "StartTime=now")


def task_of(nodes: slurm_cluster.Cluster, lost: dict[str, str]) -> dict[str, str]:
    (task,) = [task for task in nodes.tasks("propainter-propagation") if task["JobId"] == lost["JobId"]]
    return task


def wait(nodes: slurm_cluster.Cluster, holds) -> None:
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until, nodes.said()
        time.sleep(0.05)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["1001"],
        ["1010", "1001", "--", "--plate=a"],
        ["1001", "1010", "--partition=x"],
        ["a", "b", "--", "--plate=a"],
        ["1", "2", "--"],
    ],
)
def test_what_cannot_be_submitted_is_answered_with_the_usage(arguments):
    done = subprocess.run([str(SUBMIT), *arguments], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "submit.sh FIRST LAST" in done.stderr and "#" not in done.stderr


def test_without_slurm_every_array_and_its_dependency_can_be_seen(tmp_path):
    """A stand-in sbatch that notes how it is called and answers as the real one does."""
    (tmp_path / "sbatch").write_text(
        '#!/bin/bash\nprintf "%s|" "$@" >> "$NOTES"\necho >> "$NOTES"\necho "$(wc -l < "$NOTES");farm"\n'
    )
    (tmp_path / "sbatch").chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "NOTES": str(tmp_path / "notes")}
    command = [
        str(SUBMIT),
        "1001",
        "1100",
        "--gres=gpu:1",
        "--",
        "--plate=/a b/p",
        "--cache-dir=/c",
        "--",
        "--report=r.json",
    ]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "5\n"
    calls = [line.split("|")[:-1] for line in (tmp_path / "notes").read_text().splitlines()]
    assert [next(a for a in call if a.startswith("--array")) for call in calls] == [
        "--array=0-2", "--array=0-1", "--array=0-1", "--array=0-2", "--array=0-0",
    ]  # fmt: skip
    depends = [[a for a in call if a.startswith("--dependency")] for call in calls]
    assert depends == [[], *([f"--dependency=afterok:{number}"] for number in range(1, 5))]
    assert all("--requeue" in call and "--gres=gpu:1" in call for call in calls)
    tails = [call[call.index("--plate=/a b/p") - 4 :] for call in calls]
    assert tails[0] == ["flow", "1001", "1100", "40", "--plate=/a b/p", "--cache-dir=/c"]
    assert tails[4] == ["merge", "1001", "1100", "100", "--plate=/a b/p", "--cache-dir=/c", "--report=r.json"]


@pytest.mark.parametrize(("number", "frames"), [(0, "1001-1040"), (2, "1081-1100")])
def test_an_array_s_number_stands_for_its_frames(tmp_path, number, frames):
    (tmp_path / "propainter-remove").write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
    (tmp_path / "propainter-remove").chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": str(number)}
    command = [str(SUBMIT.with_name("task.sh")), "painting", "1001", "1100", "40", "--plate=/a b/p"]
    said = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=True).stdout
    expected = ["run-chunk", "--stage=painting", f"--frames={frames}", "--first=1001", "--last=1100", "--plate=/a b/p"]
    assert said.splitlines() == expected
