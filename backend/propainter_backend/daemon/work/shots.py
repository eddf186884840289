"""Shots as the daemon knows them: whose they are, which content their frames have, what each frame can see.

Here: ``ShotRecord`` and ``ReachPlan``. Not here: which shots are open (``requests/open_shots.py``), pixels (``content.py``),
the shot as a worker renders it (``worker/shot_spec.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from propainter_backend.daemon.work.events import Reach, ShotChanged
from propainter_backend.daemon.work.panel_mattes import PanelMattes, refuse_unfit
from propainter_backend.worker.pipe import Note
from propainter_knobs.table import heard_by
from propainter_wire.errors import WireError
from propainter_wire.messages import NO_CLEAN_PLATE, Have, OpenShot, ShotSettings


@dataclass
class ShotRecord:
    """One plate over one frame range, as one session sees it. Frames are the host's numbers."""

    id: str
    session: str
    client: str
    opened: OpenShot
    own_settings: ShotSettings
    """As its client gave them."""
    auto: str = ""
    """The engine that ``auto`` means, as a worker has told; empty: none has yet."""
    published: Mapping[str, Any] | None = None
    """What takes their place, where the shot follows."""
    plates: dict[int, str] = field(default_factory=dict)
    mattes: dict[int, str] = field(default_factory=dict)
    cleans: dict[int, str] = field(default_factory=dict)
    """Clean plates, of the frames that have one."""
    panel_mattes: PanelMattes | None = None
    """What is published under its name, where it takes its mattes from a panel."""
    earlier: ShotRecord | None = None
    """As it was before the last edit that made artifacts stale."""
    has_artifacts: bool = False
    """Something has been computed, or found in the cache, of the shot as it is now."""

    @property
    def settings(self) -> ShotSettings:
        """As they are in force."""
        return self.own_settings.changed(self.published or {})

    @property
    def heard(self) -> ShotSettings:
        """The same as its engine takes them: what that ignores tells no two renders apart."""
        settings = self.settings
        return heard_by(self.auto if settings.engine == "auto" else settings.engine, settings)

    @property
    def numbers(self) -> range:
        """Every frame."""
        return range(self.opened.first, self.opened.last + 1)

    def plate_of(self, frame: int) -> str | None:
        """Digest of a frame's plate."""
        return self.plates.get(frame)

    def matte_of(self, frame: int) -> str | None:
        """Digest of a frame's matte; a still one holds for every frame, and where a panel gives them none other does."""
        if self.opened.panel_mattes:
            return None if self.panel_mattes is None else self.panel_mattes.matte_of(frame)
        return self.mattes.get(self.opened.first if self.opened.still_matte else frame)

    def indices(self, frames: Sequence[int]) -> list[int]:
        """Frames counted from 0. Raises WireError (bad_message) for one outside the shot."""
        for frame in frames:
            if frame not in self.numbers:
                raise WireError(
                    "bad_message",
                    f"frame {frame} lies outside the shot ({self.opened.first}-{self.opened.last})",
                    {"field": "frames"},
                )
        return [frame - self.opened.first for frame in frames]

    def resettle(self, edited: ShotRecord) -> ShotChanged | None:
        """Take over another record's settings; returns what is stale where they differ in force."""
        is_another = edited.heard != self.heard
        if is_another:
            self.before_edit()
        self.own_settings, self.published = edited.own_settings, edited.published
        return ShotChanged(self.id, None) if is_another else None

    def take_in(self, told: Have) -> ShotChanged | None:
        """Note which content frames have now; returns what is stale where they had other content."""
        plates = {frame.frame: frame.plate for frame in told.frames if frame.plate}
        mattes = self.mattes_in(told)
        cleans = cleans_of(told)
        changed_plates = {frame for frame, digest in plates.items() if self.plates.get(frame, digest) != digest}
        changed_mattes = {frame for frame, digest in mattes.items() if (self.matte_of(frame) or digest) != digest}
        if self.opened.still_matte and changed_mattes:
            changed_mattes = set(self.numbers)
        changed_mattes |= {frame for frame, digest in cleans.items() if self.cleans.get(frame) != digest}
        changed = frozenset(changed_plates | changed_mattes)
        if changed:
            self.before_edit()
        if self.opened.still_matte and mattes:
            mattes = {self.opened.first: list(mattes.values())[-1]}
        self.plates.update(plates)
        self.mattes.update(mattes)
        self.cleans.update({frame: clean for frame, clean in cleans.items() if clean is not None})
        for frame in [frame for frame, clean in cleans.items() if clean is None]:
            self.cleans.pop(frame, None)
        return ShotChanged(self.id, changed, mattes_only=not changed_plates) if changed else None

    def mattes_in(self, told: Have) -> dict[int, str]:
        """What a message says of mattes; nothing counts where a panel gives them."""
        return {} if self.opened.panel_mattes else {frame.frame: frame.matte for frame in told.frames if frame.matte}

    def take_panel_mattes(self, mattes: PanelMattes | None) -> ShotChanged | None:
        """Take what a panel has published instead of what it had; returns what is stale where that is other content."""
        edited = replace(self, panel_mattes=mattes)
        changed = frozenset(n for n in self.numbers if self.matte_of(n) != edited.matte_of(n))
        if not changed:
            return None
        self.before_edit()
        self.panel_mattes = mattes
        return ShotChanged(self.id, changed, mattes_only=True)

    def refuse_without_mattes(self, frames: Iterable[int]) -> None:
        """Raise WireError (bad_settings) where a panel should give the mattes of these frames, and does not."""
        if self.opened.panel_mattes:
            plate = self.opened.width, self.opened.height
            refuse_unfit(self.opened.name, self.panel_mattes, plate, frames)

    @property
    def matte_size(self) -> list[int] | None:
        """Width, height of mattes that are not of the plate's size."""
        found = self.panel_mattes
        return None if found is None or found.size == (self.opened.width, self.opened.height) else list(found.size)

    def before_edit(self) -> None:
        """Remember the shot as it is: it is about to change."""
        if self.has_artifacts:
            self.earlier = replace(
                self, plates=dict(self.plates), mattes=dict(self.mattes), cleans=dict(self.cleans), earlier=None
            )
            self.has_artifacts = False

    def note(self, quality: str, plates: Collection[int] = (), mattes: Collection[int] = ()) -> Note:
        """The shot as a worker is told of it; plates and mattes: of which frames it shall know them;
        mattes bring clean plates with them."""
        return {
            "first": self.opened.first,
            "size": [self.opened.width, self.opened.height],
            "channels": self.opened.channels,
            "plates": [self.plate_of(n) if n in plates else None for n in self.numbers],
            "mattes": [self.matte_of(n) if n in mattes else None for n in self.numbers],
            "matte_size": self.matte_size,
            "cleans": [self.cleans.get(n) if n in mattes else None for n in self.numbers],
            "settings": asdict(self.settings),
            "quality": quality,
        }


