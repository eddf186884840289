"""One entry of a store as a file: named arrays, and what the file states of itself; safetensors, readable anywhere.

Here: ``pieces_of``, ``read_entry``, ``state_of`` for what needs no content, ``content_digest``. Not here: where files lie
and when they go (``shot_cache.py``).

The format is written and read here and not by the safetensors library: that makes a second copy of all arrays, and where no
memory is left for it ends the process (0.8.0), render and all. Here an array is written from where it lies, read in place.
"""

from __future__ import annotations

import io
import json
import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import xxhash

Arrays = Mapping[str, np.ndarray]

_MAX_HEADER = 1 << 20
_ALIGNED = 8
_WORDS = {
    "bool": "BOOL", "int8": "I8", "uint8": "U8", "int16": "I16", "uint16": "U16", "float16": "F16", "int32": "I32",
    "uint32": "U32", "float32": "F32", "int64": "I64", "uint64": "U64", "float64": "F64",
}  # fmt: skip
_DTYPES = {word: np.dtype(name).newbyteorder("<") for name, word in _WORDS.items()}


@dataclass(frozen=True)
class Stated:
    """What a file states of itself."""

    digest: str
    kind: str
    nbytes: int
    """Of the whole file."""
    arrays: Mapping[str, tuple[np.dtype[Any], tuple[int, ...], int]]
    """Type, shape and place in the file of each."""


def content_digest(arrays: Arrays) -> str:
    """xxh3-128 over names, types, shapes and bytes, names sorted: equal content, equal digest."""
    state = xxhash.xxh3_128()
    for name, array in sorted(arrays.items()):
        state.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        state.update(_bytes_of(array))
    return state.hexdigest()


def pieces_of(arrays: Arrays, *, key: str, digest: str, kind: str = "") -> list[bytes | memoryview]:
    """The bytes of an entry's file, in order. Raises KeyError for a type the format has no word for."""
    ordered = sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))  # so that all are aligned
    header: dict[str, Any] = {"__metadata__": {"xxh3_128": digest, "key": key, **({"kind": kind} if kind else {})}}
    end = 0
    for name, array in ordered:
        begin, end = end, end + array.nbytes
        header[name] = {
            "dtype": _WORDS[array.dtype.name], "shape": list(array.shape), "data_offsets": [begin, end],
        }  # fmt: skip
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNED)
    return [struct.pack("<Q", len(text)) + text, *(_bytes_of(array) for _, array in ordered)]


def _read_header(file: IO[bytes], key: str) -> Stated:
    """What a file states, from its beginning. Raises ValueError on anything unexpected, another entry's key too."""
    prefix = file.read(8)
    if len(prefix) != 8:
        raise ValueError("the file is too short")
    (length,) = struct.unpack("<Q", prefix)
    if not 2 <= length <= _MAX_HEADER:
        raise ValueError(f"its header claims {length} bytes")
    try:
        header = json.loads(file.read(length))
        said = header.pop("__metadata__")
        told_key, digest, kind = str(said["key"]), str(said["xxh3_128"]), str(said.get("kind", ""))
        arrays = {str(name): _placed(each, 8 + length) for name, each in header.items()}
    except (AttributeError, KeyError, TypeError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"its header is damaged ({error!r})") from error
    if told_key != key:
        raise ValueError(f"it was stored under another key, {told_key[:16]}...")
    ends = (place + math.prod(shape) * dtype.itemsize for dtype, shape, place in arrays.values())
    return Stated(digest, kind, max(ends, default=8 + length), arrays)


def state_of(file: IO[bytes], key: str) -> Stated:
    """What a file states, if it has all the bytes it speaks of. Raises OSError, ValueError where it does not verify."""
    stated = _read_header(file, key)
    _refuse_other_length(stated, os.fstat(file.fileno()).st_size)
    return stated


def read_entry(content: bytes, key: str) -> tuple[str, dict[str, np.ndarray]]:
    """Digest and arrays, read-only, of an entry's file. Raises ValueError where it does not verify."""
    stated = _read_header(io.BytesIO(content), key)
    _refuse_other_length(stated, len(content))
    arrays = {
        name: np.ndarray(shape, dtype, buffer=content, offset=place)
        for name, (dtype, shape, place) in stated.arrays.items()
    }
    if content_digest(arrays) != stated.digest:
        raise ValueError("its content differs from its digest")
    return stated.digest, arrays


def _refuse_other_length(stated: Stated, length: int) -> None:
    if length != stated.nbytes:
        raise ValueError(f"it is {length} bytes long instead of {stated.nbytes}")


def _placed(each: Mapping[str, Any], begin: int) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Type, shape and place of an array. Raises ValueError, KeyError or TypeError where these do not fit each other."""
    dtype, shape, (first, end) = _DTYPES[each["dtype"]], tuple(each["shape"]), each["data_offsets"]
    if not all(type(number) is int and 0 <= number < 1 << 62 for number in (*shape, first, end)):
        raise ValueError(f"its header speaks of numbers that are none: {shape}, {first}, {end}")
    if end - first != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"its header gives {end - first} bytes to {shape} of {dtype}")
    return dtype, shape, begin + first


def _bytes_of(array: np.ndarray) -> memoryview:
    """Its bytes where they lie, row by row."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.size else memoryview(b"")
