"""The image effect suite: property and parameter sets, clips and their images, abort, image memory."""

from __future__ import annotations

from propainter_host.abi import Refusal, Status, write_double, write_pointer
from propainter_host.core import DESCRIBE_IN_CONTEXT, RENDER, Core
from propainter_host.graph.clip import Clip, LentImage
from propainter_host.graph.descriptor import Descriptor, EffectHandle
from propainter_host.graph.instance import Instance
from propainter_host.handles import Call
from propainter_host.images import Block
from propainter_host.strict import Rule
from propainter_host.suites.base import SuiteFunctions
from propainter_host.suites.memory import MemoryFunctions


class ImageEffectFunctions(SuiteFunctions):
    """OfxImageEffectSuite 1."""

    def __init__(self, core: Core, memory: MemoryFunctions) -> None:
        super().__init__(core)
        self._memory = memory

    def getPropertySet(self, effect: int | None, out: int | None) -> None:
        self._give_properties(self._target(out, "getPropertySet"), self._effect(effect, "getPropertySet").props)

    def getParamSet(self, effect: int | None, out: int | None) -> None:
        params = self._effect(effect, "getParamSet").params
        write_pointer(self._target(out, "getParamSet has nowhere to put its answer"), self._core.handles.of(params))

    def clipDefine(self, effect: int | None, name: bytes | None, out: int | None) -> None:
        text = self._text(name, "clipDefine without a name")
        descriptor = self._effect(effect, f"clipDefine({text})")
        if not isinstance(descriptor, Descriptor) or not self._is_describing(descriptor):
            self._core.record(Rule.DEFINED_OUTSIDE_DESCRIBE, f"clip {text}")
            raise Refusal(Status.BAD_HANDLE)
        if text in descriptor.clips:
            self._core.record(Rule.DUPLICATE_CLIP, f"clip {text}")
            raise Refusal(Status.EXISTS)
        self._give_properties(out, descriptor.define_clip(text))

    def clipGetHandle(self, effect: int | None, name: bytes | None, out: int | None, out_props: int | None) -> None:
        text = self._text(name, "clipGetHandle without a name")
        instance = self._core.handles.find(effect, Instance, f"clipGetHandle({text})")
        if text not in instance.clips:
            self._core.ledger.note(f"clipGetHandle asked for a clip {text}, which this context does not have")
            raise Refusal(Status.UNKNOWN)
        clip = instance.clips[text]
        write_pointer(self._target(out, "clipGetHandle has nowhere to put its answer"), self._core.handles.of(clip))
        self._give_properties(out_props, clip.props)

    def clipGetPropertySet(self, clip: int | None, out: int | None) -> None:
        self._give_properties(self._target(out, "clipGetPropertySet"), self._clip(clip, "clipGetPropertySet").props)

    def clipGetImage(self, handle: int | None, time: float, _region: int | None, out: int | None) -> None:
        clip = self._clip(handle, "clipGetImage")
        target = self._target(out, "clipGetImage has nowhere to put its answer")
        write_pointer(target, None)
        call = self._rendering_call(clip)
        image = clip.lend(time, call)
        key = self._core.handles.of(image)
        call.images[key] = image.image
        write_pointer(target, key)

    def _rendering_call(self, clip: Clip) -> Call:
        """The render in which an image is asked for; refuses every other moment."""
        call = self._core.calls.current
        if call is None:
            raise Refusal(Status.FAILED)
        if call.action != RENDER or clip.owner is not call.subject:
            self._core.record(Rule.IMAGE_OUTSIDE_RENDER, f"clipGetImage of {clip}")
            raise Refusal(Status.FAILED)
        if self._core.calls.spawned is not None:
            self._core.record(Rule.FOREIGN_THREAD, f"clipGetImage of {clip} on a thread of the multi-thread suite")
        return call

    def clipReleaseImage(self, handle: int | None) -> None:
        retired = self._core.handles.was_retired(handle)
        if retired is not None:
            self._core.record(Rule.RELEASED_TWICE, retired)
            raise Refusal(Status.BAD_HANDLE)
        image = self._core.handles.find(handle, LentImage, "clipReleaseImage")
        image.inspect(self._core)
        for call in self._core.calls.stack:
            call.images.pop(handle or 0, None)
        self._core.handles.retire(image)

    def clipGetRegionOfDefinition(self, handle: int | None, time: float, out: int | None) -> None:
        clip = self._clip(handle, "clipGetRegionOfDefinition")
        target = self._target(out, "clipGetRegionOfDefinition has nowhere to put its answer")
        region = clip.region_of_definition(time)
        if region is None:
            raise Refusal(Status.FAILED)
        for index, edge in enumerate(region):
            write_double(target + 8 * index, edge)

    def abort(self, effect: int | None) -> int:
        self._core.handles.find(effect, Instance, "abort")
        call = self._core.calls.current
        return int(call is not None and call.abort is not None and call.abort.is_set())

    def imageMemoryAlloc(self, effect: int | None, size: int, out: int | None) -> None:
        if effect:
            self._effect(effect, "imageMemoryAlloc")
        block = Block(size)
        self._memory.image_blocks.append(block)
        write_pointer(self._target(out, "imageMemoryAlloc has nowhere to put its answer"), self._core.handles.of(block))

    def imageMemoryFree(self, handle: int | None) -> None:
        block = self._core.handles.find(handle, Block, "imageMemoryFree")
        self._memory.inspect(block)
        self._memory.image_blocks.remove(block)
        self._core.handles.retire(block)

    def imageMemoryLock(self, handle: int | None, out: int | None) -> None:
        block = self._core.handles.find(handle, Block, "imageMemoryLock")
        write_pointer(self._target(out, "imageMemoryLock has nowhere to put its answer"), block.address)

    def imageMemoryUnlock(self, handle: int | None) -> None:
        self._core.handles.find(handle, Block, "imageMemoryUnlock")

    def _effect(self, handle: int | None, what: str) -> EffectHandle:
        return self._core.handles.find(handle, EffectHandle, what)

    def _clip(self, handle: int | None, what: str) -> Clip:
        return self._core.handles.find(handle, Clip, what)

    def _is_describing(self, descriptor: Descriptor) -> bool:
        call = self._core.calls.current
        return call is not None and call.action == DESCRIBE_IN_CONTEXT and call.subject is descriptor
