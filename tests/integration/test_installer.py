"""Install, render by the installed node, bring up to date, uninstall: and the home is as it was, byte by byte.

The everyday run uses the environment of these tests for the daemon (``--environment``); ``test_installer_slow.py`` makes
one of its own.
"""

from __future__ import annotations

import errno
import os
import pty
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
import psutil
import pytest
from installation import (
    BOX,
    BUNDLE,
    NEAR,
    Workstation,
    look,
    renumber_release,
    write_shot,
    write_sums,
)

from propainter_install.__main__ import _as_typed, _offer_weights, _parser, main, open_panel
from propainter_install.environment import can_use_gpu, check_python, check_space
from propainter_install.errors import InstallError
from propainter_install.pieces import TextFile, Work
from propainter_install.places import Machine, find_places
from propainter_install.record import Record
from propainter_install.transaction import carry_out

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cmake") is None, reason="installs the Linux node, built by cmake"
)
ENVIRONMENT = str(Path(sys.executable).parent.parent)


def options(*more: str) -> list[str]:
    return ["--environment", ENVIRONMENT, "--no-nuke", *more]


def test_install_render_update_uninstall_leaves_the_home_as_it_was(
    release: Path, station: Workstation, tmp_path: Path
) -> None:
    background = write_shot(tmp_path / "shot")
    stale = station.home / ".local" / "share" / "DaVinciResolve" / "configs" / "OFXPluginCacheV2.xml"
    stale.parent.mkdir(parents=True)
    stale.write_text(f'<plugin path="/usr/OFX/Plugins/{BUNDLE}" status="2"/>')
    before = look(station.top)

    installed = station.install(release, *options())
    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert f"OFX_PLUGIN_PATH={station.bundle.parent}" in installed.stdout
    assert not stale.exists()
    first = station.render(tmp_path / "shot", tmp_path / "first")
    np.testing.assert_allclose(first[BOX].astype(int), background[BOX], atol=6)
    far = np.ones(first.shape[:2], bool)
    far[NEAR] = False
    np.testing.assert_array_equal(first[far], background[far])
    pid = station.daemon_pid()
    assert pid is not None

    newer = renumber_release(release, tmp_path / "newer", "0.1.1")
    updated = station.install(newer, *options())
    assert updated.returncode == 0, updated.stdout + updated.stderr
    assert f"stop the running backend, process {pid}" in updated.stdout
    assert "update 0.1.0 to 0.1.1" in updated.stdout
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    second = station.render(tmp_path / "shot", tmp_path / "second")
    np.testing.assert_array_equal(first, second)

    removed = station.install(newer, "--uninstall")
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert look(station.top) == before


def test_a_dry_run_says_everything_and_changes_nothing(release: Path, station: Workstation) -> None:
    before = look(station.top)
    said = station.install(release, *options("--dry-run")).stdout
    assert look(station.top) == before
    station.install(release, *options())
    made = [path for path in station.home.rglob("*") if path.is_file() and path.name != "installed.json"]
    assert len(made) == 24
    for path in made:
        assert str(path) in said
    once = look(station.top)
    said = station.install(release, "--uninstall", "--dry-run").stdout
    assert look(station.top) == once
    for path in made:
        assert f" {path}\n" in said


def test_installing_again_changes_nothing(release: Path, station: Workstation) -> None:
    station.install(release, *options())
    once = look(station.top)
    assert station.install(release, *options()).returncode == 0
    assert look(station.top) == once


def test_an_update_takes_away_what_is_no_longer_asked_for(release: Path, station: Workstation) -> None:
    before = look(station.top)
    station.install(release, *options())
    units = station.home / ".config" / "systemd" / "user"
    assert (units / "propainter-backend.service").exists()
    assert station.install(release, *options("--no-service", "--no-commands")).returncode == 0
    assert not any(path.is_file() or path.is_symlink() for path in units.rglob("*"))
    assert not list((station.home / ".local" / "bin").iterdir())
    station.install(release, "--uninstall")
    assert look(station.top) == before


def test_everything_can_be_staged_below_another_root(release: Path, station: Workstation) -> None:
    before = look(station.top)
    stage = station.top / "stage"
    staged = options("--system", "--root", str(stage))
    assert station.install(release, *staged).returncode == 0
    assert (stage / "usr" / "OFX" / "Plugins" / BUNDLE / "Contents" / "Resources" / "backend-path").is_file()
    assert {path.name for path in stage.iterdir()} == {"usr", "opt", "etc"}
    assert station.install(release, "--uninstall", "--system", "--root", str(stage)).returncode == 0
    assert look(station.top) == before


