"""Where an installation goes, on all three systems; which torch; what hosts keep. Windows and macOS as arithmetic alone."""

from __future__ import annotations

import tempfile
from pathlib import Path

import platformdirs
import pytest

from propainter_install.errors import InstallError
from propainter_install.hosts import cache_places, find_caches, is_marked_failed, refusing_lists, search_path
from propainter_install.places import Machine, find_data, find_places, program
from propainter_install.torch_build import choose_torch
from propainter_install.windows import with_folder

LINUX = Machine("linux", "x86_64", {"HOME": "/home/ann"}, uid=7)
MACOS = Machine("macos", "arm64", {"HOME": "/Users/ann"}, uid=7)
WINDOWS = Machine("windows", "AMD64", {"USERPROFILE": r"C:\Users\ann", "LOCALAPPDATA": r"C:\Users\ann\AppData\Local"})


@pytest.mark.parametrize(
    ("machine", "system_wide", "bundle", "prefix"),
    [
        (LINUX, True, "/usr/OFX/Plugins/ProPainterRemove.ofx.bundle", "/opt/propainter-remove"),
        (MACOS, True, "/Library/OFX/Plugins/ProPainterRemove.ofx.bundle", "/Library/Application Support/propainter-remove"),
        (
            WINDOWS, True, r"C:\Program Files\Common Files\OFX\Plugins\ProPainterRemove.ofx.bundle",
            r"C:\Program Files\propainter-remove",
        ),
        (
            LINUX, False, "/home/ann/.local/share/propainter-remove/app/OFX/Plugins/ProPainterRemove.ofx.bundle",
            "/home/ann/.local/share/propainter-remove/app",
        ),
        (
            MACOS, False,
            "/Users/ann/Library/Application Support/propainter-remove/app/OFX/Plugins/ProPainterRemove.ofx.bundle",
            "/Users/ann/Library/Application Support/propainter-remove/app",
        ),
        (
            WINDOWS, False,
            r"C:\Users\ann\AppData\Local\propainter-remove\app\OFX\Plugins\ProPainterRemove.ofx.bundle",
            r"C:\Users\ann\AppData\Local\propainter-remove\app",
        ),
    ],
)  # fmt: skip
def test_bundle_and_environment_lie_where_each_system_has_them(
    machine: Machine, system_wide: bool, bundle: str, prefix: str
) -> None:
    places = find_places(machine, system_wide=system_wide)
    assert (str(places.bundle), str(places.prefix)) == (bundle, prefix)
    assert places.are_plugins_searched is system_wide


def test_everything_lies_below_another_root_and_prefix_when_asked() -> None:
    below = Machine("linux", "x86_64", {"HOME": "/home/ann"}, root="/stage")
    assert str(find_places(below, system_wide=True).bundle) == "/stage/usr/OFX/Plugins/ProPainterRemove.ofx.bundle"
    assert str(find_places(below, system_wide=False).nuke_init) == "/stage/home/ann/.nuke/init.py"
    moved = find_places(LINUX, system_wide=False, prefix="/shows/tools")
    assert str(moved.plugins) == "/shows/tools/OFX/Plugins"
    assert str(find_places(LINUX, system_wide=True, prefix="/shows/tools").plugins) == "/usr/OFX/Plugins"
    assert str(find_places(WINDOWS, system_wide=False).nuke_init) == r"C:\Users\ann\.nuke\init.py"


def test_a_variable_that_holds_a_relative_path_does_not_count() -> None:
    machine = Machine("linux", "x86_64", {"HOME": "/home/ann", "XDG_DATA_HOME": "data", "XDG_CONFIG_HOME": "/conf"})
    places = find_places(machine, system_wide=False)
    assert str(places.prefix) == "/home/ann/.local/share/propainter-remove/app"
    assert str(places.environment_file) == "/conf/environment.d/60-propainter-remove.conf"


def test_a_missing_home_and_a_relative_prefix_are_refused_with_a_way_out() -> None:
    with pytest.raises(InstallError, match=r"HOME is not set.*--system"):
        find_places(Machine("linux", "x86_64", {}), system_wide=False)
    with pytest.raises(InstallError, match="'tools' is not an absolute path"):
        find_places(LINUX, system_wide=False, prefix="tools")


def test_the_daemons_data_is_looked_for_where_the_daemon_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """platformdirs is what the daemon asks; the installer may not import it."""
    with tempfile.TemporaryDirectory() as home:
        monkeypatch.setenv("HOME", home)
        for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
            monkeypatch.delenv(name, raising=False)
        data = find_data(Machine("linux", "x86_64", {"HOME": home}))
        assert str(data.cache) == platformdirs.user_cache_dir("propainter-remove", appauthor=False)
        assert Path(data.weights) == platformdirs.user_data_path("propainter-remove", appauthor=False) / "weights"


