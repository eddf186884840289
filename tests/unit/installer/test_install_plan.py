"""What a plan puts where on each system, and that what it writes is what systemd, launchd and Windows read."""

from __future__ import annotations

import io
import plistlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path, PureWindowsPath

import pytest

import propainter_pictures
import propainter_ui
import propainter_wire
from propainter_install.environment import _NUKE_PARTS, Sources
from propainter_install.errors import InstallError
from propainter_install.pieces import Block, Link, Piece, Shortcut, Task, TextFile, Tree, UserVariable
from propainter_install.places import BINARY, BUNDLE, MINIHOST, Machine, System, find_places, program
from propainter_install.plan import Choices, as_ico, in_exec, make_plan
from propainter_install.record import Record
from propainter_install.release import open_release
from propainter_install.transaction import carry_out, take_away
from small_release import write_release, write_sums

ODD = 'R&D "50%" $HOME'
"""A folder somebody may have; every one of these characters means something to somebody."""


def plan_for(machine: Machine, folder: Path, *, system_wide: bool = False, prefix: str | None = None) -> list[Piece]:
    release = folder / f"release-{machine.system}"
    if not release.exists():
        write_release(release, machine)
    sources = Sources(open_release(release, machine), None, None)
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
    assert inside[0] == "backend-path" and inside[-1] == BINARY
    program = contents(plan, "backend-path").decode()
    assert program == f"{plan[0].path}/bin/propainter-backend\n"


@pytest.mark.parametrize(("system", "name"), [("linux", MINIHOST), ("macos", MINIHOST), ("windows", f"{MINIHOST}.exe")])
def test_the_small_host_lies_above_the_node_it_tries(tmp_path: Path, system: System, name: str) -> None:
    home = {"HOME": str(tmp_path), "USERPROFILE": r"C:\Users\me"}
    machine = Machine(system, "x86_64", home, uid=4_000_000)
    plan = plan_for(machine, tmp_path)
    (program,) = [piece for piece in plan if isinstance(piece, TextFile) and piece.path.name == name]
    places = find_places(machine, system_wide=False)
    assert (str(program.path), program.mode) == (str(Path(places.prefix / name)), 0o755)
    assert places.plugins == places.prefix / "OFX" / "Plugins"
    links = [piece.target for piece in plan if isinstance(piece, Link) and piece.path.name == MINIHOST]
    assert links == ([] if system == "windows" else [str(program.path)])


def test_a_small_host_that_is_none_is_refused(tmp_path: Path) -> None:
    machine = linux(tmp_path)
    release = write_release(tmp_path / "release", machine)
    (path,) = release.glob(f"{MINIHOST}-*.zip")
    for content in (b"no zip", _zip_of(MINIHOST, b"no program"), _zip_of("other", b"")):
        path.write_bytes(content)
        with pytest.raises(InstallError, match=f"{MINIHOST}.* has sha256"):
            open_release(release, machine)
        write_sums(release)
        with pytest.raises(InstallError, match=f"{MINIHOST}.*(cannot be read|is no program)"):
            open_release(release, machine)
    path.unlink()
    assert open_release(release, machine).minihost is None


def _zip_of(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, content)
    return packed.getvalue()


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
            if "first_run" in file.parts:  # of the window standing alone
                continue
            wanted = set(
                re.findall(r"^\s*(?:from|import) (propainter\w*)", file.read_text(encoding="utf-8"), re.MULTILINE)
            )
            assert wanted <= given, file


# The menu of programs.


def test_the_desktops_menu_starts_the_very_panel_whatever_its_folder_is_called(tmp_path: Path) -> None:
    plan = plan_for(linux(tmp_path), tmp_path, prefix=f"/shows/{ODD}")
    entry = contents(plan, "share/applications/propainter-remove.desktop").decode()
    (line,) = [line for line in entry.splitlines() if line.startswith("Exec=")]
    escaped = 'R&D \\\\"50%%\\\\" \\\\$HOME'  # quoted by the key's rules, then escaped as every text of the file
    assert line.startswith(f'Exec="/shows/{escaped}/environments/0.1.0-') and line.endswith('/bin/propainter-panel" %F')
    for ending in ("hicolor/scalable/apps/propainter-remove.svg", "hicolor/64x64/apps/propainter-remove.png"):
        assert contents(plan, ending)


def test_read_by_the_specifications_rules_the_entry_gives_the_program_back() -> None:
    """Escapes of every text first, then quotes, which are a shell's, then the field codes' percent signs."""
    path = f"/shows/{ODD} `x` \\ y/bin/propainter-panel"
    text = in_exec(path).replace("\\\\", "\\")
    said = subprocess.run(["sh", "-c", f"printf %s {text}"], capture_output=True, text=True, check=True).stdout
    assert said.replace("%%", "%") == path


def test_the_start_menu_opens_the_panel_without_a_console(tmp_path: Path) -> None:
    machine = Machine("windows", "AMD64", {"USERPROFILE": "C:\\Users\\R&D", "APPDATA": "D:\\Roaming"})
    plan = plan_for(machine, tmp_path)
    (entry,) = [piece for piece in plan if isinstance(piece, Shortcut)]
    menu = "D:\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\ProPainter Remove.lnk"
    assert PureWindowsPath(entry.path) == PureWindowsPath(menu) and entry.arguments == "-m propainter_ui"
    pythonw = program(PureWindowsPath(plan_environment(plan)), "pythonw", "windows")
    assert PureWindowsPath(entry.target) == pythonw
    icon = contents(plan, "propainter-remove.ico")
    assert entry.icon.endswith("propainter-remove.ico") and icon[:6] == b"\0\0\1\0\1\0"
    assert as_ico(icon[22:]) == icon and icon[6:8] == b"\x40\x40"


def plan_environment(plan: list[Piece]) -> Path:
    return next(piece.path for piece in plan if isinstance(piece, Tree) and piece.path.parent.name != "nuke")


def test_the_shortcuts_values_reach_powershell_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for powershell writes down what it was given."""
    tool = tmp_path / "powershell"
    tool.write_text('#!/bin/sh\nprintf "%s|" "$PPR_LINK" "$PPR_TARGET" "$PPR_ARGUMENTS" "$PPR_ICON" > "$OUT"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("OUT", str(tmp_path / "told"))
    home = tmp_path / ODD.replace('"', "'")
    link = Shortcut(home / "Menu" / "ProPainter Remove.lnk", "C:\\a b\\pythonw.exe", "-m propainter_ui", "C:\\i.ico")
    record = Record(tmp_path / "app" / "installed.json")
    carry_out([link], record, "1", tmp_path / "backend", tell=print)
    assert (tmp_path / "told").read_text() == f"{link.path}|C:\\a b\\pythonw.exe|-m propainter_ui|C:\\i.ico|"
    link.path.touch()
    assert take_away(Record.load(record.path)) == [] and not home.exists()


def test_a_menu_that_cannot_be_written_is_told_and_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "powershell"
    tool.write_text("#!/bin/sh\necho 'Access is denied' >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    link = Shortcut(tmp_path / "Menu" / "P.lnk", "p", "a", "i")
    with pytest.raises(InstallError, match=r"P\.lnk cannot be made \(Access is denied\); use --no-menu"):
        carry_out([link], Record(tmp_path / "app" / "installed.json"), "1", tmp_path / "backend", tell=print)
    assert [path.name for path in tmp_path.iterdir()] == ["powershell"]
