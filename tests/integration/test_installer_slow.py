"""The whole installation with an environment of its own, from a wheelhouse, as a machine without a network has it.

``PROPAINTER_BARE_ROOT`` names a Debian system in a folder (``debootstrap --variant=minbase --include=python3
bookworm FOLDER``, with /proc and /dev/shm mounted): then the same is done in there, with ``--system``, and the whole system
is compared. It has to be of this Python's version, for the wheels are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from installation import (
    BOX,
    BUNDLE,
    ROOT,
    Workstation,
    load_program,
    look,
    renumber_release,
    write_shot,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(sys.platform != "linux" or shutil.which("cmake") is None, reason="installs the Linux node"),
]
PACKAGES = (
    "torch", "jaxtyping", "opencv-python-headless", "openimageio", "av", "tqdm", "safetensors", "platformdirs", "psutil",
    "PySide6-Essentials", "pyzmq", "msgpack", "numpy", "xxhash",
)  # fmt: skip


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Every wheel an installation needs; ``PROPAINTER_WHEELHOUSE`` names one that is there already."""
    if "PROPAINTER_WHEELHOUSE" in os.environ:
        yield Path(os.environ["PROPAINTER_WHEELHOUSE"])
        return
    folder = tmp_path_factory.mktemp("wheelhouse")
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    command = [sys.executable, "-m", "pip", "download", "--quiet", *constraints, "--dest", str(folder), *PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no wheels to install from: {done.stderr.strip().splitlines()[-1]}")
    yield folder
    shutil.rmtree(folder)


def test_an_environment_of_its_own_is_made_used_replaced_and_taken_away(
    release: Path, wheelhouse: Path, station: Workstation, tmp_path: Path
) -> None:
    background = write_shot(tmp_path / "shot")
    init = station.home / ".nuke" / "init.py"
    init.parent.mkdir()
    init.write_text("mine = 1")
    before = look(station.top)
    offline = ["--offline", str(wheelhouse), "--torch", "cpu"]

    done = station.install(release, *offline)
    assert done.returncode == 0, done.stdout + done.stderr
    (environment,) = (station.app / "environments").iterdir()
    backend = (station.bundle / "Contents" / "Resources" / "backend-path").read_text().strip()
    assert backend == str(environment / "bin" / "propainter-backend")
    first = station.render(tmp_path / "shot", tmp_path / "first")
    np.testing.assert_allclose(first[BOX].astype(int), background[BOX], atol=6)
    assert station.daemon_pid() is not None
    doctor = station.run(station.home / ".local" / "bin" / "propainter-backend", "doctor")
    assert doctor.returncode == 0 and "which OFX_PLUGIN_PATH does not name here" in doctor.stdout
    check_nuke(station, tmp_path / "nuke")

    done = station.install(renumber_release(release, tmp_path / "newer", "0.1.1"), *offline)
    assert done.returncode == 0 and "stop the running backend" in done.stdout, done.stdout + done.stderr
    assert not environment.exists() and len(list((station.app / "environments").iterdir())) == 1
    np.testing.assert_array_equal(station.render(tmp_path / "shot", tmp_path / "second"), first)

    done = station.run(station.home / ".local" / "bin" / "propainter-install", "--uninstall", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert look(station.top) == before


def check_nuke(station: Workstation, stand_in: Path) -> None:
    """Nuke's start, by a stand-in for its module: the panel's packages are found, torch is not."""
    stand_in.mkdir()
    (stand_in / "nuke.py").write_text(
        "import runpy\ndef pluginAddPath(path):\n    runpy.run_path(path + '/init.py', {'__file__': path + '/init.py'})\n"
    )
    program = (
        f"import sys, runpy; sys.path.insert(0, {str(stand_in)!r})\n"
        f"runpy.run_path({str(station.home / '.nuke/init.py')!r})\n"
        "import propainter_wire.client, zmq, numpy, OpenImageIO, av\n"
        "import importlib.util; assert importlib.util.find_spec('propainter_ui.nuke.dock')\n"
        "assert importlib.util.find_spec('torch') is None and importlib.util.find_spec('propainter') is None\n"
        "print(propainter_wire.client.__file__)"
    )
    done = station.run(os.path.realpath(sys.executable), "-I", "-c", program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(station.app / "nuke"))


def test_a_wheelhouse_that_lacks_a_wheel_leaves_nothing_behind(
    release: Path, wheelhouse: Path, station: Workstation, tmp_path: Path
) -> None:
    lacking = tmp_path / "lacking"
    shutil.copytree(wheelhouse, lacking, copy_function=os.symlink)
    next(lacking.glob("torch-*.whl")).unlink()
    before = look(station.top)
    done = station.install(release, "--offline", str(lacking), "--no-nuke")
    assert done.returncode == 2 and "torch cannot be installed" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert look(station.top) == before


@pytest.mark.skipif(
    "PROPAINTER_BARE_ROOT" not in os.environ or os.getuid() != 0, reason="no PROPAINTER_BARE_ROOT, or no root"
)
def test_a_bare_debian_is_afterwards_what_it_was(release: Path, wheelhouse: Path, tmp_path: Path) -> None:
    root = Path(os.environ["PROPAINTER_BARE_ROOT"])
    media = root / "media" / "propainter"
    shutil.rmtree(media, ignore_errors=True)
    shutil.copytree(release, media / "release")
    renumber_release(release, media / "newer", "0.1.1")
    shutil.copytree(wheelhouse, media / "wheelhouse")
    write_shot(media / "shot")
    before = look_at_system(root)
    chroot = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin") or "chroot"

    def run(*command: str) -> str:
        environ = {"HOME": "/root", "PATH": "/usr/local/bin:/usr/bin:/bin", "OMP_WAIT_POLICY": "passive"}
        done = subprocess.run([chroot, str(root), *command], env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pictures = []
    for name in ("release", "newer"):
        install = f"/media/propainter/{name}/install.sh"
        run(install, "--yes", "--system", "--torch", "cpu", "--offline", "/media/propainter/wheelhouse")
        output = media / f"clean-{name}"
        shot = ["--source", "/media/propainter/shot/plate", "--mask", "/media/propainter/shot/matte", "--frames", "3"]
        node = f"/usr/OFX/Plugins/{BUNDLE}"
        run("propainter-ofx", "--plugin", node, *shot, "--output", f"/media/propainter/{output.name}")
        pictures.append(next(output.iterdir()).read_bytes())
    assert pictures[0] == pictures[1]
    run("propainter-install", "--uninstall", "--yes")
    assert look_at_system(root) == before


@pytest.mark.skipif(
    "PROPAINTER_BARE_ROOT" not in os.environ or os.getuid() != 0, reason="no PROPAINTER_BARE_ROOT, or no root"
)
def test_a_bare_debian_gets_from_the_archive_to_the_samples_result_in_three_commands(
    release: Path, wheelhouse: Path, tmp_path: Path
) -> None:
    """Its pictures are those of this checkout, bit for bit; and the system is afterwards what it was."""
    house = tmp_path / "wheels"
    shutil.copytree(wheelhouse, house, copy_function=os.symlink)
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    (house / "for-python.txt").unlink(missing_ok=True)
    (house / "for-python.txt").write_text(f"{python}\n")
    archives = load_program(ROOT / "installer" / "archives.py")
    dist = tmp_path / "dist"
    shutil.copytree(release, dist)
    houses = {"linux-x86_64": archives.Wheelhouse(house, python)}
    _, archive = archives.pack_all(dist, "0.1.0", 1_700_000_000, wheelhouses=houses)
    root = Path(os.environ["PROPAINTER_BARE_ROOT"])
    media = root / "media" / "propainter"
    shutil.rmtree(media, ignore_errors=True)
    media.mkdir(parents=True)
    shutil.copy(archive, media)
    before = look_at_system(root)
    chroot = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin") or "chroot"

    def run(command: str) -> None:
        environ = {"HOME": "/root", "PATH": "/usr/local/bin:/usr/bin:/bin"}
        line = [chroot, str(root), "sh", "-c", f"cd /media/propainter && {command}"]
        done = subprocess.run(line, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    run(f"tar xf {archive.name}")
    run("propainter-remove-0.1.0/install.sh --yes --system")
    run("propainter-remove --sample sample --output sample/clean --frames 1001-1004")
    ours = [sys.executable, "-m", "propainter_backend.commands.remove", "--sample", str(tmp_path / "sample")]
    subprocess.run([*ours, "--output", str(tmp_path / "clean"), "--frames", "1001-1004"], check=True)
    there, here = media / "sample" / "clean", tmp_path / "clean"
    names = [path.name for path in sorted(there.iterdir())]
    assert names == [f"synth-pan.{number}.png" for number in range(1001, 1005)]
    for name in names:
        np.testing.assert_array_equal(*(cv2.imread(str(one / name), cv2.IMREAD_UNCHANGED) for one in (there, here)))
    run("propainter-install --uninstall --yes")
    assert look_at_system(root) == before
    shutil.rmtree(media)


def look_at_system(root: Path) -> dict[str, str]:
    """A system's files without those of running programs, and without what was brought in."""
    parts = [path for path in sorted(root.iterdir()) if path.name not in ("proc", "sys", "dev", "media")]
    found = {path.name: "" for path in parts}
    for part in parts:
        if part.is_dir() and not part.is_symlink():
            found |= {f"{part.name}/{name}": what for name, what in look(part).items()}
    return found
