"""Mattes by message: what a worker is asked at once, and jobs that make the mattes of many frames.

Here: ``MatteHandlers``. Not here: what becomes of a job (``work/jobs.py``), how a worker answers (``worker/mattes``), mattes
that are published (``published_mattes.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from propainter_backend.daemon.requests.jobs_allowed import JobsAllowed
from propainter_backend.daemon.requests.notes import answer_or_raise, digest_of_note
from propainter_backend.daemon.requests.open_shots import OpenShots
from propainter_backend.daemon.requests.reception import Handlers
from propainter_backend.daemon.requests.refusing import guarded
from propainter_backend.daemon.work.events import JobStep, Work
from propainter_backend.daemon.work.jobs import Jobs
from propainter_backend.daemon.work.matte_job import MatteJob, matte_dtype, order_of
from propainter_backend.daemon.work.missing import frames_missing, is_here
from propainter_backend.daemon.work.shots import ShotRecord
from propainter_backend.daemon.workers.workers import Workers
from propainter_backend.render.content import ContentStore
from propainter_backend.worker.pipe import Note
from propainter_wire.errors import WireError
from propainter_wire.framing import new_id
from propainter_wire.messages import (
    CARRY_REACH,
    CAST_REACH,
    SELECT_REACH,
    Carried,
    Carry,
    Cast,
    MatteContent,
    Motion,
    MotionIs,
    Select,
    Track,
)
from propainter_wire.router import Request, Router
from propainter_wire.shot import digest_of


class MatteHandlers:
    """Answers select, motion, carry, track and cast."""

    def __init__(
        self,
        router: Router,
        shots: OpenShots,
        jobs: Jobs,
        content: ContentStore,
        workers: Workers,
        allowed: JobsAllowed,
    ) -> None:
        self._router = router
        self._shots = shots
        self._jobs = jobs
        self._content = content
        self._workers = workers
        self._allowed = allowed

    @property
    def handlers(self) -> Handlers:
        """By message."""
        return {
            Select: self._on_select,
            Motion: self._on_motion,
            Carry: self._on_carry,
            Track: self._on_track,
            Cast: self._on_cast,
        }

    # --- questions

    def _on_select(self, request: Request, message: Select) -> None:
        shot = self._shots.of(request, message.shot)
        shot.indices([message.frame])
        numbers = range(
            max(shot.opened.first, message.frame - SELECT_REACH),
            min(shot.opened.last, message.frame + SELECT_REACH) + 1,
        )
        starts = {} if message.start is None else {message.frame: message.start}
        question = {
            "op": "select",
            "frame": message.frame - numbers[0],
            "marks": message.marks,
            "start": message.start,
            "dtype": matte_dtype(shot.opened.dtype),
        }

        def tell(answer: Note) -> None:
            pixels = answer["pixels"]
            self._content.put(digest_of(pixels), pixels)
            self._router.reply_matte(request, pixels, frame=message.frame)

        self._ask(request, shot, numbers, question, tell, mattes=starts)

    def _on_motion(self, request: Request, message: Motion) -> None:
        shot = self._shots.of(request, message.shot)
        numbers = _between(shot, message.frame, message.other)
        mattes = [shot.matte_of(n) if shot.matte_size is None else None for n in numbers]
        question = {
            "op": "motion",
            "frame": message.frame - numbers[0],
            "other": message.other - numbers[0],
            "mattes": [digest if is_here(self._content, digest) else None for digest in mattes],
        }

        def tell(answer: Note) -> None:
            self._router.reply(request, MotionIs(tuple(answer["matrix"])))

        self._ask(request, shot, numbers, question, tell)

    def _on_carry(self, request: Request, message: Carry) -> None:
        shot = self._shots.of(request, message.shot)
        numbers = _between(shot, message.frame, message.to)
        question = {
            "op": "carry",
            "frame": message.frame - numbers[0],
            "to": message.to - numbers[0],
            "points": [list(point) for point in message.points],
        }

        def tell(answer: Note) -> None:
            self._router.reply(request, Carried(tuple((x, y) for x, y in answer["points"])))

        self._ask(request, shot, numbers, question, tell)

    def _ask(
        self,
        request: Request,
        shot: ShotRecord,
        numbers: range,
        question: Note,
        then: Callable[[Note], None],
        *,
        mattes: Mapping[int, str] | None = None,
    ) -> None:
        """Ask a worker of some frames, the same one for the same shot. Raises WireError (frames_missing)."""
        needed = mattes or {}
        self._refuse_missing(shot, numbers, needed)
        opened = shot.opened
        clip = {
            "first": numbers[0],
            "size": [opened.width, opened.height],
            "channels": opened.channels,
            "color": shot.settings.color,
            "plates": [shot.plate_of(n) for n in numbers],
        }

        def came(answer: Note) -> None:
            if answer.get("code") == "frames_missing":  # evicted since: say which
                self._refuse_missing(shot, numbers, needed)
            then(answer_or_raise(answer))

        key = digest_of_note([shot.plate_of(opened.first), opened.name])
        self._workers.ask(key, {**question, "clip": clip}, guarded(self._router, request, came), asker=request.session)

    # --- jobs

    def _on_track(self, request: Request, message: Track) -> None:
        shot = self._shots.of(request, message.shot)
        shot.indices([message.first, message.last, *_frames(message.keys), *_frames(message.known)])
        keys = {each.frame: each.matte for each in message.keys}
        begin = max((frame for frame in keys if frame <= message.first), default=message.first)
        end = min((frame for frame in keys if frame >= message.last), default=message.last)
        keys = {frame: digest for frame, digest in keys.items() if begin <= frame <= end}
        if not keys:
            raise WireError(
                "bad_message",
                f"no key lies in frames {message.first}-{message.last} or beside them; draw a frame of these",
                {"field": "keys"},
            )
        wanted = set(range(message.first, message.last + 1)) - set(_frames(message.known))
        self._submit(request, message, shot, range(begin, end + 1), keys, order_of(list(keys), wanted))

    def _on_cast(self, request: Request, message: Cast) -> None:
        shot = self._shots.of(request, message.shot)
        shot.indices([message.first, message.last, *_frames(message.mattes)])
        near = range(message.first - CAST_REACH, message.last + CAST_REACH + 1)
        mattes = {each.frame: each.matte for each in message.mattes if each.frame in near}
        wanted = range(message.first, message.last + 1)
        if lacking := [frame for frame in wanted if frame not in mattes]:
            raise WireError(
                "bad_message",
                f"frame {lacking[0]} has no matte; give the object's matte of every frame of {message.first}-{message.last}",
                {"field": "mattes"},
            )
        self._submit(request, message, shot, sorted(mattes), mattes, list(wanted))

    def _submit(
        self,
        request: Request,
        message: Track | Cast,
        shot: ShotRecord,
        numbers: Sequence[int],
        mattes: Mapping[int, str],
        order: Sequence[int],
    ) -> None:
        """Begin a job. numbers: frames whose plates it looks at. order: of its steps."""
        self._allowed.check(request)
        self._refuse_missing(shot, numbers, mattes)
        note = {
            **shot.note("normal", frozenset(numbers)),
            "mattes": [mattes.get(n) for n in shot.numbers],
            "matte_size": None,
        }
        key = digest_of_note(note)
        first = shot.opened.first
        job = MatteJob(new_id(), request, shot, key, note, message, [frame - first for frame in order], shot.settings)
        work_key = digest_of_note([key, message.type, {**message.to_map(), "shot": ""}])
        reach = frozenset(numbers)
        self._jobs.submit(job, [JobStep(Work(work_key, frame, provisional=False), reach) for frame in order])

    def _refuse_missing(self, shot: ShotRecord, numbers: Iterable[int], mattes: Mapping[int, str]) -> None:
        plates = [n for n in numbers if not is_here(self._content, shot.plate_of(n))]
        unknown = [n for n, digest in sorted(mattes.items()) if not is_here(self._content, digest)]
        if plates or unknown:
            raise frames_missing(plates, unknown, [])


def _frames(mattes: Iterable[MatteContent]) -> list[int]:
    return [each.frame for each in mattes]


def _between(shot: ShotRecord, frame: int, other: int) -> range:
    """The frames from one to the other. Raises WireError (bad_message) outside the shot, or where they are far apart."""
    shot.indices([frame, other])
    if abs(frame - other) > CARRY_REACH:
        raise WireError(
            "bad_message",
            f"frames {frame} and {other} are {abs(frame - other)} frames apart; at most {CARRY_REACH} can be gone, step by "
            "step",
        )
    return range(min(frame, other), max(frame, other) + 1)
