"""What is to be said of one setting.

Here: ``Knob``, and the words its fields are made of. Not here: the settings (``table.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind = Literal["int", "float", "bool", "choice", "size"]
"""``size``: width and height, or None."""
EngineName = Literal["propainter", "classical"]
Value: TypeAlias = int | float | bool | str | None

Key = Literal[
    "working", "hole", "flow hole", "flow", "completion", "propagation", "painting", "native", "composite"
]  # fmt: skip
"""Keys of artifacts, as the renderer makes them. ``working``: the plate as the networks see it; ``hole``: also what a clean
plate leaves of it; ``native``: a frame's colours from the plates themselves; ``composite``: made anew every time, so that
a setting read there is in no key."""


@dataclass(frozen=True)
class Parameter:
    """The node's control of a knob."""

    name: str
    """As projects save it."""
    tooltip: str = ""
    """Empty: the knob's."""


@dataclass(frozen=True)
class Knob:
    """One setting of a removal, for whoever checks it, shows it or tells of it."""

    name: str
    """In the protocol and in Python; the command's option has it with hyphens unless it says otherwise."""
    kind: Kind
    default: Value
    label: str
    meaning: str
    """For those who type it: docs/wire.md and ``--help``. No capital, no full stop."""
    keys: tuple[Key, ...]
    """Keys it enters itself, not by way of what they depend on, or whose units it cuts."""
    tooltip: str = ""
    """For artists: panel and node. Which engine listens is added by ``help``."""
    low: float = 0
    high: float = 1
    slider: tuple[float, float] = (0, 1)
    """What a slider covers; other values of the range can be typed."""
    choices: tuple[tuple[str, str], ...] = ()
    """Words and their labels."""
    unit: str = ""
    """Also empty where it has none; "px" are pixels of the plate and shrink with a host's proxy."""
    zero: str = ""
    """What 0 is called where it leaves the number to the backend; empty: it is a number like others."""
    on: float | None = None
    """The value of a number that the panel shows as a switch."""
    engines: tuple[EngineName, ...] = ("propainter", "classical")
    """Those that listen."""
    option: str = ""
    """The command's; empty: it has none."""
    metavar: str | None = None
    parameter: Parameter | None = None
    """None: the node has no such control, or (a size) one of its own making."""
    in_panel: bool = False
    """Whether the panel's settings page has a control for it."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words of a choice, as the protocol has them."""
        return tuple(word for word, _ in self.choices)

    @property
    def help(self) -> str:
        """What an artist reads beside it: what it does, and which engine listens where not both do."""
        return f"{self.tooltip} {only(self.engines)}".rstrip()

    @property
    def help_in_node(self) -> str:
        """The same, where the node's control needs other words."""
        text = self.parameter.tooltip if self.parameter is not None else ""
        return f"{text or self.tooltip} {only(self.engines)}".rstrip()

    def text(self, value: object) -> str:
        """A value as it is shown to an artist."""
        if self.zero and value == 0:
            return self.zero
        if self.kind == "bool" or self.on is not None:
            return "on" if value else "off"
        if self.kind == "float":
            return f"{value:.2f}"
        return dict(self.choices).get(str(value)) or f"{value} {self.unit}".rstrip()


ENGINE_LABELS: Mapping[str, str] = {"propainter": "ProPainter", "classical": "Classical"}


def only(engines: tuple[EngineName, ...]) -> str:
    """A sentence about who listens; empty: every engine."""
    return (
        "" if len(engines) == len(ENGINE_LABELS) else f"{' and '.join(ENGINE_LABELS[e] for e in engines)} engine only."
    )
