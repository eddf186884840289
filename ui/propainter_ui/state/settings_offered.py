"""Settings as the panel offers them, in the order of the table of knobs.

Here: which knobs are numbers, shares and switches, and the panel's own choices. Not here: the knobs
(``propainter_knobs``), the page that shows them (``widgets/settings.py``), what is chosen (``panel_state.py``).
"""

from __future__ import annotations

from propainter_knobs.table import BY_NAME, KNOBS
from propainter_wire.messages import Quality

_SHOWN = tuple(knob for knob in KNOBS if knob.in_panel)
CROP_ROW = BY_NAME["crop_padding"]
"""Its number counts only while ``crop_to_matte`` is on."""
SETTING_ROWS = tuple(knob for knob in _SHOWN if knob.kind == "int" and knob is not CROP_ROW)
SHARE_ROWS = tuple(knob for knob in _SHOWN if knob.kind == "float" and knob.on is None)
SWITCH_ROWS = tuple(
    knob for knob in _SHOWN if knob.on is not None or (knob.kind == "bool" and knob.name != "crop_to_matte")
)
"""Settings the page turns on or off."""

SIZE_CHOICES: tuple[tuple[str, float | None], ...] = (("Auto", None), ("Full", 1.0), ("Half", 0.5), ("Quarter", 0.25))
"""Working sizes by name, as a share of the plate; None: the backend chooses."""

QUALITIES: tuple[tuple[Quality, str], ...] = (
    ("draft", "Draft: half size, 5 flow iterations"), ("normal", "Normal"), ("best", "Best"),
)  # fmt: skip
