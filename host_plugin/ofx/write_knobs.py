"""Write what is generated of the table of knobs: the node's rows, and the settings of docs/wire.md.

    python host_plugin/ofx/write_knobs.py

Here: how a row looks there. Not here: the table (``backend/propainter_knobs``), PARAMETERS.md, which is asked of the built
node (``write_parameters.py``). ``make generate`` runs both; tests hold what is written to the table.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from propainter_knobs.knob import Knob
from propainter_knobs.table import KNOBS
from propainter_wire.messages import ShotSettings
from propainter_wire.schema import checkers_of

ROWS = Path(__file__).parent / "src" / "wire" / "knob_rows.h"
PAGE = Path(__file__).parents[2] / "docs" / "wire.md"
BEGIN, END = "<!-- knobs: written by host_plugin/ofx/write_knobs.py -->\n\n", "\n<!-- end of knobs -->\n"
_KINDS = {"int": "kInteger", "float": "kReal", "bool": "kSwitch", "choice": "kChoice"}
_HEAD = """\
// Written by write_knobs.py from backend/propainter_knobs/table.py: change the table and run `make generate`.
// One KNOB(place, fields of Knob...) a setting the node has a parameter for; knobs.h includes this, twice.
// clang-format off

"""


def main() -> None:
    ROWS.write_text(rows_of_node(), encoding="utf-8")
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
    names = ", ".join(map(_quoted, (knob.name, knob.parameter.name, knob.label, knob.parameter.group)))
    pixels = "true" if knob.unit == "px" else "false"
    hint = _quoted(knob.parameter.tooltip or knob.tooltip)
    return (
        f"KNOB({place_of(knob)}, KnobKind::{_KINDS[knob.kind]}, {names},\n"
        f"     {numbers}, {pixels}, {{{{{choices}}}}},\n"
        f"     {hint})\n"
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
