"""Grain: measured against noise whose strength, colour and size are known, taken off, and put on."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from propainter.classical.harmonic import Field
from propainter.grain.gains import had_by_sights
from propainter.grain.grain import REACH, Grain, typical
from propainter.grain.laying import field, regrained
from propainter.grain.measuring import Frame, measure, share
from propainter.grain.removing import Parted, had_by_flat, part
from propainter.types import NOWHERE, Sights

HEIGHT, WIDTH = 240, 320
STRENGTHS = np.float32([0.06, 0.04, 0.05])


def scene(left: float = 0.0) -> Field:
    """A ramp from dark to bright, its left half rough, from a fraction of a pixel on: (h, w, 3), black is -1."""
    rough = np.random.default_rng(4).random((HEIGHT, WIDTH + 80, 3), np.float32) - 0.5
    rough = cv2.GaussianBlur(rough, (0, 0), 1.2) * 3
    rough[:, (WIDTH + 80) // 2 :] = 0
    ramp = np.linspace(-0.8, 0.8, HEIGHT, dtype=np.float32)[:, None, None]
    shift = np.float32([[1, 0, -left], [0, 1, 0]])
    moved: Field = cv2.warpAffine(rough, shift, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC)
    return (moved + ramp).astype(np.float32)


def noise(seed: int, *, size: float = 0.0, together: float = 0.0) -> Field:
    """White noise of strength 1, blurred and mixed: (h, w, 3)."""
    drawn = np.random.default_rng(seed).standard_normal((HEIGHT, WIDTH, 4)).astype(np.float32)
    if size:
        drawn = cv2.GaussianBlur(drawn, (0, 0), size)
        drawn /= drawn.std((0, 1))
    mixed: Field = np.float32(together**0.5) * drawn[..., 3:] + np.float32((1 - together) ** 0.5) * drawn[..., :3]
    return mixed


def by_level(picture: Field) -> Field:
    """A strength that rises from half to one and a half."""
    return STRENGTHS * (1 + 0.5 * picture / 0.8)


def grain_of(
    pictures: list[Field], motions: tuple[float, float] = (0.0, 0.0), *, encode: Callable[[Field], Field] | None = None
) -> Grain:
    """Measured in the middle of three; motions: to the right, to the frame before and the one after."""
    usable = np.ones((HEIGHT, WIDTH), np.bool_)
    before, frame, after = (Frame(picture, usable) for picture in pictures)
    ways = [np.full((4, 4, 2), (way, 0), np.float32) for way in motions]
    return measure(frame, (before, after), (ways[0], ways[1]), **({} if encode is None else {"encode": encode}))


def test_grain_of_known_strength_is_found_by_channel_and_level() -> None:
    found = grain_of([scene() + by_level(scene()) * noise(i) for i in range(3)])
    levels = np.float32([[-0.6] * 3, [0.0] * 3, [0.6] * 3])
    assert found.strength_at(levels) / by_level(levels) == pytest.approx(np.ones((3, 3)), abs=0.1)


def test_it_is_found_in_a_plate_that_moves_by_parts_of_a_pixel() -> None:
    found = grain_of([scene(3.3 * i) + STRENGTHS * noise(i, size=0.6) for i in range(3)], (3.3, -3.3))
    assert found.strength_at(np.zeros((1, 3), np.float32))[0] / STRENGTHS == pytest.approx(np.ones(3), abs=0.1)


def test_texture_that_moves_is_no_grain() -> None:
    assert grain_of([scene(3.3 * i) for i in range(3)], (3.3, -3.3)).is_none
    rough = np.random.default_rng(1).random((HEIGHT, WIDTH + 60, 3), np.float32)  # nothing flat anywhere
    wide, sharp = cv2.GaussianBlur(rough, (0, 0), 1.0), cv2.INTER_LANCZOS4
    shifts = [np.float32([[1, 0, -2.4 * i], [0, 1, 0]]) for i in range(3)]
    moved = [cv2.warpAffine(wide, shift, (WIDTH, HEIGHT), flags=sharp) for shift in shifts]
    assert grain_of(moved, (2.4, -2.4)).is_none


def test_noise_that_is_the_same_in_every_frame_is_no_grain() -> None:
    still = scene() + STRENGTHS * noise(1)
    assert grain_of([still] * 3).is_none


def test_black_bars_tell_nothing() -> None:
    pictures = [scene() + STRENGTHS * noise(i) for i in range(3)]
    for picture in pictures:
        picture[:60] = picture[-60:] = -1
    assert grain_of(pictures).strength_at(np.zeros((1, 3), np.float32))[0] / STRENGTHS == pytest.approx(
        np.ones(3), abs=0.1
    )
    assert not grain_of(pictures).strength_at(np.full((1, 3), -1, np.float32)).any()


def test_grey_grain_is_made_grey_and_infinite_pixels_do_no_harm() -> None:
    pictures = [scene()[..., :1].repeat(3, 2) + 0.05 * noise(i, size=0.6)[..., :1].repeat(3, 2) for i in range(3)]
    for picture in pictures:
        picture[20:30, 20:30], picture[40, 40] = np.inf, np.nan
    made = field(grain_of(pictures), 1, 0, 0, (60, 60))
    assert np.abs(made - made[..., :1]).max() < 1e-5 and made.std() == pytest.approx(1, abs=0.05)


def test_rounding_is_not_taken_for_grain() -> None:
    step, plain = 2 / 255, scene()
    usable, zero = np.ones((HEIGHT, WIDTH), np.bool_), np.zeros((1, 1, 2), np.float32)
    pictures = [np.rint((plain + 1e-3 * noise(i)) / step) * np.float32(step) for i in range(3)]
    before, frame, after = (Frame(picture.astype(np.float32), usable) for picture in pictures)
    assert measure(frame, (before, after), (zero, zero), step=step).is_none


def test_what_one_frame_alone_shows_is_no_grain() -> None:
    grain = grain_of([scene() + STRENGTHS * noise(i) for i in range(3)])
    assert typical([grain, Grain.none(), Grain.none()]).is_none and typical([]).is_none
    middle = typical([grain, grain, Grain.none()]).strength_at(np.zeros((1, 3), np.float32))
    assert middle == pytest.approx(grain.strength_at(np.zeros((1, 3), np.float32)), rel=0.02)


def test_made_grain_is_as_strong_as_coarse_and_as_coloured_as_the_plates() -> None:
    true = noise(9, size=1.0, together=0.6)
    grain = grain_of([scene() + STRENGTHS * noise(i, size=1.0, together=0.6) for i in range(3)])
    made = field(grain, 5, 0, 0, (HEIGHT, WIDTH))
    assert made.std((0, 1)) == pytest.approx(np.ones(3), abs=0.03)
    for away in ((0, 1), (1, 0), (1, 1), (0, 2)):
        alike = [
            [(part * np.roll(part, away, (0, 1))).mean() / part.var() for part in np.moveaxis(picture, 2, 0)]
            for picture in (made, true)
        ]
        assert alike[0] == pytest.approx(alike[1], abs=0.07)
    colours = [np.corrcoef(picture.reshape(-1, 3).T) for picture in (made, true)]
    assert colours[0] == pytest.approx(colours[1], abs=0.1)


def test_made_grain_is_the_same_piece_by_piece_and_new_in_every_frame() -> None:
    grain = grain_of([scene() + STRENGTHS * noise(i, size=0.6) for i in range(3)])
    whole = field(grain, 1001, 0, 0, (200, 200))
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        piece = field(grain, 1001, 70, 90, (50, 60))
    finally:
        cv2.setNumThreads(threads)
    assert np.array_equal(whole[70:120, 90:150], piece)
    assert abs(np.corrcoef(whole.ravel(), field(grain, 1002, 0, 0, (200, 200)).ravel())[0, 1]) < 0.02
    assert field(grain, -3, -70, -5, (8, 8)).shape == (8, 8, 3)


def laid(picture: Field, grain: Grain, *, had: float | None = None, stands: float = 0.0, amount: float = 1.0) -> Field:
    parted, shape = part(picture, grain), picture.shape[:2]
    if had is not None:
        parted = Parted(parted.smooth, parted.busy, np.full(shape, had, np.float32))
    flat = (np.full(shape, value, np.float32) for value in (1, stands))
    coverage, still = flat
    drawn = field(grain, 77, 0, 0, (shape[0], shape[1]))
    return regrained(parted, picture, grain, drawn, coverage, still, amount=amount)


@pytest.fixture(scope="module")
def known() -> Grain:
    return grain_of([scene() + STRENGTHS * noise(i, size=0.6) for i in range(3)])


@pytest.mark.parametrize("had", [0.0, 0.4, 1.0])
def test_a_fill_gets_what_it_lacks_and_no_more(known: Grain, had: float) -> None:
    fill = scene() + np.float32(had**0.5) * STRENGTHS * noise(20, size=0.6)
    strength = (laid(fill, known, had=had) - scene()).std((0, 1))
    assert strength / STRENGTHS == pytest.approx(np.ones(3), abs=0.08)


def test_how_much_a_flat_fill_has_is_seen_in_it(known: Grain) -> None:
    flat = scene()
    flat[:, : WIDTH // 2 + 60] = 0
    strength = (laid(flat + 0.6 * STRENGTHS * noise(20, size=0.6), known) - flat)[:, WIDTH // 2 + 60 :].std((0, 1))
    assert strength / STRENGTHS == pytest.approx(np.ones(3), abs=0.1)


def test_a_held_picture_loses_the_grain_that_stands_where_it_is_flat(known: Grain) -> None:
    own = STRENGTHS * noise(20, size=0.6)
    left = (laid(scene() + own, known, had=1.0, stands=1.0) - scene())[:, 220:]
    assert left.std((0, 1)) / STRENGTHS == pytest.approx(np.ones(3), abs=0.1)
    assert abs(np.corrcoef(left.ravel(), own[:, 220:].ravel())[0, 1]) < 0.15


def test_and_most_of_it_where_it_is_busy_while_its_detail_stays(known: Grain) -> None:
    """The rough half, hardly stronger than the grain: what stands and what lives of it, and its texture in the mean."""
    own, rough = STRENGTHS * noise(20, size=0.6), np.s_[12:-12, 12 : WIDTH // 2 - 12]
    parted, (height, width) = part(scene() + own, known), own.shape[:2]
    all_of_it = np.ones((height, width), np.float32)
    held = Parted(parted.smooth, parted.busy, all_of_it)
    frames = []
    for seed in (77, 78):
        drawn = field(known, seed, 0, 0, (height, width))
        frames.append(regrained(held, scene() + own, known, drawn, all_of_it, all_of_it, amount=1.0))
    assert parted.busy[rough].mean() > 0.3, "it is busy"
    left = (frames[0] - scene())[rough]
    stands = (left * own[rough]).sum((0, 1)) / np.square(own[rough]).sum((0, 1))
    lives = (frames[0] - frames[1])[rough].std((0, 1)) / np.sqrt(2) / STRENGTHS
    assert stands.max() < 0.72
    assert np.hypot(stands, lives) == pytest.approx(np.ones(3), abs=0.1)
    mean, truth = ((image - cv2.GaussianBlur(image, (0, 0), 2))[rough] for image in (sum(frames) / 2, scene()))
    assert (mean * truth).sum() / (truth**2).sum() > 0.88


def test_no_detail_is_traded_for_grain(known: Grain) -> None:
    """What has no grain of its own keeps all of its texture; what was added is like nothing in it."""
    added = laid(scene(), known, had=0.0, stands=1.0) - scene()
    drawn = field(known, 77, 0, 0, (HEIGHT, WIDTH)) * known.strength_at(part(scene(), known).smooth)
    assert np.abs(added - drawn).max() < 1e-5


def test_a_share_of_the_grain_lies_between_none_and_all(known: Grain) -> None:
    smooth = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    assert np.allclose(laid(smooth, known, amount=0.0), smooth, atol=1e-6)
    half, whole = (laid(smooth, known, amount=amount).std() for amount in (0.5, 1.0))
    assert half == pytest.approx(whole / 2, rel=0.02)


def test_under_a_soft_edge_plate_and_fill_together_have_the_plates_grain(known: Grain) -> None:
    flat, shape = np.zeros((HEIGHT, WIDTH, 3), np.float32), (HEIGHT, WIDTH)
    plate = STRENGTHS * noise(30, size=0.6)
    for share_of_fill in (0.25, 0.5, 0.75):
        coverage = np.full(shape, share_of_fill, np.float32)
        drawn = field(known, 78, 0, 0, shape)
        fill = regrained(part(flat, known), flat, known, drawn, coverage, np.zeros(shape, np.float32), amount=1.0)
        mixed = plate + share_of_fill * (fill - plate)
        assert mixed.std((0, 1)) / STRENGTHS == pytest.approx(np.ones(3), abs=0.1)


def test_grain_is_parted_from_a_flat_picture_and_texture_is_not(known: Grain) -> None:
    own = STRENGTHS * noise(20, size=0.6)
    parted = part(scene() + own, known)
    flat = np.s_[8:-8, 220:-8]
    assert (parted.smooth - scene())[flat].std() < 0.3 * own.std()
    assert parted.had[flat].mean() == pytest.approx(1, abs=0.12) and parted.busy[flat].mean() < 0.1
    lost = (part(10 * (scene() - scene().mean()), known).smooth - 10 * (scene() - scene().mean()))[:, :120]
    assert lost.std() < STRENGTHS.max()
    where = np.zeros((HEIGHT, WIDTH), np.bool_)
    where[:, 100:] = True
    assert had_by_flat(parted, where) == pytest.approx(1, abs=0.25)
    assert had_by_flat(part(scene(), known), where) < 0.2


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_the_grain_of_a_clean_plate_is_measured_against_the_plate_it_lies_over(known: Grain, strength: float) -> None:
    usable = np.ones((HEIGHT, WIDTH), np.bool_)
    before, after = (Frame(scene() + STRENGTHS * noise(i, size=0.6), usable) for i in (1, 2))
    clean = Frame(scene() + strength * STRENGTHS * noise(8, size=0.6), usable)
    zero = np.zeros((1, 1, 2), np.float32)
    assert share(clean, (before, after), (zero, zero), known) == pytest.approx(strength**2, abs=0.12)
    assert share(before, (before, after), (zero, zero), known) == pytest.approx(1, abs=0.1)  # it is that very frame
    other = Frame(noise(3, size=1.0), usable)  # something else altogether
    assert share(other, (before, after), (zero, zero), known) is None


def test_the_grain_of_sights_is_that_of_their_weights_and_kernels(known: Grain) -> None:
    """Against noise that is really sampled so."""
    count, hole = 4000, np.zeros((50, 100), np.bool_)
    hole[:40] = True
    rows, columns = np.nonzero(hole)
    at, weights = np.float32([[0.0, 0.5], [0.25, 0.0]]), np.float32([0.5, 0.5])
    source = np.stack([np.zeros(count, np.int32), np.ones(count, np.int32)])
    x, y = (np.stack([base + at[i][axis] for i in (0, 1)]) for axis, base in ((0, columns), (1, rows)))
    weight = np.repeat(weights[:, None], count, 1)
    weight[:, :1000], source[:, :1000] = 0, NOWHERE
    sights = Sights(
        source, x.astype(np.float32), y.astype(np.float32), weight, np.int32([0, 1]), np.zeros((2, 3), np.float32)
    )
    had = had_by_sights(sights, hole, known, (1.0, 1.0))
    assert not had[:10].any() and not had[40:].any()
    sampled = [
        cv2.filter2D(noise(50 + i, size=0.6), -1, np.outer(_keys(at[i][1]), _keys(at[i][0])).astype(np.float32))
        for i in (0, 1)
    ]
    assert had[20, 50] == pytest.approx(float((0.5 * sampled[0] + 0.5 * sampled[1]).var()), abs=0.04)


def _keys(t: float) -> Field:
    """Keys' cubic convolution at -1, 0, 1, 2, as a kernel of five."""
    weights = [
        -0.5 * t + t**2 - 0.5 * t**3,
        1 - 2.5 * t**2 + 1.5 * t**3,
        0.5 * t + 2 * t**2 - 1.5 * t**3,
        (t**3 - t**2) / 2,
    ]
    return np.float32([0, *weights])


