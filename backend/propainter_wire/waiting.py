"""What a job waits for before it is begun, in words.

Here: ``waits_for``, for every client that follows a job. Not here: the queue (the daemon's scheduler).
"""

from __future__ import annotations

from collections.abc import Sequence

from propainter_wire.messages import JobLine

_STARTING = "starting"


def waits_for(jobs: Sequence[JobLine], notes: Sequence[str], own: str) -> str:
    """The end of "waiting for ...": other clients' renders, or a worker.

    jobs, notes: as the backend's status has them. own: the job that waits, by its id.
    """
    others = [job for job in jobs if job.job != own]
    if any(_STARTING in note for note in notes):
        return "the backend's worker to start"
    if not others:
        return "the backend's worker"
    named = sorted({job.name for job in others if job.name})
    who = f" ({', '.join(named[:3])}{', ...' if len(named) > 3 else ''})" if named else ""
    return f"{len(others)} other render{'s' * (len(others) != 1)} of this backend{who}"
