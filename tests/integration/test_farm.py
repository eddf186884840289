"""Farm tasks: cut anyhow, killed anywhere, run twice - the frames of a single process come out, and no work is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_harness import Daemon, home
from farm_shots import FarmShot, computed, in_order, python, quiet_environ

from golden import standin_folder
from propainter_backend.commands.remove import main
from propainter_backend.render.stages.painting import Painting
from propainter_pictures.images import read_info
from propainter_pictures.plates import open_source

COUNT = 13
CUTS = [(1001, 1005), (1006, 1006), (1007, 1013)]  # neither even nor where chunks begin
STAGES = ("flow", "completion", "propagation", "painting", "composite")


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def shot(tmp_path: Path) -> FarmShot:
    return FarmShot(tmp_path, COUNT).write()


def run(shot: FarmShot, stage: str, first: int | None = None, last: int | None = None, *more: str) -> dict:
    """One task to its end; its report."""
    assert main(shot.task(stage, first, last, *more)) == 0
    return shot.report()


def run_all(shot: FarmShot, *more: str, cuts: list[tuple[int, int]] = CUTS) -> list[dict]:
    reports = [run(shot, *task, *more) for task in in_order(shot, cuts)]
    return [*reports, run(shot, "merge")]


def single_process(shot: FarmShot) -> dict:
    assert main([*shot.options("single"), "--quiet", f"--report={shot.folder / 'single.json'}"]) == 0
    return shot.report("single.json")


def test_the_tasks_of_a_job_give_the_frames_of_a_single_process_for_the_same_work(tmp_path):
    shot = FarmShot(tmp_path, COUNT, dtype="float32").write()
    single = single_process(shot)
    *tasks, merged = run_all(shot)
    assert shot.frames() == shot.frames("single") and len(shot.frames()) == COUNT
    work = {stage: sum(computed(task)[stage] for task in tasks) for stage in STAGES}
    assert work == computed(single) == computed(merged)
    for stage, *cut in in_order(shot, CUTS):
        report = tasks[in_order(shot, CUTS).index((stage, *cut))]
        others = [each for each in STAGES[:4] if each != stage]
        assert all(computed(report)[other] == 0 for other in others), "a task does its own stage alone"
    assert merged["unseen_fraction"] == single["unseen_fraction"] > 0
    assert merged["unsure_fraction"] == single["unsure_fraction"]
    assert merged["frames"] == {"first": 1001, "last": 1013, "count": 13} and merged["engine"] == "classical"
    assert merged["task_runs"] == 12
    assert merged["pixels_changed_outside"] == single["pixels_changed_outside"] == 0


def test_only_what_a_hole_needs_is_computed(shot):
    for index in range(COUNT):
        if index != 12:
            shot.empty_matte(index)
    single = single_process(shot)
    *_, merged = run_all(shot)
    assert computed(merged) == computed(single)
    assert shot.frames() == shot.frames("single")


@pytest.mark.slow
def test_the_learned_engine_s_tasks_give_the_very_bits_of_a_single_process_too(tmp_path):
    """Stand-in weights: flow is estimated in other runs than a single process does, windows in other order."""
    shot = FarmShot(tmp_path, 9, size=(64, 64), dtype="float32").write()
    weights = standin_folder(tmp_path / "weights")
    learned = [
        "--engine=propainter", f"--weights={weights}", "--device=cpu",
        "--neighbor-length=4", "--ref-stride=3", "--flow-iterations=3",
    ]  # fmt: skip
    report = f"--report={shot.folder / 'single.json'}"
    assert main([*shot.options("single"), *learned, "--quiet", report]) == 0
    for task in in_order(shot, [(1001, 1003), (1004, 1009)]):
        run(shot, *task, *learned)
    merged = run(shot, "merge", None, None, *learned)
    assert shot.frames() == shot.frames("single") and len(shot.frames()) == 9
    assert computed(merged) == computed(shot.report("single.json"))
    assert merged["engine"] == "propainter"


@pytest.mark.slow
def test_clean_plates_count_as_for_a_single_process(shot):
    shot.write_clean_plate(0)
    shot.write_clean_plate(1)
    whole = f"--clean-plate={shot.folder / 'clean' / 'clean.####.png'}"
    assert main([*shot.options("single"), whole, "--quiet", f"--report={shot.folder / 'single.json'}"]) == 0
    for task in in_order(shot, CUTS):
        run(shot, *task, whole)
    merged = run(shot, "merge", None, None, whole)
    assert shot.frames() == shot.frames("single")
    assert computed(merged) == computed(shot.report("single.json"))
    before = shot.frames()
    shot.write_clean_plate(1, shade=9)
    report = run(shot, "painting", 1001, 1003, whole)
    assert report["frames_written"] > 0 and shot.frames() != before


def test_a_repeated_task_computes_nothing_and_writes_nothing(shot):
    run_all(shot)
    before = {path: path.stat().st_mtime_ns for path in (shot.folder / "farm").iterdir()}
    for task in in_order(shot, CUTS):
        report = run(shot, *task)
        assert set(computed(report).values()) <= {0}
        if task[0] == "painting":
            assert report["frames_written"] == 0 and report["frames_kept"] == task[2] - task[1] + 1
    assert {path: path.stat().st_mtime_ns for path in (shot.folder / "farm").iterdir()} == before


def test_a_frame_that_older_code_painted_is_painted_again(shot, monkeypatch):
    first = run_all(shot)[-2]
    monkeypatch.setattr(Painting, "version", "of another release")
    again = run(shot, "painting")
    assert first["frames_written"] and again["frames_kept"] == 0


def test_a_frame_that_was_damaged_or_deleted_is_written_again_from_what_is_stored(shot):
    run_all(shot)
    whole = shot.frames()
    (shot.folder / "farm" / "plate.1003.png").write_bytes(b"half a picture")
    (shot.folder / "farm" / "plate.1004.png").unlink()
    assert main(shot.task("merge")) == 2
    report = run(shot, "painting", 1001, 1005)
    assert (report["frames_written"], report["frames_kept"]) == (2, 3)
    assert set(computed(report).values()) - {2} == {0}, "two composites, nothing else"
    assert shot.frames() == whole


@pytest.mark.slow
def test_an_edited_roto_costs_no_flow_and_the_new_frames_are_a_single_process_s(shot):
    run_all(shot)
    before = shot.frames()
    shot.write_matte(12, left=35)
    *tasks, _ = run_all(shot)
    assert all(computed(task)["flow"] == 0 for task in tasks)
    single_process(shot)
    assert shot.frames() == shot.frames("single") != before


def test_a_stage_whose_predecessor_never_ran_does_its_work_too(shot):
    single_process(shot)
    run(shot, "painting")
    run(shot, "merge")
    assert shot.frames() == shot.frames("single")


@pytest.mark.parametrize(
    ("stage", "mark", "left"),
    [
        ("flow", "forward", 7),
        pytest.param("completion", "forward", 7, marks=pytest.mark.slow),
        pytest.param("propagation", "unseen", 3, marks=pytest.mark.slow),
    ],
)
def test_a_task_killed_in_the_middle_is_finished_by_the_next_without_repeating_a_unit(shot, stage, mark, left):
    """SIGKILL as soon as five pairs or frames are stored. Of 12 pairs 7 are left, of chunks of 4 frames those not whole."""
    for earlier in STAGES[: STAGES.index(stage)]:
        run(shot, earlier)
    killed = run_broken(
        shot,
        stage,
        "from propainter_backend.render.shot_cache import ShotCache as owner",
        "save",
        f"'{mark}' in args[2] and (seen.append(1) or len(seen)) == 5",
    )
    assert killed == -signal.SIGKILL
    report = run(shot, stage)
    assert computed(report) == {each: left if each == stage else 0 for each in STAGES}
    assert report["stages"][stage]["reused"] > 0
    run(shot, "painting")
    run(shot, "merge")
    single_process(shot)
    assert shot.frames() == shot.frames("single")


@pytest.mark.slow
def test_a_painting_task_killed_between_frames_paints_only_the_others(shot):
    for stage in STAGES[:3]:
        run(shot, stage)
    killed = run_broken(
        shot,
        "painting",
        "import propainter_backend.farm.records as module; owner = module.FarmRecords",
        "keep_frame",
        "(seen.append(1) or len(seen)) == 6",
    )
    assert killed == -signal.SIGKILL and len(shot.frames()) == 6
    report = run(shot, "painting")
    assert (report["frames_written"], report["frames_kept"]) == (7, 6)
    run(shot, "merge")
    single_process(shot)
    assert shot.frames() == shot.frames("single")


@pytest.mark.slow
def test_a_terminated_task_leaves_no_half_written_file(shot):
    """SIGTERM while a frame is on its way to the disk, under its temporary name."""
    terminated = run_broken(
        shot,
        "painting",
        "import propainter_pictures.images as owner",
        "_write_with_oiio",
        "(seen.append(1) or len(seen)) == 3",
        signal.SIGTERM,
    )
    assert terminated == 128 + signal.SIGTERM
    assert len(list((shot.folder / "farm").iterdir())) < COUNT
    assert not list((shot.folder / "farm").glob(".*"))


def run_broken(
    shot: FarmShot, stage: str, setup: str, method: str, when: str, number: signal.Signals = signal.SIGKILL
) -> int:
    """A task in a process of its own that gets a signal right after a call of ``owner.method`` for which ``when`` holds."""
    code = f"""
