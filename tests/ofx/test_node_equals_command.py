"""The node through a real daemon gives what ``propainter-remove`` gives for the same shot and settings, bit for bit: in
every host with time, and however the host lays its pixels out.

One daemon and a handful of references serve all tests here: after the first, nearly everything comes from its cache.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from node_fixtures import sentence

from propainter_backend.commands.remove import main as propainter_remove
from propainter_host import Effect, Host
from propainter_host.images import NumpyClip, Rect, resize
from propainter_host.profiles import NATRON, NUKE, PROFILES, Profile
from propainter_wire.client import Client
from propainter_wire.messages import OpenShot

FIRST, FRAMES, HEIGHT, WIDTH, PAN = 1001, 10, 120, 192, 3
LAST = FIRST + FRAMES - 1
BOX = (slice(48, 78), slice(81, 111))

Shots = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def plate() -> np.ndarray:
    """(t, h, w, 4): a soft texture that moves to the left behind a bright square that stays."""
    noise = np.random.default_rng(6).random((HEIGHT, WIDTH + PAN * FRAMES, 3))
    texture = cv2.GaussianBlur(noise, (0, 0), 3)
    texture = (texture - texture.min()) / (texture.max() - texture.min())
    plates = np.ones((FRAMES, HEIGHT, WIDTH, 4), np.float32)
    for index in range(FRAMES):
        plates[index, ..., :3] = texture[:, PAN * index : PAN * index + WIDTH]
    plates[(slice(None), *BOX, slice(3))] = 1.5
    return plates


@pytest.fixture(scope="module")
def matte() -> np.ndarray:
    """(t, h, w): the square, soft at its left."""
    mattes = np.zeros((FRAMES, HEIGHT, WIDTH), np.float32)
    mattes[(slice(None), *BOX)] = 1
    mattes[:, BOX[0], BOX[1].start] = 0.5
    return mattes


@pytest.fixture(scope="module")
def backend() -> Iterator[Path]:
    """A real daemon; its runtime directory."""
    with tempfile.TemporaryDirectory(prefix="ppe") as folder, pytest.MonkeyPatch.context() as environment:
        home = Path(folder)
        environment.setenv("PROPAINTER_RUNTIME_DIR", str(home / "run"))
        environment.setenv("XDG_DATA_HOME", str(home / "data"))  # no weights of this user's: the classical engine
        environment.delenv("PROPAINTER_CONNECTION", raising=False)
        command = [sys.executable, "-m", "propainter_backend", "--cache-dir", str(home / "cache"), "--device", "cpu"]
        with (home / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as daemon:
            try:
                wait_until_up(daemon, home)
                yield home / "run"
            finally:
                daemon.terminate()


def wait_until_up(daemon: subprocess.Popen[bytes], home: Path) -> None:
    for _ in range(6000):
        if (home / "run" / "daemon.json").exists():
            return
        assert daemon.poll() is None, (home / "log").read_text()
        time.sleep(0.01)
    raise AssertionError("the daemon does not come up")


@pytest.fixture(scope="module")
def removed(tmp_path_factory: pytest.TempPathFactory) -> Shots:
    """What the command makes of a plate and a matte: (t, h, w, 3)."""

    def remove(
        plate: np.ndarray, matte: np.ndarray, *options: str, clean: Mapping[int, np.ndarray] | None = None
    ) -> np.ndarray:
        folder = tmp_path_factory.mktemp("command")
        write_frames(folder / "plate", {FIRST + index: frame for index, frame in enumerate(plate[..., :3])})
        write_frames(folder / "matte", {FIRST + index: frame[..., None] for index, frame in enumerate(matte)})
        arguments = [
            "--plate",
            str(folder / "plate"),
            "--matte",
            str(folder / "matte"),
            "--output",
            str(folder / "out"),
        ]
        if clean:
            write_frames(folder / "clean", clean)
            arguments += ["--clean-plate", str(folder / "clean" / "f.%04d.exr")]
        assert propainter_remove([*arguments, "--engine", "classical", "--color", "linear", "--quiet", *options]) == 0
        paths = sorted((folder / "out").glob("*.exr"))
        assert len(paths) == len(plate)
        return np.stack([oiio.ImageBuf(str(path)).get_pixels(oiio.FLOAT)[..., :3] for path in paths])

    return remove


def write_frames(folder: Path, frames: Mapping[int, np.ndarray]) -> None:
    folder.mkdir()
    for number, pixels in frames.items():
        height, width, channels = pixels.shape
        file = oiio.ImageBuf(oiio.ImageSpec(width, height, channels, "float"))
        file.set_pixels(oiio.ROI.All, np.ascontiguousarray(pixels))
        assert file.write(str(folder / f"f.{number:04d}.exr")), file.geterror()


@pytest.fixture(scope="module")
def right(removed: Shots, plate: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """The command's answer for the shot as it is."""
    return removed(plate, matte)


