"""A daemon that sends more than it was asked for, and never stops: the node neither hangs nor fills its memory."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from fake_daemon import Behaviour, FakeDaemon
from flooding_proxy import NOISE, FloodingProxy
from node_fixtures import make_shot, node_effect, sentence

from propainter_host import Host


@pytest.mark.parametrize("noise", NOISE)
def test_a_conversation_that_was_flooded_while_idle_is_left_for_a_new_one(
    node_bundle: Path, daemon: FakeDaemon, noise: str
) -> None:
    shot = make_shot()
    with FloodingProxy(daemon.directory, noise) as proxy, Host("natron") as host:
        effect = node_effect(host, node_bundle, shot)
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))
        proxy.starts.set()
        assert proxy.has_begun.wait(60)
        rendered = effect.render(6)
        assert rendered.outcome == "done", sentence(rendered)
        np.testing.assert_array_equal(rendered.pixels, shot.expected(6))
        assert proxy.was_hung_up_on.wait(60)


@pytest.mark.parametrize("noise", ["messages", "pings"])
def test_noise_is_no_sign_of_life(node_bundle: Path, runtime: Path, noise: str) -> None:
    with FakeDaemon(runtime, Behaviour(silent_after="render")) as daemon:
        with FloodingProxy(runtime, noise) as proxy, Host("natron") as host:
            effect = node_effect(host, node_bundle, make_shot())
            effect.set_param("timeout", 2)
            threading.Thread(target=lambda: (daemon.wait_for("render"), proxy.starts.set()), daemon=True).start()
            rendered = effect.render(5)
        assert rendered.outcome == "failed"
        assert "not answered for 2 s" in sentence(rendered)
        assert proxy.was_hung_up_on.wait(60)


def test_an_abort_is_heard_in_the_middle_of_a_flood(node_bundle: Path, runtime: Path) -> None:
    abort = threading.Event()
    with (
        FakeDaemon(runtime, Behaviour(never_done=True)) as daemon,
        FloodingProxy(runtime, "messages") as proxy,
        Host("natron") as host,
    ):

        def flood_and_abort() -> None:
            daemon.wait_for("render")
            proxy.starts.set()
            abort.set()

        threading.Thread(target=flood_and_abort, daemon=True).start()
        assert node_effect(host, node_bundle, make_shot()).render(5, abort=abort).outcome == "aborted"
