"""The worker: one process, one device; computes one frame of one job at a time and can stop between any two units.

Here: the loop that carries out what the daemon asks (``Start``, ``stop``, questions about plans and caches), engines kept
loaded, stepping down when memory runs out. Not here: what to do next (``scheduler.py``), sockets and clients
(``daemon.py``), the walk of a frame (``shot_renderer.py``).

Three threads: the main one computes; one reads the pipe, so that a stop is heard at once and a vanished daemon ends the
process; one answers questions, which must not wait for a long computation.
"""

from __future__ import annotations

import itertools
import logging
import os
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from multiprocessing.connection import Connection
from typing import Any

import cv2
import numpy as np
import torch

from propainter.engine import Engine
from propainter.kept import Kept
from propainter.types import Precision, Settings
from propainter.weights import WeightsError
from propainter_backend.errors import RemoveError
from propainter_backend.render.content import ContentStore
from propainter_backend.render.crop import CroppedRenderer, Renderer, StretchPlan, make_renderer, picture_from
from propainter_backend.render.drafts import draft_settings, draft_size
from propainter_backend.render.engines import choose_engine
from propainter_backend.render.memory_plan import footprint_of, free_memory, plan_memory, smaller_chunk
from propainter_backend.render.outputs import converted, cropped, region_of
from propainter_backend.render.progress import TimeLeft
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import Progress, RenderCounts, Shot
from propainter_backend.render.stage_graph import ShotPlan
from propainter_backend.worker.pipe import Note, receive, send
from propainter_backend.worker.worker_entry import SHOTS_REMEMBERED, WorkerOptions
from propainter_pictures.color import WorkingSpace
from propainter_pictures.images import Frame, as_float
from propainter_wire.shot import runs_of

log = logging.getLogger(__name__)

_KEPT_RENDERERS = 6
_KEPT_FRAMES = 3
_SPARE_SPECS = 8
_SMALLEST_DRAFT = 0.2
_CONTENT_TIMEOUT_S = 30.0
_ANALYSED_WHOLE = (
    "the flow of whole frames is ready; renders cropped to the matte, and drafts, compute their own in the box"
)


class Stopped(Exception):
    """The daemon wants this step no more."""


class ContentGone(Exception):
    """A plate or matte is neither in the cache nor with the daemon; the client has to send it again."""


@dataclass(frozen=True)
class ShotSpec:
    """A shot as the daemon describes it: digests by index, settings as on the wire, quality applied by us."""

    first: int
    size: tuple[int, int]
    channels: int
    plates: tuple[str | None, ...]
    mattes: tuple[str | None, ...]
    cleans: tuple[str | None, ...]
    settings: dict[str, Any]
    quality: str

    @staticmethod
    def from_note(note: Note) -> ShotSpec:
        """Read the daemon's description."""
        return ShotSpec(
            note["first"], tuple(note["size"]), note["channels"], tuple(note["plates"]), tuple(note["mattes"]),
            tuple(note["cleans"]), note["settings"], note["quality"],
        )  # fmt: skip

    @property
    def frame_count(self) -> int:
        """Frames of the shot."""
        return len(self.plates)

    def removal_settings(self, snap: int) -> Settings:
        """The engine's settings. snap: the flow hole's block grid where the shot does not ask for one."""
        s = self.settings
        settings = Settings(**{field.name: s[field.name] for field in fields(Settings)})
        settings = replace(settings, flow_hole_snap=settings.flow_hole_snap or snap)
        if self.quality == "draft":
            return draft_settings(settings, flow_iterations=s["draft_flow_iterations"])
        return replace(settings, flow_stop=0.0) if self.quality == "best" else settings

    def working_size(self) -> tuple[int, int] | None:
        """Width, height of the fill; None: the plate's."""
        asked = self.settings["working_size"]
        if self.quality != "draft":
            return tuple(asked) if asked else None
        return draft_size(asked or self.size, scale=self.settings["draft_scale"])

    def fills_natively(self) -> bool:
        """Whether the fill comes from the plates themselves where the working size is below theirs; a draft's never."""
        return bool(self.settings["native_fill"]) and self.quality != "draft"

    def crop_padding(self) -> int | None:
        """Plate pixels around the box that everything is seen through, 0: automatic; None: the whole plate is seen."""
        asked = self.settings["crop_to_matte"] or self.quality == "draft"
        return self.settings["crop_padding"] if asked else None


