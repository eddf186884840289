"""The drawn matte as data: what an edit changes, and what of the rest it makes stale."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from propainter_backend.matting.marks_files import read_strokes
from propainter_ui.matte import edits, news, standing
from propainter_ui.matte.document import FrameEdits, MatteDocument, Solved
from propainter_ui.matte.outlines import Outline, Shape, Vertex
from propainter_ui.matte.recipes import Recipe, key_recipe_of, recipe_of
from propainter_ui.matte.strokes import Box, BrushStroke, CloneStroke, Scribble

BLANK = MatteDocument(200, 100, 1001, 1020)
BOX = Box(20, 20, 40, 30)
KEEP = Scribble(((5.0, 5.0), (9.0, 9.0)), removes=False)
PAINT = BrushStroke(((30.0, 30.0, 1.0),), 4)
SQUARE = Outline.of_points([(10, 10), (50, 10), (50, 40), (10, 40)])


def tracked_shot(*keys: int) -> MatteDocument:
    """Boxes on these frames, everything else tracked."""
    document = BLANK
    for key in keys:
        document = news.selected(edits.with_box(document, key, BOX), key, f"key {key}")
    return news.tracked(document, {frame: f"tracked {frame}" for frame in document.frames})


def stale_of(document: MatteDocument) -> list[int]:
    return sorted(document.stale)


# --- what is drawn ----------------------------------------------------------------------------------------------------


def test_a_box_becomes_a_key_when_the_backend_has_answered() -> None:
    marked = edits.with_box(BLANK, 1005, BOX)
    assert standing.keys_of(marked) == () and recipe_of(marked, 1005) == Recipe(200, 100)
    answered = news.selected(marked, 1005, "a")
    assert standing.keys_of(answered) == (1005,) and recipe_of(answered, 1005).solved == "a"


def test_a_box_drawn_beyond_the_picture_is_cut_to_it_and_one_outside_is_none() -> None:
    assert edits.with_box(BLANK, 1001, Box(-10, -10, 30, 300)).edits_of(1001).boxes == (Box(0, 0, 20, 100),)
    assert edits.with_box(BLANK, 1001, Box(300, 0, 30, 30)) is BLANK
    assert edits.with_box(BLANK, 900, BOX) is BLANK


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Box(0, 0, 0, 5),
        lambda: Box(math.nan, 0, 5, 5),
        lambda: Scribble(()),
        lambda: Scribble(((1.0, math.inf),)),
        lambda: BrushStroke(((1.0, 1.0, 1.0),), 0),
        lambda: BrushStroke(((1.0, 1.0, 1.0),), 3, softness=1.5),
        lambda: CloneStroke(((1.0, 1.0, 1.0),), 3, 1001, matrix=(1.0, 0.0)),  # type: ignore[arg-type]
        lambda: Outline.of_points([(0, 0), (1, 1)]),
        lambda: Shape("object", "all", {}),
        lambda: Shape("object", "all", {1: SQUARE, 2: SQUARE}),
        lambda: Shape("object", "tracked", {1: SQUARE, 2: Outline.of_points([(0, 0), (1, 1), (2, 0)])}),
        lambda: MatteDocument(0, 5, 1, 2),
        lambda: MatteDocument(5, 5, 3, 2),
    ],
)
def test_data_refuses_to_be_wrong_in_a_sentence(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        wrong()  # type: ignore[operator]


def test_an_edit_that_changes_nothing_is_the_same_document() -> None:
    document = tracked_shot(1005)
    assert edits.with_edits(document, 1005, document.edits_of(1005)) is document
    assert edits.without_brush(document, 1005) is document
    assert edits.without_clean(document, 1005) is document
    assert edits.with_shadow(document, soften=document.shadow.soften) is document
    assert edits.kept_as_right(document, 1005) is document
    assert edits.without_marks(document, 1007) is document
    assert edits.let_go(document, 1001, 1020) is document


def test_the_document_before_an_edit_is_left_as_it_was() -> None:
    before = tracked_shot(1005)
    copy = replace(before)
    edits.without_marks(edits.with_brush(edits.with_scribble(before, 1009, KEEP), 1010, PAINT), 1005)
    assert before == copy


# --- what the backend is asked ----------------------------------------------------------------------------------------


def test_marks_are_what_a_file_of_strokes_holds(tmp_path) -> None:  # type: ignore[no-untyped-def]
    import json

    document = edits.with_scribble(edits.with_box(BLANK, 1003, BOX), 1003, KEEP)
    document = edits.with_scribble(document, 1003, Scribble(((30.0, 30.0),), radius=5))
    document = edits.with_shape(document, Shape("object", "tracked", {1003: SQUARE}))
    file = tmp_path / "strokes.json"
    file.write_text(json.dumps({"1003": standing.marks_of(document, 1003)}))
    ((frame, marks),) = read_strokes(file)
    assert frame == 1003 and [b.width for b in marks.boxes] == [40]
    assert [(s.removes, s.radius) for s in marks.strokes] == [(True, 5), (False, 3)]
    assert marks.polygons[0].points == ((10, 10), (50, 10), (50, 40), (10, 40))
    assert standing.marks_of(document, 1004) == {}


def test_scribbles_correct_what_was_tracked_and_do_so_again_when_more_are_drawn() -> None:
    document = edits.with_scribble(tracked_shot(1001), 1009, KEEP)
    assert standing.start_of(document, 1009) == "tracked 1009"
    answered = news.selected(document, 1009, "corrected")
    more = edits.with_scribble(answered, 1009, KEEP)
    assert standing.start_of(more, 1009) == "tracked 1009", "all strokes are sent again, so the start is the same again"
    assert standing.start_of(edits.with_box(more, 1009, BOX), 1009) is None, "a box draws the frame anew"


def test_scribbles_correct_a_matte_that_was_opened() -> None:
    document = edits.opened_from(BLANK, "roto", dict.fromkeys(range(1001, 1021), "given"))
    assert standing.keys_of(document) == tuple(range(1001, 1021)) and standing.missing_of(document) == ()
    assert standing.start_of(edits.with_scribble(document, 1004, KEEP), 1004) == "given"


def test_tracking_goes_from_the_frame_to_the_ends() -> None:
    document = tracked_shot(1005)
    assert standing.span_to_track(document, 1005, "forward") == (1005, 1020)
    assert standing.span_to_track(document, 1005, "backward") == (1001, 1005)
    assert standing.span_to_track(document, 1005, "both") == (1001, 1020)
    assert standing.span_to_track(BLANK, 1005, "both") is None


# --- what becomes stale -----------------------------------------------------------------------------------------------


def test_a_changed_key_makes_the_frames_up_to_the_neighbouring_keys_stale() -> None:
    document = tracked_shot(1003, 1010, 1015)
    changed = news.selected(document, 1010, "other")
    assert stale_of(changed) == [1004, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013, 1014]
    assert standing.known_of(changed, 1001, 1020) == {f: f"tracked {f}" for f in (1001, 1002, *range(1016, 1021))}
    again = news.tracked(changed, dict.fromkeys(range(1004, 1015), "new"))
    assert stale_of(again) == [] and again.solved[1010] == Solved("other", "selected"), "a key keeps its own matte"


def test_a_correction_between_keys_is_a_key_and_makes_both_sides_stale() -> None:
    document = edits.with_scribble(tracked_shot(1003, 1015), 1008, KEEP)
    assert stale_of(document) == [], "nothing changes before the backend has answered"
    assert stale_of(news.selected(document, 1008, "x")) == [f for f in range(1004, 1015) if f != 1008]


def test_paint_makes_a_key_at_once_and_garbage_mattes_none() -> None:
    painted = edits.with_brush(tracked_shot(1001), 1010, PAINT)
    assert standing.keys_of(painted) == (1001, 1010) and stale_of(painted) == [
        f for f in range(1002, 1021) if f != 1010
    ]
    garbage = edits.with_shape(tracked_shot(1001), Shape("keep_out", "all", {1001: SQUARE}))
    assert standing.keys_of(garbage) == (1001,) and stale_of(garbage) == []


def test_nothing_beyond_a_cut_becomes_stale() -> None:
    document = news.with_cuts(tracked_shot(1003), (1008,))
    assert stale_of(news.selected(document, 1003, "other")) == [1001, 1002, 1004, 1005, 1006, 1007]
    assert standing.neighbour_keys(document, 1010) == (None, None)


def test_marks_taken_back_bring_the_tracked_matte_back() -> None:
    document = news.selected(edits.with_scribble(tracked_shot(1001), 1009, KEEP), 1009, "corrected")
    back = edits.without_marks(document, 1009)
    assert back.solved[1009] == Solved("tracked 1009", "tracked") and standing.keys_of(back) == (1001,)
    assert 1009 in back.stale and 1010 in back.stale
    gone = edits.without_marks(tracked_shot(1001, 1010), 1010)
    assert 1010 not in gone.solved and 1009 in gone.stale


def test_a_frame_said_to_be_right_is_a_key_and_can_be_let_go() -> None:
    document = tracked_shot(1001)
    kept = edits.kept_as_right(document, 1010)
    assert standing.keys_of(kept) == (1001, 1010) and kept.solved[1010].digest == "tracked 1010"
    assert 1010 not in kept.stale
    loose = edits.let_go(kept, 1010, 1010)
    assert standing.keys_of(loose) == (1001,) and 1010 in loose.stale


def test_an_opened_sequence_can_be_let_go_between_corrections() -> None:
    document = edits.opened_from(BLANK, "roto", dict.fromkeys(range(1001, 1021), "given"))
    document = news.selected(edits.with_scribble(document, 1010, KEEP), 1010, "corrected")
    loose = edits.let_go(document, 1011, 1014)
    assert stale_of(loose) == [1011, 1012, 1013, 1014] and standing.missing_of(loose) == ((1011, 1014),)


# --- doubt ------------------------------------------------------------------------------------------------------------


def test_doubtful_frames_are_gone_through_and_corrected_ones_left_out() -> None:
    document = news.reported(
        tracked_shot(1001), doubt={1005: 0.4, 1010: 0.9, 1015: 0.2}, help=[1010, 1005, 1015], empty=[]
    )
    assert standing.next_doubtful(document, 1001) == 1005 and standing.next_doubtful(document, 1005) == 1010
    assert standing.next_doubtful(document, 1015) == 1005, "round and round"
    assert standing.next_doubtful(document, 1010, -1) == 1005 and standing.next_doubtful(document, 1005, -1) == 1015
    fixed = edits.kept_as_right(document, 1010)
    fixed = replace(fixed, stale=frozenset())
    assert standing.doubtful_of(fixed) == (1005, 1015)
    assert standing.doubtful_of(replace(fixed, last=1010)) == (1005,), "the plate may have other frames than it had"
    assert standing.next_doubtful(BLANK, 1001) is None


def test_a_report_of_a_span_keeps_the_doubt_of_the_others() -> None:
    document = news.reported(tracked_shot(1001), doubt={1005: 0.4, 1010: 0.9}, help=[1010], empty=[])
    again = news.reported(document, doubt={1010: 0.1, 9999: 1.0}, help=[1005, 9999], empty=[[1018, 1020]])
    assert again.doubt == {1005: 0.4, 1010: 0.1} and again.help == (1005,) and again.empty == ((1018, 1020),)


# --- shapes through time ----------------------------------------------------------------------------------------------


def test_a_shape_for_one_frame_counts_there_alone_and_one_for_all_everywhere() -> None:
    one, every = Shape("keep_out", "frame", {1005: SQUARE}), Shape("keep_out", "all", {1005: SQUARE})
    assert one.at(1005) == SQUARE and one.at(1006) is None and every.at(1019) == SQUARE
    moved = every.with_key(1019, SQUARE.moved(5, 0))
    assert moved.at(1001) == SQUARE.moved(5, 0), "one shape for all frames stays one"


def test_a_tracked_shape_goes_evenly_between_its_keys_while_nothing_is_tracked() -> None:
    shape = Shape("always_in", "tracked", {1001: SQUARE}).with_key(1011, SQUARE.moved(20, 10))
    assert shape.at(1006) == SQUARE.moved(10, 5) and shape.at(1020) == SQUARE.moved(20, 10)


def test_tracked_points_arrive_at_both_keys() -> None:
    """The object went 30 px to the right in a bow; tracking from either side sees the bow, but errs by a drift."""
    keys = {1001: SQUARE, 1011: SQUARE.moved(30, 0)}
    shape = Shape("always_in", "tracked", keys)
    bow = {frame: (3.0 * (frame - 1001), 40 * math.sin((frame - 1001) * math.pi / 10)) for frame in range(1001, 1012)}
    for frame in range(1002, 1012):
        shape = shape.with_carried(1001, frame, SQUARE.moved(bow[frame][0], bow[frame][1] + 0.5 * (frame - 1001)))
    one_sided = shape.at(1006)
    assert one_sided is not None and one_sided.vertices[0].y == pytest.approx(10 + 40, abs=0.1), "drift is taken out"
    for frame in range(1001, 1011):
        shape = shape.with_carried(1011, frame, SQUARE.moved(bow[frame][0], bow[frame][1] - 0.5 * (1011 - frame)))
    middle = shape.at(1006)
    assert middle is not None and middle.vertices[0].y == pytest.approx(10 + 40, abs=0.1)
    assert shape.at(1001) == SQUARE and shape.at(1011) == keys[1011]
    assert shape.to_carry(1001, 1020) == tuple((1011, frame) for frame in range(1012, 1021))


def test_what_was_tracked_from_a_key_goes_when_the_key_is_drawn_anew() -> None:
    shape = Shape("object", "tracked", {1001: SQUARE}).with_carried(1001, 1002, SQUARE.moved(1, 0))
    changed = shape.with_key(1001, SQUARE.moved(0, 3))
    assert changed.carried == {} and (1001, 1002) in changed.to_carry(1001, 1003)
    assert shape.with_carried(1001, 1003, Outline.of_points([(0, 0), (1, 1), (2, 0)])) is shape


def test_points_are_inserted_and_deleted_on_every_key_and_the_curve_stays() -> None:
    round_ = Outline(
        (Vertex(0, 0).smoothed((10, 0)), Vertex(40, 0).smoothed((0, 12)), Vertex(20, 40).smoothed((-9, 3)))
    )
    shape = Shape("object", "tracked", {1001: round_, 1009: round_.moved(7, 0)}).with_carried(1001, 1002, round_)
    more = shape.with_vertex_inserted(1, 0.3)
    assert {len(o.vertices) for o in (*more.keys.values(), *more.carried.values())} == {4}
    for point in more.keys[1001].flattened():
        assert round_.nearest(point)[2] < 0.05
    less = more.without_vertex(2)
    assert less is not None and [v.point for v in less.keys[1009].vertices] == [
        v.point for v in shape.keys[1009].vertices
    ]
    assert less.without_vertex(0) is None


def test_the_nearest_place_on_a_curve_is_where_a_vertex_would_go() -> None:
    segment, share, distance = SQUARE.nearest((30, 12))
    assert (segment, distance) == (0, 2.0) and share == pytest.approx(0.5)
    inserted = SQUARE.with_inserted(segment, share)
    assert inserted.vertices[1].point == (30, 10) and inserted.vertices[1].is_corner


def test_a_shape_changes_how_far_it_reaches_as_it_is_on_the_frame() -> None:
    shape = Shape("keep_out", "tracked", {1001: SQUARE, 1011: SQUARE.moved(20, 0)})
    document = edits.with_reach(edits.with_shape(BLANK, shape), 0, "all", 1006)
    assert document.shapes[0].at(1001) == SQUARE.moved(10, 0)
    assert edits.with_shape_changed(document, 0, None).shapes == ()


# --- what makes the final matte ---------------------------------------------------------------------------------------


def test_a_recipe_holds_what_counts_on_its_frame_and_the_key_the_object_alone() -> None:
    document = edits.with_brush(tracked_shot(1001), 1005, PAINT)
    document = edits.with_shape(document, Shape("keep_out", "frame", {1005: SQUARE}, feather=2))
    document = edits.with_shape(document, Shape("object", "tracked", {1005: SQUARE}))
    document = edits.with_shadow(news.cast(document, {1005: "shade"}), is_added=True)
    recipe = recipe_of(document, 1005)
    assert (recipe.solved, recipe.shadow, recipe.brush) == ("tracked 1005", "shade", (PAINT,))
    assert [(g.is_in, g.feather) for g in recipe.garbage] == [(False, 2)]
    assert recipe_of(document, 1006).garbage == ()
    key = key_recipe_of(document, 1005)
    assert key.solved == "tracked 1005" and key.brush == (PAINT,) and not key.shadow and not key.garbage
    assert hash(recipe) == hash(recipe_of(document, 1005))


def test_a_shadow_looked_for_otherwise_is_looked_for_anew() -> None:
    document = edits.with_shadow(news.cast(BLANK, {1005: "shade"}), is_added=True)
    assert document.shadow.mattes == {1005: "shade"}
    assert edits.with_shadow(document, threshold=0.2).shadow.mattes == {}


def test_opening_a_sequence_keeps_paint_and_garbage_and_drops_marks() -> None:
    document = edits.with_brush(edits.with_box(BLANK, 1004, BOX), 1004, PAINT)
    document = edits.with_shape(document, Shape("keep_out", "all", {1004: SQUARE}))
    opened = edits.opened_from(document, "roto", {1004: "given", 5: "beyond"})
    assert opened.edits == {1004: FrameEdits(brush=(PAINT,))} and len(opened.shapes) == 1
    assert opened.solved == {1004: Solved("given", "imported")} and opened.start == "roto"
