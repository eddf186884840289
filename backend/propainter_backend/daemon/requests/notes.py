"""Notes to and from workers, read and named: small helpers that several handlers share.

Here: a note's digest, an answer that may be a problem. Not here: the pipe (``propainter_backend/worker/pipe.py``).
"""

from __future__ import annotations

import hashlib
import json
from typing import cast

from propainter_backend.worker.pipe import Note
from propainter_wire.errors import ErrorCode, WireError


def digest_of_note(value: object) -> str:
    """Equal for equal notes, whoever made them."""
    return hashlib.sha256(json.dumps(value, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


def answer_or_raise(answer: Note) -> Note:
    """A worker's answer. Raises WireError where it is a problem."""
    if "problem" in answer:
        raise WireError(cast(ErrorCode, answer["code"]), str(answer["problem"])[:1024])
    return answer
