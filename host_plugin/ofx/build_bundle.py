"""Build the node's release bundle, and the host that tries it, for every system with one compiler: the zig of PyPI, which
brings clang and every libc.

    python host_plugin/ofx/build_bundle.py [linux] [windows] [macos]      (none named: linux)

Here: compiling, and putting the bundle together at build/ofx/ProPainterRemove.ofx.bundle; propainter-minihost goes to
build/minihost/<system's folder in the bundle>. Not here: checking what came out (``check_bundle.py``), the everyday build
(``CMakeLists.txt``). The Linux binaries ask for no newer C library than 2.17, so the node loads wherever Nuke and Resolve
do; g++ on a current system would ask for that system's.
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
MINIHOST_HOME = HERE.parent / "minihost"
NAME = "ProPainterRemove"
MINIHOST_NAME = "propainter-minihost"
IDENTIFIER = "org.propainter-remove.Remove"
VERSION = "1.0"

# -ffp-contract=off: a pixel is told from an untouched one by computing it twice, and both must round alike.
COMMON = ["-std=c++17", "-fPIC", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-ffp-contract=off", "-O2"]
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Werror"]


@dataclass(frozen=True)
class Target:
    """One system: what to compile for it, and how to link."""

    triple: str
    without: tuple[str, ...]
    """Endings of source names that belong to other systems."""
    link_node: tuple[str, ...]
    link_minihost: tuple[str, ...]


@dataclass(frozen=True)
class Tree:
    """One program's sources."""

    objects: str
    """The folder under build/ for what is compiled of them."""
    root: Path
    includes: tuple[Path, ...]


NODE = Tree("ofx-objects", HERE / "src", (HERE / "include", HERE / "src"))
MINIHOST = Tree("minihost-objects", MINIHOST_HOME / "src", (HERE / "include", MINIHOST_HOME / "src"))

LINUX = Target(
    "x86_64-linux-gnu.2.17",
    ("_win", "_none"),
    ("-shared", f"-Wl,--version-script={HERE / 'exports.map'}", "-Wl,-z,nodelete", "-Wl,-Bsymbolic", "-Wl,-s"),
    ("-ldl", "-Wl,-s"),
)
WINDOWS = Target(
    "x86_64-windows-gnu",
    ("_posix", "_linux"),
    ("-shared", "-lws2_32", "-Wl,-s"),
    ("-lshell32", "-Wl,-s"),
)
MACS = tuple(Target(f"{cpu}-macos", ("_win", "_linux"), ("-shared",), ()) for cpu in ("aarch64", "x86_64"))


def main() -> None:
    systems = ("linux", "windows", "macos")
    parser = argparse.ArgumentParser(description="Build the OpenFX bundle.")
    parser.add_argument("systems", nargs="*", choices=[*systems, []], help="default: linux")
    wanted = parser.parse_args().systems or ["linux"]
    bundle = ROOT / "build" / "ofx" / f"{NAME}.ofx.bundle"
    contents = bundle / "Contents"
    programs = ROOT / "build" / "minihost"
    if "linux" in wanted:
        build(NODE, LINUX, contents / "Linux-x86-64" / f"{NAME}.ofx")
        build(MINIHOST, LINUX, programs / "Linux-x86-64" / MINIHOST_NAME)
    if "windows" in wanted:
        build(NODE, WINDOWS, contents / "Win64" / f"{NAME}.ofx")
        build(MINIHOST, WINDOWS, programs / "Win64" / f"{MINIHOST_NAME}.exe")
    if "macos" in wanted:
        build_universal(NODE, contents / "MacOS" / f"{NAME}.ofx")
        build_universal(MINIHOST, programs / "MacOS" / MINIHOST_NAME)
    write_resources(contents)
    print(bundle)  # noqa: T201 - the result of this program


def build(tree: Tree, target: Target, binary: Path) -> None:
    """Compile and link one program; raises CalledProcessError with the compiler's own words on its stderr."""
    objects = ROOT / "build" / tree.objects / target.triple
    binary.parent.mkdir(parents=True, exist_ok=True)
    sources = [path for path in sorted(tree.root.rglob("*.cpp")) if not path.stem.endswith(target.without)]
    names = [source.relative_to(tree.root).with_suffix(".o") for source in sources]
    compiled = [compile_one(tree, target, source, objects / name) for source, name in zip(sources, names, strict=True)]
    link = target.link_node if tree is NODE else target.link_minihost
    zig(target, [*map(str, compiled), *link, "-o", str(binary)])
    for leftover in (path for kind in ("*.lib", "*.pdb") for path in binary.parent.glob(kind)):
        leftover.unlink()  # what Windows linkers leave beside a library


def compile_one(tree: Tree, target: Target, source: Path, compiled: Path) -> Path:
    """One object file, unless it is newer than every source and header."""
    compiled.parent.mkdir(parents=True, exist_ok=True)
    inputs = [source, *(path for folder in tree.includes for path in folder.rglob("*.h"))]
    if not compiled.exists() or compiled.stat().st_mtime < max(path.stat().st_mtime for path in inputs):
        includes = [f"-I{folder}" for folder in tree.includes]
        zig(target, [*COMMON, *WARNINGS, *includes, "-c", str(source), "-o", str(compiled)])
    return compiled


def zig(target: Target, arguments: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "ziglang", "c++", "-target", target.triple, *arguments], check=True)


def build_universal(tree: Tree, binary: Path) -> None:
    """Both Macs in one file, as hosts expect: a fat header (big-endian, Mach-O reference) in front of the two."""
    cpu_types = {"aarch64": (0x0100000C, 0), "x86_64": (0x01000007, 3)}
    page = 1 << 14
    header, body, offset = struct.pack(">II", 0xCAFEBABE, len(MACS)), b"", page
    for target in MACS:
        thin = ROOT / "build" / tree.objects / target.triple / f"{binary.stem}.thin"
        build(tree, target, thin)
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
