"""What the doctor tells somebody whose host does not show the node."""

from __future__ import annotations

from pathlib import Path

import pytest

from propainter_backend.commands.doctor import Finding, _minihost, examine_hosts
from propainter_install.places import BINARY, BUNDLE, Machine, find_places

ELF = b"\x7fELF\x02" + b"\0" * 13 + b"\x3e\0"


def machine_of(home: Path, *plugins: Path) -> Machine:
    """A home on a machine of its own; ``plugins``: what OFX_PLUGIN_PATH names."""
    named = ":".join(map(str, plugins))
    return Machine("linux", "x86_64", {"HOME": str(home), "OFX_PLUGIN_PATH": named}, root=str(home), uid=4_000_000)


def put_bundle(folder: Path, *, image: bytes = ELF, arch: str = "Linux-x86-64", backend: str = "/bin/sh") -> Path:
    binary = folder / BUNDLE / "Contents" / arch / BINARY
    binary.parent.mkdir(parents=True)
    binary.write_bytes(image)
    resources = folder / BUNDLE / "Contents" / "Resources"
    resources.mkdir()
    (resources / "backend-path").write_text(f"{backend}\n")
    return folder


def troubles(findings: list[Finding]) -> list[str]:
    return [f"{finding.what}: {finding.advice}" for finding in findings if not finding.is_well]


def test_a_whole_bundle_that_hosts_search_for_is_well(tmp_path: Path) -> None:
    findings = examine_hosts(machine_of(tmp_path, put_bundle(tmp_path / "plugins")))
    assert [finding.what for finding in findings] == [f"node {tmp_path / 'plugins' / BUNDLE}"]
    assert troubles(findings) == [] and not any(finding.is_needed for finding in findings)


def test_the_way_to_try_the_node_without_a_host_is_told_where_there_is_one(tmp_path: Path) -> None:
    home = tmp_path / "a home"
    machine = Machine("linux", "x86_64", {"HOME": str(home)}, root=str(tmp_path), uid=4_000_000)
    assert _minihost(machine) == []
    program = Path(find_places(machine, system_wide=False).prefix) / "propainter-minihost"
    program.parent.mkdir(parents=True)
    program.touch()
    (finding,) = _minihost(machine)
    assert (finding.mark, finding.advice) == ("note", f"type '{program}' --selftest")
    assert not finding.is_needed


def test_without_a_node_installing_it_is_proposed_but_nothing_is_wrong(tmp_path: Path) -> None:
    (finding,) = examine_hosts(machine_of(tmp_path))
    assert finding.is_well and "usr/OFX/Plugins" in finding.what and "propainter-install" in finding.advice


def test_an_installed_node_that_no_variable_names_is_explained(tmp_path: Path) -> None:
    home = tmp_path / str(tmp_path).lstrip("/")  # the home below the root
    plugins = put_bundle(home / ".local/share/propainter-remove/app/OFX/Plugins")
    (trouble,) = troubles(examine_hosts(machine_of(tmp_path)))
    assert "OFX_PLUGIN_PATH does not name" in trouble and f"OFX_PLUGIN_PATH={plugins}" in trouble


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"arch": "Win64"}, "is for Win64, and this machine loads Linux-x86-64"),
        ({"image": ELF.replace(b"\x3e", b"\xb7")}, "no program for x86_64 linux"),
        ({"image": b""}, "no program for x86_64 linux"),
        ({"backend": "/gone/propainter-backend"}, "starts /gone/propainter-backend, which is not there"),
    ],
)
def test_a_bundle_that_cannot_work_is_explained(tmp_path: Path, options: dict[str, object], words: str) -> None:
    plugins = put_bundle(tmp_path / "plugins", **options)  # type: ignore[arg-type]
    (trouble,) = troubles(examine_hosts(machine_of(tmp_path, plugins)))
    assert words in trouble and "propainter-install" in trouble


def test_a_binary_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "plugins" / BUNDLE / "Contents" / "Linux-x86-64" / BINARY).mkdir(parents=True)
    (trouble,) = troubles(examine_hosts(machine_of(tmp_path, tmp_path / "plugins")))
    assert "Is a directory" in trouble and "chmod -R a+rX" in trouble


def test_two_nodes_are_one_too_many(tmp_path: Path) -> None:
    first, second = put_bundle(tmp_path / "a"), put_bundle(tmp_path / "b")
    (trouble,) = troubles(examine_hosts(machine_of(tmp_path, first, second)))
    assert "2 nodes" in trouble and str(second) in trouble


def test_what_hosts_remember_is_explained(tmp_path: Path) -> None:
    home = tmp_path / str(tmp_path).lstrip("/")
    cache = home / ".local/share/DaVinciResolve/configs/OFXPluginCacheV2.xml"
    cache.parent.mkdir(parents=True)
    machine = machine_of(tmp_path, put_bundle(tmp_path / "plugins"))
    cache.write_text("<plugins/>")
    assert "Resolve has not seen the node" in examine_hosts(machine)[-1].what
    cache.write_text(f'<plugin path="{BUNDLE}" status="1"/>')
    assert "Video Plugins" in examine_hosts(machine)[-1].advice
    cache.write_text(f'<plugin path="{BUNDLE}" status="2"/>')
    (trouble,) = troubles(examine_hosts(machine))
    assert "failed to load" in trouble and str(cache) in trouble and "delete" in trouble


def test_fusions_refusal_is_explained(tmp_path: Path) -> None:
    home = tmp_path / str(tmp_path).lstrip("/")
    blocked = home / ".fusion/BlackmagicDesign/Fusion/Profiles/Default/Plugins.blocklist"
    blocked.parent.mkdir(parents=True)
    blocked.write_text(f"/usr/OFX/Plugins/{BUNDLE}\n")
    (trouble,) = troubles(examine_hosts(machine_of(tmp_path, put_bundle(tmp_path / "plugins"))))
    assert str(blocked) in trouble and "take the node's line out" in trouble


def test_processors_the_node_is_not_built_for_are_told(tmp_path: Path) -> None:
    machine = machine_of(tmp_path, put_bundle(tmp_path / "plugins"))
    arm = Machine("linux", "aarch64", machine.environ, root=machine.root, uid=machine.uid)
    assert "not built for aarch64" in troubles(examine_hosts(arm))[0]
