"""``propainter-weights`` against a real server on this machine: licence first, resumed where it broke off, verified."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import golden
from propainter.weights import FOLDER_VARIABLE, PUBLISHED_FILES, recorded_digests
from propainter_backend.commands import backend, downloads
from propainter_backend.commands.weights_cli import main


@dataclass
class Mirror:
    """A web server with the three files, which can be told to break connections."""

    files: dict[str, bytes]
    address: str = ""
    breaks: list[int] = field(default_factory=list)
    """For the next connections: bytes after which each breaks."""
    has_tags: bool = True
    heeds_tags: bool = True
    """Whether the rest of a file is sent only if it is the same file still."""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """(file, Range header) of every request."""

    def ranges_of(self, name: str) -> list[str | None]:
        return [asked for file, asked in self.requests if file == name]


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    rng = np.random.default_rng(3)
    made = Mirror({name: b"PK" + rng.bytes(600_000) for name in PUBLISHED_FILES})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            asked = self.headers["Range"]
            made.requests.append((name, asked))
            content = made.files.get(name)
            if content is None:
                self.send_error(404)
                return
            tag = f'"{hashlib.md5(content).hexdigest()}"'
            start = int(asked[6:-1]) if asked and (self.headers["If-Range"] == tag or not made.heeds_tags) else 0
            if start and start >= len(content):
                self.send_response(416)
                self.send_header("ETag", tag)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            if made.has_tags:
                self.send_header("ETag", tag)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end = start + made.breaks.pop(0) if made.breaks else len(content)
            self.wfile.write(content[start:end])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.address = f"http://127.0.0.1:{server.server_port}/weights"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "weights"


def fetch(mirror: Mirror, folder: Path, *more: str) -> int:
    return main(["fetch", "--accept-licence", "--url-base", mirror.address, "--folder", str(folder), *more])


def names_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_nothing_is_fetched_before_the_licence_is_accepted(
    mirror: Mirror, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch", "--url-base", mirror.address, "--folder", str(folder)]) == 2
    told = capsys.readouterr()
    assert "S-Lab License 1.0" in told.out and "NON-COMMERCIAL" in told.out and "https://" in told.out
    assert "--accept-licence" in told.err
    assert mirror.requests == []
    assert not folder.exists()


def test_all_three_files_arrive_whole_and_their_digests_are_recorded(
    mirror: Mirror, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(mirror, folder) == 0
    assert names_in(folder) == {*PUBLISHED_FILES, "weights.json"}
    for name, content in mirror.files.items():
        assert (folder / name).read_bytes() == content
    assert recorded_digests(folder) == {name: sha256(content) for name, content in mirror.files.items()}
    told = capsys.readouterr().out
    assert told.count("no digest was known to compare with: recorded as first seen") == 3


def test_a_program_hears_a_line_of_every_hundredth(
    mirror: Mirror, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = PUBLISHED_FILES[0]
    mirror.files[name] = b"PK" + bytes(40_000_000)
    assert fetch(mirror, folder, "--say-progress") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if re.match(rf"{re.escape(name)}: .* MB", line)]
    assert lines[0] == f"{name}: 0.0 of 40.0 MB" and lines[-1] == f"{name}: 40.0 of 40.0 MB"
    assert 90 < len(lines) <= 101, "not one for every block of the network's"


def test_the_licence_is_shown_by_either_command(capsys: pytest.CaptureFixture[str]) -> None:
    for command, words in ((main, ["licence"]), (backend.main, ["weights", "licence"])):
        assert command(words) == 0
        assert "NON-COMMERCIAL" in capsys.readouterr().out


def test_files_that_are_there_are_not_fetched_again(mirror: Mirror, folder: Path) -> None:
    assert fetch(mirror, folder) == 0
    mirror.requests.clear()
    assert fetch(mirror, folder) == 0
    assert mirror.requests == []


def test_a_broken_connection_is_continued_where_it_broke_within_the_same_run(mirror: Mirror, folder: Path) -> None:
    mirror.breaks = [250_000, 100_000]
    assert fetch(mirror, folder) == 0
    assert mirror.ranges_of(PUBLISHED_FILES[0]) == [None, "bytes=250000-", "bytes=350000-"]
    assert (folder / PUBLISHED_FILES[0]).read_bytes() == mirror.files[PUBLISHED_FILES[0]]


def test_a_run_that_gave_up_is_continued_by_the_next(
    mirror: Mirror, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror.breaks = [100_000, 0]
    assert fetch(mirror, folder) == 2
    told = capsys.readouterr().err
    assert "broke after 100000 bytes" in told and "run the same command again" in told
    assert (folder / f"{PUBLISHED_FILES[0]}.part").stat().st_size == 100_000
    assert not (folder / PUBLISHED_FILES[0]).exists()
    mirror.requests.clear()
    assert fetch(mirror, folder) == 0
    assert mirror.ranges_of(PUBLISHED_FILES[0]) == ["bytes=100000-"]
    assert (folder / PUBLISHED_FILES[0]).read_bytes() == mirror.files[PUBLISHED_FILES[0]]
    assert names_in(folder) == {*PUBLISHED_FILES, "weights.json"}


def test_a_file_that_changed_on_the_server_is_fetched_anew_never_joined(mirror: Mirror, folder: Path) -> None:
    name = PUBLISHED_FILES[0]
    mirror.breaks = [100_000, 0]
    assert fetch(mirror, folder) == 2
    mirror.files[name] = b"PK" + bytes(500_000)
    assert fetch(mirror, folder) == 0
    assert (folder / name).read_bytes() == mirror.files[name]


@pytest.mark.parametrize("begun", [100_000, 500_002])
def test_a_mirror_that_sends_the_rest_of_whatever_it_has_now_is_not_believed(
    begun: int, mirror: Mirror, folder: Path
) -> None:
    """500,002: as long as the whole of the other file, so that it says there is no more to send."""
    name = PUBLISHED_FILES[0]
    mirror.heeds_tags = False
    mirror.breaks = [begun, 0]
    assert fetch(mirror, folder) == 2
    mirror.files[name] = b"PK" + bytes(500_000)
    mirror.requests.clear()
    assert fetch(mirror, folder) == 0
    assert (folder / name).read_bytes() == mirror.files[name]
    assert mirror.ranges_of(name) == [f"bytes={begun}-", None]


def test_a_server_without_tags_is_asked_from_the_start(mirror: Mirror, folder: Path) -> None:
    mirror.has_tags = False
    mirror.breaks = [100_000]
    assert fetch(mirror, folder) == 0
    assert mirror.ranges_of(PUBLISHED_FILES[0]) == [None, None]
    assert (folder / PUBLISHED_FILES[0]).read_bytes() == mirror.files[PUBLISHED_FILES[0]]


def test_a_part_that_is_whole_already_is_not_fetched_again(mirror: Mirror, folder: Path) -> None:
    name = PUBLISHED_FILES[0]
    folder.mkdir()
    (folder / f"{name}.part").write_bytes(mirror.files[name])
    (folder / f"{name}.part.tag").write_text(f'"{hashlib.md5(mirror.files[name]).hexdigest()}"')
    assert fetch(mirror, folder) == 0
    assert mirror.ranges_of(name) == [f"bytes={len(mirror.files[name])}-"]
    assert (folder / name).read_bytes() == mirror.files[name]


def test_a_file_of_another_digest_is_thrown_away(
    mirror: Mirror, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = PUBLISHED_FILES[0]
    assert fetch(mirror, folder, "--sha256", f"{name}={'0' * 64}") == 2
    assert sha256(mirror.files[name]) in capsys.readouterr().err
    assert names_in(folder) == set()


def test_a_file_of_the_digest_asked_for_is_taken(
    mirror: Mirror, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = PUBLISHED_FILES[0]
    assert fetch(mirror, folder, "--sha256", f"{name}={sha256(mirror.files[name]).upper()}") == 0
    assert "(as expected)" in capsys.readouterr().out


def test_a_recorded_digest_binds_later_fetches(
    mirror: Mirror, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(mirror, folder) == 0
    name = PUBLISHED_FILES[2]
    (folder / name).unlink()
    mirror.files[name] = b"PK another"
    assert fetch(mirror, folder) == 2
    assert f"{name} has sha256" in capsys.readouterr().err
    (folder / PUBLISHED_FILES[0]).write_bytes(b"PK changed by somebody")
    assert fetch(mirror, folder) == 2
    assert "delete it to fetch it again" in capsys.readouterr().err


def test_a_web_page_in_place_of_a_checkpoint_is_refused(
    mirror: Mirror, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror.files[PUBLISHED_FILES[0]] = b"<html>please log in</html>"
    assert fetch(mirror, folder) == 2
    assert "is no checkpoint (a web page, perhaps)" in capsys.readouterr().err
    assert names_in(folder) == set()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://127.0.0.1:{closed}", "cannot be reached .*check the network.*--url-base"),
        ("nonsense", "nonsense/raft-things.pth is no web address"),
    ],
)
def test_an_address_that_does_not_answer_is_named(
    address: str, sentence: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = unused.getsockname()[1]
    where = address.format(closed=closed)
    assert main(["fetch", "--accept-licence", "--folder", str(folder), "--url-base", where]) == 2
    assert re.search(sentence, capsys.readouterr().err)


def test_a_slash_at_the_end_of_the_address_does_no_harm(mirror: Mirror, folder: Path) -> None:
    mirror.address += "/"
    assert fetch(mirror, folder) == 0


def test_a_missing_file_on_the_server_is_named(
    mirror: Mirror, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del mirror.files["ProPainter.pth"]
    assert fetch(mirror, folder) == 2
    assert "ProPainter.pth answers 404" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["other.pth=00", "ProPainter.pth=12", "ProPainter.pth"])
def test_a_digest_that_makes_no_sense_is_refused(given: str, mirror: Mirror, folder: Path) -> None:
    assert fetch(mirror, folder, "--sha256", given) == 2
    assert mirror.requests == []


def test_list_tells_what_is_there_what_is_begun_and_what_changed(
    mirror: Mirror, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(mirror, folder) == 0
    first, second, third = PUBLISHED_FILES
    (folder / first).write_bytes(b"PK changed")
    (folder / third).rename(folder / f"{third}.part")
    capsys.readouterr()
    assert main(["list", "--folder", str(folder)]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if ".pth" in line}
    assert lines[first].endswith("NOT AS RECORDED")
    assert lines[second].endswith("as recorded") and sha256(mirror.files[second]) in lines[second]
    assert "begun, 0.6 MB so far" in lines[third]


def test_path_tells_the_folder_in_use_or_where_it_would_be(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["path"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "data" / "propainter-remove" / "weights")
    folder.mkdir()
    for name in PUBLISHED_FILES:
        (folder / name).write_bytes(b"PK")
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    assert main(["path"]) == 0
    assert capsys.readouterr().out.strip() == str(folder)


def test_verify_loads_every_tensor_and_names_what_is_broken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    golden.standin_folder(folder)
    assert main(["verify", "--folder", str(folder)]) == 0
    assert "every tensor fits its network" in capsys.readouterr().out
    assert json.loads((folder / "weights.json").read_text())["sha256"].keys() == set(PUBLISHED_FILES)
    with (folder / "ProPainter.pth").open("r+b") as file:
        file.truncate(1000)
    assert main(["verify", "--folder", str(folder)]) == 2
    assert "ProPainter.pth is not the file recorded" in capsys.readouterr().err
    (folder / "weights.json").unlink()
    assert main(["verify", "--folder", str(folder)]) == 2
    assert "ProPainter.pth is truncated" in capsys.readouterr().err


def test_a_full_disk_is_told_and_what_arrived_is_kept(
    mirror: Mirror, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        assert fetch(mirror, folder) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert re.search(r"raft-things\.pth\.part cannot be written \(.*\); make room", capsys.readouterr().err)
    assert fetch(mirror, folder) == 0
    assert mirror.ranges_of(PUBLISHED_FILES[0])[-1] is not None
    assert (folder / PUBLISHED_FILES[0]).read_bytes() == mirror.files[PUBLISHED_FILES[0]]


def test_a_mirror_that_sends_without_end_does_not_fill_the_disk(
    mirror: Mirror, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_BYTES", 10)
    assert fetch(mirror, folder) == 2
    assert "no checkpoint is" in capsys.readouterr().err
    assert names_in(folder) == set()
