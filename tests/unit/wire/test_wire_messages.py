"""Messages refuse to be wrong, survive the trip to bytes and back, and whatever bytes come in, only WireError comes out."""

from __future__ import annotations

import math
import struct
from dataclasses import MISSING, fields
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propainter_wire import framing
from propainter_wire.errors import ERROR_CODES, WireError
from propainter_wire.framing import Header, decode, encode, encode_refusal, read_refusal, sign, verify
from propainter_wire.messages import (
    CLIENT_MESSAGES,
    DAEMON_MESSAGES,
    Accepted,
    Buffer,
    Carried,
    Carry,
    Cast,
    Done,
    ErrorReply,
    FrameContent,
    Have,
    Hello,
    Inline,
    InSegment,
    JobLine,
    MatteContent,
    MatteIs,
    MattesPublished,
    Message,
    Motion,
    MotionIs,
    Need,
    OpenShot,
    Progress,
    PublishMattes,
    Put,
    ReachIs,
    Render,
    Result,
    Select,
    ShotOpened,
    ShotSettings,
    StatusIs,
    Track,
    buffers_of,
)

KEY = bytes(range(32))
ID = "0123456789abcdef" * 2
OTHER = "f" * 32
BUFFER = Buffer("uint8", (2, 3, 4), Inline(0))
MATTE = Buffer("float16", (3, 4, 1), Inline(0))
KEYS = (MatteContent(1001, ID), MatteContent(1012, OTHER))
MARKS = {
    "boxes": [[10, 20.5, 30, 40]],
    "remove": [{"points": [[1, 2], [3.5, 4]], "radius": 4}],
    "polygons": [[[0, 0], [9, 0], [9, 9]]],
}
PIXELS = memoryview(bytes(24))
EXAMPLES: list[Message] = [
    Hello("test 1.0", ("1.0",), 17, True),
    OpenShot(1001, 1100, 2048, 1152, 3, "float32", settings={"grow": 7, "working_size": [512, 288]}, name="été"),
    Have(ID, (FrameContent(1001, ID, OTHER), FrameContent(-5))),
    Put(ID, "plate", OTHER, BUFFER),
    Render(ID, (1001, 1002), "draft", "preview", "flow", "float16", crop=True),
    ShotOpened(ID, ShotSettings(threshold=0.25, working_size=(64, 32)), "classical", (64, 32), ("a note",)),
    Need((1, 2), ()),
    ReachIs(((1, 5), (9, 9)), ()),
    Progress(ID, "painting", 3, 10, 1.5),
    Result(ID, 1001, "normal", False, (5, 6, 3, 2), OTHER, BUFFER),
    Done(ID, {"seconds": {"flow": 1.25}, "engine": "classical", "hits": [1, 2, None, True]}),
    StatusIs("0.1", "classical", "cpu", 1, 2.0, 1, jobs=(JobLine(ID, "sh010", "final", "flow", 0, 0),)),
    Select(ID, 1001, MARKS, OTHER),
    MatteIs(1001, OTHER, MATTE, ID, 0.25),
    Track(ID, KEYS, 1001, 1020, (MatteContent(1015, OTHER),)),
    Cast(ID, KEYS, 1001, 1020, 0.1, 2, True),
    Motion(ID, 1001, 1012),
    MotionIs((1, 0, 5.5, 0, 1, -3, 0, 0, 1)),
    Carry(ID, 1001, 1004, ((1.5, 2), (3, 4))),
    Carried(((1.5, 2), (3, -4.25))),
    PublishMattes("sh010", 1001, 1020, 432, 240, KEYS, True),
    MattesPublished("sh010", 2, 1),
    ErrorReply("frames_missing", "frames 1..3 are missing", True, ID, {"plates": [[1, 3]]}),
]


def known(message: Message) -> dict[str, type[Message]]:
    return CLIENT_MESSAGES if message.type in CLIENT_MESSAGES else DAEMON_MESSAGES


def whole(message: Message, **header: Any) -> list[framing.Part]:
    head = Header.fresh(message, session=ID, seq=1)
    buffers = (PIXELS,) * len(buffers_of(message))
    return encode(message, header=head, key=KEY, parent=OTHER, buffers=buffers)


def signed(header: object, parent: object, content: object, *buffers: bytes) -> list[framing.Part]:
    """Parts as a client with the key but without manners would make them."""
    parts = [value if isinstance(value, bytes) else msgpack.packb(value) for value in (header, parent, content)]
    return [sign(KEY, parts), *parts, *buffers]


