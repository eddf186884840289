"""Getting the weights from the first window: the licence comes first, the download is the command's own."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from propainter.weights import FOLDER_VARIABLE, PUBLISHED_FILES
from propainter_ui.first_run.findings import Finding

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.first_run.weights import WeightsCard

LACKING = [Finding("note", "the weights are not installed", "fetch them", about="weights")]
PATIENCE_MS = 120_000


class Mirror(ThreadingHTTPServer):
    """Serves a folder, and counts what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                asked.append(self.path)

        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A web server on this machine with three files that begin as checkpoints do; the backend's command asks it."""
    for name in PUBLISHED_FILES:
        (tmp_path / "web").mkdir(exist_ok=True)
        (tmp_path / "web" / name).write_bytes(b"PK" + bytes(3_000_000))
    with Mirror(tmp_path / "web") as server:
        program = tmp_path / "propainter-backend"
        program.write_text(
            f"#!{sys.executable}\n"
            "import sys\n"
            "from propainter_backend.commands.backend import main\n"
            f"address = ['--url-base', 'http://127.0.0.1:{server.server_port}']\n"
            "sys.exit(main(sys.argv[1:] + (address if 'fetch' in sys.argv else [])))\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PROPAINTER_BACKEND", str(program))
        monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "weights"))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def card(qtbot: QtBot) -> Iterator[WeightsCard]:
    from propainter_ui.first_run.weights import WeightsCard

    card = WeightsCard()
    qtbot.addWidget(card)
    card.show_findings(LACKING)
    card.show()
    yield card
    card.work.close()


def ended(qtbot: QtBot, card: WeightsCard) -> str:
    qtbot.waitUntil(lambda: card.get.isVisible() and card.get.isEnabled(), timeout=PATIENCE_MS)
    return card.more.text()


def asked_for(qtbot: QtBot, card: WeightsCard) -> None:
    card.get.click()
    qtbot.waitUntil(lambda: card.dialog is not None and card.dialog.isVisible(), timeout=PATIENCE_MS)


def test_nothing_is_downloaded_before_the_licence_is_accepted(qtbot: QtBot, card: WeightsCard, mirror: Mirror) -> None:
    asked_for(qtbot, card)
    assert card.dialog is not None
    said = card.dialog.words.toPlainText()
    assert "NON-COMMERCIAL" in said and "https://" in said
    card.dialog.reject()
    assert ended(qtbot, card) == ""
    assert not mirror.asked


def test_what_is_accepted_arrives_and_the_doctor_is_asked_again(
    qtbot: QtBot, card: WeightsCard, mirror: Mirror, tmp_path: Path
) -> None:
    told: list[str] = []
    doctor: list[bool] = []
    card.work.progressed.connect(told.append)
    card.has_changed.connect(lambda: doctor.append(True))
    asked_for(qtbot, card)
    assert card.dialog is not None
    card.dialog.accept_button.click()
    assert card.cancel.isVisible() and not card.get.isVisible()
    assert "complete." in ended(qtbot, card) and doctor
    assert {path.name for path in (tmp_path / "weights").iterdir()} == {*PUBLISHED_FILES, "weights.json"}
    assert told and told[-1] == f"{PUBLISHED_FILES[-1]}: 3.0 of 3.0 MB."
    card.show_findings([Finding("ok", "weights", about="weights")])
    assert not card.get.isVisible()


@pytest.mark.slow
def test_a_mirror_that_lacks_a_file_is_a_sentence_and_another_try_goes_on(
    qtbot: QtBot, card: WeightsCard, mirror: Mirror, tmp_path: Path
) -> None:
    lacking = tmp_path / "web" / PUBLISHED_FILES[1]
    lacking.rename(tmp_path / "aside")
    for is_there in (False, True):
        if is_there:
            (tmp_path / "aside").rename(lacking)
        asked_for(qtbot, card)
        assert card.dialog is not None
        card.dialog.accept_button.click()
        said = ended(qtbot, card)
        assert ("complete." in said) == is_there or "404" in said
    assert sum(PUBLISHED_FILES[0] in path for path in mirror.asked) == 1, "what is there is not fetched again"


@pytest.mark.slow
def test_a_download_that_is_cancelled_is_gone_on_with(
    qtbot: QtBot, card: WeightsCard, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    monkeypatch.setattr(SimpleHTTPRequestHandler, "copyfile", held_back(gate))
    asked_for(qtbot, card)
    assert card.dialog is not None
    card.dialog.accept_button.click()
    qtbot.waitUntil(lambda: bool(mirror.asked), timeout=PATIENCE_MS)
    card.cancel.click()
    assert ended(qtbot, card).startswith("Stopped.")
    gate.set()
    assert not (tmp_path / "weights" / "weights.json").exists()


def held_back(gate: threading.Event) -> Callable[..., None]:
    def copyfile(handler: SimpleHTTPRequestHandler, source: object, outputfile: object) -> None:
        gate.wait(60)

    return copyfile
