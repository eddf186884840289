"""I3D, the network whose features VFID compares (Carreira & Zisserman, CVPR 2017), and reading weights a user brings.

Here: the RGB stream up to its last mixed block. Attribute names are the keys of the PyTorch conversion of the Kinetics
weights that the field uses (``rgb_imagenet.pt``). Not here: the distance (``measures.py``). No weights come with this
software.
"""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from propainter.weights import WeightsError, read_tensors

_MIXED: dict[str, tuple[int, int, int, int, int, int]] = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
"""Channels out of b0; into and out of b1; into and out of b2; out of b3."""
FEATURES = 1024
_UNUSED = ("logits.", "num_batches_tracked")
"""Of the file: the classifier, and what only training counts."""


class Unit(nn.Module):
    """Convolution, normalisation, ReLU; padded so that the size is the input's over the stride, rounded up."""

    def __init__(self, i: int, o: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(i, o, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(o, eps=1e-3)

    def forward(self, x: Float[Tensor, "n i t h w"]) -> Float[Tensor, "n o t2 h2 w2"]:
        return torch.relu(self.bn(self.conv3d(_padded(x, self.conv3d.kernel_size, self.conv3d.stride))))


class Pool(nn.Module):
    """Maximum, padded likewise."""

    def __init__(self, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> None:
        super().__init__()
        self._kernel, self._stride = kernel, stride

    def forward(self, x: Float[Tensor, "n c t h w"]) -> Float[Tensor, "n c t2 h2 w2"]:
        return F.max_pool3d(_padded(x, self._kernel, self._stride), self._kernel, self._stride)


class Mixed(nn.Module):
    """Four ways side by side: 1x1; 1x1 and 3x3, twice; pooled and 1x1."""

    def __init__(self, i: int, out: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        b0, b1a, b1b, b2a, b2b, b3 = out
        self.b0 = Unit(i, b0, 1)
        self.b1a, self.b1b = Unit(i, b1a, 1), Unit(b1a, b1b, 3)
        self.b2a, self.b2b = Unit(i, b2a, 1), Unit(b2a, b2b, 3)
        self.b3a, self.b3b = Pool((3, 3, 3), (1, 1, 1)), Unit(i, b3, 1)

    def forward(self, x: Float[Tensor, "n i t h w"]) -> Float[Tensor, "n o t h w"]:
        return torch.cat((self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))), dim=1)


class I3d(nn.Module):
    """The network up to Mixed_5c; frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, stride=2)
        self.MaxPool3d_2a_3x3 = Pool((1, 3, 3), (1, 2, 2))
        self.Conv3d_2b_1x1 = Unit(64, 64, 1)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3)
        self.MaxPool3d_3a_3x3 = Pool((1, 3, 3), (1, 2, 2))
        channels = 192
        for name, out in _MIXED.items():
            if name == "Mixed_4b":
                self.MaxPool3d_4a_3x3 = Pool((3, 3, 3), (2, 2, 2))
            if name == "Mixed_5b":
                self.MaxPool3d_5a_2x2 = Pool((2, 2, 2), (2, 2, 2))
            self.add_module(name, Mixed(channels, out))
            channels = out[0] + out[2] + out[4] + out[5]
        self.eval().requires_grad_(False)

    @torch.inference_mode()
    def forward(self, clip: Float[Tensor, "3 t h w"]) -> Float[Tensor, " features"]:
        """Features of one clip: Mixed_5c, mean over time and place. clip: RGB in [-1, 1]."""
        x = clip[None]
        for part in self.children():  # in the order they were added
            x = part(x)
        return x[0].mean((1, 2, 3))


def load_i3d(path: Path, device: torch.device) -> I3d:
    """The network with the weights of a file. Raises WeightsError where they are not this network's."""
    net = I3d()
    own = {name: tensor.shape for name, tensor in net.state_dict().items() if not name.endswith(_UNUSED[1])}
    tensors = {
        name: tensor
        for name, tensor in read_tensors(path).items()
        if not name.startswith(_UNUSED[0]) and not name.endswith(_UNUSED[1])
    }
    if {name: tensor.shape for name, tensor in tensors.items()} != own:
        odd = sorted(own.keys() ^ tensors.keys()) or [n for n in own if tensors[n].shape != own[n]]
        raise WeightsError(
            f"{path} is not I3D's RGB network ({odd[0]} is missing, unknown or of another shape); give rgb_imagenet.pt"
        )
    net.load_state_dict(tensors, strict=False)
    return net.to(device)


def _padded(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """Zeros around it, the odd one behind, as TensorFlow's SAME has it: ReLU came before, so 0 is no maximum."""
    sides: list[int] = []
    for length, k, s in zip(x.shape[:1:-1], kernel[::-1], stride[::-1], strict=True):
        missing = max(k - (s if length % s == 0 else length % s), 0)
        sides += [missing // 2, missing - missing // 2]
    return F.pad(x, sides)
