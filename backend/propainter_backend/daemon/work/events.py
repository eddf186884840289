"""What the scheduler is told and what it answers: jobs and their steps, events, instructions.

Here: values alone. Not here: deciding (``scheduler.py``), carrying it out (``jobs.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Priority: TypeAlias = Literal["playhead", "preview", "final"]
Reach: TypeAlias = frozenset[int] | range

PRIORITIES: tuple[Priority, ...] = ("playhead", "preview", "final")
"""Most urgent first; a priority's *rank* is its place here."""


# --- what is wished for


@dataclass(frozen=True)
class Work:
    """One frame to compute. Equal work has an equal result, whoever asks for it."""

    key: str
    """Digest of everything the result depends on besides the frame: content, settings, quality, output, dtype, crop."""
    frame: int
    """The host's numbering."""
    provisional: bool
    """Coarse; a better one of this frame follows in the same job."""


@dataclass(frozen=True)
class JobStep:
    """One piece of work of a job."""

    work: Work
    reach: Reach
    """Frames whose content this step can see: what makes it stale when it changes."""


@dataclass(frozen=True)
class Job:
    """One wish of one client. Raises ValueError if two steps are of the same frame and both (or neither) provisional."""

    id: str
    session: str
    shot: str
    kind: Literal["render", "analyse", "matte"]
    """``analyse`` and ``matte`` see plates alone: an edit of the roto does not touch them, and ``matte`` ignores settings.
    A ``matte``'s steps build on each other: one after the other."""
    priority: Priority
    steps: tuple[JobStep, ...]
    """In the wished order, a provisional step before its final one."""

    def __post_init__(self) -> None:
        counts = Counter((step.work.frame, step.work.provisional) for step in self.steps)
        for (frame, provisional), count in counts.items():
            if count > 1:
                which = "provisional" if provisional else "final"
                raise ValueError(f"job {self.id} has {count} {which} steps of frame {frame}; ask for each frame once")


def order_outward(frames: Iterable[int], playhead: int) -> tuple[int, ...]:
    """Each frame once, nearest to the playhead first; of two equally near ones the later first, as playback runs."""
    return tuple(sorted(set(frames), key=lambda frame: (abs(frame - playhead), -frame)))


# --- what happened


@dataclass(frozen=True)
class JobSubmitted:
    job: Job
    """With an id never used before."""


@dataclass(frozen=True)
class JobCancelled:
    """A job that has ended or never was is no error."""

    job_id: str


@dataclass(frozen=True)
class SessionEnded:
    """Every session must end with this: until then its turn is remembered."""

    session: str


@dataclass(frozen=True)
class SessionPaused:
    """This client does not read what is made for it: no step of its jobs is started until it does."""

    session: str


@dataclass(frozen=True)
class SessionResumed:
    session: str


@dataclass(frozen=True)
class ShotChanged:
    """Content or settings of a shot are no longer what its jobs were built on."""

    shot: str
    frames: frozenset[int] | None
    """Whose plate or matte is another; None: settings changed, or the shot closed, so every job of it ends."""
    mattes_only: bool = False
    """No plate changed: ``analyse`` and ``matte`` jobs go on. Without meaning when ``frames`` is None."""
    is_closed: bool = False
    """The shot is gone: ``matte`` jobs, which settings do not touch, end, too."""


@dataclass(frozen=True)
class WorkerReady:
    """A worker started, or started anew, and waits for work."""

    worker: str


@dataclass(frozen=True)
class StepDone:
    worker: str
    work: Work


@dataclass(frozen=True)
class StepStopped:
    """The worker obeyed a Stop; nothing was produced."""

    worker: str
    work: Work


@dataclass(frozen=True)
class StepFailed:
    """The worker lives, the step does not."""

    worker: str
    work: Work
    code: str
    """Of the wire, section 8."""
    message: str
    retry: bool
    """The same step may succeed if tried again."""


@dataclass(frozen=True)
class WorkerDied:
    """A worker is gone. What it still said must have been told before this."""

    worker: str


@dataclass(frozen=True)
class StopRequested:
    when: Literal["now", "idle"]
    """``now``: every job ends. ``idle``: jobs are finished, new ones refused."""


Event: TypeAlias = (
    JobSubmitted
    | JobCancelled
    | SessionEnded
    | SessionPaused
    | SessionResumed
    | ShotChanged
    | WorkerReady
    | StepDone
    | StepStopped
    | StepFailed
    | WorkerDied
    | StopRequested
)


# --- what to do


@dataclass(frozen=True)
class Start:
    """Let an idle worker compute this; the job is the one whose turn it is, others may want the same (``wanted_by``)."""

    worker: str
    work: Work
    job_id: str
    session: str


@dataclass(frozen=True)
class Stop:
    """Ask a busy worker to stop at its next unit. Once a step; StepStopped, StepDone or any other end answers it."""

    worker: str


@dataclass(frozen=True)
class Deliver:
    """Send the result just done to this job; one for each job that wants it."""

    job_id: str
    session: str
    work: Work


@dataclass(frozen=True)
class FinishJob:
    """Everything was delivered: ``done`` on the wire."""

    job_id: str
    session: str


@dataclass(frozen=True)
class EndJob:
    """Cancelled, stale, or its client is gone: ``cancelled`` on the wire."""

    job_id: str
    session: str
    was_running: bool
    """A worker was at one of its steps."""


@dataclass(frozen=True)
class FailJob:
    """``error`` on the wire, with the fields of its section 8."""

    job_id: str
    session: str
    code: str
    message: str
    retry: bool


@dataclass(frozen=True)
class RestartWorker:
    """Start this worker anew. How soon is for the daemon to say, which has a clock."""

    worker: str


Instruction: TypeAlias = Start | Stop | Deliver | FinishJob | EndJob | FailJob | RestartWorker


@dataclass(frozen=True)
class JobView:
    """A job as the status list shows it."""

    id: str
    session: str
    priority: Priority
    done: int
    """Steps delivered, or dropped because a better one came first."""
    total: int
    running: bool
    """A worker is at one of its steps."""
