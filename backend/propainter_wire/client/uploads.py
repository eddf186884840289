"""Getting a shot's frames to the backend: read, digested, offered, and sent only where they are lacking.

Here: ``FrameProvider``, where frames come from, and ``Uploads``. Not here: files (a provider's own business), shared memory
(``memory.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, get_args

from propainter_wire.client.asking import Asker
from propainter_wire.client.memory import SharedMemory
from propainter_wire.messages import (
    MAX_FRAMES,
    NO_CLEAN_PLATE,
    Buffer,
    FrameContent,
    Have,
    Inline,
    InSegment,
    Kind,
    Need,
    Put,
    ReachIs,
    Stored,
)
from propainter_wire.shot import Pixels, bytes_of, digest_of, dtype_of, frames_of, packed, shape_of

_OFFER_BYTES = 256 * 2**20
"""Pixels read ahead of being put, so that no frame is read twice."""


class FrameProvider(Protocol):
    """Where a shot's frames come from. Called in the order of the frames: plate, matte, clean plate."""

    def plate(self, frame: int) -> Pixels:
        """h w c pixels as the shot was opened with."""

    def matte(self, frame: int) -> Pixels | None:
        """h w 1 pixels, 1 = remove; None where the backend knows it already (a still matte)."""

    def clean(self, frame: int) -> Pixels | None:
        """h w 3 or 4 pixels of the frame's background; None where there is no clean plate."""


class Uploads:
    """Sends content, through shared memory where there is some."""

    def __init__(self, asker: Asker, memory: SharedMemory | None) -> None:
        self._asker = asker
        self._memory = memory

    def offer_frames(self, shot: str, frames: Sequence[int], provider: FrameProvider, *, mattes: bool = True) -> int:
        """Make sure the backend has these frames; returns how many pictures had to be sent."""
        sent = 0
        batch: list[_Offer] = []
        for frame in frames:
            batch.append(_Offer.read(frame, provider, mattes=mattes))
            if sum(offer.nbytes for offer in batch) >= _OFFER_BYTES or len(batch) == MAX_FRAMES:
                sent += self._offer(shot, batch)
                batch = []
        return sent + (self._offer(shot, batch) if batch else 0)

    def offer_reach(self, shot: str, reach: ReachIs, provider: FrameProvider) -> int:
        """Offer everything in reach; returns how many pictures had to be sent."""
        mattes = set(frames_of(reach.mattes))
        both = [frame for frame in frames_of(reach.plates) if frame in mattes]
        plates_only = [frame for frame in frames_of(reach.plates) if frame not in mattes]
        return self.offer_frames(shot, both, provider) + self.offer_frames(shot, plates_only, provider, mattes=False)

    def put(self, shot: str, kind: Kind, pixels: Pixels) -> str:
        """Send one picture, whether or not the backend has it; returns its digest."""
        tight = packed(pixels)
        return self.put_digested(shot, kind, tight, digest_of(tight))

    def put_digested(self, shot: str, kind: Kind, pixels: Pixels, digest: str) -> str:
        """Send packed pixels whose digest is known."""
        data = bytes_of(pixels)
        if self._memory is not None:
            stored = self._memory.upload(
                data, lambda place: self._asker.ask(Put(shot, kind, digest, _describe(pixels, place)), Stored)
            )
            if stored is not None:
                return stored.digest
        put = Put(shot, kind, digest, _describe(pixels, Inline(0)))
        return self._asker.ask(put, Stored, buffers=(data,)).digest

    def _offer(self, shot: str, offers: list[_Offer]) -> int:
        need = self._asker.ask(Have(shot, tuple(offer.content for offer in offers)), Need)
        needed: dict[Kind, set[int]] = {
            "plate": set(need.plates),
            "matte": set(need.mattes),
            "clean": set(need.cleans),
        }
        sent: set[str] = set()
        for offer in offers:
            for kind, (digest, pixels) in offer.pictures.items():
                if offer.frame in needed[kind] and digest not in sent:
                    sent.add(self.put_digested(shot, kind, pixels, digest))
        return len(sent)


@dataclass(frozen=True)
class _Offer:
    """A frame read from its provider, kept until the backend has said whether it needs it."""

    frame: int
    pictures: Mapping[Kind, tuple[str, Pixels]]
    """Digest and pixels of each that there is."""
    has_mattes: bool
    """Mattes and clean plates were asked for, too."""

    @classmethod
    def read(cls, frame: int, provider: FrameProvider, *, mattes: bool) -> _Offer:
        given: dict[Kind, Pixels | None] = {"plate": provider.plate(frame)}
        if mattes:
            given |= {"matte": provider.matte(frame), "clean": provider.clean(frame)}
        tight = {kind: packed(pixels) for kind, pixels in given.items() if pixels is not None}
        return cls(frame, {kind: (digest_of(pixels), pixels) for kind, pixels in tight.items()}, mattes)

    @property
    def content(self) -> FrameContent:
        plate, matte, clean = (self.pictures.get(kind, (None,))[0] for kind in get_args(Kind))
        return FrameContent(self.frame, plate, matte, clean or (NO_CLEAN_PLATE if self.has_mattes else None))

    @property
    def nbytes(self) -> int:
        return sum(int(pixels.nbytes) for _, pixels in self.pictures.values())


def _describe(pixels: Pixels, place: Inline | InSegment) -> Buffer:
    return Buffer(dtype_of(pixels), shape_of(pixels), place)
