"""A release can be pinned and signed: with a SHA256SUMS other than the one made known, nothing of it is used."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from installation import ROOT, load_program

from propainter_install.__main__ import main

MARK = "the wheel was run"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A wheel that says so when anything of it is run, the sums, and the scripts."""
    folder = tmp_path / "release"
    package = tmp_path / "propainter_install"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(f"def main():\n    print({MARK!r})\n")
    folder.mkdir()
    made = shutil.make_archive(str(tmp_path / "wheel"), "zip", tmp_path, "propainter_install")
    shutil.move(made, folder / "propainter_remove-0.1.0-py3-none-any.whl")
    for script in ("install.sh", "install.ps1"):
        shutil.copy(ROOT / "installer" / script, folder)
    load_program(ROOT / "installer" / "make_release.py").write_sums(folder)
    return folder


def pin_of(release: Path) -> str:
    return hashlib.sha256((release / "SHA256SUMS").read_bytes()).hexdigest()


def install(release: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable}
    command = ["sh", str(release / "install.sh"), *options]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
@pytest.mark.parametrize("form", ["--pin {}", "--pin={}"])
def test_with_the_pin_it_goes_on_and_with_another_nothing_of_the_release_is_run(release: Path, form: str) -> None:
    assert MARK in install(release, *form.format(pin_of(release).upper()).split()).stdout
    pinned = pin_of(release)
    wheel = next(release.glob("*.whl"))
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    load_program(ROOT / "installer" / "make_release.py").write_sums(release)  # whoever exchanges one exchanges both
    assert MARK in install(release).stdout
    refused = install(release, *form.format(pinned).split())
    assert refused.returncode == 2 and "pinned" in refused.stderr and MARK not in refused.stdout


@pytest.mark.parametrize(
    ("pin", "said"), [("0" * 64, "not 000000000000... as pinned"), ("12", "no SHA-256"), ("", "no SHA-256")]
)
def test_the_installer_itself_refuses_another_release_than_the_pinned_one(
    release: Path, pin: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--release", str(release), "--dry-run", "--pin", pin]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="signs with ssh-keygen")
def test_a_signature_tells_who_made_a_release_and_that_nothing_was_exchanged(release: Path, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    public = (tmp_path / "key.pub").read_text()
    (tmp_path / "allowed_signers").write_text(f"maker {' '.join(public.split()[:2])}\n")
    program = load_program(ROOT / "installer" / "make_release.py")
    program.sign_sums(release, tmp_path / "key")

    def is_good() -> bool:
        verify = ["ssh-keygen", "-Y", "verify", "-f", str(tmp_path / "allowed_signers"), "-I", "maker"]
        with (release / "SHA256SUMS").open("rb") as sums:
            done = subprocess.run(
                [*verify, "-n", program.SIGNED_FOR, "-s", str(release / "SHA256SUMS.sig")],
                stdin=sums, capture_output=True, check=False,
            )  # fmt: skip
        return done.returncode == 0

    assert is_good()
    before = (release / "SHA256SUMS").read_text()
    program.write_sums(release)
    assert (release / "SHA256SUMS").read_text() == before, "the signature is of the sums, not among them"
    (release / "SHA256SUMS").write_text(before.replace("a", "b"))
    assert not is_good()
