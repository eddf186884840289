"""docs/wire.md says what the code does: messages, fields, types, defaults, limits, error codes, digests."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from propainter_wire import connection, framing, messages, router, shm
from propainter_wire.errors import ERROR_CODES, RETRY_MAY_HELP
from propainter_wire.link import dealer
from propainter_wire.messages import CLIENT_MESSAGES, DAEMON_MESSAGES, REPLIES, ErrorReply, ShotSettings
from propainter_wire.reception import hellos, outbox, sessions
from propainter_wire.schema import Checked, ListOf, Record, checkers_of
from propainter_wire.shot import digest_of

PAGE = (Path(__file__).parents[3] / "docs" / "wire.md").read_text(encoding="utf-8")
NO_DEFAULT = "-"


def rows_under(heading: str) -> list[list[str]]:
    """Cells of the table rows between a heading and the next one, without the table's own head."""
    body = re.split(r"^#{2,3} ", PAGE.split(f"{heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in body.splitlines() if line[:1] == "|"
    ]
    return [row for row in rows if not set("".join(row)) <= set("-| ")]


def fields_on_page(heading: str) -> dict[str, tuple[str, str, str]]:
    """name -> type, default, meaning of the first table under a heading."""
    rows = [row for row in rows_under(heading) if len(row) == 4 and row[0].startswith("`")]
    return {row[0].strip("`"): (row[1], row[2], row[3]) for row in rows}


def default_text(field: dataclasses.Field[object]) -> str:
    if field.default is not dataclasses.MISSING:
        value = field.default
    elif field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    else:
        return NO_DEFAULT
    if value == ():
        value = []
    return value if isinstance(value, str) else json.dumps(value)


def fields_in_code(record: type[Checked]) -> dict[str, tuple[str, str]]:
    checkers = checkers_of(record)
    return {field.name: (checkers[field.name].text, default_text(field)) for field in dataclasses.fields(record)}


ALL_MESSAGES = [(name, "client", cls) for name, cls in CLIENT_MESSAGES.items()] + [
    (name, "daemon", cls) for name, cls in DAEMON_MESSAGES.items()
]


@pytest.mark.parametrize(("name", "sender", "message"), ALL_MESSAGES, ids=[name for name, _, _ in ALL_MESSAGES])
def test_every_field_of_a_message_is_on_the_page_with_type_and_default(
    name: str, sender: str, message: type[Checked]
) -> None:
    on_page = fields_on_page(f"### {name} ({sender})")
    assert {field: entry[:2] for field, entry in on_page.items()} == fields_in_code(message)


@pytest.mark.parametrize(("name", "sender", "message"), ALL_MESSAGES, ids=[name for name, _, _ in ALL_MESSAGES])
def test_fields_of_records_in_lists_are_spelt_out_beside_them(name: str, sender: str, message: type[Checked]) -> None:
    on_page = fields_on_page(f"### {name} ({sender})")
    for field, checker in checkers_of(message).items():
        if isinstance(checker, ListOf) and isinstance(checker.item, Record):
            for inner, inner_checker in checkers_of(checker.item.record).items():
                assert f"`{inner}` {inner_checker.text}" in on_page[field][2]


def test_the_page_has_no_message_the_code_does_not_know() -> None:
    on_page = set(re.findall(r"^### (\w+) \((client|daemon)\)$", PAGE, flags=re.MULTILINE))
    assert on_page == {(name, sender) for name, sender, _ in ALL_MESSAGES}


def test_requests_are_answered_as_the_page_says() -> None:
    start = PAGE.index("| request | replies |")
    table = PAGE[start : PAGE.index("\n\n", start)].splitlines()[2:]
    on_page = {}
    for line in table:
        request, replies = line.strip("|").split("|")
        on_page[request.strip(" `")] = set(re.findall(r"`(\w+)`", replies))
    assert on_page == {request.type: {reply.type for reply in replies} for request, replies in REPLIES.items()}


def test_settings_are_on_the_page_with_range_and_default() -> None:
    on_page = {name: entry[:2] for name, entry in fields_on_page("### Settings").items()}
    assert on_page == fields_in_code(ShotSettings)


def test_settings_have_the_names_and_defaults_of_the_engine_s_own() -> None:
    types = pytest.importorskip("propainter.types")
    ours = ShotSettings()
    for field in dataclasses.fields(types.Settings):
        assert getattr(ours, field.name) == field.default, field.name


def test_header_and_buffer_are_on_the_page() -> None:
    header = {row[0].strip("`"): row[1] for row in rows_under("## 3. A message") if len(row) == 3 and row[1] != "type"}
    assert header == {name: checker.text for name, checker in checkers_of(framing.Header).items()}
    buffer = {row[0].strip("`"): row[1] for row in rows_under("## 4. Pixels") if len(row) == 3 and row[0] in
              ("`dtype`", "`shape`", "`place`")}  # fmt: skip
    assert buffer == {name: checker.text for name, checker in checkers_of(messages.Buffer).items()}
    places = {row[0]: row[1] for row in rows_under("## 4. Pixels") if row[0] in ("`inline`", "`shm`")}
    for kind, place in (("`inline`", messages.Inline), ("`shm`", messages.InSegment)):
        assert places[kind] == ", ".join(f"`{name}` {checker.text}" for name, checker in checkers_of(place).items())


def test_error_codes_and_whether_to_retry_are_on_the_page() -> None:
    on_page = {row[0].strip("`"): row[1] == "yes" for row in rows_under("## 8. Error codes") if row[0] != "code"}
    assert on_page == {code: code in RETRY_MAY_HELP for code in ERROR_CODES}
    assert tuple(on_page) == ERROR_CODES


def test_limits_are_on_the_page() -> None:
    on_page = {row[0]: row[1] for row in rows_under("## 7. Limits")}
    assert on_page["header bytes"] == str(framing.MAX_HEADER_BYTES)
    assert on_page["content bytes"] == str(framing.MAX_CONTENT_BYTES)
    assert on_page["buffers in a message"] == str(messages.MAX_BUFFERS) == str(framing.MAX_PARTS - 4)
    assert on_page["bytes of one part"] == str(messages.MAX_PART_BYTES)
    assert on_page["bytes of one message"] == str(framing.MAX_MESSAGE_BYTES)
    assert on_page["sessions"] == str(sessions.MAX_SESSIONS)
    waiting = on_page["replies waiting for a slow client"]
    assert waiting == f"{outbox.MAX_WAITING_MESSAGES} messages, {outbox.MAX_WAITING_BYTES} bytes"
    for side in (router, dealer):
        seconds = (side.HEARTBEAT_MS // 1000, side.SILENCE_MS // 1000)
        assert on_page["heartbeat"] == "every {} s, silence of {} s ends the connection".format(*seconds)


def test_numbers_in_the_text_are_the_code_s() -> None:
    assert f"Protocol version **{messages.PROTOCOL_VERSION}**" in PAGE
    assert f"{connection.MAX_IPC_PATH_BYTES} bytes" in PAGE
    assert f"at most {connection.MAX_FILE_BYTES} bytes" in PAGE
    assert f"within {hellos.HELLO_WITHIN_S:.0f} s of the daemon's clock" in PAGE
    assert f"not confirmed within {shm.CONFIRM_WITHIN_S:.0f} s" in PAGE
    assert f"at most {messages.MAX_SHOT_FRAMES - 1} frames later" in PAGE
    assert ErrorReply.type in DAEMON_MESSAGES


def test_the_page_s_digests_are_what_the_code_computes() -> None:
    on_page = [row[1].strip("`") for row in rows_under("## 4. Pixels") if len(row) == 2 and row[0] != "content"]
    ramp = np.tile(np.arange(256, dtype=np.uint8), 4).reshape(16, 16, 4)
    floats = np.array([0, 0.25, 0.5, 0.75, 1, -1], np.float32).reshape(1, 2, 3)
    assert on_page == [digest_of(np.zeros((1, 1, 1), np.uint8)), digest_of(floats), digest_of(ramp)]
