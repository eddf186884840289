"""Mattes packed to bits, and arrays laid into an entry's file, come back as they were, whatever their size."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import load, save

from propainter.classical.elsewhere import _places
from propainter.types import Carried
from propainter_backend.render.cache_entry import _WORDS, content_digest, pieces_of, read_entry
from propainter_backend.render.stages import holes

KEY = "ab" * 32
MASKS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 41), st.integers(1, 41)))
ARRAYS = st.dictionaries(
    st.text(min_size=1, max_size=9).filter(lambda name: name != "__metadata__"),
    st.sampled_from(sorted(_WORDS)).flatmap(
        lambda dtype: arrays.arrays(np.dtype(dtype), arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
    ),
    max_size=5,
)  # fmt: skip


def file_of(given: dict[str, np.ndarray]) -> bytes:
    return b"".join(pieces_of(given, key=KEY, digest=content_digest(given), kind="flow"))


def require_same(found: dict[str, np.ndarray], given: dict[str, np.ndarray]) -> None:
    assert found.keys() == given.keys()
    for name, array in given.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


@given(mask=MASKS)
def test_a_hole_comes_back_from_its_bits(mask: np.ndarray) -> None:
    packed = holes._bits_of(torch.from_numpy(mask.astype(np.float32)))
    shot = SimpleNamespace(grid=(mask.shape[1], mask.shape[0]))
    ask = cast(Any, SimpleNamespace(shot=shot, now=lambda stage, index: packed))
    for ask_for in (holes.grown, holes.hole, holes.flow_hole):
        assert (ask_for(ask, 0).numpy() == mask).all()
    assert packed["bits"].nbytes == -(-mask.size // 8)


@given(around=MASKS, data=st.data())
def test_what_is_carried_over_a_border_comes_back_from_its_bits(around: np.ndarray, data: st.DataObject) -> None:
    count = int(around.sum())
    away = data.draw(arrays.arrays(np.int32, count, elements=st.integers(-9, 9)))
    x = np.arange(count, dtype=np.float32)
    nothing = np.zeros(0, np.float32)
    carried = Carried(
        nothing.astype(np.int32), nothing, nothing, nothing.astype(np.bool_), np.packbits(around, axis=1),
        np.array([around.shape[1]]), away, x, -x,
    )  # fmt: skip
    _, by_model = _places(carried, at=20, way=-1)
    assert by_model is not None
    assert (by_model[0] == around).all()
    assert (by_model[1].x == x).all() and (by_model[1].y == -x).all()


@given(given=ARRAYS)
def test_arrays_come_back_from_an_entrys_file(given: dict[str, np.ndarray]) -> None:
    content = file_of(given)
    digest, found = read_entry(content, KEY)
    assert digest == content_digest(given)
    require_same(found, given)
    assert not any(array.flags.writeable for array in found.values())


@given(given=ARRAYS)
def test_the_file_is_one_that_the_safetensors_library_reads_and_its_files_are_read(
    given: dict[str, np.ndarray],
) -> None:
    require_same(load(file_of(given)), given)
    digest = content_digest(given)
    by_library = save(given, {"xxh3_128": digest, "key": KEY})
    require_same(read_entry(by_library, KEY)[1], given)


@settings(max_examples=150)
@given(given=ARRAYS, data=st.data())
def test_of_a_damaged_file_nothing_is_believed(given: dict[str, np.ndarray], data: st.DataObject) -> None:
    content = bytearray(file_of(given))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    try:
        digest, found = read_entry(bytes(content), KEY)
    except ValueError:
        return
    assert digest == content_digest(found)  # a flipped name or kind, and a digest that fits: never other content


def test_numbers_that_are_none_are_refused_without_being_counted_on() -> None:
    for field, value in (("shape", [2**61, 8]), ("shape", [-1]), ("shape", [1.0]), ("data_offsets", [0, True])):
        told = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], field: value}
        header = json.dumps({"__metadata__": {"xxh3_128": "0", "key": KEY}, "x": told}).encode()
        with pytest.raises(ValueError, match=r"header|bytes long"):
            read_entry(len(header).to_bytes(8, "little") + header + bytes(4), KEY)
