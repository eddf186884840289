"""Every rule of the interface, seen broken once: the host notices, goes on serving, and tells at the end."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from propainter_host import PROFILES, Host, NumpyClip, PluginRefused, Rule, StrictnessError

IN_RENDER = {
    "leak image": Rule.UNRELEASED_IMAGE,
    "double release": Rule.RELEASED_TWICE,
    "write outside window": Rule.WROTE_OUTSIDE_WINDOW,
    "write outside image": Rule.WROTE_OUTSIDE_IMAGE,
    "write outside memory": Rule.WROTE_OUTSIDE_IMAGE,
    "padding": Rule.WROTE_OUTSIDE_IMAGE,
    "write input": Rule.WROTE_INTO_INPUT,
    "leave unwritten": Rule.LEFT_UNWRITTEN,
    "set value": Rule.SET_VALUE_OUTSIDE_INSTANCE_CHANGED,
    "foreign thread": Rule.FOREIGN_THREAD,
    "spawned image": Rule.FOREIGN_THREAD,
    "undeclared frame": Rule.UNDECLARED_FRAME,
    "other time output": Rule.BAD_VALUE,
    "wrong type": Rule.WRONG_TYPE,
    "bad index": Rule.BAD_INDEX,
    "read only": Rule.READ_ONLY,
    "stale handle": Rule.AFTER_DESTROY,
    "invented handle": Rule.BAD_HANDLE,
    "null pointer": Rule.NULL_POINTER,
    "wrong status": Rule.WRONG_STATUS,
    "leak memory": Rule.LEAKED_MEMORY,
    "leak mutex": Rule.LEAKED_MEMORY,
    "spawn in spawned": Rule.FOREIGN_THREAD,
    "odd message": Rule.BAD_VALUE,
    "unlock unheld": Rule.BAD_HANDLE,
}

IN_LIFE = {
    "duplicate parameter": Rule.DUPLICATE_PARAMETER,
    "duplicate clip": Rule.DUPLICATE_CLIP,
    "define early": Rule.DEFINED_OUTSIDE_DESCRIBE,
    "orphan": Rule.BAD_DESCRIPTION,
    "default out of range": Rule.BAD_DESCRIPTION,
    "image in create": Rule.IMAGE_OUTSIDE_RENDER,
    "image in changed": Rule.IMAGE_OUTSIDE_RENDER,
    "set value in create": Rule.SET_VALUE_OUTSIDE_INSTANCE_CHANGED,
    "unbalanced edit": Rule.UNBALANCED_EDIT,
    "answers everything": Rule.WRONG_STATUS,
    "no temporal access": Rule.NO_TEMPORAL_ACCESS,
    "colour style": Rule.HOST_TRAP,
    "late description": Rule.AFTER_DESTROY,
    "odd ranges": Rule.BAD_VALUE,
    "copy wrongly": Rule.WRONG_TYPE,
    "unheard preference": Rule.BAD_VALUE,
    "unshared preference": Rule.BAD_VALUE,
    "odd identifier": Rule.BAD_DESCRIPTION,
}

PADDED = dataclasses.replace(PROFILES["natron"], row_padding=64)


@pytest.fixture
def clips(plate: np.ndarray, matte: np.ndarray) -> Iterator[dict[str, NumpyClip | None]]:
    yield {"Source": NumpyClip(plate), "Mask": NumpyClip(matte)}


def walk(host: Host, probe: Path, clips: dict[str, NumpyClip | None], misdeed: str = "none") -> None:
    """A short working day: an effect made and deleted, another made, changed and rendered (a part, then everything)."""
    plugin = host.load(probe)
    plugin.create(clips=clips).destroy()
    effect = plugin.create(clips=clips)
    effect.push_button("clear")
    effect.set_param("misdeed", misdeed)
    effect.render(5, window=(3, 2, 10, 9))
    effect.render(5)


@pytest.mark.parametrize("name", list(PROFILES))
def test_a_plugin_that_keeps_the_rules_closes_without_complaint(
    probe: Path, clips: dict[str, NumpyClip | None], name: str
) -> None:
    plain = dataclasses.replace(PROFILES[name], crashing_parameters=(), needs_ranges=False, temporal_access=True)
    with Host(plain) as host:
        walk(host, probe, clips)


@pytest.mark.parametrize(("misdeed", "rule"), IN_RENDER.items())
def test_a_misdeed_in_render_is_noticed_and_raised_at_the_end(
    probe: Path, clips: dict[str, NumpyClip | None], misdeed: str, rule: Rule
) -> None:
    with pytest.raises(StrictnessError, match=rule.value), Host(PADDED) as host:
        walk(host, probe, clips, misdeed)
    assert host.rules == {rule}


@pytest.mark.parametrize(("misdeed", "rule"), IN_LIFE.items())
def test_a_misdeed_outside_render_is_noticed_and_raised_at_the_end(
    probe: Path, clips: dict[str, NumpyClip | None], misdeed: str, rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_MISDEED", misdeed)
    with pytest.raises(StrictnessError, match=rule.value), Host("nuke") as host:
        walk(host, probe, clips)
    assert rule in host.rules


def test_every_rule_has_been_seen_broken_here() -> None:
    seen = {*IN_RENDER.values(), *IN_LIFE.values(), Rule.HOST_FAULT}
    assert seen == set(Rule)


def test_a_fault_of_the_host_becomes_a_status_and_is_told(probe: Path, plate: np.ndarray) -> None:
    def fetch(number: int) -> np.ndarray:
        if number == 4:
            raise RuntimeError("the disk is on fire")
        return plate[number - 1]

    with pytest.raises(StrictnessError, match="the disk is on fire"), Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(fetch, first=1, last=9)})
        np.testing.assert_allclose(effect.render(5).pixels, plate[[4, 5]].mean(0), atol=1e-6)
    assert host.rules == {Rule.HOST_FAULT}


def test_an_extra_clip_of_a_filter_must_be_optional(
    probe: Path, clips: dict[str, NumpyClip | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_MISDEED", "mandatory mask")
    for context, rules in (("General", set()), ("Filter", {Rule.BAD_DESCRIPTION})):
        with Host("natron", strict=False) as host:
            host.load(probe).create(context, clips=clips)
        assert host.rules == rules


def test_identity_with_a_clip_that_is_not_there_is_a_render_all_the_same(
    probe: Path, clips: dict[str, NumpyClip | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_MISDEED", "identity of nothing")
    with Host("natron", strict=False) as host:
        effect = host.load(probe).create(clips=clips)
        effect.set_param("hold", True)
        assert effect.render(5).outcome == "done"
    assert host.rules == {Rule.BAD_VALUE}


def test_edits_that_answer_edits_without_end_are_cut_off(
    probe: Path, clips: dict[str, NumpyClip | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_MISDEED", "endless edit")
    with pytest.raises(StrictnessError, match="tick: edits answer edits without end"), Host("natron") as host:
        host.load(probe).create(clips=clips).set_param("tick", 2)


def test_what_nuke_describes_as_hidden_stays_hidden(probe: Path, clips: dict[str, NumpyClip | None]) -> None:
    for name, is_hidden in (("natron", False), ("nuke", True)):
        with Host(name) as host:
            effect = host.load(probe).create(clips=clips)
            assert effect.is_secret("tick") and not effect.is_secret("radius")
            effect.push_button("analyse")  # the probe shows it now
            assert effect.is_secret("tick") == is_hidden


def test_resolve_would_show_useless_sliders_and_fall_over_integer_pairs(
    probe: Path, clips: dict[str, NumpyClip | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_MISDEED", "no range")
    with Host("resolve", strict=False) as host:
        host.load(probe).create(clips=clips)
    told = " ".join(violation.text for violation in host.violations)
    assert "radius lacks a minimum" in told and "pair is of type OfxParamTypeInteger2D" in told


def test_resolve_fourteens_second_message_table_is_a_trap(probe: Path, clips: dict[str, NumpyClip | None]) -> None:
    with Host("resolve14", strict=False) as host:
        effect = host.load(probe).create(clips=clips)
        effect.set_param("misdeed", "fail")
        effect.render(5)
    assert any("whose pointer leads nowhere" in violation.text for violation in host.violations)


def test_an_unknown_property_is_tolerated_and_noted(probe: Path, clips: dict[str, NumpyClip | None]) -> None:
    with Host("natron") as host:
        walk(host, probe, clips, "unknown property")
    assert any("OfxPropOfMyOwn" in note for note in host.notes)


def test_a_string_kept_instead_of_copied_turns_into_question_marks(
    probe: Path, clips: dict[str, NumpyClip | None]
) -> None:
    with Host("natron") as host:
        walk(host, probe, clips, "keep string")
    kept = {message.text for message in host.messages if message.text.startswith("kept: ")}
    assert kept == {"kept: " + "?" * len("OfxImageEffectContextGeneral")}


def test_a_plugin_that_refuses_to_be_described_is_told_by_its_status(
    probe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_MISDEED", "refuse")
    with Host("natron") as host, pytest.raises(PluginRefused, match=r"OfxActionDescribe with FAILED"):
        host.load(probe)


def test_the_same_violation_is_told_once_and_names_frame_and_action(
    probe: Path, clips: dict[str, NumpyClip | None]
) -> None:
    with Host("natron", strict=False) as host:
        walk(host, probe, clips, "leak image")
    (violation,) = host.violations
    assert str(violation) == (
        "an image is still held when the action ends: the image of clip Source at 5 (during OfxImageEffectActionRender)"
    )
