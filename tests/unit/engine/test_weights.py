"""Weights: found where they should be, known by their digests, read safely and wholly or refused in a sentence."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import golden
from propainter import weights
from propainter.flow_completion import FlowCompletion, FlowCompletionConfig
from propainter.learned import ProPainterEngine
from propainter.raft import Raft, RaftConfig
from propainter.weights import (
    PUBLISHED_FILES,
    WeightsError,
    find_weights,
    load_checkpoint,
    load_engine,
    missing_files,
    read_weight_set,
    record_digests,
    recorded_digests,
)

CPU = torch.device("cpu")
NARROW = {
    "raft": {
        "stage_channels": [4, 6, 8], "feature_channels": 8, "hidden_channels": 6, "context_channels": 4, "levels": 2,
        "radius": 2, "correlation_channels": [8, 6], "flow_channels": [6, 4], "motion_channels": 8, "head_channels": 6,
    },
    "flow_completion": {"channels": 8, "deform_groups": 4, "edge_channels": 4},
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(weights.FOLDER_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three small files under the published names; enough where nobody loads them."""
    made = tmp_path / "set"
    made.mkdir()
    for name in PUBLISHED_FILES:
        (made / name).write_bytes(name.encode() * 10)
    return made


@pytest.fixture(scope="module")
def standins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stand-in checkpoints of exactly the published form."""
    return golden.standin_folder(tmp_path_factory.mktemp("standins"))


def sizes(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


# Where a set is found, and what identifies it


def test_a_folder_given_comes_before_the_environment_and_that_before_the_users_own(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_weights() is None
    own, named = weights.default_folder(), tmp_path / "named"
    for place in (own, named):
        place.mkdir(parents=True)
        for name in PUBLISHED_FILES:
            (place / name).write_bytes((folder / name).read_bytes())
    found = find_weights()
    assert found and found.folder == own
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(named))
    found = find_weights()
    assert found and found.folder == named
    found = find_weights(folder)
    assert found and found.folder == folder


def test_an_incomplete_folder_is_refused_if_it_was_named_and_passed_over_if_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "ProPainter.pth").unlink()
    with pytest.raises(WeightsError, match=r"set lacks ProPainter\.pth .* run 'propainter-weights fetch'"):
        find_weights(folder)
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(folder))
    with pytest.raises(WeightsError, match=r"set lacks ProPainter\.pth"):
        find_weights()
    monkeypatch.delenv(weights.FOLDER_VARIABLE)
    folder.rename(folder.with_name("moved"))
    weights.default_folder().parent.mkdir(parents=True)
    folder.with_name("moved").rename(weights.default_folder())
    assert missing_files(weights.default_folder()) == ("ProPainter.pth",)
    assert find_weights() is None


def test_digests_are_the_files_sha256(folder: Path) -> None:
    found = read_weight_set(folder)
    assert found.sha256 == {name: hashlib.sha256(name.encode() * 10).hexdigest() for name in PUBLISHED_FILES}
    assert [file.name for file in found.files] == list(PUBLISHED_FILES)
    assert "S-Lab License 1.0" in found.licence and "non-commercial" in found.licence


@pytest.mark.parametrize("name", [*PUBLISHED_FILES, "config.json"])
def test_the_identity_changes_with_any_of_its_files_and_with_nothing_else(name: str, folder: Path) -> None:
    before = read_weight_set(folder).id
    (folder / "notes.txt").write_text("beside the point")
    assert read_weight_set(folder).id == before
    (folder / name).write_bytes(b"something else")
    assert read_weight_set(folder).id != before


def test_a_file_that_changed_since_it_was_recorded_is_refused(folder: Path) -> None:
    record_digests(folder, read_weight_set(folder).sha256)
    assert read_weight_set(folder)
    (folder / "raft-things.pth").write_bytes(b"swapped")
    with pytest.raises(WeightsError, match=r"raft-things\.pth is not the file recorded in weights\.json"):
        read_weight_set(folder)


@pytest.mark.parametrize("content", ["{", "[]", '{"sha256": 3}', "{}"])
def test_a_record_that_makes_no_sense_is_named(content: str, folder: Path) -> None:
    (folder / "weights.json").write_text(content)
    with pytest.raises(WeightsError, match=r"weights\.json cannot be read .* delete it"):
        read_weight_set(folder)


# What a checkpoint must be


def test_a_checkpoint_gives_exactly_its_tensors_without_the_prefix_of_parallel_training(tmp_path: Path) -> None:
    tensors = {"a.weight": torch.rand(3, 4), "b": torch.arange(2)}
    torch.save({f"module.{name}": tensor for name, tensor in tensors.items()}, tmp_path / "w.pth")
    loaded = load_checkpoint(tmp_path / "w.pth", sizes(tensors))
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        torch.testing.assert_close(loaded[name], tensor, rtol=0, atol=0)


def test_tensors_that_do_not_fit_are_named_and_counted(tmp_path: Path) -> None:
    torch.save({f"extra{i}": torch.rand(1) for i in range(5)} | {"bias": torch.rand(3)}, tmp_path / "w.pth")
    expected = {"weight": torch.Size((2,)), "bias": torch.Size((4,))}
    with pytest.raises(WeightsError) as caught:
        load_checkpoint(tmp_path / "w.pth", expected)
    sentence = str(caught.value)
    assert "w.pth does not fit this network" in sentence
    assert "1 missing: weight" in sentence
    assert "5 unexpected: extra0, extra1, extra2, ..." in sentence
    assert "1 of another shape: bias (3, not 4)" in sentence


class Bomb:
    """Unpickled carelessly, it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("is_zip", [True, False])
