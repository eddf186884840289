"""Reports of commands and farm tasks, as JSON files.

Here: ``write_report``. Not here: what stands in one (each of them).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from propainter_backend.errors import OutputError
from propainter_pictures.whole_files import make_folder, replacing


def write_report(path: Path | None, facts: Mapping[str, object]) -> None:
    """Write a report as JSON, if one was asked for. Raises OutputError where that fails."""
    if path is None:
        return
    try:
        make_folder(path.parent)
        with replacing(path) as partial:
            partial.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write the report {path}: {error.strerror}; choose another --report") from error
