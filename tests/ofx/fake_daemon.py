"""A daemon that speaks the real protocol over a real socket and removes objects by turning them inside out.

Here: ``FakeDaemon``, whose result is the plate inverted where the matte is above the threshold (1 - v), or the clean
plate of that very frame where one holds, so that a test can work out the right answer by itself; and the misbehaviours a
node has to survive. Not here: any network, any cache; the real daemon is ``propainter_backend``. As a program
(``python fake_daemon.py <runtime directory> [dies at] [endpoint]``) it can be killed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from propainter_wire import messages as m
from propainter_wire.connection import DaemonPlace, new_key, write_connection
from propainter_wire.errors import WireError
from propainter_wire.framing import new_id
from propainter_wire.router import Facts, Request, Router
from propainter_wire.shot import Pixels, bytes_of, digest_of, runs_of

TOP = {"uint8": 255, "uint16": 65535}


def inverted(plate: Pixels) -> Pixels:
    """What the fake daemon fills a hole with: 1 - v, in the plate's own depth."""
    if plate.dtype.kind == "u":
        return np.array(np.iinfo(plate.dtype).max - plate, plate.dtype)
    return np.array(1 - plate, plate.dtype)


def is_hole(matte: Pixels, threshold: float) -> Pixels:
    """(h, w) of bool."""
    scale = np.float32(TOP.get(str(matte.dtype), 1))
    return np.array(matte[..., 0].astype(np.float32) / scale > np.float32(threshold))


def holds(clean: Pixels) -> Pixels:
    """(h, w) of bool: where a clean plate counts."""
    if clean.shape[2] == 3:
        return np.ones(clean.shape[:2], bool)
    return np.array(clean[..., 3].astype(np.float32) / np.float32(TOP.get(str(clean.dtype), 1)) > 0.5)


@dataclass
class Behaviour:
    """How this daemon is to fail, if at all."""

    reach: int = 3
    """Frames on each side a result depends on."""
    silent: bool = False
    """Takes messages and never answers."""
    silent_after: str = ""
    """Answers until the first message of this type, then never again."""
    never_done: bool = False
    """Reports progress for ever."""
    may_finish: threading.Event | None = None
    """Reports a render's progress until this is set, then finishes."""
    may_have_analysed: threading.Event | None = None
    """The same of an analysis."""
    finishes_all_the_same: bool = False
    """Sends the result of a cancelled job after all, as a daemon does that was just done."""
    refuse_render: WireError | None = None
    dies_at: str = ""
    """Ends the process at the first message of this type."""
    forgets: bool = False
    """Lets go of all content after telling that it needs nothing, once."""
    busy_times: int = 0
    """So many renders are refused as busy first."""
    warnings: tuple[str, ...] = ()
    """What its reports say of the mattes."""
    lie: str = ""
    """What is wrong with its results: ``digest``, ``region``, ``outside``, ``channels``, ``dtype``, ``nothing``."""


@dataclass
class _Shot:
    opened: m.OpenShot
    settings: dict[str, object]
    plates: dict[int, str] = field(default_factory=dict)
    mattes: dict[int, str] = field(default_factory=dict)
    cleans: dict[int, str] = field(default_factory=dict)


