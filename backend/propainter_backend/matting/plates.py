"""Between a plate and the matte's working size: pictures as they are seen, marks, a matte's way back to the plate's size.

Here: what the command and the backend's worker share. Not here: where pictures come from (``matting.py`` reads files,
``propainter_backend/worker/mattes`` content by digest), drawing and tracking (``propainter_matte``).
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from propainter_backend.errors import BadInput
from propainter_matte.edges import soft_edges
from propainter_matte.footage import Footage
from propainter_matte.marks import Marks, inside_boxes
from propainter_pictures.color import WorkingSpace, to_display
from propainter_pictures.frame import Frame

Size = tuple[int, int]
"""Width, height."""


def as_seen(frame: Frame, space: WorkingSpace) -> np.ndarray:
    """A plate as uint8 RGB [h, w, 3], display-encoded, without overscan."""
    return np.ascontiguousarray(to_display(frame.displayed().rgb(), space))


def resized(image: np.ndarray, size: Size) -> np.ndarray:
    """A picture or matte at another size, by area."""
    if (image.shape[1], image.shape[0]) == size:
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def scaled_marks(marks: Marks, plate: Size, working: Size) -> Marks:
    """Marks in plate pixels, in pixels of the working size."""
    return marks.scaled(working[0] / plate[0], working[1] / plate[1])


def refuse_outside(marks: Marks, number: int, plate: Size) -> None:
    """Raise BadInput for marks that lie outside the picture."""
    width, height = plate
    for box in marks.boxes:
        if not inside_boxes(Marks(boxes=(box,)), height, width).any():
            raise BadInput(
                f"the box {box.x:g},{box.y:g},{box.width:g},{box.height:g} of frame {number} lies outside the plate's "
                f"{width}x{height} pixels; give x,y,width,height in plate pixels"
            )
    drawn = [stroke.points for stroke in marks.strokes] + [polygon.points for polygon in marks.polygons]
    for points in drawn:  # a line may leave the picture, but must have been there
        if all(not (0 <= x <= width and 0 <= y <= height) for x, y in points):
            x, y = points[0]
            raise BadInput(
                f"the point {x:g},{y:g} of frame {number} lies outside the plate's {width}x{height} pixels; give x,y in "
                "plate pixels from the upper left corner"
            )


def softened(footage: Footage, mattes: Mapping[int, np.ndarray], index: int, picture: np.ndarray) -> np.ndarray:
    """A frame's matte at the plate's size [h, w], its edges as soft as the plate's.

    mattes: at the working size; of the frame itself at least. picture: the plate as it is seen.
    """
    return soft_edges(mattes[index], picture, speed=_speed(footage, mattes[index], index))


def cast_at(cast: np.ndarray, plate: Size) -> np.ndarray:
    """A shadow's matte at the plate's size."""
    large: np.ndarray = cv2.resize(cast, plate, interpolation=cv2.INTER_LINEAR).clip(0, 1)
    return large


def _speed(footage: Footage, matte: np.ndarray, index: int) -> float:
    """How far the object moves in a frame, in pixels at the working size."""
    other = index + 1 if index + 1 < footage.count else index - 1
    inside = matte > 0.5
    if other < 0 or not inside.any():
        return 0.0
    flow = footage.flow(index, other)[inside]
    return float(np.median(np.hypot(flow[:, 0], flow[:, 1])))
