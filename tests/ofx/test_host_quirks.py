"""What each host tells a plugin, as the plugin saw it: the order of actions, and every property a profile bends.

The witness is the probe: its trace of actions, and its report from inside a render.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from propainter_host import PROFILES, Effect, Host, NumpyClip, Profile, Project

DESCRIBED = ["setHost", "OfxActionLoad", "OfxActionDescribe", "OfxActionOfAnotherCentury"]
BEFORE_RENDER = [
    "OfxImageEffectActionGetRegionOfDefinition",
    "OfxImageEffectActionIsIdentity",
    "OfxImageEffectActionGetRegionsOfInterest",
    "OfxImageEffectActionGetFramesNeeded",
]
RENDERED = [
    "OfxImageEffectActionBeginSequenceRender",
    "OfxImageEffectActionRender",
    "OfxImageEffectActionEndSequenceRender",
]
CREATED = ["OfxActionCreateInstance", "OfxImageEffectActionGetClipPreferences"]


def tame(name: str, **changes: object) -> Profile:
    """A profile on which the probe keeps all rules, changed as wanted."""
    return dataclasses.replace(PROFILES[name], crashing_parameters=(), needs_ranges=False, **changes)  # type: ignore[arg-type]


def report(effect: Effect, time: float = 5, **how: object) -> dict[str, str]:
    """What the probe says it was shown in one render."""
    effect.set_param("report", True)
    rendered = effect.render(time, **how)  # type: ignore[arg-type]
    (message,) = rendered.messages
    return dict(line.split("=", 1) for line in message.text.splitlines())


def trace_of(
    profile: Profile, probe: Path, plate: np.ndarray, path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Everything the plugin was asked while a host opened, rendered one frame, and closed."""
    monkeypatch.setenv("PROBE_TRACE", str(path))
    with Host(profile, strict=False) as host:
        host.load(probe).create(clips={"Source": NumpyClip(plate)}).render(5)
    return path.read_text().splitlines()


