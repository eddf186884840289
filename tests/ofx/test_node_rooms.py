"""The rooms of the node's sources: who includes whom, read from the include lines."""

from __future__ import annotations

import graphlib
import re
from pathlib import Path

from node_fixtures import ROOT

SOURCES = ROOT / "host_plugin" / "ofx" / "src"
HALL = ""
INNERMOST_FIRST = ["ground", "os", "wire", "host", "pixels", HALL]
KNOW_OPENFX = {"host", "pixels", HALL}
MOST_FILES = 40


def included_by(path: Path) -> list[str]:
    """The project's own headers a file includes, as written."""
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE)


def room_of(name: str) -> str:
    return name.rpartition("/")[0]


def files() -> dict[str, list[str]]:
    """Every source and header by its name below src, with what it includes."""
    paths = [path for path in sorted(SOURCES.rglob("*")) if path.suffix in (".cpp", ".h")]
    return {path.relative_to(SOURCES).as_posix(): included_by(path) for path in paths}


def test_every_file_lives_in_a_known_room_that_says_what_it_is_for() -> None:
    assert {room_of(name) for name in files()} == set(INNERMOST_FIRST)
    assert [room for room in INNERMOST_FIRST if not (SOURCES / room / "README.md").is_file()] == []


def test_a_room_includes_itself_and_rooms_further_in_only() -> None:
    depth = {room: index for index, room in enumerate(INNERMOST_FIRST)}
    outward = [
        f"{name} includes {header}"
        for name, headers in files().items()
        for header in headers
        if header != "ofx_abi.h" and depth[room_of(header)] > depth[room_of(name)]
    ]
    assert outward == []


def test_what_lies_below_the_host_knows_nothing_of_openfx() -> None:
    knowing = {name for name, headers in files().items() if "ofx_abi.h" in headers}
    assert {name for name in knowing if room_of(name) not in KNOW_OPENFX} == set()


def test_headers_include_each_other_in_no_circle_and_only_headers_that_exist() -> None:
    headers = {name: set(included) - {"ofx_abi.h"} for name, included in files().items() if name.endswith(".h")}
    included = {header for names in files().values() for header in names} - {"ofx_abi.h"}
    assert included <= set(headers)
    graphlib.TopologicalSorter(headers).prepare()  # raises CycleError, naming the circle


def test_no_room_is_a_warehouse() -> None:
    names = [room_of(name) for name in files()]
    assert {room: names.count(room) for room in INNERMOST_FIRST if names.count(room) > MOST_FILES} == {}
