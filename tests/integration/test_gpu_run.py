"""The runner of the GPU's tests on a bare machine: what it says without a card, without packages, and what it unpacks."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / "gpu" / "run.py"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spec = importlib.util.spec_from_file_location("gpu_run", RUN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SITE", tmp_path / "site")
    return module


def asked(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", *arguments])


def write_wheel(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "here = True\n")
        wheel.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{name}-1.0.dist-info/RECORD", "")


@pytest.mark.parametrize("what", ["test", "bench"])
def test_without_a_card_it_says_so_in_one_sentence_and_ends_well(run, monkeypatch, capsys, what):
    monkeypatch.setattr(run, "card_of", lambda: None)
    asked(monkeypatch, what)
    assert run.main() == 0
    said = capsys.readouterr().out.strip()
    assert said.startswith("No NVIDIA card")
    assert "\n" not in said


def test_what_is_lacking_is_named_with_the_way_out(run, monkeypatch, capsys):
    monkeypatch.setattr(run, "card_of", lambda: "a card")
    monkeypatch.setattr(run, "NEEDS", {"a_package_nobody_has": "a-package-nobody-has"})
    asked(monkeypatch, "bench")
    assert run.main() == 2
    assert "lacks a-package-nobody-has; fetch wheels with 'make gpu-wheels'" in capsys.readouterr().err


def test_what_is_lacking_comes_from_the_wheels_and_nothing_else_does(run, monkeypatch, tmp_path, capsys):
    wheels = tmp_path / "wheels"
    for name in ("a_package_nobody_has", "torch"):
        write_wheel(wheels, name)
    monkeypatch.setattr(run, "card_of", lambda: "a card")
    monkeypatch.setattr(run, "NEEDS", {"a_package_nobody_has": "a-package.nobody-has"})
    found = "import a_package_nobody_has as p, os; print(p.here, os.environ['PROPAINTER_TEST_DEVICE'])"
    monkeypatch.setattr(run, "command_of", lambda what, device: [sys.executable, "-c", found])
    log = tmp_path / "logs" / "bench.log"
    asked(monkeypatch, "bench", "--wheels", str(wheels), "--log", str(log))
    assert run.main() == 0
    assert "True cuda" in capsys.readouterr().out
    assert "True cuda" in log.read_text()
    assert "a card" in log.read_text()
    assert not list(run.SITE.glob("torch*"))


def test_the_run_s_failure_is_its_own(run, monkeypatch, tmp_path):
    monkeypatch.setattr(run, "NEEDS", {})
    monkeypatch.setattr(run, "FOR_TESTS", {})
    monkeypatch.setattr(run, "card_of", lambda: None)
    monkeypatch.setattr(run, "command_of", lambda what, device: [sys.executable, "-c", "raise SystemExit(5)"])
    asked(monkeypatch, "test", "--device", "cpu", "--log", str(tmp_path / "test.log"))
    assert run.main() == 5


def test_the_daemon_knows_no_version_where_it_was_never_installed(tmp_path):
    """A bare machine has the project's files and no package of that name: nothing may need its metadata to begin."""
    hidden = (
        "import importlib.metadata as m\n"
        "def lost(name): raise m.PackageNotFoundError(name)\n"
        "m.version = lost\n"
        "import propainter_backend.daemon.daemon as d, propainter_backend.daemon.relay as r\n"
        "print(d.VERSION, r.VERSION)"
    )
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)
    assert done.stdout == "unknown unknown\n", done.stderr
