"""The table of knobs, and everything that is held to it: settings, options, and what is generated."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest

from propainter_knobs.knob import Knob
from propainter_knobs.table import BY_NAME, KNOBS
from propainter_plan.stages import ROWS
from propainter_wire import messages
from propainter_wire.messages import ShotSettings

WRITER = Path(__file__).parents[3] / "host_plugin" / "ofx" / "write_knobs.py"
NAMES = [knob.name for knob in KNOBS]


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_knobs", WRITER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_protocol_has_every_knob_in_the_table_s_order() -> None:
    assert [field.name for field in dataclasses.fields(ShotSettings)] == NAMES == list(BY_NAME)
    assert [getattr(ShotSettings(), knob.name) for knob in KNOBS] == [knob.default for knob in KNOBS]


@pytest.mark.parametrize(("name", "choice"), [("engine", "Engine"), ("precision", "Precision"), ("color", "Color")])
def test_words_of_a_choice_are_those_the_types_know(name: str, choice: str) -> None:
    assert get_args(getattr(messages, f"{choice}Choice")) == BY_NAME[name].words


def test_what_is_generated_is_what_the_table_says(writer: ModuleType) -> None:
    """After a change of the table: make generate."""
    assert writer.ROWS.read_text(encoding="utf-8") == writer.rows_of_node()
    page = writer.PAGE.read_text(encoding="utf-8")
    assert writer.with_settings(page) == page


@pytest.mark.parametrize("knob", KNOBS, ids=NAMES)
def test_a_row_makes_sense(knob: Knob) -> None:
    if knob.kind in ("int", "float"):
        assert knob.low <= knob.default <= knob.high
    if knob.parameter is not None or knob.in_panel:
        assert knob.label and (knob.tooltip.endswith(".") or knob.kind == "size")
    if knob.parameter is not None:
        assert knob.low <= knob.slider[0] < knob.slider[1] <= knob.high
        assert len(knob.choices) <= 8, "as many as the node has room for: knobs.h"
    assert knob.keys and knob.engines and not knob.meaning.endswith(".")


def test_the_command_has_every_option_with_the_table_s_default() -> None:
    options = pytest.importorskip("propainter_backend.removal.options")
    parser = argparse.ArgumentParser()
    options.add_shot_options(parser)
    parsed = vars(parser.parse_args(["--plate", "p", "--matte", "m", "--output", "o"]))
    spelled = {action.dest: action.option_strings for action in parser._actions}
    for knob in KNOBS:
        if knob.option:
            assert spelled[knob.name] == [knob.option]
            assert parsed[knob.name] == ("fp32" if knob.name == "precision" else knob.default)
    turned = parser.parse_args(["--plate", "p", "--matte", "m", "--output", "o", "--no-native-fill", "--crop-to-matte"])
    assert (turned.native_fill, turned.crop_to_matte) == (False, True)


def test_the_engine_s_settings_are_knobs_and_refuse_what_is_below_their_range() -> None:
    types = pytest.importorskip("propainter.types")
    for field in dataclasses.fields(types.Settings):
        knob = BY_NAME[field.name]
        assert field.default == knob.default
        if knob.words:
            with pytest.raises(ValueError, match=f"{field.name} is 'none'; it must be one of {', '.join(knob.words)}"):
                types.Settings(**{field.name: "none"})
            continue
        with pytest.raises(ValueError, match=f"{field.name} is .*; it must be at least {knob.low:g}"):
            types.Settings(**{field.name: type(knob.default)(knob.low - 1)})


@pytest.mark.parametrize("row", [row for row in ROWS if row.settings], ids=lambda row: row.name)
def test_a_setting_that_enters_a_stages_key_says_so_in_its_row(row):
    key = {"grown": "hole", "flow grown": "flow hole"}.get(row.name, row.name)
    assert all(key in BY_NAME[name].keys for name in row.settings)
