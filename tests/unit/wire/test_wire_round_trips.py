"""Whatever may be said comes back as it was said: every message with any values its fields allow, and pixels of any kind.

Beside it: ``test_wire_messages.py`` sends what may not be said.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from propainter_wire import schema as s
from propainter_wire.errors import WireError
from propainter_wire.framing import Header, decode, encode
from propainter_wire.messages import CLIENT_MESSAGES, DAEMON_MESSAGES, Buffer, Inline, InSegment, Message, buffers_of
from propainter_wire.messages.buffers import _PlaceChecker
from propainter_wire.shot import DTYPES, byte_count, bytes_of, digest_of, packed, pixels_in

KEY = bytes(range(32))
MESSAGES = sorted({**CLIENT_MESSAGES, **DAEMON_MESSAGES}.values(), key=lambda each: each.type)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-s.HUGE, s.HUGE) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def values_of(checker: s.Checker) -> st.SearchStrategy[Any]:
    """Anything a field may hold; long lists and large pictures are left to their own tests."""
    match checker:
        case s.Int():
            near = st.integers(checker.low, min(checker.high, checker.low + 40))
            return near | st.integers(checker.low, checker.high) if checker.text != "int 1..16384" else near
        case s.Float():
            return st.floats(checker.low, checker.high)
        case s.Bool():
            return st.booleans()
        case s.Text():
            return st.text(max_size=min(checker.limit, 20)) | st.text(min_size=checker.limit, max_size=checker.limit)
        case s.Pattern():
            return st.from_regex(checker.expression, fullmatch=True)
        case s.Choice():
            return st.sampled_from(checker.words)
        case s.Named():
            return values_of(checker.inner)
        case s.Maybe():
            return st.none() | values_of(checker.inner)
        case s.ListOf():
            return st.lists(values_of(checker.item), max_size=min(checker.limit, 4))
        case s.Fixed():
            return st.tuples(*map(values_of, checker.items))
        case s.Runs():
            return st.lists(st.integers(-1_000_000, 10_000_000), max_size=6, unique=True).map(_runs)
        case s.JsonMap():
            return st.dictionaries(st.text(max_size=9), PLAIN, max_size=3)
        case s.Record():
            return records(checker.record)
        case s.PartOf():
            return st.fixed_dictionaries({}, optional=_fields(checker.record))
        case _PlaceChecker():
            return st.builds(Inline, st.integers(0, 15))
    raise AssertionError(f"no values for {checker}")


def _runs(frames: list[int]) -> list[tuple[int, int]]:
    frames = sorted(frames)[: len(frames) // 2 * 2]
    return list(zip(frames[::2], frames[1::2], strict=True))


def _fields(record: type[s.Checked]) -> dict[str, st.SearchStrategy[Any]]:
    return {name: values_of(checker) for name, checker in s.checkers_of(record).items()}


@st.composite
def records(draw: st.DrawFn, record: type[s.Checked]) -> Any:
    """One that holds in itself, too: what must be so between fields is tried, not known here."""
    if record is Buffer:
        dtype, shape = draw(st.sampled_from(DTYPES)), draw(st.tuples(*[st.integers(1, 9)] * 2, st.integers(1, 4)))
        size = byte_count(dtype, shape)
        segment = f"ppb-{draw(st.from_regex('[0-9a-f]{32}', fullmatch=True))}"
        lying = st.builds(InSegment, st.just(segment), st.integers(0, 2**40), st.just(size), st.integers(1, s.HUGE))
        return Buffer(dtype, shape, draw(st.builds(Inline, st.just(0)) | lying))
    values = draw(st.fixed_dictionaries(_fields(record)))
    if {"first", "last"} <= values.keys():
        values["last"] = values["first"] + draw(st.integers(0, 99))
    if {"region", "buffer"} <= values.keys():
        height, width, _ = values["buffer"].shape
        values["region"] = (*values["region"][:2], width, height)
    try:
        return record(**values)
    except WireError:
        assume(False)


def comes_back(record: type[Message], data: st.DataObject) -> None:
    message = data.draw(records(record))
    header = data.draw(
        records(Header).map(lambda head: Header(**{**head.to_map(), "msg_type": message.type, "version": "1.0"}))
    )
    parent = data.draw(st.just("") | st.from_regex("[0-9a-f]{32}", fullmatch=True))
    buffers = [
        memoryview(data.draw(st.binary(min_size=each.nbytes, max_size=each.nbytes)))
        for each in buffers_of(message)
        if isinstance(each.place, Inline)
    ]
    parts = encode(message, header=header, key=KEY, parent=parent, buffers=buffers)
    known = CLIENT_MESSAGES if message.type in CLIENT_MESSAGES else DAEMON_MESSAGES
    envelope = decode([bytes(part) for part in parts], key=KEY, known=known)
    assert (envelope.message, envelope.header, envelope.parent) == (message, header, parent)
    assert list(envelope.buffers) == buffers


TRIED = [HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large]


@pytest.mark.parametrize("record", MESSAGES, ids=lambda record: record.type)
@settings(max_examples=12, derandomize=True, suppress_health_check=TRIED)
@given(data=st.data())
def test_any_message_comes_back(record: type[Message], data: st.DataObject) -> None:
    comes_back(record, data)


@pytest.mark.slow
@pytest.mark.parametrize("record", MESSAGES, ids=lambda record: record.type)
@settings(max_examples=500, suppress_health_check=TRIED)
@given(data=st.data())
def test_any_message_comes_back_at_length(record: type[Message], data: st.DataObject) -> None:
    comes_back(record, data)


@settings(max_examples=200)
@given(
    pixels=st.sampled_from(DTYPES).flatmap(
        lambda dtype: arrays.arrays(np.dtype(dtype), arrays.array_shapes(min_dims=3, max_dims=3, max_side=9))
    ),
    way=st.sampled_from(["as it is", "big endian", "turned", "every other", "by columns"]),
)
def test_pixels_in_any_order_of_memory_come_back_bit_for_bit(pixels: np.ndarray, way: str) -> None:
    laid = {
        "as it is": pixels,
        "big endian": pixels.astype(pixels.dtype.newbyteorder(">")),
        "turned": np.ascontiguousarray(pixels[::-1, ::-1])[::-1, ::-1],
        "every other": np.repeat(pixels, 2, axis=1)[:, ::2],
        "by columns": np.asfortranarray(pixels),
    }[way]
    tight = packed(laid)
    back = pixels_in(bytes(bytes_of(tight)), pixels.dtype.name, pixels.shape)  # type: ignore[arg-type]
    assert back.tobytes() == pixels.tobytes() and back.shape == pixels.shape
    assert digest_of(laid) == digest_of(pixels)
