"""Opening, changing and closing shots, and publishing settings that other shots follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from propainter_wire.messages.message import Message
from propainter_wire.messages.settings import AllSettings, PublishedSettings, ShotSettings, SomeSettings
from propainter_wire.messages.words import (
    MAX_SHOT_FRAMES,
    SIZE,
    DTypeName,
    FrameNumber,
    Id,
    Name,
    Notes,
    Short,
    Size,
    WorkingSize,
    Yes,
)
from propainter_wire.schema import Fixed, Int, refuse


@dataclass(frozen=True)
class OpenShot(Message):
    type: ClassVar[str] = "open_shot"
    first: FrameNumber
    last: FrameNumber
    width: Size
    height: Size
    channels: Annotated[int, Int(3, 4)]
    dtype: DTypeName
    still_matte: Yes = False
    settings: SomeSettings = field(default_factory=dict)
    name: Name = ""
    follow: Yes = False
    panel_mattes: Yes = False

    def check(self) -> None:
        check_range(self.first, self.last)
        ShotSettings().changed(self.settings)


@dataclass(frozen=True)
class ChangeSettings(Message):
    type: ClassVar[str] = "settings"
    shot: Id
    settings: SomeSettings


@dataclass(frozen=True)
class ShotOpened(Message):
    type: ClassVar[str] = "shot"
    shot: Id
    settings: AllSettings
    engine: Short
    working_size: Annotated[WorkingSize, Fixed(SIZE, SIZE)]
    notes: Notes = ()


@dataclass(frozen=True)
class Publish(Message):
    type: ClassVar[str] = "publish"
    name: Name
    settings: PublishedSettings

    def check(self) -> None:
        ShotSettings().changed(self.settings or {})


@dataclass(frozen=True)
class AskPublished(Message):
    type: ClassVar[str] = "ask_published"
    name: Name


@dataclass(frozen=True)
class Published(Message):
    type: ClassVar[str] = "published"
    name: Name
    settings: PublishedSettings
    followers: Annotated[int, Int(0, 10**6)]
    matte_frames: Annotated[int, Int(0, 10**6)] = 0


@dataclass(frozen=True)
class CloseShot(Message):
    type: ClassVar[str] = "close_shot"
    shot: Id


@dataclass(frozen=True)
class ShotClosed(Message):
    type: ClassVar[str] = "closed"
    shot: Id


def check_range(first: int, last: int) -> None:
    if last < first:
        raise refuse("last", f"is {last}, before the first frame {first}")
    if last - first >= MAX_SHOT_FRAMES:
        raise refuse("last", f"is {last - first} frames after the first; a shot has at most {MAX_SHOT_FRAMES} frames")
