"""A drawn matte as JSON: the document, and its solved mattes with it, in one file.

Here: ``json_parts``, ``from_json``, ``project_in``, ``fitted``. Not here: where the file lies, writing it whole
(``shot/matte_files.py``).

One file, so that none of it can be lost from beside the other. Mattes stand in it packed, by digest; each is checked against
its digest when it is read. Frames have the host's numbers, pixels are the plate's.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from propainter_ui.matte.document import FrameEdits, MatteDocument, Shadow, Solved, Source
from propainter_ui.matte.outlines import Outline, Reach, Role, Shape, Vertex
from propainter_ui.matte.store import MatteStore, MatteType, Packed
from propainter_ui.matte.strokes import Box, BrushStroke, CloneStroke, Scribble
from propainter_wire.shot import digest_of

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT = "propainter matte"
VERSION = 1
T = TypeVar("T")
D = TypeVar("D", bound="DataclassInstance")


class DamagedProject(ValueError):
    """A project cannot be used; ``str()`` says why, as the end of a sentence."""


class OtherVersion(DamagedProject):
    """It was written by a later version."""


def json_parts(document: MatteDocument, store: MatteStore, *, plate: str = "", sequence: str = "") -> Iterator[str]:
    """The whole project, a matte at a time. plate, sequence: paths to tell by, as they are to stand in the file.

    In parts, since one text of a long 4K shot would hold up every other thread, the screen's among them. Raises
    UnknownMatte, before the first part, where a matte it names is not in the store.
    """
    mattes = {digest: store.packed(digest) for digest in sorted(digests_of(document))}
    note = {
        "format": FORMAT,
        "version": VERSION,
        "plate": plate,
        "sequence": sequence,
        "size": [document.width, document.height],
        "frames": [document.first, document.last],
        "edits": {str(frame): asdict(edits) for frame, edits in document.edits.items()},
        "shapes": [_shape_note(shape) for shape in document.shapes],
        "solved": {str(frame): asdict(solved) for frame, solved in document.solved.items()},
        "stale": sorted(document.stale),
        "doubt": {str(frame): value for frame, value in document.doubt.items()},
        "help": list(document.help),
        "empty": [list(run) for run in document.empty],
        "cuts": list(document.cuts),
        "shadow": {**asdict(document.shadow), "mattes": {str(f): d for f, d in document.shadow.mattes.items()}},
        "clean": {str(frame): [asdict(each) for each in strokes] for frame, strokes in document.clean.items()},
        "start": document.start,
    }
    text = json.dumps(note, allow_nan=False)  # in ASCII: a path may be no Unicode
    yield text.removesuffix("}") + ', "mattes": {'
    for count, (digest, packed) in enumerate(mattes.items()):
        yield ", " * (count > 0) + f"{json.dumps(digest)}: {json.dumps(_packed_note(packed))}"
    yield "}}"


def from_json(text: str, store: MatteStore) -> tuple[MatteDocument, str]:
    """A project as it was saved, and the sequence it names; its mattes go into the store. Raises DamagedProject."""
    note = project_in(text)
    try:
        document = _document_of(note)
        mattes = {str(digest): _packed_of(each) for digest, each in note["mattes"].items()}
        _check_mattes(document, mattes)
        sequence = str(note["sequence"])
    except KeyError as error:
        raise DamagedProject(f"its part {error} is missing") from error
    except (ValueError, TypeError, AttributeError, OverflowError, IndexError) as error:
        raise DamagedProject(str(error)) from error
    for digest, packed in mattes.items():
        store.put_packed(digest, packed)
    return document, sequence


def project_in(text: str) -> Mapping[str, Any]:
    """The parts of a project, not looked into yet. Raises DamagedProject where a text is none that can be read here."""
    try:
        note = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedProject(f"it is no whole JSON: {error}") from error
    if not isinstance(note, dict) or note.get("format") != FORMAT:
        raise DamagedProject("it is no project of a matte")
    version = note.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise DamagedProject(f"its version is {version!r}")
    if version > VERSION:
        raise OtherVersion(f"it is of version {version}, and this panel reads {VERSION}; open it in a later panel")
    return note


def digests_of(document: MatteDocument) -> frozenset[str]:
    """The mattes a document names."""
    solved = document.solved.values()
    named = {each.digest for each in solved} | {each.start for each in solved if each.start}
    return frozenset(named | set(document.shadow.mattes.values()))


def fitted(document: MatteDocument, first: int, last: int) -> MatteDocument:
    """The same for a plate of other frames. What is drawn on frames outside stays, and counts again if they come back."""
    return replace(document, first=first, last=last)


# --- out --------------------------------------------------------------------------------------------------------------


def _shape_note(shape: Shape) -> dict[str, Any]:
    return {
        "role": shape.role, "reach": shape.reach, "feather": shape.feather, "name": shape.name,
        "keys": {str(frame): _outline_note(outline) for frame, outline in shape.keys.items()},
        "carried": [[*way, _outline_note(outline)] for way, outline in shape.carried.items()],
    }  # fmt: skip


def _outline_note(outline: Outline) -> list[list[float]]:
    return [[*vertex.point, *vertex.before, *vertex.after] for vertex in outline.vertices]


def _packed_note(packed: Packed) -> dict[str, Any]:
    return {
        "type": packed.dtype, "size": [packed.width, packed.height], "box": list(packed.box),
        "data": base64.b64encode(packed.data).decode("ascii"),
    }  # fmt: skip


# --- in ---------------------------------------------------------------------------------------------------------------


def _document_of(note: Mapping[str, Any]) -> MatteDocument:
    width, height = (_whole(each) for each in note["size"])
    first, last = (_whole(each) for each in note["frames"])
    shadow = note["shadow"]
    return MatteDocument(
        width, height, first, last,
        edits=_by_frame(note["edits"], _edits_of),
        shapes=tuple(_shape_of(each) for each in note["shapes"]),
        solved=_by_frame(note["solved"], lambda each: _checked(Solved, each, source=get_args(Source))),
        stale=frozenset(_whole(frame) for frame in note["stale"]),
        doubt=_by_frame(note["doubt"], lambda value: _within(value, 0, 1)),
        help=tuple(_whole(frame) for frame in note["help"]),
        empty=tuple((_whole(a), _whole(b)) for a, b in note["empty"]),
        cuts=tuple(_whole(frame) for frame in note["cuts"]),
        shadow=replace(
            _checked(Shadow, {name: each for name, each in shadow.items() if name != "mattes"}),
            mattes=_by_frame(shadow["mattes"], str),
        ),
        clean=_by_frame(note["clean"], lambda strokes: tuple(_checked(CloneStroke, each) for each in strokes)),
        start=str(note["start"]),
    )  # fmt: skip


def _edits_of(note: Mapping[str, Any]) -> FrameEdits:
    return FrameEdits(
        tuple(_checked(Box, each) for each in note["boxes"]),
        tuple(_checked(Scribble, each) for each in note["scribbles"]),
        tuple(_checked(BrushStroke, each) for each in note["brush"]),
    )


def _shape_of(note: Mapping[str, Any]) -> Shape:
    role, reach = note["role"], note["reach"]
    if role not in get_args(Role) or reach not in get_args(Reach):
        raise ValueError(f"it has a shape of the unknown kind {role!r}, {reach!r}")
    keys = _by_frame(note["keys"], _outline_of)
    shape = Shape(role, reach, keys, feather=_number(note["feather"]), name=str(note["name"]))
    carried = {(_whole(key), _whole(frame)): _outline_of(each) for key, frame, each in note["carried"]}
    counts = {len(outline.vertices) for outline in (*keys.values(), *carried.values())}
    if len(counts) > 1:
        raise ValueError("a tracked outline has another number of points than its key frame")
    return replace(shape, carried=carried)


def _outline_of(note: Iterable[Iterable[Any]]) -> Outline:
    vertices = []
    for each in note:
        x, y, before_x, before_y, after_x, after_y = (_number(value) for value in each)
        vertices.append(Vertex(x, y, (before_x, before_y), (after_x, after_y)))
    return Outline(tuple(vertices))


def _packed_of(note: Mapping[str, Any]) -> Packed:
    kind = note["type"]
    if kind not in get_args(MatteType):
        raise ValueError(f"it has a matte of the unknown type {kind!r}")
    width, height = (_whole(each) for each in note["size"])
    x, y, across, down = (_whole(each) for each in note["box"])
    try:
        data = base64.b64decode(note["data"], validate=True)
    except binascii.Error as error:
        raise ValueError(f"a matte in it is cut off ({error})") from error
    return Packed(kind, width, height, (x, y, across, down), data)


def _check_mattes(document: MatteDocument, mattes: Mapping[str, Packed]) -> None:
    """Raise ValueError where a matte is missing, is of another size, or is not what its digest says."""
    missing = digests_of(document) - mattes.keys()
    if missing:
        raise ValueError(f"{len(missing)} of its mattes are missing")
    for digest, packed in mattes.items():
        if (packed.width, packed.height) != (document.width, document.height):
            raise ValueError(f"a matte in it is {packed.width}x{packed.height}, not {document.width}x{document.height}")
        if digest_of(packed.unpacked()) != digest:
            raise ValueError(f"its matte {digest[:8]} is not as it was saved")


def _checked(kind: type[D], note: Mapping[str, Any], **choices: tuple[str, ...]) -> D:
    """A dataclass of numbers, words and points, each of the type its field has. Raises ValueError, KeyError, TypeError."""
    hints = get_type_hints(kind)
    unknown = note.keys() - hints.keys()
    if unknown:
        raise ValueError(f"it has an unknown part {sorted(unknown)[0]!r}")
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.name not in note:
            continue
        value = note[field.name]
        if field.name in choices and value not in choices[field.name]:
            raise ValueError(f"it has the unknown {field.name} {value!r}")
        values[field.name] = _of_type(hints[field.name], value)
    return kind(**values)


def _of_type(hint: Any, value: Any) -> Any:
    if hint is bool:
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is neither true nor false")
        return value
    if hint is float:
        return _number(value)
    if hint is int:
        return _whole(value)
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        if inner[-1] is Ellipsis:
            return tuple(_of_type(inner[0], each) for each in value)
        if len(value) != len(inner):
            raise ValueError(f"{value!r} is not {len(inner)} numbers")
        return tuple(_of_type(part, each) for part, each in zip(inner, value, strict=True))
    return str(value)


def _by_frame(note: Mapping[str, Any], read: Callable[[Any], T]) -> dict[int, T]:
    return {int(frame): read(each) for frame, each in sorted(note.items(), key=lambda item: int(item[0]))}


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no whole number")
    return value


def _within(value: Any, low: float, high: float) -> float:
    number = _number(value)
    if not low <= number <= high:
        raise ValueError(f"{number} lies outside {low:g}..{high:g}")
    return number
