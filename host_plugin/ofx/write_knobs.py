"""Write what is generated of the tables of knobs and controls: the node's parameters, and the settings of docs/wire.md.

    python host_plugin/ofx/write_knobs.py

Here: how a row looks there. Not here: the tables (``backend/propainter_knobs``), PARAMETERS.md, which is asked of the built
node (``write_parameters.py``). ``make generate`` runs both; tests hold what is written to the table.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from propainter_knobs.controls import Control
from propainter_knobs.knob import Knob
from propainter_knobs.sections import SECTIONS, Section
from propainter_knobs.table import KNOBS
from propainter_wire.messages import ShotSettings
from propainter_wire.schema import checkers_of

ROWS = Path(__file__).parent / "src" / "wire" / "knob_rows.h"
PARAMETERS = Path(__file__).parent / "src" / "host" / "param_rows.h"
PAGE = Path(__file__).parents[2] / "docs" / "wire.md"
BEGIN, END = "<!-- knobs: written by host_plugin/ofx/write_knobs.py -->\n\n", "\n<!-- end of knobs -->\n"
_KINDS = {"int": "kInteger", "float": "kReal", "bool": "kSwitch", "choice": "kChoice"}
_PARAMETERS_HEAD = """\
// Written by write_knobs.py from backend/propainter_knobs (sections.py, controls.py, table.py): change those and run
// `make generate`. One ParamRow a line, in the order of the panel; params.cpp includes this.
// clang-format off

"""
_CONTROL_KINDS = {
    "int": "kInteger", "float": "kDouble", "bool": "kBoolean", "choice": "kChoice", "text": "kText", "file": "kFile",
    "status": "kStatus", "label": "kLabel", "button": "kButton", "counter": "kHiddenCounter",
}  # fmt: skip
_HEAD = """\
// Written by write_knobs.py from backend/propainter_knobs/table.py: change the table and run `make generate`.
// One KNOB(place, fields of Knob...) a setting the node has a parameter for; knobs.h includes this, twice.
// clang-format off

"""


def main() -> None:
    ROWS.write_text(rows_of_node(), encoding="utf-8")
    PARAMETERS.write_text(parameters_of_node(), encoding="utf-8")
    PAGE.write_text(with_settings(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def rows_of_node() -> str:
    """The whole of knob_rows.h."""
    return _HEAD + "".join(map(_row_of_node, KNOBS))


def _row_of_node(knob: Knob) -> str:
    if knob.parameter is None:
        return ""
    words = [text for text, _ in knob.choices]
    initial = words.index(str(knob.default)) if knob.kind == "choice" else float(knob.default or 0)
    numbers = ", ".join(f"{number:.10g}" for number in (initial, knob.low, knob.high, *knob.slider))
    choices = ", ".join(f"{{{_quoted(word)}, {_quoted(label)}}}" for word, label in knob.choices)
    names = ", ".join(map(_quoted, (knob.name, knob.parameter.name, knob.label)))
    pixels = "true" if knob.unit == "px" else "false"
    hint = _quoted(knob.help_in_node)
    return (
        f"KNOB({place_of(knob)}, KnobKind::{_KINDS[knob.kind]}, {names},\n"
        f"     {numbers}, {pixels}, {{{{{choices}}}}},\n"
        f"     {hint})\n"
    )


def parameters_of_node() -> str:
    """The whole of param_rows.h."""
    return _PARAMETERS_HEAD + "\n".join(map(_section_of_node, SECTIONS))


def _section_of_node(section: Section) -> str:
    names = f'{_quoted(section.name)}, {_quoted(section.label)}, ""'
    heading = f'{{ParamKind::kGroup, {names}, {int(section.is_open)}, 0, 0, 0, 0, {{}}, "", "", false, false}},\n'
    return "".join([heading, *(_parameter(row, section) for row in section.in_node)])


def _parameter(row: Knob | Control, section: Section) -> str:
    if isinstance(row, Knob):
        return f"row_of(kKnobs[knob::{place_of(row)}], {_quoted(section.name)}),\n"
    is_text = row.kind in ("text", "file", "status", "label")
    initial = row.words.index(str(row.default)) if row.kind == "choice" else 0 if is_text else float(row.default)
    numbers = ", ".join(f"{number:.10g}" for number in (initial, row.low, row.high, *row.slider))
    choices = ", ".join(_quoted(label) for _, label in row.choices)
    names = ", ".join(map(_quoted, (row.name, row.label, section.name)))
    switches = ", ".join("true" if is_on else "false" for is_on in (row.animates, row.changes_picture))
    return (
        f"{{ParamKind::{_CONTROL_KINDS[row.kind]}, {names}, {numbers}, {{{choices}}},\n"
        f" {_quoted(str(row.default) if is_text else '')}, {_quoted(row.help)}, {switches}}},\n"
    )


def place_of(knob: Knob) -> str:
    """What the node's code calls it."""
    return "k" + "".join(part.capitalize() for part in knob.name.split("_"))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def with_settings(page: str) -> str:
    """docs/wire.md with its table of settings as the knobs are."""
    checkers = checkers_of(ShotSettings)
    lines = ["| setting | type | default | meaning |", "|---|---|---|---|"]
    for knob in KNOBS:
        default = knob.default if isinstance(knob.default, str) else json.dumps(knob.default)
        lines.append(f"| `{knob.name}` | {checkers[knob.name].text} | {default} | {knob.meaning} |")
    table = "".join(f"{line}\n" for line in lines)
    written, count = re.subn(f"(?s){re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: BEGIN + table + END, page)
    if count != 1:
        raise ValueError(f"{PAGE.name} has {count} places for the settings; it needs one between its two marks")
    return written


if __name__ == "__main__":
    main()
