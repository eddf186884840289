"""How sure what was invented is: in the output Never seen, in what is counted, in what batches of a removal tell."""

from __future__ import annotations

import numpy as np
import pytest

from builders import MemoryPictures, box_matte
from propainter.classical import ClassicalEngine
from propainter.types import Settings
from propainter_backend.commands.through_backend import _merged
from propainter_backend.render.outputs import picture_of
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.stages.invention import SURE
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame
from propainter_pictures.matte_survey import judge_unsure
from propainter_wire.shot import FrameRange

SIZE = (96, 64)


def standing(never_seen: str, *, stranger: bool) -> ShotRenderer:
    """Level lines behind a box that stands in three frames; stranger: beyond its rim there is plain grey."""
    row, column = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    lines = np.where(row // 3 % 2 == 0, 200, 60)
    beyond = (abs(column - 52) > 13) | (abs(row - 32) > 13)
    grey = np.where(beyond, 130, lines) if stranger else lines
    plate = Frame(np.repeat(grey.astype(np.uint8)[..., None], 3, 2), tuple("RGB"))
    mattes = [box_matte(SIZE, left=44, top=24, width=16, height=16)] * 3
    settings = Settings(never_seen=never_seen, feather=0)
    shot = Shot(MemoryPictures([plate] * 3, mattes), WorkingSpace.AUTO, settings, SIZE)
    return ShotRenderer(shot, ClassicalEngine(), ShotCache(None, memory_budget=1 << 30))


@pytest.mark.parametrize(("stranger", "guessed"), [(False, False), (True, True)])
def test_the_output_never_seen_tells_a_guess_from_a_copy_of_what_is_alike(stranger, guessed):
    """Both are above a half, where many threshold it; and the guesses are what the report counts."""
    renderer = standing("texture", stranger=stranger)
    unseen = run_to_end(picture_of(renderer, 1, "unseen", provisional=False))[..., 0]
    inside = run_to_end(picture_of(renderer, 1, "hole", provisional=False))[..., 0] > 0
    assert set(np.unique(unseen[~inside])) == {0}
    assert set(np.unique(unseen[inside])) <= {np.float32(SURE), 1}
    assert ((unseen[inside] == 1).mean() > 0.5) == guessed
    assert renderer.unsure_pixels(1) == np.count_nonzero(unseen == 1)
    assert 0.5 < SURE < 1


def test_where_nothing_tells_how_sure_it_is_all_that_is_never_seen_is_at_full():
    """A smooth surface is copied from nowhere."""
    renderer = standing("smooth", stranger=False)
    unseen = run_to_end(picture_of(renderer, 1, "unseen", provisional=False))
    assert set(np.unique(unseen)) == {0, 1}
    assert renderer.unsure_pixels(1) == 0


def test_batches_of_a_removal_count_by_their_holes():
    """Not as the last one does alone."""
    one = {"stages": {}, "windows_redone": [], "hole_pixels": 300, "unseen_fraction": 1.0, "unsure_fraction": 0.5}
    other = {**one, "hole_pixels": 100, "unseen_fraction": 0.0, "unsure_fraction": 0.1}
    merged = _merged([one, other], FrameRange(1, 32), 1.0)
    assert (merged["unseen_fraction"], merged["unsure_fraction"]) == (0.75, 0.4)
    assert _merged([{**one, "hole_pixels": 0}], FrameRange(1, 1), 1.0)["unseen_fraction"] == 0


def test_a_guess_is_worth_a_warning_above_a_tenth_of_the_hole():
    assert judge_unsure(0.1) == []
    assert judge_unsure(0.29)[0].startswith("29% of what the matte covers is a guess")
