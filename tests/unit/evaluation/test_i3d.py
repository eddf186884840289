"""I3D's padding is TensorFlow's, and weights that are not its own are refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from propainter.weights import WeightsError
from propainter_backend.evaluation.i3d import FEATURES, I3d, Pool, Unit, load_i3d


@pytest.fixture(scope="module")
def net() -> I3d:
    torch.manual_seed(1)
    return I3d()


def test_windows_at_the_border_are_tensorflow_s():
    line = torch.tensor([5.0, 1.0, 2.0, 3.0])
    pooled = Pool((3, 1, 1), (2, 1, 1))(line.view(1, 1, 4, 1, 1)).flatten()
    assert pooled.tolist() == [5, 3]  # places 0-2 and 2-3: an even length is padded behind alone
    odd = Pool((3, 1, 1), (2, 1, 1))(torch.tensor([5.0, 1.0, 2.0, 3.0, 4.0]).view(1, 1, 5, 1, 1)).flatten()
    assert odd.tolist() == [5, 3, 4]  # before place 0, around 2, after 4


def test_a_unit_reads_around_its_place_and_halves_upwards():
    unit = Unit(1, 1, 7, stride=2).eval()
    with torch.no_grad():
        unit.conv3d.weight.zero_()
        unit.conv3d.weight[..., 3, 3, 2] = 1  # what an even side's padding of 2 before makes the middle
        x = torch.arange(8.0).expand(1, 1, 9, 9, 8)
        assert unit(x).shape == (1, 1, 5, 5, 4)
        expected = torch.tensor([0.0, 2, 4, 6]) / (1 + 1e-3) ** 0.5
        torch.testing.assert_close(unit(x)[0, 0, 2, 2], expected)


def test_a_clip_has_a_thousand_and_twenty_four_features_whatever_its_size(net):
    for size in ((9, 40, 56), (2, 32, 32)):
        features = net(torch.rand(3, *size) * 2 - 1)
        assert features.shape == (FEATURES,)
        assert bool(features.isfinite().all())


def test_published_weights_with_their_classifier_are_read(net, tmp_path: Path):
    file = tmp_path / "rgb_imagenet.pt"
    state = {name: tensor for name, tensor in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save({**state, "logits.conv3d.weight": torch.zeros(4), "logits.conv3d.bias": torch.zeros(4)}, file)
    clip = torch.rand(3, 4, 32, 32)
    torch.testing.assert_close(load_i3d(file, torch.device("cpu"))(clip), net(clip))
    assert "Mixed_4f.b2b.conv3d.weight" in state
    assert state["Mixed_5c.b1b.conv3d.weight"].shape == (384, 192, 3, 3, 3)


def test_other_weights_are_refused_in_one_sentence(net, tmp_path: Path):
    file = tmp_path / "other.pt"
    state = dict(net.state_dict())
    for state_now, said in (
        ({**state, "Mixed_3b.b0.conv3d.weight": torch.zeros(1)}, "Mixed_3b.b0.conv3d.weight is missing, unknown"),
        ({"x": torch.zeros(1)}, "is not I3D's RGB network"),
    ):
        torch.save(state_now, file)
        with pytest.raises(WeightsError, match=said):
            load_i3d(file, torch.device("cpu"))
    file.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="damaged"):
        load_i3d(file, torch.device("cpu"))
    with pytest.raises(WeightsError, match="cannot be read"):
        load_i3d(tmp_path / "none.pt", torch.device("cpu"))
