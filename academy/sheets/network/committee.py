"""The committee: larger networks, each of which sees all bubbles of a group at once. Needs torch.

Whether a faint mark is meant depends on what stands beside it, so a member judges a bubble by its
own picture and by what it has made of the others of its group. Members differ in their random
beginning only; where they disagree the group stays with a person.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load, save
from torch import nn

from academy.sheets.network import COMMITTEE
from academy.sheets.network.inputs import PLANES, SCALARS
from academy.sheets.network.model import ModelError
from academy.sheets.reading.align import Floats
from academy.sheets.reading.patches import COLUMNS, ROWS

BUBBLES: Final = 10
"""Of the largest group; smaller ones are filled up with places that are masked."""
_CHANNELS: Final = (16, 32, 48)
_SEEN = 64
_HIDDEN = 96
_BATCH = 256


class Member(nn.Module):  # type: ignore[misc]
    """Three convolutions over each bubble's picture, then layers that see the whole group."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = PLANES
        for channels in _CHANNELS:
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            before = channels
        flat = before * (ROWS >> len(_CHANNELS)) * (COLUMNS >> len(_CHANNELS))
        self.picture = nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, _SEEN), nn.ReLU())
        self.alone = nn.Sequential(nn.Linear(_SEEN + SCALARS, _SEEN), nn.ReLU())
        self.together = nn.Sequential(
            nn.Linear(3 * _SEEN + SCALARS, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 1)
        )

    def forward(
        self, planes: torch.Tensor, scalars: torch.Tensor, present: torch.Tensor
    ) -> torch.Tensor:
        """Logits, groups x BUBBLES; above 0 a bubble is meant.

        `planes` are groups x BUBBLES x PLANES x ROWS x COLUMNS, `scalars` groups x BUBBLES x
        SCALARS, `present` groups x BUBBLES: whether there is such a bubble.
        """
        there = present.bool()
        # Half of all places are filled up: their pictures are not worth looking at.
        seen = scalars.new_zeros((*present.shape, _SEEN))
        seen[there] = self.picture(planes[there]).to(seen.dtype)
        seen = torch.cat([seen, scalars], dim=2)
        own = self.alone(seen) * present[..., None]
        # The two strongest of each feature: the strongest of the others is one of them.
        best = own.topk(2, dim=1).values
        others = torch.where(own == best[:, :1], best[:, 1:], best[:, :1])
        mean = own.sum(1, keepdim=True) / present.sum(1, keepdim=True)[..., None]
        everything = torch.cat([own, others, mean.expand_as(own), scalars], dim=2)
        out: torch.Tensor = self.together(everything)[..., 0]
        return out


@dataclass(frozen=True)
class Word:
    """What the committee says of the bubbles of some groups: groups x BUBBLES.

    `shares` is how likely each is meant; `agreed` (of each group) whether all members read the
    same values.
    """

    shares: Floats
    agreed: npt.NDArray[np.bool_]


class Committee:
    """All members on one device; loaded once for a process."""

    def __init__(
        self, members: Sequence[Member], *, temperature: float, identity: dict[str, str],
        device: str,
    ) -> None:  # fmt: skip
        self.identity = identity
        self._members = [member.to(device).eval() for member in members]
        self._temperature = temperature
        self._device = device

    @staticmethod
    def load(path: Path = COMMITTEE, *, device: str = "cpu") -> Committee:
        """The committee of a file and of the description beside it.

        Raises:
            ModelError: the file is not the one that the description names.
        """
        content = path.read_bytes()
        about: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        sha256 = hashlib.sha256(content).hexdigest()
        if about["sha256"] != sha256:
            raise ModelError(f"{path.name}: expected {about['sha256']}, found {sha256}")
        return Committee(
            members_of(content), temperature=float(about["temperature"]),
            identity={"name": str(about["name"]), "sha256": sha256}, device=device,
        )  # fmt: skip

    def hear(
        self,
        planes: npt.NDArray[np.floating[Any]],
        scalars: Floats,
        present: npt.NDArray[np.bool_],
    ) -> Word:
        """The word on groups, a batch at a time; arguments as `Member.forward` takes them."""
        parts = []
        with torch.inference_mode():
            for start in range(0, len(present), _BATCH):
                part = slice(start, start + _BATCH)
                inputs = [
                    torch.from_numpy(np.ascontiguousarray(array[part], np.float32))
                    .to(self._device)
                    for array in (planes, scalars, present)
                ]  # fmt: skip
                logits = torch.stack([member(*inputs) for member in self._members])
                parts.append(logits.float().cpu().numpy())
        shape = (len(self._members), 0, present.shape[1])
        empty = np.zeros(shape, np.float32)
        logits = np.concatenate([empty, *parts], axis=1).astype(np.float32)
        return _word(logits / np.float32(self._temperature), present)


def _word(logits: npt.NDArray[Any], present: npt.NDArray[np.bool_]) -> Word:
    """Members x groups x bubbles to what they say together."""
    each = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    marked = (each > 0.5) & present
    agreed = (marked == marked[:1]).all(axis=(0, 2))
    return Word((each.mean(axis=0) * present).astype(np.float32), agreed)


def content_of(members: Sequence[Member]) -> bytes:
    """The members' weights as one file of safetensors."""
    tensors = {
        f"{number}.{name}": tensor.detach().half().contiguous()
        for number, member in enumerate(members)
        for name, tensor in member.state_dict().items()
    }
    return bytes(save(tensors))


def members_of(content: bytes) -> list[Member]:
    """The members of such a file."""
    tensors = load(content)
    count = 1 + max(int(name.partition(".")[0]) for name in tensors)
    members = []
    for number in range(count):
        member = Member()
        own = {
            name.partition(".")[2]: tensor.float()
            for name, tensor in tensors.items()
            if name.startswith(f"{number}.")
        }
        member.load_state_dict(own)
        members.append(member)
    return members


def size_of(members: Sequence[Member]) -> int:
    """How many numbers were learnt."""
    return sum(parameter.numel() for member in members for parameter in member.parameters())


def by_group(
    values: npt.NDArray[np.generic], group: npt.NDArray[np.integer[Any]]
) -> npt.NDArray[Any]:
    """Rows of bubbles as groups x BUBBLES x ...; `group` numbers them from 0, side by side."""
    counts = np.bincount(group) if len(group) else np.zeros(0, np.int64)
    starts = np.cumsum([0, *counts])[:-1]
    out = np.zeros((len(counts), BUBBLES, *values.shape[1:]), values.dtype)
    out[group, np.arange(len(group)) - starts[group]] = values
    return out
