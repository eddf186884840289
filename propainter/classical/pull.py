"""Pulling known pixels into the hole: one look at the plate where the background behind each hole pixel is seen.

Here: which places count how much, bringing past and future sights into register, sampling. Not here: following the flow
(``places.py``), what nobody ever saw (``paint.py``).

The reference hands colours from frame to frame with nearest sampling (spec, section 5): detail wears off with every
step, and a chain ends at the first frame whose flow fails the check. Here places are handed on instead, to a fraction of
a pixel, and the plate is sampled once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from propainter.classical.alignment import Aligned, regular
from propainter.classical.by_model import places_by_motion
from propainter.classical.elsewhere import Elsewhere
from propainter.classical.exposure import frame_gains
from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask, box_around, fill_harmonic
from propainter.classical.kernels import Ground
from propainter.classical.landings import landing_check
from propainter.classical.light import moving_light
from propainter.classical.places import (
    RUN_BYTES,
    Places,
    future_places,
    parts_of,
    past_places,
    runs_of,
    settled,
)
from propainter.classical.sampling import Plate
from propainter.classical.seam import extremes, seam_light, under_light
from propainter.dis import flow_between, grey_of
from propainter.spread import ONE_BY_ONE, Spread, carry_out

_BY_MODEL = 1e-3
"""Weight of a place the background model alone leads to, against one the flow leads to."""
_DOUBTFUL = 1e-6
"""Weight of a doubtful place: it counts only where nothing better is known."""
_REGISTER_PAD = 24
"""Pixels of plate around the hole that the two sights of it are compared in."""


OnPlaces = Callable[[Plate, list[Places], list[float]], None]
"""Told of the plate, and of the sights of all members and the trust in each, before colours are pulled from there."""


def pull_plate(
    frames: Field,
    holes: Mask,
    motion: Aligned,
    members: Mask,
    elsewhere: Elsewhere | None = None,
    *,
    on_places: OnPlaces | None = None,
    spread: Spread = ONE_BY_ONE,
) -> tuple[Field, Mask, int]:
    """Fill holes (t, h, w) of frames (t, h, w, 3), in place, from other frames.

    Returns them, what is still unseen, and how many of the kernels that were sampled touched a hole: 0.
    members: which hole pixels to fill: the holes themselves, or the same with some frames all False. elsewhere: what the
    rest of the shot shows. Pixels under a hole are never read; what is unseen is 0. No colour leaves the range of the
    frames: kernels ring beside a lamp, and a gain of exposure ends where the picture's range does. Of the nearest past and
    future sight of a pixel each counts by the inverse of its distance in time. Where the flow leads to neither soundly, the
    background model may.
    """
    plate = plate_of(frames, holes, motion, elsewhere, spread=spread)
    ends = np.stack([*spread(_range_of, frames)])
    darkest, brightest = ends[:, 0].min(0), ends[:, 1].max(0)
    sights, trust = places_of(plate, holes, motion, members, elsewhere, spread=spread)
    if on_places is not None:
        on_places(plate, sights, trust)
    colours, unseen = blend_places(plate, holes, sights, trust, members, spread=spread)
    for frame, part in enumerate(parts_of(members)):
        colours[part] = plate.lit(colours[part], frame, *np.nonzero(members[frame]))
    np.clip(colours, darkest, brightest, out=colours)
    colours[unseen] = 0
    frames[members] = colours
    return frames, _image_of(unseen, members), plate.ground.tally.touched


def _range_of(frame: Field) -> Field:
    """The darkest and the brightest value of each channel, (2, 3)."""
    rows = frame.reshape(
        len(frame), -1
    )  # along whole rows: along the channels of every pixel it takes ten times as long
    darkest, brightest = (ends.reshape(-1, frame.shape[2]) for ends in (rows.min(0), rows.max(0)))
    return np.stack([darkest.min(0), brightest.max(0)])


def plate_of(
    frames: Field,
    holes: Mask,
    motion: Aligned,
    elsewhere: Elsewhere | None = None,
    *,
    spread: Spread = ONE_BY_ONE,
) -> Plate:
    """The plate outside its holes, as if every frame (t, h, w, 3) had one exposure; the frames' holes become 0."""
    frames[holes] = 0
    read = None if elsewhere is None else elsewhere.read
    gains = frame_gains(frames, holes, motion.forward_motion, spread=spread)
    light = moving_light(frames, holes, motion.forward, gains, spread=spread)
    return Plate(frames, gains, Ground(holes, read), light, read)


def places_of(
    plate: Plate,
    holes: Mask,
    motion: Aligned,
    members: Mask,
    elsewhere: Elsewhere | None = None,
    *,
    spread: Spread = ONE_BY_ONE,
) -> tuple[list[Places], list[float]]:
    """Sights of all members, by frame, row, column, and the trust in each.

    They are: past, future; then, where the flow leads some pixel to neither soundly, past and future by the model.
    """
    asked = members[holes]
    ground, (before, after) = plate.ground, (None, None) if elsewhere is None else (elsewhere.before, elsewhere.after)
    ways = motion.forward, motion.backward, holes, ground

    def along_flow(onward: bool) -> Places:
        find, known = (future_places, after) if onward else (past_places, before)
        return settled(find(*ways, known, landing_check(motion, onward=onward)).take(asked), ground)

    past, future = spread(along_flow, (False, True))
    lacking = _image_of(~past.sound & ~future.sound, members)
    sights, trust = [*in_register(plate, holes, past, future, members, spread=spread)], [1.0, 1.0]
    if lacking.any():
        onward = range(len(holes))
        around = (None, None) if elsewhere is None else (elsewhere.after_by_model, elsewhere.before_by_model)
        for order, further in zip((onward, onward[::-1]), around, strict=True):
            found = places_by_motion(order, motion, holes, lacking, ground, further, spread)
            sights.append(settled(found, ground).spread(lacking[members]))
            trust.append(_BY_MODEL)
    return sights, trust


