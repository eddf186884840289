"""Digests the node remembers by the host's own names for images: where names can be trusted, and not a moment longer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_daemon import FakeDaemon
from node_fixtures import make_shot, node_effect

from propainter_host import Effect, Host
from propainter_host.images import NumpyClip
from propainter_host.profiles import NATRON, PROFILES


@pytest.mark.parametrize("profile", [name for name in PROFILES if name != "mlt"])
@pytest.mark.parametrize("clip", ["Source", "Mask"])
def test_an_edit_above_the_node_is_noticed_in_every_host(
    node_bundle: Path, daemon: FakeDaemon, profile: str, clip: str
) -> None:
    shot = make_shot()
    with Host(profile) as host:
        effect = node_effect(host, node_bundle, shot)
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))
        changed = replace(shot, plate=shot.plate[::-1].copy()) if clip == "Source" else shot
        changed = replace(changed, matte=np.roll(shot.matte, 1, axis=1)) if clip == "Mask" else changed
        effect.clips[clip].content = NumpyClip(changed.plate if clip == "Source" else changed.matte)
        np.testing.assert_array_equal(effect.render(5).pixels, changed.expected(5))


@pytest.mark.parametrize(
    "touch",
    [lambda effect: effect.set_param("feather", 1), lambda effect: effect.set_clip("CleanPlate", None)],
    ids=["a knob", "an input"],
)
def test_a_name_is_believed_until_anything_on_the_node_changes(
    node_bundle: Path, daemon: FakeDaemon, touch: Callable[[Effect], None]
) -> None:
    """A Natron that names all pixels alike shows what is remembered, and for how long."""
    shot = make_shot()
    moved = replace(shot, matte=np.roll(shot.matte, 1, axis=1))
    with Host(replace(NATRON, identifier="constant")) as host:
        effect = node_effect(host, node_bundle, shot)
        effect.render(5)
        effect.clips["Mask"].content = moved.mask()
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))
        touch(effect)
        np.testing.assert_array_equal(effect.render(5).pixels, moved.expected(5))
