"""Which frames' content the daemon lacks, as ``frames_missing`` tells it: never sent, or evicted since.

Here: finding and saying them. Not here: the store (``propainter_backend/render/content.py``).
"""

from __future__ import annotations

from collections.abc import Iterable

from propainter_backend.daemon.work.job import JobRecord
from propainter_backend.daemon.work.shots import ShotRecord
from propainter_backend.render.content import ContentStore
from propainter_wire.errors import WireError
from propainter_wire.shot import runs_of


def is_here(content: ContentStore, digest: str | None) -> bool:
    """Whether pixels of this digest are stored; None: nobody told of any."""
    return digest is not None and content.has(digest)


def refuse_missing(content: ContentStore, shot: ShotRecord, frames: Iterable[int]) -> None:
    """Raise WireError (frames_missing) unless all content of these frames is stored."""
    numbers = sorted(frames)
    plates = [n for n in numbers if not is_here(content, shot.plate_of(n))]
    mattes = [n for n in numbers if not is_here(content, shot.matte_of(n))]
    cleans = [n for n in numbers if n in shot.cleans and not is_here(content, shot.cleans[n])]
    if plates or mattes or cleans:
        raise frames_missing(plates, [shot.opened.first] if shot.opened.still_matte and mattes else mattes, cleans)


def frames_missing(plates: list[int], mattes: list[int], cleans: list[int]) -> WireError:
    """The error that asks for them."""
    kinds = {"plates": plates, "mattes": mattes, "clean plates": cleans}
    said = " and ".join(
        f"{kind} of {len(frames)} frames from {frames[0]} on" for kind, frames in kinds.items() if frames
    )
    details = _details(plates, mattes, cleans)
    return WireError("frames_missing", f"{said} must be sent before this can be rendered", details)


def missing_of(content: ContentStore, job: JobRecord) -> dict[str, object]:
    """Of which frames a job's content has been evicted, as the details of the error."""
    shot = job.shot
    plates, mattes, cleans = (
        [n for n, digest in zip(shot.numbers, job.shot_note[kind], strict=True) if digest and not content.has(digest)]
        for kind in ("plates", "mattes", "cleans")
    )
    return _details(plates, mattes[:1] if shot.opened.still_matte else mattes, cleans)


def _details(plates: Iterable[int], mattes: Iterable[int], cleans: Iterable[int]) -> dict[str, object]:
    missing = {"plates": plates, "mattes": mattes, "cleans": cleans}
    return {kind: [list(run) for run in runs_of(frames)] for kind, frames in missing.items()}
