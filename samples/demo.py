"""The demonstration: the real node, in the headless host, with a daemon it starts itself, on the sample shot.

Writes to ``out/demo``: the node's frames, an mp4 of them, a before | matte | after sheet and the daemon's report of the same
shot. Run by ``make demo``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from propainter_backend.removal.contact_sheet import SheetRow, make_contact_sheet
from propainter_pictures.mattes import read_matte
from propainter_pictures.plates import open_source
from propainter_pictures.results import open_sink
from propainter_wire.client import Client
from propainter_wire.errors import BackendUnreachable

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PLATE, MATTE = ROOT / "samples/synth-pan/plate", ROOT / "samples/synth-pan/matte"
OUT = ROOT / "out/demo"
ROWS = 4


def main() -> int:
    """Returns the exit code of the first step that failed."""
    bundle = ROOT / "build/ofx/ProPainterRemove.ofx.bundle"
    with tempfile.TemporaryDirectory(prefix="propainter-demo-") as private:
        # A daemon of the demonstration's own, with an empty cache: what is timed is a first render.
        os.environ["PROPAINTER_RUNTIME_DIR"] = f"{private}/run"
        os.environ["XDG_CACHE_HOME"] = f"{private}/cache"
        os.environ["PROPAINTER_BACKEND"] = str(BIN / "propainter-backend")
        os.environ.pop("PROPAINTER_CONNECTION", None)
        try:
            started = time.monotonic()
            node = [BIN / "propainter-ofx", "--plugin", bundle, "--source", PLATE, "--mask", MATTE]
            how = ["--output", OUT / "frames", "--profile", "natron", "--param", "engine=Classical", "--strict"]
            code = subprocess.run([*node, *how], check=False).returncode
            if code:
                return code
            print(f"the node cleaned the shot in {time.monotonic() - started:.1f} s")
            again = [
                BIN / "propainter-remove",
                "--backend",
                "--plate",
                PLATE,
                "--matte",
                MATTE,
                "--engine",
                "classical",
            ]
            code = subprocess.run(
                [*again, "--output", OUT / "same", "--report", OUT / "report.json", "--quiet"], check=False
            ).returncode
            if code:
                return code
            tell_sameness()
            show()
        finally:
            stop_daemon()
    print(f"look at {OUT / 'sheet.png'}, {OUT / 'synth-pan.mp4'} and {OUT / 'frames'}")
    return 0


def tell_sameness() -> None:
    """Say whether node and command line agree, and what the second render cost."""
    node, command = open_source(str(OUT / "frames")), open_source(str(OUT / "same"))
    numbers = range(node.range.first, node.range.last + 1)
    same = sum((node.read(n).rgb() == command.read(n).rgb()).all() for n in numbers)
    report = json.loads((OUT / "report.json").read_text())
    computed = sum(report["stages"][stage]["computed"] for stage in ("flow", "completion", "propagation", "painting"))
    print(
        f"propainter-remove through the same daemon: {same} of {len(numbers)} frames are bit-identical to the node's; "
        f"{computed} units had to be computed, in {report['seconds']:.1f} s; engine {report['engine']}"
    )


def show() -> None:
    """Make the sheet and the video from the node's frames."""
    plate, matte, after = open_source(str(PLATE)), open_source(str(MATTE)), open_source(str(OUT / "frames"))
    first, last = plate.range.first, plate.range.last
    rows = [
        SheetRow(n, plate.read(n).rgb(), read_matte(matte.read(n)), after.read(n).rgb())
        for n in (first + (last - first) * k // (ROWS - 1) for k in range(ROWS))
    ]
    make_contact_sheet(rows, OUT / "sheet.png", title="ProPainter Remove  |  the node, engine classical")
    with open_sink(str(OUT / "synth-pan.mp4"), like=plate, frames=plate.range) as video:
        for number in range(first, last + 1):
            video.write(number, after.read(number))


def stop_daemon() -> None:
    """End the daemon that the node started; there is none if the node never got so far."""
    try:
        with Client.connect() as client:
            client.stop()
    except BackendUnreachable:
        return


if __name__ == "__main__":
    raise SystemExit(main())
