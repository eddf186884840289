"""Settings as the panel offers them: names, ranges and help of numbers, switches and choices.

Here: data. Not here: the page that shows them (``widgets/settings.py``), what is chosen (``panel_state.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

from propainter_wire.messages import Quality, ShotSettings


@dataclass(frozen=True)
class SettingRow:
    """One number among the settings: what it is called, counts and may be."""

    name: str
    label: str
    unit: str
    lowest: int
    highest: int
    slider_to: int
    """The slider ends here; larger values can be typed."""
    group: str
    help: str
    zero: str = ""
    """What 0 is called where it leaves the number to the backend; empty: it is a number like others."""

    @property
    def default(self) -> int:
        """The backend's own default."""
        return int(getattr(ShotSettings(), self.name))

    def text(self, value: int) -> str:
        """A value as it is shown."""
        return self.zero if self.zero and value == 0 else f"{value} {self.unit}"


SETTING_ROWS: tuple[SettingRow, ...] = (
    SettingRow("neighbor_length", "Neighbour window", "frames", 2, 200, 40, "Windows",
               "Local frames painted together; half of them on each side. More is steadier, slower and larger."),
    SettingRow("ref_stride", "Reference stride", "frames", 1, 1000, 50, "Windows",
               "Frames between two distant references. Lower looks at more of the shot and needs more memory."),
    SettingRow("chunk_length", "Chunk length", "frames", 2, 10000, 200, "Windows",
               "Frames that flow completion and propagation treat at once. Fewer need less memory and see less far."),
    SettingRow("flow_iterations", "Flow iterations", "updates", 1, 100, 40, "Flow",
               "Updates of the optical flow per pair of frames; drafts use 5 at most."),
    SettingRow("grow", "Grow", "px", 0, 1024, 64, "Matte",
               "Plate pixels the matte grows before it becomes the hole. The matte view outlines the hole."),
    SettingRow("grow_flow", "Grow flow", "px", 0, 1024, 64, "Matte",
               "Plate pixels the matte grows for the motion alone, where a shadow or a blur beside the object spoils it. "
               "Below Grow it counts as Grow."),
    SettingRow("feather", "Feather", "px", 0, 1024, 64, "Matte",
               "Plate pixels of soft edge, inside the grown ring."),
)  # fmt: skip
CROP_ROW = SettingRow("crop_padding", "Crop to matte", "px", 0, 4096, 512, "Matte",
                      "Look only at a box around the matte, with so many plate pixels on every side: faster and with less "
                      "memory, but the background is looked for in the box alone. Drafts always do. "
                      "Auto: an eighth of the plate's shorter side.", zero="Auto")  # fmt: skip
"""Its number counts only while ``crop_to_matte`` is on."""


@dataclass(frozen=True)
class SwitchRow:
    """A setting the page turns on or off."""

    name: str
    label: str
    on: bool | float
    """The value it has while it is on; off, nothing of it."""
    group: str
    help: str

    @property
    def default(self) -> bool:
        """Whether the backend's own default is on."""
        return bool(getattr(ShotSettings(), self.name))

    def value(self, is_on: bool) -> bool | float:
        """The setting's value for on or off."""
        return self.on if is_on else type(self.on)(0)


SWITCH_ROWS: tuple[SwitchRow, ...] = (
    SwitchRow("native_fill", "Native fill", True, "Fill",
              "With a smaller working size: fill from the plates themselves wherever they show what is behind, so that "
              "texture and grain are theirs. Off: enlarge the fill. Drafts never do."),
    SwitchRow("flow_stop", "Stop flow early", 0.02, "Flow",
              "Flow of a pair is final once its updates have become small: half the time, hardly a difference. Drafts "
              "always do, Best never."),
)  # fmt: skip

SIZE_CHOICES: tuple[tuple[str, float | None], ...] = (("Auto", None), ("Full", 1.0), ("Half", 0.5), ("Quarter", 0.25))
"""Working sizes by name, as a share of the plate; None: the backend chooses."""

QUALITIES: tuple[tuple[Quality, str], ...] = (
    ("draft", "Draft: half size, 5 flow iterations"), ("normal", "Normal"), ("best", "Best"),
)  # fmt: skip
