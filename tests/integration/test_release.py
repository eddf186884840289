"""The release itself: what it holds, that the same inputs make it again, and its archive for each system."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from installation import BUNDLE, ROOT, Workstation, load_program, look, write_sums

from propainter_install import environment
from propainter_install.__main__ import main
from propainter_install.environment import check_python
from propainter_install.errors import InstallError
from propainter_install.places import Machine
from propainter_install.release import open_release

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cmake") is None, reason="holds the Linux node, built by cmake"
)
ENVIRONMENT = str(Path(sys.executable).parent.parent)


def unpack(release: Path, folder: Path) -> Path:
    """The archive for this system, as somebody unpacks it; returns its one folder."""
    (archive,) = release.glob("propainter-remove-*-linux-x86_64.tar.gz")
    subprocess.run(["tar", "xf", str(archive), "-C", str(folder)], check=True)
    (top,) = folder.iterdir()
    return top


def test_the_archive_installs_from_its_own_folder_and_takes_all_away(
    release: Path, station: Workstation, tmp_path: Path
) -> None:
    top = unpack(release, tmp_path)
    read = (top / "README.txt").read_text()
    assert "\n1. " in read and "\n3. " in read and "\n4. " not in read and "@" not in read
    before = look(station.top)
    done = station.run(top / "install.sh", "--yes", "--environment", ENVIRONMENT, "--no-nuke")
    assert done.returncode == 0, done.stdout + done.stderr
    assert station.bundle.is_dir()
    links = station.home / ".local" / "bin"
    assert f"without a desktop: {links}/propainter-remove --sample" in done.stdout  # not on this PATH
    tried = station.run(station.home / ".local" / "bin" / "propainter-minihost", "--selftest", "--without-backend")
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert str(station.bundle) in tried.stdout
    assert station.run(top / "install.sh", "--yes", "--uninstall").returncode == 0
    assert look(station.top) == before


def test_every_file_of_the_archive_is_in_its_sums_and_the_pin_is_theirs(release: Path, tmp_path: Path) -> None:
    top = unpack(release, tmp_path)
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=top, check=False)
    assert done.returncode == 0
    sums = {line.split("  ")[1] for line in (top / "SHA256SUMS").read_text().splitlines()}
    assert sums == {path.name for path in top.iterdir()} - {"SHA256SUMS"}
    assert "install.ps1" not in sums and {"TESTED.md", "propainter-minihost-0.1.0-linux-x86_64.zip"} <= sums
    assert "\nDoes the node work on this machine? propainter-minihost --selftest " in (top / "README.txt").read_text()
    archives = load_program(ROOT / "installer" / "archives.py")
    (archive,) = release.glob("propainter-remove-*.tar.gz")
    assert archives.pin_of(archive) == archives.digest_of(top / "SHA256SUMS")


def test_an_archive_with_packages_holds_them_and_says_for_which_python(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archives = load_program(ROOT / "installer" / "archives.py")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "for-python.txt").write_text("3.9\n")
    (wheels / "torch-1-py3-none-any.whl").write_bytes(b"torch")
    dist = tmp_path / "dist"
    shutil.copytree(release, dist)
    for name in ("linux-x86_64", "windows-x86_64"):
        for part in ("ProPainterRemove", "propainter-minihost"):
            shutil.copy(release / f"{part}-0.1.0-linux-x86_64.zip", dist / f"{part}-0.1.0-{name}.zip.new")
            (dist / f"{part}-0.1.0-{name}.zip.new").rename(dist / f"{part}-0.1.0-{name}.zip")
    house = archives.Wheelhouse(wheels, "3.9")
    made = archives.pack_all(dist, "0.1.0", 1_700_000_000, wheelhouses={"linux-x86_64": house, "windows-x86_64": house})
    assert [path.name.split("0.1.0-")[1] for path in made] == [
        "linux-x86_64.tar.gz", "linux-x86_64-offline.tar", "windows-x86_64.zip", "windows-x86_64-offline.zip",
    ]  # fmt: skip
    subprocess.run(["tar", "xf", str(made[1]), "-C", str(tmp_path)], check=True)
    top = tmp_path / "propainter-remove-0.1.0"
    assert subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=top, check=False).returncode == 0
    assert "You need Python 3.9." in (top / "README.txt").read_text()
    with zipfile.ZipFile(made[3]) as archive:
        assert archive.read("propainter-remove-0.1.0/wheels/torch-1-py3-none-any.whl") == b"torch"
        assert b"install.cmd" in archive.read("propainter-remove-0.1.0/README.txt")
        read = archive.read("propainter-remove-0.1.0/README.txt").decode()
        assert "propainter-minihost.exe" in read and "propainter-install" not in read  # no command is on the PATH there
        held = [name for name in archive.namelist() if "minihost" in name]
        assert held == ["propainter-remove-0.1.0/propainter-minihost-0.1.0-windows-x86_64.zip"]
        assert "propainter-remove-0.1.0/install.sh" not in archive.namelist()
    capsys.readouterr()
    assert main(["--release", str(top), "--dry-run"]) == 2
    assert "are for Python 3.9, and this is" in capsys.readouterr().err
    ours = ".".join(map(str, sys.version_info[:2]))
    (top / "wheels" / "for-python.txt").write_text(f"{ours}\n")
    assert main(["--release", str(top), "--dry-run"]) == 2
    assert "wheels/for-python.txt has sha256" in capsys.readouterr().err
    write_sums(top)
    assert main(["--release", str(top), "--dry-run", "--torch", "cuda"]) == 2
    assert "holds torch for the CPU" in capsys.readouterr().err
    assert main(["--release", str(top), "--dry-run"]) == 0
    assert "nothing is downloaded" in capsys.readouterr().out


def test_a_python_without_pip_gets_the_releases(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's and Ubuntu's: its ``ensurepip`` is a package of its own. Here an import of it fails."""
    calls: list[list[str]] = []
    real = environment._run

    def run(command: Sequence[str], failing: str) -> None:
        calls.append(list(command))
        if "torch" not in command and "backend" not in failing:
            real(command, failing)

    monkeypatch.setattr(environment, "_run", run)
    monkeypatch.setenv("HOME", str(tmp_path))
    found = open_release(release, Machine.this())
    environment.make_environment(tmp_path / "env", environment.Sources(found, None, None), "linux")
    assert "--without-pip" in calls[0]
    done = subprocess.run(
        [tmp_path / "env/bin/python", "-m", "pip", "--version"], capture_output=True, text=True, check=True
    )
    assert found.pip is not None and done.stdout.startswith(f"pip {found.pip.name.split('-')[1]} ")
    monkeypatch.setattr(sys, "executable", str(python_without_ensurepip(tmp_path)))
    check_python(found)
    with pytest.raises(InstallError, match=r"import of ensurepip halted.*python3-venv"):
        check_python()


