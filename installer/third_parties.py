"""What of other people's work an installation brings along: a list of contents (CycloneDX), and their licences' texts.

Here: the packages the wheel asks for with [backend,ui], as they are installed beside this Python, and what is linked into
the node. Not here: the weights, which no release contains (``WEIGHTS-LICENSE.md``).
"""

from __future__ import annotations

import uuid
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OURSELVES = "propainter-remove"
EXTRAS = ("backend", "ui")
_NAMES_OF_TEXTS = ("license", "licence", "copying", "notice", "copyright")


@dataclass(frozen=True)
class Part:
    """One package, or what is linked into the node."""

    name: str
    version: str
    licence: str
    """As its makers declare it: an SPDX expression, or their words."""
    home: str
    texts: tuple[str, ...]
    is_package: bool = True


_LINKED = (
    Part(
        "zig-libc++", "ziglang", "Apache-2.0 WITH LLVM-exception", "https://libcxx.llvm.org",
        ("LLVM's C++ library and compiler runtime are linked into the node; the exception of their licence frees binaries "
         "from its notice. On Windows the runtime of mingw-w64 is, too (ZPL-2.1 and public domain, mingw-w64.org).",),
        is_package=False,
    ),
)  # fmt: skip


def our_parts() -> list[Part]:
    """Everything the wheel needs, directly or not, sorted by name; then what the node contains."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [(OURSELVES, frozenset(EXTRAS))]
    while waiting:
        name, extras = waiting.pop()
        distribution = metadata.distribution(name)
        found[canonicalize_name(name)] = distribution
        for line in distribution.requires or []:
            wanted = Requirement(line)
            is_asked = wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *extras))
            if is_asked and canonicalize_name(wanted.name) not in found:
                waiting.append((wanted.name, frozenset(wanted.extras)))
    del found[OURSELVES]
    return [*(_read_part(found[name]) for name in sorted(found)), *_part_of_node()]


def part_of_wheel(path: Path) -> Part:
    """A package that lies in the release as it is."""
    with zipfile.ZipFile(path) as archive:
        (folder,) = {name.split("/")[0] for name in archive.namelist() if name.split("/")[0].endswith(".dist-info")}
        return _read_part(metadata.PathDistribution(zipfile.Path(archive, f"{folder}/")))


def _part_of_node() -> list[Part]:
    version = metadata.version("ziglang")
    return [Part(part.name, version, part.licence, part.home, part.texts, part.is_package) for part in _LINKED]


def list_of_contents(version: str, parts: Sequence[Part], epoch: int) -> str:
    """CycloneDX 1.6 as JSON. Its number and date come from what is in it and from ``epoch``: the same again is the same."""
    licences = LicenseFactory()
    identity = f"{OURSELVES} {version} " + " ".join(f"{part.name}=={part.version}" for part in parts)
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, identity))
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, timezone.utc)
    ours = licences.make_from_string("Apache-2.0")
    bom.metadata.component = Component(
        name=OURSELVES, version=version, type=ComponentType.APPLICATION, bom_ref=OURSELVES, licenses=[ours]
    )
    components = [
        Component(
            name=part.name,
            version=part.version,
            type=ComponentType.LIBRARY,
            bom_ref=f"{part.name}=={part.version}",
            purl=PackageURL("pypi", name=part.name, version=part.version.split("+")[0]) if part.is_package else None,
            licenses=[licences.make_from_string(part.licence)],
        )
        for part in parts
    ]
    for component in components:
        bom.components.add(component)
    bom.register_dependency(bom.metadata.component, components)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def texts_of_licences(parts: Sequence[Part]) -> str:
    """Name, version, licence, address and licence texts of every part."""
    head = (
        "What a full installation of ProPainter Remove brings along beside itself, and under which licences.\n"
        "Most packages bring libraries compiled into them (FFmpeg in av, Qt in PySide6, BLAS in numpy and torch...), whose\n"
        "licences stand in the packages' own texts below. ProPainter's weights are not among it; see WEIGHTS-LICENSE.md.\n\n"
    )
    table = "".join(f"{part.name} {part.version}: {_first_line(part.licence)}\n" for part in parts)
    return head + table + "".join(_chapter(part) for part in parts)


def _chapter(part: Part) -> str:
    line = "=" * 100
    texts = "\n\n".join(text.strip() for text in part.texts) or "(the package carries no text of its licence)"
    return f"\n{line}\n{part.name} {part.version}\n{_first_line(part.licence)}\n{part.home}\n{line}\n\n{texts}\n"


def _first_line(licence: str) -> str:
    return licence.strip().splitlines()[0][:120]


def _read_part(distribution: metadata.Distribution) -> Part:
    told = distribution.metadata
    named = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    words = told.get("License", "")
    licence = told.get("License-Expression") or (words if words and "\n" not in words else "") or " AND ".join(named)
    homes = [line.partition(", ")[2] for line in told.get_all("Project-URL", [])]
    home = next(iter([told.get("Home-page") or "", *homes]), "") or next(iter(homes), "")
    return Part(told["Name"], distribution.version, licence or "not declared", home, _texts(distribution))


def _texts(distribution: metadata.Distribution) -> tuple[str, ...]:
    paths = sorted(distribution.files or [], key=str)
    named = [
        path
        for path in paths
        if path.name.lower().startswith(_NAMES_OF_TEXTS)
        and path.suffix in ("", ".txt", ".md", ".rst")
        and ".dist-info" in str(path)
    ]
    return tuple(dict.fromkeys(path.read_binary().decode("utf-8", "replace") for path in named))
