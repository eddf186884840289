"""What a field of a message may hold: small checkers, each with the words docs/wire.md uses for it.

Here: checkers, and ``Checked``, the base of every message and record: a frozen dataclass whose annotated fields are
checked when it is made, whether by our own code or from the wire. Not here: the messages (``messages``), bytes
(``framing.py``).

A checker's ``read`` takes a value as msgpack gives it, or the Python value it stands for, and returns the latter; it
raises WireError(bad_message) naming the field, and nothing else. ``write`` is the way back. ``text`` is the type column
of the page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, ClassVar, Protocol, TypeVar, get_type_hints

from propainter_wire.errors import WireError

HUGE = 2**62
"""Largest whole number of the protocol: fits a signed 64-bit integer with room to add."""
JSON_DEPTH = 6
JSON_TEXT = 4096
JSON_ITEMS = 4096

RecordT = TypeVar("RecordT", bound="Checked")


class Checker(Protocol):
    """What stands behind the type of a field."""

    @property
    def text(self) -> str:
        """The words of docs/wire.md."""

    def read(self, value: object, where: str) -> Any:
        """The checked value. ``where`` is the field's path, for the error."""

    def write(self, value: Any) -> object:
        """What msgpack gets."""


def refuse(where: str, problem: str) -> WireError:
    """The error of a wrong field, ready to raise."""
    return WireError("bad_message", f"field {where} {problem}", {"field": where})


@dataclass(frozen=True)
class Int:
    low: int
    high: int

    @property
    def text(self) -> str:
        return f"int {self.low}..{self.high}"

    def read(self, value: object, where: str) -> int:
        if type(value) is not int:
            raise refuse(where, f"is {_kind(value)}; it must be a whole number")
        if not self.low <= value <= self.high:
            raise refuse(where, f"is out of range; it must be {self.low}..{self.high}")
        return value

    def write(self, value: int) -> object:
        return value


@dataclass(frozen=True)
class Float:
    low: float
    high: float

    @property
    def text(self) -> str:
        return f"float {self.low:.10g}..{self.high:.10g}"

    def read(self, value: object, where: str) -> float:
        if type(value) not in (int, float):
            raise refuse(where, f"is {_kind(value)}; it must be a number")
        assert isinstance(value, (int, float))
        if not self.low <= value <= self.high:  # false for NaN, too
            raise refuse(where, f"is out of range; it must be {self.low:g}..{self.high:g}")
        return float(value)

    def write(self, value: float) -> object:
        return value


@dataclass(frozen=True)
class Bool:
    text: ClassVar[str] = "bool"

    def read(self, value: object, where: str) -> bool:
        if type(value) is not bool:
            raise refuse(where, f"is {_kind(value)}; it must be true or false")
        return value

    def write(self, value: bool) -> object:
        return value


@dataclass(frozen=True)
class Text:
    limit: int

    @property
    def text(self) -> str:
        return f"str ≤ {self.limit}"

    def read(self, value: object, where: str) -> str:
        if type(value) is not str:
            raise refuse(where, f"is {_kind(value)}; it must be text")
        if len(value) > self.limit:
            raise refuse(where, f"has {len(value)} characters; at most {self.limit} are allowed")
        if not _is_utf8(value):
            raise refuse(where, "is not valid Unicode")
        return value

    def write(self, value: str) -> object:
        return value


@dataclass(frozen=True)
class Pattern:
    """Text of one form, with a name of its own on the page."""

    text: str
    expression: str

    def read(self, value: object, where: str) -> str:
        if type(value) is not str or not re.fullmatch(self.expression, value):
            raise refuse(where, f"is not a {self.text}")
        return value

    def write(self, value: str) -> object:
        return value


class Choice:
    """One of a few words."""

    def __init__(self, words: Sequence[str], text: str | None = None) -> None:
        self.words = tuple(words)
        self.text = text or f"enum {' '.join(words)}"

    def read(self, value: object, where: str) -> str:
        if type(value) is not str or value not in self.words:
            raise refuse(where, f"must be one of {', '.join(self.words)}")
        return value

    def write(self, value: str) -> object:
        return value


