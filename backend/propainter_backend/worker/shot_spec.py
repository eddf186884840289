"""A shot as the daemon describes it to a worker, and what that means for the engine.

Here: ``ShotSpec``. Not here: how the daemon keeps it (``daemon/work/shots.py``), its pictures (``pictures.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from propainter.types import Settings
from propainter_backend.render.drafts import draft_settings, draft_size
from propainter_backend.render.shot import Cuts
from propainter_backend.worker.pipe import Note
from propainter_plan.sizes import usual_size


@dataclass(frozen=True)
class ShotSpec:
    """A shot as the daemon describes it: digests by index, settings as on the wire, quality applied by us."""

    first: int
    size: tuple[int, int]
    channels: int
    plates: tuple[str | None, ...]
    mattes: tuple[str | None, ...]
    cleans: tuple[str | None, ...]
    settings: dict[str, Any]
    quality: str
    matte_size: tuple[int, int] | None = None
    """Width, height of the mattes where they are not of the plate's: a panel's, beside a proxy."""

    @staticmethod
    def from_note(note: Note) -> ShotSpec:
        """Read the daemon's description."""
        return ShotSpec(
            note["first"], tuple(note["size"]), note["channels"], tuple(note["plates"]), tuple(note["mattes"]),
            tuple(note["cleans"]), note["settings"], note["quality"],
            tuple(note["matte_size"]) if note.get("matte_size") else None,
        )  # fmt: skip

    @property
    def frame_count(self) -> int:
        """Frames of the shot."""
        return len(self.plates)

    def removal_settings(self, snap: int) -> Settings:
        """The engine's settings. snap: the flow hole's block grid where the shot does not ask for one."""
        s = self.settings
        settings = Settings(**{field.name: s[field.name] for field in fields(Settings)})
        settings = replace(settings, flow_hole_snap=settings.flow_hole_snap or snap)
        if self.quality == "draft":
            return draft_settings(settings, flow_iterations=s["draft_flow_iterations"])
        return replace(settings, flow_stop=0.0) if self.quality == "best" else settings

    def working_size(self, engine: str) -> tuple[int, int] | None:
        """Width, height of the fill by an engine of this name; None: the plate's."""
        asked = self.settings["working_size"]
        native = bool(self.settings["native_fill"])
        size = (
            tuple(asked)
            if asked
            else usual_size(self.size, engine=engine, native_fill=native, whole=self.quality == "best")
        )
        if self.quality != "draft":
            return size
        return draft_size(size or self.size, scale=self.settings["draft_scale"])

    def fills_natively(self) -> bool:
        """Whether the fill comes from the plates themselves where the working size is below theirs; a draft's never."""
        return bool(self.settings["native_fill"]) and self.quality != "draft"

    def match_grain(self) -> float:
        """How much of the plate's grain the fill is given; a draft's nothing."""
        return 0.0 if self.quality == "draft" else float(self.settings["match_grain"])

    def cuts(self) -> Cuts:
        """Where the film is cut: found on the plate, or nowhere."""
        return "none" if self.settings["cuts"] == "none" else "auto"

    def crop_padding(self) -> int | None:
        """Plate pixels around the box that everything is seen through, 0: automatic; None: the whole plate is seen."""
        asked = self.settings["crop_to_matte"] or self.quality == "draft"
        return self.settings["crop_padding"] if asked else None
