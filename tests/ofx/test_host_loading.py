"""Opening a plugin: what is one, which one, and one sentence for everything that is not."""

from pathlib import Path

import pytest

from propainter_host import Host, PluginNotLoaded, PluginRefused
from propainter_host.plugin import find_binary

BINARY = Path("Contents/Linux-x86-64/Probe.ofx")


def test_a_bundle_and_its_binary_are_the_same_plugin(probe: Path) -> None:
    assert find_binary(probe) == find_binary(probe / BINARY) == probe / BINARY
    with Host() as host:
        for path in (probe, probe / BINARY):
            plugin = host.load(path)
            assert (plugin.identifier, plugin.version, plugin.label) == ("org.propainter.probe", (1, 0), "Probe")
            assert plugin.contexts == ["General", "Filter"]


def test_a_binary_of_several_plugins_wants_to_be_told_which(probe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_MISDEED", "two plugins")
    with Host() as host:
        with pytest.raises(PluginNotLoaded, match=r"2 plugin\(s\): org.propainter.probe, org.propainter.second"):
            host.load(probe)
        assert host.load(probe, plugin_id="org.propainter.second").identifier == "org.propainter.second"


@pytest.mark.parametrize(
    ("misdeed", "profile", "sentence"),
    [
        ("other api", "nuke", "is written to b'OfxImageEffectPluginAPI' 2, not to image effects 1"),
        ("skip me", "mlt", "asked to be skipped on this host"),
    ],
)
def test_a_plugin_for_another_interface_or_host_is_not_loaded(
    probe: Path, monkeypatch: pytest.MonkeyPatch, misdeed: str, profile: str, sentence: str
) -> None:
    monkeypatch.setenv("PROBE_MISDEED", misdeed)
    with Host(profile) as host, pytest.raises(PluginNotLoaded, match=sentence):
        host.load(probe)


@pytest.mark.parametrize("misdeed", ["refuse", "other api", "two plugins"])
def test_a_binary_that_is_refused_is_closed_again(
    probe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, misdeed: str
) -> None:
    monkeypatch.setenv("PROBE_MISDEED", misdeed)
    monkeypatch.setenv("PROBE_TRACE", str(tmp_path / "trace"))
    with Host() as host, pytest.raises((PluginNotLoaded, PluginRefused)):
        host.load(probe)
    trace = (tmp_path / "trace").read_text().split()
    assert (trace[0], trace[-1]) == ("opened", "closed")
    assert ("OfxActionLoad" in trace) == ("OfxActionUnload" in trace) == (misdeed == "refuse")


def test_what_is_no_plugin_is_refused_in_a_sentence(tmp_path: Path) -> None:
    bundle = tmp_path / "Empty.ofx.bundle"
    bundle.mkdir()
    text = tmp_path / "notes.ofx"
    text.write_text("not a library")
    with Host() as host:
        with pytest.raises(PluginNotLoaded, match=r"has no binary at Contents/Linux-x86-64/Empty\.ofx"):
            host.load(bundle)
        with pytest.raises(PluginNotLoaded, match="cannot be opened"):
            host.load(text)
        with pytest.raises(PluginNotLoaded, match="there is no plugin at"):
            host.load(tmp_path / "missing.ofx")
        with pytest.raises(PluginNotLoaded, match="does not export OfxGetNumberOfPlugins and OfxGetPlugin"):
            host.load("/lib/x86_64-linux-gnu/libm.so.6")
