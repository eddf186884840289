"""The release bundle, where one has been built: what its binaries export and ask for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from node_fixtures import ROOT, load_program

BUNDLE = ROOT / "build" / "ofx" / "ProPainterRemove.ofx.bundle"


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    return load_program("check_bundle")


def test_the_release_bundle_has_nothing_wrong_with_it(checker: ModuleType) -> None:
    if not BUNDLE.is_dir():
        pytest.skip("no release bundle here; make plugin builds it")
    assert checker.check_bundle(BUNDLE) == []


def test_the_everyday_build_exports_only_the_entry_points_and_stays_mapped(
    checker: ModuleType, node_build: Path
) -> None:
    binary = node_build / "ProPainterRemove.ofx.bundle" / "Contents" / "Linux-x86-64" / "ProPainterRemove.ofx"
    (facts,) = checker.read_binary(binary.read_bytes())
    assert facts.exports == checker.ENTRY_POINTS
    assert facts.is_nodelete
    assert not [name for name in facts.libraries if "stdc++" in name or "libgcc" in name]


def test_a_stray_export_a_new_libc_and_a_shared_runtime_are_found(checker: ModuleType, tmp_path: Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no compiler to build a bad plugin with")
    source = tmp_path / "bad.cpp"
    source.write_text(
        '#include <string>\nextern "C" int OfxGetPlugin(int n) { return std::to_string(n).size(); }\n'
        "int stray() { return 1; }\n"
    )
    binary = tmp_path / "bad.so"
    subprocess.run([compiler, "-shared", "-fPIC", str(source), "-o", str(binary)], check=True)
    (facts,) = checker.read_binary(binary.read_bytes())
    facts.versions.add("GLIBC_2.36")
    complaints = " ".join(checker.check_binary(facts))
    for words in ("_Z5strayv", "OfxSetHost", "GLIBC 2.36", "libstdc++", "nodelete"):
        assert words in complaints


def test_a_windows_library_that_has_to_be_installed_first_is_found(checker: ModuleType) -> None:
    own = {"KERNEL32.dll", "WS2_32.dll", "api-ms-win-crt-heap-l1-1-0.dll"}
    facts = checker.Facts("PE x86-64", exports=set(checker.ENTRY_POINTS), libraries=own)
    assert checker.check_binary(facts) == []
    facts.libraries |= {"VCRUNTIME140.dll", "libstdc++-6.dll"}
    (complaint,) = checker.check_binary(facts)
    assert "VCRUNTIME140.dll, libstdc++-6.dll, which Windows does not bring" in complaint
