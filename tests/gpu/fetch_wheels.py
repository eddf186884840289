"""Fetch the wheels that ``run.py`` needs on a bare Linux machine with Python 3.12, at the versions this environment has.

    python tests/gpu/fetch_wheels.py FOLDER [MODULE ...]

Without names: all of them. A machine that has some already needs only the others; ``run.py`` names what it lacks. torch is
never fetched.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

from run import FOR_TESTS, NEEDS

PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in (17, 24, 27, 28, 31, 34)] + ["manylinux2014_x86_64"]


def main(folder: str, *names: str) -> None:
    every = {**NEEDS, **FOR_TESTS}
    for name in names or every:
        package = every.get(name, name)
        try:
            wanted = f"{package}=={version(package)}"
        except PackageNotFoundError:
            wanted = package
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--python-version", "3.12", "--implementation", "cp", "--dest", folder]
        command += [word for platform in PLATFORMS for word in ("--platform", platform)]
        subprocess.run([*command, wanted], check=True)
        print(wanted, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
