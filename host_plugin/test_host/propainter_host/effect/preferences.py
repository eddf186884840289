"""Formats of clips: the host maps them, the plugin may object, the result is published."""

from __future__ import annotations

from typing import Any

from propainter_host import core
from propainter_host.effect.setup import Setup
from propainter_host.graph.clip import Clip
from propainter_host.graph.instance import Instance
from propainter_host.graph.names import OUTPUT, long_components, long_depth, short_components, short_depth
from propainter_host.images import COMPONENTS, DEPTHS, PREMULTIPLICATIONS
from propainter_host.properties import PropertySet
from propainter_host.strict import Rule


class ClipPreferences:
    """Settles components, depth and alpha of every clip with the plugin."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def apply(self, instance: Instance) -> None:
        """Map formats as the host would, let the plugin object, publish the result."""
        instance.map_formats()
        output = instance.clips.get(OUTPUT)
        answers: dict[str, Any] = {
            "OfxImageEffectPropFrameRate": self._setup.project.frame_rate,
            "OfxImageClipPropFieldOrder": "OfxFieldNone",
            "OfxImageEffectPropPreMultiplication": PREMULTIPLICATIONS[output.premultiplication if output else "opaque"],
            "OfxImageClipPropContinuousSamples": 0,
            "OfxImageEffectFrameVarying": 0,
        }
        for name, clip in instance.clips.items():
            answers[f"OfxImageClipPropComponents_{name}"] = long_components(clip.components)
            answers[f"OfxImageClipPropDepth_{name}"] = long_depth(clip.depth)
            answers[f"OfxImageClipPropPAR_{name}"] = clip.pixel_aspect
        plugin = self._setup.plugin
        outs = plugin.answers(**answers)
        status = plugin.perform(core.GET_CLIP_PREFERENCES, instance, None, outs)
        if plugin.must_or_default(core.GET_CLIP_PREFERENCES, status):
            for clip in instance.clips.values():
                self._apply_preference(clip, outs)
            self._apply_output_preferences(instance, outs)
        for clip in instance.clips.values():
            clip.publish()

    def _apply_preference(self, clip: Clip, outs: PropertySet) -> None:
        profile = self._setup.core.profile
        components = short_components(outs.first(f"OfxImageClipPropComponents_{clip.name}"))
        depth = short_depth(outs.first(f"OfxImageClipPropDepth_{clip.name}"))
        if components not in COMPONENTS or components not in clip.supported:
            self._object(f"{clip} is to be {components}, but was described as {', '.join(clip.supported)}")
        elif components not in profile.components:
            self._object(f"{clip} is to be {components}, which this host does not have")
        else:
            clip.components = components
        if depth not in DEPTHS or depth not in self._setup.descriptor.depths or depth not in profile.depths:
            self._object(f"{clip} is to be {depth}, which effect and host do not share")
        else:
            clip.depth = depth

    def _apply_output_preferences(self, instance: Instance, outs: PropertySet) -> None:
        instance.is_frame_varying = bool(outs.first("OfxImageEffectFrameVarying"))
        name = outs.first("OfxImageEffectPropPreMultiplication")
        short = {long: short for short, long in PREMULTIPLICATIONS.items()}.get(name)
        if short is None:
            self._object(f"the output's premultiplication is to be {name!r}")
        elif OUTPUT in instance.clips:
            instance.clips[OUTPUT].premultiplication = short

    def _object(self, text: str) -> None:
        self._setup.core.ledger.record(Rule.BAD_VALUE, text, action=core.GET_CLIP_PREFERENCES)