def header_of(message: Message) -> dict[str, object]:
    return Header.fresh(message, session=ID, seq=1).to_map()


def refusal_of(parts: list[framing.Part], types: dict[str, type[Message]] = CLIENT_MESSAGES) -> WireError:
    with pytest.raises(WireError) as caught:
        decode(parts, key=KEY, known=types)
    assert caught.value.code in ERROR_CODES
    ErrorReply.of(caught.value)  # every refusal can be told to the other side
    return caught.value


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: message.type)
def test_a_message_comes_back_from_its_bytes_as_it_was(message: Message) -> None:
    envelope = decode(whole(message), key=KEY, known=known(message))
    assert envelope.message == message
    assert (envelope.parent, envelope.header.session) == (OTHER, ID)
    assert [bytes(buffer) for buffer in envelope.buffers] == [bytes(24)] * len(buffers_of(message))


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: message.type)
def test_a_missing_an_unknown_and_a_mistyped_field_are_refused_by_name(message: Message) -> None:
    good = message.to_map()
    buffers = [bytes(24)] * len(buffers_of(message))
    required = [f.name for f in fields(message) if f.default is MISSING and f.default_factory is MISSING]
    for name in required:
        lacking = {field: value for field, value in good.items() if field != name}
        error = refusal_of(signed(header_of(message), {}, lacking, *buffers), known(message))
        assert (error.code, error.details["field"]) == ("bad_message", name)
    for name in good:
        error = refusal_of(signed(header_of(message), {}, {**good, name: 1.5e300}, *buffers), known(message))
        assert error.code == "bad_message" and str(error.details["field"]).startswith(name)
    error = refusal_of(signed(header_of(message), {}, {**good, "extra": 1}, *buffers), known(message))
    assert error.details["field"] == "extra"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"first": 2000}, "last"),
        ({"first": True}, "first"),
        ({"first": 10_000_001, "last": 10_000_001}, "first"),
        ({"last": 101_001}, "last"),
        ({"width": 0}, "width"),
        ({"channels": 5}, "channels"),
        ({"dtype": "float64"}, "dtype"),
        ({"name": "x" * 257}, "name"),
        ({"settings": {"gorw": 3}}, "settings.gorw"),
        ({"settings": {"threshold": math.nan}}, "settings.threshold"),
        ({"settings": {"threshold": 1.0}}, "settings.threshold"),
        ({"settings": {"working_size": [10]}}, "settings.working_size"),
        ({"settings": {"neighbor_length": 1}}, "settings.neighbor_length"),
        ({"settings": []}, "settings"),
    ],
)  # fmt: skip
def test_a_shot_out_of_range_is_refused_by_field(change: dict[str, object], field: str) -> None:
    good = OpenShot(1001, 1100, 64, 48, 3, "uint8").to_map()
    error = refusal_of(signed(header_of(OpenShot(1, 1, 1, 1, 3, "uint8")), {}, {**good, **change}))
    assert (error.code, error.details["field"]) == ("bad_message", field)


def test_making_a_wrong_message_fails_where_it_is_made() -> None:
    with pytest.raises(WireError, match="at least one frame"):
        Render(ID, ())
    with pytest.raises(WireError, match="negative values"):
        Render(ID, (1,), output="flow", dtype="uint8")
    with pytest.raises(WireError, match="not valid Unicode"):
        Hello("\ud800", ())
    with pytest.raises(WireError, match="ascending"):
        ReachIs(((5, 1),), ())
    with pytest.raises(WireError, match="ascending"):
        ReachIs(((1, 5), (5, 6)), ())
    with pytest.raises(WireError, match="the buffer is 3x2"):
        Result(ID, 1, "normal", False, (0, 0, 4, 2), OTHER, BUFFER)
    with pytest.raises(WireError, match="a matte has 1"):
        MatteIs(1, OTHER, BUFFER)
    with pytest.raises(WireError, match="draw one frame at least"):
        Track(ID, (), 1, 2)
    with pytest.raises(WireError, match="before the first frame"):
        Track(ID, KEYS, 2, 1)
    with pytest.raises(WireError, match="names frame 1001 twice"):
        Cast(ID, (KEYS[0], KEYS[0]), 1, 2)
    with pytest.raises(WireError, match=r"has frame 1012, outside 1001\.\.1003"):
        PublishMattes("sh010", 1001, 1003, 4, 3, KEYS)
    with pytest.raises(WireError, match="dtype and shape make 24"):
        Buffer("uint8", (2, 3, 4), InSegment("ppb-" + ID, 0, 23, 1))
    with pytest.raises(WireError, match="at most 1073741824"):
        Buffer("float32", (16384, 16384, 2), Inline(0))


