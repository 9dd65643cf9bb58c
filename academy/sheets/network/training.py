"""Train the network for hard marks, and the committee. Needs torch, which only premium hosts have.

Everything is seeded; on one thread the same examples give the same weights, also where a run was
interrupted after an epoch and went on from what it had saved.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from academy.sheets.network.committee import Member, by_group
from academy.sheets.network.examples import Examples
from academy.sheets.network.inputs import PLANES, SCALARS
from academy.sheets.reading.patches import COLUMNS, ROWS

CHANNELS: Final = (12, 20, 28)
HIDDEN: Final = 40
_BATCH = 256
_GROUPS = 64
_RATE = 2e-3
_SMOOTH = 0.005

Say = Callable[[str], None]


class Progress(Protocol):
    """Where a run keeps what it has learnt."""

    def load(self) -> bytes | None:
        """What `save` was given last, by this run or an earlier one of the same work."""
        ...

    def save(self, state: bytes, epoch: int, epochs: int) -> None:
        """Keep it; an exception raised here ends the run."""
        ...


class Network(nn.Module):  # type: ignore[misc]
    """Three convolutions over the picture, then two layers that also see the scalars."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = PLANES
        for channels in CHANNELS:
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            before = channels
        flat = before * (ROWS >> len(CHANNELS)) * (COLUMNS >> len(CHANNELS))
        self.picture = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Sequential(
            nn.Linear(flat + SCALARS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1)
        )

    def forward(self, planes: torch.Tensor, scalars: torch.Tensor) -> torch.Tensor:
        """One number for each bubble; above 0 it is meant."""
        out: torch.Tensor = self.head(torch.cat([self.picture(planes), scalars], dim=1))
        return out[:, 0]

    @property
    def size(self) -> int:
        """How many numbers are learnt."""
        return sum(parameter.numel() for parameter in self.parameters())


def train(
    examples: Examples, *, epochs: int, seed: int, say: Say, progress: Progress | None = None
) -> Network:
    """The network, learnt from the examples bubble by bubble."""
    torch.manual_seed(seed)
    network = Network()
    planes = torch.from_numpy(examples.planes)
    scalars = torch.from_numpy(examples.scalars)
    meant = torch.from_numpy(examples.meant.astype(np.float32))

    def loss_of(chosen: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        seen = _varied(planes[chosen].float(), random)
        return _loss(network(seen, scalars[chosen]), meant[chosen])

    _fit(network, loss_of, _Plan(len(meant), _BATCH, epochs, seed), say, progress)
    return network


def train_member(
    examples: Examples, *, epochs: int, seed: int, say: Say, progress: Progress | None = None
) -> Member:
    """One member of the committee, learnt from the examples group by group."""
    torch.manual_seed(seed)
    member = Member()
    planes = torch.from_numpy(by_group(examples.planes, examples.group))
    scalars = torch.from_numpy(by_group(examples.scalars, examples.group))
    meant = torch.from_numpy(by_group(examples.meant.astype(np.float32), examples.group))
    there = np.ones(len(examples.group), np.float32)
    present = torch.from_numpy(by_group(there, examples.group))

    def loss_of(chosen: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        groups = planes[chosen].float()
        seen = _varied(groups.flatten(0, 1), random).reshape(groups.shape)
        logits = member(seen, scalars[chosen], present[chosen])
        real = present[chosen].bool()
        return _loss(logits[real], meant[chosen][real])

    _fit(member, loss_of, _Plan(len(present), _GROUPS, epochs, seed), say, progress)
    return member


def _loss(logits: torch.Tensor, meant: torch.Tensor) -> torch.Tensor:
    wanted = meant * (1 - 2 * _SMOOTH) + _SMOOTH
    return functional.binary_cross_entropy_with_logits(logits, wanted)


@dataclass(frozen=True)
class _Plan:
    """How many examples there are, how many at a time, how often, and in which order."""

    count: int
    batch: int
    epochs: int
    seed: int


def _fit(
    network: nn.Module,
    loss_of: Callable[[torch.Tensor, torch.Generator], torch.Tensor],
    plan: _Plan,
    say: Say,
    progress: Progress | None,
) -> None:
    """One cycle of the learning rate over all epochs."""
    count, batch, epochs = plan.count, plan.batch, plan.epochs
    random = torch.Generator().manual_seed(plan.seed)
    steps = epochs * -(-count // batch)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
    first = 0
    saved = None if progress is None else progress.load()
    if saved is not None:
        state: dict[str, Any] = torch.load(io.BytesIO(saved), weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        random.set_state(state["random"])
        first = int(state["epochs"])
    for epoch in range(first + 1, epochs + 1):
        total = 0.0
        for chosen in torch.randperm(count, generator=random).split(batch):
            loss = loss_of(chosen, random)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        say(f"epoch {epoch}/{epochs}: loss {total / count:.4f}")
        if progress is not None:
            out = io.BytesIO()
            torch.save(
                {
                    "network": network.state_dict(), "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(), "random": random.get_state(),
                    "epochs": epoch,
                },
                out,
            )  # fmt: skip
            progress.save(out.getvalue(), epoch, epochs)


def _varied(planes: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Shifted by up to one pixel, a little lighter or darker, with some noise."""
    down, across = (int(x) for x in torch.randint(-1, 2, (2,), generator=random))
    shifted = torch.roll(planes, (down, across), (2, 3))
    gain = 0.9 + 0.2 * torch.rand((len(planes), 1, 1, 1), generator=random)
    noise = 0.015 * torch.randn(planes.shape, generator=random)
    return (shifted * gain + noise).clamp(0, 1.5)