def test_there_is_a_way_to_say_that_there_is_no_grain() -> None:
    nothing = Grain.none()
    assert nothing.is_none and nothing.likeness.shape == (2 * REACH + 1, 2 * REACH + 1, 3)
    assert not nothing.strength_at(np.zeros((2, 3), np.float32)).any()


def test_parting_goes_tile_by_tile_and_leaves_what_does_not_matter(known: Grain) -> None:
    picture = np.concatenate([scene() + STRENGTHS * noise(i, size=0.6) for i in (20, 21)], 1)
    where = np.zeros(picture.shape[:2], np.bool_)
    where[100:180, 350:460] = True
    some, alone = part(picture, known, where), part(np.ascontiguousarray(picture[60:220, 300:500]), known)
    for name in ("smooth", "busy", "had"):
        inside = getattr(alone, name)[40:120, 50:160]
        assert getattr(some, name)[100:180, 350:460] == pytest.approx(inside, abs=2e-4)
    assert np.array_equal(some.smooth[:100, :100], picture[:100, :100]) and not some.busy[:100, :100].any()


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (9, 200)])
def test_pictures_smaller_than_a_block_are_parted_too(known: Grain, size: tuple[int, int]) -> None:
    small = np.full((*size, 3), 0.2, np.float32)
    assert part(small, known).smooth == pytest.approx(small, abs=1e-5)
    assert laid(small, known).shape == small.shape
