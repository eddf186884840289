"""Gestures as geometry: boxes within the plate, strokes as the pen presses, outlines that keep their form."""

from __future__ import annotations

import math

import pytest

from propainter_ui.drawing import outlines
from propainter_ui.drawing.outline_hand import Changed, Deleted, Drawn, Inserted, OutlineHand
from propainter_ui.drawing.stamping import StampSource, carried
from propainter_ui.drawing.strokes import BoxGesture, SizeGesture, StrokeGesture, next_size
from propainter_ui.drawing.touch import Touch
from propainter_ui.matte.outlines import Outline, Vertex
from propainter_ui.matte.strokes import Box

SQUARE = Outline.of_points([(10, 10), (50, 10), (50, 50), (10, 50)])
ROUND = Outline(tuple(
    Vertex(30 + 20 * x, 30 + 20 * y, (11 * y, -11 * x), (-11 * y, 11 * x)) for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1))
))  # fmt: skip


def test_a_box_is_the_same_from_any_corner_and_never_leaves_the_plate() -> None:
    for start, end in (((10, 20), (40, 60)), ((40, 60), (10, 20)), ((40, 20), (10, 60))):
        gesture = BoxGesture(Touch(*start), (100, 80))
        gesture.move(Touch(*end))
        assert gesture.result == Box(10, 20, 30, 40)
    gesture = BoxGesture(Touch(50, 50), (100, 80))
    gesture.move(Touch(400, -30))
    assert gesture.result == Box(50, 0, 50, 50)


def test_a_click_is_no_box_and_keys_make_it_square_or_centred() -> None:
    gesture = BoxGesture(Touch(30, 30), (100, 80))
    gesture.move(Touch(31, 30.5))
    assert gesture.result is None
    gesture.move(Touch(40, 35, is_shifted=True))
    assert gesture.result == Box(30, 30, 10, 10)
    gesture.move(Touch(40, 35, is_other=True))
    assert gesture.result == Box(20, 25, 20, 10)


def test_a_stroke_leaves_out_points_no_brush_could_show_and_follows_the_pen() -> None:
    gesture = StrokeGesture(10)
    for step in range(101):
        gesture.move(Touch(step * 0.5, 0, pressure=0.5))
    assert 10 < len(gesture.points) < 60
    assert gesture.mean_radius == pytest.approx(5)
    light = StrokeGesture(10)
    light.move(Touch(0, 0, pressure=0.001, is_eraser=True))
    assert light.dabs == [(0, 0, 0.15)] and light.is_eraser, "a pen that hardly touches still draws"


def test_the_brush_grows_and_shrinks_by_keys_and_by_dragging() -> None:
    radius = 8.0
    for _ in range(5):
        radius = next_size(radius, 1)
    assert radius > 14
    for _ in range(60):
        radius = next_size(radius, -1)
    assert radius == 0.5
    gesture = SizeGesture(Touch(100, 50), 8)
    gesture.move(Touch(120, 70))
    assert gesture.radius == 28 and gesture.middle == (100, 50)


def test_a_handle_turns_its_other_side_with_it_unless_the_corner_breaks() -> None:
    turned = outlines.with_part_at(ROUND, 0, "after", (50, 60)).vertices[0]
    assert math.atan2(*turned.before) == pytest.approx(math.atan2(-turned.after[0], -turned.after[1]))
    assert math.hypot(*turned.before) == pytest.approx(11)
    broken = outlines.with_part_at(ROUND, 0, "after", (50, 60), breaks=True).vertices[0]
    assert broken.before == ROUND.vertices[0].before


def test_inside_is_inside() -> None:
    assert outlines.is_inside(SQUARE, (30, 30)) and not outlines.is_inside(SQUARE, (60, 30))
    assert outlines.is_inside(ROUND, (42, 42)) and not outlines.is_inside(ROUND, (47, 47))


