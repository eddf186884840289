"""What a job waits for before it is begun, in words.

Here: ``waits_for``, for every client that follows a job. Not here: the queue (the daemon's scheduler).
"""

from __future__ import annotations

from propainter_wire.messages import StatusIs

_STARTING = "starting"


def waits_for(status: StatusIs, own: str) -> str:
    """The end of "waiting for ...": other clients' renders, or a worker. own: the job that waits, by its id."""
    others = [job for job in status.jobs if job.job != own]
    if any(_STARTING in note for note in status.notes):
        return "the backend's worker to start"
    if not others:
        return "the backend's worker"
    named = sorted({job.name for job in others if job.name})
    who = f" ({', '.join(named[:3])}{', ...' if len(named) > 3 else ''})" if named else ""
    return f"{len(others)} other render{'s' * (len(others) != 1)} of this backend{who}"
