"""The property suite: values by name, index and type."""

from __future__ import annotations

from ctypes import c_char_p, c_double, c_int, c_void_p
from typing import Any

from propainter_host.abi import write_double, write_int, write_pointer
from propainter_host.properties import DOUBLE, INT, POINTER, STRING
from propainter_host.suites.base import SuiteFunctions


class PropertyFunctions(SuiteFunctions):
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
