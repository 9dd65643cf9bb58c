"""Train the network for digits. On one thread the same examples give the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch.nn import functional

from academy.ai.digits.network.examples import Examples
from academy.ai.digits.network.model import layers

_BATCH: Final = 128
_RATE: Final = 3e-3
_SMOOTH: Final = 0.01


def train(examples: Examples, *, epochs: int, seed: int, say: Callable[[str], None]) -> Any:
    """The trained module; one cycle of the learning rate over all epochs."""
    torch.manual_seed(seed)
    network = layers().to(memory_format=torch.channels_last)
    random = torch.Generator().manual_seed(seed)
    count = len(examples.classes)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _RATE, total_steps=epochs * -(-count // _BATCH)
    )
    patches = torch.from_numpy(examples.patches)
    classes = torch.from_numpy(examples.classes)
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(count, generator=random).split(_BATCH):
            seen = _varied(patches[chosen].float().div(255)[:, None], random)
            logits = network(seen.contiguous(memory_format=torch.channels_last))
            loss = functional.cross_entropy(logits, classes[chosen], label_smoothing=_SMOOTH)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        say(f"epoch {epoch + 1}/{epochs}: loss {total / count:.4f}")
    return network.eval()


def _varied(patches: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Turned, sheared, scaled and shifted a little; lighter or darker strokes."""
    count = len(patches)
    angle, shear, grow = (torch.randn(3, count, generator=random) * torch.tensor(
        [[0.07], [0.09], [0.06]]
    )).unbind()  # fmt: skip
    shift = torch.randn(count, 2, generator=random) * 0.04
    cos, sin = torch.cos(angle) * (1 + grow), torch.sin(angle)
    rows = torch.stack(
        [torch.stack([cos, sin + shear, shift[:, 0]], 1), torch.stack([-sin, cos, shift[:, 1]], 1)],
        1,
    )
    grid = functional.affine_grid(rows, list(patches.shape), align_corners=False)
    moved = functional.grid_sample(patches, grid, align_corners=False)
    gamma = 0.7 + 0.7 * torch.rand(count, 1, 1, 1, generator=random)
    return moved.clamp(1e-4, 1) ** gamma
