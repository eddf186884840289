"""TESTED.md: every row uses a word that is defined there, and says when and of which version; files it names are there."""

from __future__ import annotations

import re
from datetime import date
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "TESTED.md").read_text(encoding="utf-8")
COLUMNS = {"Systems": "system", "Hosts": "host", "Farms": "scheduler"}


def rows_of(chapter: str) -> list[list[str]]:
    part = TEXT.split(f"\n## {chapter}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("| \n").split(" | ")] for line in part.splitlines() if line.startswith("|")
    ]


def test_every_row_says_what_where_how_sure_of_which_version_and_when() -> None:
    words = {row.split("|")[1].strip() for row in TEXT.split("\n## ")[0].splitlines() if row.startswith("|")}
    for chapter, first in COLUMNS.items():
        head, _, *rows = rows_of(chapter)
        assert head[0] == first and head[2:] == ["state", "version", "date", "how far"]
        assert rows
        for row in rows:
            assert len(row) == 6 and all(row), row
            assert row[2] in words - {"word", "---"}, f"{row[2]} is not defined at the top"
            assert re.fullmatch(r"\d+\.\d+\.\d+", row[3]) and row[3] <= version("propainter-remove")
            assert date.fromisoformat(row[4]) >= date(2026, 11, 1)


def test_no_row_stands_twice() -> None:
    for chapter in COLUMNS:
        names = [tuple(row[:2]) for row in rows_of(chapter)[2:]]
        assert len(names) == len(set(names))


def test_files_it_names_are_there() -> None:
    for target in re.findall(r"`([\w/]+\.md|backend/\w+)`", TEXT):
        assert (ROOT / target).exists(), target


def test_other_pages_point_here_for_what_was_run() -> None:
    for page in (
        "README.md",
        "docs/limits.md",
        "docs/first-shot.md",
        "docs/index.md",
        "docs/td.md",
        "host_plugin/HOSTS.md",
    ):
        assert re.search(r"TESTED\.md|tested\.md", (ROOT / page).read_text(encoding="utf-8")), page
