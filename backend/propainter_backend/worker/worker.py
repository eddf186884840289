"""The worker: one process, one device; computes one frame of one job at a time and can stop between any two units.

Here: the process's parts, and its threads. The main one carries out steps; one reads the pipe, so that a stop is heard at
once and a vanished daemon ends the process; some answer questions, which must wait neither for a long computation nor,
where they are quick, for a long question.
Not here: a step (``steps.py``), an answer (``answers.py``), what to do next (``daemon/work/scheduler.py``), the walk of a
frame (``render/shot_renderer.py``).
"""

from __future__ import annotations

import os
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

import numpy as np
import torch

from propainter.engine import Engine
from propainter.kept import Kept
from propainter.weights import WeightsError
from propainter_backend.errors import RemoveError
from propainter_backend.render.content import ContentStore
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.worker.answers import QUICK, Answers
from propainter_backend.worker.benches import Benches
from propainter_backend.worker.fetching import Fetcher
from propainter_backend.worker.fitting import Fitting
from propainter_backend.worker.line import Line
from propainter_backend.worker.loaded_engines import LoadedEngines
from propainter_backend.worker.mattes.answers import QUESTIONS, MatteAnswers
from propainter_backend.worker.mattes.footages import Footages
from propainter_backend.worker.mattes.runs import Runs
from propainter_backend.worker.pipe import Note
from propainter_backend.worker.question_queue import MAX_WAITING, QuestionQueue
from propainter_backend.worker.shot_spec import ShotSpec
from propainter_backend.worker.steps import Finished, Steps
from propainter_backend.worker.worker_entry import SHOTS_REMEMBERED, WorkerOptions

_SPARE_SPECS = 8
_MATTES_AT_ONCE = 2
"""Threads for questions about mattes: an artist who draws waits for no other question. They are answered one by one; while
one is, the second thread has the next client's in hand, which so does not wait behind all that the first has asked."""
_LONG_AT_ONCE = 3
"""Long questions answered at once, of one client all but one: its shots of 20,000 frames must not keep others waiting."""


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
        self._line = Line(pipe, when_alone)
        self._tasks: queue.SimpleQueue[Note] = queue.SimpleQueue()
        self._questions = QuestionQueue(_LONG_AT_ONCE)
        self._matte_questions = QuestionQueue(_MATTES_AT_ONCE)
        self._quick_questions: queue.SimpleQueue[Note] = queue.SimpleQueue()
        self._specs: OrderedDict[str, ShotSpec] = OrderedDict()
        self._cache = ShotCache(
            options.cache_dir / "artifacts", memory_budget=options.memory_budget, disk_budget=options.cache_budget
        )
        self._fetcher = Fetcher(ContentStore(options.cache_dir / "content", memory_budget=0), self._line)
        self._engines = LoadedEngines(options, engine)
        self._benches = Benches(self._engines, self._cache, self._fetcher.fetch)
        fitting = Fitting(self._engines, memory_budget=options.memory_budget)
        finished: Kept[Finished] = Kept(options.memory_budget // 8)
        self._answers = Answers(self._engines, fitting, self._benches, self._cache, finished)
        footages = Footages(self._fetcher.fetch, memory=options.memory_budget // 4)
        self._matte_answers = MatteAnswers(footages)
        runs = Runs(footages, self._fetcher.fetch, memory=options.memory_budget // 8)
        self._steps = Steps(self._line, options, fitting, self._benches, self._cache, finished, runs)

    def serve(self) -> None:
        """Work until the daemon is gone. Never returns an error: a mistake ends one step, not the worker."""
        threading.Thread(target=self._read, name="pipe", daemon=True).start()
        self._line.say(self._ready())
        matte = [lambda: self._answer_from(self._matte_questions, self._answer_matte)] * _MATTES_AT_ONCE
        long = [lambda: self._answer_from(self._questions, self._answer)] * _LONG_AT_ONCE
        for answer in (self._answer_quick, *matte, *long):
            threading.Thread(target=answer, name="questions", daemon=True).start()
        while True:
            self._steps.carry_out(self._tasks.get())

    def _read(self) -> None:
        while (heard := self._line.hear()) is not None:
            self._take_in(*heard)

    def _take_in(self, note: Note, pixels: np.ndarray | None) -> None:
        op = note["op"]
        if op == "stop":
            self._steps.stop.set()
        elif op == "ping":
            self._line.say({"op": "pong"})
        elif op == "content":
            self._fetcher.came(note["ticket"], pixels)
        elif op == "shot":
            self._specs[note["key"]] = ShotSpec.from_note(note)
            while len(self._specs) > SHOTS_REMEMBERED + _SPARE_SPECS:
                self._specs.popitem(last=False)
        elif op == "start":
            # Here, in the order in which they were said: a stop that follows at once must not be forgotten again.
            self._steps.stop.clear()
            self._specs.move_to_end(note["shot"])
            self._tasks.put({**note, "spec": self._specs[note["shot"]]})
        elif op in QUICK:
            self._quick_questions.put(note)
        elif op == "gone":
            for waiting in (self._questions, self._matte_questions):
                self._leave_unanswered(waiting.forget(note["asker"]))
        else:
            self._leave_unanswered((self._matte_questions if op in QUESTIONS else self._questions).put(note))

    def _ready(self) -> Note:
        """What there is to work with; a ``problem`` where the engine that was meant cannot be had."""
        try:
            engine, reason = self._engines.load_auto()
        except (RemoveError, WeightsError, ValueError) as error:
            return {"op": "ready", "problem": str(error), "engine": "classical", "weights": "none", "device": "cpu"}
        device = str(engine.device)
        if engine.device.type == "cuda":
            device += f" {torch.cuda.get_device_name(engine.device)}"
        return {
            "op": "ready",
            "engine": engine.name,
            "weights": engine.weights_id,
            "device": device,
            "reason": reason,
        }

    def _answer_quick(self) -> None:
        while True:
            self._answer(self._quick_questions.get())

    def _answer_from(self, waiting: QuestionQueue, answer: Callable[[Note], None]) -> None:
        while True:
            note = waiting.take()
            try:
                answer(note)
            finally:
                waiting.done(note)

    def _answer(self, note: Note) -> None:
        self._line.say({"op": "answer", "id": note["id"], **self._answers.answer(note)})

    def _answer_matte(self, note: Note) -> None:
        answer, pixels = self._matte_answers.answer(note)
        self._line.say({"op": "answer", "id": note["id"], **answer}, pixels)

    def _leave_unanswered(self, notes: Sequence[Note]) -> None:
        problem = f"more than {MAX_WAITING} questions of this session wait for an answer; ask again when one has come"
        for note in notes:
            self._line.say({"op": "answer", "id": note["id"], "problem": problem, "code": "busy"})
