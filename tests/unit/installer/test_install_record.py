"""What was written is taken away again, what a user changed stays, and a run that fails leaves the machine as it was."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from propainter_install.errors import InstallError
from propainter_install.pieces import Aside, Block, Folder, Link, Piece, TextFile, Tree, Work
from propainter_install.record import Record, remove


class Place:
    """A folder with a record in it, and what the run had to say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "app" / "installed.json"
        self.said: list[str] = []

    def put(self, *pieces: Piece) -> Work:
        record = Record.load(self.path)
        record.make_folder(self.path.parent)
        work = Work(record, self.said.append)
        for piece in pieces:
            piece.put(work)
        record.save()
        return work

    def take_away(self) -> None:
        record = Record.load(self.path)
        for entry in sorted(
            record.entries.values(), key=lambda entry: (entry.kind != "folder", entry.path), reverse=True
        ):
            if entry.kind != "folder":
                remove(record, entry, leave=self.said.append)
        self.path.unlink()
        for path in sorted(record.entries, reverse=True):
            remove(record, record.entries[path], leave=self.said.append)

    def look(self) -> dict[str, str]:
        return {str(path.relative_to(self.folder)): look_at(path) for path in sorted(self.folder.rglob("*"))}


def look_at(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    if path.is_dir():
        return "folder"
    return f"{stat.S_IMODE(path.stat().st_mode):o} {hashlib.sha256(path.read_bytes()).hexdigest()}"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = tmp_path / "home"
    folder.mkdir()
    return Place(folder)


def make_two(folder: Path) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to("/usr/bin/python3")
    (folder / "module.py").write_text("answer = 42\n")


def everything(place: Place, text: bytes = b"ours\n") -> list[Piece]:
    return [
        Tree(place.folder / "app" / "environment", "a tree", make_two),
        TextFile(place.folder / "deep" / "down" / "file.conf", text),
        Link(place.folder / "bin" / "command", "/opt/command"),
        Block(place.folder / "init.py", ("import nuke",)),
        Folder(place.folder / "cache" / "ours"),
    ]


def test_what_was_put_in_place_is_taken_away_without_a_trace(place: Place) -> None:
    (place.folder / "init.py").write_bytes(b"import os  # no line end")
    (place.folder / "init.py").chmod(0o640)
    before = place.look()
    place.put(*everything(place))
    assert (place.folder / "init.py").read_text().startswith("import os  # no line end\n# >>> propainter-remove")
    assert stat.S_IMODE((place.folder / "init.py").stat().st_mode) == 0o640
    place.take_away()
    assert place.look() == before and place.said == []


def test_installing_twice_is_installing_once_and_an_update_replaces(place: Place) -> None:
    place.put(*everything(place))
    once = place.look()
    place.put(*everything(place))
    assert place.look() == once
    place.put(*everything(place, b"newer\n"))
    assert (place.folder / "deep/down/file.conf").read_bytes() == b"newer\n"
    place.take_away()
    assert place.look() == {} and place.said == []


def test_what_the_user_changed_stays_and_is_named(place: Place) -> None:
    place.put(*everything(place))
    changed = place.folder / "deep" / "down" / "file.conf"
    changed.write_text("mine\n")
    module = place.folder / "app" / "environment" / "module.py"
    module.write_text("answer = 43\n")
    added = place.folder / "app" / "environment" / "notes.txt"
    added.write_text("mine\n")
    compiled = place.folder / "app" / "environment" / "__pycache__" / "module.cpython-311.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"left by Python")
    (place.folder / "bin" / "command").unlink()
    (place.folder / "bin" / "command").symlink_to("/mine")
    place.take_away()
    kept = [path for path in place.folder.rglob("*") if path.is_file() or path.is_symlink()]
    assert sorted(kept) == sorted([changed, module, added, place.folder / "bin" / "command"])
    assert len(place.said) == 4
    for path in kept:
        assert any(str(path) in sentence for sentence in place.said)


def test_an_update_keeps_what_the_user_changed(place: Place) -> None:
    place.put(*everything(place))
    (place.folder / "deep/down/file.conf").write_text("mine\n")
    place.put(*everything(place, b"newer\n"))
    assert (place.folder / "deep/down/file.conf").read_text() == "mine\n"
    assert "was changed since it was installed" in place.said[0]


def test_a_users_empty_file_is_empty_again_and_a_made_one_gone(place: Place) -> None:
    (place.folder / "init.py").touch()
    before = place.look()
    place.put(Block(place.folder / "init.py", ("import nuke",)), Block(place.folder / "menu.py", ("import nuke",)))
    place.take_away()
    assert place.look() == before


def test_the_daemons_folders_are_private(place: Place) -> None:
    place.put(Folder(place.folder / "cache" / "ours"))
    assert stat.S_IMODE((place.folder / "cache" / "ours").stat().st_mode) == 0o700


def test_a_users_lines_around_and_inside_the_block_are_safe(place: Place) -> None:
    init = place.folder / "init.py"
    init.write_text("before = 1\n")
    place.put(Block(init, ("import nuke", "nuke.pluginAddPath('/v1')")))
    init.write_text(init.read_text() + "after = 2\n")
    place.put(Block(init, ("import nuke", "nuke.pluginAddPath('/v2')")))
    assert init.read_text().count("pluginAddPath") == 1 and "/v2" in init.read_text()
    place.take_away()
    assert init.read_text() == "before = 1\nafter = 2\n"
    place.put(Block(init, ("import nuke",)))
    init.write_text(init.read_text().replace("import nuke", "import nuke, mine"))
    place.take_away()
    assert "import nuke, mine" in init.read_text() and "they stay" in place.said[-1]


@pytest.mark.parametrize("piece", ["file", "tree"])
def test_somebody_elses_file_in_the_way_is_refused(place: Place, piece: str) -> None:
    theirs = place.folder / "theirs"
    if piece == "tree":
        theirs.mkdir()
        wanted: Piece = Tree(theirs, "a tree", make_two)
    else:
        theirs.write_text("theirs\n")
        wanted = TextFile(theirs, b"ours\n")
    with pytest.raises(InstallError, match="theirs is there and was not"):
        place.put(wanted)
    assert not (theirs / "module.py").exists()


def test_somebody_elses_command_of_the_same_name_stays(place: Place) -> None:
    theirs = place.folder / "bin" / "command"
    theirs.parent.mkdir()
    theirs.write_text("theirs\n")
    place.put(Link(theirs, "/opt/command"))
    assert theirs.read_text() == "theirs\n" and "it stays" in place.said[0]
    place.take_away()
    assert theirs.read_text() == "theirs\n"


def test_a_cache_is_moved_aside_and_comes_back_unless_the_host_made_a_newer_one(place: Place) -> None:
    cache = place.folder / "OFXPluginCacheV2.xml"
    cache.write_text("from before")
    place.put(Aside(cache, "Resolve"))
    assert not cache.exists()
    cache.write_text("from between")
    place.put(Aside(cache, "Resolve"))
    assert not cache.exists()
    place.take_away()
    assert cache.read_text() == "from before"
    place.put(Aside(cache, "Resolve"))
    cache.write_text("newer")
    place.take_away()
    assert cache.read_text() == "newer" and "Resolve" not in place.said
    assert "newer OFXPluginCacheV2.xml" in place.said[-1]


def test_taking_back_a_run_restores_every_byte(place: Place) -> None:
    (place.folder / "init.py").write_text("mine = 1\n")
    place.put(*everything(place))
    before = {name: what for name, what in place.look().items() if name != "app/installed.json"}
    newer = [Link(place.folder / "bin" / "command", "/newer"), Link(place.folder / "bin" / "more", "/opt/more")]
    work = place.put(*everything(place, b"newer\n"), *newer, TextFile(place.folder / "deep" / "other", b"new\n"))
    for undo in reversed(work.undo):
        undo()
    assert {name: what for name, what in place.look().items() if name != "app/installed.json"} == before


def test_a_tree_that_broke_off_is_made_anew(place: Place) -> None:
    tree = place.folder / "app" / "environment"

    def die(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.put(Tree(tree, "a tree", die))
    assert (tree / "half").exists()  # as after kill -9: nothing was taken back
    place.put(Tree(tree, "a tree", make_two))
    assert not (tree / "half").exists() and (tree / "module.py").exists()
    (tree / "module.py").unlink()
    place.put(Tree(tree, "a tree", make_two))
    assert (tree / "module.py").exists()
    place.take_away()
    assert place.look() == {}


def test_the_record_tells_of_a_file_before_the_file_is_there(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place.folder / "file"
    place.put(TextFile(path, b"old\n"))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TextFile, "_write", die)
    with pytest.raises(KeyboardInterrupt):
        place.put(TextFile(path, b"new\n"))
    monkeypatch.undo()
    digests = Record.load(place.path).entries[str(path)].digests
    assert digests == [hashlib.sha256(text).hexdigest() for text in (b"old\n", b"new\n")]
    for text in (b"old\n", b"new\n"):
        path.write_bytes(text)
        record = Record.load(place.path)
        remove(record, record.entries[str(path)], leave=place.said.append)
        assert not path.exists()


@pytest.mark.parametrize("content", ["{", json.dumps({"format": 99})])
def test_a_damaged_or_foreign_record_is_refused(place: Place, content: str) -> None:
    place.path.parent.mkdir()
    place.path.write_text(content)
    with pytest.raises(InstallError, match=r"installed\.json"):
        Record.load(place.path)


def test_folders_that_were_there_stay_even_when_they_are_empty(place: Place) -> None:
    (place.folder / "deep").mkdir()
    place.put(*everything(place))
    os.utime(place.folder)
    place.take_away()
    assert place.look() == {"deep": "folder"}
