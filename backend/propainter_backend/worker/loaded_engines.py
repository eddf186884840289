"""Engines a worker has loaded, by name and precision; loaded once, kept while the process lives.

Here: ``LoadedEngines``. Not here: choosing and loading (``propainter_backend/render/engines.py``).
"""

from __future__ import annotations

import logging
import threading
import time

import torch

from propainter.engine import Engine
from propainter.types import Precision
from propainter_backend.render.cores import make_cores
from propainter_backend.render.engines import choose_engine
from propainter_backend.worker.shot_spec import ShotSpec
from propainter_backend.worker.worker_entry import WorkerOptions
from propainter_os import limits

log = logging.getLogger(__name__)


class LoadedEngines:
    """given: used instead of loading what ``auto`` means. Steps and questions ask from different threads."""

    def __init__(self, options: WorkerOptions, given: Engine | None = None) -> None:
        self._options = options
        self._engines: dict[tuple[str, str], Engine] = {} if given is None else {(given.name, "auto"): given}
        self._loading = threading.Lock()
        self._cores = make_cores(max(1, (options.cores or limits.usable_cores()) // options.workers))

    @property
    def device(self) -> torch.device:
        """Where the networks work, the GPU if any of them is on one."""
        devices = [engine.device for engine in list(self._engines.values())]
        return next((device for device in devices if device.type == "cuda"), torch.device("cpu"))

    def load_auto(self) -> tuple[Engine, str]:
        """The engine that ``auto`` means, and why. Raises RemoveError, WeightsError, ValueError."""
        if self._engines:
            return next(iter(self._engines.values())), "engine given"
        options = self._options
        choice = choose_engine("auto", weights=options.weights, device=options.device, cores=self._cores)
        self._engines[choice.engine.name, "auto"] = choice.engine
        return choice.engine, choice.reason

    def of(self, spec: ShotSpec) -> Engine:
        """The engine a shot asks for. Raises RemoveError, WeightsError where it cannot be had."""
        name, precision = spec.settings["engine"], spec.settings["precision"]
        with self._loading:
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
                    cores=self._cores,
                ).engine
                log.info("engine %s loaded in %.1f s", name, time.perf_counter() - started)
                self._engines[name, precision] = engine
            return engine

    def snap(self, engine: Engine) -> int:
        """The flow hole's block grid where a shot does not ask for one."""
        return self._options.flow_hole_snap if engine.name == "propainter" else 0
