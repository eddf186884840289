"""Say whether a bundle's binaries will load where they have to: what they export, and which C library they ask for.

    python host_plugin/ofx/check_bundle.py build/ofx/ProPainterRemove.ofx.bundle

Fails when a binary exports anything but the three entry points (a stray C++ symbol can bind across plug-ins and pins the
library), when the Linux one asks for a newer GLIBC than 2.17 or for a shared C++ library (hosts ship their own, older ones),
when the Windows one asks for a library that Windows does not bring, or when a file OpenFX wants is missing. Here: as much
of ELF, PE and Mach-O as that takes, read-only. Not here: building.
"""

from __future__ import annotations

import plistlib
import re
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path

ENTRY_POINTS = {"OfxGetNumberOfPlugins", "OfxGetPlugin", "OfxSetHost"}
NEWEST_GLIBC = (2, 17)
NAME = "ProPainterRemove"

# zig's linker takes no list of exports for Mach-O, so these stay: operators new and delete of its own C++ library, which
# are malloc and free under whichever copy the loader picks, and two symbols of the linker's own.
TOLERATED_IN_MACHO = re.compile(r"_Z(nw|na)m\w*|_Z(dl|da)Pv\w*|__dso_handle|_mh_dylib_header")


# What every Windows since 10 brings; api-ms-win-crt-* is its C library. No Visual C++ or MinGW library to install first.
WINDOWS_OWN = re.compile(r"(kernel32|ntdll|ws2_32|shell32|advapi32|api-ms-win-crt-[\w-]+)\.dll", re.IGNORECASE)


@dataclass
class Facts:
    """What a loader sees of a binary."""

    kind: str
    exports: set[str] = field(default_factory=set)
    libraries: set[str] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)
    """Symbol versions asked of the libraries, ``GLIBC_2.4`` and so on."""
    is_nodelete: bool = True
    """Whether unloading leaves it mapped; only ELF can say."""


def main() -> None:
    complaints = check_bundle(Path(sys.argv[1]))
    for complaint in complaints:
        print(complaint, file=sys.stderr)  # noqa: T201
    sys.exit(1 if complaints else 0)


def check_bundle(bundle: Path) -> list[str]:
    """What is wrong with a bundle, in sentences; prints what is right."""
    contents = bundle / "Contents"
    binaries = [path for path in sorted(contents.glob(f"*/{NAME}.ofx")) if path.parent.name in _PLATFORMS]
    complaints = [] if binaries else [f"{bundle} holds no binary for any system"]
    for path in binaries:
        for facts in read_binary(path.read_bytes()):
            glibc = ".".join(map(str, newest_glibc(facts))) or "none"
            print(f"{path.parent.name}: {facts.kind}, exports {', '.join(sorted(facts.exports))}; GLIBC {glibc}")  # noqa: T201
            complaints += [f"{path}: {complaint}" for complaint in check_binary(facts)]
    return complaints + check_resources(contents)


_PLATFORMS = ("Linux-x86-64", "Win64", "MacOS")


def check_binary(facts: Facts) -> list[str]:
    complaints = []
    is_macho = facts.kind.startswith("Mach-O")
    exports = {name for name in facts.exports if not (is_macho and TOLERATED_IN_MACHO.fullmatch(name))}
    if exports != ENTRY_POINTS:
        strays, missing = exports - ENTRY_POINTS, ENTRY_POINTS - exports
        complaints.append(f"exports {sorted(strays)} too many and {sorted(missing)} too few")
    if newest_glibc(facts) > NEWEST_GLIBC:
        complaints.append(f"asks for GLIBC {'.'.join(map(str, newest_glibc(facts)))}, newer than 2.17")
    shared = [name for name in facts.libraries if re.search(r"stdc\+\+|libc\+\+|libgcc", name)]
    if facts.kind.startswith("ELF") and shared:
        complaints.append(f"asks for {', '.join(shared)}, which hosts bring in versions of their own")
    strange = strange_libraries(facts)
    if strange:
        complaints.append(f"asks for {', '.join(strange)}, which Windows does not bring")
    if not facts.is_nodelete:
        complaints.append("is not linked with -z nodelete")
    return complaints


def strange_libraries(facts: Facts) -> list[str]:
    """Libraries a Windows binary asks for that are not the system's."""
    is_windows = facts.kind.startswith("PE")
    return [name for name in sorted(facts.libraries) if is_windows and not WINDOWS_OWN.fullmatch(name)]


def check_resources(contents: Path) -> list[str]:
    wanted = [contents / "Resources" / f"org.propainter-remove.Remove.{kind}" for kind in ("png", "svg")]
    complaints = [f"{path} is missing" for path in wanted if not path.is_file()]
    plist = contents / "Info.plist"
    if not plist.is_file() or plistlib.loads(plist.read_bytes()).get("CFBundleExecutable") != f"{NAME}.ofx":
        complaints.append(f"{plist} is missing or names another binary")
    return complaints


def newest_glibc(facts: Facts) -> tuple[int, ...]:
    """The newest version of the C library asked for; empty: none."""
    numbers = [version.removeprefix("GLIBC_") for version in facts.versions if re.fullmatch(r"GLIBC_[\d.]+", version)]
    return max((tuple(map(int, number.split("."))) for number in numbers), default=())


