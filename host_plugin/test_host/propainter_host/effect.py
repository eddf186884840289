"""What effect handles name: descriptors, instances, their clips, and the images clips lend.

Here: state, and the answers a host gives about clips. Not here: calling the plugin (``plugin.py``, ``host.py``), the C
functions (``suites.py``), pixels (``images.py``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from propainter_host import properties
from propainter_host.abi import Refusal, Status
from propainter_host.core import Core, Message
from propainter_host.errors import BadValue
from propainter_host.handles import Call
from propainter_host.images import (
    COMPONENTS,
    DEPTHS,
    PREMULTIPLICATIONS,
    Array,
    Frame,
    HostImage,
    NumpyClip,
    Rect,
    place,
    resize,
    to_components,
    to_depth,
)
from propainter_host.parameters import Param, ParamSet
from propainter_host.properties import STRING, PropertySet
from propainter_host.strict import Rule

_DEPTH, _COMPONENT, _CONTEXT = "OfxBitDepth", "OfxImageComponent", "OfxImageEffectContext"
_BEST_DEPTHS_FIRST = ("Float", "Half", "Short", "Byte")
OUTPUT = "Output"


@dataclass(frozen=True)
class Project:
    """The timeline an effect sits in."""

    width: int
    """Pixels."""
    height: int
    pixel_aspect: float = 1.0
    frame_rate: float = 24.0
    first: int = 1
    last: int = 1

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 1 or self.last < self.first:
            raise BadValue(
                f"a project of {self.width}x{self.height} pixels, frames {self.first}-{self.last}, is empty; "
                "give at least one pixel and one frame"
            )

    @property
    def canonical(self) -> Rect:
        """Its area in canonical units."""
        return Rect(0, 0, self.width * self.pixel_aspect, self.height)


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
        return [one.removeprefix(_CONTEXT) for one in self.props["OfxImageEffectPropSupportedContexts"]]

    @property
    def depths(self) -> list[str]:
        """Pixel depths the plugin offers, by their short names."""
        return [one.removeprefix(_DEPTH) for one in self.props["OfxImageEffectPropSupportedPixelDepths"]]

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


class LentImage(PropertySet):
    """The handle of clipGetImage: properties, and the memory behind them."""

    def __init__(self, core: Core, image: HostImage) -> None:
        super().__init__(str(image), properties.IMAGE, ledger=core.ledger, calls=core.calls)
        self.image = image

    def inspect(self, core: Core) -> None:
        """Hold everything the plugin did to this memory, and should not have done, against it."""
        if not self.image.guards_hold:
            core.record(Rule.WROTE_OUTSIDE_IMAGE, str(self.image))
        elif not self.image.is_unchanged:
            core.record(Rule.WROTE_INTO_INPUT, str(self.image))


class Clip:
    """One clip of an instance: what is plugged in, and how the plugin is to see it."""

    def __init__(
        self, core: Core, name: str, described: PropertySet, owner: Instance, content: NumpyClip | None
    ) -> None:
        self._core = core
        self.name = name
        self.owner = owner
        self.content = content
        self.is_optional = bool(described.first("OfxImageClipPropOptional"))
        self.is_mask = bool(described.first("OfxImageClipPropIsMask"))
        self.has_temporal_access = bool(described.first("OfxImageEffectPropTemporalClipAccess"))
        self.supported = [one.removeprefix(_COMPONENT) for one in described["OfxImageEffectPropSupportedComponents"]]
        self.components = "RGBA"
        self.depth = "Float"
        self.pixel_aspect = 1.0
        self.premultiplication = "premultiplied"
        self.props = core.properties(f"clip {name}", properties.CLIP).copy_from(described)

    def __str__(self) -> str:
        return f"clip {self.name}"

    # What the plugin is told.

    def choose_components(self) -> str:
        """The components this host would give: what is plugged in, as far as clip and host support it."""
        offered = [one for one in self.supported if one in self._core.profile.components]
        if not offered:
            self._core.record(
                Rule.BAD_DESCRIPTION,
                f"{self} takes {', '.join(self.supported) or 'nothing'}, of which this host has none "
                f"({', '.join(self._core.profile.components)})",
            )
            return "RGBA"
        wanted = self.content.components if self.content else offered[0]
        if self.is_mask:
            wanted = self._core.profile.mask_components
        return wanted if wanted in offered else "RGBA" if "RGBA" in offered else offered[0]

    def publish(self, project: Project) -> None:
        """Bring the properties the plugin reads up to date."""
        content, profile = self.content, self._core.profile
        first, last = (content.first, content.last) if content else (project.first, project.last)
        rate = content.frame_rate if content else project.frame_rate
        span = (0.0, float(last - first)) if profile.frame_range == "local" else (float(first), float(last))
        is_connected = content is not None or self.name == OUTPUT or profile.unconnected != "honest"
        self.props.put(
            OfxImageClipPropConnected=int(is_connected),
            OfxImageEffectPropComponents=_COMPONENT + (self.components if is_connected else "None"),
            OfxImageEffectPropPixelDepth=_DEPTH + (self.depth if is_connected else "None"),
            OfxImageClipPropUnmappedComponents=_COMPONENT + (content.components if content else "None"),
            OfxImageClipPropUnmappedPixelDepth=_DEPTH + (content.depth if content else "None"),
            OfxImageEffectPropPreMultiplication=PREMULTIPLICATIONS[self.premultiplication],
            OfxImageClipPropFieldOrder="OfxFieldNone",
            OfxImagePropPixelAspectRatio=self.pixel_aspect,
            OfxImageEffectPropFrameRate=rate,
            OfxImageEffectPropUnmappedFrameRate=rate,
            OfxImageEffectPropFrameRange=span,
            OfxImageEffectPropUnmappedFrameRange=span,
        )

    def region_of_definition(self, time: float) -> Rect | None:
        """What it covers at a time, canonical; None where it has nothing."""
        if self.name == OUTPUT or not self._core.profile.multi_resolution:
            return self.owner.project.canonical
        frame = self.frame_at(self._shown_time(time))
        return frame.bounds.scaled(self.pixel_aspect, 1) if frame else None

    # What the plugin is lent.

    def lend(self, time: float, call: Call) -> LentImage:
        """The image of one frame; Refusal(FAILED) where this host has none."""
        if self.name == OUTPUT:
            return self._lend_output(time, call)
        self._check_declared(time, call)
        if self.content is None:
            return self._lend_nothing(time, call)
        frame = self.frame_at(self._shown_time(time, call))
        if frame is None:
            raise Refusal(Status.FAILED)
        bounds = self._image_bounds(frame, call)
        if not bounds.width or not bounds.height:
            raise Refusal(Status.FAILED)
        image = self._new_image(time, bounds)
        image.fill(self.convert(frame, bounds, call.scale))
        return self._wrap(image, frame, call)

    def convert(self, frame: Frame, bounds: Rect, scale: tuple[float, float]) -> Array:
        """A frame as this clip shows it: (h, w, c), top-down, covering `bounds` pixels at `scale`."""
        pixels = to_components(frame.pixels, self.components)
        if scale == (1.0, 1.0):
            return to_depth(place(pixels, frame.bounds, bounds), self.depth)
        return to_depth(resize(pixels, frame.bounds, scale, bounds), self.depth)

    def _lend_output(self, time: float, call: Call) -> LentImage:
        if call.output is None or time != call.time:
            self._core.record(
                Rule.BAD_VALUE, f"the output of frame {time:g} is asked for in the render of {call.time:g}"
            )
            raise Refusal(Status.FAILED)
        return self._wrap(call.output, None, call)

    def _lend_nothing(self, time: float, call: Call) -> LentImage:
        unconnected = self._core.profile.unconnected
        if unconnected == "honest":
            raise Refusal(Status.FAILED)
        bounds = self._to_pixels(self.owner.project.canonical, call.scale)
        image = self._new_image(time, bounds, data_is_null=unconnected == "null")
        image.fill(np.zeros((bounds.height, bounds.width, COMPONENTS[self.components]), DEPTHS[self.depth]))
        return self._wrap(image, None, call)

    def _check_declared(self, time: float, call: Call) -> None:
        """Hold a fetch against the plugin when it, or this host, did not allow for it."""
        if time != call.time and not (self.owner.descriptor.has_temporal_access and self.has_temporal_access):
            who = "the host" if not self._core.profile.temporal_access else "the effect or the clip"
            self._core.record(
                Rule.NO_TEMPORAL_ACCESS, f"{self} at {time:g} in the render of {call.time:g}; {who} has no such access"
            )
        if call.frames_needed is None:
            return
        ranges = call.frames_needed.get(self.name, [(call.time, call.time)])
        if not any(first <= time <= last for first, last in ranges):
            declared = ", ".join(f"{first:g}-{last:g}" for first, last in ranges)
            self._core.record(Rule.UNDECLARED_FRAME, f"{self} at {time:g}; declared are {declared}")

    def _shown_time(self, time: float, call: Call | None = None) -> float:
        """The time whose frame this host gives: without temporal access always the current one."""
        return call.time if call is not None and not self._core.profile.temporal_access else time

    def frame_at(self, time: float) -> Frame | None:
        """The picture this host shows at a time: its own, or whatever it does beyond the clip's edges."""
        content = self.content
        if content is None:
            return None
        number = math.floor(time + 0.5)
        if content.first <= number <= content.last or self._core.profile.edges == "error":
            return content.frame(number) if content.first <= number <= content.last else None
        held = content.frame(min(max(number, content.first), content.last))
        if held is None or self._core.profile.edges == "hold":
            return held
        return Frame(np.zeros_like(held.pixels), held.origin)

    def _image_bounds(self, frame: Frame, call: Call) -> Rect:
        whole = frame.bounds.scaled(*call.scale).outward()
        if not self._core.profile.multi_resolution:
            whole = self._to_pixels(self.owner.project.canonical, call.scale)
        region = (call.regions or {}).get(self.name)
        return whole.intersect(self._to_pixels(region, call.scale)) if region else whole

    def _to_pixels(self, canonical: Rect, scale: tuple[float, float]) -> Rect:
        return canonical.scaled(scale[0] / self.pixel_aspect, scale[1]).outward()

    def _new_image(self, time: float, bounds: Rect, *, data_is_null: bool = False) -> HostImage:
        return HostImage(
            f"the image of {self} at {time:g}",
            bounds,
            components=self.components,
            depth=self.depth,
            row_order=self._core.profile.row_order,
            padding=self._core.profile.row_padding,
            data_is_null=data_is_null,
        )

    def _wrap(self, image: HostImage, frame: Frame | None, call: Call) -> LentImage:
        profile = self._core.profile
        scale = {
            "honest": call.scale,
            "one": (1.0, 1.0),
            "inverse": (1 / call.scale[0], 1 / call.scale[1]),
        }[profile.image_scale]
        region = image.bounds if frame is None else frame.bounds.scaled(*call.scale).outward()
        if profile.image_region == "project":
            region = self._to_pixels(self.owner.project.canonical, (1.0, 1.0))
        lent = LentImage(self._core, image)
        lent.put(
            OfxImagePropData=image.data,
            OfxImagePropBounds=[int(edge) for edge in image.bounds],
            OfxImagePropRegionOfDefinition=[int(edge) for edge in region],
            OfxImagePropRowBytes=image.row_bytes,
            OfxImageEffectPropPixelDepth=_DEPTH + image.depth,
            OfxImageEffectPropComponents=_COMPONENT + image.components,
            OfxImageEffectPropPreMultiplication=PREMULTIPLICATIONS[self.premultiplication],
            OfxImagePropField="OfxFieldNone",
            OfxImagePropUniqueIdentifier=self._identifier(image),
            OfxImagePropPixelAspectRatio=self.pixel_aspect,
            OfxImageEffectPropRenderScale=scale,
        )
        return lent

    def _identifier(self, image: HostImage) -> str:
        kind = self._core.profile.identifier
        if kind == "constant":
            return "f" * 16
        if kind == "random":
            return f"{next(_COUNTER):016x}"
        return f"{image.checksum or 0:016x}"