def test_an_uninstall_names_what_it_leaves(release: Path, station: Workstation) -> None:
    station.install(release, *options())
    changed = station.home / ".config" / "environment.d" / "60-propainter-remove.conf"
    changed.write_text("OFX_PLUGIN_PATH=/mine\n")
    weights = station.home / ".local" / "share" / "propainter-remove" / "weights"
    weights.mkdir()
    (weights / "ProPainter.pth").write_bytes(b"PK")
    removed = station.install(release, "--uninstall")
    assert removed.returncode == 1
    assert f"{changed} was changed since it was installed" in removed.stdout
    assert f"{weights} holds weights you fetched" in removed.stdout
    assert sorted(path for path in station.home.rglob("*") if path.is_file()) == sorted(
        [changed, weights / "ProPainter.pth"]
    )
    again = station.install(release, "--uninstall")
    assert again.returncode == 2 and "nothing is installed" in again.stderr


# What goes wrong is one sentence, and nothing was done.


def check_refusal(
    station: Workstation, done: subprocess.CompletedProcess[str], before: dict[str, str], *words: str
) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in done.stderr
    assert look(station.top) == before


def test_a_release_that_was_tampered_with_is_refused(release: Path, station: Workstation, tmp_path: Path) -> None:
    before = look(station.top)
    for pattern in ("*.zip", "constraints.txt", "*.whl"):
        bad = tmp_path / pattern.strip("*.")
        shutil.copytree(release, bad)
        victim = next(bad.glob(pattern))
        victim.write_bytes(victim.read_bytes() + b" ")
        done = station.install(bad, *options())
        assert done.returncode != 0 and victim.name in done.stderr and "again" in done.stderr
        assert look(station.top) == before


def test_a_node_for_another_system_or_processor_is_refused(release: Path, station: Workstation, tmp_path: Path) -> None:
    before = look(station.top)
    for name, folder, image, word in (
        ("windows", "Win64", b"MZ", "the node for Win64"),
        ("arm", "Linux-x86-64", b"\x7fELF\x02" + b"\0" * 13 + b"\xb7\0", "no program for x86_64 linux"),
    ):
        bad = tmp_path / name
        shutil.copytree(release, bad)
        with zipfile.ZipFile(next(bad.glob("ProPainterRemove-*.zip")), "w") as archive:
            archive.writestr(f"{BUNDLE}/Contents/{folder}/ProPainterRemove.ofx", image)
        write_sums(bad)
        check_refusal(station, station.install(bad, *options()), before, word)


def test_a_zip_that_leads_out_of_its_folder_is_refused(release: Path, station: Workstation, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(release, bad)
    with zipfile.ZipFile(next(bad.glob("ProPainterRemove-*.zip")), "a") as archive:
        archive.writestr("../escaped", b"")
    write_sums(bad)
    before = look(station.top)
    check_refusal(station, station.install(bad, *options()), before, "lead out of it")


def test_a_file_where_a_folder_has_to_be_is_named(release: Path, station: Workstation) -> None:
    (station.home / ".config").write_text("not a folder\n")
    before = look(station.top)
    check_refusal(station, station.install(release, *options()), before, f"{station.home}/.config is in the way")


def test_a_folder_that_refuses_writing_is_named(release: Path, station: Workstation) -> None:
    """As nobody, for the superuser may write anywhere."""
    shutil.copytree(release, station.top / "release")
    station.top.chmod(0o755)
    before = look(station.top)
    become = "os.setgid(65534); os.setuid(65534);" if os.getuid() == 0 else f"os.chmod({str(station.home)!r}, 0o500);"
    arguments = ["--yes", "--release", str(station.top / "release"), *options()]
    program = (
        "import os, sys; from propainter_install.__main__ import main\n"
        f"main({[*arguments, '--dry-run']!r})  # whatever it imports, it can read now\n"
        f"{become} sys.exit(main({arguments!r}))"
    )
    done = station.run(sys.executable, "-c", program)
    station.home.chmod(0o755)
    check_refusal(station, done, before, f"{station.home} cannot be written to", "--prefix")


def test_a_python_that_cannot_make_environments_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(InstallError, match=r"/bin/false .* cannot make environments: .*python3-venv"):
        check_python()


@pytest.mark.parametrize(("said", "sees"), [("True", True), ("False", False), ("", False)])
def test_whether_torch_sees_the_gpu_is_asked_of_the_environment(tmp_path: Path, said: str, sees: bool) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho {said}\n")
    python.chmod(0o755)
    assert can_use_gpu(python) is sees


def test_no_python_at_all_is_told(release: Path, station: Workstation) -> None:
    before = look(station.top)
    tools = station.top / "tools"
    tools.mkdir()
    for name in ("sh", "dirname"):
        (tools / name).symlink_to(shutil.which(name) or name)
    done = station.install(release, PATH=str(tools), PYTHON="")
    shutil.rmtree(tools)
    check_refusal(station, done, before, "no Python 3.10 or newer was found")
    done = station.install(release, PYTHON="/bin/false")
    check_refusal(station, done, before, "PYTHON=/bin/false is no Python 3.10")


def test_too_little_room_is_told_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="MB free and about 9999999999 MB are needed"):
        check_space(tmp_path / "not" / "there", 9_999_999_999)


