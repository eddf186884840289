"""Pictures on their way to the device: by way of page-locked memory to a GPU, and simply there to a processor."""

from __future__ import annotations

import torch
from torch import Tensor

from propainter_backend.render.staging import put


class Gpu(Tensor):
    """A place that says it lies on a GPU, and notes how it is written."""

    is_cuda = True  # type: ignore[assignment]
    written: list[tuple[Tensor, bool]]

    def copy_(self, source: Tensor, non_blocking: bool = False) -> Tensor:  # type: ignore[override]
        self.written.append((source, non_blocking))
        return self


class Picture(Tensor):
    """A picture that can be page-locked without a GPU."""

    def pin_memory(self) -> Tensor:  # type: ignore[override]
        return torch.full_like(torch.Tensor(self), 7)


def test_a_gpu_is_sent_page_locked_memory_and_not_waited_for() -> None:
    place = torch.zeros(3, 4, 5).as_subclass(Gpu)
    place.written = []
    put(place, torch.ones(3, 4, 5).as_subclass(Picture))
    ((source, is_under_way),) = place.written
    assert is_under_way and bool((source == 7).all()), "what is sent is the page-locked copy"


def test_in_host_memory_nothing_is_page_locked() -> None:
    gathered = torch.zeros(1, 2, 3, 4, 5)
    put(gathered[0, 1], torch.ones(3, 4, 5).as_subclass(Picture))
    assert bool((gathered[0, 1] == 1).all()) and not bool(gathered[0, 0].any())
