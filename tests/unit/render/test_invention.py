"""What was copied: stored, loaded, and how two windows meet in it; its way into the fill at native resolution."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from propainter.native import PlatePart, fill_natively, with_invented
from propainter.types import NOWHERE, Invented, Sights
from propainter_backend.render.stages.invention import choose, loaded, meeting, stored, takeovers


def invention(source: list[int], x: list[float]) -> Invented:
    count = len(source)
    return Invented(
        np.array(source, np.int32), np.array(x, np.float32), np.zeros(count, np.float32),
        np.arange(count, dtype=np.int32), np.full(count, 0.1, np.float32),
    )  # fmt: skip


def test_frames_are_stored_as_the_shot_counts_them() -> None:
    """And nothing copied stays nothing."""
    again = loaded(stored(invention([0, NOWHERE, 2], [1, 2, 3]), 100))
    assert again is not None
    assert again.source.tolist() == [100, NOWHERE, 102]
    assert loaded({"rgb": np.zeros(3)}) is None


def test_two_windows_meet_by_choosing() -> None:
    """Nearly every pixel takes one of the two; none at the one end, all at the other, and no pixel goes back."""
    unseen = np.ones((96, 128), np.bool_)
    shares = [meeting(share, unseen) for share in np.linspace(0, 1, 11)]
    assert not shares[0].any() and (shares[-1] == 1).all()
    for before, after in pairwise(shares):
        assert (after >= before).all()
    half = shares[5]
    assert ((half > 0) & (half < 1)).mean() < 0.25
    assert 0.3 < half.mean() < 0.7


def test_of_three_windows_the_nearest_has_the_most() -> None:
    """Each has its share, also the one in the middle; a window that weighs nothing changes nothing."""
    unseen = np.ones((240, 240), np.bool_)
    taken = takeovers([0.25, 1, 0.25], unseen)
    owner = np.zeros(unseen.shape, np.intp)
    for number, share in enumerate(taken, 1):
        owner[share > 0.5] = number
    assert (owner == 1).mean() > 0.5
    assert np.array_equal(takeovers([0.3, 0.7], unseen)[0], meeting(0.7, unseen))
    assert not takeovers([0.3, 0.7, 0], unseen)[1].any()


def test_a_pixel_takes_all_of_one_window() -> None:
    """Source and place together, never half of each."""
    chosen = choose(invention([1, 1], [5, 6]), invention([2, 2], [7, 8]), np.array([False, True]))
    assert (chosen.source.tolist(), chosen.x.tolist()) == ([1, 2], [5, 8])


def test_texture_has_the_detail_of_the_plate_at_native_resolution() -> None:
    """At twice the size every unseen pixel is the plate's own, from where it was copied, and none is between two pieces."""
    size, scale = (24, 48), 2
    plate = np.random.default_rng(2).uniform(-0.5, 0.5, (size[0] * scale, size[1] * scale, 3)).astype(np.float32)
    hole = np.zeros(size, np.bool_)
    hole[6:18, 28:40] = True
    row, column = np.nonzero(hole)
    count = len(row)
    away = np.where(row < 12, 20, 24)
    none = np.zeros((2, count), np.float32)
    seen = Sights(
        np.full((2, count), NOWHERE, np.int32), none, none, none, np.zeros(0, np.int32), np.zeros((0, 3), np.float32)
    )
    copied = Invented(
        np.zeros(count, np.int32), (column - away).astype(np.float32), row.astype(np.float32),
        away.astype(np.int32), np.zeros(count, np.float32),
    )  # fmt: skip
    looks = with_invented(seen, copied, np.ones(count, np.bool_))
    inside = np.kron(hole, np.ones((scale, scale))) > 0
    expected = plate.copy()
    expected[12:24, 56:80] = plate[12:24, 16:40]
    expected[24:36, 56:80] = plate[24:36, 8:32]
    blank = np.zeros_like(inside)
    colours = fill_natively(
        expected, inside, looks, hole, working_size=(size[1], size[0]),
        read=lambda _, rows, columns: PlatePart(plate[rows, columns], blank[rows, columns]),
    )  # fmt: skip
    np.testing.assert_allclose(colours, expected[inside], atol=1e-4)
