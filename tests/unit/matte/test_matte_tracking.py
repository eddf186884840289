"""Promises of tracking: one box is enough where the object moves by itself, keys are kept, corrections stay local."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from matte_scenes import Scene, moving_disc
from propainter_matte.arrays import overlap
from propainter_matte.doubt import frames_to_help
from propainter_matte.marks import Box, Marks
from propainter_matte.refinding import Whereabouts
from propainter_matte.selecting import select
from propainter_matte.tracking import Track, finish, share_of_back, spans_of, track


@pytest.fixture(scope="module")
def scene():
    return moving_disc(9)


@pytest.fixture(scope="module")
def tracked(scene):
    footage = scene.footage
    keys = {0: select(footage, 0, Marks(boxes=(Box(*scene.box(0)),)))}
    return footage, keys, finish(track(footage, keys))


@pytest.fixture(scope="module")
def between(scene):
    """Tracked between three true keys."""
    footage = scene.footage
    keys = {0: scene.truth[0], 4: scene.truth[4], 8: scene.truth[8]}
    return footage, keys, finish(track(footage, keys))


def test_a_box_on_the_first_frame_finds_the_object_in_all(scene, tracked):
    _, _, found = tracked
    assert sorted(found.mattes) == list(range(9))
    assert min(overlap(found.mattes[i], scene.truth[i]) for i in range(9)) > 0.85


def test_an_object_that_looks_like_its_ground_is_found_by_its_motion(scene):
    alike = moving_disc(4, contrast=0.0, speed=3)
    found = select(alike.footage, 1, Marks(boxes=(Box(*alike.box(1)),)))
    assert overlap(found, alike.truth[1]) > 0.8


def test_a_key_is_kept_to_the_bit(tracked):
    _, keys, found = tracked
    assert np.array_equal(found.mattes[0], keys[0])


def test_a_correction_tracks_again_between_its_neighbouring_keys_alone(scene, between):
    footage, keys, before = between
    steps, after = _steps(track(footage, keys | {6: scene.truth[6]}, known=before))
    assert {step.index for step in steps} <= {4, 5, 6, 7, 8}
    assert all(after.mattes[i] is before.mattes[i] for i in (1, 2, 3))
    assert not np.array_equal(after.mattes[7], before.mattes[7])


def test_nothing_is_tracked_again_where_nothing_changed(between):
    footage, keys, before = between
    steps, after = _steps(track(footage, dict(keys), known=before))
    assert steps == []
    assert all(np.array_equal(after.mattes[i], before.mattes[i]) for i in range(9))


def test_progress_is_told_and_ends_at_its_total(scene):
    steps, _ = _steps(track(scene.footage, {3: scene.truth[3]}))
    assert [step.done for step in steps] == list(range(1, len(steps) + 1))
    assert {step.total for step in steps} == {len(steps)}


def test_an_object_that_leaves_the_picture_leaves_no_matte():
    leaving = moving_disc(9, start=125, speed=8)
    found = finish(track(leaving.footage, {0: leaving.truth[0]}))
    assert leaving.truth[8].max() < 0.5
    assert (found.mattes[8] > 0.5).sum() < 30


def test_an_object_that_a_post_hides_is_found_again_behind_it_and_not_before():
    scene = moving_disc(24, speed=3.5, start=30.0, post=(76, 38))
    truth = [cover > 0.5 for cover in scene.truth]
    hidden = [i for i, cover in enumerate(truth) if cover.sum() < 20]
    assert len(hidden) >= 1 and truth[-1].sum() > 900
    found = finish(track(scene.footage, {0: scene.truth[0]}))
    assert all((found.mattes[i] > 0.5).sum() < 150 for i in hidden)
    assert overlap(found.mattes[23], scene.truth[23]) > 0.85
    assert found.drift[23] > 0.5  # it was lost on the way: somebody has to look


def test_a_walk_that_missed_the_other_key_counts_little_against_one_that_reached_it():
    assert share_of_back(0.5, 0.8, 0.8) == pytest.approx(0.5)
    assert share_of_back(0.5, 0.0, 0.4) == pytest.approx(0.45 / 0.5)
    assert share_of_back(0.5, 0.4, 0.0) == pytest.approx(0.05 / 0.5)
    assert share_of_back(0.25, 0.0, 0.0) == pytest.approx(0.25)  # both lost: the nearer key tells


def test_an_object_that_a_post_hides_for_good_is_not_found_in_the_ground():
    scene = moving_disc(18, speed=3.5, start=30.0, post=(76, 200))
    found = finish(track(scene.footage, {0: scene.truth[0]}))
    assert (scene.truth[17] > 0.5).sum() < 20 and (found.mattes[17] > 0.5).sum() < 150


def test_a_wrong_key_raises_doubt_of_the_frames_it_spoils(scene, between):
    footage, keys, good = between
    shifted = np.roll(scene.truth[8], -60, 1)
    bad = finish(track(footage, {**keys, 8: shifted}, known=good))
    assert max(good.drift.values()) < 0.2 < max(bad.drift.values())
    assert frames_to_help(good) == []
    assert frames_to_help(bad, settled={0, 4})[0] > 4


def test_a_walk_that_lost_the_object_does_not_outvote_the_one_that_sees_it():
    """The disc comes out from behind the post in another colour: from the first key nothing finds it there."""
    before, after = (moving_disc(20, speed=5, start=16, radius=14, post=(36, 26), contrast=c) for c in (0.35, -0.35))
    scene = Scene(before.frames[:7] + after.frames[7:], before.truth, before.shadows)
    found = finish(track(scene.footage, {0: scene.truth[0], 19: scene.truth[19]}))
    assert min(overlap(found.mattes[i], scene.truth[i]) for i in (8, 9)) > 0.8


def test_spans_lie_between_neighbouring_keys_and_the_ends():
    none = np.zeros((2, 2), np.float32)
    spans = spans_of({3: none, 4: none, 8: none}, 12)
    assert [(span.first, span.last, span.begins, span.ends) for span in spans] == [
        (0, 3, False, True),
        (4, 8, True, True),
        (8, 11, True, False),
    ]
    with pytest.raises(ValueError, match="no key frame"):
        spans_of({}, 3)
    with pytest.raises(ValueError, match="lie within"):
        spans_of({3: none}, 3)


def test_settled_keys_and_sure_frames_are_never_named():
    none = np.zeros((2, 2), np.float32)
    drift = {0: 0.0, 1: 0.02, 2: 0.4, 3: 0.5, 4: 0.4, 5: 0.05, 6: 0.3}
    found = Track({0: none, 6: none}, dict.fromkeys(range(7), none), drift)
    assert frames_to_help(found) == [3]
    assert 6 in frames_to_help(found, settled={0})
    assert not {1, 5} & set(frames_to_help(found, settled={0}))


def test_a_frame_amid_doubt_is_named_before_the_shot_s_last_and_a_wrong_key_before_those_it_spoils():
    none = np.zeros((2, 2), np.float32)
    rising = Track({0: none}, dict.fromkeys(range(80), none), {i: min(0.6, 0.05 * i) for i in range(80)})
    assert 20 < frames_to_help(rising, settled={0}, most=1)[0] < 75
    spoilt = Track({0: none, 16: none}, dict.fromkeys(range(17), none), {i: 0.6 - 0.03 * i for i in range(17)})
    assert frames_to_help(spoilt, settled={16}, most=1) == [0]


def _steps(work):
    steps = []
    while True:
        try:
            steps.append(next(work))
        except StopIteration as end:
            return steps, end.value


@pytest.mark.parametrize(("start", "speed", "pan"), [(152, -6, 4), (150, -7, 6)])
def test_what_comes_into_sight_beside_an_object_is_told_from_the_rest_of_it(start, speed, pan):
    """Half of the disc is still outside at first; then ground like it follows through the same border."""
    scene = moving_disc(8, start=start, speed=speed, pan=pan, radius=26, contrast=0.0)
    found = finish(track(scene.footage, {0: scene.truth[0]}))
    assert min(overlap(found.mattes[i], scene.truth[i]) for i in range(8)) > 0.85


def test_an_object_that_leaves_the_picture_or_goes_away_is_not_taken_for_hidden():
    """Else its like is sought, and something else is found."""
    leaving = moving_disc(7, start=136, speed=6, radius=24)
    scales = [0.88**i for i in range(8)]
    still = moving_disc(1, start=80, radius=40)
    going = Scene(
        *([_smaller(each[0], scale) for scale in scales] for each in (still.frames, still.truth, still.shadows))
    )
    for scene in (leaving, going):
        seen = Whereabouts(scene.footage, 0, scene.truth[0])
        sizes = [float((each > 0.5).sum()) for each in scene.truth]
        assert 60 < sizes[-1] < 0.4 * sizes[0]
        assert not any(seen.note(i, scene.truth[i]) for i in range(1, len(sizes)))


def _smaller(picture, scale):
    height, width = picture.shape[:2]
    middle = np.array([[scale, 0, width / 2 * (1 - scale)], [0, scale, height / 2 * (1 - scale)]])
    return cv2.warpAffine(picture, middle, (width, height), borderMode=cv2.BORDER_REFLECT if picture.ndim > 2 else 0)
