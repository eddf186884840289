"""``propainter-weights``: fetch, list, verify and locate the published ProPainter weights, and show their licence.

Here: the command line, the licence's acceptance, and what is done with each file. Not here: HTTP (``downloads.py``),
reading weights and their record (``propainter/weights.py``). Nothing but the three checkpoints is ever downloaded, and
nothing without the licence being accepted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import torch
from tqdm import tqdm

from propainter.weights import (
    LICENCE_NAME,
    LICENCE_URL,
    PUBLISHED_FILES,
    WeightsError,
    default_folder,
    digest_of_file,
    find_weights,
    load_engine,
    named_folder,
    read_weight_set,
    record_digests,
    recorded_digests,
)
from propainter_backend.commands.downloads import Report, download
from propainter_backend.errors import FetchError, OutputError, RemoveError
from propainter_knobs.command_line import CommandParser
from propainter_pictures.console import speak_any_encoding

RELEASE_URL = "https://github.com/sczhou/ProPainter/releases/download/v0.1.0"
"""Where the authors publish the three checkpoints."""

LICENCE_SUMMARY = f"""\
The ProPainter weights are the work of their authors (S-Lab, Nanyang Technological University) and not part of this
software. They are offered under the {LICENCE_NAME}. In our words, which do not replace the text:

  - You may use, change and pass them on for NON-COMMERCIAL purposes, keeping the copyright notice, the conditions and
    the disclaimer with every copy.
  - For any commercial use, paid production work included, you need the authors' permission first.
  - Their names may not be used to promote what you make of it, and there is no warranty.

The text that counts: {LICENCE_URL}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 0 done, 2 something the user can put right, 130 interrupted."""
    speak_any_encoding()
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (RemoveError, WeightsError) as error:
        _tell(f"propainter-weights: {error}", to_error=True)
        return 2
    except KeyboardInterrupt:
        _tell("propainter-weights: interrupted; run the same command again to continue", to_error=True)
        return 130


def fetch(options: argparse.Namespace) -> int:
    """Download what is missing, after the licence has been accepted."""
    _tell(LICENCE_SUMMARY)
    if not options.accept_licence and not _accepts_when_asked():
        raise FetchError("the licence was not accepted, so nothing was fetched; read it, then add --accept-licence")
    folder = _chosen_folder(options)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror}); choose another --folder") from error
    wanted = recorded_digests(folder) | _digests_given(options.sha256)
    for name in PUBLISHED_FILES:
        reporting = _spoken if options.say_progress else _drawn
        _fetch_one(f"{options.url_base.rstrip('/')}/{name}", folder / name, reporting, sha256=wanted.get(name))
    _tell(f"weights {read_weight_set(folder).id} are complete in {folder}")
    return 0


def show_licence(_: argparse.Namespace) -> int:
    """Say what the licence asks, and where its text is."""
    _tell(LICENCE_SUMMARY)
    return 0


def list_files(options: argparse.Namespace) -> int:
    """Say which files are there, and what they are."""
    folder = _chosen_folder(options)
    recorded = recorded_digests(folder)
    _tell(str(folder))
    for name in PUBLISHED_FILES:
        _tell(f"  {name:32} {_state(folder / name, recorded.get(name))}")
    _tell(f"licence: {LICENCE_NAME}, non-commercial; {LICENCE_URL}")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Compare with the recorded digests, then load every tensor into its network."""
    weights = read_weight_set(_chosen_folder(options))
    load_engine(weights, device=torch.device("cpu"))
    _tell(f"weights {weights.id} in {weights.folder} are whole: every tensor fits its network, digests as recorded")
    return 0