def test_a_plain_host_asks_in_this_order(
    probe: Path, plate: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trace_of(tame("nuke"), probe, plate, tmp_path / "trace", monkeypatch) == [
        "opened",
        *DESCRIBED,
        "OfxImageEffectActionDescribeInContext",
        *CREATED,
        *BEFORE_RENDER,
        *RENDERED,
        "OfxActionDestroyInstance",
        "OfxActionUnload",
        "closed",
    ]


def test_natron_closes_the_binary_after_describing_and_opens_it_again(
    probe: Path, plate: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = trace_of(tame("natron"), probe, plate, tmp_path / "trace", monkeypatch)
    assert trace[: 2 * len(DESCRIBED) + 4] == ["opened", *DESCRIBED, "OfxActionUnload", "closed", "opened", *DESCRIBED]


def test_mlt_introduces_itself_first_and_makes_an_instance_for_each_frame(
    probe: Path, plate: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = trace_of(tame("mlt"), probe, plate, tmp_path / "trace", monkeypatch)
    without_frames_needed = BEFORE_RENDER[:-1]
    assert trace == [
        "opened",
        "OfxSetHost",
        *DESCRIBED,
        "OfxImageEffectActionDescribeInContext",
        *CREATED,
        *CREATED,
        *without_frames_needed,
        *RENDERED,
        "OfxActionDestroyInstance",
        "OfxActionDestroyInstance",
        "OfxActionUnload",
        "closed",
    ]


def test_resolve_never_asks_for_a_region_and_names_its_page(
    probe: Path, plate: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = trace_of(tame("resolve"), probe, plate, tmp_path / "trace", monkeypatch)
    assert "OfxImageEffectActionGetRegionOfDefinition" not in trace
    assert "Color" in trace


def test_an_edit_is_wrapped_and_the_plugins_own_edits_lie_inside(
    probe: Path, plate: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Host("nuke") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        monkeypatch.setenv("PROBE_TRACE", str(tmp_path / "trace"))
        effect.push_button("clear")  # the probe sets one parameter in answer
        monkeypatch.delenv("PROBE_TRACE")
    changed = "OfxActionInstanceChanged"
    assert (tmp_path / "trace").read_text().split() == [
        "OfxActionBeginInstanceChanged",
        changed,
        changed,
        "OfxActionEndInstanceChanged",
    ]


def test_moving_in_time_tells_the_plugin_of_animated_parameters_only(
    probe: Path, plate: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Host("nuke") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.set_param("gain", 0.5, time=3)
        monkeypatch.setenv("PROBE_TRACE", str(tmp_path / "trace"))
        effect.go_to(4)
        monkeypatch.delenv("PROBE_TRACE")
    assert (tmp_path / "trace").read_text().split().count("OfxActionInstanceChanged") == 1


@pytest.mark.parametrize(
    ("name", "scale"), [("nuke", "0.5,0.25"), ("natron", "0.5,0.25"), ("resolve", "1,1"), ("fusion", "2,4")]
)
def test_images_tell_the_render_scale_or_what_their_host_makes_of_it(
    probe: Path, plate: np.ndarray, name: str, scale: str
) -> None:
    with Host(tame(name)) as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        assert report(effect, scale=(0.5, 0.25))["scale"] == scale


def test_nuke_tells_the_project_for_a_region_and_true_bounds(probe: Path, plate: np.ndarray) -> None:
    regions = {}
    for name in ("nuke", "natron"):
        with Host(tame(name)) as host:
            effect = host.load(probe).create(
                clips={"Source": NumpyClip(plate, origin=(-4, 2))}, project=Project(20, 15, last=9)
            )
            seen = report(effect)
            regions[name] = seen["region"]
            assert seen["bounds"] == "-4,2,12,14"
    assert regions == {"nuke": "0,0,20,15", "natron": "-4,2,12,14"}


def test_identifiers_are_constant_random_or_the_contents_own(probe: Path, plate: np.ndarray) -> None:
    still = np.repeat(plate[:1], 9, axis=0)
    for name, count in (("nuke", 1), ("natron", 1), ("resolve", 2)):
        with Host(tame(name)) as host:
            effect = host.load(probe).create(clips={"Source": NumpyClip(still)})
            identifiers = {report(effect, time)["identifier"] for time in (4, 5)}
            assert len(identifiers) == count
            assert ("f" * 16 in identifiers) == (name == "nuke")
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        assert len({report(effect, time)["identifier"] for time in (4, 5)}) == 2


def test_resolve_counts_clips_from_zero_while_time_runs_on_the_timeline(probe: Path, plate: np.ndarray) -> None:
    for name, expected in (("nuke", "1001,1009"), ("resolve", "0,8")):
        with Host(tame(name)) as host:
            effect = host.load(probe).create(clips={"Source": NumpyClip(plate, first=1001)})
            seen = report(effect, 1005)
            assert (seen["range"], seen["now"]) == (expected, "1005")
            assert (seen["first"], seen["last"]) == ("1001", "1009")


def test_only_resolve_names_the_media_and_its_frame(probe: Path, plate: np.ndarray) -> None:
    for name, expected in (("nuke", ("", "0")), ("resolve", ("/media/A001_C001.mov", "5"))):
        with Host(tame(name)) as host:
            effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
            seen = report(effect)
            assert (seen["file"], seen["source frame"]) == expected


@pytest.mark.parametrize(
    ("name", "api", "contexts", "message", "processors", "threads"),
    [
        ("nuke", "told", "2", "whole", "4", "3"),
        ("resolve", "told", "4", "absent", "1", "1"),
        ("resolve14", "told", "4", "broken", "1", "1"),
        ("fusion", "not told", "5", "absent", "4", "3"),
        ("natron", "told", "2", "whole", "4", "3"),
        ("mlt", "told", "0", "whole", "4", "3"),
    ],
)
def test_a_host_tells_and_lacks_what_it_does_in_the_field(
    probe: Path,
    plate: np.ndarray,
    name: str,
    api: str,
    contexts: str,
    message: str,
    processors: str,
    threads: str,
) -> None:
    with Host(tame(name, temporal_access=True)) as host:
        seen = report(host.load(probe).create(clips={"Source": NumpyClip(plate)}))
    told = {key: seen[key] for key in ("api", "contexts", "message suite 2", "processors", "threads")}
    assert tuple(told.values()) == (api, contexts, message, processors, threads)


def test_draft_thumbnail_field_and_panel_are_told_where_the_interface_has_words_for_them(
    probe: Path, plate: np.ndarray
) -> None:
    for name, thumbnail in (("nuke", ""), ("mlt", "true")):
        with Host(tame(name, temporal_access=True)) as host:
            effect = host.load(probe).create(clips={"Source": NumpyClip(plate)}, interactive=True)
            seen = report(effect, draft=True, thumbnail=True, field="Lower")
            told = tuple(seen[key] for key in ("draft", "thumbnail", "field", "interactive"))
            assert told == ("1", thumbnail, "OfxFieldLower", "1")


@pytest.mark.parametrize("state", ["opaque", "premultiplied", "unpremultiplied"])
def test_images_tell_how_their_alpha_is_meant(probe: Path, plate: np.ndarray, state: str) -> None:
    names = {
        "opaque": "OfxImageOpaque",
        "premultiplied": "OfxImageAlphaPremultiplied",
        "unpremultiplied": "OfxImageAlphaUnPremultiplied",
    }
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate, premultiplication=state)})
        assert report(effect)["premultiplication"] == names[state]


def test_keys_slopes_and_areas_of_an_animated_value_are_exact(probe: Path, plate: np.ndarray) -> None:
    """A ramp from 0 at frame 2 to 1 at frame 6: slope 1/4; area from 1 to 7 = 0 + 4/2 + 1."""
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.set_param("gain", 0.0, time=2)
        effect.set_param("gain", 1.0, time=6)
        seen = report(effect, 4)
        names = ("keys", "derivative", "integral", "second key", "key before", "key after", "key here")
        assert [seen.get(name) for name in names] == ["2", "0.25", "3", "6", "0", "1", None]
        assert report(effect, 6)["key here"] == "1"


def test_a_plugin_with_tiles_that_names_no_region_sees_only_the_window(
    probe: Path, plate: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Host("natron") as host:
        whole = report(host.load(probe).create(clips={"Source": NumpyClip(plate)}), window=(4, 4, 8, 8))
    monkeypatch.setenv("PROBE_MISDEED", "tiles")
    with Host("natron") as host:
        part = report(host.load(probe).create(clips={"Source": NumpyClip(plate)}), window=(4, 4, 8, 8))
    assert (whole["bounds"], part["bounds"]) == ("0,0,16,12", "4,4,8,8")


def test_a_message_of_one_instance_per_frame_stays_on_the_node(probe: Path, plate: np.ndarray) -> None:
    with Host(tame("mlt")) as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.set_param("radius", 0)
        effect.set_param("misdeed", "fail")
        effect.render(5)
        assert effect.persistent_message is not None
        assert effect.persistent_message.text == "frame 5: nothing to see"


def test_a_mutex_may_be_born_locked(probe: Path, plate: np.ndarray) -> None:
    with Host("natron") as host:
        seen = report(host.load(probe).create(clips={"Source": NumpyClip(plate)}))
    assert seen["mutex born locked"] == "1"
