"""What every command answers to a mistyped word, and where its version and its examples are."""

from __future__ import annotations

import importlib
import shlex

import pytest

from propainter_knobs.command_line import CommandParser, own_version

COMMANDS = {
    "propainter-remove": "propainter_backend.commands.remove",
    "propainter-backend": "propainter_backend.commands.backend",
    "propainter-weights": "propainter_backend.commands.weights_cli",
    "propainter-ofx": "propainter_host.__main__",
    "propainter-panel": "propainter_ui.__main__",
    "propainter-install": "propainter_install.__main__",
}
FILES = ["--plate", "p", "--matte", "m", "--output", "o"]


def parser_of(command: str) -> CommandParser:
    try:
        module = importlib.import_module(COMMANDS[command])
    except ImportError as error:
        pytest.skip(str(error))
    parser = module._parser()
    assert isinstance(parser, CommandParser)
    return parser


def refusal(parser: CommandParser, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1, "one line, not all options"
    return said


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_tells_its_version(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser_of(command).parse_args(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{command} {own_version()}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_has_examples_that_the_command_takes_and_no_doubled_sign(command: str) -> None:
    parser = parser_of(command)
    text = parser.format_help()
    assert "%%" not in text
    examples = [shlex.split(line) for line in text.partition("examples:\n")[2].splitlines() if line.strip()]
    assert len(examples) >= 2
    for name, *arguments in examples:
        assert name == command
        parser.parse_args(arguments)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ([*FILES, "--grwo", "3"], "--grwo is not an option; did you mean --grow?"),
        (["--plaet", "p"], "--plaet is not an option; did you mean --plate?"),
        ([*FILES, "--xyzzy"], "--xyzzy is not an option."),
        ([*FILES, "--engine", "clasical"], "did you mean classical?"),
        ([*FILES, "--quality=fast"], "--quality: 'fast' is none of draft, normal, best."),
        ([*FILES, "--grow", "four"], "--grow: 'four' is not a whole number."),
        ([*FILES, "--threshold", "low"], "--threshold: 'low' is not a number."),
        ([*FILES, "extra"], "'extra' is one word too many."),
        (["--plate", "p"], "this is missing: --output."),
        (["--matte", "m"], "these are missing: --plate, --output."),
        ([*FILES, "--frames", "1001to1010"], "'1001to1010' is not a run of frames such as 1001-1040."),
        ([*FILES, "--frames", "1010-1001"], "--frames"),
    ],
)
def test_a_mistyped_word_is_answered_with_the_one_that_was_meant(
    arguments: list[str], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(parser_of("propainter-remove"), arguments, capsys)
    assert answer in said
    assert said.startswith("propainter-remove: ") and said.endswith("See propainter-remove --help\n")


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["stauts"], "did you mean status?"),
        (["status", "--jsno"], "propainter-backend status: --jsno is not an option; did you mean --json?"),
        (["--cache-sise", "4"], "--cache-sise is not an option; did you mean --cache-size?"),
        (["cache", "lst"], "did you mean list?"),
    ],
)
def test_commands_within_a_command_are_answered_alike(
    arguments: list[str], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer in refusal(parser_of("propainter-backend"), arguments, capsys)


def test_an_option_may_still_be_shortened_and_a_value_may_look_like_one() -> None:
    options = parser_of("propainter-remove").parse_args([*FILES, "--contact", "c.png", "--first", "-5", "--draft"])
    assert (options.contact_sheet.name, options.first, options.quality) == ("c.png", -5, "draft")
