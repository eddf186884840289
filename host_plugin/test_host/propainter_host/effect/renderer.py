"""One frame as a real host renders it: questions first, then the sequence of render actions."""

from __future__ import annotations

from typing import Any

import numpy as np

from propainter_host import core
from propainter_host.abi import Status
from propainter_host.effect.judgement import judge
from propainter_host.effect.questions import Questions
from propainter_host.effect.request import Rendered, Wanted
from propainter_host.effect.setup import Setup
from propainter_host.errors import BadValue
from propainter_host.graph.instance import Instance
from propainter_host.graph.names import OUTPUT
from propainter_host.handles import Call
from propainter_host.images import COMPONENTS, DEPTHS, Array, HostImage, Rect


class Renderer:
    """Renders frames of one effect."""

    def __init__(self, setup: Setup, questions: Questions) -> None:
        self._setup = setup
        self._questions = questions

    def render(self, instance: Instance, wanted: Wanted, window: Rect | None) -> Rendered:
        """One frame; no window is all of the output."""
        region = self._questions.region_of_definition(instance, wanted.time, wanted.scale)
        output = instance.clips[OUTPUT]
        whole = region.scaled(wanted.scale[0] / output.pixel_aspect, wanted.scale[1]).outward()
        window = window or whole
        if not window.width or not window.height:
            raise BadValue(
                f"the render window {tuple(window)} of frame {wanted.time:g} is empty; give at least one pixel"
            )
        said = len(self._setup.core.messages)

        def rendered(outcome: str, status: Status, pixels: Array | None, **more: Any) -> Rendered:
            messages = tuple(self._setup.core.messages[said:])
            return Rendered(
                wanted.time,
                outcome,
                status,
                pixels,
                window,
                output.components,
                output.premultiplication,
                messages,
                **more,
            )

        if instance.persistent_message and self._setup.core.profile.message_blocks_render:
            return rendered("blocked", Status.FAILED, None)
        identity = self._questions.identity(instance, wanted, window)
        if identity:
            return rendered("identity", Status.OK, _copy(instance, identity, wanted, window), identity=identity)
        call = self._prepare(instance, wanted, window, window.union(whole))
        status = self._render_frame(instance, wanted, window, call)
        outcome = judge(status, wanted, window, call, ledger=self._setup.core.ledger)
        assert call.output is not None
        pixels = _cut(call.output, window) if outcome == "done" else None
        return rendered(outcome, status, pixels)

    def _prepare(self, instance: Instance, wanted: Wanted, window: Rect, bounds: Rect) -> Call:
        """Everything the plugin declares before a render, and the output's memory."""
        output, profile = instance.clips[OUTPUT], self._setup.core.profile
        region = window.scaled(output.pixel_aspect / wanted.scale[0], 1 / wanted.scale[1])
        regions = self._questions.regions_of_interest(instance, wanted, region)
        needed = self._questions.frames_needed(instance, wanted.time) if profile.temporal_access else None
        image = HostImage(
            f"the output of frame {wanted.time:g}",
            bounds,
            components=output.components,
            depth=output.depth,
            row_order=profile.row_order,
            padding=profile.row_padding,
        )
        return Call(
            core.RENDER,
            instance,
            wanted.time,
            abort=wanted.abort,
            scale=wanted.scale,
            output=image,
            frames_needed=needed,
            regions=regions if self._setup.descriptor.has_tiles else None,
        )

    def _render_frame(self, instance: Instance, wanted: Wanted, window: Rect, call: Call) -> Status:
        sequence = {
            "OfxImageEffectPropFrameRange": (wanted.time, wanted.time),
            "OfxImageEffectPropFrameStep": 1.0,
            "OfxPropIsInteractive": int(self._setup.is_interactive),
            "OfxImageEffectPropRenderScale": wanted.scale,
            **self._render_statuses(),
        }
        plugin = self._setup.plugin
        perform, arguments = plugin.perform, plugin.arguments
        begun = perform(core.BEGIN_SEQUENCE_RENDER, instance, arguments(**sequence))
        plugin.must_or_default(core.BEGIN_SEQUENCE_RENDER, begun)
        status = perform(core.RENDER, instance, arguments(**self._render_arguments(wanted, window)), call=call)
        ended = perform(core.END_SEQUENCE_RENDER, instance, arguments(**sequence))
        plugin.must_or_default(core.END_SEQUENCE_RENDER, ended)
        return status

    def _render_statuses(self) -> dict[str, Any]:
        return {
            "OfxImageEffectPropSequentialRenderStatus": 0,
            "OfxImageEffectPropInteractiveRenderStatus": int(self._setup.is_interactive),
        }

    def _render_arguments(self, wanted: Wanted, window: Rect) -> dict[str, Any]:
        profile = self._setup.core.profile
        arguments: dict[str, Any] = {
            "OfxPropTime": wanted.time,
            "OfxImageEffectPropFieldToRender": "OfxField" + wanted.field,
            "OfxImageEffectPropRenderWindow": tuple(int(edge) for edge in window),
            "OfxImageEffectPropRenderScale": wanted.scale,
            **self._render_statuses(),
        }
        if (profile.api or (1, 0)) >= (1, 4):
            arguments["OfxImageEffectPropRenderQualityDraft"] = int(wanted.draft)
        if profile.has_api_1_5:
            arguments["OfxImageEffectPropThumbnailRender"] = "true" if wanted.thumbnail else "false"
        if profile.resolve_extensions:
            arguments["OfxImageEffectPropSrcFrame"] = int(wanted.time)
        return arguments


def _copy(instance: Instance, identity: tuple[str, float], wanted: Wanted, window: Rect) -> Array:
    """What a host shows when an effect says a frame is a clip's: no render."""
    clip, output = instance.clips[identity[0]], instance.clips[OUTPUT]
    frame = clip.frame_at(identity[1])
    if frame is None:
        return np.zeros((window.height, window.width, COMPONENTS[output.components]), DEPTHS[output.depth])
    return output.convert(frame, window, wanted.scale)


def _cut(image: HostImage, window: Rect) -> Array:
    """The window's pixels, copied: (h, w, c), top-down."""
    top, left = int(image.bounds.y2 - window.y2), int(window.x1 - image.bounds.x1)
    cut: Array = image.pixels[top : top + window.height, left : left + window.width].copy()
    return cut
