"""How every command is typed: its version, its examples, and help with what was mistyped.

Here: ``CommandParser``, for all commands alike. It lies beside the knobs because everybody may read these, the installer
too, which has nothing but Python. Not here: any command's options.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NoReturn

_PACKAGE = "propainter-remove"
_WIDTH = 100
_KINDS = {"int": "whole number", "float": "number"}


def own_version() -> str:
    """The version that is installed; the commands and the node come from one package."""
    try:
        return version(_PACKAGE)
    except PackageNotFoundError:  # run from a folder that was never installed
        return "unknown"


def number_of_cores(text: str) -> int:
    """What is typed as a number of processor cores."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of cores such as 4")
    return int(text)


class _Version(argparse.Action):
    """Looks the version up once somebody asks for it: that reads a file."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        sys.stdout.write(f"{parser.prog} {own_version()}\n")
        parser.exit()


class CommandParser(argparse.ArgumentParser):
    """Answers a mistyped word with the one that was probably meant, in one sentence, exit code 2."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **more: Any) -> None:
        more.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        for name in ("description", "epilog"):
            more[name] = _wrapped(more.get(name) or "")
        if examples:
            shown = "\n".join(f"  {example}" for example in examples)
            more["epilog"] = f"{more['epilog']}\n\nexamples:\n{shown}".strip()
        super().__init__(*args, **more)
        self.add_argument("--version", action=_Version, nargs=0, help="show the version, and stop")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """As argparse does; but an option that does not exist is named before one that is missing."""
        for word in args or ():
            if word == "--" or word in self._commands:  # what follows is no option, or the command's own
                break
            if word.startswith("--") and not _is_option(word.partition("=")[0], self._option_string_actions):
                self._refuse(word.partition("=")[0])
        return super().parse_known_args(args, namespace)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """The options. Ends the program where a word is left that nobody knows."""
        options, left = self.parse_known_args(sys.argv[1:] if args is None else args, namespace)
        if left:
            self._refuse(left[0])
        return options

    @property
    def _commands(self) -> frozenset[str]:
        """Names of commands within the command."""
        found = (action.choices for action in self._actions if isinstance(action, argparse._SubParsersAction))
        return frozenset(name for names in found for name in names or ())

    def _refuse(self, word: str) -> NoReturn:
        if not word.startswith("-"):
            self.error(f"'{word}' is one word too many")
        self.error(f"{word} is not an option{_meant(word, self._option_string_actions)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        choices = [str(choice) for choice in action.choices or ()]
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(
                action, f"'{value}' is none of {', '.join(choices)}{_meant(str(value), choices)}"
            )

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        kind = _KINDS.get(getattr(action.type, "__name__", ""))
        try:
            return super()._get_value(action, arg_string)
        except argparse.ArgumentError as error:
            if kind is None:
                raise
            raise argparse.ArgumentError(action, f"'{arg_string}' is not a {kind}") from error

    def error(self, message: str) -> NoReturn:
        """One sentence instead of all options."""
        missing = "these are missing:" if ", " in message else "this is missing:"
        message = (
            message.removeprefix("argument ")
            .removeprefix(": ")
            .replace("the following arguments are required:", missing)
        )
        end = "" if message.endswith("?") else "."
        self.exit(2, f"{self.prog}: {message}{end} See {self.prog} --help\n")


def _is_option(word: str, known: Iterable[str]) -> bool:
    """Whether a word is an option, or the beginning of one."""
    return any(option.startswith(word) for option in known)


def _meant(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def _wrapped(text: str) -> str:
    return "\n\n".join(textwrap.fill(" ".join(part.split()), _WIDTH) for part in text.split("\n\n"))
