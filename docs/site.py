"""MkDocs' hook: decisions are in the navigation without a list to keep, and no page asks another machine for anything.

Here: filling the section Decisions, the search's worker for pages opened from disk. Not here: everything else about the
site (``mkdocs.yml``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

_ELSEWHERE = "https://unpkg.com/iframe-worker/shim"
"""What the theme's offline search would load from the network: browsers let no page on disk start a worker."""
_OURS = "vendor/iframe-worker.js"


def on_config(config: Any) -> Any:
    """Fill the section Decisions of the navigation."""
    folder = Path(config["docs_dir"])
    decisions = [str(page.relative_to(folder)) for page in sorted((folder / "adr").glob("*.md"))]
    developers = next(entry["For developers"] for entry in config["nav"] if "For developers" in entry)
    section = next(entry for entry in developers if "Decisions" in entry)
    section["Decisions"] = decisions
    return config


def on_post_page(output: str, *, page: Any, config: Any) -> str:
    """Load the search's worker from the site itself."""
    del config
    up = "../" * page.url.count("/")
    return output.replace(_ELSEWHERE, f"{up}{_OURS}")


def on_post_template(output_content: str, *, template_name: str, config: Any) -> str:
    """The same for pages that are no page of ours, such as 404.html."""
    del template_name, config
    return output_content.replace(_ELSEWHERE, _OURS)
