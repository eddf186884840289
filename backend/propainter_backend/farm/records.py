"""What farm tasks leave behind for each other and for their own repetition, beside the artifacts on common storage.

    CACHE_DIR/artifacts/...                     flow and everything else, by content (``shot_cache.py``)
    CACHE_DIR/farm/<removal>/frames/1001.json   what frame 1001 was made of, and the digest of its file
    CACHE_DIR/farm/<removal>/tasks/<...>.json   the report of one run of one task

Every file appears by rename, so that any number of machines may read and write at once.

Here: ``FarmRecords``, ``FrameRecord``. Not here: what they are good for (``run_chunk.py``).
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import xxhash

from propainter_backend.errors import OutputError
from propainter_pictures.whole_files import replacing

_BLOCK = 1 << 20


@dataclass(frozen=True)
class FrameRecord:
    """One written frame."""

    made_of: str
    """Digest of everything its picture depends on."""
    file: str
    """``digest_of_file`` of the picture file."""
    engine: str
    weights: str
    hole: float
    """Pixels of its hole."""
    unseen: float
    """Those of them that no frame in reach ever showed."""
    unsure: float = 0
    """Those of these that are a guess."""


class FarmRecords:
    """The records of one removal.

    removal: digest naming it. Raises OutputError where they cannot be written.
    """

    def __init__(self, cache_dir: Path, removal: str) -> None:
        self._frames = cache_dir / "farm" / removal / "frames"
        self._tasks = cache_dir / "farm" / removal / "tasks"
        try:
            for folder in (self._frames, self._tasks):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise OutputError(f"{cache_dir} cannot be used ({error.strerror}); choose another --cache-dir") from error

    def frame(self, number: int) -> FrameRecord | None:
        """The record of a frame, or None where there is none that can be read."""
        try:
            return FrameRecord(**json.loads((self._frames / f"{number}.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def keep_frame(self, number: int, record: FrameRecord) -> None:
        """Store what a frame was made of, once its file is there."""
        _write(self._frames / f"{number}.json", asdict(record))

    def keep_report(self, report: Mapping[str, Any]) -> None:
        """Store the report of this run of a task."""
        task = f"{report['stage']}-{report['frames']['first']}-{report['frames']['last']}"
        _write(self._tasks / f"{time.time_ns()}-{platform.node()}-{os.getpid()}-{task}.json", report)

    def reports(self) -> list[dict[str, Any]]:
        """The reports of all runs of all tasks, oldest first."""
        reports = []
        for path in sorted(self._tasks.glob("[0-9]*.json")):
            with suppress(OSError, ValueError):
                reports.append(json.loads(path.read_bytes()))
        return reports


def digest_of_file(path: Path) -> str | None:
    """xxh3-128 of a file's bytes, 32 hex digits; None where there is no file."""
    state = xxhash.xxh3_128()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                state.update(block)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(f"{path} cannot be read back ({error.strerror}); look at the disk it is on") from error
    return str(state.hexdigest())


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
