"""What ended processes leave behind: nothing after SIGTERM; after SIGKILL nothing once the next one has begun."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import OpenImageIO as oiio
import pytest
from daemon_harness import PATIENCE_S, Daemon, TinyShot, daemon, home, wait_until

from propainter_backend.errors import OutputError
from propainter_backend.render.spill import spill_folder
from propainter_wire.shm import SHM_DIRECTORY, is_supported

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """plate and matte, and a folder for temporary files."""
    long = TinyShot(40, size=(160, 120))
    for kind, pictures in (("plate", long.plates), ("matte", [(matte * 255).astype("uint8") for matte in long.mattes])):
        (tmp_path / kind).mkdir()
        for number, pixels in enumerate(pictures, 1001):
            out = oiio.ImageOutput.create(str(tmp_path / kind / f"{kind}.{number}.png"))
            assert out.open(out_name(tmp_path, kind, number), oiio.ImageSpec(160, 120, pixels.shape[2], "uint8"))
            assert out.write_image(pixels) and out.close()
    (tmp_path / "tmp").mkdir()
    return tmp_path


def out_name(folder: Path, kind: str, number: int) -> str:
    return str(folder / kind / f"{kind}.{number}.png")


@contextmanager
def removal(shot: Path) -> Iterator[subprocess.Popen[str]]:
    """A removal under way, that has begun to write."""
    command = [
        sys.executable, "-m", "propainter_backend.commands.remove", "--engine", "classical", "--memory", "0",
        "--plate", str(shot / "plate"), "--matte", str(shot / "matte"), "--output", str(shot / "out"), "--quiet",
    ]  # fmt: skip
    before = set(spilled(shot))
    environ = {**os.environ, "TMPDIR": str(shot / "tmp"), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ) as process:
        wait_until(lambda: set(spilled(shot)) - before or process.poll() is not None)
        yield process
        process.kill()


def spilled(shot: Path) -> list[Path]:
    return list(shot.glob("tmp/propainter-spill-*/artifacts/??/*.safetensors"))


def test_a_removal_that_is_told_to_end_leaves_nothing_behind(shot: Path) -> None:
    with removal(shot) as process:
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 128 + signal.SIGTERM and "Traceback" not in said
    assert list((shot / "tmp").iterdir()) == []
    assert [path.name for path in shot.glob("out/.*")] == []


def test_what_a_killed_removal_spilled_goes_with_the_next_and_what_a_living_one_needs_stays(shot: Path) -> None:
    with removal(shot) as process:
        process.kill()
        process.wait()
    (left,) = (shot / "tmp").iterdir()
    with removal(shot) as living:
        assert not left.exists()
        (used,) = (shot / "tmp").iterdir()
        with temporary_folder(shot / "tmp"), spill_folder() as mine:
            assert used.exists() and mine.parent == used.parent and mine != used
        assert living.poll() is None
        living.send_signal(signal.SIGTERM)
        living.wait(PATIENCE_S)
    assert list((shot / "tmp").iterdir()) == []


def test_whoever_is_told_to_end_as_the_folder_is_removed_removes_it_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.rmdir

    def told(*given: object, **more: object) -> None:
        monkeypatch.undo()
        raise SystemExit

    with temporary_folder(tmp_path), pytest.raises(SystemExit), spill_folder():
        monkeypatch.setattr(os, "rmdir", told)
    assert os.rmdir is real and list(tmp_path.iterdir()) == []


def test_a_spill_folder_of_another_user_s_name_or_kind_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "lock").touch()
    (tmp_path / "propainter-spill-link").symlink_to(precious)
    begun = tmp_path / "propainter-spill-begun"  # its owner has not locked it yet
    begun.mkdir()
    with temporary_folder(tmp_path), spill_folder():
        assert (precious / "lock").exists() and begun.exists()
    os.utime(begun, (time.time() - 120,) * 2)
    with temporary_folder(tmp_path), spill_folder():
        assert not begun.exists()


def test_without_a_place_for_temporary_files_there_is_one_sentence(tmp_path: Path) -> None:
    with (
        temporary_folder(tmp_path / "gone"),
        pytest.raises(OutputError, match=r"No such file or directory\); name one with room in TMPDIR"),
        spill_folder(),
    ):
        pass


@contextmanager
def temporary_folder(path: Path) -> Iterator[None]:
    import tempfile

    before, tempfile.tempdir = tempfile.tempdir, str(path)
    try:
        yield
    finally:
        tempfile.tempdir = before


def test_a_daemon_sweeps_what_a_killed_one_left_and_nothing_of_a_living_one_s() -> None:
    with home() as path:
        run = Daemon(path)
        run.runtime.mkdir(mode=0o700)
        run.cache.mkdir(mode=0o700)
        (run.runtime / ".daemon.json.0123456789abcdef").write_text("{")
        dead, living = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        dead.bind(str(run.runtime / ".dead"))
        dead.close()
        living.bind(str(run.runtime / ".living"))
        living.listen()
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        host = os.uname().nodename
        (run.cache / f".published.partial-{host}-{gone.pid}-{secrets.token_hex(8)}.json").touch()
        of_living = run.cache / f".published.partial-{host}-{os.getpid()}-{secrets.token_hex(8)}.json"
        of_living.touch()
        old, young = (SHM_DIRECTORY / f"ppb-{secrets.token_hex(16)}" for _ in range(2))
        if is_supported():
            for segment in (old, young):
                segment.touch(mode=0o600)
            os.utime(old, (time.time() - 3600,) * 2)
        try:
            with daemon(at=path) as running, living:
                expected = [".living", "daemon.json", "daemon.lock", "daemon.sock"]
                wait_until(  # its next socket has a name of its own for a moment
                    lambda: sorted(each.name for each in running.runtime.iterdir()) == expected,
                    lambda: str(list(running.runtime.iterdir())),
                )
                assert list(running.cache.glob(".published*")) == [of_living]
                assert not old.exists() and young.exists() == is_supported()
        finally:
            old.unlink(missing_ok=True)
            young.unlink(missing_ok=True)


def test_ctrl_c_while_the_worker_still_loads_ends_daemon_and_worker_without_a_traceback() -> None:
    """As a terminal does it: every process of the group hears it."""
    with home() as path:
        run = Daemon(path)
        for patience_s in (0.0, 0.02, 0.05, 0.2):
            with run.log.open("wb") as log:
                process = subprocess.Popen(
                    run.command("--device", "cpu"), env=run.environ, stdout=log, stderr=log, start_new_session=True
                )
            run.process = process
            wait_until(lambda: "is process" in run.said(), run.said)
            time.sleep(patience_s)  # at one moment or another of its loading
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(PATIENCE_S) == 0
            assert "Traceback" not in run.said()
            assert not (run.runtime / "daemon.json").exists()
