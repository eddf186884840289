"""Build hook: the sample shot goes into the wheel, so that the panel of an installation can open it.

Here: which files, and where in the wheel. Not here: finding them again (``propainter_pictures/sample.py``). An editable
installation reads the checkout's own and gets no copies.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FILES = {
    "samples/synth-pan": "propainter_ui/samples/synth-pan",
    "samples/README.md": "propainter_ui/samples/README.md",
}


class SampleInWheel(BuildHookInterface):
    """Adds the sample."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            build_data["force_include"].update(_FILES)
