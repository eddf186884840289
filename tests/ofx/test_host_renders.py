"""What the host shows a plugin, seen through a plugin: the mean over a few frames where the matte says so.

The expectation is the same mean in numpy. Here too: what each profile changes about it.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from propainter_host import PROFILES, Frame, Host, NumpyClip, Project, Rule

REAL_HOSTS = [name for name, profile in PROFILES.items() if profile.temporal_access]


def mean_where_matted(plate: np.ndarray, matte: np.ndarray, number: int, radius: int) -> np.ndarray:
    """Frame `number` of a plate that starts at 1, its matted part replaced by the mean of frames within `radius`."""
    now, weight = plate[number - 1], matte[number - 1][..., None]
    mean = plate[number - 1 - radius : number + radius].mean(0)
    return now + (mean - now) * weight


@pytest.mark.parametrize("name", REAL_HOSTS)
@pytest.mark.parametrize("context", ["Filter", "General"])
def test_a_temporal_mean_comes_out_as_numpy_computes_it_whatever_the_host(
    probe: Path, plate: np.ndarray, matte: np.ndarray, name: str, context: str
) -> None:
    with Host(name, strict=False) as host:
        effect = host.load(probe).create(context, clips={"Source": NumpyClip(plate), "Mask": NumpyClip(matte)})
        effect.set_param("radius", 2)
        rendered = effect.render(5)
    assert (rendered.outcome, rendered.status) == ("done", 0)
    np.testing.assert_allclose(rendered.pixels, mean_where_matted(plate, matte, 5, 2), atol=1e-6)
    assert host.rules <= {Rule.HOST_TRAP}  # Resolve's panel would break on the probe's integer pair


def test_a_host_without_temporal_access_gives_the_current_frame_for_every_time(
    probe: Path, plate: np.ndarray, matte: np.ndarray
) -> None:
    with Host("mlt", strict=False) as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate), "Mask": NumpyClip(matte)})
        np.testing.assert_allclose(effect.render(5).pixels, plate[4], atol=1e-6)
    assert Rule.NO_TEMPORAL_ACCESS in host.rules


def test_frames_out_of_order_are_the_frames_in_order(probe: Path, plate: np.ndarray, matte: np.ndarray) -> None:
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate), "Mask": NumpyClip(matte)})
        for number in (7, 2, 5, 2):
            expected = mean_where_matted(plate, matte, number, 1)
            np.testing.assert_allclose(effect.render(number).pixels, expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32])
def test_a_plate_of_every_depth_passes_through_unchanged(probe: Path, plate: np.ndarray, dtype: type) -> None:
    top = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    typed = (plate * top).astype(dtype)
    with Host(dataclasses.replace(PROFILES["mlt"], temporal_access=True, edges="hold")) as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(typed)})
        effect.set_param("radius", 0)
        pixels = effect.render(3).pixels
    assert pixels is not None and pixels.dtype == dtype
    np.testing.assert_array_equal(pixels, typed[2])


@pytest.mark.parametrize("name", ["nuke", "natron"])
def test_an_eight_bit_plate_comes_back_to_the_same_bytes_through_any_host(
    probe: Path, plate: np.ndarray, name: str
) -> None:
    bytes_ = (plate * 255).astype(np.uint8)
    with Host(name) as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(bytes_)})
        effect.set_param("radius", 0)
        pixels = effect.render(3).pixels
    assert pixels is not None
    back = pixels if pixels.dtype == np.uint8 else np.floor(pixels * 255 + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(back, bytes_[2])


@pytest.mark.parametrize("row_order", ["up", "down"])
@pytest.mark.parametrize("padding", [0, 16])
def test_rows_upward_downward_or_padded_show_the_same_picture(
    probe: Path, plate: np.ndarray, matte: np.ndarray, row_order: str, padding: int
) -> None:
    profile = dataclasses.replace(PROFILES["natron"], row_order=row_order, row_padding=padding)
    with Host(profile) as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate), "Mask": NumpyClip(matte)})
        np.testing.assert_allclose(effect.render(4).pixels, mean_where_matted(plate, matte, 4, 1), atol=1e-6)


def test_a_matte_with_its_own_bounds_lies_where_it_says(probe: Path, plate: np.ndarray) -> None:
    small = np.ones((3, 5), np.float32)
    origin = (-2, 4)  # two columns left of the plate, four rows above its bottom
    with Host("natron") as host:
        clips = {
            "Source": NumpyClip(plate),
            "Mask": NumpyClip({number: Frame(small, origin) for number in range(1, 10)}),
        }
        pixels = host.load(probe).create(clips=clips).render(5).pixels
    whole = np.zeros((9, 12, 16), np.float32)
    whole[:, 12 - 4 - 3 : 12 - 4, 0:3] = 1
    np.testing.assert_allclose(pixels, mean_where_matted(plate, whole, 5, 1), atol=1e-6)


def test_a_plate_off_the_origin_gives_an_output_off_the_origin(probe: Path, plate: np.ndarray) -> None:
    with Host("nuke") as host:
        effect = host.load(probe).create(
            clips={"Source": NumpyClip(plate, origin=(-5, 3))}, project=Project(16, 12, last=9)
        )
        effect.set_param("radius", 0)
        rendered = effect.render(2)
    assert rendered.window == (-5, 3, 11, 15)
    np.testing.assert_array_equal(rendered.pixels, plate[1])


def test_a_host_without_multi_resolution_pads_every_image_to_the_project(probe: Path, plate: np.ndarray) -> None:
    with Host("resolve", strict=False) as host:
        effect = host.load(probe).create(
            "Filter", clips={"Source": NumpyClip(plate, origin=(2, 1))}, project=Project(20, 15, last=9)
        )
        effect.set_param("radius", 0)
        rendered = effect.render(2)
    assert rendered.window == (0, 0, 20, 15)
    expected = np.zeros((15, 20, 4), np.float32)
    expected[15 - 1 - 12 : 15 - 1, 2:18] = plate[1]
    np.testing.assert_array_equal(rendered.pixels, expected)


def test_a_window_renders_that_part_only(probe: Path, plate: np.ndarray, matte: np.ndarray) -> None:
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate), "Mask": NumpyClip(matte)})
        rendered = effect.render(5, window=(3, 2, 9, 7))
    whole = mean_where_matted(plate, matte, 5, 1)
    np.testing.assert_allclose(rendered.pixels, whole[12 - 7 : 12 - 2, 3:9], atol=1e-6)


def test_a_plugin_with_tiles_is_lent_the_region_it_asked_for(
    probe: Path, plate: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_MISDEED", "tiles")
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.set_param("radius", 0)
        np.testing.assert_array_equal(effect.render(1, window=(4, 4, 8, 8)).pixels, plate[0, 4:8, 4:8])


@pytest.mark.parametrize("name", ["nuke", "resolve", "fusion"])
def test_a_proxy_shows_the_average_of_the_pixels_under_it(probe: Path, plate: np.ndarray, name: str) -> None:
    with Host(name, strict=False) as host:
        effect = host.load(probe).create("Filter", clips={"Source": NumpyClip(plate)})
        effect.set_param("radius", 0)
        rendered = effect.render(3, scale=(0.5, 0.25))
    blocks = plate[2].reshape(3, 4, 8, 2, 4).mean((1, 3))
    assert rendered.window == (0, 0, 8, 3)
    np.testing.assert_allclose(rendered.pixels, blocks, atol=1e-6)


def test_wide_pixels_widen_the_canonical_region_and_not_the_image(probe: Path, plate: np.ndarray) -> None:
    with Host("nuke") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate, pixel_aspect=2.0)})
        effect.set_param("radius", 0)
        assert effect.region_of_definition(3) == (0, 0, 32, 12)
        rendered = effect.render(3)
    assert rendered.window == (0, 0, 16, 12)
    np.testing.assert_array_equal(rendered.pixels, plate[2])


def test_beyond_the_edge_a_host_holds_fails_or_shows_black(probe: Path, plate: np.ndarray) -> None:
    expected = {
        "hold": plate[[0, 0, 1]].mean(0),
        "error": plate[[0, 1]].mean(0),  # the probe leaves out what it does not get
        "black": plate[[0, 1]].sum(0) / 3,
    }
    for edges, picture in expected.items():
        with Host(dataclasses.replace(PROFILES["natron"], edges=edges)) as host:
            effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
            np.testing.assert_allclose(effect.render(1).pixels, picture, atol=1e-6, err_msg=edges)


def test_a_missing_frame_fails_and_says_nothing_of_the_others(probe: Path, plate: np.ndarray) -> None:
    frames = {number: plate[number - 1] for number in (1, 2, 4, 5)}
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(frames)}, project=Project(16, 12, last=5))
        effect.set_param("radius", 0)
        assert [effect.render(number).outcome for number in (2, 3, 4)] == ["done", "failed", "done"]


@pytest.mark.parametrize(("unconnected", "radius_has_effect"), [("honest", True), ("null", False), ("black", False)])
def test_an_unconnected_mask_is_absent_or_an_image_of_nothing(
    probe: Path, plate: np.ndarray, unconnected: str, radius_has_effect: bool
) -> None:
    with Host(dataclasses.replace(PROFILES["natron"], unconnected=unconnected)) as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        assert effect.clips["Mask"].props.first("OfxImageClipPropConnected") == (unconnected != "honest")
        expected = plate[3:6].mean(0) if radius_has_effect else plate[4]
        np.testing.assert_allclose(effect.render(5).pixels, expected, atol=1e-6)


@pytest.mark.parametrize("components", ["Alpha", "RGBA"])
def test_a_matte_arrives_with_the_components_its_host_gives_masks(
    probe: Path, plate: np.ndarray, matte: np.ndarray, components: str
) -> None:
    with Host(dataclasses.replace(PROFILES["natron"], mask_components=components)) as host:
        plugin = host.load(probe)
        for content in (matte, np.repeat(matte[..., None], 4, axis=3)):
            effect = plugin.create(clips={"Source": NumpyClip(plate), "Mask": NumpyClip(content)})
            assert effect.clips["Mask"].components == components
            np.testing.assert_allclose(effect.render(5).pixels, mean_where_matted(plate, matte, 5, 1), atol=1e-6)


def test_a_host_without_alpha_images_gives_masks_in_colour(probe: Path, plate: np.ndarray, matte: np.ndarray) -> None:
    with Host("fusion") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate), "Mask": NumpyClip(matte)})
        assert effect.clips["Mask"].components == "RGBA"


def test_an_identical_frame_is_copied_without_a_render(probe: Path, plate: np.ndarray) -> None:
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.set_param("misdeed", "fail")  # a render would fail
        effect.set_param("hold", True)
        rendered = effect.render(5)
    assert (rendered.outcome, rendered.identity) == ("identity", ("Source", 4.0))
    np.testing.assert_array_equal(rendered.pixels, plate[3])


def test_the_plugin_declares_the_frames_it_needs(probe: Path, plate: np.ndarray) -> None:
    with Host("nuke") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.set_param("radius", 3)
        assert effect.frames_needed(5) == {"Source": [(2.0, 8.0)], "Mask": [(2.0, 8.0)]}


def test_the_plugin_may_change_what_the_output_is(probe: Path, plate: np.ndarray) -> None:
    with Host("nuke") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        assert effect.render(5).premultiplication == "premultiplied" and not effect.is_frame_varying
        effect.set_param("opaque", True)
        assert effect.render(5).premultiplication == "opaque" and effect.is_frame_varying


def test_another_clip_brings_its_own_kind_of_alpha(probe: Path, plate: np.ndarray) -> None:
    with Host("nuke") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.set_clip("Source", NumpyClip(plate, premultiplication="unpremultiplied"))
        assert effect.render(5).premultiplication == "unpremultiplied"


def test_the_output_covers_source_in_a_filter_and_all_needed_clips_in_general(
    probe: Path, plate: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_MISDEED", "mandatory mask")
    large = np.zeros((9, 20, 30), np.float32)
    for context, region in (("Filter", (0, 0, 16, 12)), ("General", (-3, 0, 27, 20))):
        with Host("natron", strict=False) as host:
            clips = {"Source": NumpyClip(plate), "Mask": NumpyClip(large, origin=(-3, 0))}
            assert host.load(probe).create(context, clips=clips).render(5).window == region


def test_where_a_plugin_with_tiles_needs_nothing_there_is_no_image(
    probe: Path, plate: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_MISDEED", "tiles")
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        assert effect.render(5, window=(100, 100, 104, 104)).outcome == "failed"  # the probe gives up without Source


def test_a_failed_render_gives_no_picture_and_the_plugins_words(probe: Path, plate: np.ndarray) -> None:
    with Host("fusion") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.set_param("misdeed", "fail")
        rendered = effect.render(5)
    assert (rendered.outcome, rendered.pixels) == ("failed", None)
    assert [message.text for message in rendered.messages] == ["frame 5: nothing to see"]


def test_nuke_asks_for_no_frame_while_a_message_stands(probe: Path, plate: np.ndarray) -> None:
    with Host("nuke") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.set_param("misdeed", "fail")
        assert effect.render(5).outcome == "failed"
        assert effect.render(6).outcome == "blocked"
        assert effect.persistent_message is not None
        effect.set_param("misdeed", "none")  # the probe clears its message when anything changes
        assert effect.render(6).outcome == "done"


def test_a_host_with_an_instance_per_frame_keeps_parameters_and_drops_instances(probe: Path, plate: np.ndarray) -> None:
    with Host("mlt") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.set_param("radius", 0)
        effect.set_param("gain", 0.5)
        for number in (2, 3):
            np.testing.assert_allclose(effect.render(number).pixels, plate[number - 1] / 2, atol=1e-6)


def test_a_clip_can_be_changed_under_a_live_effect(probe: Path, plate: np.ndarray) -> None:
    with Host("nuke") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.set_param("radius", 0)
        effect.set_clip("Source", NumpyClip(plate[::-1].copy()))
        np.testing.assert_array_equal(effect.render(1).pixels, plate[8])