class Failing:
    """A piece that fails while it is put in place."""

    def __init__(self, path: Path, failure: BaseException) -> None:
        self.path = path
        self.failure = failure

    def saying(self) -> str:
        return "fail"

    def put(self, work: Work) -> None:
        self.path.write_bytes(b"half")
        work.undo.append(self.path.unlink)
        raise self.failure


def test_a_disk_that_fills_up_halfway_leaves_the_machine_as_it_was(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "big"))
    record = Record(tmp_path / "app" / "installed.json")
    plan = [TextFile(tmp_path / "a" / "file", b"ours"), Failing(tmp_path / "big", full)]
    with pytest.raises(InstallError, match=r"the disk is full .*as it was before"):
        carry_out(plan, record, "1", tmp_path / "backend", tell=print)
    assert list(tmp_path.iterdir()) == []


def test_an_update_that_fails_leaves_the_earlier_version_whole(tmp_path: Path) -> None:
    path = tmp_path / "app" / "installed.json"
    carry_out([TextFile(tmp_path / "file", b"old")], Record(path), "1", tmp_path / "backend", tell=print)
    before = look(tmp_path)
    broken = [TextFile(tmp_path / "file", b"new"), Failing(tmp_path / "big", KeyboardInterrupt())]
    with pytest.raises(KeyboardInterrupt):
        carry_out(broken, Record.load(path), "2", tmp_path / "backend", tell=print)
    assert look(tmp_path) == before
    assert (tmp_path / "file").read_bytes() == b"old" and Record.load(path).version == "1"


@pytest.mark.parametrize("pieces_before_death", range(0, 16, 5))
def test_a_run_that_was_killed_is_completed_or_taken_away_by_the_next(
    release: Path, station: Workstation, pieces_before_death: int
) -> None:
    before = look(station.top)
    program = (
        "import os, sys; from propainter_install import __main__ as install; whole = install.make_plan\n"
        "class Death:\n"
        "    def __init__(self, path): self.path = path\n"
        "    saying = put = lambda *_: os._exit(9)\n"
        "def cut(*arguments):\n"
        "    plan = whole(*arguments)\n"
        f"    return [*plan[:{pieces_before_death}], Death(plan[-1].path)]\n"
        "install.make_plan = cut; sys.exit(install.main(sys.argv[1:]))"
    )
    killed = station.run(sys.executable, "-c", program, "--yes", "--release", release, *options())
    assert killed.returncode == 9, killed.stderr
    half = look(station.top)
    assert len(half) > len(before)
    if pieces_before_death % 2:
        again = station.install(release, *options())
        assert again.returncode == 0 and "an earlier installation was interrupted" in again.stdout
        assert (station.bundle / "Contents" / "Linux-x86-64" / "ProPainterRemove.ofx").is_file()
    assert station.install(release, "--uninstall").returncode == 0
    assert look(station.top) == before


def test_without_an_answer_nothing_is_done(release: Path, station: Workstation) -> None:
    before = look(station.top)
    done = station.run("sh", release / "install.sh", *options())
    check_refusal(station, done, before, "add --yes")


def test_the_weights_are_spoken_of_and_never_fetched_unasked(release: Path, station: Workstation) -> None:
    said = station.install(release, *options()).stdout
    assert "non-commercial" in said and "propainter-weights fetch" in said
    assert not (station.home / ".local" / "share" / "propainter-remove" / "weights").exists()


