"""What a plan puts where on each system, and that what it writes is what systemd, launchd and Windows read."""

from __future__ import annotations

import plistlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest

import propainter_pictures
import propainter_ui
import propainter_wire
from propainter_install.environment import _NUKE_PARTS, Sources
from propainter_install.pieces import Block, Link, Piece, Task, TextFile, Tree, UserVariable
from propainter_install.places import BINARY, BUNDLE, Machine, find_places
from propainter_install.plan import Choices, make_plan
from propainter_install.release import Release

ODD = 'R&D "50%" $HOME'
"""A folder somebody may have; every one of these characters means something to somebody."""


def plan_for(machine: Machine, folder: Path, *, system_wide: bool = False, prefix: str | None = None) -> list[Piece]:
    bundle = folder / "node.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        for name in (f"Contents/{machine.ofx_folder}/{BINARY}", "Contents/Info.plist"):
            archive.writestr(f"{BUNDLE}/{name}", name)
    wheel = folder / "propainter_remove-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    sources = Sources(Release(folder, wheel, bundle, folder / "constraints.txt", "0.1.0"), None, None)
    choices = Choices(None, system_wide, True, True, True, "stale")
    return make_plan(choices, machine, find_places(machine, system_wide=system_wide, prefix=prefix), sources)


def contents(plan: list[Piece], ending: str) -> bytes:
    (found,) = [piece.content for piece in plan if isinstance(piece, TextFile) and str(piece.path).endswith(ending)]
    return found


def linux(home: Path) -> Machine:
    return Machine("linux", "x86_64", {"HOME": str(home)}, uid=4_000_000)


def test_the_environment_comes_first_and_the_binary_after_the_rest_of_its_bundle(tmp_path: Path) -> None:
    plan = plan_for(linux(tmp_path), tmp_path)
    assert isinstance(plan[0], Tree) and plan[0].path.parent.name == "environments"
    inside = [piece.path.name for piece in plan if BUNDLE in str(piece.path)]
    assert inside == ["backend-path", "Info.plist", BINARY]
    program = contents(plan, "backend-path").decode()
    assert program == f"{plan[0].path}/bin/propainter-backend\n"


def test_systemd_starts_the_very_program_whatever_its_folder_is_called(tmp_path: Path) -> None:
    plan = plan_for(linux(tmp_path), tmp_path, prefix=f"/shows/{ODD}")
    unit = contents(plan, "propainter-backend.service").decode()
    (line,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    escaped = 'R&D \\"50%%\\" $$HOME'  # systemd.service(5), systemd.unit(5): \" in quotes, %% and $$
    assert line.startswith(f'ExecStart="/shows/{escaped}/environments/0.1.0-')
    (link,) = [piece for piece in plan if isinstance(piece, Link) and "default.target.wants" in str(piece.path)]
    assert link.target == str(tmp_path / ".config/systemd/user/propainter-backend.service")


def test_systemd_itself_accepts_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    plan = plan_for(linux(tmp_path), tmp_path)
    unit = tmp_path / "propainter-backend.service"
    unit.write_bytes(
        contents(plan, unit.name).replace(str(plan[0].path).encode() + b"/bin/propainter-backend", b"/bin/sh")
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(unit)], capture_output=True, text=True, check=False
    )
    assert unit.name not in done.stderr, done.stderr


def test_a_login_finds_the_plugins(tmp_path: Path) -> None:
    plan = plan_for(linux(tmp_path), tmp_path)
    plugins = next(str(piece.path).split(f"/{BUNDLE}")[0] for piece in plan if BUNDLE in str(piece.path))
    line = contents(plan, "60-propainter-remove.conf").decode().splitlines()[-1]
    assert line == f"OFX_PLUGIN_PATH={plugins}${{OFX_PLUGIN_PATH:+:$OFX_PLUGIN_PATH}}"


def test_nuke_adds_a_folder_that_the_wheel_fills(tmp_path: Path) -> None:
    plan = plan_for(linux(tmp_path), tmp_path)
    (block,) = [piece for piece in plan if isinstance(piece, Block)]
    (site,) = [piece for piece in plan if isinstance(piece, Tree) and piece.path.parent.name == "nuke"]
    assert block.path == tmp_path / ".nuke" / "init.py"
    assert block.lines == ("import nuke", f"nuke.pluginAddPath('{site.path}/propainter_ui/nuke')")


def test_system_wide_nothing_goes_into_anybodys_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for system, processor, variable in (("linux", "x86_64", "HOME"), ("macos", "arm64", "HOME")):
        machine = Machine(system, processor, {variable: str(home)}, uid=4_000_000)  # type: ignore[arg-type]
        assert not any(str(piece.path).startswith(str(home)) for piece in plan_for(machine, tmp_path, system_wide=True))


def test_launchd_starts_the_very_program_and_sets_the_path(tmp_path: Path) -> None:
    machine = Machine("macos", "arm64", {"HOME": f"/Users/{ODD}"})
    plan = plan_for(machine, tmp_path)
    library = f"/Users/{ODD}/Library"
    app = f"{library}/Application Support/propainter-remove/app"
    agent = plistlib.loads(contents(plan, "LaunchAgents/org.propainter-remove.backend.plist"))
    assert agent["ProgramArguments"] == [f"{plan[0].path}/bin/propainter-backend"]
    assert str(plan[0].path).startswith(app)
    setting = plistlib.loads(contents(plan, "LaunchAgents/org.propainter-remove.environment.plist"))
    assert setting["ProgramArguments"] == ["/bin/launchctl", "setenv", "OFX_PLUGIN_PATH", f"{app}/OFX/Plugins"]


def test_windows_registers_the_very_program_and_sets_the_users_path(tmp_path: Path) -> None:
    home = "C:\\Users\\R&D"
    machine = Machine("windows", "AMD64", {"USERPROFILE": home})
    plan = plan_for(machine, tmp_path)
    root = ElementTree.fromstring(contents(plan, "daemon-task.xml"))
    command = root.find(".//{*}Command")
    assert command is not None and command.text is not None
    assert command.text.endswith("\\Scripts\\propainter-backend.exe") and "R&D" in command.text
    assert [piece.path.name for piece in plan if isinstance(piece, Task)] == ["propainter-backend"]
    (variable,) = [piece for piece in plan if isinstance(piece, UserVariable)]
    assert variable.folder == f"{home}\\AppData\\Local\\propainter-remove\\app\\OFX\\Plugins"
    assert not any(isinstance(piece, Link) for piece in plan)


def test_nuke_gets_every_package_of_ours_that_the_panel_imports() -> None:
    given = {part.rstrip("/") for part in _NUKE_PARTS}
    for package in (propainter_ui, propainter_wire, propainter_pictures):
        for file in Path(package.__path__[0]).rglob("*.py"):
            wanted = set(
                re.findall(r"^\s*(?:from|import) (propainter\w*)", file.read_text(encoding="utf-8"), re.MULTILINE)
            )
            assert wanted <= given, file