import os, sys
from propainter_backend.commands.remove import main
{setup}
real, seen = owner.{method}, []
def fatal(*args, **kwargs):
    result = real(*args, **kwargs)
    if {when}:
        os.kill(os.getpid(), {int(number)})
    return result
owner.{method} = fatal
sys.exit(main({shot.task(stage)!r}))
"""
    environ = quiet_environ(shot.folder)
    return subprocess.run([sys.executable, "-c", code], env=environ, timeout=120, stdout=subprocess.DEVNULL).returncode


def test_merge_says_which_frames_are_not_there(shot, capsys):
    run(shot, "painting", 1001, 1004)
    assert main(shot.task("merge")) == 2
    assert "openjd_fail: frames 1005-1013 of" in capsys.readouterr().out


def test_frames_of_two_engines_are_not_merged(shot, capsys, monkeypatch):
    run(shot, "painting")
    kept = shot.cache.rglob("frames/1013.json")
    (path,) = kept
    path.write_text(path.read_text().replace('"classical"', '"propainter"'))
    assert main(shot.task("merge")) == 2
    said = capsys.readouterr().err
    assert "1001-1012 were painted by engine classical" in said and "1013 by propainter" in said and "--engine" in said


def test_merge_makes_contact_sheet_and_video(shot):
    run(shot, "painting")
    sheet, video = shot.folder / "sheet.png", shot.folder / "clean.mp4"
    run(shot, "merge", None, None, f"--contact-sheet={sheet}", f"--video={video}")
    assert read_info(sheet, 0).size[0] > 2 * shot.size[0]
    with open_source(str(video)) as frames:
        assert len(frames.range) == COUNT and frames.size == shot.size


@pytest.mark.parametrize(
    ("stage", "first", "last", "more", "word"),
    [
        ("flow", 1001, 1014, [], "1001-1013"),
        ("flow", 1001, 1002, ["--output=clean.mp4"], "--video clean.mp4"),
        ("flow", 1001, 1002, ["--plate=/nowhere"], "/nowhere"),
        ("flow", 1001, 1002, ["--cache-dir=/dev/null/cache"], "--cache-dir"),
    ],
)
def test_what_cannot_be_is_said_to_scheduler_and_reader(shot, capsys, stage, first, last, more, word):
    assert main(shot.task(stage, first, last, *more)) == 2
    said = capsys.readouterr()
    assert f"openjd_fail: {said.err.removeprefix('propainter-remove: ')}" in said.out
    assert word in said.err and said.err.count("\n") == 1


@pytest.mark.parametrize("frames", ["", "1001-", "1005-1001", "1001,1003", "a-b"])
def test_frames_that_are_no_run_are_refused(shot, capsys, frames):
    with pytest.raises(SystemExit, match="2"):
        main([*shot.task("flow"), f"--frames={frames}"])
    assert "--frames" in capsys.readouterr().err


def test_options_may_come_from_a_file_one_a_line_without_quoting(shot, tmp_path):
    spaced = FarmShot(tmp_path / "a folder", 2).write()
    options = tmp_path / "options"
    options.write_text("\n\n".join([f"--cache-dir={spaced.cache}", *spaced.options()]) + "\n")
    assert main(["run-chunk", "--stage=painting", f"@{options}"]) == 0
    assert len(spaced.frames()) == 2


def test_progress_rises_to_a_hundred_in_words_schedulers_read(shot, capsys):
    run(shot, "painting")
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("openjd_progress: ", "openjd_status: ")) for line in lines)
    percents = [int(line.split()[1]) for line in lines if line.startswith("openjd_progress")]
    assert percents == sorted(set(percents)) and percents[-1] == 100 and len(percents) >= COUNT


@pytest.mark.slow
def test_two_workers_at_the_same_tasks_with_hardly_any_cache_do_each_other_no_harm(shot):
    """What one evicts the other needs: that costs time and nothing else."""
    tiny = "--cache-size=0.0001"
    commands = [python(*shot.task(stage, None, None, tiny)) for stage in ("completion", "painting", "painting")]
    environ = quiet_environ(shot.folder)
    workers = [subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) for command in commands]
    assert [worker.wait(120) for worker in workers] == [0, 0, 0]
    run(shot, "merge")
    single_process(shot)
    assert shot.frames() == shot.frames("single")
    assert sum(path.stat().st_size for path in shot.cache.rglob("*.safetensors")) < 1_000_000


def test_through_a_session_s_daemon_tasks_give_the_same_frames_for_the_same_work(shot):
    single = single_process(shot)
    with home() as folder:
        daemon = Daemon(folder, "--flow-hole-snap", "0")
        daemon.cache = shot.cache
        daemon.start()
        try:
            backend = f"--backend={folder / 'run' / 'daemon.json'}"
            merged = run_all(shot, backend)[-1]
            again = [run(shot, *task, backend) for task in in_order(shot, CUTS)]
            assert main(shot.task("flow", None, None, backend, "--device=cuda")) == 2, "never on the processor unasked"
        finally:
            daemon.terminate()
    assert shot.frames() == shot.frames("single")
    assert computed(merged) == computed(single)
    assert merged["unseen_fraction"] == pytest.approx(single["unseen_fraction"], abs=1e-5)
    assert all(set(computed(report).values()) <= {0} for report in again)


def test_without_its_daemon_a_task_says_that_another_try_may_help(shot, capsys):
    assert main(shot.task("flow", 1001, 1002, "--backend=/nowhere/daemon.json")) == 75
    assert "openjd_fail: no backend" in capsys.readouterr().out
