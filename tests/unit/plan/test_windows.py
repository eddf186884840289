"""Promises of ``propainter.windows``: integers against the specification's examples and the reference's own choice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import golden
from propainter.types import Settings
from propainter_plan.cuts import completion_chunks, paint_windows, propagation_chunks
from propainter_plan.units import Chunk

settings_of_any_kind = st.builds(
    Settings, neighbor_length=st.integers(2, 12), ref_stride=st.integers(1, 12), chunk_length=st.integers(2, 120)
)


@pytest.mark.parametrize(
    ("case", "settings"),
    [
        ("pan12", Settings(neighbor_length=6, ref_stride=4)),
        ("pan40_chunk20", Settings(chunk_length=20)),
    ],
)
def test_neighbours_and_references_are_the_references_own(case: str, settings: Settings) -> None:
    chosen = paint_windows(golden.FRAME_COUNT[case], settings)
    expected = golden.windows(case)
    assert [(w.centre, w.neighbours, w.references) for w in chosen] == [
        (w.centre, w.neighbours, w.references) for w in expected
    ]


@pytest.mark.parametrize(
    ("centre", "references"),
    [(45, (5, 15, 25, 35, 55, 65, 75)), (40, (0, 10, 20, 30, 50, 60, 70)), (5, (20, 30, 40)), (95, (55, 65, 75, 85))],
)
def test_a_long_shot_takes_references_around_the_centre(centre: int, references: tuple[int, ...]) -> None:
    windows = {window.centre: window for window in paint_windows(100, Settings())}
    assert windows[centre].references == references


def test_a_shot_of_one_chunk_takes_references_from_all_of_it() -> None:
    assert paint_windows(80, Settings())[0].references == (10, 20, 30, 40, 50, 60, 70)


def test_chunks_too_short_for_two_strides_have_no_references() -> None:
    assert all(window.references == () for window in paint_windows(40, Settings(chunk_length=19)))


def test_a_single_frame_is_one_window_and_has_no_flow_to_complete() -> None:
    (window,) = paint_windows(1, Settings())
    assert (window.neighbours, window.references) == ((0,), ())
    assert propagation_chunks(1, Settings()) == (Chunk(0, 0, 0, 0),)
    assert completion_chunks(0, Settings()) == ()


def test_two_frames_are_painted_together() -> None:
    (window,) = paint_windows(2, Settings())
    assert (window.neighbours, window.references) == ((0, 1), ())


def test_long_shots_are_completed_with_five_pairs_of_overlap() -> None:
    assert completion_chunks(39, Settings(chunk_length=20)) == (Chunk(0, 19, 0, 24), Chunk(20, 38, 15, 38))


def test_long_shots_are_propagated_with_ten_frames_of_overlap() -> None:
    assert propagation_chunks(40, Settings(chunk_length=20)) == (Chunk(0, 19, 0, 29), Chunk(20, 39, 10, 39))


def test_propagation_never_takes_more_than_a_hundred_frames_of_core() -> None:
    chunks = propagation_chunks(250, Settings(chunk_length=240))
    assert [(c.core_first, c.core_last) for c in chunks] == [(0, 99), (100, 199), (200, 249)]


@given(st.integers(1, 300), settings_of_any_kind)
def test_chunk_cores_cover_every_frame_once_and_reach_stays_in_the_shot(count: int, settings: Settings) -> None:
    for chunks in (propagation_chunks(count, settings), completion_chunks(count, settings)):
        assert [i for c in chunks for i in range(c.core_first, c.core_last + 1)] == list(range(count))
        assert all(0 <= c.reach_first <= c.core_first <= c.core_last <= c.reach_last < count for c in chunks)


@given(st.integers(1, 200), settings_of_any_kind)
def test_every_frame_is_painted_and_no_reference_is_a_neighbour(count: int, settings: Settings) -> None:
    windows = paint_windows(count, settings)
    assert {i for window in windows for i in window.neighbours} == set(range(count))
    for window in windows:
        assert not set(window.neighbours) & set(window.references)
        assert all(0 <= i < count for i in window.neighbours + window.references)


@given(st.integers(1, 60), settings_of_any_kind)
def test_weights_depend_on_the_distance_from_the_centre_alone(count: int, settings: Settings) -> None:
    half = settings.neighbor_length // 2
    for window in paint_windows(count, settings):
        expected = tuple(half + 1 - abs(i - window.centre) for i in window.neighbours)
        assert window.weights == expected
        assert min(window.weights) >= 1
