"""Shared segments: bounds, reservation, names that vanish, room that comes back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from propainter_wire import shm
from propainter_wire.errors import SharedMemoryUnavailable, WireError
from propainter_wire.messages import InSegment
from propainter_wire.shm import (
    SHM_DIRECTORY,
    SessionSegments,
    create_segment,
    is_supported,
    open_segment,
    unlink_orphans,
)

pytestmark = pytest.mark.skipif(not is_supported(), reason="this machine has no /dev/shm")
MIB = 2**20


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def segments(tmp_path: Path) -> SessionSegments:
    return SessionSegments(max_bytes=4 * MIB, directory=tmp_path, clock=Clock())


def read(segment: shm.ServedSegment, offset: int, nbytes: int) -> bytes:
    target = bytearray(nbytes)
    segment.read_into(memoryview(target), offset)
    return bytes(target)


def take(segments: SessionSegments, place: InSegment) -> bytes:
    target = bytearray(place.nbytes)
    segments.take_upload(place, memoryview(target))
    return bytes(target)


def refused(code: str, call: object, *arguments: object) -> None:
    with pytest.raises(WireError) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.code == code


def test_both_sides_see_the_same_bytes(tmp_path: Path) -> None:
    ours = create_segment(MIB, tmp_path)
    theirs = open_segment(ours.name, MIB, tmp_path)
    theirs.span(10, 3)[:] = b"abc"
    assert read(ours, 9, 5) == b"\0abc\0"
    assert (tmp_path / ours.name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("offset", "nbytes"), [(-1, 1), (0, MIB + 1), (MIB, 1), (2**40, 2**30), (1, -1)])
def test_nothing_outside_a_segment_can_be_reached(tmp_path: Path, offset: int, nbytes: int) -> None:
    ours = create_segment(MIB, tmp_path)
    refused("bad_buffer", open_segment(ours.name, MIB, tmp_path).span, offset, nbytes)
    if 0 <= nbytes <= 2 * MIB:
        refused("bad_buffer", ours.read_into, memoryview(bytearray(nbytes)), offset)
        refused("bad_buffer", ours.write, memoryview(bytes(nbytes)), offset)


def test_more_than_the_machine_has_is_an_error_at_once_and_leaves_nothing_behind() -> None:
    room = os.statvfs(SHM_DIRECTORY)
    before = set(SHM_DIRECTORY.glob("ppb-*"))
    with pytest.raises(SharedMemoryUnavailable, match=r"no \d+ bytes of shared memory"):
        create_segment(2 * room.f_blocks * room.f_frsize)
    assert set(SHM_DIRECTORY.glob("ppb-*")) <= before


def test_space_is_reserved_and_not_merely_promised(tmp_path: Path) -> None:
    segment = create_segment(MIB, tmp_path)
    assert (tmp_path / segment.name).stat().st_blocks * 512 >= MIB


def test_a_segment_that_is_not_what_was_granted_is_not_mapped(tmp_path: Path) -> None:
    segment = create_segment(MIB, tmp_path)
    path = tmp_path / segment.name
    linked = path.with_name("ppb-" + "0" * 32)
    linked.symlink_to(path)
    for name, nbytes in (
        (segment.name, MIB + 1),
        (segment.name, MIB - 1),
        (linked.name, MIB),
        ("../x", MIB),
        ("ppb-" + "1" * 32, MIB),
    ):
        with pytest.raises(SharedMemoryUnavailable):
            open_segment(name, nbytes, tmp_path)
    path.chmod(0o644)
    with pytest.raises(SharedMemoryUnavailable, match="own"):
        open_segment(segment.name, MIB, tmp_path)


def test_a_name_is_gone_once_the_client_has_mapped_it_and_the_bytes_stay(
    segments: SessionSegments, tmp_path: Path
) -> None:
    granted = segments.grant(MIB, "upload")
    client = open_segment(granted.name, MIB, tmp_path)
    segments.confirm(granted.name)
    assert list(tmp_path.iterdir()) == []
    client.span(0, 4)[:] = b"data"
    assert take(segments, InSegment(granted.name, 0, 4, 1)) == b"data"


def test_a_grant_nobody_maps_is_forgotten(tmp_path: Path) -> None:
    clock = Clock()
    segments = SessionSegments(max_bytes=4 * MIB, directory=tmp_path, clock=clock)
    segments.grant(4 * MIB, "upload")
    clock.now = shm.CONFIRM_WITHIN_S
    segments.expire()
    refused("shm_unavailable", segments.grant, MIB, "upload")
    clock.now += 0.1
    segments.expire()
    assert list(tmp_path.iterdir()) == []
    segments.grant(4 * MIB, "upload")


def test_a_session_gets_no_more_than_its_share(segments: SessionSegments) -> None:
    first = segments.grant(3 * MIB, "upload")
    refused("shm_unavailable", segments.grant, MIB + 1, "download")
    segments.release(first.name, 0)
    segments.grant(4 * MIB, "download")


def test_an_upload_is_read_once_only_where_mapped_for_it(segments: SessionSegments) -> None:
    upload, download = segments.grant(MIB, "upload").name, segments.grant(MIB, "download").name
    refused("bad_buffer", take, segments, InSegment(upload, 0, 8, 1))  # not confirmed
    segments.confirm(upload)
    segments.confirm(download)
    refused("bad_buffer", take, segments, InSegment(upload, MIB - 4, 8, 1))
    take(segments, InSegment(upload, 0, 8, 1))
    refused("bad_buffer", take, segments, InSegment(upload, 0, 8, 1))
    take(segments, InSegment(upload, 0, 8, 7))
    refused("bad_buffer", take, segments, InSegment(download, 0, 8, 9))
    refused("shm_unavailable", take, segments, InSegment("ppb-" + "0" * 32, 0, 8, 1))


def test_results_share_a_segment_until_it_is_full_and_released_room_is_used_again(segments: SessionSegments) -> None:
    name = segments.grant(4 * 4096, "download").name
    assert segments.place(memoryview(bytes(4096))) is None  # not confirmed
    segments.confirm(name)
    places = []
    for _ in range(3):
        found = segments.place(memoryview(bytes(5000)))
        places.append(found)
    first, second, third = places
    assert first is not None and second is not None and third is None
    assert (first.offset, second.offset) == (0, 8192)
    segments.release(name, first.generation)
    segments.release(name, first.generation)  # twice does no harm
    again = segments.place(memoryview(bytes(8192)))
    assert again is not None and again.offset == 0 and again.generation > second.generation
    assert segments.place(memoryview(bytes(1))) is None


def test_a_segment_made_shorter_by_the_other_side_is_an_error_and_kills_nobody(
    segments: SessionSegments, tmp_path: Path
) -> None:
    """Mapped, as it was before, reading it ended the process by SIGBUS."""
    upload, download = segments.grant(MIB, "upload"), segments.grant(MIB, "download")
    for segment in (upload, download):
        os.truncate(tmp_path / segment.name, 4096)
        segments.confirm(segment.name)
    refused("bad_buffer", take, segments, InSegment(upload.name, 0, MIB, 1))
    assert take(segments, InSegment(upload.name, 0, 4096, 2)) == bytes(4096)
    assert segments.place(memoryview(bytes(MIB))) is not None  # it is grown again


def test_a_session_holds_no_more_segments_than_it_can_need(segments: SessionSegments) -> None:
    for _ in range(shm.MAX_SEGMENTS):
        segments.grant(1, "upload")
    refused("shm_unavailable", segments.grant, 1, "upload")
    segments.close()
    segments.grant(1, "upload")


def test_orphans_of_killed_daemons_are_unlinked_and_fresh_segments_are_not(tmp_path: Path) -> None:
    old, fresh = (create_segment(4096, tmp_path).name for _ in range(2))
    os.utime(tmp_path / old, (0, 0))
    (tmp_path / "other").touch()
    os.utime(tmp_path / "other", (0, 0))
    assert unlink_orphans(tmp_path) == 1
    assert {path.name for path in tmp_path.iterdir()} == {fresh, "other"}


def test_a_client_that_exits_does_not_take_the_segment_with_it(tmp_path: Path) -> None:
    segment = create_segment(4096, tmp_path)
    script = (
        "import sys; from pathlib import Path; from propainter_wire.shm import open_segment\n"
        "open_segment(sys.argv[1], 4096, Path(sys.argv[2])).span(0, 2)[:] = b'hi'"
    )
    subprocess.run([sys.executable, "-c", script, segment.name, str(tmp_path)], check=True, timeout=60)
    assert (tmp_path / segment.name).exists()
    assert read(segment, 0, 2) == b"hi"