def cleans_of(told: Have) -> dict[int, str | None]:
    """What a message says of clean plates: a digest, or None for a frame that has none any more."""
    cleans = {frame.frame: frame.clean for frame in told.frames if frame.clean}
    return {frame: None if clean == NO_CLEAN_PLATE else clean for frame, clean in cleans.items()}


@dataclass(frozen=True)
class ReachPlan:
    """What a worker says about shots of this length under these settings. Indices are 0-based."""

    engine: str
    working_size: tuple[int, int]
    reach: tuple[tuple[tuple[int, int], ...], ...]
    """Per frame: runs of frames it can see."""

    @staticmethod
    def from_note(answer: Note) -> ReachPlan:
        """Read a worker's answer."""
        shared: dict[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]] = {}  # many frames see the same
        runs_of_frames = (tuple((first, last) for first, last in runs) for runs in answer["reach"])
        width, height = answer["working_size"]
        return ReachPlan(
            answer["engine"], (width, height), tuple(shared.setdefault(runs, runs) for runs in runs_of_frames)
        )

    def seen_by(self, indices: Iterable[int], *, first: int) -> set[int]:
        """Every frame that some of these can see, in the host's numbering. first: the shot's first frame."""
        runs = {run for index in indices for run in self.reach[index]}
        return {first + frame for start, end in runs for frame in range(start, end + 1)}

    def reach_of(self, indices: Iterable[int], *, first: int) -> list[Reach]:
        """What each of these can see, in the host's numbering; equal ones are one object."""
        made: dict[tuple[tuple[int, int], ...], Reach] = {}
        for index in indices:
            runs = self.reach[index]
            if runs not in made:
                ranges = [range(first + start, first + end + 1) for start, end in runs]
                made[runs] = ranges[0] if len(ranges) == 1 else frozenset(frame for run in ranges for frame in run)
        return [made[self.reach[index]] for index in indices]
