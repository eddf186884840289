"""Mattes that a panel has published: kept whole, forgotten when nobody publishes them, never half read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from propainter_backend.daemon.requests.published_mattes import PublishedMattes
from propainter_backend.daemon.work.matte_job import order_of
from propainter_backend.daemon.work.panel_mattes import PanelMattes, empty_matte, refuse_unfit
from propainter_wire.errors import WireError
from propainter_wire.shot import digest_of

SIZE = (6, 4)


def matte(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (4, 6, 1)).astype(np.uint8)


def publish(kept: PublishedMattes, name: str, *seeds: int) -> dict[int, str]:
    mattes = {1001 + i: digest_of(matte(seed)) for i, seed in enumerate(seeds)}
    for seed in seeds:
        kept.keep(digest_of(matte(seed)), matte(seed))
    kept.keep(digest_of(empty_matte(SIZE)), empty_matte(SIZE))
    kept.let_go([*mattes.values(), digest_of(empty_matte(SIZE))])
    kept.put(name, PanelMattes(1001, 1010, SIZE, mattes))
    return mattes


def test_what_is_published_is_read_again_by_the_next_backend_to_the_bit(tmp_path):
    told = publish(PublishedMattes(tmp_path), "été", 1, 2)
    again = PublishedMattes(tmp_path)
    found = again.of("été")
    assert found == PanelMattes(1001, 1010, SIZE, told)
    np.testing.assert_array_equal(again.get(told[1002]), matte(2))
    assert not again.get(found.matte_of(1005)).any()
    assert (found.matte_of(1000), found.matte_of(1011)) == (None, None)


def test_mattes_that_nobody_publishes_any_more_are_deleted_and_shared_ones_stay(tmp_path):
    kept = PublishedMattes(tmp_path)
    first = publish(kept, "a", 1, 2)
    publish(kept, "b", 2, 3)
    kept.put("a", None)
    assert not kept.has(first[1001]) and kept.has(first[1002])
    kept.put("b", None)
    assert [path.name for path in tmp_path.iterdir()] == ["index.json"]


def test_what_is_on_its_way_stays_whatever_else_is_put_and_goes_when_it_is_let_go_unpublished(tmp_path):
    kept = PublishedMattes(tmp_path)
    coming = digest_of(matte(1))
    for _ in range(2):  # two publications have it on their way
        kept.keep(coming, matte(1))
    publish(kept, "a", 2)
    assert kept.has(coming)
    kept.let_go([coming])
    publish(kept, "b", 3)
    assert kept.has(coming)
    kept.let_go([coming])
    publish(kept, "c", 3)
    assert not kept.has(coming) and not (tmp_path / f"{coming}.npz").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-30]),
        lambda path: path.write_bytes(b""),
        lambda path: np.savez_compressed(path, pixels=matte(9)),
        lambda path: np.savez_compressed(path, other=matte(1)),
        lambda path: path.unlink(),
    ],
    ids=["cut short", "empty", "another matte", "no pixels", "gone"],
)
def test_a_damaged_matte_is_no_matte(tmp_path, spoil, caplog):
    told = publish(PublishedMattes(tmp_path), "a", 1)
    again = PublishedMattes(tmp_path)
    spoil(tmp_path / f"{told[1001]}.npz")
    assert again.get(told[1001]) is None
    assert "publish it again" in caplog.text
    assert not again.has(told[1001])


@pytest.mark.parametrize("text", ["", "[]", '{"a": 7}', '{"a": {"first": 1}}', json.dumps({"a": {
    "first": 5, "last": 1, "size": [6, 4], "mattes": {}}}), json.dumps({"a": {
    "first": 1, "last": 5, "size": [6, 4], "mattes": {"1": "../../x"}}})])  # fmt: skip
def test_an_index_that_cannot_be_read_is_said_and_publishes_nothing(tmp_path, text, caplog):
    (tmp_path / "index.json").write_text(text)
    kept = PublishedMattes(tmp_path)
    assert kept.of("a") is None
    assert "no mattes are published until somebody does again" in caplog.text
    publish(kept, "a", 1)
    assert PublishedMattes(tmp_path).of("a") is not None


@pytest.mark.parametrize(
    ("plate", "frames", "said"),
    [
        ((3, 2), [1001], None),
        ((599, 400), [1001, 1010], None),
        ((6, 3), [1001], "are 6x4 but the plate is 6x3, of another shape"),
        ((6, 4), [999, 1000, 1001, 1012], "are of frames 1001-1010, but frames 999-1000, 1012 are needed"),
    ],
)
def test_mattes_that_do_not_fit_are_refused_with_a_way_out(plate, frames, said):
    mattes = PanelMattes(1001, 1010, SIZE, {})
    if said is None:
        refuse_unfit("a", mattes, plate, frames)
        return
    with pytest.raises(WireError, match="publish") as caught:
        refuse_unfit("a", mattes, plate, frames)
    assert said in caught.value.message


def test_more_of_a_publication_widens_it_and_another_size_is_refused():
    mattes = PanelMattes(1001, 1003, SIZE, {1001: "a" * 32})
    wider = mattes.with_more(PanelMattes(1004, 1006, SIZE, {1004: "b" * 32}))
    assert (wider.first, wider.last, sorted(wider.mattes)) == (1001, 1006, [1001, 1004])
    with pytest.raises(WireError, match="6x4 mattes are published under this name"):
        mattes.with_more(PanelMattes(1004, 1006, (3, 2), {}))


def test_mattes_come_away_from_their_keys():
    assert order_of([5, 2], range(9)) == [2, 5, 1, 0, 3, 4, 6, 7, 8]
    assert order_of([5], [1, 2]) == [2, 1]
