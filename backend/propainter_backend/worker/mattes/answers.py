"""Questions about mattes, answered beside whatever is being rendered: a matte from marks, motion to carry things by.

Here: ``MatteAnswers``. Not here: jobs (``runs.py``), the thread that asks (``worker/worker.py``).
"""

from __future__ import annotations

import logging
import threading

import cv2
import numpy as np

from propainter_backend.errors import RemoveError
from propainter_backend.matting.marks_files import marks_of
from propainter_backend.matting.plates import refuse_outside, resized, scaled_marks, softened
from propainter_backend.worker.mattes.clip import Clip
from propainter_backend.worker.mattes.footages import Footages
from propainter_backend.worker.pictures import ContentGone
from propainter_backend.worker.pipe import Note
from propainter_matte.carrying import camera_between, carried
from propainter_matte.footage import Footage
from propainter_matte.marks import Marks
from propainter_matte.selecting import select
from propainter_pictures.frame import as_type

log = logging.getLogger(__name__)

QUESTIONS = frozenset({"select", "motion", "carry"})

Answer = tuple[Note, np.ndarray | None]


class Refused(Exception):
    """What is asked cannot be; the text is a sentence."""


class MatteAnswers:
    """Several threads may ask; one is answered after the other, for they share footage that serves one at a time."""

    def __init__(self, footages: Footages) -> None:
        self._footages = footages
        self._one_by_one = threading.Lock()

    def answer(self, note: Note) -> Answer:
        """The answer to a question, with pixels beside it, or a ``problem`` and its wire code."""
        answers = {"select": self._select, "motion": self._motion, "carry": self._carry}
        try:
            with self._one_by_one:
                return answers[note["op"]](note)
        except (Refused, RemoveError) as error:
            return {"problem": str(error), "code": "bad_message"}, None
        except ContentGone as error:
            return {"problem": f"{error}; send it again", "code": "frames_missing"}, None
        except Exception as error:
            log.exception("a question could not be answered")
            return {"problem": f"{type(error).__name__}: {error}; the backend's log has more", "code": "internal"}, None

    def _select(self, note: Note) -> Answer:
        clip, index = Clip.from_note(note["clip"]), note["frame"]
        number = clip.number(index)
        marks = _marks(note["marks"], number)
        refuse_outside(marks, number, clip.size)
        start = note["start"] and self._footages.matte(note["start"], clip, number)
        if start is None and not marks.names_object:
            raise Refused(
                f"nothing says what to remove on frame {number}; draw a box, a polygon or a stroke that removes"
            )
        scene = self._footages.scene_of(clip, index)
        footage, place = self._footages.footage(clip.part(scene)), index - scene[0]
        footage.forget_motion(place)  # what was drawn here before must have no say
        small = select(
            footage, place, scaled_marks(marks, clip.size, clip.working),
            start=None if start is None else resized(start, clip.working),
        )  # fmt: skip
        if start is None and not (small > 0.5).any():
            raise Refused(
                f"nothing was found where frame {number} is marked; draw the box closer, or mark a point on the object"
            )
        matte = softened(footage, {place: small}, place, self._footages.picture(clip, index))
        if start is not None:
            matte = _where_changed(start, small, matte, clip)
        return {}, as_type(matte, np.dtype(note["dtype"]))[..., None]

    def _motion(self, note: Note) -> Answer:
        clip = Clip.from_note(note["clip"])
        footage = self._within_scene(clip)
        mattes = {
            i: resized(self._footages.matte(digest, clip, clip.number(i)), clip.working)
            for i, digest in enumerate(note["mattes"])
            if digest is not None
        }
        try:
            working = camera_between(footage, note["frame"], note["other"], mattes)
        except ValueError as error:
            raise Refused(
                f"from frame {clip.number(note['other'])} to {clip.number(note['frame'])}: {error}; choose a nearer frame"
            ) from error
        to_working = np.diag([clip.working[0] / clip.size[0], clip.working[1] / clip.size[1], 1.0])
        matrix = np.linalg.inv(to_working) @ working @ to_working
        return {"matrix": [float(each) for each in (matrix / matrix[2, 2]).ravel()]}, None

    def _carry(self, note: Note) -> Answer:
        clip = Clip.from_note(note["clip"])
        footage = self._within_scene(clip)
        scale = np.array(clip.working) / np.array(clip.size)
        points = np.array(note["points"], np.float64).reshape(-1, 2) * scale
        found = np.array(carried(footage, note["frame"], note["to"], [(x, y) for x, y in points])).reshape(-1, 2)
        limit = 1e6  # what the wire carries; far outside every picture
        return {"points": [[float(x), float(y)] for x, y in (found / scale).clip(-limit, limit)]}, None

    def _within_scene(self, clip: Clip) -> Footage:
        scene = self._footages.scene_of(clip, 0)
        if len(scene) < clip.count:
            raise Refused(
                f"the film is cut between frames {clip.number(scene[-1])} and {clip.number(scene[-1] + 1)}: nothing is "
                "carried across; choose frames of one scene"
            )
        return self._footages.fresh(clip)


def _marks(parts: object, number: int) -> Marks:
    try:
        return marks_of(parts)
    except (ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
        said = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise Refused(f"the marks of frame {number} cannot be read ({said[:300]}); docs/matte.md shows them") from error


def _where_changed(start: np.ndarray, small: np.ndarray, drawn: np.ndarray, clip: Clip) -> np.ndarray:
    """A corrected matte: what strokes did not change keeps the plate-sized edges it came with."""
    before = resized(start, clip.working)
    changed = (np.abs(small - before) > 1 / 512).astype(np.float32)
    if not changed.any():
        return start
    found: np.ndarray = start + (drawn - start) * _spread(changed, clip.size)
    return found


def _spread(changed: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What working pixels that have changed reach at the plate's size, with a margin, soft at its border."""
    grown = cv2.dilate(changed, np.ones((5, 5), np.uint8))
    found: np.ndarray = cv2.resize(grown, size, interpolation=cv2.INTER_LINEAR).clip(0, 1)
    return found