class ContentPictures:
    """A shot's pictures, fetched by digest: from the shared store, else from the daemon."""

    def __init__(self, spec: ShotSpec, worker: Worker) -> None:
        self.spec = spec
        self._worker = worker
        self._recent: OrderedDict[str, np.ndarray] = OrderedDict()

    @property
    def frame_count(self) -> int:
        return self.spec.frame_count

    def plate(self, index: int) -> Frame:
        """The plate as the client sent it."""
        pixels = self._pixels(self.plate_digest(index))
        return Frame(pixels, tuple("RGBA"[: self.spec.channels]), number=self.spec.first + index)

    def matte(self, index: int) -> np.ndarray:
        """The matte as shares, [h, w]."""
        pixels = self._pixels(self.matte_digest(index))[..., 0]
        shares: np.ndarray = np.nan_to_num(as_float(pixels))
        return shares.clip(0, 1)

    def plate_digest(self, index: int) -> str:
        """Raises ContentGone where none was ever told."""
        return self._told(self.spec.plates[index], index)

    def matte_digest(self, index: int) -> str:
        """Raises ContentGone where none was ever told."""
        return self._told(self.spec.mattes[index], index)

    def clean(self, index: int) -> Frame | None:
        """The clean plate as the client sent it."""
        digest = self.clean_digest(index)
        if digest is None:
            return None
        pixels = self._pixels(digest)
        return Frame(pixels, tuple("RGBA"[: pixels.shape[2]]), number=self.spec.first + index)

    def clean_digest(self, index: int) -> str | None:
        """None for a frame without one."""
        return self.spec.cleans[index]

    def _told(self, digest: str | None, index: int) -> str:
        if digest is None:
            raise ContentGone(f"frame {self.spec.first + index} was not sent")
        return digest

    def _pixels(self, digest: str) -> np.ndarray:
        pixels = self._recent.get(digest)
        if pixels is None:
            pixels = self._recent[digest] = self._worker.fetch(digest)
            if len(self._recent) > _KEPT_FRAMES:
                self._recent.popitem(last=False)
        return pixels


class PartlyKnownPictures(ContentPictures):
    """The same, for asking what is stored: a frame nobody told of has a digest nothing was ever stored under."""

    def matte(self, index: int) -> np.ndarray:
        """An unknown matte is empty."""
        if self.spec.mattes[index] is None:
            return np.zeros(self.spec.size[::-1], np.float32)
        return super().matte(index)

    def _told(self, digest: str | None, index: int) -> str:
        return f"unknown {index}" if digest is None else digest


@dataclass(frozen=True)
class Finished:
    """A finished frame as it was sent: a host that asks for it again gets it without a composite."""

    pixels: np.ndarray
    """The part of it that was sent."""
    note: Note
    """What was said with it."""

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.pixels.nbytes


@dataclass
class _Bench:
    """A shot laid out for work: its renderer, how far memory made us step down, time estimates."""

    renderer: Renderer
    left: TimeLeft
    aim: object = None
    """What progress is counted towards."""


@dataclass(frozen=True)
class _Lowered:
    """A shot as memory allows it: it may not fit as it was asked for."""

    spec: ShotSpec
    notes: tuple[str, ...] = ()
    flow_pairs: int | None = None
    warning: str | None = None
    """For the log: what does not fit even so."""


