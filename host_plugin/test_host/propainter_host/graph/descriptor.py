"""What a plugin says of itself."""

from __future__ import annotations

from propainter_host import properties
from propainter_host.core import Core
from propainter_host.graph.names import CONTEXT, DEPTH
from propainter_host.parameters import ParamSet
from propainter_host.properties import PropertySet


class EffectHandle:
    """What an image effect handle names: a descriptor or an instance."""

    props: PropertySet
    params: ParamSet


class Descriptor(EffectHandle):
    """What a plugin says of itself: in Describe (no context), or once for each context."""

    def __init__(self, core: Core, plugin_id: str, *, context: str | None, base: Descriptor | None, path: str) -> None:
        self._core = core
        self.context = context
        self._title = f"the descriptor of {plugin_id}" + (f" in {context}" if context else "")
        props = properties.EFFECT_DESCRIPTOR
        props += properties.FILE_PATH if core.profile.has_file_path else ()
        props += properties.EFFECT_DESCRIPTOR_1_5 if core.profile.has_api_1_5 else ()
        self.props = core.properties(self._title, props)
        if core.profile.has_file_path:
            self.props.put(OfxPluginPropFilePath=path)
        if base:
            self.props.copy_from(base.props)
        self.clips: dict[str, PropertySet] = {}
        self.params = ParamSet(
            f"the parameter set of {self._title}", core.properties(self._title, properties.PARAM_SET), self
        )

    def __str__(self) -> str:
        return self._title

    def define_clip(self, name: str) -> PropertySet:
        """A new clip's description."""
        self.clips[name] = self._core.properties(f"the descriptor of clip {name}", properties.CLIP_DESCRIPTOR)
        return self.clips[name].put(OfxPropName=name, OfxPropLabel=name)

    @property
    def contexts(self) -> list[str]:
        """Contexts the plugin offers, by their short names."""
        return [one.removeprefix(CONTEXT) for one in self.props["OfxImageEffectPropSupportedContexts"]]

    @property
    def depths(self) -> list[str]:
        """Pixel depths the plugin offers, by their short names."""
        return [one.removeprefix(DEPTH) for one in self.props["OfxImageEffectPropSupportedPixelDepths"]]

    @property
    def thread_safety(self) -> str:
        """ "Unsafe", "InstanceSafe" or "FullySafe"."""
        return str(self.props.first("OfxImageEffectPluginRenderThreadSafety")).removeprefix("OfxImageEffectRender")

    @property
    def has_temporal_access(self) -> bool:
        """Whether the plugin, and the host, allow other frames than the current one."""
        return bool(self.props.first("OfxImageEffectPropTemporalClipAccess")) and self._core.profile.temporal_access

    @property
    def has_tiles(self) -> bool:
        """Whether images may be parts of the frame."""
        return bool(self.props.first("OfxImageEffectPropSupportsTiles")) and self._core.profile.tiles
