"""The suites a plugin calls: property, image effect, parameter, memory, multi-thread, message, progress, timeline.

Here: one class for each suite, whose methods bear the names of the slots in ``abi.py``, and ``Suites``, which makes the
C tables. Not here: what the calls act on (``effect.py``, ``parameters.py``, ``images.py``).

No exception reaches C: a ``Refusal`` becomes its status, anything else FAILED and a note that the host itself broke.
Every call is checked for the thread it comes from: only threads the host is calling in on, or those its own multi-thread
suite made, may call; memory and mutexes are free to all.
"""

from __future__ import annotations

import ctypes
import itertools
import threading
from collections.abc import Callable, Set
from ctypes import c_char_p, c_double, c_int, c_void_p
from typing import Any

from propainter_host import abi
from propainter_host.abi import Refusal, Status, Suite, SuiteTable, write_double, write_int, write_pointer
from propainter_host.core import (
    BEGIN_INSTANCE_CHANGED,
    DESCRIBE_IN_CONTEXT,
    END_INSTANCE_CHANGED,
    INSTANCE_CHANGED,
    RENDER,
    SYNC_PRIVATE_DATA,
    Core,
    Message,
)
from propainter_host.effect import Clip, Descriptor, EffectHandle, Instance, LentImage
from propainter_host.errors import BadValue, HostError
from propainter_host.handles import Call
from propainter_host.images import Block
from propainter_host.parameters import Param, ParamSet, Values
from propainter_host.properties import DOUBLE, INT, POINTER, STRING, PropertySet, param_properties
from propainter_host.strict import Rule

_MAY_SET_VALUES = (INSTANCE_CHANGED, BEGIN_INSTANCE_CHANGED, END_INSTANCE_CHANGED, SYNC_PRIVATE_DATA)


class Suites:
    """The C tables of one host, as its profile has them."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.asked: list[tuple[str, int]] = []
        """What plugins asked for, whether or not it is there."""
        self.memory = MemoryFunctions(core)
        self.threads = ThreadFunctions(core)
        message, progress = MessageFunctions(core), ProgressFunctions(core)
        free = {"mutexCreate", "mutexDestroy", "mutexLock", "mutexUnLock", "mutexTryLock", "multiThreadIsSpawnedThread"}
        self._tables: dict[tuple[str, int], SuiteTable] = {}
        self._add(abi.PROPERTY_SUITE, PropertyFunctions(core))
        self._add(abi.IMAGE_EFFECT_SUITE, ImageEffectFunctions(core, self.memory))
        self._add(abi.PARAMETER_SUITE, ParameterFunctions(core))
        self._add(abi.MEMORY_SUITE, self.memory, from_any_thread={"memoryAlloc", "memoryFree"})
        self._add(abi.MULTI_THREAD_SUITE, self.threads, from_any_thread=free)
        self._add(abi.MESSAGE_SUITE_1, message)
        self._add(abi.PROGRESS_SUITE_1, progress)
        self._add(abi.PROGRESS_SUITE_2, progress)
        self._add(abi.TIMELINE_SUITE, TimeLineFunctions(core))
        if core.profile.message_suite_2 == "present":
            self._add(abi.MESSAGE_SUITE_2, message)
        if core.profile.message_suite_2 == "broken":
            self._add(abi.MESSAGE_SUITE_2, BrokenMessageFunctions(core), missing={"clearPersistentMessage"})

    def fetch(self, _host: int | None, name: bytes | None, version: int) -> int | None:
        """What OfxHost.fetchSuite does: the table's address, or NULL for what this host lacks."""
        key = ((name or b"").decode("utf-8", "replace"), version)
        self.asked.append(key)
        if self._core.calls.current is None:
            self._core.record(Rule.FOREIGN_THREAD, f"fetchSuite({key[0]}) outside any action")
        table = self._tables.get(key)
        return table.address if table else None

    def _add(
        self,
        suite: Suite,
        functions: object,
        *,
        from_any_thread: Set[str] = frozenset(),
        missing: Set[str] = frozenset(),
    ) -> None:
        slots = {
            slot.name: None
            if slot.name in missing
            else _guarded(self._core, slot.name, getattr(functions, slot.name), slot.name in from_any_thread)
            for slot in suite.functions
        }
        self._tables[suite.name, suite.version] = suite.table(slots)


