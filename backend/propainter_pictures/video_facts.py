"""What a video says besides its pictures: clock, pixel aspect, timecode, title, and what else lies in the file.

Here: ``VideoFacts``, read from an opened container. Not here: pictures (``video.py``), writing any of it
(``video_writing.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from propainter_pictures.header_text import readable
from propainter_pictures.video_color import Coding, coding_of

DEFAULT_FPS = Fraction(24)
"""Frames a second where nothing else is known."""

_OF_THE_FILE = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "timecode", "duration"})
"""Notes that speak of the file or its program, not of the shot."""

_OF_THE_DISPLAY: Mapping[str, str] = {
    "MASTERING_DISPLAY_METADATA": "the mastering notes of its HDR",
    "CONTENT_LIGHT_LEVEL": "the mastering notes of its HDR",
    "DYNAMIC_HDR_PLUS": "its HDR10+ notes",
    "DYNAMIC_HDR_VIVID": "its HDR Vivid notes",
    "DOVI_METADATA": "its Dolby Vision notes",
    "DOVI_RPU_BUFFER": "its Dolby Vision notes",
    "A53_CC": "its closed captions",
    "SPHERICAL": "its mark as a spherical video",
    "STEREO3D": "its mark as a stereo video",
}
"""FFmpeg's names of what frames carry, and ours."""


@dataclass(frozen=True)
class VideoFacts:
    """What a video is, so that its result can be that video."""

    path: Path | None = None
    """The file, for its sound; None: there is no such file."""
    coding: Coding | None = None
    fps: Fraction = DEFAULT_FPS
    """Average frames a second."""
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel by its height, upright."""
    time_base: Fraction = Fraction(1)
    """Seconds a tick of ``times``."""
    times: tuple[int, ...] = ()
    """When each frame is shown, where that is not at ``fps``; empty: it is."""
    start: Fraction = Fraction(0)
    """Seconds at which the first frame is shown, on the clock that its sound keeps."""
    is_retimed: bool = False
    """Whether ``fps`` is not the file's own: its sound would run away from the pictures."""
    timecode: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    """Title and the like."""
    has_sound: bool = False
    left_behind: tuple[str, ...] = ()
    """What lies in the file that no result carries on, in words."""

    def shown_at(self, index: int) -> Fraction:
        """Seconds between the first frame and this one."""
        if self.times and index < len(self.times):
            return (self.times[index] - self.times[0]) * self.time_base
        return index / self.fps

    def shown_for(self, index: int) -> Fraction:
        """Seconds from this frame to the next; of the last one as of the one before it."""
        if len(self.times) < 2:
            return 1 / self.fps
        index = min(index, len(self.times) - 2)
        return self.shown_at(index + 1) - self.shown_at(index)

    def timecode_at(self, index: int) -> str | None:
        """The timecode of a frame; None without any."""
        return self.timecode and shifted(self.timecode, index, self.fps)


def facts_of(path: Path, container: Any, stream: Any, times: tuple[int, ...], first: Any, turned: bool) -> VideoFacts:
    """What an opened video says. times: of every frame, in the stream's ticks, if they are known. first: the first
    frame as decoded. turned: whether width and height change places upright.
    """
    fps = stream.average_rate or DEFAULT_FPS
    aspect = stream.sample_aspect_ratio or Fraction(1)
    ticks = stream.time_base
    is_even = all(abs((time - times[0]) * ticks - index / fps) <= ticks for index, time in enumerate(times))
    start = times[0] * ticks if times else (stream.start_time or 0) * ticks
    tags = {key: readable(value) for key, value in container.metadata.items() if key.lower() not in _OF_THE_FILE}
    return VideoFacts(
        path=path,
        coding=coding_of(first),
        fps=fps,
        pixel_aspect=1 / aspect if turned else aspect,
        time_base=ticks,
        times=() if is_even else times,
        start=start,
        timecode=_timecode(container, stream),
        tags=tags,
        has_sound=bool(container.streams.audio),
        left_behind=_left_behind(container, first),
    )


def _left_behind(container: Any, first: Any) -> tuple[str, ...]:
    held = {each.type.name for each in first.side_data}
    found = tuple(dict.fromkeys(words for kind, words in _OF_THE_DISPLAY.items() if kind in held))
    return (*found, "its chapters") if container.chapters() else found


def _timecode(container: Any, stream: Any) -> str | None:
    for notes in (stream.metadata, container.metadata, *(each.metadata for each in container.streams)):
        found = next((value for key, value in notes.items() if key.lower() == "timecode"), None)
        if found and re.fullmatch(r"\d\d:\d\d:\d\d[:;.]\d\d+", found):
            return str(found)
    return None


def shifted(timecode: str, frames: int, fps: Fraction) -> str:
    """A timecode so many frames later; ``;`` before the frames: numbers are dropped (SMPTE ST 12-1)."""
    hours, minutes, seconds, count = (int(part) for part in re.split("[:;.]", timecode))
    mark = timecode[8]
    rate = round(fps)
    total = ((hours * 60 + minutes) * 60 + seconds) * rate + count
    dropped = 2 * (rate // 30) if mark in ";." and rate % 30 == 0 else 0
    if dropped:
        whole_minutes = hours * 60 + minutes
        total -= dropped * (whole_minutes - whole_minutes // 10)
    total += frames
    if dropped:
        a_minute, ten_minutes = rate * 60 - dropped, rate * 600 - dropped * 9
        tens, rest = divmod(total, ten_minutes)
        total += dropped * 9 * tens
        if rest >= rate * 60:
            total += dropped * (1 + (rest - rate * 60) // a_minute)
    whole, count = divmod(total, rate)
    return f"{whole // 3600 % 24:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{mark}{count:02d}"
