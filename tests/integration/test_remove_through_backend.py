"""``propainter-remove --backend``: the daemon gives the very frames the command computes by itself, and redoes less."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from builders import box_matte, moving_plates
from propainter_backend.commands.remove import main
from propainter_wire.client import Client
from propainter_wire.errors import BackendUnreachable

SIZE = (96, 72)
COUNT = 6


def write_matte(shot: Path, i: int, *, left: int) -> None:
    path = shot / "matte" / f"matte.{1001 + i}.png"
    cv2.imwrite(str(path.with_name("new.tmp.png")), (box_matte(SIZE, left=left, top=25) * 255).astype(np.uint8))
    path.with_name("new.tmp.png").rename(path)


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    (tmp_path / "plate").mkdir()
    (tmp_path / "matte").mkdir()
    for i, plate in enumerate(moving_plates(COUNT, size=SIZE)):
        cv2.imwrite(str(tmp_path / "plate" / f"plate.{1001 + i}.png"), plate.pixels[..., ::-1])
        write_matte(tmp_path, i, left=30 + i)
    return tmp_path


@pytest.fixture
def own_daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No daemon yet, and whichever the command starts is this test's alone."""
    with tempfile.TemporaryDirectory(prefix="ppr") as runtime:
        monkeypatch.setenv("PROPAINTER_RUNTIME_DIR", runtime)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.delenv("PROPAINTER_CONNECTION", raising=False)
        yield
        try:
            with Client.connect() as client:
                client.stop()
        except BackendUnreachable:
            return


def arguments(shot: Path, output: str) -> list[str]:
    given = ["--plate", str(shot / "plate"), "--matte", str(shot / "matte"), "--output", str(shot / output)]
    return [*given, "--quiet", "--engine", "classical"]


def run(shot: Path, output: str, *more: str) -> dict[str, object]:
    report = shot / f"{output}.json"
    assert main([*arguments(shot, output), "--report", str(report), *more]) == 0
    told: dict[str, object] = json.loads(report.read_text())
    return told


def frames(shot: Path, output: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((shot / output).glob("[!.]*.png"))]


def test_a_daemon_is_started_and_gives_the_very_same_files(shot, own_daemon):
    alone = run(shot, "alone")
    through = run(shot, "through", "--backend")
    assert frames(shot, "alone") == frames(shot, "through") and len(frames(shot, "alone")) == COUNT
    assert through["engine"] == alone["engine"] and through["unseen_fraction"] == alone["unseen_fraction"]
    assert through["unsure_fraction"] == alone["unsure_fraction"]
    assert through["frames"] == alone["frames"]
    again = run(shot, "again", "--backend")
    assert [again["stages"][s]["computed"] for s in ("flow", "completion", "propagation", "painting")] == [0, 0, 0, 0]
    write_matte(shot, 2, left=36)
    edited = run(shot, "edited", "--backend")
    assert edited["stages"]["flow"]["computed"] == 0 and edited["windows_redone"]
    run(shot, "scratch")
    assert frames(shot, "edited") == frames(shot, "scratch")


@pytest.mark.parametrize(
    "how",
    [["--working-size", "63x47"], [], ["--clean-plate", "clean.1002.png"]],
    ids=["odd size", "plate's size", "clean"],
)
def test_a_draft_is_the_same_either_way(shot, own_daemon, monkeypatch, how):
    cv2.imwrite(str(shot / "clean.1002.png"), np.full((SIZE[1], SIZE[0], 3), 99, np.uint8))
    monkeypatch.chdir(shot)
    run(shot, "alone", "--draft", *how)
    run(shot, "through", "--draft", "--backend", *how)
    assert frames(shot, "alone") == frames(shot, "through") and len(frames(shot, "alone")) == COUNT


def test_watching_renders_again_when_the_roto_changes(shot, own_daemon):
    command = [
        sys.executable,
        "-m",
        "propainter_backend.commands.remove",
        *arguments(shot, "out"),
        "--backend",
        "--watch",
    ]
    watcher = subprocess.Popen(command, env=os.environ | {"PYTHONUNBUFFERED": "1"}, stderr=subprocess.PIPE, text=True)
    try:
        before = wait_for(lambda: frames(shot, "out") if len(frames(shot, "out")) == COUNT else None, watcher)
        time.sleep(1.0)  # the watch begins after the last frame; a change before it is found by the next look
        write_matte(shot, 2, left=38)
        wait_for(lambda: frames(shot, "out") != before or None, watcher)
    finally:
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(240) == 130


def wait_for(look, watcher):
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert watcher.poll() is None, watcher.stderr.read()
        if (found := look()) is not None:
            return found
        time.sleep(0.1)
    raise AssertionError("nothing happened in time")


@pytest.mark.parametrize(
    ("options", "word"), [(["--watch"], "--backend"), (["--backend", "/nowhere/daemon.json"], "/nowhere")]
)
def test_what_cannot_be_is_said(shot, own_daemon, capsys, options, word):
    assert main([*arguments(shot, "out"), *options]) == 2
    assert word in capsys.readouterr().err


@pytest.mark.parametrize("how", ["remove", "farm task"])
def test_a_render_under_which_somebody_stops_the_daemon_may_be_tried_again(how, tmp_path, own_daemon):
    for i, plate in enumerate(moving_plates(40, size=(320, 240))):
        for name, pixels in (
            ("plate", plate.pixels),
            ("matte", np.uint8(255 * box_matte((320, 240), left=90, top=70))),
        ):
            (tmp_path / name).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / name / f"a.{1001 + i}.png"), pixels)
    command = [f"--plate={tmp_path / 'plate'}", f"--matte={tmp_path / 'matte'}", f"--output={tmp_path / 'out'}"]
    if how == "farm task":
        Client.connect(name="starter", start=True).close()
        command = ["run-chunk", "--stage=flow", f"--cache-dir={tmp_path / 'cache'}", *command]
    render = subprocess.Popen(
        [sys.executable, "-m", "propainter_backend.commands.remove", *command, "--backend"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    end = time.monotonic() + 120
    stopped = False
    while not stopped and time.monotonic() < end and render.poll() is None:
        time.sleep(0.05)
        try:
            with Client.connect(name="somebody else") as client:
                if client.status().jobs:
                    client.stop("now")
                    stopped = True
        except BackendUnreachable:
            continue
    assert render.stderr is not None
    said = render.stderr.read()
    assert stopped, said
    assert render.wait(timeout=60) == 75, said
    assert "stopped by somebody" in said and "run the same command again" in said and "cancelled" not in said
