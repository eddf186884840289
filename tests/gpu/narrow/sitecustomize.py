"""Read by every Python whose PYTHONPATH names this folder: long chunks of flow then ask for more memory than there is.

For ``test_daemon_gpu.py``, whose worker is a process of its own. The allocator itself says no, on a GPU and on a processor.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from types import ModuleType
from typing import Any

LONGEST = os.environ.get("PROPAINTER_TEST_LONGEST_CHUNK")


class Narrow(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Lets ``propainter.learned`` be loaded as always, and then changes it."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != "propainter.learned":
            return None
        self._real = importlib.machinery.PathFinder.find_spec(name, path)
        return None if self._real is None else importlib.machinery.ModuleSpec(name, self, origin=self._real.origin)

    def create_module(self, spec: Any) -> Any:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self._real.loader.exec_module(module)
        engine = module.ProPainterEngine
        complete = engine.complete_flow

        def narrow(self: Any, flow: Any, holes: Any) -> Any:
            if flow.pairs > int(LONGEST or 0):
                module.torch.empty(1 << 50, dtype=module.torch.uint8, device=self.device)
            return complete(self, flow, holes)

        engine.complete_flow = narrow


if LONGEST:
    sys.meta_path.insert(0, Narrow())
