"""The node and the real daemon, as a workstation has them: nothing runs, an artist looks at a frame, and it is removed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from node_fixtures import sentence

from propainter_host.host import Host
from propainter_host.images import NumpyClip

FRAMES, HEIGHT, WIDTH, PAN = 12, 96, 144, 3
BOX = (slice(40, 60), slice(60, 80))


def panned_background() -> np.ndarray:
    """(t, h, w, 3): a soft texture that moves to the left."""
    noise = np.random.default_rng(5).random((HEIGHT, WIDTH + PAN * FRAMES, 3))
    texture = cv2.GaussianBlur(noise, (0, 0), 3)
    texture = (texture - texture.min()) / (texture.max() - texture.min())
    frames = [texture[:, PAN * index : PAN * index + WIDTH] for index in range(FRAMES)]
    return np.stack(frames).astype(np.float32)


def test_an_artist_who_connects_a_matte_sees_the_background_behind_the_object(
    node_bundle: Path, runtime: Path, started_daemons: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = shutil.which("propainter-backend", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("propainter-backend is not installed beside this Python")
    monkeypatch.setenv("PROPAINTER_BACKEND", program)
    monkeypatch.setenv("XDG_CACHE_HOME", str(runtime / "cache"))
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")

    background = panned_background()
    plate = np.ones((FRAMES, HEIGHT, WIDTH, 4), np.float32)
    plate[..., :3] = background
    plate[(slice(None), *BOX, slice(3))] = 1.0
    matte = np.zeros((FRAMES, HEIGHT, WIDTH), np.float32)
    matte[(slice(None), *BOX)] = 1

    with Host("nuke") as host:
        effect = host.load(node_bundle).create(clips={"Source": NumpyClip(plate), "Mask": NumpyClip(matte)})
        effect.set_param("engine", "Classical")
        effect.set_param("input_colour", "Raw")
        for _ in range(2):
            rendered = effect.render(6)
            assert rendered.outcome == "done", sentence(rendered)
            picture = rendered.pixels
            assert picture is not None
            far = np.ones((HEIGHT, WIDTH), bool)
            far[40 - 4 : 60 + 4, 60 - 4 : 80 + 4] = False  # the matte grows by four pixels
            np.testing.assert_array_equal(picture[far], plate[5][far])
            np.testing.assert_allclose(picture[(*BOX, slice(3))], background[5][BOX], atol=0.01)