def test_somebody_at_a_terminal_is_shown_the_weights_licence_and_asked(release: Path, station: Workstation) -> None:
    terminal, inside = pty.openpty()
    environ = {"HOME": str(station.home), "PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "PIP_NO_INPUT": "1"}
    command = ["sh", str(release / "install.sh"), *options()]
    with subprocess.Popen(
        command, env=environ, stdin=inside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        os.write(terminal, b"yes\nno\n")  # go on; but do not accept the licence
        assert process.stdout is not None
        said = process.stdout.read().decode()
    os.close(terminal)
    os.close(inside)
    assert process.returncode == 0, said
    licence = said.index(
        "For any commercial use, paid production work included, you need the authors' permission first."
    )
    assert (
        said.index("installed 0.1.0")
        < licence
        < said.index("Type yes to accept")
        < said.index("so nothing was fetched")
    )
    assert not (station.home / ".local" / "share" / "propainter-remove" / "weights").exists()


@pytest.mark.parametrize("extra", [["--system"], ["--root", "/stage"], ["--yes"], []])
def test_whoever_installs_for_others_is_not_asked_for_weights_that_would_lie_in_his_own_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], extra: list[str]
) -> None:
    weights = tmp_path / "propainter-weights"
    weights.write_text(f"#!/bin/sh\necho $* > '{tmp_path}/asked'\n")
    weights.chmod(0o755)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    _offer_weights(tmp_path / "propainter-backend", _parser().parse_args(extra))
    said = capsys.readouterr().out
    assert (tmp_path / "asked").exists() == (not extra)
    assert ("Each user has weights" in said) == (bool(extra) and extra != ["--yes"])
    assert not extra or f"{weights} fetch" in said


def test_a_python_of_32_bits_is_refused_before_anything_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "maxsize", (1 << 31) - 1)
    with pytest.raises(InstallError, match="has 32 bits"):
        check_python()


@pytest.mark.parametrize("is_on_path", [True, False])
def test_commands_are_named_as_this_very_shell_finds_them(monkeypatch: pytest.MonkeyPatch, is_on_path: bool) -> None:
    machine = Machine("linux", "x86_64", {"HOME": "/home/a b"})
    places = find_places(machine, system_wide=False)
    folder = "/home/a b/.local/bin"
    monkeypatch.setenv("PATH", f"/usr/bin:{folder}" if is_on_path else "/usr/bin")
    command = PurePosixPath("/env/bin/propainter-remove")
    assert _as_typed(command, places) == ("propainter-remove" if is_on_path else f"'{folder}/propainter-remove'")
    assert _as_typed(command, None) == '"/env/bin/propainter-remove"'


def test_options_that_make_no_sense_are_refused(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, word in (
        (["--yes"], "--release is missing"),
        (["--release", str(tmp_path)], "is no release folder"),
        (["--release", str(release), "--offline", str(tmp_path / "none")], "--offline"),
        (["--release", str(release), "--environment", str(tmp_path)], "holds no propainter-backend"),
        (["--release", str(release), "--prefix", "here"], "not an absolute path"),
    ):
        assert main(arguments) == 2
        assert word in capsys.readouterr().err


def test_the_panel_is_in_the_menu_of_programs_and_its_node_can_be_repaired(release: Path, station: Workstation) -> None:
    station.install(release, *options())
    share = station.home / ".local" / "share"
    entry = (share / "applications" / "propainter-remove.desktop").read_text()
    assert f'Exec="{ENVIRONMENT}/bin/propainter-panel" %F' in entry
    assert (share / "icons/hicolor/scalable/apps/propainter-remove.svg").read_bytes().startswith(b"<svg")
    if shutil.which("desktop-file-validate"):
        subprocess.run(["desktop-file-validate", str(share / "applications/propainter-remove.desktop")], check=True)
    binary = station.bundle / "Contents" / "Linux-x86-64" / "ProPainterRemove.ofx"
    content = binary.read_bytes()
    binary.write_bytes(content[:1000])
    done = station.install(release, "--repair")
    assert done.returncode == 1 and "lies in" in done.stdout, done.stdout + done.stderr
    assert binary.read_bytes() == content


@pytest.mark.parametrize("where", ["desktop", "terminal"])
def test_somebody_at_a_desktop_sees_the_panel_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    panel = tmp_path / "propainter-panel"
    panel.write_text(f"#!/bin/sh\necho shown > {tmp_path}/shown\n")
    panel.chmod(0o755)
    monkeypatch.setenv("DISPLAY", ":0" if where == "desktop" else "")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for extra, is_shown in (
        ([], where == "desktop"),
        (["--no-panel"], False),
        (["--yes"], False),
        (["--system"], False),
    ):
        open_panel(tmp_path / "propainter-backend", _parser().parse_args(extra))
        if is_shown:
            while not (tmp_path / "shown").exists():
                time.sleep(0.01)
            (tmp_path / "shown").unlink()
    assert not (tmp_path / "shown").exists()
