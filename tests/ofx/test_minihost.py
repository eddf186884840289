"""propainter-minihost agrees with the Python host bit by bit, refuses bad input in a sentence, and sees broken rules."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from fake_daemon import Behaviour, FakeDaemon
from minihost import DEPTHS, Minihost, RawShot, check_unloading_hangs_up, in_depth, params
from node_fixtures import Shot, make_shot
from sample_shot import WORKING_SIZE

from propainter_host import Host
from propainter_host.images import NumpyClip
from propainter_host.profiles import PROFILES

ALIKE = dataclasses.replace(
    PROFILES["natron"],
    name="org.propainter-remove.minihost",
    depths=("Float", "Half", "Short", "Byte"),
    output_format="source",
    message_arguments="formatted",
    edges="error",
)
"""A host of ours that says of itself what the minihost says."""


@pytest.fixture
def minihost(node_build: Path, node_bundle: Path) -> Minihost:
    return Minihost((str(node_build / "propainter-minihost"),), node_bundle)


@pytest.fixture
def misdeeds(node_build: Path, probe: Path) -> Minihost:
    return Minihost((str(node_build / "propainter-minihost"),), probe)


def python_host(bundle: Path, shot: RawShot, matte: np.ndarray, frame: int, **settings: object) -> np.ndarray:
    """The same frame by the other host."""
    clips = {
        "Source": NumpyClip(shot.plate, first=shot.first),
        "Mask": NumpyClip(in_depth(matte, shot.depth), first=shot.first),
    }
    with Host(ALIKE) as host:
        effect = host.load(bundle).create(clips=clips)
        for name, value in settings.items():
            effect.set_param(name, value)
        rendered = effect.render(frame)
        assert rendered.pixels is not None, rendered
        return rendered.pixels


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("depth", DEPTHS)
def test_both_hosts_get_the_same_picture(
    minihost: Minihost, daemon: FakeDaemon, tmp_path: Path, depth: str, channels: int
) -> None:
    made = make_shot(channels=channels)
    shot = RawShot.write(tmp_path / "in", made, depth)
    done = minihost.run(*minihost.shot(shot, tmp_path / "out", *params(grow=0, mix=0.7), frames="4-6"))
    assert done.returncode == 0, done.stderr
    for frame in (4, 5, 6):
        expected = python_host(minihost.bundle, shot, made.matte, frame, grow=0, mix=0.7)
        np.testing.assert_array_equal(shot.result(tmp_path / "out", frame), expected)
    assert daemon.seen["render"]


@pytest.mark.parametrize(
    "settings",
    [
        {"output": "Fill only"},
        {"output": "Hole"},
        {"output": "Difference"},
        {"output": "Flow"},
        {"show_overlay": True},
        {"matte_channel": "Mask luma", "threshold": 0.4},
        {"invert_matte": True},
        {"frame_range": "Custom", "range_first": 3, "range_last": 6},
    ],
    ids=str,
)
def test_both_hosts_get_the_same_picture_whatever_is_set(
    minihost: Minihost, daemon: FakeDaemon, tmp_path: Path, settings: dict[str, object]
) -> None:
    made = make_shot()
    shot = RawShot.write(tmp_path / "in", made, "half")
    done = minihost.run(*minihost.shot(shot, tmp_path / "out", *params(**settings)))
    assert done.returncode == 0, done.stderr
    expected = python_host(minihost.bundle, shot, made.matte, 5, **settings)
    np.testing.assert_array_equal(shot.result(tmp_path / "out", 5), expected)


@pytest.mark.slow
@pytest.mark.parametrize("depth", DEPTHS)
def test_both_hosts_get_the_same_picture_of_the_sample_shot_from_a_real_backend(
    minihost: Minihost, backend: Path, sample: Shot, tmp_path: Path, depth: str
) -> None:
    shot = RawShot.write(tmp_path / "in", sample, depth)
    first, last = 1, len(sample.plate)
    size = WORKING_SIZE[depth]
    asked = minihost.shot(shot, tmp_path / "out", *params(working_size=size), frames=f"{first},{last}")
    done = minihost.run(*asked, timeout_s=900)
    assert done.returncode == 0, done.stderr
    for frame in (first, last):
        expected = python_host(minihost.bundle, shot, sample.matte, frame, working_size=size)
        got = shot.result(tmp_path / "out", frame)
        np.testing.assert_array_equal(got, expected)
        hole = sample.matte[frame - 1] > 0.5
        is_other = (got != shot.plate[frame - 1]).any(-1)
        assert is_other[hole].mean() > 0.9


def test_floats_as_pfm_become_what_the_depth_asks_for(minihost: Minihost, daemon: FakeDaemon, tmp_path: Path) -> None:
    made = make_shot(channels=3)
    made.plate[:] = (made.plate * 3 - 1).astype(np.float32)  # beyond 0..1 and on both sides of it
    for index in range(len(made.plate)):
        write_pfm(tmp_path / f"plate.{index + 1}.pfm", made.plate[index])
        write_pfm(tmp_path / f"matte.{index + 1}.pfm", made.matte[index][..., None])
    arguments = [f"--source={tmp_path}/plate.%d.pfm", f"--mask={tmp_path}/matte.%d.pfm", "--frames=5"]
    for depth in DEPTHS:
        target = tmp_path / depth / "5.raw"
        done = minihost.run(*arguments, f"--output={target}", f"--depth={depth}")
        assert done.returncode == 0, done.stderr
        shot = RawShot(tmp_path, in_depth(made.plate, depth), depth, 1)
        expected = python_host(minihost.bundle, shot, made.matte, 5)
        np.testing.assert_array_equal(np.fromfile(target, DEPTHS[depth]).reshape(expected.shape), expected)


def write_pfm(path: Path, pixels: np.ndarray) -> None:
    """(h, w, 3) or (h, w, 1), floats."""
    height, width, channels = pixels.shape
    head = f"{'PF' if channels == 3 else 'Pf'}\n{width} {height}\n-1.0\n".encode("ascii")
    path.write_bytes(head + pixels[::-1].astype("<f4").tobytes())


def read_pfm(path: Path) -> np.ndarray:
    kind, size, scale, body = path.read_bytes().split(b"\n", 3)
    width, height = map(int, size.split())
    assert (kind, scale) == (b"PF", b"-1.0")
    return np.frombuffer(body, "<f4").reshape(height, width, 3)[::-1]


def test_a_pfm_goes_in_and_comes_out_unchanged(minihost: Minihost, runtime: Path, tmp_path: Path) -> None:
    plate = np.random.default_rng(3).normal(size=(5, 7, 3)).astype(np.float32)
    write_pfm(tmp_path / "plate.pfm", plate)
    done = minihost.run(f"--source={tmp_path}/plate.pfm", f"--output={tmp_path}/out/a.pfm", "--frames=3")
    assert done.returncode == 0, done.stderr
    assert "identical to Source" in done.stdout  # there is no matte
    np.testing.assert_array_equal(read_pfm(tmp_path / "out" / "a.pfm"), plate)


def test_every_half_is_read_and_every_float_rounded_as_ieee_says(
    minihost: Minihost, runtime: Path, tmp_path: Path
) -> None:
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    between = np.random.default_rng(5).normal(size=4096).astype(np.float32) * 10.0 ** np.arange(-9, 7).repeat(256)
    floats = np.concatenate([halves.astype(np.float32), between, [65519.99, 65520, -70000, 2.0**-25, 2.0**-24 * 1.5]])
    floats = np.resize(floats.astype(np.float32), (1, floats.size // 3, 3))
    write_pfm(tmp_path / "plate.pfm", floats)
    arguments = (f"--source={tmp_path}/plate.pfm", f"--output={tmp_path}/half.raw", "--frames=1", "--depth=half")
    assert minihost.run(*arguments).returncode == 0
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(np.fromfile(tmp_path / "half.raw", np.float16), floats.astype(np.float16).ravel())


def test_only_the_window_is_rendered(minihost: Minihost, daemon: FakeDaemon, tmp_path: Path) -> None:
    made = make_shot()
    shot = RawShot.write(tmp_path / "in", made, "float")
    done = minihost.run(*minihost.shot(shot, tmp_path / "out", "--window", "2,1,10,9"))
    assert done.returncode == 0, done.stderr
    whole = python_host(minihost.bundle, shot, made.matte, 5)
    np.testing.assert_array_equal(shot.result(tmp_path / "out", 5, shape=(8, 8, 4)), whole[12 - 9 : 12 - 1, 2:10])


def test_an_abort_is_told_from_a_failure(minihost: Minihost, runtime: Path, tmp_path: Path) -> None:
    shot = RawShot.write(tmp_path / "in", make_shot(), "float")
    with FakeDaemon(runtime, Behaviour(never_done=True)) as daemon:
        done = minihost.run(*minihost.shot(shot, tmp_path / "out", "--abort-after", "40"))
        daemon.wait_until_idle()
    assert done.returncode == 1
    assert done.stderr.startswith("frame 5: aborted")
    assert not (tmp_path / "out").exists()


def test_a_failed_frame_is_told_in_the_node_s_own_words(minihost: Minihost, runtime: Path, tmp_path: Path) -> None:
    shot = RawShot.write(tmp_path / "in", make_shot(), "float")
    done = minihost.run(*minihost.shot(shot, tmp_path / "out", *params(auto_start="no")))
    assert done.returncode == 1
    assert f"frame 5: failed: No ProPainter backend is running (there is no {runtime / 'daemon.json'})" in done.stderr


def test_unloading_hangs_up_though_the_program_goes_on(minihost: Minihost, runtime: Path, tmp_path: Path) -> None:
    check_unloading_hangs_up(minihost, runtime, tmp_path)


def test_a_selftest_says_what_works_without_a_backend(minihost: Minihost, runtime: Path) -> None:
    done = minihost.run("--selftest", "--without-backend")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\nok ") == 7
    assert done.stdout.count("skipped removes an object") == 4
    assert not list(runtime.iterdir())  # nothing was started


def test_a_selftest_removes_an_object_in_every_depth(minihost: Minihost, daemon: FakeDaemon) -> None:
    done = minihost.run("--selftest")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok      removes an object") == 4
    assert daemon.seen["render"] == 4


def test_a_selftest_fails_where_nothing_is_removed(minihost: Minihost, runtime: Path) -> None:
    with FakeDaemon(runtime, Behaviour(lie="nothing")):
        done = minihost.run("--selftest")
    assert done.returncode == 1
    assert done.stdout.count("FAILED  removes an object") == 4


def test_the_node_is_found_where_hosts_look(minihost: Minihost, tmp_path: Path) -> None:
    found = Minihost(minihost.command, minihost.bundle)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "ProPainterRemove.ofx.bundle").symlink_to(minihost.bundle)
    with_path = {"OFX_PLUGIN_PATH": f"{tmp_path}/none{os.pathsep}{tmp_path}/plugins"}
    done = run_plain(found, "--list", environment=with_path)
    assert done.returncode == 0, done.stderr
    assert "grow: integer" in done.stdout
    done = run_plain(found, "--list", environment={"OFX_PLUGIN_PATH": f"{tmp_path}/none"})
    if done.returncode:  # no node is installed on this machine
        assert done.returncode == 2
        assert "--plugin" in done.stderr


def run_plain(minihost: Minihost, *arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Without --plugin."""
    every = {**os.environ, **environment}
    return subprocess.run([*minihost.command, *arguments], env=every, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing is asked for"),
        (["--source", "a.pfm"], "--output is missing"),
        (["--mask", "a.pfm", "--output", "b.pfm"], "--source is missing"),
        (["--source", "nowhere.pfm", "--output", "b.pfm", "--frames", "1"], "there is no picture nowhere.pfm"),
        (["--source", "plate.####.raw", "--output", "b.pfm"], "no picture is called plate.####.raw"),
        (["--source", "a.exr", "--output", "b.exr"], "neither .pfm nor .raw"),
        (["--source", "a.raw", "--output", "b.raw", "--frames", "1"], "add --raw"),
        (["--source", "a.raw", "--raw", "4x4:float", "--output", "b.raw", "--frames", "1"], "is no 1, 3 or 4 channels"),
        (["--source", "a.raw", "--raw", "4x4:double", "--output", "b.raw"], "is not WIDTHxHEIGHT:DEPTH"),
        (["--source", "a.pfm", "--output", "b.pfm", "--frames", "1"], "is no PFM picture"),
        (["--source", "c.pfm", "--output", "b.pfm", "--frames", "1"], "should have"),
        (["--source", "g.pfm", "--output", "b.pfm", "--frames", "1", "--depth", "double"], "--depth double"),
        (["--source", "g.pfm", "--output", "b.pfm", "--frames", "4-1"], "not understood at '4-1'"),
        (["--source", "g.pfm", "--output", "b.pfm", "--frames", "1", "--param", "gro=1"], "no parameter gro"),
        (["--source", "g.pfm", "--output", "b.pfm", "--frames", "1", "--param", "grow=1.5"], "whole numbers"),
        (["--source", "g.pfm", "--output", "b.pfm", "--frames", "1", "--param", "grow=many"], "wants a number"),
        (["--source", "g.pfm", "--output", "b.pfm", "--frames", "1", "--param", "output=Best"], "none of its choices"),
        (["--source", "g.pfm", "--output", "b.pfm", "--frames", "1", "--param", "grow"], "is not NAME=VALUE"),
        (["--source", "g.pfm", "--output", "b.pfm", "--frames", "1", "--button", "grow"], "is no button"),
        (["--source", "g.pfm", "--output", "b.pfm", "--frames", "1", "--window", "0,0,9,9"], "reaches beyond"),
        (["--source", "g.pfm", "--output", "b.pfm", "--frames", "1,2"], "put #### where"),
        (["--source", "g.pfm", "--output", "g.pfm", "--frames", "1"], "would overwrite"),
        (["--source", "g.pfm", "--mask", "g.pfm", "--output", "b.pfm", "--frames", "1"], "Mask have 3 channels"),
        (["--frobnicate", "1"], "no option --frobnicate"),
        (["--rounds"], "lacks its value"),
        (["--list", "--plugin", "nowhere"], "there is no plug-in nowhere"),
    ],
)
def test_bad_input_is_one_sentence(
    minihost: Minihost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pfm").write_bytes(b"P6\n1 1\n255\nabc")
    (tmp_path / "a.raw").write_bytes(b"0" * 7)
    (tmp_path / "c.pfm").write_bytes(b"PF\n4 4\n-1.0\nabc")
    write_pfm(tmp_path / "g.pfm", np.zeros((4, 4, 3), np.float32))
    done = minihost.run(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert done.stderr.startswith("propainter-minihost: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "b.pfm").exists()


BROKEN_IN_RENDER = {
    "leak image": "still held when the action ends",
    "double release": "released twice",
    "write outside window": "written outside the render window",
    "write outside image": "written outside an image",
    "padding": "bytes of an input are changed",
    "write input": "bytes of an input are changed",
    "leave unwritten": "are not written",
    "set value": "set outside instance changed",
    "foreign thread": "on a thread",
    "undeclared frame": "was not declared",
    "other time output": "asked for at another frame",
    "wrong type": "is read as double and is int",
    "bad index": "past its end",
    "read only": "belongs to the host",
    "invented handle": "never gave out",
    "null pointer": "nowhere to put its answer",
    "wrong status": "4711, which is no status",
}

PROBES_COLOUR = (
    "rule broken: propSetN is given a handle this host never gave out, or one that is gone "
    "(during OfxImageEffectActionDescribeInContext)"
)
"""The probe does not look whether its parameter of a colour was taken; the minihost has none of that type."""

BROKEN_IN_LIFE = {
    "duplicate parameter": "defined twice",
    "duplicate clip": "defined twice",
    "define early": "outside describe in context",
    "image in create": "asked for outside render",
    "set value in create": "set outside instance changed",
    "no temporal access": "without temporal access",
    "late description": "never gave out",
    "unheard preference": "which it does not take",
}


@pytest.mark.parametrize("misdeed", ["none", *BROKEN_IN_RENDER])
def test_a_broken_rule_is_seen_in_a_render(misdeeds: Minihost, tmp_path: Path, misdeed: str) -> None:
    shot = RawShot.write(tmp_path / "in", make_shot(), "float")
    arguments = misdeeds.shot(shot, tmp_path / "out", "--window", "2,2,9,9", *params(misdeed=misdeed))
    done = misdeeds.run(*arguments)
    if misdeed == "none":
        assert done.stderr.splitlines() == [PROBES_COLOUR]
        return
    assert "rule broken: " in done.stderr
    assert BROKEN_IN_RENDER[misdeed] in done.stderr
    assert done.returncode == (3 if (tmp_path / "out" / "0005.raw").exists() else 1)


@pytest.mark.parametrize("misdeed", BROKEN_IN_LIFE)
def test_a_broken_rule_is_seen_outside_a_render(misdeeds: Minihost, tmp_path: Path, misdeed: str) -> None:
    shot = RawShot.write(tmp_path / "in", make_shot(), "float")
    done = misdeeds.run(*misdeeds.shot(shot, tmp_path / "out"), environment={"PROBE_MISDEED": misdeed})
    assert BROKEN_IN_LIFE[misdeed] in done.stderr
    assert done.returncode in (1, 3)