def test_an_open_curve_ends_at_its_last_point() -> None:
    for count in range(1, 5):
        points = outlines.open_curve(ROUND.vertices[:count])
        assert points[0] == ROUND.vertices[0].point
        assert points[-1] == pytest.approx(ROUND.vertices[count - 1].point), count


def click(hand: OutlineHand, x: float, y: float, there: tuple = (), **more: bool) -> object:
    made = hand.press(Touch(x, y, reach=4, **more), there)
    return made if made is not None else hand.release(there)


def test_an_outline_is_closed_at_its_first_point_or_by_a_key_and_not_with_two() -> None:
    hand = OutlineHand(curves=False)
    for x, y in ((10, 10), (50, 10)):
        assert click(hand, x, y) is None
    assert hand.close() is None and hand.is_drawing
    click(hand, 50, 50)
    click(hand, 70, 70)
    hand.step_back()
    made = click(hand, 11, 12)
    assert made == Drawn(Outline.of_points([(10, 10), (50, 10), (50, 50)])) and not hand.is_drawing


def test_a_drag_after_a_point_makes_its_sides_round() -> None:
    hand = OutlineHand(curves=True)
    hand.press(Touch(10, 10, reach=4), ())
    hand.move(Touch(20, 10, reach=4))
    hand.release(())
    assert hand.drawn == (Vertex(10, 10, (-10, 0), (10, 0)),)


def test_points_sides_and_whole_outlines_are_dragged_and_deleted() -> None:
    hand, there = OutlineHand(curves=True), (SQUARE,)
    hand.press(Touch(51, 11, reach=4), there)
    hand.move(Touch(60, 0, reach=4))
    assert hand.changed is not None and hand.changed.outline.vertices[1] == Vertex(60, 0), "seen while it is dragged"
    assert hand.release(there) == Changed(0, SQUARE.with_vertex(1, Vertex(60, 0)))
    hand.press(Touch(30, 11, reach=4), there)
    hand.move(Touch(35, 21, reach=4))
    assert hand.release(there) == Changed(0, SQUARE.moved(5, 10))
    assert click(hand, 10, 10, there) is None, "a click that moves nothing changes nothing"
    assert hand.delete(there) == Deleted(0, 0)
    assert hand.delete((Outline(SQUARE.vertices[1:]),)) == Deleted(0, None)


def test_a_point_is_put_on_a_side_and_dragged_on_at_once() -> None:
    hand, there = OutlineHand(curves=True), (SQUARE,)
    assert hand.press(Touch(30, 10, reach=4, is_other=True), there) == Inserted(0, 0, 0.5)
    with_point = (SQUARE.with_inserted(0, 0.5),)
    hand.move(Touch(30, 2, reach=4))
    made = hand.release(with_point)
    assert isinstance(made, Changed) and made.outline.vertices[1] == Vertex(30, 2) and len(made.outline.vertices) == 5


def test_giving_up_leaves_everything_as_it_was() -> None:
    hand, there = OutlineHand(curves=False), (SQUARE,)
    hand.press(Touch(50, 10, reach=4), there)
    hand.move(Touch(90, 90, reach=4))
    hand.give_up()
    assert hand.release(there) is None


def test_the_stamp_keeps_the_distance_of_its_first_stroke() -> None:
    source = StampSource()
    assert not source.is_set and StampSource().stepped(-3).is_set
    source = source.taken((100, 50)).begun((40, 40))
    assert source.place_of((45, 41)) == (105, 51)
    assert source.begun((0, 0)).place_of((0, 0)) == (60, 10), "the second stroke goes on beside the first"


def test_the_stamp_goes_beside_first_and_then_as_the_background_moves() -> None:
    source = StampSource(offset=(10, -4), is_set=True)
    motion = (0.0, -1.0, 200.0, 1.0, 0.0, 5.0, 0.0, 0.0, 1.0)  # a quarter turn, and on
    assert carried(source.matrix(motion), (20, 30)) == carried(motion, (30, 26)) == (174, 35)