def node(host: Host, bundle: Path, source: NumpyClip, mask: NumpyClip | None = None, **clips: NumpyClip) -> Effect:
    masks = {} if mask is None else {"Mask": mask}
    effect = host.load(bundle).create(clips={"Source": source, **masks, **clips})
    for name, value in {"auto_start": False, "engine": "Classical", "input_colour": "Scene-linear"}.items():
        effect.set_param(name, value)
    return effect


def render(effect: Effect, frame: int, *, scale: float = 1.0) -> np.ndarray:
    rendered = effect.render(frame, scale=(scale, scale))
    assert rendered.outcome == "done", sentence(rendered)
    assert rendered.pixels is not None
    return rendered.pixels


@pytest.mark.parametrize("profile", [name for name in PROFILES if name != "mlt"])
def test_in_every_host_with_time_in_any_order_and_from_two_threads(
    node_bundle: Path, backend: Path, plate: np.ndarray, matte: np.ndarray, right: np.ndarray, profile: str
) -> None:
    frames = list(range(FIRST, LAST + 1))
    random.Random(profile).shuffle(frames)
    with Host(profile) as host:
        source, mask = NumpyClip(plate, first=FIRST), NumpyClip(matte, first=FIRST)
        effects = [node(host, node_bundle, source, mask) for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            pictures = list(pool.map(lambda at: render(effects[at % 2], frames[at]), range(FRAMES)))
    for frame, picture in zip(frames, pictures, strict=True):
        np.testing.assert_array_equal(picture[..., :3], right[frame - FIRST], err_msg=f"frame {frame}")
        np.testing.assert_array_equal(picture[..., 3], 1)


LAYOUTS = {
    "rows running down": replace(NATRON, row_order="down"),
    "rows running down, padded": replace(NATRON, row_order="down", row_padding=52),
    "rows of odd length": replace(NATRON, row_padding=13),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_however_rows_lie_in_memory(
    node_bundle: Path, backend: Path, plate: np.ndarray, matte: np.ndarray, right: np.ndarray, layout: str
) -> None:
    with Host(LAYOUTS[layout]) as host:
        effect = node(host, node_bundle, NumpyClip(plate, first=FIRST), NumpyClip(matte, first=FIRST))
        np.testing.assert_array_equal(render(effect, 1004)[..., :3], right[3])


@pytest.mark.parametrize("profile", [NATRON, NUKE], ids=["natron", "nuke"])
def test_with_bounds_off_origin_a_smaller_matte_and_wide_pixels(
    node_bundle: Path, backend: Path, plate: np.ndarray, matte: np.ndarray, right: np.ndarray, profile: Profile
) -> None:
    rows, columns = slice(40, 90), slice(70, 130)
    patch = np.ascontiguousarray(matte[:, rows, columns])
    with Host(profile) as host:
        source = NumpyClip(plate, first=FIRST, origin=(-7, 21), pixel_aspect=2)
        mask = NumpyClip(patch, first=FIRST, origin=(-7 + columns.start, 21 + HEIGHT - rows.stop), pixel_aspect=2)
        np.testing.assert_array_equal(render(node(host, node_bundle, source, mask), 1006)[..., :3], right[5])


def test_with_a_premultiplied_plate(
    node_bundle: Path, backend: Path, plate: np.ndarray, matte: np.ndarray, right: np.ndarray
) -> None:
    premultiplied = plate * np.float32(0.5)  # a power of two: dividing it out again loses nothing
    with Host("natron") as host:
        effect = node(host, node_bundle, NumpyClip(premultiplied, first=FIRST), NumpyClip(matte, first=FIRST))
        picture = render(effect, 1003)
    np.testing.assert_array_equal(picture[..., :3], right[2] * np.float32(0.5))
    np.testing.assert_array_equal(picture[..., 3], 0.5)


@pytest.mark.parametrize(
    ("part", "growth"), [(2, ("--grow", "2", "--feather", "2")), (3, ("--grow", "1", "--feather", "1"))]
)
def test_at_proxy_scales(
    node_bundle: Path,
    backend: Path,
    removed: Shots,
    plate: np.ndarray,
    matte: np.ndarray,
    part: int,
    growth: tuple[str, ...],
) -> None:
    scale, small = 1 / part, Rect(0, 0, WIDTH // part, HEIGHT // part)
    shrink = [resize(frame, Rect(0, 0, WIDTH, HEIGHT), (scale, scale), small) for frame in plate]
    shrunk_mattes = [
        resize(frame[..., None], Rect(0, 0, WIDTH, HEIGHT), (scale, scale), small)[..., 0] for frame in matte
    ]
    expected = removed(np.stack(shrink), np.stack(shrunk_mattes), *growth)
    with Host("natron") as host:
        effect = node(host, node_bundle, NumpyClip(plate, first=FIRST), NumpyClip(matte, first=FIRST))
        for frame in (1002, 1009):
            np.testing.assert_array_equal(render(effect, frame, scale=scale)[..., :3], expected[frame - FIRST])


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint16", "uint8"])
def test_in_every_depth_no_bit_changes_outside_the_grown_matte(
    node_bundle: Path, backend: Path, plate: np.ndarray, matte: np.ndarray, dtype: str
) -> None:
    scale = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    short_shot = np.round(plate[:4].clip(0, 1) * scale).astype(dtype) if scale > 1 else plate[:4].astype(dtype)
    short_shot[..., 3] = scale
    grown = (
        cv2.dilate(matte[1], np.ones((9, 9), np.uint8)) > 0
    )  # four pixels each way, and a corner more than the diamond
    with Host(replace(NATRON, depths=("Float", "Half", "Short", "Byte"))) as host:
        effect = node(host, node_bundle, NumpyClip(short_shot, first=FIRST), NumpyClip(matte[:4], first=FIRST))
        picture = render(effect, 1002)
    assert picture.dtype == dtype
    assert picture[~grown].tobytes() == short_shot[1][~grown].tobytes()
    assert not np.array_equal(picture[BOX], short_shot[1][BOX])


@pytest.mark.parametrize("profile", ["nuke", "resolve"])
def test_with_clean_plates_of_two_frames_which_the_others_pull_from(
    node_bundle: Path,
    backend: Path,
    removed: Shots,
    plate: np.ndarray,
    matte: np.ndarray,
    right: np.ndarray,
    profile: str,
) -> None:
    painted = {number: plate[number - FIRST].copy() for number in (1003, 1006)}
    for picture in painted.values():
        picture[(*BOX, slice(3))] = np.float32(0.25)
    expected = removed(plate, matte, clean={number: picture[..., :3] for number, picture in painted.items()})
    with Host(profile) as host:
        source, mask = NumpyClip(plate, first=FIRST), NumpyClip(matte, first=FIRST)
        effect = node(host, node_bundle, source, mask, CleanPlate=NumpyClip(painted))
        for frame in (1003, 1008, 1001):
            picture = render(effect, frame)[..., :3]
            np.testing.assert_array_equal(picture, expected[frame - FIRST], err_msg=f"frame {frame}")
            assert not np.array_equal(picture, right[frame - FIRST])


def test_with_growth_for_the_flow(
    node_bundle: Path, backend: Path, removed: Shots, plate: np.ndarray, matte: np.ndarray
) -> None:
    expected = removed(plate, matte, "--grow-flow", "12")
    with Host("natron") as host:
        effect = node(host, node_bundle, NumpyClip(plate, first=FIRST), NumpyClip(matte, first=FIRST))
        effect.set_param("grow_flow", 12)
        np.testing.assert_array_equal(render(effect, 1004)[..., :3], expected[3])


def test_cropped_to_the_matte(
    node_bundle: Path, backend: Path, removed: Shots, plate: np.ndarray, matte: np.ndarray, right: np.ndarray
) -> None:
    expected = removed(plate, matte, "--crop-to-matte", "--crop-padding", "20")
    assert not np.array_equal(expected, right)  # twenty pixels around show less of the background than the whole plate
    with Host("natron") as host:
        effect = node(host, node_bundle, NumpyClip(plate, first=FIRST), NumpyClip(matte, first=FIRST))
        effect.set_param("crop_to_matte", True)
        effect.set_param("crop_padding", 20)
        np.testing.assert_array_equal(render(effect, 1004)[..., :3], expected[3])


def test_moving_one_matte_estimates_no_flow_again(
    node_bundle: Path, backend: Path, plate: np.ndarray, matte: np.ndarray, right: np.ndarray
) -> None:
    moved = plate[:, ::-1].copy()  # of which the daemon has no flow yet
    edited = matte.copy()
    with Host("natron") as host:
        effect = node(host, node_bundle, NumpyClip(moved, first=FIRST), NumpyClip(edited, first=FIRST))
        before = render(effect, 1005)
        effect.push_button("update_status")
        assert "flow of 9 of 9 pairs cached, frames 1001 to 1010, 9 of them new" in effect.get_param("status")
        edited[4] = np.roll(edited[4], 9, axis=1)
        assert not np.array_equal(render(effect, 1005), before)
        effect.push_button("update_status")
        assert "flow of 9 of 9 pairs cached, frames 1001 to 1010, 0 of them new" in effect.get_param("status")


def test_a_node_that_follows_takes_what_a_panel_publishes_with_its_next_render(
    node_bundle: Path, backend: Path, removed: Shots, plate: np.ndarray, matte: np.ndarray, right: np.ndarray
) -> None:
    grown = removed(plate, matte, "--grow", "12")
    with Host("natron") as host, Client.connect(backend / "daemon.json", name="panel") as panel:
        effect = node(host, node_bundle, NumpyClip(plate, first=FIRST), NumpyClip(matte, first=FIRST))
        effect.set_param("follow_panel", True)
        np.testing.assert_array_equal(render(effect, 1004)[..., :3], right[3])
        assert panel.publish("", {"grow": 12}).followers == 1
        np.testing.assert_array_equal(render(effect, 1004)[..., :3], grown[3])
        panel.publish("", None)
        np.testing.assert_array_equal(render(effect, 1004)[..., :3], right[3])


def test_a_node_with_the_panel_s_mattes_is_the_node_with_the_same_mattes_connected(
    node_bundle: Path, backend: Path, plate: np.ndarray, matte: np.ndarray
) -> None:
    mattes = np.stack([np.roll(each, index, axis=1) for index, each in enumerate(matte)])  # no two of them alike
    source, mask = NumpyClip(plate, first=FIRST), NumpyClip(mattes, first=FIRST)
    with Host("natron") as host, Client.connect(backend / "daemon.json", name="panel") as panel:
        shot = panel.open_shot(OpenShot(FIRST, LAST, WIDTH, HEIGHT, 3, "float32")).shot
        digests = {FIRST + i: panel.put(shot, "matte", each[..., None].copy()) for i, each in enumerate(mattes)}
        connected, alone = node(host, node_bundle, source, mask), node(host, node_bundle, source)
        alone.set_param("matte_from_panel", True)
        alone.set_param("panel_name", "hero")
        refused = alone.render(1004)
        assert refused.outcome == "failed"
        assert "no mattes are published under the panel name 'hero'" in sentence(refused)
        panel.publish_mattes("hero", FIRST, LAST, (WIDTH, HEIGHT), digests)
        taken = render(alone, 1004)
        np.testing.assert_array_equal(taken, render(connected, 1004))
        assert not np.array_equal(taken, plate[3])
        proxy = render(alone, 1004, scale=0.5), render(connected, 1004, scale=0.5)
        assert np.abs(proxy[0] - proxy[1]).mean() < 0.01  # whoever makes the matte smaller
        moved = {frame: digests[min(frame + 1, LAST)] for frame in digests}
        assert panel.publish_mattes("hero", FIRST, LAST, (WIDTH, HEIGHT), moved).followers == 2  # and its proxy
        assert not np.array_equal(render(alone, 1004), taken)  # a changed matte shows with the next render
        panel.publish_mattes("hero", FIRST, LAST, (WIDTH, HEIGHT), {})


def test_a_node_with_the_panel_s_mattes_asks_the_host_for_no_masks_of_other_frames(
    node_bundle: Path, backend: Path, plate: np.ndarray, matte: np.ndarray
) -> None:
    with Host("nuke") as host:
        effect = node(host, node_bundle, NumpyClip(plate, first=FIRST), NumpyClip(matte, first=FIRST))
        assert effect.frames_needed(1004)["Mask"] == [(FIRST, LAST)]
        effect.set_param("matte_from_panel", True)
        assert effect.frames_needed(1004)["Mask"] == [(1004, 1004)]  # what OpenFX means where a node names no frames


def test_after_an_abort_the_daemon_is_free_and_the_next_frame_right(
    node_bundle: Path, backend: Path, plate: np.ndarray, matte: np.ndarray, right: np.ndarray
) -> None:
    fresh = plate[:, :, ::-1].copy()  # so that there is something to do for a while
    abort = threading.Event()
    with Host("natron") as host, Client.connect(backend / "daemon.json", name="watcher") as watcher:
        effect = node(host, node_bundle, NumpyClip(fresh, first=FIRST), NumpyClip(matte, first=FIRST))

        def raise_it_at_work() -> None:
            wait_for(lambda: bool(watcher.status().jobs))
            abort.set()

        thread = threading.Thread(target=raise_it_at_work)
        thread.start()
        rendered = effect.render(1004, abort=abort)
        thread.join(60)
        assert (rendered.outcome, rendered.messages) == ("aborted", ())
        wait_for(lambda: not watcher.status().jobs)
        effect.set_clip("Source", NumpyClip(plate, first=FIRST))
        np.testing.assert_array_equal(render(effect, 1004)[..., :3], right[3])


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it does not come true")
