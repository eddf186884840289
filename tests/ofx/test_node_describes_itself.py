"""What the node tells hosts about itself, in every host this project can pass for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from node_fixtures import load_program

from propainter_host.errors import PluginRefused
from propainter_host.host import Host
from propainter_host.profiles import NUKE, PROFILES, Profile


@pytest.mark.parametrize("profile", [name for name in PROFILES if name != "mlt"])
def test_every_host_loads_it_and_finds_nothing_to_complain_about(node_bundle: Path, profile: str) -> None:
    with Host(profile) as host:
        plugin = host.load(node_bundle)
        for context in plugin.contexts:
            assert list(plugin.describe(context).clips) == ["Source", "Mask", "CleanPlate", "Output"]
        assert plugin.contexts
        assert not host.violations


@pytest.mark.parametrize("profile", ["mlt", replace(NUKE, temporal_access=False)], ids=["mlt", "any other"])
def test_a_host_without_time_does_not_offer_it(node_bundle: Path, profile: str | Profile) -> None:
    """A render that such a host takes for a success would still show the object."""
    with Host(profile) as host, pytest.raises(PluginRefused, match="OfxActionDescribe with MISSING_HOST_FEATURE"):
        host.load(node_bundle)


def test_the_documented_parameters_are_the_nodes_own(node_bundle: Path) -> None:
    writer = load_program("write_parameters")
    documented = writer.PAGE.read_text(encoding="utf-8")
    assert writer.page_of(node_bundle) == documented


def test_what_an_artist_needs_is_open_and_the_rest_folded_away(node_bundle: Path) -> None:
    with Host("nuke") as host:
        params = host.load(node_bundle).describe("General").params
        groups = {param.name: param for param in params if param.param_type == "OfxParamTypeGroup"}
        opened = [name for name, group in groups.items() if group.props.first("OfxParamPropGroupOpen")]
        labels = [group.props.first("OfxPropLabel") for group in groups.values()]
        shown = [
            param.props.first("OfxPropLabel") for param in params if param.props.first("OfxParamPropParent") in opened
        ]
    assert shown == ["Output", "Quality", "Grow", "Feather", "Clean-plate frames", "Invert matte"]
    assert labels == ["Main", "Shot range", "Matte and fill", "Performance", "ProPainter engine", "Backend"]
    assert all(param.props.first("OfxParamPropParent") in groups for param in params if param.name not in groups)


def test_the_defaults_are_the_protocols_where_both_name_a_setting(node_bundle: Path) -> None:
    from propainter_wire.messages import ShotSettings

    wire = ShotSettings()
    with Host("nuke") as host:
        effect = host.load(node_bundle).create()
        for param, setting in {
            "neighbour_window": wire.neighbor_length,
            "reference_stride": wire.ref_stride,
            "chunk_length": wire.chunk_length,
            "flow_iterations": wire.flow_iterations,
            "grow": wire.grow,
            "feather": wire.feather,
            "threshold": wire.threshold,
            "flow_hole_snap": wire.flow_hole_snap,
            "grow_flow": wire.grow_flow,
            "crop_to_matte": wire.crop_to_matte,
            "crop_padding": wire.crop_padding,
            "native_fill": wire.native_fill,
            "match_grain": wire.match_grain,
            "flow_stop": wire.flow_stop,
        }.items():
            assert effect.get_param(param) == setting, param


def test_it_asks_for_time_but_not_for_tiles(node_bundle: Path) -> None:
    with Host("natron") as host:
        descriptor = host.load(node_bundle).describe("Filter")
        for clip in ("Source", "Mask", "CleanPlate"):
            assert descriptor.clips[clip].first("OfxImageEffectPropTemporalClipAccess") == 1
        assert descriptor.has_temporal_access
        assert not descriptor.has_tiles
        assert descriptor.thread_safety == "InstanceSafe"
        mask = descriptor.clips["Mask"]
        assert mask.first("OfxImageClipPropOptional") == 1
        assert mask.first("OfxImageClipPropIsMask") == 1
        clean_plate = descriptor.clips["CleanPlate"]
        assert clean_plate.first("OfxImageClipPropOptional") == 1
        assert clean_plate.first("OfxImageClipPropIsMask") == 0


def test_a_hundred_loads_and_unloads_leave_nothing_behind(node_bundle: Path) -> None:
    held = [Path("/proc/self/fd"), Path("/proc/self/task")]
    before = [len(list(folder.iterdir())) for folder in held]
    for _ in range(100):
        with Host("natron") as host:
            host.load(node_bundle).create()
    for folder, count in zip(held, before, strict=True):
        more = len(list(folder.iterdir())) - count
        assert more < 50, f"{folder} has {more} more"  # a few come and go with other tests' sockets and threads


def test_describing_and_making_an_instance_touches_no_backend(
    node_bundle: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = runtime / "launched"
    program = runtime / "backend"
    program.write_text(f"#!/bin/sh\ntouch {launched}\n")
    program.chmod(0o700)
    monkeypatch.setenv("PROPAINTER_BACKEND", str(program))
    with Host("natron") as host:
        effect = host.load(node_bundle).create()
        effect.frames_needed(1)
        effect.set_param("grow", 7)
    assert not launched.exists()
