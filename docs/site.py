"""MkDocs' hook: every decision of docs/adr is in the navigation, without a list to keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    """Fill the section Decisions of the navigation."""
    folder = Path(config["docs_dir"])
    decisions = [str(page.relative_to(folder)) for page in sorted((folder / "adr").glob("*.md"))]
    section = next(entry for entry in config["nav"] if "Decisions" in entry)
    section["Decisions"] = decisions
    return config
