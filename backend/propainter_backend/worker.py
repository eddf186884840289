"""The worker: one process, one device; computes one frame of one job at a time and can stop between any two units.

Here: the loop that carries out what the daemon asks (``Start``, ``stop``, questions about plans and caches), engines kept
loaded, stepping down when memory runs out. Not here: what to do next (``scheduler.py``), sockets and clients
(``daemon.py``), the walk of a frame (``shot_renderer.py``).

Three threads: the main one computes; one reads the pipe, so that a stop is heard at once and a vanished daemon ends the
process; one answers questions, which must not wait for a long computation.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch

from propainter.engine import Engine
from propainter.types import Precision, Settings
from propainter_backend.color import WorkingSpace
from propainter_backend.content import ContentStore
from propainter_backend.engines import choose_engine
from propainter_backend.errors import RemoveError
from propainter_backend.images import Frame
from propainter_backend.outputs import converted, cropped, picture_of, region_of
from propainter_backend.pipe import Note, receive, send
from propainter_backend.progress import TimeLeft
from propainter_backend.shot_cache import ShotCache
from propainter_backend.shot_renderer import Progress, RenderCounts, Shot, ShotRenderer, as_float
from propainter_backend.stage_graph import ShotPlan
from propainter_backend.worker_entry import SHOTS_REMEMBERED, WorkerOptions

log = logging.getLogger(__name__)

_KEPT_RENDERERS = 6
_KEPT_FRAMES = 3
_SPARE_SPECS = 8
_SMALLEST_CHUNK = 8
_CONTENT_TIMEOUT_S = 30.0


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
    settings: dict[str, Any]
    quality: str

    @staticmethod
    def from_note(note: Note) -> ShotSpec:
        """Read the daemon's description."""
        return ShotSpec(
            note["first"], tuple(note["size"]), note["channels"], tuple(note["plates"]), tuple(note["mattes"]),
            note["settings"], note["quality"],
        )  # fmt: skip

    def removal_settings(self, snap: int) -> Settings:
        """The engine's settings. snap: the flow hole's block grid where the shot does not ask for one."""
        s = self.settings
        iterations = s["flow_iterations"]
        if self.quality == "draft":
            iterations = min(iterations, s["draft_flow_iterations"])
        return Settings(
            neighbor_length=s["neighbor_length"], ref_stride=s["ref_stride"], chunk_length=s["chunk_length"],
            flow_iterations=iterations, grow=s["grow"], feather=s["feather"], threshold=s["threshold"],
            flow_hole_snap=s["flow_hole_snap"] or snap,
        )  # fmt: skip

    def working_size(self) -> tuple[int, int] | None:
        """Width, height of the fill; None: the plate's."""
        asked = self.settings["working_size"]
        if self.quality != "draft":
            return tuple(asked) if asked else None
        width, height = asked or self.size
        scale = self.settings["draft_scale"]
        return max(8, round(width * scale)), max(8, round(height * scale))


class ContentPictures:
    """A shot's pictures, fetched by digest: from the shared store, else from the daemon."""

    def __init__(self, spec: ShotSpec, worker: Worker) -> None:
        self._spec = spec
        self._worker = worker
        self._recent: OrderedDict[str, np.ndarray] = OrderedDict()

    @property
    def frame_count(self) -> int:
        return len(self._spec.plates)

    def plate(self, index: int) -> Frame:
        """The plate as the client sent it."""
        pixels = self._pixels(self.plate_digest(index))
        return Frame(pixels, tuple("RGBA"[: self._spec.channels]), number=self._spec.first + index)

    def matte(self, index: int) -> np.ndarray:
        """The matte as shares, [h, w]."""
        pixels = self._pixels(self.matte_digest(index))[..., 0]
        shares: np.ndarray = np.nan_to_num(as_float(pixels))
        return shares.clip(0, 1)

    def plate_digest(self, index: int) -> str:
        """Raises ContentGone where none was ever told."""
        return self._told(self._spec.plates[index], index)

    def matte_digest(self, index: int) -> str:
        """Raises ContentGone where none was ever told."""
        return self._told(self._spec.mattes[index], index)

    def _told(self, digest: str | None, index: int) -> str:
        if digest is None:
            raise ContentGone(f"frame {self._spec.first + index} was not sent")
        return digest

    def _pixels(self, digest: str) -> np.ndarray:
        pixels = self._recent.get(digest)
        if pixels is None:
            pixels = self._recent[digest] = self._worker.fetch(digest)
            if len(self._recent) > _KEPT_FRAMES:
                self._recent.popitem(last=False)
        return pixels


