"""Build the node's release bundle for every system with one compiler: the zig of PyPI, which brings clang and every libc.

    python host_plugin/ofx/build_bundle.py [linux] [windows] [macos]      (none named: linux)

Here: compiling and putting the bundle together at build/ofx/ProPainterRemove.ofx.bundle. Not here: checking what came out
(``check_bundle.py``), the everyday build (``CMakeLists.txt``). The Linux binary asks for no newer C library than 2.17, so it
loads wherever Nuke and Resolve do; g++ on a current system would ask for that system's.
"""

from __future__ import annotations

import argparse
import plistlib
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NAME = "ProPainterRemove"
IDENTIFIER = "org.propainter-remove.Remove"
VERSION = "1.0"

# -ffp-contract=off: a pixel is told from an untouched one by computing it twice, and both must round alike.
COMMON = ["-std=c++17", "-fPIC", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-ffp-contract=off", "-O2"]
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Werror"]


@dataclass(frozen=True)
class Target:
    """One binary: what to compile, for whom."""

    triple: str
    without: tuple[str, ...]
    """Endings of source names that belong to other systems."""
    link: tuple[str, ...]


LINUX = Target(
    "x86_64-linux-gnu.2.17",
    ("_win", "_none"),
    (f"-Wl,--version-script={HERE / 'exports.map'}", "-Wl,-z,nodelete", "-Wl,-Bsymbolic", "-Wl,-s"),
)
WINDOWS = Target("x86_64-windows-gnu", ("_posix", "_linux"), ("-lws2_32", "-Wl,-s"))
MACS = tuple(Target(f"{cpu}-macos", ("_win", "_linux"), ()) for cpu in ("aarch64", "x86_64"))


def main() -> None:
    systems = ("linux", "windows", "macos")
    parser = argparse.ArgumentParser(description="Build the OpenFX bundle.")
    parser.add_argument("systems", nargs="*", choices=[*systems, []], help="default: linux")
    wanted = parser.parse_args().systems or ["linux"]
    bundle = ROOT / "build" / "ofx" / f"{NAME}.ofx.bundle"
    contents = bundle / "Contents"
    if "linux" in wanted:
        build(LINUX, contents / "Linux-x86-64" / f"{NAME}.ofx")
    if "windows" in wanted:
        build(WINDOWS, contents / "Win64" / f"{NAME}.ofx")
    if "macos" in wanted:
        build_universal(contents / "MacOS" / f"{NAME}.ofx")
    write_resources(contents)
    print(bundle)  # noqa: T201 - the result of this program


def build(target: Target, binary: Path) -> None:
    """Compile and link one target; raises CalledProcessError with the compiler's own words on its stderr."""
    objects = ROOT / "build" / "ofx-objects" / target.triple
    binary.parent.mkdir(parents=True, exist_ok=True)
    sources = [path for path in sorted((HERE / "src").rglob("*.cpp")) if not path.stem.endswith(target.without)]
    names = [source.relative_to(HERE / "src").with_suffix(".o") for source in sources]
    compiled = [compile_one(target, source, objects / name) for source, name in zip(sources, names, strict=True)]
    zig(target, ["-shared", *map(str, compiled), *target.link, "-o", str(binary)])
    for leftover in (path for kind in ("*.lib", "*.pdb") for path in binary.parent.glob(kind)):
        leftover.unlink()  # what Windows linkers leave beside a library


def compile_one(target: Target, source: Path, compiled: Path) -> Path:
    """One object file, unless it is newer than every source and header."""
    compiled.parent.mkdir(parents=True, exist_ok=True)
    inputs = [source, *(HERE / "src").rglob("*.h"), *(HERE / "include").glob("*.h")]
    if not compiled.exists() or compiled.stat().st_mtime < max(path.stat().st_mtime for path in inputs):
        includes = [f"-I{HERE / 'include'}", f"-I{HERE / 'src'}"]
        zig(target, [*COMMON, *WARNINGS, *includes, "-c", str(source), "-o", str(compiled)])
    return compiled


def zig(target: Target, arguments: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "ziglang", "c++", "-target", target.triple, *arguments], check=True)


def build_universal(binary: Path) -> None:
    """Both Macs in one file, as hosts expect: a fat header (big-endian, Mach-O reference) in front of the two."""
    cpu_types = {"aarch64": (0x0100000C, 0), "x86_64": (0x01000007, 3)}
    page = 1 << 14
    header, body, offset = struct.pack(">II", 0xCAFEBABE, len(MACS)), b"", page
    for target in MACS:
        thin = ROOT / "build" / "ofx-objects" / target.triple / f"{NAME}.dylib"
        build(target, thin)
        image = thin.read_bytes()
        cpu, subtype = cpu_types[target.triple.split("-")[0]]
        header += struct.pack(">IIIII", cpu, subtype, offset, len(image), 14)
        body = body.ljust(offset - page, b"\0") + image
        offset = page + -(-len(body) // page) * page
    binary.parent.mkdir(parents=True, exist_ok=True)
    binary.write_bytes(header.ljust(page, b"\0") + body)
    binary.chmod(0o755)


def write_resources(contents: Path) -> None:
    """Info.plist and icons, named as OpenFX wants them."""
    resources = contents / "Resources"
    resources.mkdir(parents=True, exist_ok=True)
    for icon in (HERE / "resources").iterdir():
        shutil.copyfile(icon, resources / f"{IDENTIFIER}{icon.suffix}")
    plist = {
        "CFBundleDevelopmentRegion": "English",
        "CFBundleExecutable": f"{NAME}.ofx",
        "CFBundleIdentifier": IDENTIFIER,
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundlePackageType": "BNDL",
        "CFBundleVersion": VERSION,
    }
    (contents / "Info.plist").write_bytes(plistlib.dumps(plist))


if __name__ == "__main__":
    main()