def test_code_in_a_checkpoint_is_never_run(is_zip: bool, tmp_path: Path) -> None:
    target = tmp_path / "was_run"
    torch.save({"a": Bomb(target)}, tmp_path / "w.pth", _use_new_zipfile_serialization=is_zip)
    with pytest.raises(WeightsError, match=r"w\.pth is truncated, damaged, or holds more than tensors"):
        load_checkpoint(tmp_path / "w.pth", {})
    assert not target.exists()
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Bomb(target)))
    with pytest.raises(WeightsError, match=r"plain\.pth"):
        load_checkpoint(tmp_path / "plain.pth", {})
    assert not target.exists()


@pytest.mark.parametrize("kept", [0, 1, 10, 100, 500, 1000, -1])
def test_a_truncated_checkpoint_is_refused(kept: int, tmp_path: Path) -> None:
    torch.save({"a": torch.rand(100)}, tmp_path / "w.pth")
    content = (tmp_path / "w.pth").read_bytes()
    (tmp_path / "w.pth").write_bytes(content[:kept])
    with pytest.raises(WeightsError, match=r"w\.pth is truncated"):
        load_checkpoint(tmp_path / "w.pth", {"a": torch.Size((100,))})


@pytest.mark.parametrize("content", [[torch.rand(1)], {"a": 3}, torch.rand(2), {"state": {"a": torch.rand(1)}}])
def test_anything_but_a_table_of_tensors_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"w\.pth is no plain table of tensors"):
        load_checkpoint(tmp_path / "w.pth", {"a": torch.Size((1,))})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.pth cannot be read"):
        load_checkpoint(tmp_path / "none.pth", {})


@pytest.mark.parametrize(
    ("version", "is_safe"), [("2.9.1", False), ("1.13.0+cu117", False), ("2.10.0", True), ("3.0", True)]
)
def test_a_torch_that_cannot_read_safely_is_refused(
    version: str, is_safe: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"a": torch.rand(1)}, tmp_path / "w.pth")
    monkeypatch.setattr(torch, "__version__", version)
    if is_safe:
        load_checkpoint(tmp_path / "w.pth", {"a": torch.Size((1,))})
    else:
        with pytest.raises(WeightsError, match=rf"torch {version.replace('+', '.')} cannot read weights safely"):
            load_checkpoint(tmp_path / "w.pth", {"a": torch.Size((1,))})


# From a set to an engine


def test_an_engine_carries_every_tensor_of_its_set_and_the_sets_identity(standins: Path) -> None:
    found = read_weight_set(standins)
    engine = load_engine(found, device=CPU)
    assert isinstance(engine, ProPainterEngine)
    assert (engine.name, engine.weights_id, engine.device) == ("propainter", found.id, CPU)
    for tag, network in (("raft", engine._raft), ("rfc", engine._completion), ("propainter", engine._painter)):
        state = network.state_dict()
        expected = golden.standin_state(tag)
        assert state.keys() == expected.keys()
        for name, tensor in expected.items():
            torch.testing.assert_close(state[name], tensor, rtol=0, atol=0)
        assert not network.training
        assert not any(parameter.requires_grad for parameter in network.parameters())


def test_digests_are_recorded_once_a_whole_set_has_loaded(tmp_path: Path) -> None:
    folder = narrow_set(tmp_path)
    (folder / "ProPainter.pth").write_bytes(b"broken")
    with pytest.raises(WeightsError, match=r"ProPainter\.pth"):
        load_engine(read_weight_set(folder), device=CPU)
    assert recorded_digests(folder) == {}


def test_loading_records_the_digests(standins: Path) -> None:
    (standins / "weights.json").unlink(missing_ok=True)
    found = read_weight_set(standins)
    load_engine(found, device=CPU)
    assert recorded_digests(standins) == found.sha256
    assert json.loads((standins / "weights.json").read_text())["licence"] == "S-Lab License 1.0"


def narrow_set(folder: Path) -> Path:
    """RAFT and flow completion far smaller than published, the painter as published; the sizes in config.json."""
    golden.standin_folder(folder)
    (folder / "config.json").write_text(json.dumps(NARROW))
    raft = {name: tuple(value) if isinstance(value, list) else value for name, value in NARROW["raft"].items()}
    torch.save(Raft(RaftConfig(**raft)).state_dict(), folder / "raft-things.pth")
    completion = FlowCompletion(FlowCompletionConfig(**NARROW["flow_completion"]))
    torch.save(completion.state_dict(), folder / "recurrent_flow_completion.pth")
    return folder


def test_a_narrower_network_of_the_same_family_loads_by_its_config(tmp_path: Path) -> None:
    engine = load_engine(read_weight_set(narrow_set(tmp_path)), device=CPU)
    assert isinstance(engine, ProPainterEngine)
    assert engine._raft.config.stage_channels == (4, 6, 8)
    (tmp_path / "config.json").unlink()
    (tmp_path / "weights.json").unlink()
    with pytest.raises(WeightsError, match=r"raft-things\.pth does not fit .* config\.json"):
        load_engine(read_weight_set(tmp_path), device=CPU)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", r"config\.json cannot be read as JSON"),
        ('{"rafft": {}}', r"config\.json has rafft; it may have raft, flow_completion and painter"),
        ("[1]", r"config\.json has no table"),
        ('{"raft": {"widths": 3}}', r"config\.json: raft has no field widths; it has stage_channels"),
        ('{"painter": {"transformer": {"hats": 3}}}', r"painter\.transformer has no field hats"),
        ('{"raft": 3}', r"raft has no field 3"),
    ],
)
def test_a_config_that_makes_no_sense_is_named(content: str, sentence: str, standins: Path, tmp_path: Path) -> None:
    for name in PUBLISHED_FILES:
        (tmp_path / name).symlink_to(standins / name)
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(WeightsError, match=sentence):
        load_engine(read_weight_set(tmp_path), device=CPU)
