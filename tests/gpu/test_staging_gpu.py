"""Pictures sent to a real GPU arrive as they were, however soon their memory in the host is used again."""

from __future__ import annotations

import torch

from propainter_backend.render.staging import put


def test_many_pictures_in_a_row_arrive_each_as_it_was(device: torch.device) -> None:
    gathered = torch.empty(1, 64, 3, 270, 480, device=device)
    for index in range(64):
        put(gathered[0, index], torch.full((3, 270, 480), float(index)))
    arrived = gathered.cpu()
    assert all(bool((arrived[0, index] == index).all()) for index in range(64))
