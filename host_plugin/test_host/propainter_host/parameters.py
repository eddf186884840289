"""Parameters: what a plugin describes and what an instance's parameter holds over time.

Here: ``Param`` and ``ParamSet``. Not here: the C functions (``suites/``), the property tables (``properties.py``).
Animated doubles are linear between keys; everything else holds the key before.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import Any

from propainter_host.errors import BadValue, UnknownName
from propainter_host.properties import DOUBLE, INT, STRING, VALUE_TYPES, PropertySet

Values = tuple[Any, ...]


class Param:
    """One parameter, of a descriptor or of an instance."""

    def __init__(self, name: str, param_type: str, props: PropertySet, owner: object) -> None:
        self.name = name
        self.param_type = param_type
        self.props = props
        self.owner = owner
        self.value_type = VALUE_TYPES.get(param_type)
        self.keys: dict[float, Values] = {}
        self._constant: Values = self.default

    def __str__(self) -> str:
        return f"parameter {self.name}"

    @property
    def default(self) -> Values:
        """The values described, one for each dimension; nothing for groups, pages and buttons."""
        return tuple(self.props["OfxParamPropDefault"]) if self.value_type else ()

    @property
    def choices(self) -> list[str]:
        """The options of a choice, in order."""
        return list(self.props["OfxParamPropChoiceOption"]) if "OfxParamPropChoiceOption" in self.props else []

    @property
    def limits(self) -> tuple[Values, Values]:
        """Hard minimum and maximum, each empty where none is set."""
        if not self.value_type or not self.value_type.ranged:
            return (), ()
        return tuple(self.props["OfxParamPropMin"]), tuple(self.props["OfxParamPropMax"])

    def value_at(self, time: float) -> Values:
        """What it holds at a time."""
        if not self.keys:
            return self._constant
        times = sorted(self.keys)
        after = bisect.bisect_right(times, time)
        if after == 0:
            return self.keys[times[0]]
        before = times[after - 1]
        if after == len(times) or self.value_type is None or self.value_type.kind != DOUBLE:
            return self.keys[before]
        share = (time - before) / (times[after] - before)
        pairs = zip(self.keys[before], self.keys[times[after]], strict=True)
        return tuple(low + (high - low) * share for low, high in pairs)

    def set(self, values: Values, time: float | None = None) -> None:
        """Hold `values`: for all times, or as a key at one."""
        if time is None:
            self.keys.clear()
            self._constant = values
        else:
            self.keys[time] = values

    def copy_value(self, other: Param) -> None:
        """Hold what another parameter of the same kind holds, keys included."""
        self.keys = dict(other.keys)
        self._constant = other._constant

    def parse(self, given: Any) -> Values:
        """What an artist or a shell gives, as values: numbers, sequences of them, texts of them, or a choice's label.

        Raises: BadValue, naming what would do.
        """
        if self.value_type is None:
            raise BadValue(f"{self.name} is a {self.param_type.removeprefix('OfxParamType')} and holds no value")
        if self.param_type == "OfxParamTypeChoice" and isinstance(given, str) and not given.lstrip("-").isdigit():
            given = self._choice_index(given)
        if self.param_type == "OfxParamTypeBoolean" and isinstance(given, str):
            given = {"true": 1, "on": 1, "yes": 1, "false": 0, "off": 0, "no": 0}.get(given.lower(), given)
        if self.value_type.kind == STRING:
            return (str(given),)
        parts = given.split(",") if isinstance(given, str) else given if isinstance(given, (list, tuple)) else [given]
        if len(parts) != self.value_type.count:
            raise BadValue(f"{self.name} takes {self.value_type.count} number(s), got {given!r}")
        try:
            values = tuple((int if self.value_type.kind == INT else float)(part) for part in parts)
        except (TypeError, ValueError):
            raise BadValue(f"{self.name} takes {self.value_type.kind} values, got {given!r}") from None
        self.require_in_range(values)
        return values

    def require_in_range(self, values: Values) -> None:
        """BadValue when values lie outside the hard limits or the list of choices."""
        if self.param_type == "OfxParamTypeChoice" and not 0 <= values[0] < len(self.choices):
            raise BadValue(f"{self.name} is {values[0]} but has {len(self.choices)} choices: {', '.join(self.choices)}")
        lowest, highest = self.limits
        is_low = bool(lowest) and any(value < low for value, low in zip(values, lowest, strict=False))
        is_high = bool(highest) and any(value > high for value, high in zip(values, highest, strict=False))
        if is_low or is_high:
            raise BadValue(f"{self.name} is {_plain(values)}; it takes {_plain(lowest)} to {_plain(highest)}")

    def _choice_index(self, label: str) -> int:
        lowered = [choice.lower() for choice in self.choices]
        if label.lower() not in lowered:
            raise BadValue(f"{self.name} has no choice {label!r}; it has {', '.join(self.choices)}")
        return lowered.index(label.lower())

    def plain_value(self, time: float = 0.0) -> Any:
        """The value as an artist sees it: one thing, or a tuple; a choice by its index."""
        return _plain(self.value_at(time))


class ParamSet:
    """The parameters of a descriptor or an instance, in the order they were defined."""

    def __init__(self, title: str, props: PropertySet, owner: object) -> None:
        self.title = title
        self.props = props
        self.owner = owner
        self.items: dict[str, Param] = {}

    def __str__(self) -> str:
        return self.title

    def __iter__(self) -> Iterator[Param]:
        return iter(self.items.values())

    def named(self, name: str) -> Param:
        """The parameter of that name; UnknownName lists those there are."""
        if name not in self.items:
            raise UnknownName(f"there is no parameter {name!r}; the effect has {', '.join(self.items) or 'none'}")
        return self.items[name]


def _plain(values: Values) -> Any:
    return values[0] if len(values) == 1 else values
