"""Sections of controls: the same in panel, node, command and documentation."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from propainter_knobs.controls import CONTROL_BY_NAME, CONTROLS, OPTIONS
from propainter_knobs.knob import Knob
from propainter_knobs.sections import SECTIONS, section_of
from propainter_knobs.table import BY_NAME, KNOBS

ROWS = [*KNOBS, *CONTROLS]


def test_every_control_stands_in_one_section_once() -> None:
    placed = Counter(name for section in SECTIONS for name in section.rows)
    assert set(placed) == set(BY_NAME) | set(CONTROL_BY_NAME)
    assert set(placed.values()) == {1}
    assert [section.label for section in SECTIONS if section.is_open] == ["Main"]


def test_a_section_of_one_engine_holds_what_that_engine_alone_uses() -> None:
    for knob in KNOBS:
        assert (knob.engines == ("propainter",)) == (section_of(knob.name).engine == "propainter"), knob.name


def test_a_control_and_a_knob_of_one_name_have_one_label() -> None:
    both = set(BY_NAME) & set(CONTROL_BY_NAME)
    assert both == {"working_size"}
    assert all(BY_NAME[name].label == CONTROL_BY_NAME[name].label for name in both)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_tooltip_says_in_short_sentences_what_happens_and_who_listens(row: object) -> None:
    assert isinstance(row, Knob) or hasattr(row, "help")
    text: str = row.help
    if not text:
        return
    assert not re.search(r"\bdaemon\b", text), "artists read of the backend"
    for sentence in re.split(r"(?<=[.?!])\s+", text):
        assert len(sentence.split()) <= 20, sentence
    if isinstance(row, Knob) and row.tooltip:
        alone = {("propainter",): "ProPainter engine only.", ("classical",): "Classical engine only."}
        assert text.endswith(alone.get(row.engines, ".")) and ("engine only." in text) == (row.engines in alone)


def test_options_of_the_command_are_its_own() -> None:
    options = pytest.importorskip("propainter_backend.commands.remove")
    there = options._parser()._option_string_actions
    assert set(OPTIONS) <= set(CONTROL_BY_NAME)
    assert set(OPTIONS.values()) <= set(there)


def test_the_command_groups_its_options_under_the_same_headings() -> None:
    options = pytest.importorskip("propainter_backend.commands.remove")
    groups = {
        group.title: {action.dest for action in group._group_actions} for group in options._parser()._action_groups
    }
    for section in SECTIONS:
        assert {knob.name for knob in section.knobs if knob.option} <= groups[section.label]
