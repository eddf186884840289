"""The size a fill is made at where nobody asks for one."""

from __future__ import annotations

import pytest

from propainter_plan.sizes import usual_size


@pytest.mark.parametrize(
    ("plate", "size"),
    [
        ((432, 240), None),
        ((1280, 720), None),
        ((1920, 1080), (960, 540)),
        ((1080, 1920), (540, 960)),
        ((2048, 1152), (1024, 576)),
        ((3840, 2160), (1920, 1080)),
        ((2_000_000, 1), (1_000_000, 1)),
    ],
)
def test_large_plates_are_made_at_half_their_size(plate, size):
    assert usual_size(plate, engine="classical", native_fill=True) == size


def test_networks_whole_sizes_and_fills_that_look_at_no_plate_take_the_plate_s():
    hd = 1920, 1080
    assert usual_size(hd, engine="propainter", native_fill=True) is None
    assert usual_size(hd, engine="classical", native_fill=False) is None
    assert usual_size(hd, engine="classical", native_fill=True, whole=True) is None