def read_binary(image: bytes) -> list[Facts]:
    """One Facts a processor. Raises ValueError for a file of no known format."""
    if image[:4] == b"\x7fELF":
        return [_read_elf(image)]
    if image[:2] == b"MZ":
        return [_read_pe(image)]
    if image[:4] == b"\xca\xfe\xba\xbe":
        count = struct.unpack_from(">I", image, 4)[0]
        parts = [struct.unpack_from(">IIIII", image, 8 + 20 * index) for index in range(count)]
        return [_read_macho(image[offset : offset + size]) for _, _, offset, size, _ in parts]
    raise ValueError("neither ELF, PE nor a universal Mach-O")


def _text(image: bytes, at: int) -> str:
    return image[at : image.index(b"\0", at)].decode("ascii", "replace")


def _read_elf(image: bytes) -> Facts:
    """64-bit little-endian ELF: dynamic symbols, needed libraries and versions (System V ABI, chapters 4 and 5)."""
    section_table, entry_size, count = *struct.unpack_from("<Q", image, 40), *struct.unpack_from("<HH", image, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", image, section_table + index * entry_size) for index in range(count)]
    facts = Facts("ELF x86-64", is_nodelete=False)
    for _, kind, _, _, offset, size, link, info, _, _ in sections:
        names = sections[link][4] if link < len(sections) else 0
        if kind == 11:  # SHT_DYNSYM
            for at in range(offset, offset + size, 24):
                name, flags, _, section, _, _ = struct.unpack_from("<IBBHQQ", image, at)
                if section and flags >> 4 in (1, 2, 10):  # defined; global, weak or unique
                    facts.exports.add(_text(image, names + name))
        elif kind == 6:  # SHT_DYNAMIC
            for tag, value in struct.iter_unpack("<qQ", image[offset : offset + size]):
                if tag == 1:
                    facts.libraries.add(_text(image, names + value))
                if tag == 0x6FFFFFFB:  # DT_FLAGS_1
                    facts.is_nodelete = bool(value & 8)
        elif kind == 0x6FFFFFFE:  # SHT_GNU_verneed
            facts.versions |= _read_needed_versions(image, offset, info, names)
    return facts


def _read_needed_versions(image: bytes, at: int, count: int, names: int) -> set[str]:
    versions = set()
    for _ in range(count):
        _, entries, _, first, following = struct.unpack_from("<HHIII", image, at)
        entry = at + first
        for _ in range(entries):
            _, _, _, name, step = struct.unpack_from("<IHHII", image, entry)
            versions.add(_text(image, names + name))
            entry += step
        at += following
    return versions


def _read_pe(image: bytes) -> Facts:
    """64-bit PE: the export and import directories (Microsoft PE/COFF specification, sections 6.3 and 6.4)."""
    header = struct.unpack_from("<I", image, 60)[0]
    section_count, optional_size = struct.unpack_from("<H12xH", image, header + 6)
    sections = [
        struct.unpack_from("<8xIIII", image, header + 24 + optional_size + 40 * index) for index in range(section_count)
    ]

    def at(address: int) -> int:
        for size, start, _, offset in sections:
            if start <= address < start + size:
                return int(address - start + offset)
        raise ValueError(f"address {address:#x} lies in no section")

    facts = Facts("PE x86-64")
    directory, imports, delayed = (struct.unpack_from("<I", image, header + 24 + 112 + 8 * n)[0] for n in (0, 1, 13))
    for table, size, name_at in ((imports, 20, 12), (delayed, 32, 4)):
        entry = at(table) if table else 0
        while entry and (name := struct.unpack_from("<I", image, entry + name_at)[0]):
            facts.libraries.add(_text(image, at(name)))
            entry += size
    if directory:
        count = struct.unpack_from("<I", image, at(directory) + 24)[0]
        pointers = struct.unpack_from(f"<{count}I", image, at(struct.unpack_from("<I", image, at(directory) + 32)[0]))
        facts.exports = {_text(image, at(pointer)) for pointer in pointers}
    return facts


def _read_macho(image: bytes) -> Facts:
    """64-bit Mach-O: external symbols of LC_SYMTAB."""
    cpu, _, _, command_count = struct.unpack_from("<IIII", image, 4)
    facts = Facts("Mach-O " + {0x01000007: "x86-64", 0x0100000C: "arm64"}.get(cpu, hex(cpu)))
    at = 32
    for _ in range(command_count):
        command, size = struct.unpack_from("<II", image, at)
        if command == 2:  # LC_SYMTAB
            symbols, count, names, _ = struct.unpack_from("<IIII", image, at + 8)
            for index in range(count):
                name, kind, section = struct.unpack_from("<IBB", image, symbols + 16 * index)
                if (
                    kind & 1 and not kind & 0xF0 and kind & 0x0E and section
                ):  # external, not private, not debugging, defined
                    facts.exports.add(_text(image, names + name).removeprefix("_"))
        at += size
    return facts


if __name__ == "__main__":
    main()
