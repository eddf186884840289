"""A farm task in a session: what its daemon says, and when that will not do."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from propainter.types import Settings
from propainter_backend.errors import RemoveError
from propainter_backend.farm.compute import InSession, hole_pixels
from propainter_backend.removal.removal import Removal, ShotFiles
from propainter_wire.messages import Done, OpenShot

SIZE = (40, 24)


class Daemon:
    """Answers as a client would; keeps what it was asked."""

    def __init__(self, *notes: str) -> None:
        self.notes = list(notes)
        self.opened: list[OpenShot] = []
        self.analysed: list[tuple[int, int]] = []

    def open_shot(self, shot: OpenShot) -> SimpleNamespace:
        self.opened.append(shot)
        return SimpleNamespace(shot="0" * 32, engine="propainter")

    def status(self) -> SimpleNamespace:
        return SimpleNamespace(weights="abc", device="cuda:0 Some GPU")

    def offer_frames(self, *_: object, **__: object) -> int:
        return 0

    def analyse(self, shot: str, first: int, last: int):
        self.analysed.append((first, last))
        yield Done("0" * 32, {"stages": {"flow": {"seconds": 1.0, "computed": 2, "reused": 1}}, "notes": self.notes})


def files(tmp_path: Path, *, clean: bool = False, **wish: object) -> ShotFiles:
    for kind in ("plate", "matte", "clean"):
        (tmp_path / kind).mkdir()
    matte = np.zeros(SIZE[::-1], np.uint8)
    matte[10:12, 20:23] = 255
    for number in range(1001, 1006):
        cv2.imwrite(str(tmp_path / "plate" / f"p.{number}.png"), np.full((*SIZE[::-1], 3), 99, np.uint8))
        cv2.imwrite(str(tmp_path / "matte" / f"m.{number}.png"), matte)
    with_alpha = np.full((*SIZE[::-1], 4), 255, np.uint8)
    with_alpha[:, :21, 3] = 0
    for number in (1002, 1003):  # one alone would be a still, for every frame
        cv2.imwrite(str(tmp_path / "clean" / f"c.{number}.png"), with_alpha)
    kinds = {"clean": str(tmp_path / "clean" / "c.####.png")} if clean else {}
    settings = wish.pop("settings", Settings(grow=1))
    return ShotFiles(
        Removal(str(tmp_path / "plate"), str(tmp_path / "matte"), str(tmp_path / "out"), settings, **kinds, **wish)  # type: ignore[arg-type]
    )


def test_runs_of_pairs_are_asked_for_and_their_cost_added_up(tmp_path: Path):
    daemon = Daemon()
    compute = InSession(daemon, files(tmp_path), engine="auto", precision="fp32")  # type: ignore[arg-type]
    compute.units("flow", [0, 1, 3], lambda *_: None)
    assert daemon.analysed == [(1001, 1003), (1004, 1005)]
    assert compute.stages() == {"flow": {"seconds": 2.0, "computed": 4, "reused": 2}}
    assert (compute.engine, compute.weights, compute.device) == ("propainter", "abc", "cuda:0 Some GPU")


def test_a_daemon_that_stepped_down_fails_the_task_instead_of_changing_the_picture(tmp_path: Path):
    daemon = Daemon("memory ran out: going on with chunks of 40 frames")
    compute = InSession(daemon, files(tmp_path), engine="auto", precision="fp32")  # type: ignore[arg-type]
    with pytest.raises(RemoveError, match=r"chunks of 40 frames; that changes the picture.*--chunk-length"):
        compute.units("flow", [0], lambda *_: None)


def test_the_daemon_is_told_of_every_setting(tmp_path: Path):
    daemon = Daemon()
    shot = files(tmp_path, settings=Settings(grow=7, chunk_length=30), working_size=(32, 16))
    InSession(daemon, shot, engine="propainter", precision="fp16")  # type: ignore[arg-type]
    (told,) = daemon.opened
    settings = told.settings
    assert (settings["grow"], settings["chunk_length"], settings["precision"]) == (7, 30, "fp16")
    assert tuple(settings["working_size"]) == (32, 16) and (told.first, told.last, told.dtype) == (1001, 1005, "uint8")


def test_a_hole_is_the_grown_matte_without_what_a_clean_plate_shows(tmp_path: Path):
    shot = files(tmp_path, clean=True)
    assert hole_pixels(shot, 0) == 6 + 10, "2 x 3 pixels and the diamond's ring"
    assert hole_pixels(shot, 1) == 2 + 2 + 2, "columns 19 and 20 alone, where the clean plate is transparent"
