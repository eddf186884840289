"""What an artist sees while a render takes long and after it: the host's progress display, and the status line."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_daemon import Behaviour, FakeDaemon
from node_fixtures import make_shot, node_effect, sentence, when

from propainter_host import Host
from propainter_host.profiles import FUSION, NATRON, NUKE, RESOLVE, Profile


@pytest.mark.parametrize("suites", [(1, 2), (2,), (1,), ()])
def test_a_long_render_opens_the_hosts_display_and_closes_it(
    node_bundle: Path, runtime: Path, suites: tuple[int, ...]
) -> None:
    shot, may_finish = make_shot(), threading.Event()
    with (
        FakeDaemon(runtime, Behaviour(may_finish=may_finish)) as daemon,
        Host(replace(NATRON, progress_suites=suites)) as host,
    ):
        when(lambda: 0.5 in host.progress or (not suites and daemon.seen["render"]), may_finish)
        rendered = node_effect(host, node_bundle, shot).render(5)
        np.testing.assert_array_equal(rendered.pixels, shot.expected(5))
        if suites:
            assert host.progress[0] == 0.0
            assert set(host.progress[1:-1]) == {0.5}  # the fake daemon has done one step of two
            assert host.progress[-1] is None
        else:
            assert not host.progress


def test_analysis_and_render_are_parts_of_one_bar(node_bundle: Path, runtime: Path) -> None:
    """The analysis alone took the display to its end, where it stood through the whole render."""
    analysed, may_finish = threading.Event(), threading.Event()
    behaviour = Behaviour(may_have_analysed=analysed, may_finish=may_finish)
    with FakeDaemon(runtime, behaviour) as daemon, Host("natron") as host:
        effect = node_effect(host, node_bundle, make_shot())
        effect.push_button("analyse")
        when(lambda: 0.2 in host.progress, analysed)  # half of the analysis
        when(lambda: 0.7 in host.progress, may_finish)
        assert effect.render(5).outcome == "done"
        assert daemon.seen["analyse"] == daemon.seen["render"] == 1
        told = [share for share in host.progress if share is not None]
        assert told == sorted(told) and set(told) == {0.0, 0.2, 0.7}, "half of the render, behind all of the analysis"


def test_a_short_render_opens_no_display(node_bundle: Path, daemon: FakeDaemon) -> None:
    with Host("natron") as host:
        assert node_effect(host, node_bundle, make_shot()).render(5).outcome == "done"
        assert not host.progress


def test_a_cancel_in_the_display_stops_node_and_daemon_and_closes_it(node_bundle: Path, runtime: Path) -> None:
    abort = threading.Event()
    with FakeDaemon(runtime, Behaviour(never_done=True)) as daemon, Host("natron") as host:
        when(lambda: 0.5 in host.progress, abort)
        assert node_effect(host, node_bundle, make_shot()).render(5, abort=abort).outcome == "aborted"
        daemon.wait_until_idle()
        assert host.progress[-1] is None


def test_an_error_closes_the_display(node_bundle: Path, runtime: Path) -> None:
    may_finish = threading.Event()
    with FakeDaemon(runtime, Behaviour(may_finish=may_finish, lie="digest")), Host("natron") as host:
        when(lambda: 0.5 in host.progress, may_finish)
        rendered = node_effect(host, node_bundle, make_shot()).render(5)
        assert rendered.outcome == "failed"
        assert "damaged" in sentence(rendered)
        assert host.progress[-1] is None


@pytest.mark.parametrize(
    ("profile", "says_it"),
    [(RESOLVE, True), (NUKE, False), (NATRON, False), (FUSION, False)],
    ids=["resolve", "nuke", "natron", "fusion"],
)
def test_the_status_line_tells_of_the_work_where_a_render_may_write_it(
    node_bundle: Path, runtime: Path, profile: Profile, says_it: bool
) -> None:
    """Elsewhere the strict host would hold it against the node."""
    may_finish, seen = threading.Event(), []
    with FakeDaemon(runtime, Behaviour(may_finish=may_finish)), Host(profile) as host:
        effect = node_effect(host, node_bundle, make_shot())

        def has_begun() -> bool:
            if 0.5 in host.progress:
                seen.append(effect.get_param("status"))
            return bool(seen)

        when(has_begun, may_finish)
        assert effect.render(5).outcome == "done"
        assert ("working: painting, 50 %" in seen) == says_it
        assert effect.get_param("status") == "not analysed"  # as before


def test_the_status_says_when_the_frame_shown_lies_outside_the_range_and_takes_it_back(
    node_bundle: Path, daemon: FakeDaemon
) -> None:
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, make_shot())
        effect.go_to(5)
        effect.set_param("range_first", 7)
        effect.set_param("range_last", 9)
        effect.set_param("frame_range", "Custom")
        outside = "frame 5 is outside the custom range (7 to 9): it is the plate, nothing is removed"
        assert effect.get_param("status") == outside
        assert effect.render(5).outcome == "identity"
        effect.go_to(8)
        effect.push_button("update_status")
        assert effect.get_param("status") == "nothing rendered yet"
        effect.go_to(5)
        effect.push_button("update_status")
        assert effect.get_param("status") == outside
        effect.set_param("range_first", 1)
        assert effect.get_param("status") == ""


def test_a_promise_in_the_status_is_taken_back_once_it_is_kept(node_bundle: Path, daemon: FakeDaemon) -> None:
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, make_shot())
        effect.push_button("analyse")
        effect.set_param("grow", 5)
        assert "next render" in effect.get_param("status")
        assert effect.render(5).outcome == "done"
        effect.set_param("grow", 6)
        assert effect.get_param("status") == "the shot is analysed"
        effect.push_button("cancel")
        effect.set_param("grow", 7)
        assert effect.get_param("status") == ""