def python_without_ensurepip(folder: Path) -> Path:
    """As Debian ships it."""
    program = folder / "python3"
    hide = "import sys; sys.modules['ensurepip'] = None; exec(sys.argv[1])"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{hide}" "$2"\n')
    program.chmod(0o755)
    return program


def test_the_same_inputs_make_the_same_release(release: Path, tmp_path: Path) -> None:
    program = load_program(ROOT / "installer" / "make_release.py")
    for name in ("once", "again"):
        program.make_release(tmp_path / name, release.parent / BUNDLE, release.parent / "minihost", 1_700_000_000)
        (release.parent / BUNDLE / "Contents" / "Info.plist").touch()
    assert look(tmp_path / "once") == look(tmp_path / "again")


def test_a_release_holds_what_it_says(release: Path) -> None:
    names = {path.name for path in release.iterdir()}
    asked = {
        "install.sh",
        "install.ps1",
        "install.cmd",
        "constraints.txt",
        "LICENSE",
        "WEIGHTS-LICENSE.md",
        "SHA256SUMS",
    }
    assert asked | {"TESTED.md"} <= names
    sums = dict(reversed(line.split("  ")) for line in (release / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == names - {"SHA256SUMS"}
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=release, check=False)
    assert done.returncode == 0
    assert not any("linux" not in name for name in names if name.startswith("ProPainterRemove-"))


def test_the_list_of_contents_is_valid_and_complete(release: Path) -> None:
    text = (release / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    parts = {part["name"].lower(): part for part in json.loads(text)["components"]}
    assert {
        "torch",
        "numpy",
        "pyzmq",
        "msgpack",
        "av",
        "openimageio",
        "pyside6_essentials",
        "zig-libc++",
        "pip",
    } <= set(parts)
    assert "pytest" not in parts and "ruff" not in parts
    licences = (release / "THIRD-PARTY-LICENSES.txt").read_text()
    for part in parts.values():
        assert f"\n{part['name']} {part['version']}\n" in licences
        assert part["licenses"]
    assert "not declared" not in licences and "ProPainter.pth" not in licences


def test_the_minihost_of_a_release_can_be_run_from_its_archive(tmp_path: Path) -> None:
    program = load_program(ROOT / "installer" / "make_release.py")
    built = tmp_path / program.MINIHOST
    built.write_text("#!/bin/sh\n")
    program._zip(tmp_path / "minihost.zip", {built.name: built}, 1_700_000_000)
    with zipfile.ZipFile(tmp_path / "minihost.zip") as archive:
        (member,) = archive.infolist()
    assert (member.filename, member.external_attr >> 16) == (program.MINIHOST, 0o100755)


def test_a_binary_older_than_any_of_its_sources_stays_out_of_a_release(tmp_path: Path) -> None:
    program = load_program(ROOT / "installer" / "make_release.py")
    binary = tmp_path / "node"
    binary.touch()
    assert program._why_stale(binary, "ofx") == ""
    sources = [path for path in (ROOT / "host_plugin" / "ofx" / "src").rglob("*.cpp") if path.parent.name != "src"]
    oldest_room = min(path.stat().st_mtime for path in sources)
    os.utime(binary, (oldest_room - 1, oldest_room - 1))
    assert "older than its sources" in program._why_stale(binary, "ofx")
