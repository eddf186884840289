"""Write PARAMETERS.md from what the built node tells a host about itself.

    python host_plugin/ofx/write_parameters.py build/ofx-native/ProPainterRemove.ofx.bundle

Here: asking the node through the headless host, and the table's layout. Not here: the parameters
(``src/host/params.cpp``), the settings among them (``propainter_knobs``). A test compares the page with the node, so
neither changes without the other.
"""

from __future__ import annotations

import sys
from pathlib import Path

from propainter_host.host import Host
from propainter_host.parameters import Param

PAGE = Path(__file__).with_name("PARAMETERS.md")
INTRODUCTION = """\
# Parameters of ProPainter Remove

In the order of the panel. Written by `write_parameters.py` from the node itself. A setting of a removal is a row of
`backend/propainter_knobs/table.py`, everything else one of `src/host/params.cpp`; run `make generate` after a change.

| group | name | label | type | default | range | meaning |
|---|---|---|---|---|---|---|
"""


def main() -> None:
    PAGE.write_text(page_of(Path(sys.argv[1])), encoding="utf-8")


def page_of(bundle: Path) -> str:
    """The whole page."""
    with Host("natron") as host:
        params = host.load(bundle).describe("General").params
        return INTRODUCTION + "".join(f"{row_of(param)}\n" for param in params if not is_group(param))


def is_group(param: Param) -> bool:
    return param.param_type == "OfxParamTypeGroup"


def row_of(param: Param) -> str:
    """One line of the table."""
    first = param.props.first
    cells = [
        first("OfxParamPropParent"),
        f"`{param.name}`",
        first("OfxPropLabel"),
        param.param_type.removeprefix("OfxParamType") + (", hidden" if first("OfxParamPropSecret") else ""),
        default_of(param),
        range_of(param),
        str(first("OfxParamPropHint")),
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def default_of(param: Param) -> str:
    if param.param_type == "OfxParamTypePushButton":
        return ""
    value = param.props.first("OfxParamPropDefault")
    if param.param_type == "OfxParamTypeChoice":
        return str(param.props["OfxParamPropChoiceOption"][value])
    if param.param_type == "OfxParamTypeBoolean":
        return "on" if value else "off"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def range_of(param: Param) -> str:
    """Limits, and in brackets the slider's; or the choices."""
    if param.param_type == "OfxParamTypeChoice":
        return ", ".join(map(str, param.props["OfxParamPropChoiceOption"]))
    if param.param_type not in ("OfxParamTypeInteger", "OfxParamTypeDouble"):
        return ""
    low, high, shown_low, shown_high = (
        f"{param.props.first('OfxParamProp' + name):.10g}" for name in ("Min", "Max", "DisplayMin", "DisplayMax")
    )
    return f"{low}..{high} ({shown_low}..{shown_high})"


if __name__ == "__main__":
    main()