_COUNTER = itertools.count(1)


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
            name: Clip(core, name, described, self, contents.get(name)) for name, described in descriptor.clips.items()
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
            clip.publish(self.project)

    @property
    def main_input(self) -> Clip | None:
        """The clip the output resembles: Source, or the first that must be there."""
        inputs = [clip for clip in self.clips.values() if clip.name != OUTPUT]
        return self.clips.get("Source") or next((clip for clip in inputs if not clip.is_optional), None)

    def _let_output_follow_source(self) -> None:
        output, source = self.clips.get(OUTPUT), self.main_input
        if output is None or source is None:
            return
        if source.components in output.supported:
            output.components = source.components
        output.pixel_aspect = source.pixel_aspect
        output.premultiplication = source.premultiplication

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
            OfxImageEffectPropContext=_CONTEXT + str(self.descriptor.context),
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


def short_depth(name: str) -> str:
    """ "OfxBitDepthFloat" to "Float"."""
    return name.removeprefix(_DEPTH)


def short_components(name: str) -> str:
    """ "OfxImageComponentRGBA" to "RGBA"."""
    return name.removeprefix(_COMPONENT)


def long_depth(name: str) -> str:
    """ "Float" to "OfxBitDepthFloat"."""
    return _DEPTH + name


def long_components(name: str) -> str:
    """ "RGBA" to "OfxImageComponentRGBA"."""
    return _COMPONENT + name


def long_context(name: str) -> str:
    """ "Filter" to "OfxImageEffectContextFilter"."""
    return _CONTEXT + name