class FakeDaemon:
    """Serves one runtime directory on a thread of its own, as a context manager."""

    def __init__(
        self, directory: Path, behaviour: Behaviour | None = None, *, endpoint: str = "", **facts: object
    ) -> None:
        self.directory = directory
        self.behaviour = behaviour or Behaviour()
        self.seen: Counter[str] = Counter()
        """How many messages of each type came."""
        self.puts: list[m.Put] = []
        self.renders: list[m.Render] = []
        self.opened: list[m.OpenShot] = []
        self.clients: set[str] = set()
        self.hung_up = 0
        """How many sessions it has ended."""
        self.content: dict[str, Pixels] = {}
        self.published: dict[str, dict[str, object]] = {}
        """What a panel has published, by name."""
        self._endpoint = endpoint
        self._facts = Facts(server="fake", engine="classical", device="cpu", licence="none at all", **facts)  # type: ignore[arg-type]
        self._shots: dict[str, _Shot] = {}
        self._running: dict[str, Request] = {}
        self._is_leaving = threading.Event()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> FakeDaemon:
        self._thread.start()
        assert self._is_up.wait(30), "the fake daemon did not come up"
        return self

    def __exit__(self, *_: object) -> None:
        self._is_leaving.set()
        self._thread.join(30)

    def wait_for(self, message_type: str, count: int = 1) -> None:
        """Until so many of these have come."""
        self.wait_until(lambda: self.seen[message_type] >= count, f"no {message_type} came")

    def forget_shots(self) -> None:
        """As a daemon does that ended the session for its silence."""
        self._shots.clear()

    def wait_until_idle(self) -> None:
        """Until no render is worked on any more: cancelled, or its client gone."""
        self.wait_until(lambda: not self._running, "a render is still worked on")

    def wait_until(self, is_so: Callable[[], object], otherwise: str) -> None:
        """Until something is so; fails with these words where it does not come to pass."""
        for _ in range(6000):
            if is_so():
                return
            time.sleep(0.01)
        raise AssertionError(f"{otherwise}; so far came {dict(self.seen)}")

    def _serve(self) -> None:
        key = new_key()
        with DaemonPlace(self.directory) as place, Router(key, self._facts) as router:
            endpoint = router.bind(self._endpoint or place.endpoint)
            place.publish(endpoint, key)
            self._is_up.set()
            while not self._is_leaving.is_set():
                self._keep_working(router)
                for event in router.poll(0.02):
                    if isinstance(event, Request):
                        self._handle(router, event)
                    else:
                        self._forget_jobs_of(event.session)

    def _forget_jobs_of(self, session: str) -> None:
        self.hung_up += 1
        self._running = {job: request for job, request in self._running.items() if request.session != session}

    def _handle(self, router: Router, request: Request) -> None:
        message, behaviour = request.message, self.behaviour
        self.clients.add(request.client)
        self.seen[message.type] += 1
        if behaviour.dies_at == message.type:
            os._exit(7)
        if behaviour.silent or (behaviour.silent_after and self.seen[behaviour.silent_after]):
            return
        try:
            self._answer(router, request)
        except WireError as error:
            router.reply_error(request, error)

    def _answer(self, router: Router, request: Request) -> None:
        message = request.message
        if getattr(message, "shot", None) not in {None, *self._shots}:
            raise WireError("unknown_shot", "there is no such shot in this session; open it again")
        match message:
            case m.OpenShot():
                self.opened.append(message)
                shot = new_id()
                self._shots[shot] = _Shot(message, dict(message.settings))
                router.reply(request, self._opened(shot))
            case m.ChangeSettings():
                self._shots[message.shot].settings.update(message.settings)
                router.reply(request, self._opened(message.shot))
            case m.CloseShot():
                self._shots.pop(message.shot)
                router.reply(request, m.ShotClosed(message.shot))
            case m.Reach():
                runs = runs_of(self._reached(message.shot, message.frames))
                router.reply(request, m.ReachIs(plates=runs, mattes=runs))
            case m.Have():
                router.reply(request, self._need(message))
            case m.Put():
                assert request.pixels is not None
                self.puts.append(message)
                self.content[digest_of(request.pixels)] = np.array(request.pixels)
                router.reply(request, m.Stored(message.digest))
            case m.Render():
                self._render(router, request, message)
            case m.Analyse():
                self._analyse(router, request, message)
            case m.Cancel():
                running = self._running.pop(message.job, None)
                if running is not None and self.behaviour.finishes_all_the_same:
                    self._finish(router, running, message.job)
                router.reply(request, m.Cancelled(message.job, was_running=running is not None))
            case m.CacheQuery():
                opened = self._shots[message.shot].opened
                stages = (m.StageRuns("flow", ((opened.first, opened.last - 1, "cached"),)),)
                router.reply(request, m.CacheStateIs(message.shot, stages))
            case m.Cache():
                router.reply(request, m.CacheIs(entries=(), freed_bytes=3_000_000))

    def _opened(self, shot: str) -> m.ShotOpened:
        opened, settings = self._shots[shot].opened, self._settings(self._shots[shot])
        every = replace(m.ShotSettings(), **settings)  # type: ignore[arg-type]
        return m.ShotOpened(shot, every, "classical", every.working_size or (opened.width, opened.height))

    def _reached(self, shot: str, frames: tuple[int, ...]) -> set[int]:
        opened, reach = self._shots[shot].opened, self.behaviour.reach
        near = {frame + step for frame in frames for step in range(-reach, reach + 1)}
        return {frame for frame in near if opened.first <= frame <= opened.last}

    def _need(self, have: m.Have) -> m.Need:
        shot = self._shots[have.shot]
        for frame in have.frames:
            shot.plates.update({frame.frame: frame.plate} if frame.plate else {})
            shot.mattes.update({frame.frame: frame.matte} if frame.matte else {})
            shot.cleans.update({frame.frame: frame.clean} if frame.clean else {})
        need = m.Need(
            plates=tuple(f.frame for f in have.frames if f.plate and f.plate not in self.content),
            mattes=tuple(f.frame for f in have.frames if f.matte and f.matte not in self.content),
            cleans=tuple(f.frame for f in have.frames if f.clean not in {None, m.NO_CLEAN_PLATE, *self.content}),
        )
        if self.behaviour.forgets and not need.plates and not need.mattes and not need.cleans:
            self.behaviour.forgets = False
            self.content.clear()
        return need

    def _require_content(self, shot: str, frames: set[int]) -> None:
        told = self._shots[shot]
        missing = [
            frame
            for frame in frames
            if told.plates.get(frame) not in self.content or told.mattes.get(frame) not in self.content
        ]
        if missing:
            raise WireError("frames_missing", f"frames {runs_of(missing)} are not here; have and put them first")

    def _render(self, router: Router, request: Request, render: m.Render) -> None:
        self.renders.append(render)
        if self.behaviour.refuse_render:
            raise self.behaviour.refuse_render
        if self.behaviour.busy_times:
            self.behaviour.busy_times -= 1
            raise WireError("busy", "too many jobs at once; try again later")
        self._require_content(render.shot, self._reached(render.shot, render.frames))
        job = new_id()
        router.reply(request, m.Accepted(job))
        router.reply(request, m.Progress(job, "painting", 1, 2))
        if self.behaviour.never_done or self.behaviour.may_finish:
            self._running[job] = request
            return
        self._finish(router, request, job)

    def _finish(self, router: Router, request: Request, job: str) -> None:
        render = request.message
        assert isinstance(render, m.Render)
        for frame in render.frames:
            pixels, region = self._picture(render, frame)
            if self.behaviour.lie:
                self._reply_lying(router, request, job, pixels, region)
                continue
            router.reply_result(request, pixels, job=job, frame=frame, quality=render.quality, region=region)
        router.reply(request, m.Done(job, {"warnings": list(self.behaviour.warnings)}))

    def _reply_lying(
        self, router: Router, request: Request, job: str, pixels: Pixels, region: tuple[int, int, int, int]
    ) -> None:
        render = request.message
        assert isinstance(render, m.Render)
        x, y, width, height = region
        digest, wrong = None, (x, y, width + 1, height)
        match self.behaviour.lie:
            case "nothing":
                return
            case "digest":
                digest = "0" * 32
            case "outside":
                wrong = (x + 9, y - 9, width, height)
            case "channels":
                pixels = np.repeat(pixels[..., :1], 4, axis=2)
            case "dtype":
                pixels = pixels.astype(np.float16)
        shape = (pixels.shape[0], pixels.shape[1], pixels.shape[2])
        buffer = m.Buffer(str(pixels.dtype), shape, m.Inline(0))  # type: ignore[arg-type]
        result = m.Result(job, render.frames[0], render.quality, False, region, digest or digest_of(pixels), buffer)
        if self.behaviour.lie in ("region", "outside"):
            object.__setattr__(result, "region", wrong)  # the message itself refuses to be made so
        session = router._sessions.find(request.session)
        assert session is not None
        router._replies.send(session, request.msg_id, result, buffers=(bytes_of(np.ascontiguousarray(pixels)),))

    def _analyse(self, router: Router, request: Request, analyse: m.Analyse) -> None:
        shot = self._shots[analyse.shot]
        missing = [f for f in range(analyse.first, analyse.last + 1) if shot.plates.get(f) not in self.content]
        if missing:
            raise WireError("frames_missing", f"plates {runs_of(missing)} are not here; have and put them first")
        job = new_id()
        router.reply(request, m.Accepted(job))
        if self.behaviour.may_have_analysed:
            self._running[job] = request
            return
        router.reply(request, m.Done(job, {}))

    def _picture(self, render: m.Render, frame: int) -> tuple[Pixels, tuple[int, int, int, int]]:
        shot = self._shots[render.shot]
        plate = self.content[shot.plates[frame]]
        hole = is_hole(self.content[shot.mattes[frame]], float(self._settings(shot).get("threshold", 0.0)))  # type: ignore[arg-type]
        picture = self._output(render.output, plate, hole, self._fill(shot, frame, plate))
        if render.dtype and picture.dtype != render.dtype:
            picture = picture.astype(render.dtype)
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        if not render.crop or not rows.size:
            return picture, (0, 0, plate.shape[1], plate.shape[0])
        (y1, y2), (x1, x2) = (rows[0], rows[-1] + 1), (columns[0], columns[-1] + 1)
        return np.ascontiguousarray(picture[y1:y2, x1:x2]), (int(x1), int(y1), int(x2 - x1), int(y2 - y1))

    def _fill(self, shot: _Shot, frame: int, plate: Pixels) -> Pixels:
        clean = shot.cleans.get(frame, m.NO_CLEAN_PLATE)
        if clean == m.NO_CLEAN_PLATE:
            return inverted(plate)
        painted = self.content[clean]
        return np.where(holds(painted)[..., None], painted[..., :3], inverted(plate))

    def _settings(self, shot: _Shot) -> dict[str, object]:
        followed = self.published.get(shot.opened.name, {}) if shot.opened.follow else {}
        return {**shot.settings, **followed}

    @staticmethod
    def _output(kind: str, plate: Pixels, hole: Pixels, fill: Pixels) -> Pixels:
        top, zero = TOP.get(str(plate.dtype), 1), np.zeros_like(plate)
        result = np.where(hole[..., None], fill, plate)
        coverage = (hole * top).astype(plate.dtype)[..., None]
        match kind:
            case "fill" | "grain_free":
                return np.concatenate([np.where(hole[..., None], result, zero), coverage], axis=2)
            case "difference":
                scale = np.float32(top)
                return (result.astype(np.float32) / scale - plate.astype(np.float32) / scale).astype(np.float32)
            case "flow":
                return np.array(np.stack([2 * hole, -3 * hole], axis=2), np.float32)
            case "hole" | "unseen":
                return coverage
            case _:
                return result

    def _keep_working(self, router: Router) -> None:
        for job, request in list(self._running.items()):
            is_render = isinstance(request.message, m.Render)
            may_finish = self.behaviour.may_finish if is_render else self.behaviour.may_have_analysed
            if not may_finish or not may_finish.is_set():
                router.reply(request, m.Progress(job, "painting" if is_render else "flow", 1, 2), droppable=True)
                continue
            del self._running[job]
            if is_render:
                self._finish(router, request, job)
            else:
                router.reply(request, m.Done(job, {}))


def publish_stale_connection(directory: Path, *, version: str = "1.0", endpoint: str = "") -> None:
    """A connection file of a daemon that is not there."""
    place = DaemonPlace(directory)
    with place:
        connection = place.publish(endpoint or place.endpoint, new_key())
    write_connection(place.connection_file, replace(connection, version=version))


if __name__ == "__main__":
    directory, dies_at, endpoint = [*sys.argv[1:], "", ""][:3]
    with FakeDaemon(Path(directory), Behaviour(dies_at=dies_at), endpoint=endpoint):
        threading.Event().wait()
