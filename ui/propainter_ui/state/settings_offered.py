"""Settings as the panel offers them, in the sections all hosts share.

Here: which knobs a section of the page has, and the panel's own choices. Not here: the knobs and their sections
(``propainter_knobs``), the page that shows them (``widgets/settings.py``), what is chosen (``panel_state.py``).
"""

from __future__ import annotations

from typing import cast

from propainter_knobs.controls import CONTROL_BY_NAME
from propainter_knobs.knob import Knob
from propainter_knobs.sections import SECTIONS, Section
from propainter_knobs.table import BY_NAME
from propainter_wire.messages import Quality

CROP_ROW = BY_NAME["crop_padding"]
"""Its number counts only while ``crop_to_matte`` is on: they share a row."""
_OWN_ROWS = ("working_size", "crop_to_matte", "crop_padding")
"""Settings whose rows are of the page's own making."""


def rows_of(section: Section) -> tuple[Knob, ...]:
    """The section's settings with a plain row each, in their order."""
    return tuple(knob for knob in section.knobs if knob.in_panel and knob.name not in _OWN_ROWS)


SETTING_ROWS = tuple(knob for section in SECTIONS for knob in rows_of(section))

SIZE_CHOICES: tuple[tuple[str, float | None], ...] = (("Auto", None), ("Full", 1.0), ("Half", 0.5), ("Quarter", 0.25))
"""Working sizes by name, as a share of the plate; None: the backend chooses."""

QUALITIES: tuple[tuple[Quality, str], ...] = tuple(
    (cast(Quality, word), label) for word, label in CONTROL_BY_NAME["quality"].choices
)
