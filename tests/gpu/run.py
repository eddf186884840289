"""Tests or benchmark of a GPU on a bare machine: an NVIDIA card, Python, torch. One log; nothing is installed for good.

    python tests/gpu/run.py test|bench [--device auto|cuda|cpu] [--wheels DIR] [--log FILE]

What else they need is looked for in this Python; what is missing there is unpacked from the wheels into ``out/gpu/site``.
Without a card it says so in one sentence and ends with 0. ``--device cpu`` lets the processor stand in: all of the way is
walked but CUDA. ``PROPAINTER_GOLDEN`` names a folder of golden vectors other than ``tests/data/golden``.

Here: finding a card and what is needed, the log. Not here: the tests (this folder), the benchmark
(``tests/benchmarks/gpu.py``), fetching wheels (``make gpu-wheels``). Standard library only: nothing else is there yet.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "out" / "gpu" / "site"
PATHS = [ROOT, ROOT / "backend", ROOT / "tests"]
NEEDS = {
    "numpy": "numpy", "jaxtyping": "jaxtyping", "wadler_lindig": "wadler_lindig", "cv2": "opencv-python-headless",
    "zmq": "pyzmq", "msgpack": "msgpack", "xxhash": "xxhash", "psutil": "psutil", "platformdirs": "platformdirs",
    "tqdm": "tqdm", "OpenImageIO": "OpenImageIO", "av": "av", "safetensors": "safetensors",
}  # fmt: skip
"""What the engine and the daemon import beside torch: module and wheel."""
FOR_TESTS = {
    "pytest": "pytest", "pytest_timeout": "pytest-timeout", "hypothesis": "hypothesis", "beartype": "beartype",
    "iniconfig": "iniconfig", "pluggy": "pluggy", "packaging": "packaging", "pygments": "Pygments",
    "sortedcontainers": "sortedcontainers",
}  # fmt: skip
LIMIT_S = 240
"""Of each on a card. A processor that stands in takes what it takes."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("test", "bench"))
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--wheels", type=Path, help="folder of wheels, for what this Python lacks")
    parser.add_argument("--log", type=Path, help="where all that is said is kept, too (default: out/gpu/WHAT.log)")
    options = parser.parse_args()
    card = card_of()
    if options.device != "cpu" and card is None:
        print(
            f"No NVIDIA card that torch can use is found, so the GPU {options.what} is skipped (DEVICE=cpu stands in)."
        )
        return 0
    needs = {**NEEDS, **(FOR_TESTS if options.what == "test" else {})}
    environ = environment("cpu" if options.device == "cpu" else "cuda")
    lacking = missing(needs, environ)
    if lacking and options.wheels is not None:
        unpack(options.wheels, [needs[name] for name in lacking])
        lacking = missing(needs, environ)
    if lacking:
        names = " ".join(sorted(needs[name] for name in lacking))
        print(
            f"This Python lacks {names}; fetch wheels with 'make gpu-wheels' and name their folder: WHEELS=",
            file=sys.stderr,
        )
        return 2
    log = options.log or ROOT / "out" / "gpu" / f"{options.what}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    return logged(command_of(options.what, environ["PROPAINTER_TEST_DEVICE"]), environ, log, card or "no card")


def card_of() -> str | None:
    """Its name, as torch has it. A process of its own: to ask takes room on the card."""
    asked = "import torch; print(torch.cuda.get_device_name(0) if torch.cuda.is_available() else '')"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", asked], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def environment(device: str) -> dict[str, str]:
    paths = [str(path) for path in (SITE, *PATHS)]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PROPAINTER_TEST_DEVICE": device,
        "OMP_WAIT_POLICY": "passive",
        "PYTHONUNBUFFERED": "1",
    }


def missing(needs: dict[str, str], environ: dict[str, str]) -> list[str]:
    asked = "import importlib.util, sys; print(*[n for n in sys.argv[1:] if importlib.util.find_spec(n) is None])"
    done = subprocess.run(
        [sys.executable, "-c", asked, *needs], env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def unpack(wheels: Path, names: list[str]) -> None:
    """What is lacking, into a folder of its own; torch stays the machine's. What no wheel is there for is told later."""
    there = [
        str(wheel) for wheel in sorted(wheels.glob("*.whl")) if normal(wheel.name.split("-")[0]) in map(normal, names)
    ]
    if there:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--upgrade"]
        subprocess.run([*install, "--target", str(SITE), *there], check=False)


def normal(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


def command_of(what: str, device: str) -> list[str]:
    if what == "bench":
        benchmark = ROOT / "tests" / "benchmarks" / "gpu.py"
        limit = ["--budget-s", str(LIMIT_S - 20)] if device == "cuda" else ["--small"]
        return [sys.executable, str(benchmark), "--device", device, *limit]
    return [
        sys.executable, "-m", "pytest", "-m", "gpu", "-rP", "--durations=10", "-p", "no:cacheprovider",
        str(ROOT / "tests" / "gpu"),
    ]  # fmt: skip


def logged(command: list[str], environ: dict[str, str], log: Path, card: str) -> int:
    """Run it, show what it says and keep it. Returns its exit code."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    with log.open("w", encoding="utf-8") as kept:
        kept.write(f"{' '.join(command)}\ncard: {card}; commit {commit.stdout.strip() or 'unknown'}\n")
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                sys.stdout.write(line)
                kept.write(line)
                kept.flush()
    print(f"the log is in {log}")
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