def test_commands_are_where_each_systems_environments_have_them() -> None:
    places = find_places(WINDOWS, system_wide=False)
    backend = program(places.environments / "0.1.0", "propainter-backend", "windows")
    assert str(backend).endswith(r"\environments\0.1.0\Scripts\propainter-backend.exe")
    backend = program(find_places(MACOS, system_wide=True).environments / "1", "propainter-backend", "macos")
    assert str(backend).endswith("/environments/1/bin/propainter-backend")


@pytest.mark.parametrize(
    ("wanted", "driver", "name", "reason"),
    [
        ("auto", None, "cpu", "no NVIDIA driver was found"),
        ("auto", 580, "cu130", "NVIDIA driver 580 was found"),
        ("auto", 579, "cu126", "NVIDIA driver 579 was found"),
        ("auto", 525, "cu126", "NVIDIA driver 525 was found"),
        ("auto", 470, "cpu", "older than 525"),
        ("auto", 0, "cu126", "unknown version"),
        ("cpu", 580, "cpu", "asked for"),
        ("cuda", None, "cu126", "asked for"),
    ],
)
def test_torch_fits_the_driver(wanted: str, driver: int | None, name: str, reason: str) -> None:
    build = choose_torch(LINUX, wanted, driver)
    assert build.name == name and reason in build.reason
    assert build.index == f"https://download.pytorch.org/whl/{name}"


def test_macs_have_one_torch() -> None:
    assert choose_torch(MACOS, "auto", None).index is None


def test_hosts_search_what_the_variable_names_and_then_the_systems_folder() -> None:
    machine = Machine("windows", "AMD64", {"OFX_PLUGIN_PATH": r"D:\a;;E:\b c"})
    assert [str(path) for path in search_path(machine)] == [
        r"D:\a", r"E:\b c", r"C:\Program Files\Common Files\OFX\Plugins",
    ]  # fmt: skip


def test_caches_are_looked_for_where_each_host_keeps_them() -> None:
    linux = {f"{place.host} {place.folder}/{place.pattern}" for place in cache_places(LINUX)}
    assert linux == {
        "Resolve /home/ann/.local/share/DaVinciResolve/configs/OFXPluginCacheV2.xml",
        "Nuke /var/tmp/nuke-u7/ofxplugincache/ofxplugincache*.xml",
        "Natron /home/ann/.cache/INRIA/Natron/OFXLoadCache/OFXCache_*.xml",
    }
    machine = Machine(WINDOWS.system, WINDOWS.processor, {**WINDOWS.environ, "NUKE_TEMP_DIR": r"T:\nuke"})
    windows = [str(place.folder) for place in cache_places(machine)]
    assert windows[0] == r"C:\Users\ann\AppData\Roaming\Blackmagic Design\DaVinci Resolve\Support"
    assert windows[1:3] == [r"T:\nuke\ofxplugincache", r"C:\Users\ann\AppData\Local\Temp\nuke\ofxplugincache"]


def test_only_a_cache_that_mentions_the_node_is_stale(tmp_path: Path) -> None:
    machine = Machine("linux", "x86_64", {"HOME": str(tmp_path)}, uid=4_000_000)
    configs = tmp_path / ".local/share/DaVinciResolve/configs"
    natron = tmp_path / ".cache/INRIA/Natron/OFXLoadCache"
    for folder in (configs, natron):
        folder.mkdir(parents=True)
    (configs / "OFXPluginCacheV2.xml").write_text(
        '<p bundle="/usr/OFX/Plugins/ProPainterRemove.ofx.bundle" status="2"/>'
    )
    (natron / "OFXCache_2.5.xml").write_text("<cache><other/></cache>")
    resolve, other = find_caches(machine)
    assert (resolve.host, resolve.mentions_us, resolve.is_refused) == ("Resolve", True, True)
    assert (other.host, other.mentions_us, other.is_refused) == ("Natron", False, False)


def test_a_failed_mark_counts_only_on_our_bundle() -> None:
    assert is_marked_failed("<p><name>x/ProPainterRemove.ofx.bundle</name><status>2</status></p>")
    assert not is_marked_failed(
        '<p bundle="Other.ofx.bundle" status="2"/><p b="ProPainterRemove.ofx.bundle" status="1"/>'
    )
    assert not is_marked_failed('<p b="ProPainterRemove.ofx.bundle" status="20"/>')


def test_fusions_list_of_the_refused_is_read(tmp_path: Path) -> None:
    machine = Machine("linux", "x86_64", {"HOME": str(tmp_path)})
    blocked = tmp_path / ".local/share/DaVinciResolve/Fusion/Profiles/Default/Plugins.blocklist"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("/usr/OFX/Plugins/Other.ofx\n")
    assert refusing_lists(machine) == []
    blocked.write_text("/usr/OFX/Plugins/ProPainterRemove.ofx.bundle\n")
    assert refusing_lists(machine) == [blocked]


def test_a_search_path_of_windows_gets_the_folder_once_and_loses_only_it() -> None:
    assert with_folder(["b", "", "a"], remove="a", add="a") == ["a", "b"]
    assert with_folder(["a", "b"], remove="a") == ["b"]
    assert with_folder([""], remove="a") == []