def test_an_integer_is_a_valid_float_and_a_boolean_is_no_integer() -> None:
    assert Progress(ID, "flow", 0, 0, 3).eta_s == 3.0
    with pytest.raises(WireError):
        Progress(ID, "flow", True, 0)


def test_free_maps_are_bounded_in_depth_size_and_kind() -> None:
    deep: dict[str, object] = {}
    for _ in range(6):
        deep = {"a": deep}
    for report in (deep, {"a": [0] * 4097}, {"a": math.inf}, {"a": b"bytes"}, {"a": "x" * 4097}, {"a": 2**63}, {1: 2}):
        with pytest.raises(WireError) as caught:
            Done(ID, report)  # type: ignore[arg-type]
        assert caught.value.code == "bad_message"
    assert Done(ID, deep["a"]).report == deep["a"]  # type: ignore[arg-type, index]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xc1",
        b"\x80\x80",
        msgpack.packb([]),
        msgpack.packb(None),
        b"\xdf\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\x81\xa1a" + b"\x91" * 60_000,
        msgpack.packb({1: 2}),
        msgpack.packb({"a": b"raw"}),
        msgpack.packb({"a": msgpack.ExtType(5, b"x")}),
        msgpack.packb({"a": msgpack.Timestamp(0)}),
        b"\x81\xa1\xff\x01",
        b"\x81\xa1a\xa2\xed\xa0",
        b"\xc9\xff\xff\xff\xff\x01",
    ],
    ids=lambda content: content[:6].hex() or "nothing",
)
def test_msgpack_beyond_the_allowed_is_refused(content: bytes) -> None:
    assert refusal_of(signed(header_of(EXAMPLES[0]), {}, content)).code == "bad_message"


def test_a_name_twice_in_one_map_is_refused_because_two_readers_may_see_two_things() -> None:
    twice = b"\x82\xa4shot\xa1a\xa4shot\xa1b"
    assert "twice" in str(refusal_of(signed(header_of(EXAMPLES[0]), {}, twice)))


def test_parts_over_the_limits_are_refused_before_anything_is_read() -> None:
    good = whole(EXAMPLES[0])
    for parts in (
        good[:3],
        [],
        good + [b""] * 17,
        [good[0], bytes(65537), *good[2:]],
        [good[0], good[1], bytes(65537), good[3]],
        [*good[:3], bytes(2**20 + 1)],
        [bytes(33), *good[1:]],
    ):
        assert refusal_of(list(parts)).code == "bad_frame"


def test_a_message_of_too_many_bytes_is_refused_without_being_copied() -> None:
    half = memoryview(np.zeros(2**29, np.uint8))  # untouched pages cost nothing
    assert refusal_of([*whole(EXAMPLES[0]), half, half, half]).code == "bad_frame"


def test_any_other_key_and_any_flipped_bit_spoil_the_signature() -> None:
    parts = whole(EXAMPLES[1])
    with pytest.raises(WireError) as caught:
        decode(parts, key=bytes(32), known=CLIENT_MESSAGES)
    assert caught.value.code == "bad_signature"
    for part in range(4):
        for position in range(len(parts[part])):
            spoilt = bytearray(parts[part])
            spoilt[position] ^= 1
            assert refusal_of([*parts[:part], bytes(spoilt), *parts[part + 1 :]]).code == "bad_signature"


def test_a_message_of_the_wrong_direction_is_unknown() -> None:
    assert refusal_of(whole(Accepted(ID))).code == "unknown_type"
    assert refusal_of(whole(EXAMPLES[0]), DAEMON_MESSAGES).code == "unknown_type"


@pytest.mark.parametrize(
    ("version", "type_", "fits"),
    [("1.0", "ping", True), ("1.7", "ping", False), ("2.0", "ping", False), ("1.7", "hello", True), ("2.0", "hello", False),
     ("", "hello", False)],
)  # fmt: skip
def test_only_hello_is_read_in_a_version_not_spoken(version: str, type_: str, fits: bool) -> None:
    content = EXAMPLES[0].to_map() if type_ == "hello" else {}
    parts = signed({**header_of(EXAMPLES[0]), "version": version, "msg_type": type_}, {}, content)
    if fits:
        assert decode(parts, key=KEY, known=CLIENT_MESSAGES).message.type == type_
    else:
        error = refusal_of(parts)
        assert error.code == "version_mismatch" and error.details["supported"] == ["1.0"]


