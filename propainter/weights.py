"""THE ONE FILE READER of this package: the weights of the three networks, safely, completely, and known by their digest.

Here: where weights are looked for, what a complete set is, its identity and licence, reading checkpoints, and building
the learned engine from them. Not here: the networks themselves (``raft/``, ``flow_completion.py``, ``painter.py``),
downloading (``propainter_backend/commands/weights_cli.py``).

A *weight set* is a folder with the three published checkpoints. Beside them may stand ``weights.json``, their SHA-256 as
recorded when they were first fetched or loaded, so that a file that changed since is noticed; and ``config.json``, for a
network of the same family in other sizes: fields of the networks' configurations that differ from the published ones, as
in ``{"raft": {"feature_channels": 128}, "flow_completion": {}, "painter": {"transformer": {"heads": 2}}}``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import typing
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import platformdirs
import torch
from torch import Tensor, nn

from propainter.engine import Engine
from propainter.flow_completion import FlowCompletion, FlowCompletionConfig
from propainter.learned import ProPainterEngine
from propainter.painter import Painter, PainterConfig
from propainter.raft import Raft, RaftConfig
from propainter.spread import ONE_BY_ONE, Spread
from propainter.types import Precision
from propainter_os import files

RAFT_FILE = "raft-things.pth"
COMPLETION_FILE = "recurrent_flow_completion.pth"
PAINTER_FILE = "ProPainter.pth"
PUBLISHED_FILES = (RAFT_FILE, COMPLETION_FILE, PAINTER_FILE)
"""Names of the published checkpoints; a set has all three."""

MANIFEST_FILE = "weights.json"
CONFIG_FILE = "config.json"
FOLDER_VARIABLE = "PROPAINTER_WEIGHTS"
"""Environment variable that names the folder of the weight set to use."""

LICENCE_NAME = "S-Lab License 1.0"
LICENCE_URL = "https://github.com/sczhou/ProPainter/blob/main/LICENSE"
LICENCE_NOTICE = (
    f"The published ProPainter weights are under the {LICENCE_NAME}: for non-commercial purposes only, unless their "
    f"authors allow more. Terms: {LICENCE_URL}"
)
"""What must be shown wherever the published weights are used."""

Network = TypeVar("Network", bound=nn.Module)
Config = TypeVar("Config")

_SAFE_TORCH = (2, 10)  # older releases' weights_only loading could be made to run code


class WeightsError(ValueError):
    """Weights that cannot be used; the text is one sentence: which file, what about it, the way out."""


@dataclass(frozen=True)
class WeightSet:
    """A complete folder of checkpoints, and what identifies it."""

    folder: Path
    sha256: Mapping[str, str]
    """Digest of each file, in hexadecimal: the three checkpoints, and ``config.json`` if there is one."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The checkpoints: RAFT, flow completion, painter."""
        return tuple(self.folder / name for name in PUBLISHED_FILES)

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that change when any of the files does."""
        return hashlib.sha256("".join(self.sha256[name] for name in sorted(self.sha256)).encode()).hexdigest()[:12]

    @property
    def licence(self) -> str:
        """The notice to show with every use."""
        return LICENCE_NOTICE


def default_folder() -> Path:
    """Where weights are fetched to and looked for last: the user's own data folder.

    Raises WeightsError where nobody says where that is: no HOME, and no line in the system's list of users.
    """
    try:
        return platformdirs.user_data_path("propainter-remove", appauthor=False) / "weights"
    except RuntimeError as error:
        raise WeightsError(
            f"HOME is not set, so your data folder is unknown; set HOME, or name the weights in {FOLDER_VARIABLE}"
        ) from error


def named_folder(explicit: Path | None = None) -> Path | None:
    """The folder given, else the one ``$PROPAINTER_WEIGHTS`` names, else None."""
    return explicit or (Path(os.environ[FOLDER_VARIABLE]) if os.environ.get(FOLDER_VARIABLE) else None)


def find_weights(explicit: Path | None = None) -> WeightSet | None:
    """The weight set to use: the folder given, else ``$PROPAINTER_WEIGHTS``, else the user's data folder.

    Returns None only if nothing was named and the user's data folder holds no complete set.
    Raises WeightsError if a folder was named and is not a complete set, or a file is not the one recorded.
    """
    named = named_folder(explicit)
    if named is not None:
        return read_weight_set(named)
    try:
        own = default_folder()
    except WeightsError:
        return None
    return None if missing_files(own) else read_weight_set(own)


def read_weight_set(folder: Path) -> WeightSet:
    """Identify the weight set in a folder by the digests of its files.

    Raises WeightsError if a file is missing, or is not the one that ``weights.json`` recorded.
    """
    missing = missing_files(folder)
    if missing:
        raise WeightsError(
            f"{folder} lacks {' and '.join(missing)} of the ProPainter weights; copy the three published checkpoints "
            "there or run 'propainter-weights fetch'"
        )
    names = [*PUBLISHED_FILES, *([CONFIG_FILE] if (folder / CONFIG_FILE).is_file() else [])]
    digests = {name: digest_of_file(folder / name) for name in names}
    for name, recorded in recorded_digests(folder).items():
        if name in digests and digests[name] != recorded:
            raise WeightsError(
                f"{folder / name} is not the file recorded in {MANIFEST_FILE} (sha256 {digests[name][:12]}..., recorded "
                f"{recorded[:12]}...); fetch it again, or delete {MANIFEST_FILE} if the change was meant"
            )
    return WeightSet(folder, digests)


def missing_files(folder: Path) -> tuple[str, ...]:
    """Which of the three checkpoints are not in a folder."""
    return tuple(name for name in PUBLISHED_FILES if not _is_there(folder / name))


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # a home that is another user's: not to be looked into
        return False


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal. Raises WeightsError if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}); check the file and its permissions") from error
    return digest.hexdigest()


def recorded_digests(folder: Path) -> dict[str, str]:
    """Digests that ``weights.json`` recorded, by file name; none without it.

    Raises WeightsError if it is there and makes no sense.
    """
    manifest = folder / MANIFEST_FILE
    if not manifest.is_file():
        return {}
    try:
        digests = json.loads(manifest.read_text(encoding="utf-8"))["sha256"]
        return {str(name): str(digest) for name, digest in digests.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{manifest} cannot be read as a record of digests; delete it to make a new one") from error


def record_digests(folder: Path, digests: Mapping[str, str]) -> None:
    """Write digests into ``weights.json``, beside those already there. Raises OSError where the folder is read-only."""
    record = {"licence": LICENCE_NAME, "sha256": {**recorded_digests(folder), **digests}}
    partial = folder / f".{MANIFEST_FILE}.{os.getpid()}"
    partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    files.replace(partial, folder / MANIFEST_FILE)


def load_checkpoint(path: Path, expected: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Read one checkpoint: tensors only, exactly the expected names and shapes, on the CPU.

    expected: shape of every tensor by name. Raises WeightsError as ``read_tensors``, or where a tensor is not expected.
    """
    tensors = read_tensors(path)
    _refuse_other_tensors(path, tensors, expected)
    return tensors


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a checkpoint by name, on the CPU; a leading ``module.`` is dropped (a trace of parallel training).

    No code stored in the file is ever run. Raises WeightsError naming the file and what is wrong with it, or that this
    torch is too old to read it safely.
    """
    _refuse_old_torch()
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}); check the file and its permissions") from error
    except Exception as error:  # torch raises whatever the bytes of a damaged file lead it to
        raise WeightsError(
            f"{path} is truncated, damaged, or holds more than tensors and is refused for it; fetch it again"
        ) from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(f"{path} is no plain table of tensors; use one of the published checkpoints")
    return {str(name).removeprefix("module."): tensor for name, tensor in content.items()}


def load_engine(
    weights: WeightSet,
    *,
    device: torch.device,
    precision: Precision = Precision.FP32,
    spread: Spread = ONE_BY_ONE,
) -> Engine:
    """Build the learned engine from a weight set; its digests are recorded in ``weights.json`` once all of it has loaded.

    Raises WeightsError if a checkpoint or ``config.json`` does not fit the networks.
    """
    sizes = _read_config(weights.folder / CONFIG_FILE)

    def configured(kind: type[Config], name: str) -> Config:
        return _configure(kind, sizes.get(name, {}), name, weights.folder / CONFIG_FILE)

    raft, completion, painter = weights.files
    engine = ProPainterEngine(
        _build(Raft, configured(RaftConfig, "raft"), raft),
        _build(FlowCompletion, configured(FlowCompletionConfig, "flow_completion"), completion),
        _build(Painter, configured(PainterConfig, "painter"), painter),
        weights_id=weights.id,
        device=device,
        precision=precision,
        spread=spread,
    )
    if weights.sha256.items() - recorded_digests(weights.folder).items():
        with suppress(OSError):  # a studio's folder may be read-only; its digests are then checked by nobody but the id
            record_digests(weights.folder, weights.sha256)
    return engine


def _build(kind: Callable[[Any], Network], config: object, path: Path) -> Network:
    """The network with its weights."""
    network = kind(config)  # 0.3 s of initialisation thrown away; buffers computed from sizes rule out the meta device
    own = network.state_dict()
    tensors = load_checkpoint(path, {name: tensor.shape for name, tensor in own.items()})
    network.load_state_dict({name: tensor.to(own[name].dtype) for name, tensor in tensors.items()}, assign=True)
    return network.eval().requires_grad_(False)


def _refuse_old_torch() -> None:
    release = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if release < _SAFE_TORCH:
        raise WeightsError(
            f"torch {torch.__version__} cannot read weights safely; install torch {'.'.join(map(str, _SAFE_TORCH))} or newer"
        )


def _refuse_other_tensors(path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, torch.Size]) -> None:
    missing = [name for name in expected if name not in tensors]
    unexpected = [name for name in tensors if name not in expected]
    misshapen = [
        f"{name} ({'x'.join(map(str, tensors[name].shape))}, not {'x'.join(map(str, shape))})"
        for name, shape in expected.items()
        if name in tensors and tensors[name].shape != shape
    ]
    faults = [
        f"{len(names)} {what}: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
        for what, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", misshapen))
        if names
    ]
    if faults:
        raise WeightsError(
            f"{path} does not fit this network (tensors {'; '.join(faults)}); use the published checkpoint, or put the "
            f"network's sizes in {CONFIG_FILE} beside it"
        )


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        sizes = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as JSON ({error}); mend it or delete it") from error
    unknown = sizes.keys() - {"raft", "flow_completion", "painter"} if isinstance(sizes, dict) else {"no table"}
    if unknown:
        raise WeightsError(f"{path} has {', '.join(sorted(unknown))}; it may have raft, flow_completion and painter")
    return dict(sizes)


def _configure(kind: type[Config], fields: object, where: str, path: Path) -> Config:
    """A configuration dataclass with some fields replaced by what a JSON table says."""
    hints = typing.get_type_hints(kind)
    if not isinstance(fields, dict) or fields.keys() - hints.keys():
        named = ", ".join(sorted(fields.keys() - hints.keys())) if isinstance(fields, dict) else repr(fields)
        raise WeightsError(f"{path}: {where} has no field {named}; it has {', '.join(hints)}")
    values = {
        name: _configure(hints[name], value, f"{where}.{name}", path)
        if dataclasses.is_dataclass(hints[name])
        else _as_tuples(value)
        for name, value in fields.items()
    }
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path}: {where} cannot be used ({error}); mend it") from error


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value
