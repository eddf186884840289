"""The node by itself: looked at, repaired, removed and put back, as the panel's first window does it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from propainter_install.__main__ import main
from propainter_install.errors import InstallError
from propainter_install.node import look_at_node, put_node, remove_node
from propainter_install.places import BINARY, BUNDLE, Machine
from propainter_install.record import Record
from propainter_install.transaction import take_away
from small_release import install_small, write_release

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="puts the Linux node into a home")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody's, with nothing of ours in it, on a machine of this kind."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def record(home: Path, tmp_path: Path) -> Path:
    """An installation whose release has been thrown away since."""
    release = write_release(tmp_path / "release", Machine("linux", "x86_64", {"HOME": str(home)}))
    path = install_small(release, home, tmp_path / "environment")
    for file in release.iterdir():
        file.unlink()
    return path


def bundle_of(record: Path) -> Path:
    return record.parent / "OFX" / "Plugins" / BUNDLE


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_whole_node_is_told_with_its_version_and_place(record: Path) -> None:
    state = look_at_node(record)
    assert (state.standing, state.is_ours) == ("whole", True)
    assert "Version 0.1.0" in state.sentence and str(bundle_of(record).parent) in state.sentence


def test_removing_takes_the_node_and_leaves_the_rest_and_putting_makes_it_as_it_was(record: Path, home: Path) -> None:
    before = files_below(home)
    assert remove_node(record) == []
    assert look_at_node(record).standing == "absent"
    assert not bundle_of(record).parent.exists()
    assert not (home / ".config" / "environment.d" / "60-propainter-remove.conf").exists()
    assert (home / ".local" / "bin" / "propainter-panel").is_symlink()
    assert put_node(record) == []
    after = files_below(home)
    assert {name: content for name, content in before.items() if name != str(record.relative_to(home))} == {
        name: content for name, content in after.items() if name != str(record.relative_to(home))
    }
    assert take_away(Record.load(record)) == []
    assert list(home.iterdir()) == []


def test_a_missing_file_is_named_and_put_back(record: Path) -> None:
    binary = bundle_of(record) / "Contents" / "Linux-x86-64" / BINARY
    content = binary.read_bytes()
    binary.unlink()
    state = look_at_node(record)
    assert state.standing == "damaged" and f"{binary} is missing" in state.sentence
    assert put_node(record) == []
    assert binary.read_bytes() == content and look_at_node(record).standing == "whole"


def test_a_changed_file_is_set_aside_and_kept_when_all_is_removed(
    record: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    binary = bundle_of(record) / "Contents" / "Linux-x86-64" / BINARY
    for number, mine in enumerate((b"mine", b"mine again")):
        binary.write_bytes(mine)
        assert f"{binary} was changed" in look_at_node(record).sentence
        (said,) = put_node(record)
        aside = record.parent / "set-aside" / f"Linux-x86-64-{BINARY}.{number}"
        assert str(aside) in said and aside.read_bytes() == mine
        assert look_at_node(record).standing == "whole"
    monkeypatch.setattr("propainter_install.__main__.stop_daemon", lambda *_, **__: None)
    assert main(["--uninstall", "--yes", "--keep-data", "--prefix", str(record.parent)]) == 1
    assert f"{record.parent / 'set-aside'} holds files that were changed" in capsys.readouterr().out
    kept = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert sorted(kept) == [b"mine", b"mine again"]


def test_a_session_with_other_variables_finds_what_was_written_under_the_first(
    record: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "elsewhere"))
    assert look_at_node(record).standing == "whole"
    assert remove_node(record) == []
    assert not (home / ".config" / "environment.d" / "60-propainter-remove.conf").exists()
    assert put_node(record) == [] and look_at_node(record).standing == "whole"
    assert take_away(Record.load(record)) == [] and list(home.iterdir()) == []


def test_the_command_repairs_too(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    binary = bundle_of(record) / "Contents" / "Linux-x86-64" / BINARY
    binary.unlink()
    prefix = ["--prefix", str(record.parent)]
    assert main(["--repair", "--dry-run", *prefix]) == 0
    assert "The node is damaged" in capsys.readouterr().out and not binary.exists()
    assert main(["--repair", *prefix]) == 2  # nobody answers
    assert main(["--repair", "--yes", "--root", str(record.parent)]) == 2
    assert "leave --root out" in capsys.readouterr().err
    assert main(["--repair", "--yes", *prefix]) == 0
    assert binary.exists() and "Version 0.1.0 of the node" in capsys.readouterr().out


def test_a_kept_release_that_was_changed_is_told_and_nothing_is_done(record: Path) -> None:
    kept = next(record.parent.glob("release/*/ProPainterRemove-*.zip"))
    kept.write_bytes(kept.read_bytes() + b" ")
    state = look_at_node(record)
    assert state.standing == "unknown" and not state.is_ours and kept.name in state.sentence
    before = files_below(record.parent)
    for act in (put_node, remove_node):
        with pytest.raises(InstallError, match="download it again"):
            act(record)
    assert files_below(record.parent) == before


def test_a_python_that_nobody_installed_so_has_no_node_to_offer(tmp_path: Path) -> None:
    state = look_at_node(tmp_path / "installed.json")
    assert state.standing == "unknown" and not state.is_ours
    assert "was not set up by the installer" in state.sentence and "install.sh" in state.sentence


def test_what_was_installed_for_everybody_is_an_administrators_to_change(
    record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    state = look_at_node(record)
    assert state.standing == "whole" and not state.is_ours and "only an administrator" in state.sentence
