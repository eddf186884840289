"""Texture for what no frame shows: sought in key frames, carried to all others, sampled from every frame's own plate.

Here: the order of work in one window. Not here: the search (``search.py``), the carrying (``carrying.py``), light
(``levels.py``).

Every frame copies from its own plate, where the key's source has gone: grain lives, light follows, water moves. Where the
source left the picture, came under a hole or behind something else, the key frame's own pixels are copied.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask, fill_harmonic
from propainter.classical.kernels import Ground, Tally
from propainter.classical.motion import nearest_of
from propainter.classical.sampling import look_up
from propainter.classical.texture.carrying import (
    Motion,
    Origins,
    carry_origins,
    follow_sources,
)
from propainter.classical.texture.levels import RIM, levelled
from propainter.classical.texture.registering import Register, bilinear
from propainter.classical.texture.search import Found, find_sources
from propainter.classical.texture.steadying import steadied
from propainter.spread import ONE_BY_ONE, Spread, carry_out
from propainter.types import Invented

CODE_VERSION = "4"
"""Raise it with every change here or in this package that may move a pixel; it is part of the painted windows' keys."""

_MOST_KEYS = 6
"""Frames that are searched in, one after the other; what is still missing then stays a membrane."""
_NEARLY, _MOST_LOOKED_AT = 0.9, 8
"""Share of the most missing pixels at which a frame may be the key; and how many such frames are looked at."""
_BESIDE, _MOSTLY = 16, 0.3
"""Pixels around the hole, and the share of them above which it lies in what walks."""
_CLEAR = 2
"""Pixels around a hole that are not copied: sampling would read the hole, and its rim has the object's colour."""
_BLUR = 3.0
"""Sigma in pixels of the blur under which a source is compared with what it was in the key."""
_SAME = 0.16
"""Difference, of a range of 2, beyond which something else has come before the source."""
_AGREEING = 0.7
"""Share of the pixels around that must still show the same for a pixel to be copied from its own frame."""
_AROUND = 9
"""Pixels a side of what is around."""


def paint_texture(
    frames: Field,
    holes: Mask,
    unseen: Mask,
    forward: Field,
    backward: Field,
    tally: Tally | None = None,
    *,
    spread: Spread = ONE_BY_ONE,
) -> list[Invented]:
    """Invent the unseen pixels (t, h, w) of frames (t, h, w, 3), in place; all others stay as they are.

    holes: (t, h, w), nothing in them is copied. forward, backward: completed flows (t-1, h, w, 2). Returns where every
    frame's unseen pixels were copied from. tally: counts kernels that touch a hole.
    """
    ground = Ground(holes)
    found = _Window(frames, ground, unseen, Motion(forward, backward, holes, frames, spread=spread), spread).painted()
    if tally is not None:
        tally.add(ground.tally.touched)
    return found


