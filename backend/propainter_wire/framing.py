"""Messages to the parts of a multipart message and back: msgpack, signature, limits.

Here: docs/wire.md, sections 3 and 7; pure functions on bytes. Not here: sockets (``router.py``, ``link``),
sessions and replay (``reception``), where pixels lie (``shm.py``). Whatever bytes come in, nothing but WireError comes out.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import msgpack

from propainter_wire.errors import WireError
from propainter_wire.messages import (
    MAX_BUFFERS,
    MAX_PART_BYTES,
    PROTOCOL_VERSION,
    SUPPORTED_VERSIONS,
    ErrorReply,
    Hello,
    Id,
    Inline,
    Message,
    buffers_of,
)
from propainter_wire.schema import HUGE, Checked, Int, Text

SIGNATURE_BYTES = 32
KEY_BYTES = 32
MAX_HEADER_BYTES = 65536
MAX_CONTENT_BYTES = 2**20
MIN_PARTS = 4
MAX_PARTS = MIN_PARTS + MAX_BUFFERS
MAX_MESSAGE_BYTES = MAX_PART_BYTES

Part: TypeAlias = bytes | memoryview


@dataclass(frozen=True)
class Header(Checked):
    """Who says what, when, in which session."""

    msg_id: Id
    msg_type: Annotated[str, Text(32)]
    version: Annotated[str, Text(16)]
    session: Annotated[str, Text(32)]
    seq: Annotated[int, Int(1, HUGE)]
    date: Annotated[int, Int(0, HUGE)]

    @classmethod
    def fresh(cls, message: Message, *, session: str, seq: int, version: str = PROTOCOL_VERSION) -> Header:
        """A header of a new message, dated now."""
        return cls(new_id(), message.type, version, session, seq, int(time.time() * 1000))


@dataclass(frozen=True)
class Parent(Checked):
    """Which request a reply answers."""

    msg_id: Id


@dataclass(frozen=True)
class Verified:
    """A message whose sender knows the key; parent and content are still bytes."""

    header: Header
    parent: Part
    content: Part
    buffers: tuple[memoryview, ...]


@dataclass(frozen=True)
class Envelope:
    """A message as it arrived, everything checked."""

    header: Header
    parent: str
    """msg_id of the request this answers; empty in a request."""
    message: Message
    buffers: tuple[memoryview, ...]


def new_id() -> str:
    """A new random id: 32 hex digits."""
    return secrets.token_hex(16)


def encode(
    message: Message, *, header: Header, key: bytes, parent: str = "", buffers: Sequence[memoryview] = ()
) -> list[Part]:
    """The parts of a signed message, without a routing id. Buffers are passed through, not copied.

    Raises WireError(bad_frame) for a message over the limits, WireError(bad_buffer) where descriptors and buffers
    differ.
    """
    _check_buffers(message, buffers)
    parts = [_pack(header.to_map()), _pack({"msg_id": parent} if parent else {}), _pack(message.to_map())]
    whole: list[Part] = [sign(key, parts), *parts, *buffers]
    _check_sizes(whole)
    return whole


def sign(key: bytes, parts: Sequence[Part]) -> bytes:
    """HMAC-SHA256 over the parts as if they were one."""
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        mac.update(part)
    return mac.digest()


def verify(parts: Sequence[Part], *, key: bytes) -> Verified:
    """Check counts, sizes and signature, and read the header.

    Raises WireError: bad_frame, bad_signature, bad_message (header).
    """
    _check_sizes(parts)
    signature, header, parent, content = parts[:MIN_PARTS]
    if not hmac.compare_digest(bytes(signature), sign(key, (header, parent, content))):
        raise WireError(
            "bad_signature", "the message is not signed with this backend's key; read its connection file again"
        )
    buffers = tuple(memoryview(part) for part in parts[MIN_PARTS:])
    return Verified(Header.from_map(unpack_map(header, "header"), "header"), parent, content, buffers)


def read(verified: Verified, *, known: Mapping[str, type[Message]]) -> Envelope:
    """Read parent and content of a verified message.

    known: the messages the other side may send. Raises WireError: version_mismatch, unknown_type, bad_message,
    bad_buffer.
    """
    header = verified.header
    check_version(header)
    if header.msg_type not in known:
        raise WireError("unknown_type", f"there is no message {header.msg_type!a} in this direction")
    parent = unpack_map(verified.parent, "parent")
    parent_id = Parent.from_map(parent, "parent").msg_id if parent else ""
    message = known[header.msg_type].from_map(unpack_map(verified.content, "content"))
    _check_buffers(message, verified.buffers)
    return Envelope(header, parent_id, message, verified.buffers)


def decode(parts: Sequence[Part], *, key: bytes, known: Mapping[str, type[Message]]) -> Envelope:
    """``verify`` and ``read`` in one, where nothing is to be checked in between."""
    return read(verify(parts, key=key), known=known)


def check_version(header: Header) -> None:
    """Raise WireError(version_mismatch) for a message of a version we do not speak. ``hello`` and ``error`` stay
    readable for every minor version."""
    ours = PROTOCOL_VERSION.split(".")[0]
    same_major = header.version.split(".")[0] == ours
    if header.version in SUPPORTED_VERSIONS or (same_major and header.msg_type in (Hello.type, ErrorReply.type)):
        return
    raise WireError(
        "version_mismatch",
        f"the message speaks protocol {header.version!a}, this side speaks {', '.join(SUPPORTED_VERSIONS)}; "
        "update the older of the two",
        {"supported": list(SUPPORTED_VERSIONS)},
    )


def encode_refusal(error: WireError) -> list[Part]:
    """The unsigned hint sent to whoever could not be verified."""
    reply = ErrorReply.of(error)
    header = Header.fresh(reply, session="", seq=1)
    return [b"", _pack(header.to_map()), _pack({}), _pack(reply.to_map())]


def read_refusal(parts: Sequence[Part]) -> ErrorReply | None:
    """The hint in an unsigned message; None if it is not one. It proves nothing."""
    if len(parts) != MIN_PARTS or len(parts[0]) != 0:
        return None
    try:
        _check_sizes(parts)
        return ErrorReply.from_map(unpack_map(parts[3], "content"))
    except WireError:
        return None


def _check_sizes(parts: Sequence[Part]) -> None:
    if not MIN_PARTS <= len(parts) <= MAX_PARTS:
        raise WireError("bad_frame", f"a message has {MIN_PARTS} to {MAX_PARTS} parts, not {len(parts)}")
    for part, name, limit in zip(
        parts, ("signature", "header", "parent", "content"),
        (SIGNATURE_BYTES, MAX_HEADER_BYTES, MAX_HEADER_BYTES, MAX_CONTENT_BYTES), strict=False,
    ):  # fmt: skip
        if len(part) > limit:
            raise WireError("bad_frame", f"{name} has {len(part)} bytes; at most {limit} are allowed")
    total = sum(_nbytes(part) for part in parts)
    if total > MAX_MESSAGE_BYTES:
        raise WireError("bad_frame", f"the message has {total} bytes; at most {MAX_MESSAGE_BYTES} are allowed")


def _check_buffers(message: Message, buffers: Sequence[memoryview]) -> None:
    """Every inline descriptor has its buffer of exactly its size, and there is no buffer without a descriptor."""
    described = {}
    for buffer in buffers_of(message):
        if isinstance(buffer.place, Inline):
            described[buffer.place.index] = buffer.nbytes
    if set(described) != set(range(len(buffers))):
        raise WireError(
            "bad_buffer", f"{message.type} describes inline buffers {sorted(described)} but carries {len(buffers)}"
        )
    for index, wanted in described.items():
        if buffers[index].nbytes != wanted:
            raise WireError(
                "bad_buffer", f"buffer {index} has {buffers[index].nbytes} bytes but dtype and shape make {wanted}"
            )


def _pack(value: object) -> bytes:
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed


def unpack_map(data: Part, where: str) -> dict[str, Any]:
    """The one map in these bytes, within the limits. Raises WireError(bad_message)."""
    try:
        value = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            object_pairs_hook=_map_without_repeats,
            max_str_len=MAX_HEADER_BYTES,
            max_bin_len=0,
            max_ext_len=0,
            max_array_len=MAX_HEADER_BYTES,
            max_map_len=MAX_HEADER_BYTES,
        )
    except WireError:
        raise
    except Exception as error:  # msgpack's own zoo: ValueError, UnpackException, StackError, UnicodeDecodeError ...
        raise WireError(
            "bad_message", f"{where} is not msgpack as the protocol allows it: {type(error).__name__}"
        ) from error
    if not isinstance(value, dict):
        raise WireError("bad_message", f"{where} is not a map")
    return value


def _map_without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A map in which two readers cannot see different things."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise WireError("bad_message", "a map has the same name twice")
    return value


def _nbytes(part: Part) -> int:
    return part.nbytes if isinstance(part, memoryview) else len(part)