@dataclass(frozen=True)
class Named:
    """Another checker under a name the page explains once."""

    text: str
    inner: Checker

    def read(self, value: object, where: str) -> Any:
        return self.inner.read(value, where)

    def write(self, value: Any) -> object:
        return self.inner.write(value)


@dataclass(frozen=True)
class Maybe:
    inner: Checker

    @property
    def text(self) -> str:
        return f"{self.inner.text}?"

    def read(self, value: object, where: str) -> Any:
        return None if value is None else self.inner.read(value, where)

    def write(self, value: Any) -> object:
        return None if value is None else self.inner.write(value)


@dataclass(frozen=True)
class ListOf:
    item: Checker
    limit: int

    @property
    def text(self) -> str:
        return f"list of {self.item.text}, ≤ {self.limit}"

    def read(self, value: object, where: str) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            raise refuse(where, f"is {_kind(value)}; it must be a list")
        if len(value) > self.limit:
            raise refuse(where, f"has {len(value)} entries; at most {self.limit} are allowed")
        return tuple(self.item.read(entry, f"{where}[{index}]") for index, entry in enumerate(value))

    def write(self, value: Sequence[Any]) -> object:
        return [self.item.write(entry) for entry in value]


class Fixed:
    """A list of known length, each place with a checker of its own."""

    def __init__(self, *items: Checker) -> None:
        self.items = items
        self.text = f"[{', '.join(item.text for item in items)}]"

    def read(self, value: object, where: str) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)) or len(value) != len(self.items):
            raise refuse(where, f"must be a list of {len(self.items)}")
        return tuple(
            item.read(entry, f"{where}[{i}]") for i, (item, entry) in enumerate(zip(self.items, value, strict=True))
        )

    def write(self, value: Sequence[Any]) -> object:
        return [item.write(entry) for item, entry in zip(self.items, value, strict=True)]


class Runs:
    """Inclusive runs of frames, ascending, apart from each other."""

    def __init__(self, frame: Checker, limit: int) -> None:
        self.text = "runs"
        self._list = ListOf(Fixed(frame, frame), limit)

    def read(self, value: object, where: str) -> tuple[tuple[int, int], ...]:
        runs = self._list.read(value, where)
        previous = -math.inf
        for first, last in runs:
            if not previous < first <= last:
                raise refuse(where, "is not a list of ascending runs [first, last]")
            previous = last
        return runs

    def write(self, value: Sequence[Any]) -> object:
        return self._list.write(value)


class JsonMap:
    """A map with free contents: plain values, bounded in depth, number and length."""

    text = "map of json"

    def read(self, value: object, where: str) -> dict[str, object]:
        if not isinstance(value, Mapping):
            raise refuse(where, f"is {_kind(value)}; it must be a map")
        plain = _plain(value, where, JSON_DEPTH)
        assert isinstance(plain, dict)
        return plain

    def write(self, value: Mapping[str, object]) -> object:
        return value


class Record:
    """A map that is a ``Checked`` dataclass."""

    def __init__(self, record: type[Checked], text: str | None = None) -> None:
        self.record = record
        self.text = text or "{" + ", ".join(field.name for field in fields(record)) + "}"

    def read(self, value: object, where: str) -> Checked:
        if isinstance(value, self.record):
            return value
        return self.record.from_map(value, where)

    def write(self, value: Checked) -> object:
        return value.to_map()


class PartOf:
    """Some fields of a record, each checked as the record would; stays a map."""

    def __init__(self, record: type[Checked], text: str) -> None:
        self.record = record
        self.text = text

    def read(self, value: object, where: str) -> dict[str, Any]:
        given = _string_map(value, where)
        checkers = checkers_of(self.record)
        for name in given:
            if name not in checkers:
                raise refuse(f"{where}.{_short(name)}", f"does not exist; known are {', '.join(checkers)}")
        return {name: checkers[name].read(entry, f"{where}.{name}") for name, entry in given.items()}

    def write(self, value: Mapping[str, Any]) -> object:
        checkers = checkers_of(self.record)
        return {name: checkers[name].write(entry) for name, entry in value.items()}