def show_path(options: argparse.Namespace) -> int:
    """Print the folder of the weight set that would be used; without one, where it would be fetched to."""
    weights = find_weights(options.folder)
    _tell(str(weights.folder if weights else default_folder()))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="propainter-weights",
        description="The published ProPainter weights: fetch, list, verify, locate. Their licence is non-commercial.",
        examples=("propainter-weights fetch", "propainter-weights verify --folder /studio/weights"),
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("fetch", fetch, "download the three checkpoints, continuing what broke off"),
        ("licence", show_licence, "what the licence of the weights asks"),
        ("list", list_files, "which files are there, their size and digest"),
        ("verify", verify, "check digests and load every tensor"),
        ("path", show_path, "print the folder in use"),
    ):
        command = commands.add_parser(name, help=text, description=run.__doc__)
        command.set_defaults(run=run)
        command.add_argument(
            "--folder",
            type=Path,
            metavar="DIR",
            help="weights folder (default: $PROPAINTER_WEIGHTS, else the user's own)",
        )
        if name == "fetch":
            command.add_argument(
                "--accept-licence", action="store_true", help=f"you have read and accept the {LICENCE_NAME}"
            )
            command.add_argument(
                "--say-progress", action="store_true", help="for programs: a line for every percent of a file"
            )
            command.add_argument(
                "--url-base", default=RELEASE_URL, metavar="URL", help="a studio mirror (default: %(default)s)"
            )
            command.add_argument(
                "--sha256",
                action="append",
                default=[],
                metavar="FILE=HEX",
                help="digest a file must have; may be repeated",
            )
    return parser


def _chosen_folder(options: argparse.Namespace) -> Path:
    return named_folder(options.folder) or default_folder()


def _accepts_when_asked() -> bool:
    if not sys.stdin.isatty():
        return False
    return input(f"Type yes to accept the {LICENCE_NAME}: ").strip().lower() == "yes"


def _digests_given(pairs: Sequence[str]) -> dict[str, str]:
    digests = dict(pair.partition("=")[::2] for pair in pairs)
    for name, digest in digests.items():
        if name not in PUBLISHED_FILES:
            raise FetchError(f"--sha256 names {name!r}; the files are {', '.join(PUBLISHED_FILES)}")
        if len(digest) != 64 or set(digest.lower()) - set("0123456789abcdef"):
            raise FetchError(f"--sha256 of {name} is {digest!r}; it has 64 hexadecimal digits")
    return {name: digest.lower() for name, digest in digests.items()}


def _fetch_one(
    url: str, destination: Path, reporting: Callable[[str], AbstractContextManager[Report]], *, sha256: str | None
) -> None:
    if destination.is_file():
        digest = digest_of_file(destination)
        if sha256 not in (None, digest):
            raise FetchError(f"{destination} is there with sha256 {digest}, not {sha256}; delete it to fetch it again")
        _tell(f"{destination.name} is there already, sha256 {digest}")
    else:
        with reporting(destination.name) as report:
            digest = download(url, destination, sha256=sha256, report=report)
        _refuse_other_content(url, destination)
        how = "as expected" if sha256 else "no digest was known to compare with: recorded as first seen"
        _tell(f"{destination.name} fetched, sha256 {digest} ({how})")
    try:
        record_digests(destination.parent, {destination.name: digest})
    except OSError as error:
        raise OutputError(
            f"{destination.parent} cannot be written to ({error.strerror}); choose another --folder"
        ) from error


def _refuse_other_content(url: str, path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(2)
    if start not in (b"PK", b"\x80\x02"):  # zip, as torch writes since 1.6; pickle, as before
        path.unlink()
        raise FetchError(f"{url} is no checkpoint (a web page, perhaps); check the address (--url-base)")


@contextmanager
def _drawn(name: str) -> Iterator[Report]:
    """A bar, where somebody watches a terminal."""
    with tqdm(desc=name, unit="B", unit_scale=True, disable=not sys.stderr.isatty()) as bar:

        def report(there: int, total: int | None) -> None:
            bar.total = total
            bar.update(there - bar.n)

        yield report


@contextmanager
def _spoken(name: str) -> Iterator[Report]:
    """A line whenever another hundredth has come; without a known length, another megabyte."""
    told = -1

    def report(there: int, total: int | None) -> None:
        nonlocal told
        step = 100 * there // total if total else there // 1_000_000
        if step > told:
            told = step
            _tell(f"{name}: {there / 1e6:.1f}" + (f" of {total / 1e6:.1f} MB" if total else " MB"))

    yield report


def _state(path: Path, recorded: str | None) -> str:
    if path.is_file():
        digest = digest_of_file(path)
        known = {None: "not recorded yet", digest: "as recorded"}.get(recorded, "NOT AS RECORDED")
        return f"{path.stat().st_size / 1e6:7.1f} MB  sha256 {digest}  {known}"
    part = path.with_name(f"{path.name}.part")
    return f"begun, {part.stat().st_size / 1e6:.1f} MB so far" if part.is_file() else "missing"


def _tell(text: str, *, to_error: bool = False) -> None:
    stream = sys.stderr if to_error else sys.stdout
    stream.write(f"{text}\n")
    stream.flush()