def test_buffers_and_their_descriptors_must_agree() -> None:
    put = Put(ID, "plate", OTHER, BUFFER)
    for buffers in ((), (bytes(23),), (bytes(25),), (bytes(24), bytes(24))):
        assert refusal_of(signed(header_of(put), {}, put.to_map(), *buffers)).code == "bad_buffer"
    assert refusal_of(signed(header_of(EXAMPLES[0]), {}, EXAMPLES[0].to_map(), b"x")).code == "bad_buffer"
    with pytest.raises(WireError):
        encode(put, header=Header.fresh(put, session=ID, seq=1), key=KEY)


def test_the_signature_is_hmac_sha256_over_the_three_maps_one_after_the_other() -> None:
    # RFC 4231, test case 2
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign(b"Jefe", (b"what do ya ", b"want ", b"for nothing?")).hex() == expected


def test_an_unsigned_refusal_is_readable_and_is_nothing_but_a_refusal() -> None:
    parts = encode_refusal(WireError("bad_signature", "no"))
    refusal = read_refusal(parts)
    assert refusal is not None and refusal.code == "bad_signature"
    assert read_refusal([b"", *whole(EXAMPLES[0])[1:]]) is None
    assert read_refusal(whole(EXAMPLES[-1])) is None
    assert read_refusal([b""]) is None


def test_keys_and_secrets_do_not_show_when_printed() -> None:
    from propainter_wire.connection import Connection

    assert KEY.hex() not in repr(Connection("ipc:///x", KEY, 1)) and str(KEY) not in repr(
        Connection("ipc:///x", KEY, 1)
    )


# --- hostile bytes ----------------------------------------------------------------------------------------------------

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=40)
    | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9) | st.integers(0, 9), inner, max_size=5)
    ),
    max_leaves=12,
)


@st.composite
def mutated_messages(draw: st.DrawFn) -> list[framing.Part]:
    """A real message, properly signed, in which something is not as it should be."""
    message = draw(st.sampled_from(EXAMPLES))
    header, content = header_of(message), message.to_map()
    victim = draw(st.sampled_from([header, content]))
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from([*victim, "extra"]))
        victim[name] = draw(plain)
    parts = [
        msgpack.packb(header),
        msgpack.packb(draw(st.sampled_from([{}, {"msg_id": ID}]) | plain)),
        msgpack.packb(content),
    ]
    index = draw(st.integers(0, 2))
    raw = bytearray(parts[index])
    for _ in range(draw(st.integers(0, 4))):
        how = draw(st.sampled_from(["flip", "cut", "insert", "number"]))
        at = draw(st.integers(0, max(0, len(raw) - 1)))
        if how == "flip" and raw:
            raw[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "cut":
            del raw[at:]
        elif how == "insert":
            raw[at:at] = draw(st.binary(min_size=1, max_size=8))
        elif how == "number":
            raw[at : at + 5] = draw(st.sampled_from([b"\xdd", b"\xdf", b"\xdb", b"\xc6"])) + struct.pack(
                ">I", 2**32 - 1
            )
    parts[index] = bytes(raw)
    buffers = draw(st.lists(st.sampled_from([b"", bytes(24)]), max_size=2))
    return [sign(KEY, parts), *parts, *buffers]


def only_wire_errors(parts: list[framing.Part]) -> None:
    for types in (CLIENT_MESSAGES, DAEMON_MESSAGES):
        try:
            envelope = decode(parts, key=KEY, known=types)
        except WireError as error:
            ErrorReply.of(error)
        else:
            again = encode(envelope.message, header=envelope.header, key=KEY, buffers=envelope.buffers)
            assert decode(again, key=KEY, known=types).message == envelope.message


@settings(max_examples=300)
@given(mutated_messages())
def test_a_mutated_message_is_read_or_refused_and_nothing_else(parts: list[framing.Part]) -> None:
    only_wire_errors(parts)


@pytest.mark.slow
@settings(max_examples=10_000)
@given(mutated_messages())
def test_ten_thousand_mutated_messages_are_read_or_refused_and_nothing_else(parts: list[framing.Part]) -> None:
    only_wire_errors(parts)


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=200), max_size=25))
def test_noise_is_refused(parts: list[bytes]) -> None:
    with pytest.raises(WireError):
        verify(parts, key=KEY)
    read_refusal(parts)
