"""One clip of an instance, and the images it lends."""

from __future__ import annotations

import itertools
import math

import numpy as np

from propainter_host import properties
from propainter_host.abi import Refusal, Status
from propainter_host.core import Core
from propainter_host.graph.descriptor import Descriptor, EffectHandle
from propainter_host.graph.names import COMPONENT, DEPTH, OUTPUT
from propainter_host.graph.project import Project
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
from propainter_host.properties import PropertySet
from propainter_host.strict import Rule

_COUNTER = itertools.count(1)


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
        self,
        core: Core,
        name: str,
        *,
        owner: EffectHandle,
        descriptor: Descriptor,
        project: Project,
        content: NumpyClip | None,
    ) -> None:
        described = descriptor.clips[name]
        self._core = core
        self._descriptor = descriptor
        self._project = project
        self.name = name
        self.owner = owner
        self.content = content
        self.is_optional = bool(described.first("OfxImageClipPropOptional"))
        self.is_mask = bool(described.first("OfxImageClipPropIsMask"))
        self.has_temporal_access = bool(described.first("OfxImageEffectPropTemporalClipAccess"))
        self.supported = [one.removeprefix(COMPONENT) for one in described["OfxImageEffectPropSupportedComponents"]]
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

    def publish(self) -> None:
        """Bring the properties the plugin reads up to date."""
        content, profile, project = self.content, self._core.profile, self._project
        first, last = (content.first, content.last) if content else (project.first, project.last)
        rate = content.frame_rate if content else project.frame_rate
        span = (0.0, float(last - first)) if profile.frame_range == "local" else (float(first), float(last))
        is_connected = content is not None or self.name == OUTPUT or profile.unconnected != "honest"
        self.props.put(
            OfxImageClipPropConnected=int(is_connected),
            OfxImageEffectPropComponents=COMPONENT + (self.components if is_connected else "None"),
            OfxImageEffectPropPixelDepth=DEPTH + (self.depth if is_connected else "None"),
            OfxImageClipPropUnmappedComponents=COMPONENT + (content.components if content else "None"),
            OfxImageClipPropUnmappedPixelDepth=DEPTH + (content.depth if content else "None"),
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
            return self._project.canonical
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
        bounds = self._to_pixels(self._project.canonical, call.scale)
        image = self._new_image(time, bounds, data_is_null=unconnected == "null")
        image.fill(np.zeros((bounds.height, bounds.width, COMPONENTS[self.components]), DEPTHS[self.depth]))
        return self._wrap(image, None, call)

    def _check_declared(self, time: float, call: Call) -> None:
        """Hold a fetch against the plugin when it, or this host, did not allow for it."""
        if time != call.time and not (self._descriptor.has_temporal_access and self.has_temporal_access):
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
            whole = self._to_pixels(self._project.canonical, call.scale)
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
            region = self._to_pixels(self._project.canonical, (1.0, 1.0))
        lent = LentImage(self._core, image)
        lent.put(
            OfxImagePropData=image.data,
            OfxImagePropBounds=[int(edge) for edge in image.bounds],
            OfxImagePropRegionOfDefinition=[int(edge) for edge in region],
            OfxImagePropRowBytes=image.row_bytes,
            OfxImageEffectPropPixelDepth=DEPTH + image.depth,
            OfxImageEffectPropComponents=COMPONENT + image.components,
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
