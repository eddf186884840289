"""The parameter suite: describing parameters, reading, setting and animating them."""

from __future__ import annotations

import ctypes
import itertools
from ctypes import c_int
from typing import Any

from propainter_host.abi import Refusal, Status, write_double, write_int, write_pointer
from propainter_host.core import (
    BEGIN_INSTANCE_CHANGED,
    DESCRIBE_IN_CONTEXT,
    END_INSTANCE_CHANGED,
    INSTANCE_CHANGED,
    RENDER,
    SYNC_PRIVATE_DATA,
)
from propainter_host.errors import BadValue
from propainter_host.graph.instance import Instance
from propainter_host.parameters import Param, ParamSet, Values
from propainter_host.properties import DOUBLE, INT, param_properties
from propainter_host.strict import Rule
from propainter_host.suites.base import SuiteFunctions

_MAY_SET_VALUES = (INSTANCE_CHANGED, BEGIN_INSTANCE_CHANGED, END_INSTANCE_CHANGED, SYNC_PRIVATE_DATA)


class ParameterFunctions(SuiteFunctions):
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
        self._take(self._changeable(handle, "paramSetValue"), None, given)

    def paramSetValueAtTime(self, handle: int | None, time: float, *given: Any) -> None:
        self._take(self._changeable(handle, "paramSetValueAtTime"), time, given)

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
        may_set = (*_MAY_SET_VALUES, RENDER) if self._core.profile.sets_in_render else _MAY_SET_VALUES
        if not isinstance(param.owner, Instance) or self._core.calls.action not in may_set:
            self._core.record(Rule.SET_VALUE_OUTSIDE_INSTANCE_CHANGED, str(param))
            raise Refusal(Status.FAILED)
        return param
