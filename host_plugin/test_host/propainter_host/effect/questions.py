"""What the plugin is asked before a render: regions, frames, identity, time domain."""

from __future__ import annotations

from propainter_host import core
from propainter_host.effect.request import Wanted
from propainter_host.effect.setup import Setup
from propainter_host.graph.instance import Instance
from propainter_host.graph.names import OUTPUT
from propainter_host.images import Rect
from propainter_host.strict import Rule


class Questions:
    """Asks an instance, and falls back to what a host assumes."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._plugin = setup.plugin

    def time_domain(self, instance: Instance) -> tuple[float, float]:
        """First and last frame the effect can make, by its own word or else its clips'."""
        content = next((one for one in self._setup.contents.values() if one), None)
        default = (content.first, content.last) if content else (self._setup.project.first, self._setup.project.last)
        outs = self._plugin.answers(OfxImageEffectPropFrameRange=(float(default[0]), float(default[1])))
        status = self._plugin.perform(core.GET_TIME_DOMAIN, instance, None, outs)
        self._plugin.must_or_default(core.GET_TIME_DOMAIN, status)
        first, last = outs["OfxImageEffectPropFrameRange"]
        return first, last

    def region_of_definition(self, instance: Instance, time: float, scale: tuple[float, float]) -> Rect:
        """Where the output has pixels at a time, canonical units."""
        default = self._default_region(instance, time)
        if not self._setup.core.profile.asks_region:
            return default
        ins = self._plugin.arguments(OfxPropTime=time, OfxImageEffectPropRenderScale=scale)
        outs = self._plugin.answers(OfxImageEffectPropRegionOfDefinition=tuple(map(float, default)))
        status = self._plugin.perform_at(core.GET_REGION_OF_DEFINITION, instance, time, ins, outs)
        is_answered = self._plugin.must_or_default(core.GET_REGION_OF_DEFINITION, status)
        return Rect(*outs["OfxImageEffectPropRegionOfDefinition"]) if is_answered else default

    def _default_region(self, instance: Instance, time: float) -> Rect:
        """Source's, or in the General context the union of all clips that must be there (ABI notes, section 5)."""
        if not self._setup.core.profile.multi_resolution:
            return self._setup.project.canonical
        inputs = [clip for clip in instance.clips.values() if clip.name != OUTPUT and not clip.is_optional]
        if self._setup.descriptor.context == "Filter":
            inputs = [clip for clip in inputs if clip.name == "Source"]
        regions = [region for clip in inputs if (region := clip.region_of_definition(time))]
        if not regions:
            return self._setup.project.canonical
        union = regions[0]
        for region in regions[1:]:
            union = union.union(region)
        return union

    def identity(self, instance: Instance, wanted: Wanted, window: Rect) -> tuple[str, float] | None:
        """The clip and time the frame is identical to; None when it must be rendered."""
        ins = self._plugin.arguments(
            OfxPropTime=wanted.time,
            OfxImageEffectPropFieldToRender="OfxField" + wanted.field,
            OfxImageEffectPropRenderWindow=tuple(int(edge) for edge in window),
            OfxImageEffectPropRenderScale=wanted.scale,
        )
        outs = self._plugin.answers(OfxPropName="", OfxPropTime=wanted.time)
        status = self._plugin.perform_at(core.IS_IDENTITY, instance, wanted.time, ins, outs)
        if not self._plugin.must_or_default(core.IS_IDENTITY, status):
            return None
        name, time = str(outs.first("OfxPropName")), float(outs.first("OfxPropTime"))
        if name not in instance.clips or name == OUTPUT:
            self._setup.core.ledger.record(Rule.BAD_VALUE, f"identity with clip {name!r}", action=core.IS_IDENTITY)
            return None
        return name, time

    def regions_of_interest(self, instance: Instance, wanted: Wanted, region: Rect) -> dict[str, Rect]:
        """Which part of each clip the plugin says it wants for a part of the output, canonical units."""
        whole = tuple(map(float, region))
        ins = self._plugin.arguments(
            OfxPropTime=wanted.time,
            OfxImageEffectPropRenderScale=wanted.scale,
            OfxImageEffectPropRegionOfInterest=whole,
        )
        names = [name for name in instance.clips if name != OUTPUT]
        outs = self._plugin.answers(**{f"OfxImageClipPropRoI_{name}": whole for name in names})
        status = self._plugin.perform_at(core.GET_REGIONS_OF_INTEREST, instance, wanted.time, ins, outs)
        self._plugin.must_or_default(core.GET_REGIONS_OF_INTEREST, status)
        return {name: Rect(*outs[f"OfxImageClipPropRoI_{name}"]) for name in names}

    def frames_needed(self, instance: Instance, time: float) -> dict[str, list[tuple[float, float]]]:
        """Which frames of each clip the plugin says it wants for a frame."""
        names = [name for name in instance.clips if name != OUTPUT]
        ins = self._plugin.arguments(OfxPropTime=time)
        outs = self._plugin.answers(**{f"OfxImageClipPropFrameRange_{name}": [time, time] for name in names})
        status = self._plugin.perform_at(core.GET_FRAMES_NEEDED, instance, time, ins, outs)
        self._plugin.must_or_default(core.GET_FRAMES_NEEDED, status)
        return {name: self._ranges(name, outs[f"OfxImageClipPropFrameRange_{name}"]) for name in names}

    def _ranges(self, name: str, numbers: list[float]) -> list[tuple[float, float]]:
        ranges = list(zip(numbers[::2], numbers[1::2], strict=False))
        if len(numbers) % 2 or any(last < first for first, last in ranges):
            self._setup.core.ledger.record(
                Rule.BAD_VALUE, f"frames needed of clip {name} are {numbers}", action=core.GET_FRAMES_NEEDED
            )
        return ranges
