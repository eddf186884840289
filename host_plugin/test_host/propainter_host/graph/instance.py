"""One live instance: its clips, its parameters and what it told the artist."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from propainter_host import properties
from propainter_host.core import Core, Message
from propainter_host.graph.clip import Clip
from propainter_host.graph.descriptor import Descriptor, EffectHandle
from propainter_host.graph.names import CONTEXT, OUTPUT
from propainter_host.graph.project import Project
from propainter_host.images import COMPONENTS, NumpyClip
from propainter_host.parameters import Param, ParamSet
from propainter_host.properties import STRING, PropertySet

_BEST_DEPTHS_FIRST = ("Float", "Half", "Short", "Byte")
_MOST_ALPHA_FIRST = ("premultiplied", "unpremultiplied", "opaque")
"""What hosts built on the standard's own library make of inputs that differ."""


class Instance(EffectHandle):
    """One live instance: its clips, its parameters and what it told the artist."""

    def __init__(
        self,
        core: Core,
        descriptor: Descriptor,
        project: Project,
        contents: dict[str, NumpyClip | None],
        *,
        is_interactive: bool,
    ) -> None:
        self._core = core
        self.descriptor = descriptor
        self.project = project
        self.persistent_message: Message | None = None
        self.open_edits = 0
        self.on_plugin_edit: Callable[[Param], None] = lambda _param: None
        """Told of every parameter the plugin sets itself."""
        self.props = self._make_props(is_interactive)
        self.params = self._make_params()
        self.clips = {
            name: Clip(core, name, owner=self, descriptor=descriptor, project=project, content=contents.get(name))
            for name in descriptor.clips
        }
        self.is_frame_varying = False
        self.map_formats()

    def __str__(self) -> str:
        return f"an instance of {self.descriptor}"

    def note_plugin_edit(self, param: Param) -> None:
        """The plugin set a parameter itself."""
        self.on_plugin_edit(param)

    def everything(self) -> Iterable[object]:
        """All that has a handle and dies with the instance."""
        yield from (self, self.props, self.params, self.params.props)
        for param in self.params:
            yield from (param, param.props)
        for clip in self.clips.values():
            yield from (clip, clip.props)

    def map_formats(self) -> None:
        """Give every clip the components, depth and alpha this host would, before the plugin's preferences."""
        depth = self._choose_depth()
        for clip in self.clips.values():
            content = clip.content
            clip.depth = depth
            clip.components = clip.choose_components()
            clip.pixel_aspect = content.pixel_aspect if content else self.project.pixel_aspect
            clip.premultiplication = content.premultiplication if content else "premultiplied"
        self._let_output_follow_source()
        for clip in self.clips.values():
            clip.publish()

    @property
    def main_input(self) -> Clip | None:
        """The clip the output resembles: Source, or the first that must be there."""
        inputs = [clip for clip in self.clips.values() if clip.name != OUTPUT]
        return self.clips.get("Source") or next((clip for clip in inputs if not clip.is_optional), None)

    def _let_output_follow_source(self) -> None:
        output, source = self.clips.get(OUTPUT), self.main_input
        if output is None or source is None:
            return
        likes = [source]
        if self._core.profile.output_format == "richest":
            likes += [clip for clip in self.clips.values() if clip.content is not None]
        components = [clip.components for clip in likes if clip.components in output.supported]
        output.components = max(components, key=COMPONENTS.__getitem__, default=output.components)
        output.pixel_aspect = source.pixel_aspect
        states = [clip.premultiplication for clip in likes]
        output.premultiplication = next((one for one in _MOST_ALPHA_FIRST if one in states), source.premultiplication)

    def _choose_depth(self) -> str:
        shared = [depth for depth in self.descriptor.depths if depth in self._core.profile.depths]
        source = self.main_input
        if source is not None and source.content is not None and source.content.depth in shared:
            return source.content.depth
        return next((depth for depth in _BEST_DEPTHS_FIRST if depth in shared), "Float")

    def _make_props(self, is_interactive: bool) -> PropertySet:
        project = self.project
        extra = (
            (properties.Prop("OfxImageEffectPropSrcFilePath", STRING, default=("/media/A001_C001.mov",)),)
            if self._core.profile.resolve_extensions
            else ()
        )
        size = (project.width * project.pixel_aspect, float(project.height))
        return self._core.properties(str(self), properties.EFFECT + extra).put(
            OfxImageEffectPropContext=CONTEXT + str(self.descriptor.context),
            OfxPropLabel=self.descriptor.props.first("OfxPropLabel"),
            OfxImageEffectPropProjectSize=size,
            OfxImageEffectPropProjectOffset=(0.0, 0.0),
            OfxImageEffectPropProjectExtent=size,
            OfxImageEffectPropPixelAspectRatio=project.pixel_aspect,
            OfxImageEffectInstancePropEffectDuration=float(project.last - project.first + 1),
            OfxImageEffectPropFrameRate=project.frame_rate,
            OfxPropIsInteractive=int(is_interactive),
            OfxImageEffectPropSupportsTiles=int(self.descriptor.has_tiles),
        )

    def _make_params(self) -> ParamSet:
        params = ParamSet(f"the parameter set of {self}", self._core.properties(str(self), properties.PARAM_SET), self)
        for described in self.descriptor.params:
            props = self._core.properties(
                str(described), properties.param_instance_properties(described.param_type)
            ).copy_from(described.props)
            props.put(OfxPropType="OfxTypeParameterInstance").touched.clear()
            params.items[described.name] = Param(described.name, described.param_type, props, self)
        return params

    def remember_data(self, other: Instance) -> None:
        """Hold the same parameter values and message as another instance."""
        for param in self.params:
            param.copy_value(other.params.named(param.name))
        self.persistent_message = other.persistent_message