def blend_places(
    plate: Plate,
    holes: Mask,
    sights: list[Places],
    trust: list[float],
    members: Mask,
    *,
    spread: Spread = ONE_BY_ONE,
) -> tuple[Field, Mask]:
    """Colours (n, 3) of all members, by frame, row, column, and which of them (n,) no sight shows.

    sights: each of all members. trust: weight of each; a doubtful place has next to none. members: see ``pull_plate``.
    """
    colours, unseen = np.zeros((len(sights[0].source), 3), np.float32), np.zeros(len(sights[0].source), np.bool_)

    def blend(members_of: tuple[range, slice]) -> None:
        run, part = members_of
        frame, total = np.nonzero(members[run.start : run.stop])[0] + run.start, colours[part]
        weights, (darkest, brightest) = np.zeros(len(frame), np.float32), extremes(plate, holes, run).swapaxes(0, 1)
        for places, share in zip((sight.take(part) for sight in sights), trust, strict=True):
            seen = np.flatnonzero(places.seen)
            weight = weight_of(places.take(seen), frame[seen], share)
            light, at = seam_light(plate, holes, places, members, run)[seen], frame[seen] - run.start
            lit = under_light(plate.sample(places.take(seen)), light, darkest[at], brightest[at])
            total[seen] += lit * weight[:, None]
            weights[seen] += weight
        total /= np.maximum(weights, np.float32(1e-12))[:, None]
        unseen[part] = weights == 0

    carry_out(spread, blend, runs_of(members, at_once=spread.count), each_bytes=RUN_BYTES)
    return colours, unseen


def weight_of(places: Places, frame: Index, share: float) -> Field:
    """What places that are all seen count, for pixels of these frames: their trust by the distance in time."""
    weight: Field = (np.where(places.doubtful, _DOUBTFUL, share) / np.abs(places.source - frame)).astype(np.float32)
    return weight


def in_register(
    plate: Plate, holes: Mask, past: Places, future: Places, members: Mask, *, spread: Spread = ONE_BY_ONE
) -> tuple[Places, Places]:
    """Past and future places of all members shifted so that both show the same thing at each pixel.

    The two sights of a hole disagree by what both ways have gathered of small errors. Most of these are alike from step
    to step (parallax the model lacks), so that each way's share of the gap is its share of the steps: the gap, measured
    between the two pictures like any flow, is closed from both sides in that proportion. A place that this would move under
    a hole stays where it is.
    """
    moved = past.with_room_to_move(), future.with_room_to_move()
    limit = (holes.shape[2] - 1, holes.shape[1] - 1)

    def register(members_of: tuple[range, slice]) -> None:
        run, part = members_of
        sights = past.take(part), future.take(part)
        shift, share = _disagreement(plate, holes, sights, members, run)
        for places, way in zip(moved, (-share, 1 - share), strict=True):
            x = (places.x[part] + way * shift[:, 0]).clip(0, limit[0])
            y = (places.y[part] + way * shift[:, 1]).clip(0, limit[1])
            good = places.seen[part]
            good[good] = plate.ground.is_usable(places.source[part][good], x[good], y[good])
            np.copyto(places.x[part], x, where=good)
            np.copyto(places.y[part], y, where=good)

    carry_out(spread, register, runs_of(members, at_once=spread.count), each_bytes=RUN_BYTES)
    return moved


def _disagreement(
    plate: Plate, holes: Mask, sights: tuple[Places, Places], members: Mask, run: range
) -> tuple[Field, Field]:
    """From the past to the future sight of every member of a run: pixels (n, 2), and the past's share of the steps (n,)."""
    frame, row, column = np.nonzero(members[run.start : run.stop])
    frame = frame + run.start
    both = np.flatnonzero(sights[0].sound & sights[1].sound)
    shift = np.zeros((len(frame), 2), np.float32)
    shown = [plate.sample(places.take(both)) for places in sights]
    bounds = np.searchsorted(frame[both], np.arange(run.start, run.stop + 1))
    for i in np.flatnonzero(np.diff(bounds)):
        part = slice(bounds[i], bounds[i + 1])
        where = (row[both[part]], column[both[part]])
        at = run[int(i)]
        rows, columns = box_around(holes[at], pad=_REGISTER_PAD)
        inside = where[0] - rows.start, where[1] - columns.start
        seen = shown[0][part], shown[1][part]
        gap = _gap(plate.at(at, rows, columns), holes[at, rows, columns], inside, seen)
        shift[both[part]] = gap[inside]
    steps = [np.abs(places.source - frame).astype(np.float32) for places in sights]
    return shift, steps[0] / np.maximum(steps[0] + steps[1], 1)


def _gap(image: Field, hole: Mask, where: tuple[Any, Any], sights: tuple[Field, Field]) -> Field:
    """Flow (h, w, 2) from the past to the future sight of one frame's hole, of use where both sights show something.

    image, hole: a box of the frame around its hole.
    """
    blank = hole.copy()
    blank[where] = False
    pictures = []
    for colours in sights:
        picture = image.copy()
        picture[where] = colours
        luma = grey_of(picture).astype(np.float32)[..., None]
        pictures.append(np.rint(fill_harmonic(luma, blank)[..., 0]).astype(np.uint8))
    return regular(flow_between(pictures[0], pictures[1], finest_scale=1), pictures[0], ~blank)


def _image_of(values: Mask, members: Mask) -> Mask:
    """Values of all members, by frame, row, column, as images that are False outside."""
    images = np.zeros_like(members)
    images[members] = values
    return images
