"""What the documentation tells its readers to type works, and what it points at is there.

A fenced block marked ``sh`` is run as it stands: all of a page in one fresh shell, in a copy of the project, with an empty
home. A comment before the block says otherwise: ``<!-- slow: why -->`` leaves it to ``make test-all``, and
``<!-- not run: why -->`` to nobody. Commands may stand in no other block. Not here: what the commands do (the
tests of each).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from daemon_harness import assert_gone

ROOT = Path(__file__).parents[2]
ENVIRONMENT = Path(sys.executable).parents[1]
FRONT = ("README.md", "CONTRIBUTING.md")
PAGES = [ROOT / name for name in FRONT] + sorted((ROOT / "docs").rglob("*.md"))
SHORT_SHOT = range(1001, 1005)
"""Frames of the sample shot that the everyday run leaves in its copy."""

FENCE = re.compile(
    r"(?:^<!-- *(?P<mark>slow|not run): *(?P<why>[^\n]*?) *-->\n\n?)?"
    r"^(?P<ticks> *```)(?P<language>\S*)[^\n]*\n(?P<text>.*?)^ *```\s*$",
    re.MULTILINE | re.DOTALL,
)
TWO_MARKS = re.compile(r"^<!-- *(?:slow|not run):[^\n]*-->\s*(?=<!-- *(?:slow|not run):)", re.MULTILINE)
COMMAND = re.compile(
    r"^\s*(?:\$ )?(?:make [a-z]|(?:\S*/)?(?:propainter-|openjd |install\.sh|submit\.sh)|\.venv/bin/)", re.MULTILINE
)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
LINK = re.compile(r"\]\((?!https?:)(?P<target>[^)#\s]+)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    mark: str
    """Empty, ``slow`` or ``not run``."""
    why: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            1 + text.count("\n", 0, found.start("ticks")),
            found["mark"] or "",
            found["why"] or "",
            found["language"],
            found["text"],
        )
        for found in FENCE.finditer(text)
    ]


def shell_blocks(page: Path) -> list[Block]:
    return [block for block in blocks_of(page) if block.language == "sh"]


def outside_fences(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


BLOCKS = {page: shell_blocks(page) for page in PAGES}
EVERYDAY = [page for page in PAGES if any(not block.mark for block in BLOCKS[page])]
PATH_OF_A_NEWCOMER = [
    ROOT / name
    for name in (
        "README.md",
        "docs/artist.md",
        "docs/hosts/natron.md",
        "docs/td.md",
        "docs/evaluation.md",
        "docs/farm.md",
    )
]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def copy_project(folder: Path) -> Path:
    """The project as a newcomer has it, without what was made in it, and without its tests."""
    made = shutil.ignore_patterns(
        ".git", ".venv", "out", "build", "dist", "tests", "__pycache__", ".*_cache", ".hypothesis"
    )
    return Path(shutil.copytree(ROOT, folder, ignore=made))


@dataclass(frozen=True)
class Newcomer:
    """Somebody with a copy of the project, an empty home and a terminal."""

    home: Path
    project: Path

    @property
    def environ(self) -> dict[str, str]:
        kept = {
            name: os.environ[name]
            for name in ("PATH", "LANG", "LC_ALL", "TMPDIR", "PIP_CONFIG_FILE")
            if name in os.environ
        }
        path = os.pathsep.join(part for part in kept["PATH"].split(os.pathsep) if part != str(ENVIRONMENT / "bin"))
        own = {"HOME": str(self.home), "PROPAINTER_RUNTIME_DIR": str(self.home / "run"), "OMP_WAIT_POLICY": "passive"}
        return {**kept, "PATH": path, **own}

    def type(self, blocks: list[Block]) -> None:
        """All of these in one shell; the first that fails is named."""
        script = "\n".join(["set -e", *(f"echo '=== {block}' >&2\n{block.text}" for block in blocks)])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-o", "pipefail", "-c", script],
            cwd=self.project, env=self.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1500,
        )  # fmt: skip
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

    def leave(self) -> None:
        """Stop the daemon a page left behind."""
        subprocess.run(
            [ENVIRONMENT / "bin" / "propainter-backend", "stop"], env=self.environ, capture_output=True, check=False
        )
        assert_gone([process for process in psutil.process_iter() if self._started(process)])

    def _started(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("HOME") == str(self.home)
        except psutil.Error:
            return False


@pytest.fixture
def newcomer() -> Iterator[Newcomer]:
    with tempfile.TemporaryDirectory(prefix="ppdocs-") as folder:  # short, for it holds a socket
        home = Path(folder) / "home"
        home.mkdir()
        somebody = Newcomer(home, copy_project(Path(folder) / "project"))
        yield somebody
        somebody.leave()


def shorten_sample(project: Path) -> None:
    for path in (project / "samples" / "synth-pan").rglob("*.png"):
        if int(path.stem.split(".")[-1]) not in SHORT_SHOT:
            path.unlink()


@pytest.mark.parametrize("page", EVERYDAY, ids=name_of)
def test_what_a_page_says_to_type_works(page: Path, newcomer: Newcomer) -> None:
    shorten_sample(newcomer.project)
    (newcomer.project / ".venv").symlink_to(ENVIRONMENT)
    newcomer.type([block for block in BLOCKS[page] if not block.mark])


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_newcomer_can_type_page_after_page_from_setting_up_to_the_farm(newcomer: Newcomer) -> None:
    shutil.copytree(ROOT / ".git", newcomer.project / ".git")  # a release is dated by its last change
    lend_packages(newcomer.project / ".venv")
    for page in PATH_OF_A_NEWCOMER:
        newcomer.type([block for block in BLOCKS[page] if block.mark != "not run"])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_block_has_two_marks(page: Path) -> None:
    assert not TWO_MARKS.findall(page.read_text(encoding="utf-8"))  # the upper one would not count


def test_the_newcomer_passes_every_page_with_something_slow() -> None:
    assert {page for page in PAGES if any(block.mark == "slow" for block in BLOCKS[page])} <= set(PATH_OF_A_NEWCOMER)


def lend_packages(environment: Path) -> None:
    """An environment where ``make setup`` finds all packages but the project itself, and downloads none of them."""
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    for site in (environment / "lib").glob("python*/site-packages"):
        theirs = ENVIRONMENT / "lib" / site.parent.name / "site-packages"
        (site / "lent.pth").write_text(f"{theirs}\n")
    for program in (ENVIRONMENT / "bin").iterdir():
        if not (environment / "bin" / program.name).exists() and not program.name.startswith("propainter-"):
            (environment / "bin" / program.name).symlink_to(program)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_stands_in_a_block_that_is_run_or_says_why_not(page: Path) -> None:
    hidden = [
        f"{block}: {block.language or 'no language'}"
        for block in blocks_of(page)
        if block.language != "sh" and COMMAND.search(block.text)
    ]
    hidden += [str(block) for block in BLOCKS[page] if block.mark and not block.why]
    indented = re.findall(r"(?:\A|\n)\n((?: {4,}|\t)[^\n]*)", outside_fences(page))
    hidden += [line for line in indented if COMMAND.search(line)]
    assert not hidden


@pytest.mark.parametrize("name", FRONT)
def test_links_of_the_front_pages_lead_somewhere(name: str) -> None:
    targets = [found["target"] for found in LINK.finditer((ROOT / name).read_text(encoding="utf-8"))]
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_files_a_page_names_are_there() -> None:
    """Paths in backticks with a folder of the project in front. Decisions and the specification name those of their time."""
    folders = "backend|docs|host_plugin|installer|propainter|samples|tests|ui"
    named = re.compile(rf"`((?:{folders})/[\w./-]+?)(?::[^`]*)?`")
    lost = {
        f"{name_of(page)}: {path}"
        for page in PAGES
        if page.parent.name != "adr" and page.name != "propainter_spec.md"
        for path in named.findall(page.read_text(encoding="utf-8"))
        if not (ROOT / path).exists()
    }
    assert not lost


@pytest.mark.slow
def test_options_a_page_names_are_options_of_some_command() -> None:
    names = ("backend", "evaluate", "install", "matte", "ofx", "panel", "remove", "weights")
    commands = [f"propainter-{name}" for name in names]
    asked = [*([name] for name in commands), ["propainter-remove", "run-chunk"], ["propainter-weights", "fetch"]]
    asked += [["propainter-backend", "stop"], ["propainter-backend", "status"]]
    known = {"--partition", "--gres"}  # Slurm's
    for command in asked:
        told = subprocess.run(
            [ENVIRONMENT / "bin" / command[0], *command[1:], "--help"], capture_output=True, text=True, check=True
        )
        known |= set(OPTION.findall(told.stdout))
    minihost = ROOT / "host_plugin" / "minihost" / "src" / "options.cpp"  # built or not, its help stands there
    for program in (minihost, *(ROOT / "tests" / "benchmarks").glob("*.py")):
        known |= set(OPTION.findall(program.read_text(encoding="utf-8")))
    pages = [page for page in PAGES if page.parent.name != "adr" and page.name not in ("wire.md", "propainter_spec.md")]
    unknown = {name_of(page): set(OPTION.findall(page.read_text(encoding="utf-8"))) - known for page in pages}
    assert {page: options for page, options in unknown.items() if options} == {}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [ENVIRONMENT / "bin" / "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_the_pages_ask_no_other_machine_for_anything(site: Path) -> None:
    fetched = re.compile(r"<(?:script|img|link)\b[^>]*?(?:src|href)=\"?(?:https?:)?//[^\">\s]+")
    assert [found for page in site.rglob("*.html") for found in fetched.findall(page.read_text(encoding="utf-8"))] == []


def test_every_page_is_in_the_navigation(site: Path) -> None:
    start = (site / "index.html").read_text(encoding="utf-8")
    pages = [str(page.relative_to(ROOT / "docs").with_suffix(".html")) for page in PAGES if page.parent != ROOT]
    assert [page for page in pages if f'href="{page}"' not in start] == []


def test_pictures_are_small() -> None:
    guide = list((ROOT / "docs" / "images").glob("guide-*"))
    assert guide and all(picture.stat().st_size < 150_000 for picture in guide)