def _guarded(core: Core, name: str, function: Callable[..., int | None], from_any_thread: bool) -> Callable[..., int]:
    """`function` made fit for C: its thread checked, its exceptions turned into statuses."""

    def call(*arguments: Any) -> int:
        try:
            if core.calls.current is None and not from_any_thread:
                core.record(Rule.FOREIGN_THREAD, f"{name} on a thread or at a time the host is not calling the plugin")
            return int(function(*arguments) or 0)
        except Refusal as refusal:
            return refusal.status
        except HostError as error:  # a file that cannot be read is nobody's broken rule
            core.ledger.note(str(error))
            return Status.FAILED
        except Exception as error:
            core.record(Rule.HOST_FAULT, f"{name}: {type(error).__name__}: {error}")
            return Status.FAILED

    return call


class _Functions:
    """What the suites share."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def _properties(self, handle: int | None, what: str) -> PropertySet:
        return self._core.handles.find(handle, PropertySet, what)

    def _text(self, text: bytes | None, what: str) -> str:
        """A name a plugin gives; it must not be NULL."""
        if text is None:
            self._null(what)
        assert text is not None
        return text.decode("utf-8", "replace")

    def _target(self, address: int | None, what: str) -> int:
        """Where a plugin wants an answer; it must not be NULL."""
        if not address:
            self._null(what)
        assert address
        return address

    def _null(self, what: str) -> None:
        self._core.record(Rule.NULL_POINTER, what)
        raise Refusal(Status.VALUE)

    def _give_properties(self, address: int | None, props: PropertySet) -> None:
        """Answer an optional "and its property set, please"."""
        if address:
            write_pointer(address, self._core.handles.of(props))


class PropertyFunctions(_Functions):
    """OfxPropertySuite 1."""

    def propSetPointer(self, handle: int | None, name: bytes | None, index: int, value: int | None) -> None:
        self._set(handle, name, POINTER, index, value)

    def propSetString(self, handle: int | None, name: bytes | None, index: int, value: bytes | None) -> None:
        self._set(handle, name, STRING, index, self._text(value, f"propSetString({name!r}) was given a NULL text"))

    def propSetDouble(self, handle: int | None, name: bytes | None, index: int, value: float) -> None:
        self._set(handle, name, DOUBLE, index, value)

    def propSetInt(self, handle: int | None, name: bytes | None, index: int, value: int) -> None:
        self._set(handle, name, INT, index, value)

    def propSetPointerN(self, handle: int | None, name: bytes | None, count: int, values: int | None) -> None:
        self._set_all(handle, name, POINTER, self._array(c_void_p, count, values, name))

    def propSetStringN(self, handle: int | None, name: bytes | None, count: int, values: int | None) -> None:
        texts = self._array(c_char_p, count, values, name)
        self._set_all(
            handle, name, STRING, [self._text(text, f"propSetStringN({name!r}) holds NULL") for text in texts]
        )

    def propSetDoubleN(self, handle: int | None, name: bytes | None, count: int, values: int | None) -> None:
        self._set_all(handle, name, DOUBLE, self._array(c_double, count, values, name))

    def propSetIntN(self, handle: int | None, name: bytes | None, count: int, values: int | None) -> None:
        self._set_all(handle, name, INT, self._array(c_int, count, values, name))

    def propGetPointer(self, handle: int | None, name: bytes | None, index: int, out: int | None) -> None:
        write_pointer(*self._get(handle, name, POINTER, index, out))

    def propGetString(self, handle: int | None, name: bytes | None, index: int, out: int | None) -> None:
        target, value = self._get(handle, name, STRING, index, out)
        write_pointer(target, self._core.strings.lend([value])[0])

    def propGetDouble(self, handle: int | None, name: bytes | None, index: int, out: int | None) -> None:
        write_double(*self._get(handle, name, DOUBLE, index, out))

    def propGetInt(self, handle: int | None, name: bytes | None, index: int, out: int | None) -> None:
        write_int(*self._get(handle, name, INT, index, out))

    def propGetPointerN(self, handle: int | None, name: bytes | None, count: int, out: int | None) -> None:
        target, values = self._get_all(handle, name, POINTER, count, out)
        for index, value in enumerate(values):
            write_pointer(target + 8 * index, value)

    def propGetStringN(self, handle: int | None, name: bytes | None, count: int, out: int | None) -> None:
        target, values = self._get_all(handle, name, STRING, count, out)
        for index, address in enumerate(self._core.strings.lend(values)):
            write_pointer(target + 8 * index, address)

    def propGetDoubleN(self, handle: int | None, name: bytes | None, count: int, out: int | None) -> None:
        target, values = self._get_all(handle, name, DOUBLE, count, out)
        for index, value in enumerate(values):
            write_double(target + 8 * index, value)

    def propGetIntN(self, handle: int | None, name: bytes | None, count: int, out: int | None) -> None:
        target, values = self._get_all(handle, name, INT, count, out)
        for index, value in enumerate(values):
            write_int(target + 4 * index, value)

    def propReset(self, handle: int | None, name: bytes | None) -> None:
        self._properties(handle, f"propReset({name!r})").reset(self._text(name, "propReset without a name"))

    def propGetDimension(self, handle: int | None, name: bytes | None, out: int | None) -> None:
        props = self._properties(handle, f"propGetDimension({name!r})")
        target = self._target(out, "propGetDimension has nowhere to put its answer")
        write_int(target, props.dimension(self._text(name, "propGetDimension without a name")))

    def _set(self, handle: int | None, name: bytes | None, kind: str, index: int, value: Any) -> None:
        text = self._text(name, "a property is set without a name")
        self._properties(handle, f"setting {text}").set_at(text, kind, index, value)

    def _set_all(self, handle: int | None, name: bytes | None, kind: str, values: list[Any]) -> None:
        text = self._text(name, "a property is set without a name")
        self._properties(handle, f"setting {text}").set_all(text, kind, values)

    def _get(self, handle: int | None, name: bytes | None, kind: str, index: int, out: int | None) -> tuple[int, Any]:
        text = self._text(name, "a property is read without a name")
        props = self._properties(handle, f"reading {text}")
        target = self._target(out, f"reading {text} has nowhere to put its answer")
        return target, props.get_at(text, kind, index)

    def _get_all(
        self, handle: int | None, name: bytes | None, kind: str, count: int, out: int | None
    ) -> tuple[int, list[Any]]:
        text = self._text(name, "a property is read without a name")
        props = self._properties(handle, f"reading {text}")
        target = self._target(out, f"reading {text} has nowhere to put its answer")
        return target, props.get_all(text, kind, count)

    def _array(self, item: Any, count: int, address: int | None, name: bytes | None) -> list[Any]:
        if count <= 0:
            return []
        return list((item * count).from_address(self._target(address, f"setting {name!r} from NULL")))


class ImageEffectFunctions(_Functions):
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


class ParameterFunctions(_Functions):
    """OfxParameterSuite 1; see ``abi.py`` for how the variable arguments arrive."""

    def paramDefine(self, handle: int | None, param_type: bytes | None, name: bytes | None, out: int | None) -> None:
        text = self._text(name, "paramDefine without a name")
        kind = self._text(param_type, f"paramDefine({text}) without a type")
        params = self._core.handles.find(handle, ParamSet, f"paramDefine({text})")
        call = self._core.calls.current
        if call is None or call.action != DESCRIBE_IN_CONTEXT or call.subject is not params.owner:
            self._core.record(Rule.DEFINED_OUTSIDE_DESCRIBE, f"parameter {text}")
            raise Refusal(Status.BAD_HANDLE)
        if text in params.items:
            self._core.record(Rule.DUPLICATE_PARAMETER, f"parameter {text}")
            raise Refusal(Status.EXISTS)
        props = param_properties(kind)
        if props is None:
            self._core.ledger.note(f"parameter {text} is of type {kind}, which this host does not have")
            raise Refusal(Status.UNSUPPORTED)
        described = self._core.properties(f"the descriptor of parameter {text}", props)
        described.put(OfxPropName=text, OfxParamPropType=kind, OfxPropLabel=text, OfxParamPropScriptName=text)
        params.items[text] = Param(text, kind, described, params.owner)
        self._give_properties(out, described)

    def paramGetHandle(self, handle: int | None, name: bytes | None, out: int | None, out_props: int | None) -> None:
        text = self._text(name, "paramGetHandle without a name")
        params = self._core.handles.find(handle, ParamSet, f"paramGetHandle({text})")
        if text not in params.items:
            self._core.ledger.note(f"paramGetHandle asked for {text}, which there is not")
            raise Refusal(Status.UNKNOWN)
        param = params.items[text]
        write_pointer(self._target(out, "paramGetHandle has nowhere to put its answer"), self._core.handles.of(param))
        self._give_properties(out_props, param.props)

    def paramSetGetPropertySet(self, handle: int | None, out: int | None) -> None:
        params = self._core.handles.find(handle, ParamSet, "paramSetGetPropertySet")
        self._give_properties(self._target(out, "paramSetGetPropertySet"), params.props)

    def paramGetPropertySet(self, handle: int | None, out: int | None) -> None:
        self._give_properties(
            self._target(out, "paramGetPropertySet"), self._param(handle, "paramGetPropertySet").props
        )

    def paramGetValue(self, handle: int | None, *receivers: int | None) -> None:
        call = self._core.calls.current
        self._give_value(self._param(handle, "paramGetValue"), call.time if call else 0.0, receivers)

    def paramGetValueAtTime(self, handle: int | None, time: float, *receivers: int | None) -> None:
        self._give_value(self._param(handle, "paramGetValueAtTime"), time, receivers)

    def paramGetDerivative(self, handle: int | None, time: float, *receivers: int | None) -> None:
        param = self._double(handle, "paramGetDerivative")
        before, after = param.value_at(time - 0.5), param.value_at(time + 0.5)
        self._give(param, tuple(high - low for low, high in zip(before, after, strict=True)), receivers)

    def paramGetIntegral(self, handle: int | None, first: float, last: float, *receivers: int | None) -> None:
        param = self._double(handle, "paramGetIntegral")
        # Piecewise linear: the trapezium rule between all keys in reach is exact.
        times = sorted({first, last, *(key for key in param.keys if first < key < last)})
        total = [0.0] * len(param.default)
        for start, end in itertools.pairwise(times):
            for index, pair in enumerate(zip(param.value_at(start), param.value_at(end), strict=True)):
                total[index] += sum(pair) / 2 * (end - start)
        self._give(param, tuple(total), receivers)

    def paramSetValue(self, handle: int | None, *given: Any) -> None:
        self._take(self._param(handle, "paramSetValue"), None, given)

    def paramSetValueAtTime(self, handle: int | None, time: float, *given: Any) -> None:
        self._take(self._param(handle, "paramSetValueAtTime"), time, given)

    def paramGetNumKeys(self, handle: int | None, out: int | None) -> None:
        param = self._param(handle, "paramGetNumKeys")
        write_int(self._target(out, "paramGetNumKeys has nowhere to put its answer"), len(param.keys))

    def paramGetKeyTime(self, handle: int | None, index: int, out: int | None) -> None:
        times = sorted(self._param(handle, "paramGetKeyTime").keys)
        if index >= len(times):
            raise Refusal(Status.BAD_INDEX)
        write_double(self._target(out, "paramGetKeyTime has nowhere to put its answer"), times[index])

    def paramGetKeyIndex(self, handle: int | None, time: float, direction: int, out: int | None) -> None:
        times = sorted(self._param(handle, "paramGetKeyIndex").keys)
        if direction == 0:
            matches = [index for index, key in enumerate(times) if key == time]
        elif direction < 0:
            matches = [index for index, key in enumerate(times) if key < time][-1:]
        else:
            matches = [index for index, key in enumerate(times) if key > time]
        if not matches:
            raise Refusal(Status.FAILED)
        write_int(self._target(out, "paramGetKeyIndex has nowhere to put its answer"), matches[0])

    def paramDeleteKey(self, handle: int | None, time: float) -> None:
        param = self._changeable(handle, "paramDeleteKey")
        if param.keys.pop(time, None) is None:
            raise Refusal(Status.BAD_INDEX)

    def paramDeleteAllKeys(self, handle: int | None) -> None:
        param = self._changeable(handle, "paramDeleteAllKeys")
        param.set(param.value_at(0.0))

    def paramCopy(self, to: int | None, source: int | None, offset: float, _range: int | None) -> None:
        target, origin = self._changeable(to, "paramCopy"), self._param(source, "paramCopy")
        if target.param_type != origin.param_type:
            self._core.record(Rule.WRONG_TYPE, f"{origin} is copied to {target}, which is of another type")
            raise Refusal(Status.VALUE)
        target.copy_value(origin)
        target.keys = {key + offset: value for key, value in target.keys.items()}

    def paramEditBegin(self, handle: int | None, _name: bytes | None) -> None:
        self._edit(handle, +1, "paramEditBegin")

    def paramEditEnd(self, handle: int | None) -> None:
        self._edit(handle, -1, "paramEditEnd")

    def _edit(self, handle: int | None, step: int, what: str) -> None:
        params = self._core.handles.find(handle, ParamSet, what)
        if isinstance(params.owner, Instance):
            params.owner.open_edits += step

    def _param(self, handle: int | None, what: str) -> Param:
        return self._core.handles.find(handle, Param, what)

    def _double(self, handle: int | None, what: str) -> Param:
        param = self._param(handle, what)
        if param.value_type is None or param.value_type.kind != DOUBLE:
            self._core.record(Rule.WRONG_TYPE, f"{what} of {param}, which is no double")
            raise Refusal(Status.VALUE)
        return param

    def _give_value(self, param: Param, time: float, receivers: tuple[int | None, ...]) -> None:
        if not isinstance(param.owner, Instance) or param.value_type is None:
            self._core.record(Rule.WRONG_TYPE, f"the value of {param} is read, which holds none")
            raise Refusal(Status.VALUE)
        self._give(param, param.value_at(time), receivers)

    def _give(self, param: Param, values: Values, receivers: tuple[int | None, ...]) -> None:
        assert param.value_type is not None
        for value, receiver in zip(values, receivers, strict=False):
            target = self._target(receiver, f"reading {param} has nowhere to put its answer")
            if param.value_type.kind == INT:
                write_int(target, value)
            elif param.value_type.kind == DOUBLE:
                write_double(target, value)
            else:
                write_pointer(target, self._core.strings.lend([value])[0])

    def _take(self, param: Param, time: float | None, given: tuple[Any, ...]) -> None:
        self._require_may_set(param)
        if param.value_type is None:
            self._core.record(Rule.WRONG_TYPE, f"{param} is set, but holds no value")
            raise Refusal(Status.VALUE)
        integers, doubles = given[:3], given[3:]
        if param.value_type.kind == DOUBLE:
            values: Values = tuple(doubles[: param.value_type.count])
        elif param.value_type.kind == INT:  # the upper half of the register means nothing
            values = tuple(c_int(one & 0xFFFFFFFF).value for one in integers[: param.value_type.count])
        else:
            address = self._target(integers[0], f"{param} is set to a NULL text")
            values = (ctypes.string_at(address).decode("utf-8", "replace"),)
        try:
            param.require_in_range(values)
        except BadValue as error:
            self._core.record(Rule.BAD_VALUE, str(error))
            raise Refusal(Status.VALUE) from None
        param.set(values, time)
        if isinstance(param.owner, Instance):
            param.owner.note_plugin_edit(param)

    def _changeable(self, handle: int | None, what: str) -> Param:
        param = self._param(handle, what)
        self._require_may_set(param)
        return param

    def _require_may_set(self, param: Param) -> None:
        if not isinstance(param.owner, Instance) or self._core.calls.action not in _MAY_SET_VALUES:
            self._core.record(Rule.SET_VALUE_OUTSIDE_INSTANCE_CHANGED, str(param))
            raise Refusal(Status.FAILED)


class MemoryFunctions(_Functions):
    """OfxMemorySuite 1, and the blocks of imageMemoryAlloc."""

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._blocks: dict[int, Block] = {}
        self.image_blocks: list[Block] = []

    def memoryAlloc(self, _handle: int | None, size: int, out: int | None) -> None:
        block = Block(size)
        self._blocks[block.address] = block
        write_pointer(self._target(out, "memoryAlloc has nowhere to put its answer"), block.address)

    def memoryFree(self, address: int | None) -> None:
        if not address:
            return
        block = self._blocks.pop(address, None)
        if block is None:
            self._core.record(Rule.BAD_HANDLE, f"memoryFree of {address:#x}, which is not allocated")
            raise Refusal(Status.BAD_HANDLE)
        self.inspect(block)

    def inspect(self, block: Block) -> None:
        """Hold broken guards against the plugin."""
        if not block.guards_hold:
            self._core.record(Rule.WROTE_OUTSIDE_IMAGE, str(block))

    def settle(self) -> None:
        """After unload: whatever is left was leaked."""
        for block in [*self._blocks.values(), *self.image_blocks]:
            self.inspect(block)
            self._core.record(Rule.LEAKED_MEMORY, str(block))
        self._blocks.clear()
        self.image_blocks.clear()


class _Mutex:
    """One mutex given to a plugin; recursive, as the interface asks."""

    def __init__(self) -> None:
        self.lock = threading.RLock()

    def __str__(self) -> str:
        return "a mutex"


class ThreadFunctions(_Functions):
    """OfxMultiThreadSuite 1: real threads, or the dummy some hosts have."""

    MOST_THREADS = 4

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._mutexes: list[_Mutex] = []

    def multiThread(self, function: int | None, threads: int, argument: int | None) -> None:
        run = abi.THREAD_FUNCTION(self._target(function, "multiThread without a function"))
        if self._core.calls.spawned is not None:
            self._core.record(Rule.FOREIGN_THREAD, "multiThread inside a thread of multiThread")
            raise Refusal(Status.EXISTS)
        if self._core.profile.multi_thread == "dummy":
            run(0, 1, argument)
            return
        stack = list(self._core.calls.stack)

        def spawned(index: int) -> None:
            self._core.calls.stack, self._core.calls.spawned = list(stack), index
            run(index, count, argument)

        count = min(threads, self.MOST_THREADS) or self.MOST_THREADS
        workers = [threading.Thread(target=spawned, args=(index,)) for index in range(count)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def multiThreadNumCPUs(self, out: int | None) -> None:
        count = 1 if self._core.profile.multi_thread == "dummy" else self.MOST_THREADS
        write_int(self._target(out, "multiThreadNumCPUs has nowhere to put its answer"), count)

    def multiThreadIndex(self, out: int | None) -> None:
        write_int(self._target(out, "multiThreadIndex has nowhere to put its answer"), self._core.calls.spawned or 0)

    def multiThreadIsSpawnedThread(self) -> int:
        return int(self._core.calls.spawned is not None)

    def mutexCreate(self, out: int | None, lock_count: int) -> None:
        mutex = _Mutex()
        for _ in range(lock_count):
            mutex.lock.acquire()
        self._mutexes.append(mutex)
        write_pointer(self._target(out, "mutexCreate has nowhere to put its answer"), self._core.handles.of(mutex))

    def mutexDestroy(self, handle: int | None) -> None:
        mutex = self._core.handles.find(handle, _Mutex, "mutexDestroy")
        self._mutexes.remove(mutex)
        self._core.handles.retire(mutex)

    def mutexLock(self, handle: int | None) -> None:
        self._core.handles.find(handle, _Mutex, "mutexLock").lock.acquire()

    def mutexUnLock(self, handle: int | None) -> None:
        mutex = self._core.handles.find(handle, _Mutex, "mutexUnLock")
        try:
            mutex.lock.release()
        except RuntimeError:
            self._core.record(Rule.BAD_HANDLE, "mutexUnLock by a thread that does not hold it")
            raise Refusal(Status.FAILED) from None

    def mutexTryLock(self, handle: int | None) -> int:
        mutex = self._core.handles.find(handle, _Mutex, "mutexTryLock")
        return Status.OK if mutex.lock.acquire(blocking=False) else Status.FAILED

    def settle(self) -> None:
        """After unload: whatever is left was leaked."""
        for mutex in self._mutexes:
            self._core.record(Rule.LEAKED_MEMORY, str(mutex))
        self._mutexes.clear()


class MessageFunctions(_Functions):
    """OfxMessageSuite 1 and 2."""

    def message(
        self, effect: int | None, kind: bytes | None, _id: bytes | None, template: int | None, *arguments: Any
    ) -> int:
        if effect:
            self._core.handles.find(effect, EffectHandle, "message")
        short = self._kind(kind)
        self._core.messages.append(Message(short, abi.format_message(template, arguments)))
        return Status.REPLY_DEFAULT if short == "Question" else Status.OK

    def setPersistentMessage(
        self, effect: int | None, kind: bytes | None, _id: bytes | None, template: int | None, *arguments: Any
    ) -> None:
        instance = self._core.handles.find(effect, Instance, "setPersistentMessage")
        message = Message(self._kind(kind), abi.format_message(template, arguments), is_persistent=True)
        instance.persistent_message = message
        self._core.messages.append(message)

    def clearPersistentMessage(self, effect: int | None) -> None:
        self._core.handles.find(effect, Instance, "clearPersistentMessage").persistent_message = None

    def _kind(self, kind: bytes | None) -> str:
        short = self._text(kind, "a message without a type").removeprefix("OfxMessage")
        if short not in ("Fatal", "Error", "Warning", "Message", "Log", "Question"):
            self._core.record(Rule.BAD_VALUE, f"a message of type {short}")
        return short


class BrokenMessageFunctions(MessageFunctions):
    """A version 2 table that must not be used: the last pointer is NULL, the one before leads astray."""

    def setPersistentMessage(self, *_arguments: Any) -> None:
        self._core.record(
            Rule.HOST_TRAP, f"setPersistentMessage on {self._core.profile.name}, whose pointer leads nowhere"
        )
        raise Refusal(Status.FAILED)


class ProgressFunctions(_Functions):
    """OfxProgressSuite 1 and 2; each action in progress has its own dialog, and an abort counts as the artist's cancel."""

    def progressStart(self, effect: int | None, _label: bytes | None, _id: bytes | None = None) -> None:
        call = self._call(effect, "progressStart")
        if call.progress is not None:
            self._core.record(Rule.BAD_VALUE, "progress is started twice")
        call.progress = 0.0

    def progressUpdate(self, effect: int | None, share: float) -> int:
        call = self._call(effect, "progressUpdate")
        if call.progress is None or not 0 <= share <= 1:
            self._core.record(Rule.BAD_VALUE, f"progress {share} is outside 0..1 or was not started")
        call.progress = share
        return Status.REPLY_NO if call.abort is not None and call.abort.is_set() else Status.OK

    def progressEnd(self, effect: int | None) -> None:
        call = self._call(effect, "progressEnd")
        if call.progress is None:
            self._core.record(Rule.BAD_VALUE, "progress is ended but was not started")
        call.progress = None

    def _call(self, effect: int | None, what: str) -> Call:
        self._core.handles.find(effect, Instance, what)
        call = self._core.calls.current
        if call is None:
            raise Refusal(Status.FAILED)
        return call


class TimeLineFunctions(_Functions):
    """OfxTimeLineSuite 1; this host's time is that of the action in progress."""

    def getTime(self, effect: int | None, out: int | None) -> None:
        self._core.handles.find(effect, Instance, "getTime")
        call = self._core.calls.current
        write_double(self._target(out, "getTime has nowhere to put its answer"), call.time if call else 0.0)

    def gotoTime(self, effect: int | None, time: float) -> None:
        self._core.handles.find(effect, Instance, "gotoTime")
        self._core.ledger.note(f"gotoTime({time}) was asked for; this host has no viewer to move")

    def getTimeBounds(self, effect: int | None, first: int | None, last: int | None) -> None:
        project = self._core.handles.find(effect, Instance, "getTimeBounds").project
        write_double(self._target(first, "getTimeBounds has nowhere to put its answer"), project.first)
        write_double(self._target(last, "getTimeBounds has nowhere to put its answer"), project.last)
