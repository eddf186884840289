"""Put a release together in dist/: an archive for each system, and what they are made of: wheel, sdist, the zips of node and
minihost, installers, list of contents, licences, checksums.

    python installer/make_release.py        (make release builds the node for this system first)
    python installer/make_release.py --offline        also an archive with all packages, for machines without a network
    RELEASE_KEY=~/.ssh/release python installer/make_release.py        signs SHA256SUMS, too (ssh-keygen)

The same inputs give the same bytes: dates are those of the last commit (SOURCE_DATE_EPOCH), orders are sorted, the list of
contents is numbered by what is in it. A node that was not built for a system, or from older sources, is left out, and said.
Not here: building the node (``host_plugin/ofx/build_bundle.py``), what third parties' licences say (``third_parties.py``).
"""

from __future__ import annotations

import ensurepip
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from archives import pack_all, pin_of, zip_member
from propainter_install.places import BUNDLE, MINIHOST
from propainter_install.release import digest_of
from third_parties import list_of_contents, our_parts, part_of_wheel, texts_of_licences
from wheelhouse import fetch_wheels, name_of_this_system

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"linux-x86_64": "Linux-x86-64", "windows-x86_64": "Win64", "macos-universal": "MacOS"}
SIGNED_FOR = "propainter-remove-release"
"""What a signature is for: one for something else proves nothing here."""
COPIED = (
    "constraints.txt", "LICENSE", "WEIGHTS-LICENSE.md", "CHANGELOG.md", "TESTED.md", "installer/install.sh",
    "installer/install.ps1", "installer/install.cmd",
)  # fmt: skip


def main() -> None:
    arguments = [one for one in sys.argv[1:] if one != "--offline"]
    dist = Path(arguments[0]).resolve() if arguments else ROOT / "dist"
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct"))
    if _git("status", "--porcelain"):
        print("this tree differs from its last commit; such a release is for trying out", file=sys.stderr)
    build = ROOT / "build"
    make_release(dist, build / "ofx" / BUNDLE, build / "minihost", epoch, is_offline="--offline" in sys.argv)


def make_release(dist: Path, bundle: Path, minihosts: Path, epoch: int, *, is_offline: bool = False) -> None:
    """Everything, into an emptied folder. epoch: seconds since 1970 for every date inside.

    bundle: the node as built. minihosts: the programs as built, each in a folder named as its system's in the bundle.
    is_offline: fetch the packages for this system, too, and make an archive with them.
    """
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    build = [sys.executable, "-m", "hatchling", "build", "--directory", str(dist)]
    subprocess.run(build, cwd=ROOT, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}, check=True, stdout=2)
    version = next(dist.glob("*.whl")).name.split("-")[1]
    for name, folder in FOLDERS.items():
        why_not = _why_not(bundle, folder)
        if why_not:
            print(f"without the node for {name}: {why_not}", file=sys.stderr)
        else:
            _zip_bundle(bundle, folder, dist / f"ProPainterRemove-{version}-{name}.zip", epoch)
        programs = sorted((minihosts / folder).glob(f"{MINIHOST}*"))
        why_not = _why_stale(programs[0], "minihost") if programs else "it was not built; make plugin-all builds it"
        if why_not:
            print(f"without the minihost for {name}: {why_not}", file=sys.stderr)
        else:
            _zip(dist / f"{MINIHOST}-{version}-{name}.zip", {programs[0].name: programs[0]}, epoch)
    for name in COPIED:
        shutil.copy(ROOT / name, dist)
    parts = [*our_parts(), part_of_wheel(_bring_pip(dist))]
    (dist / "sbom.cdx.json").write_text(list_of_contents(version, parts, epoch), encoding="utf-8")
    (dist / "THIRD-PARTY-LICENSES.txt").write_text(texts_of_licences(parts), encoding="utf-8")
    wheelhouses = {}
    if is_offline:
        folder = dist.with_name(f"{dist.name}-wheels")
        shutil.rmtree(folder, ignore_errors=True)
        wheelhouses[name_of_this_system()] = fetch_wheels(dist, folder)
    archives = pack_all(dist, version, epoch, wheelhouses=wheelhouses)
    write_sums(dist)
    if os.environ.get("RELEASE_KEY"):
        sign_sums(dist, Path(os.environ["RELEASE_KEY"]).expanduser())
    for path in sorted(dist.iterdir()):
        print(f"{path.stat().st_size:>10} {path.name}")
    print("make these known apart from the files, for --pin:")
    print(f"{digest_of(dist / 'SHA256SUMS')}  SHA256SUMS")
    for archive in archives:
        print(f"{pin_of(archive)}  SHA256SUMS in {archive.name}")


def _bring_pip(dist: Path) -> Path:
    """A pip of our own: Debian's and Ubuntu's Python has none to put into an environment."""
    bundled = sorted((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    if not bundled:
        raise SystemExit(f"{sys.executable} carries no pip; make the release with a Python that does")
    return Path(shutil.copyfile(bundled[-1], dist / bundled[-1].name))


def _why_not(bundle: Path, folder: str) -> str:
    """Why there is no node for a system; empty: there is."""
    binary = bundle / "Contents" / folder / "ProPainterRemove.ofx"
    if not binary.exists():
        return "it was not built; make plugin-all builds it"
    return _why_stale(binary, "ofx")


def _why_stale(binary: Path, tree: str) -> str:
    """Why a binary is not that of the sources in host_plugin/<tree>; empty: it is."""
    home = ROOT / "host_plugin"
    folders = (home / tree / "src", home / "ofx" / "include")
    sources = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".cpp", ".h")]
    if binary.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        return "it is older than its sources; make plugin-all builds it anew"
    return ""


def _zip_bundle(bundle: Path, folder: str, target: Path, epoch: int) -> None:
    files = {f"{BUNDLE}/{path.relative_to(bundle).as_posix()}": path for path in _bundle_files(bundle, folder)}
    _zip(target, files, epoch)


def _zip(target: Path, files: dict[str, Path], epoch: int) -> None:
    """The files by their names in the archive; programs and plug-ins may be executed."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            member = zip_member(name, epoch)
            member.compress_type = zipfile.ZIP_DEFLATED
            is_program = path.suffix == ".ofx" or path.stem == MINIHOST
            member.external_attr = (0o100755 if is_program else 0o100644) << 16
            archive.writestr(member, path.read_bytes())


def _bundle_files(bundle: Path, folder: str) -> Iterator[Path]:
    yield bundle / "Contents" / "Info.plist"
    for part in ("Resources", folder):
        yield from sorted((bundle / "Contents" / part).iterdir())


def sign_sums(dist: Path, key: Path) -> None:
    """SHA256SUMS.sig, by an SSH key: whoever has its public half can tell who made the release (docs/td.md)."""
    (dist / "SHA256SUMS.sig").unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", SIGNED_FOR, str(dist / "SHA256SUMS")]
    subprocess.run(command, check=True)


def write_sums(dist: Path) -> None:
    """In the form of sha256sum -c."""
    found = [path for path in sorted(dist.iterdir()) if path.name not in ("SHA256SUMS", "SHA256SUMS.sig")]
    lines = [f"{digest_of(path)}  {path.name}\n" for path in found]
    (dist / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