@dataclass(frozen=True)
class Checked:
    """A frozen dataclass whose fields are ``Annotated[type, checker]``: it cannot be made with a wrong value."""

    def __post_init__(self) -> None:
        for name, checker in checkers_of(type(self)).items():
            object.__setattr__(self, name, checker.read(getattr(self, name), name))
        self.check()

    def check(self) -> None:
        """What must hold between fields. Raises WireError."""

    @classmethod
    def from_map(cls: type[RecordT], value: object, where: str = "") -> RecordT:
        """Read one from a map as msgpack gives it.

        Raises WireError(bad_message) for anything missing, unknown, of the wrong type or out of range.
        """
        given = _string_map(value, where or "content")
        known = _fields_of(cls)
        for name in given:
            if name not in known:
                raise refuse(_path(where, _short(name)), "does not exist in this message")
        for name, field in known.items():
            if name not in given and field.default is MISSING and field.default_factory is MISSING:
                raise refuse(_path(where, name), "is missing")
        try:
            return cls(**given)
        except WireError as error:
            if where and error.code == "bad_message":
                raise refuse(_path(where, str(error.details.get("field", ""))), _problem(error)) from None
            raise

    def to_map(self) -> dict[str, object]:
        """The plain map msgpack gets; every field, defaults too."""
        return {name: checker.write(getattr(self, name)) for name, checker in checkers_of(type(self)).items()}


def checkers_of(record: type[Checked]) -> dict[str, Checker]:
    """Field name -> checker, in the order of the fields."""
    if record not in _checkers:
        hints = get_type_hints(record, include_extras=True)
        _checkers[record] = {field.name: hints[field.name].__metadata__[-1] for field in fields(record)}
    return _checkers[record]


_checkers: dict[type[Any], dict[str, Checker]] = {}


def _fields_of(record: type[Checked]) -> dict[str, Field[Any]]:
    return {field.name: field for field in fields(record)}


def _plain(value: object, where: str, depth: int) -> object:
    if value is None or type(value) is bool:
        return value
    if type(value) is int:
        return Int(-HUGE, HUGE).read(value, where)
    if type(value) is float:
        if not math.isfinite(value):
            raise refuse(where, "is not finite")
        return value
    if type(value) is str:
        return Text(JSON_TEXT).read(value, where)
    return _plain_container(value, where, depth)


def _plain_container(value: object, where: str, depth: int) -> object:
    if depth == 0:
        raise refuse(where, f"is nested deeper than {JSON_DEPTH}")
    if not isinstance(value, (list, tuple, Mapping)):
        raise refuse(where, f"is {_kind(value)}; it must be null, true, false, a number, text, a list or a map")
    if len(value) > JSON_ITEMS:
        raise refuse(where, f"has {len(value)} entries; at most {JSON_ITEMS} are allowed")
    if isinstance(value, Mapping):
        return {
            Text(JSON_TEXT).read(name, f"{where} (a name in it)"): _plain(entry, f"{where}.{_short(name)}", depth - 1)
            for name, entry in value.items()
        }
    return [_plain(entry, where, depth - 1) for entry in value]


def _string_map(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise refuse(where, f"is {_kind(value)}; it must be a map")
    if not all(type(name) is str for name in value):
        raise refuse(where, "has a name that is not text")
    return value


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _problem(error: WireError) -> str:
    """An inner error's sentence without its 'field x'."""
    return error.message.removeprefix(f"field {error.details.get('field', '')} ")


def _short(name: object) -> str:
    """A stranger's name for a field, fit for a log: short, printable."""
    return ascii(name)[1:-1][:40] if isinstance(name, str) else "?"


def _is_utf8(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: object) -> str:
    names = {bool: "a truth value", int: "a whole number", float: "a number", str: "text", type(None): "null"}
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, (list, tuple)):
        return "a list"
    return names.get(type(value), "something else")