class Worker:
    """Serves one daemon over one pipe.

    when_alone: called, from any thread, when the daemon is gone. Its own process ends there and then; whoever drives a
    worker inside another process passes something kinder. engine: used instead of loading what ``auto`` means.
    """

    def __init__(
        self,
        pipe: Connection,
        options: WorkerOptions,
        *,
        when_alone: Callable[[], object] = lambda: os._exit(0),
        engine: Engine | None = None,
    ) -> None:
        self._pipe = pipe
        self._when_alone = when_alone
        self._options = options
        self._sending = threading.Lock()
        self._tasks: queue.SimpleQueue[Note] = queue.SimpleQueue()
        self._questions: queue.SimpleQueue[Note] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._fetches: dict[int, queue.SimpleQueue[np.ndarray | None]] = {}
        self._fetch_count = itertools.count()
        self._engines: dict[tuple[str, str], Engine] = {} if engine is None else {(engine.name, "auto"): engine}
        self._engine_lock = threading.Lock()
        self._specs: OrderedDict[str, ShotSpec] = OrderedDict()
        self._benches: OrderedDict[str, _Bench] = OrderedDict()
        self._lowered: OrderedDict[str, _Lowered] = OrderedDict()
        self._free: dict[torch.device, int] = {}
        self._finished: Kept[Finished] = Kept(options.memory_budget // 8)
        self._content = ContentStore(options.cache_dir / "content", memory_budget=0)
        self._cache = ShotCache(
            options.cache_dir / "artifacts", memory_budget=options.memory_budget, disk_budget=options.cache_budget
        )

    def serve(self) -> None:
        """Work until the daemon is gone. Never returns an error: a mistake ends one step, not the worker."""
        threading.Thread(target=self._read, name="pipe", daemon=True).start()
        self._say_ready()
        threading.Thread(target=self._answer, name="questions", daemon=True).start()
        while True:
            self.carry_out(self._tasks.get())

    def fetch(self, digest: str) -> np.ndarray:
        """Pixels by digest. Raises ContentGone when nobody has them any more."""
        found = self._content.get(digest)
        if found is not None:
            return found
        ticket = next(self._fetch_count)
        answer: queue.SimpleQueue[np.ndarray | None] = queue.SimpleQueue()
        self._fetches[ticket] = answer
        self._say({"op": "need", "digest": digest, "ticket": ticket})
        try:
            pixels = answer.get(timeout=_CONTENT_TIMEOUT_S)
        except queue.Empty:
            pixels = None
        finally:
            del self._fetches[ticket]
        if pixels is None:
            raise ContentGone(f"content {digest} has been evicted")
        return pixels

    # --- the pipe -------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        while True:
            try:
                note, pixels = receive(self._pipe)
            except (EOFError, OSError):
                self._when_alone()
                return
            op = note["op"]
            if op == "stop":
                self._stop.set()
            elif op == "ping":
                self._say({"op": "pong"})
            elif op == "content":
                if (fetch := self._fetches.get(note["ticket"])) is not None:
                    fetch.put(pixels)
            elif op == "shot":
                self._specs[note["key"]] = ShotSpec.from_note(note)
                while len(self._specs) > SHOTS_REMEMBERED + _SPARE_SPECS:
                    self._specs.popitem(last=False)
            elif op == "start":
                # Here, in the order in which they were said: a stop that follows at once must not be forgotten again.
                self._stop.clear()
                self._specs.move_to_end(note["shot"])
                self._tasks.put({**note, "spec": self._specs[note["shot"]]})
            else:
                self._questions.put(note)

    def _say(self, note: Note, pixels: np.ndarray | None = None) -> None:
        with self._sending:
            try:
                send(self._pipe, note, pixels)
            except OSError:
                self._when_alone()

    def _say_ready(self) -> None:
        reason = "engine given"
        try:
            if not self._engines:
                choice = choose_engine("auto", weights=self._options.weights, device=self._options.device)
                self._engines[choice.engine.name, "auto"] = choice.engine
                reason = choice.reason
        except (RemoveError, WeightsError, ValueError) as error:
            self._say({"op": "ready", "problem": str(error), "engine": "classical", "weights": "none", "device": "cpu"})
            return
        engine = next(iter(self._engines.values()))
        device = str(engine.device)
        if engine.device.type == "cuda":
            device += f" {torch.cuda.get_device_name(engine.device)}"
        self._say(
            {
                "op": "ready",
                "engine": engine.name,
                "weights": engine.weights_id,
                "device": device,
                "reason": reason,
            }
        )

    # --- questions ------------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        while True:
            note = self._questions.get()
            self._say({"op": "answer", "id": note["id"], **self.answer(note)})

    def answer(self, note: Note) -> Note:
        """The answer to a question, or a ``problem`` and its wire code."""
        answers = {"plan": self._plan, "cache_state": self._cache_state, "use": self._use, "clear": self._clear}
        try:
            return answers[note["op"]](note)
        except (RemoveError, WeightsError) as error:
            return {"problem": str(error), "code": "engine_unavailable"}
        except Exception as error:
            log.exception("a question could not be answered")
            return {"problem": f"{type(error).__name__}: {error}; the daemon's log has the rest", "code": "internal"}

    def _plan(self, note: Note) -> Note:
        spec = ShotSpec.from_note(note["shot"])
        engine = self._engine(spec)
        settings = spec.removal_settings(self._snap(engine))
        plan = ShotPlan(engine, spec.frame_count, settings)
        width, height = spec.working_size() or spec.size
        if spec.crop_padding() is None:
            reach = [runs_of(plan.plan([index]).frames or (index,)) for index in range(plan.frame_count)]
        else:
            stretches = StretchPlan(spec.frame_count, settings.chunk_length)
            reach = [runs_of(stretches.reach(index)) for index in range(spec.frame_count)]
        return {"engine": engine.name, "working_size": [width, height], "reach": reach}

    def _cache_state(self, note: Note) -> Note:
        spec = self._planned(ShotSpec.from_note(note["shot"])).spec
        renderer = self._make_renderer(PartlyKnownPictures(spec, self))
        try:
            stages = renderer.cached()
        except ContentGone:  # a hole that would have to be made of a matte nobody has any more
            return {"stages": {}}
        return {"stages": {stage: _where_known(spec, stage, stored) for stage, stored in stages.items()}}

    def _use(self, _: Note) -> Note:
        use = self._cache.use()
        gpu = torch.cuda.is_available()
        free, total = torch.cuda.mem_get_info() if gpu else (0, 0)
        return {
            "memory_bytes": use.memory_bytes,
            "disk_bytes": use.disk_bytes,
            "disk_entries": use.disk_entries,
            "device_used_bytes": total - free,
            "device_total_bytes": total,
        }

    def _clear(self, _: Note) -> Note:
        self._finished.clear()
        return {"freed": self._cache.clear()}

    # --- steps ----------------------------------------------------------------------------------------------------

    def carry_out(self, task: Note) -> None:
        """Do a step to whatever end, and say which: done, stopped or failed."""
        while not self._try(task):
            # Not amid the exception: while it is handled, its traceback keeps every tensor of the attempt alive.
            if not self._step_down(task):
                return

    def _try(self, task: Note) -> bool:
        """One attempt; False if memory ran out."""
        try:
            self._step(task)
        except Stopped:
            self._say({"op": "stopped", "work": task["work"]})
        except ContentGone as error:
            self._fail(task, "frames_missing", f"{error}; send it again")
        except (RemoveError, WeightsError) as error:
            self._fail(task, "engine_unavailable", str(error))
        except Exception as error:
            if _is_out_of_memory(error):
                return False
            log.exception("a step failed")
            self._fail(task, "internal", f"{type(error).__name__}: {error}; the daemon's log has the rest")
        return True

    def _step(self, task: Note) -> None:
        lowered = self._lowered_spec(task)
        bench = self._bench(task["shot"], lowered)
        renderer = bench.renderer
        renderer.counts = RenderCounts()
        if task["kind"] == "analyse":
            self._watch(renderer.analyse(task["pairs"]), bench, task)
            notes = [*lowered.notes, *([_ANALYSED_WHOLE] if isinstance(renderer, CroppedRenderer) else [])]
            self._say({"op": "done", "work": task["work"], **_cost_of(renderer), "notes": notes})
            return
        index, provisional = task["frame"], task["provisional"]
        name = (task["shot"], index, task["output"], task["dtype"], task["crop"])
        if (known := self._finished.get(name)) is not None:
            self._say({"op": "done", "work": task["work"], **known.note}, known.pixels)
            return
        if bench.aim != (aim := (task["aim"], provisional)):  # working out what a long aim needs takes a while
            renderer.aim_at(task["aim"], nearest_only=provisional)
            bench.aim = aim
        steps = picture_from(renderer, index, task["output"], provisional=provisional)
        pixels = converted(self._watch(steps, bench, task), task["dtype"])
        region = region_of(renderer.alpha(index)) if task["crop"] else (0, 0, pixels.shape[1], pixels.shape[0])
        hole, unseen = renderer.unseen_pixels(index)
        note = {"hole": hole, "unseen": unseen, "notes": list(lowered.notes), "region": list(region)}
        cost, pixels = _cost_of(renderer), cropped(pixels, region)
        if not provisional:
            self._finished.put(name, Finished(pixels, {**_as_reused(cost), **note}))
        self._say({"op": "done", "work": task["work"], **cost, **note}, pixels)

    def _watch(self, steps: Any, bench: _Bench, task: Note) -> Any:
        """Carry steps through, telling of each; raises Stopped between two of them."""
        while True:
            if self._stop.is_set():
                steps.close()
                raise Stopped
            try:
                step: Progress = next(steps)
            except StopIteration as stop:
                return stop.value
            bench.left.note(step.stage, step.done, step.total)
            self._say(
                {
                    "op": "progress", "work": task["work"], "stage": step.stage, "done": step.done,
                    "total": step.total, "eta": bench.left.seconds(),
                }
            )  # fmt: skip

    def _fail(self, task: Note, code: str, message: str) -> None:
        """No failure of a step passes by itself: none is worth trying again unchanged."""
        self._say({"op": "failed", "work": task["work"], "code": code, "message": message, "retry": False})

    def _lowered_spec(self, task: Note) -> _Lowered:
        lowered = self._lowered.get(task["shot"])
        if lowered is None:
            lowered = self._lowered[task["shot"]] = self._planned(task["spec"])
            self._forget_lowered()
            for said in (*lowered.notes, lowered.warning):
                if said is not None:
                    log.warning("%s", said)
        return lowered

    def _planned(self, spec: ShotSpec) -> _Lowered:
        """The shot as its peak is expected to fit; a cropped one as it is, for only its mattes tell how large it is."""
        engine = self._engine(spec)
        width, height = (-(-side // 8) * 8 for side in spec.working_size() or spec.size)
        footprint = footprint_of(engine, (width, height))
        if footprint is None or spec.crop_padding() is not None:
            return _Lowered(spec)
        if engine.device not in self._free:
            self._free[engine.device] = free_memory(engine.device, artifacts=self._options.memory_budget)
        plan = plan_memory(
            footprint, engine, spec.frame_count, spec.removal_settings(self._snap(engine)), (width, height),
            budget=self._free[engine.device],
        )  # fmt: skip
        changed = {"chunk_length": plan.settings.chunk_length, "ref_stride": plan.settings.ref_stride}
        notes = () if plan.change is None else (plan.change,)
        return _Lowered(replace(spec, settings={**spec.settings, **changed}), notes, plan.flow_pairs, plan.warning)

    def _forget_lowered(self) -> None:
        while len(self._lowered) > SHOTS_REMEMBERED:
            self._lowered.popitem(last=False)

    def _step_down(self, task: Note) -> bool:
        """Memory is out: let go of what can be recomputed and ask for less at once (a draft: also smaller). False where
        that is not possible any more; the step has failed then."""
        lowered = self._lowered_spec(task)
        spec = lowered.spec
        self._benches.clear()
        self._finished.clear()
        self._cache.shrink_memory(self._options.memory_budget // 4)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        chunk = smaller_chunk(spec.settings["chunk_length"], spec.frame_count)
        if chunk is None:
            size = "x".join(map(str, spec.working_size() or spec.size))
            self._fail(
                task, "out_of_memory",
                f"{self._options.device} cannot hold the {min(spec.settings['chunk_length'], spec.frame_count)} frames of "
                f"{size} that are needed at once; choose a smaller working size",
            )  # fmt: skip
            return False
        settings = {**spec.settings, "chunk_length": chunk}
        said = f"memory ran out: going on with chunks of {chunk} frames"
        if spec.quality == "draft" and settings["draft_scale"] / 2 >= _SMALLEST_DRAFT:
            settings["draft_scale"] /= 2
            said += f" at {settings['draft_scale']:g} of the working size"
        log.warning("%s", said)
        self._lowered[task["shot"]] = replace(
            lowered, spec=replace(spec, settings=settings), notes=(*lowered.notes, said)
        )
        self._forget_lowered()
        return True

    # --- shots and engines ----------------------------------------------------------------------------------------

    def _bench(self, key: str, lowered: _Lowered) -> _Bench:
        bench = self._benches.get(key)
        if bench is None:
            renderer = self._make_renderer(ContentPictures(lowered.spec, self), lowered.flow_pairs)
            bench = self._benches[key] = _Bench(renderer, TimeLeft())
            while len(self._benches) > _KEPT_RENDERERS:
                self._benches.popitem(last=False)
        self._benches.move_to_end(key)
        return bench

    def _make_renderer(self, pictures: ContentPictures, flow_pairs: int | None = None) -> Renderer:
        spec, engine = pictures.spec, self._engine(pictures.spec)
        settings = spec.removal_settings(self._snap(engine))
        space, fills_natively = WorkingSpace(spec.settings["color"]), spec.fills_natively()
        shot = Shot(pictures, space, settings, spec.size, spec.working_size(), fills_natively, flow_pairs)
        return make_renderer(shot, engine, self._cache, crop_padding=spec.crop_padding())

    def _snap(self, engine: Engine) -> int:
        return self._options.flow_hole_snap if engine.name == "propainter" else 0

    def _engine(self, spec: ShotSpec) -> Engine:
        name, precision = spec.settings["engine"], spec.settings["precision"]
        with self._engine_lock:
            if name == "auto":
                name = next(iter(self._engines))[0] if self._engines else "classical"
            engine = self._engines.get((name, precision))
            if engine is None:
                started = time.perf_counter()
                engine = choose_engine(
                    name,
                    weights=self._options.weights,
                    device=self._options.device,
                    precision=Precision.FP32 if precision == "auto" else Precision(precision),
                ).engine
                log.info("engine %s loaded in %.1f s", name, time.perf_counter() - started)
                self._engines[name, precision] = engine
            return engine


def _is_out_of_memory(error: Exception) -> bool:
    """torch says it in three ways, one of them only in words; OpenCV by a code."""
    if isinstance(error, cv2.error):
        return bool(error.code == cv2.Error.StsNoMem)
    if isinstance(error, RuntimeError):
        return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)
    return isinstance(error, MemoryError)


def _where_known(spec: ShotSpec, stage: str, stored: list[bool]) -> list[bool]:
    """Only the flow is worth anything without a matte, and nothing is without its plate."""
    mattes = spec.mattes if stage != "flow" else spec.plates
    known = [None not in both for both in zip(spec.plates, mattes, strict=True)]
    return [here and is_known for here, is_known in zip(stored, known, strict=False)]


def _as_reused(cost: Note) -> Note:
    """What the same step costs the next time: nothing."""
    return {
        "stages": {
            stage: {"seconds": 0.0, "computed": [], "reused": sorted({*units["computed"], *units["reused"]})}
            for stage, units in cost["stages"].items()
        }
    }


def _cost_of(renderer: Renderer) -> Note:
    """What a step computed and reused, as lists of units a report can name."""
    return {
        "stages": {
            stage: {"seconds": seconds, "computed": sorted(computed), "reused": sorted(reused)}
            for stage, (seconds, computed, reused) in renderer.counts.units().items()
        }
    }
