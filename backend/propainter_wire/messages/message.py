"""What every message is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeVar

from propainter_wire.schema import Checked


@dataclass(frozen=True)
class Message(Checked):
    """Base of all messages; ``type`` is what the header calls them."""

    type: ClassVar[str] = ""


MessageT = TypeVar("MessageT", bound=Message)