class _Window:
    """One window's pictures, and what is known of each frame's unseen pixels so far."""

    def __init__(self, frames: Field, ground: Ground, unseen: Mask, motion: Motion, spread: Spread) -> None:
        self._spread = spread
        self._frames, self._ground, self._holes, self._unseen, self._motion = (
            frames,
            ground,
            ground.holes,
            unseen,
            motion,
        )
        counts = unseen.sum((1, 2)).tolist()
        self._origins = [Origins.none(count) for count in counts]
        self._invented = [Invented.nothing(count) for count in counts]

    def painted(self) -> list[Invented]:
        """Search in the frame that misses most, carry, and so again."""
        for number in range(_MOST_KEYS):
            missing = [int(origins.missing.sum()) for origins in self._origins]
            if not max(missing, default=0):
                break
            key, walking = self._key(missing)
            sought = self._image(key, self._origins[key].missing)
            usable = ~self._barred(key) & ~self._walkers(walking, sought)
            found = find_sources(self._context(key, sought), sought, usable, spread=self._spread)
            if not found.any:
                break
            carry_origins(self._origins, self._unseen, self._motion, key=key, number=number)
            self._lay(key, number, sought, found)
        lights, copied = [], []
        lit = list(self._spread(lambda t: self._lit(t) if self._unseen[t].any() else None, range(len(self._frames))))
        for t, colours in enumerate(lit):
            copied.append(np.flatnonzero(self._invented[t].copied))
            lights.append(None if colours is None else (colours - self._frames[t][self._unseen[t]])[copied[t]])
        steady = steadied(self._origins, lights, copied, self._holes.shape[1:])

        def lay_light(t: int) -> None:
            colours, light = lit[t], steady[t]
            if colours is not None and light is not None:
                colours[copied[t]] = self._frames[t][self._unseen[t]][copied[t]] + light
                self._frames[t][self._unseen[t]] = self._within_plate(t, colours)

        carry_out(self._spread, lay_light, range(len(self._frames)))
        return self._invented

    def _key(self, missing: list[int]) -> tuple[int, Mask]:
        """Of the frames that miss most the one in which least walks around; and what walks in it."""
        able = [t for t, count in enumerate(missing) if count >= _NEARLY * max(missing)]
        some = able[:: -(-len(able) // _MOST_LOOKED_AT)]
        walking = dict(zip(some, self._spread(self._motion.walking, some), strict=True))
        calm = min(some, key=lambda t: int(walking[t].sum()))
        return calm, walking[calm]

    def _walkers(self, walking: Mask, sought: Mask) -> Mask:
        """What of all that walks is no background to copy: nothing, where the hole itself lies in a walker."""
        size = 2 * _BESIDE + 1
        beside = (cv2.dilate(sought.astype(np.uint8), np.ones((size, size), np.uint8)) > 0) & ~sought
        return walking if walking[beside].sum() <= _MOSTLY * beside.sum() else np.zeros_like(walking)

    def _within_plate(self, t: int, colours: Field) -> Field:
        """The colours, none brighter or darker than all of the frame's plate: light from a rim that is off may overshoot."""
        plate = self._frames[t][~self._holes[t]]
        if not len(plate):
            return colours
        limited: Field = np.clip(colours, plate.min(0), plate.max(0))
        return limited

    def _context(self, key: int, sought: Mask) -> Field:
        """The key's picture as it is searched in: what earlier keys gave is in it, and lit."""
        picture: Field = self._frames[key].copy()
        if (self._unseen[key] & ~sought).any():
            picture[self._unseen[key]] = self._lit(key)
        return picture

    def _lay(self, key: int, number: int, sought: Mask, found: Found) -> None:
        """Copy what was found into all frames that the key's pixels were carried to."""
        row, column = np.nonzero(sought)
        first = found.x.astype(np.float32), found.y.astype(np.float32)
        piece = ((found.y - row) * np.int32(1 << 15) + (found.x - column)).astype(np.int32)
        was = bilinear(self._soft(key), *first)
        good = np.flatnonzero(found.copied)
        _, nearest = nearest_of(self._among(sought, good))
        register = Register.of(self._frames[key], ~self._unseen[key], *first, piece)

        def settle(t: int, x: Field, y: Field) -> tuple[Field, Field]:
            shift = register.shifts(self._frames[t], ~self._unseen[t], x, y, self._showing(t, x, y))
            return x + shift[:, 0], y + shift[:, 1]

        def lay(at: tuple[int, Field, Field]) -> None:
            t, x, y = at
            origins = self._origins[t]
            which = np.flatnonzero(origins.key == number)
            if not len(which):
                return
            shown = self._showing(t, x, y)
            if t != key and shown.any():
                shown = self._same(t, (x, y), was, shown, (row, column))
            pixel = good[nearest[self._whole(origins.y[which], 0), self._whole(origins.x[which], 1)]]
            own = shown[pixel]
            at_x = np.where(own, x[pixel], first[0][pixel]) + origins.x[which] - column[pixel]
            at_y = np.where(own, y[pixel], first[1][pixel]) + origins.y[which] - row[pixel]
            source = np.where(own, t, key).astype(np.int32)
            height, width = sought.shape
            at_x, at_y = at_x.clip(0, width - 1).astype(np.float32), at_y.clip(0, height - 1).astype(np.float32)
            # a pixel beside one that was found looks beside its source, and there a hole may begin
            touching = np.flatnonzero(~self._ground.is_clear(source, at_x, at_y))
            beside, own = pixel[touching], own[touching]
            at_x[touching] = np.where(own, x[beside], first[0][beside])
            at_y[touching] = np.where(own, y[beside], first[1][beside])
            self._invented[t].set(which, source, at_x, at_y, piece[pixel], found.miss[pixel])
            rows, columns = (at[which] for at in np.nonzero(self._unseen[t]))
            self._frames[t][rows, columns] = self._sampled(source, at_x, at_y)

        wanted = range(len(self._frames))
        carry_out(self._spread, lay, follow_sources(self._motion, *first, frame=key, wanted=wanted, settle=settle))

    def _lit(self, t: int) -> Field:
        """Colours (n, 3) of a frame's unseen pixels in the light of their place."""
        unseen, invented = self._unseen[t], self._invented[t]
        copied = np.flatnonzero(invented.copied)
        if not len(copied):
            smooth: Field = fill_harmonic(self._frames[t], unseen)[unseen]
            return smooth
        textured = self._among(unseen, copied)
        distance, nearest = nearest_of(textured)
        row, column = np.nonzero((distance > 0) & (distance <= RIM) & ~unseen)
        member = copied[nearest[row, column]]
        rows, columns = np.nonzero(unseen)
        x = invented.x[member] + (column - columns[member]).astype(np.float32)
        y = invented.y[member] + (row - rows[member]).astype(np.float32)
        source, good = invented.source[member], np.zeros(len(row), np.bool_)
        for frame in np.unique(source):
            some = np.flatnonzero(source == frame)
            good[some] = self._showing(int(frame), x[some], y[some])
        row, column = row[good], column[good]
        gap = self._frames[t][row, column] - self._sampled(source[good], x[good], y[good])
        lit: Field = levelled(self._frames[t], unseen, textured, (row, column), gap)[unseen]
        return lit

    def _sampled(self, source: npt.NDArray[np.int32], x: Field, y: Field) -> Field:
        """Colours (n, 3) of points of frames."""
        colours = np.zeros((len(x), 3), np.float32)
        for frame in np.unique(source):
            some = np.flatnonzero(source == frame)
            colours[some] = look_up(self._frames[frame], x[some], y[some], self._ground.of(int(frame)))
        return colours

    def _same(self, t: int, at: tuple[Field, Field], was: Field, shown: Mask, pixel: tuple[Index, Index]) -> Mask:
        """Which of the key's sources a frame shows as they were, but for the light of them all."""
        gap = np.full(was.shape, np.inf, np.float32)
        gap[shown] = bilinear(self._soft(t), at[0][shown], at[1][shown]) - was[shown]
        gap[shown] -= np.median(gap[shown], 0)
        image, member = np.zeros((2, *self._holes.shape[1:]), np.float32)
        image[pixel], member[pixel] = np.abs(gap).max(1) < _SAME, 1
        share = cv2.boxFilter(image, -1, (_AROUND, _AROUND), normalize=False)
        share /= np.maximum(cv2.boxFilter(member, -1, (_AROUND, _AROUND), normalize=False), 1)
        same: Mask = shown & (share[pixel] > _AGREEING)
        return same

    def _soft(self, t: int) -> Field:
        """A frame blurred; what is unseen is left out."""
        known = (~self._unseen[t]).astype(np.float32)
        total = cv2.GaussianBlur(self._frames[t] * known[..., None], (0, 0), _BLUR)
        soft: Field = total / np.maximum(cv2.GaussianBlur(known, (0, 0), _BLUR), np.float32(1e-3))[..., None]
        return soft

    def _barred(self, t: int) -> Mask:
        """Pixels of a frame that are not copied."""
        size = 2 * _CLEAR + 1
        return cv2.dilate(self._holes[t].astype(np.uint8), np.ones((size, size), np.uint8)) > 0

    def _showing(self, t: int, x: Field, y: Field) -> Mask:
        """Which points of a frame may be copied."""
        height, width = self._holes.shape[1:]
        shown: Mask = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        shown[shown] = ~self._barred(t)[np.rint(y[shown]).astype(np.intp), np.rint(x[shown]).astype(np.intp)]
        return shown

    def _image(self, t: int, which: Mask) -> Mask:
        """Some of a frame's unseen pixels as an image."""
        image: Mask = np.zeros_like(self._unseen[t])
        image[self._unseen[t]] = which
        return image

    def _among(self, members: Mask, which: Index) -> Mask:
        """Some of an image's members, by number, as an image."""
        image: Mask = np.zeros_like(members)
        chosen = np.zeros(np.count_nonzero(members), np.bool_)
        chosen[which] = True
        image[members] = chosen
        return image

    def _whole(self, at: Field, axis: int) -> Index:
        """The pixel nearest to a coordinate."""
        return np.rint(at).astype(np.intp).clip(0, self._holes.shape[1 + axis] - 1)
