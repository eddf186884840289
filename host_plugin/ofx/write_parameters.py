"""Write PARAMETERS.md from what the built node tells a host about itself.

    python host_plugin/ofx/write_parameters.py build/ofx-native/ProPainterRemove.ofx.bundle

Here: asking the node through the headless host, and the table's layout. Not here: the parameters
(``propainter_knobs``). A test compares the page with the node, so
neither changes without the other.
"""

from __future__ import annotations

import sys
from pathlib import Path

from propainter_host.host import Host
from propainter_host.parameters import Param
from propainter_knobs.controls import OPTIONS
from propainter_knobs.table import KNOBS

PAGE = Path(__file__).with_name("PARAMETERS.md")
INTRODUCTION = """\
# Parameters

<!-- Written by `write_parameters.py` from the built node. Rows come from backend/propainter_knobs; run `make generate`. -->

Six controls are open. The rest is folded away in five sections. The panel has the same sections under the same names.

Below each name stand the name for scripts and, if there is one, the option of `propainter-remove`. Bold
is the default; in brackets stands what the slider covers.

"""
_TABLE = """\
| Control | Default, range | What it does |
|---|---|---|
"""


def main() -> None:
    PAGE.write_text(page_of(Path(sys.argv[1])), encoding="utf-8")


def page_of(bundle: Path) -> str:
    """The whole page."""
    with Host("natron") as host:
        params = list(host.load(bundle).describe("General").params)
    return INTRODUCTION + "\n".join(_section(group, params) for group in params if is_group(group))


def _section(group: Param, params: list[Param]) -> str:
    rows = [param for param in params if param.props.first("OfxParamPropParent") == group.name and not is_hidden(param)]
    return f"## {group.props.first('OfxPropLabel')}\n\n{_TABLE}" + "".join(f"{row_of(param)}\n" for param in rows)


def is_group(param: Param) -> bool:
    return param.param_type == "OfxParamTypeGroup"


def is_hidden(param: Param) -> bool:
    return bool(param.props.first("OfxParamPropSecret"))


def row_of(param: Param) -> str:
    """One line of the table: three columns, so that it fits a page."""
    names = ", ".join(f"`{name}`" for name in (param.name, option_of(param.name)) if name)
    value = "<br>".join(text for text in (default_of(param), range_of(param)) if text)
    cells = [f"**{param.props.first('OfxPropLabel')}**<br>{names}", value, str(param.props.first("OfxParamPropHint"))]
    return "| " + " | ".join(cells) + " |"


def option_of(name: str) -> str:
    """The command's option for the same; empty: it has none."""
    knobs = (knob.option for knob in KNOBS if knob.parameter is not None and knob.parameter.name == name)
    return next(knobs, "") or OPTIONS.get(name, "")


def default_of(param: Param) -> str:
    """The default; of a choice all there are, the default in bold."""
    if param.param_type == "OfxParamTypePushButton":
        return ""
    value = param.props.first("OfxParamPropDefault")
    if param.param_type == "OfxParamTypeChoice":
        choices = map(str, param.props["OfxParamPropChoiceOption"])
        return ", ".join(f"**{text}**" if place == value else text for place, text in enumerate(choices))
    if param.param_type == "OfxParamTypeBoolean":
        return "on" if value else "off"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def range_of(param: Param) -> str:
    """Limits, and in brackets the slider's; empty: it has none."""
    if param.param_type not in ("OfxParamTypeInteger", "OfxParamTypeDouble"):
        return ""
    low, high, shown_low, shown_high = (
        f"{param.props.first('OfxParamProp' + name):.10g}" for name in ("Min", "Max", "DisplayMin", "DisplayMax")
    )
    return f"{low} to {high} ({shown_low} to {shown_high})"


if __name__ == "__main__":
    main()