@dataclass
class _Bench:
    """A shot laid out for work: its renderer, how far memory made us step down, time estimates."""

    renderer: ShotRenderer
    notes: list[str]
    left: TimeLeft


class Worker:
    """Serves one daemon over one pipe."""

    def __init__(self, pipe: Connection, options: WorkerOptions) -> None:
        self._pipe = pipe
        self._options = options
        self._sending = threading.Lock()
        self._tasks: queue.SimpleQueue[Note] = queue.SimpleQueue()
        self._questions: queue.SimpleQueue[Note] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._sent: dict[str, np.ndarray | None] = {}
        self._content_came = threading.Condition()
        self._engines: dict[tuple[str, str], Engine] = {}
        self._engine_lock = threading.Lock()
        self._specs: OrderedDict[str, ShotSpec] = OrderedDict()
        self._benches: OrderedDict[str, _Bench] = OrderedDict()
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
            task = self._tasks.get()
            self._stop.clear()
            if task["op"] == "start":
                self._carry_out(task)
            elif task["op"] == "clear":
                self._clear(task)

    def fetch(self, digest: str) -> np.ndarray:
        """Pixels by digest. Raises ContentGone when nobody has them any more."""
        found = self._content.get(digest)
        if found is not None:
            return found
        self._say({"op": "need", "digest": digest})
        with self._content_came:
            came = self._content_came.wait_for(lambda: digest in self._sent, timeout=_CONTENT_TIMEOUT_S)
            pixels = self._sent.pop(digest, None) if came else None
        if pixels is None:
            raise ContentGone(f"content {digest} has been evicted")
        return pixels

    # --- the pipe -------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        while True:
            try:
                note, pixels = receive(self._pipe)
            except (EOFError, OSError):
                os._exit(0)  # the daemon is gone; there is nobody to compute for
            op = note["op"]
            if op == "stop":
                self._stop.set()
            elif op == "content":
                with self._content_came:
                    self._sent[note["digest"]] = pixels
                    self._content_came.notify_all()
            elif op in ("plan", "cache_state", "use"):
                self._questions.put(note)
            elif op == "shot":
                self._specs[note["key"]] = ShotSpec.from_note(note)
                while len(self._specs) > SHOTS_REMEMBERED + _SPARE_SPECS:
                    self._specs.popitem(last=False)
            else:
                self._tasks.put(note)

    def _say(self, note: Note, pixels: np.ndarray | None = None) -> None:
        with self._sending:
            try:
                send(self._pipe, note, pixels)
            except OSError:
                os._exit(0)

    def _say_ready(self) -> None:
        try:
            choice = choose_engine("auto", weights=self._options.weights, device=self._options.device)
        except (RemoveError, ValueError) as error:
            self._say({"op": "ready", "problem": str(error), "engine": "classical", "weights": "none", "device": "cpu"})
            return
        engine = choice.engine
        self._engines[engine.name, "auto"] = engine
        device = str(engine.device)
        if engine.device.type == "cuda":
            device += f" {torch.cuda.get_device_name(engine.device)}"
        self._say(
            {
                "op": "ready",
                "engine": engine.name,
                "weights": engine.weights_id,
                "device": device,
                "reason": choice.reason,
            }
        )

    # --- questions ------------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        while True:
            note = self._questions.get()
            try:
                answer = {"plan": self._plan, "cache_state": self._cache_state, "use": self._use}[note["op"]](note)
            except Exception as error:
                log.exception("a question could not be answered")
                answer = {"problem": str(error) or type(error).__name__}
            self._say({"op": "answer", "id": note["id"], **answer})

    def _plan(self, note: Note) -> Note:
        spec = ShotSpec.from_note(note)
        engine = self._engine(spec)
        settings = spec.removal_settings(self._snap(engine))
        plan = ShotPlan(engine, len(spec.plates), settings)
        width, height = spec.working_size() or spec.size
        return {
            "engine": engine.name,
            "working_size": [width, height],
            "reach": [_runs(plan.plan([index]).frames or (index,)) for index in range(plan.frame_count)],
        }

    def _cache_state(self, note: Note) -> Note:
        spec = self._spec(note["key"])
        renderer = ShotRenderer(self._shot(spec), self._engine(spec), self._cache)
        try:
            return {"stages": renderer.cached()}
        except ContentGone:
            return {"stages": {}}

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

    # --- steps ----------------------------------------------------------------------------------------------------

    def _carry_out(self, task: Note) -> None:
        try:
            self._step(task)
        except Stopped:
            self._say({"op": "stopped", "work": task["work"]})
        except ContentGone as error:
            self._fail(task, "frames_missing", f"{error}; send it again", retry=False)
        except RemoveError as error:
            self._fail(task, "engine_unavailable", str(error), retry=False)
        except (torch.OutOfMemoryError, MemoryError):
            self._step_down(task)
        except Exception as error:
            log.exception("a step failed")
            self._fail(task, "internal", f"{type(error).__name__}: {error}; the daemon's log has the rest", retry=False)

    def _step(self, task: Note) -> None:
        bench = self._bench(task)
        renderer = bench.renderer
        renderer.counts = RenderCounts()
        index = task["frame"]
        if task["kind"] == "analyse":
            self._watch(renderer.analyse(task["pairs"]), bench, task)
            self._say({"op": "done", "work": task["work"], **_cost_of(renderer), "notes": bench.notes})
            return
        renderer.aim_at(task["aim"], nearest_only=task["provisional"])
        steps = picture_of(renderer, index, task["output"], nearest_only=task["provisional"])
        pixels = converted(self._watch(steps, bench, task), task["dtype"])
        region = region_of(renderer, index) if task["crop"] else (0, 0, pixels.shape[1], pixels.shape[0])
        hole, unseen = renderer.unseen_pixels(index)
        note = {"hole": hole, "unseen": unseen, "notes": bench.notes, "region": list(region)}
        self._say({"op": "done", "work": task["work"], **_cost_of(renderer), **note}, cropped(pixels, region))

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

    def _fail(self, task: Note, code: str, message: str, *, retry: bool) -> None:
        self._say({"op": "failed", "work": task["work"], "code": code, "message": message, "retry": retry})

    def _step_down(self, task: Note) -> None:
        """Memory is out: let go of what can be recomputed, halve the chunk (a draft: also its size), try again."""
        spec = self._specs[task["shot"]]
        bench = self._benches.pop(task["shot"])
        settings = dict(spec.settings)
        self._cache.shrink_memory(self._options.memory_budget // 4)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        chunk = settings["chunk_length"] // 2
        if chunk < _SMALLEST_CHUNK:
            size = "x".join(map(str, bench.renderer.shot.grid))
            self._fail(
                task, "out_of_memory",
                f"{self._options.device} cannot hold {chunk * 2} frames of {size}; choose a smaller working size",
                retry=False,
            )  # fmt: skip
            return
        settings["chunk_length"] = chunk
        said = f"memory ran out: going on with chunks of {chunk} frames"
        if spec.quality == "draft" and settings["draft_scale"] > 0.2:
            settings["draft_scale"] /= 2
            said += f" at {settings['draft_scale']:g} of the working size"
        log.warning("%s", said)
        self._specs[task["shot"]] = replace(spec, settings=settings)
        self._bench(task).notes.extend([*bench.notes, said])
        self._carry_out(task)

    def _clear(self, task: Note) -> None:
        before = self._cache.use().disk_bytes
        self._benches.clear()
        self._cache.clear()
        self._say({"op": "answer", "id": task["id"], "freed": before})

    # --- shots and engines ----------------------------------------------------------------------------------------

    def _bench(self, task: Note) -> _Bench:
        key = task["shot"]
        bench = self._benches.get(key)
        if bench is None:
            spec = self._spec(key)
            renderer = ShotRenderer(self._shot(spec), self._engine(spec), self._cache)
            bench = self._benches[key] = _Bench(renderer, [], TimeLeft())
            while len(self._benches) > _KEPT_RENDERERS:
                self._benches.popitem(last=False)
        self._benches.move_to_end(key)
        self._specs.move_to_end(key)
        return bench

    def _spec(self, key: str) -> ShotSpec:
        self._specs.move_to_end(key)
        return self._specs[key]

    def _shot(self, spec: ShotSpec) -> Shot:
        engine = self._engine(spec)
        settings = spec.removal_settings(self._snap(engine))
        space = WorkingSpace(spec.settings["color"])
        return Shot(ContentPictures(spec, self), space, settings, spec.size, spec.working_size())

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


def _cost_of(renderer: ShotRenderer) -> Note:
    """What a step computed and reused, as lists of units a report can name."""
    return {
        "stages": {
            stage: {"seconds": seconds, "computed": sorted(computed), "reused": sorted(reused)}
            for stage, (seconds, computed, reused) in renderer.counts.units().items()
        }
    }


def _runs(frames: tuple[int, ...]) -> list[list[int]]:
    """Ascending integers as [first, last] runs."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return runs
