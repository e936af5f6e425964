"""Train the ensemble: one network for each fold, in step, on warped copies of the livers of the other folds."""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from glisson.anatomy.couinaud_net import COARSE, SEGMENTS
from training.couinaud.data import FOLDS, fold_of, read_pack
from training.couinaud.net import CouinaudNet, joined, loss_of
from training.couinaud.warp import plain, sample

Array = npt.NDArray[Any]

BATCH = 2
RATE = 3e-3
DECAY = 0.02
AVERAGE = 0.995
"""Share of the running average of the weights that is kept at each step."""

WITH_VESSELS = 0.6
"""Share of the examples whose vessels are shown."""

BENT = 0.5
"""Share of the examples with vessels that are bent livers; the rest are livers with vessels of their own."""


def atlas_of(livers: dict[str, dict[str, Array]]) -> Array:
    """(8, 32, 28, 24) logarithm of the share of each segment among the livers at each cell, blurred and kept off 0."""
    from scipy.ndimage import gaussian_filter

    total = np.zeros((SEGMENTS, *COARSE))
    for liver in livers.values():
        levels, _, share, _ = plain(liver, None)
        flat = total.reshape(SEGMENTS, -1)
        flat[:, levels[0].index] += share.T
    blurred = np.stack([gaussian_filter(part, 1.0) for part in total]) + 0.02 * len(livers) / SEGMENTS
    result: Array = np.log(blurred / blurred.sum(0)).astype(np.float32)
    return result


class Member:
    """One network, its optimiser and the running average of its weights."""

    def __init__(self, fold: int, atlas: Array, steps: int) -> None:
        torch.manual_seed(fold)
        self.net, self.atlas = CouinaudNet(), atlas.reshape(SEGMENTS, -1)
        self.mean = copy.deepcopy(self.net)
        matrices = [p for p in self.net.parameters() if p.ndim > 1]
        rest = [p for p in self.net.parameters() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": DECAY}, {"params": rest, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=RATE)
        self.steps, self.step, self.waiting, self.losses = steps, 0, [], []

    def see(self, example: tuple[Any, Array, Array]) -> None:
        """Take an example; learn when a batch is full."""
        self.waiting.append(example)
        if len(self.waiting) < BATCH:
            return
        batch, self.waiting = self.waiting, []
        levels = joined([b[0] for b in batch])
        given = torch.from_numpy(np.concatenate([b[1] for b in batch]))
        share = torch.from_numpy(np.concatenate([b[2] for b in batch]))
        prior = torch.from_numpy(np.concatenate([self.atlas[:, b[0][0].index].T for b in batch]))
        self._learn(given, prior, levels, share)

    def _learn(self, given: torch.Tensor, prior: torch.Tensor, levels: list[Any], share: torch.Tensor) -> None:
        part = min(self.step / self.steps, 1.0)
        rate = RATE * min(1.0, (self.step + 1) / 50) * (0.5 + 0.5 * math.cos(math.pi * part)) + 1e-6
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.net.train()
        loss = loss_of(self.net(given, prior, levels), share, levels[0].counts)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        self.losses.append(loss.item())
        kept = min(AVERAGE, (1 + self.step) / (20 + self.step))
        with torch.no_grad():
            for mine, theirs in zip(self.mean.state_dict().values(), self.net.state_dict().values(), strict=True):
                if mine.dtype.is_floating_point:
                    mine.mul_(kept).add_(theirs, alpha=1 - kept)
                else:
                    mine.copy_(theirs)

    def logits(self, levels: list[Any], given: Array) -> Array:
        """(n, 8) logits of the averaged network."""
        self.mean.eval()
        with torch.no_grad():
            prior = torch.from_numpy(self.atlas[:, levels[0].index].T.copy())
            result: Array = self.mean(torch.from_numpy(given), prior, joined([levels])).numpy()
        return result


def drawn(livers: dict[str, dict[str, Array]], rng: np.random.Generator) -> tuple[str, str | None]:
    """The next liver to show, and the key of the vessels shown with it."""
    real = sorted(name for name in livers if "+" not in name)
    if rng.random() >= WITH_VESSELS:
        return str(rng.choice(real)), None
    bent = sorted(name for name in livers if "+" in name)
    if bent and rng.random() < BENT:
        return str(rng.choice(bent)), "vessels"
    return str(rng.choice([name for name in real if "vessels" in livers[name]])), "vessels"


def coarse_dice(logits: Array, share: Array) -> Array:
    """(8,) Dice over the cells, from each cell's likeliest segment."""
    best = np.eye(SEGMENTS, dtype=np.float32)[logits.argmax(1)] * share.sum(1, keepdims=True)
    result: Array = 2 * np.minimum(best, share).sum(0) / (best.sum(0) + share.sum(0))
    return result


def validated(members: list[Member], livers: dict[str, dict[str, Array]], names: list[str]) -> dict[str, float]:
    """Mean Dice over livers that each member did not see, without and with their own vessels."""
    without, own = [], []
    for name in names:
        member = members[fold_of(name)]
        levels, given, share, _ = plain(livers[name], None)
        without.append(coarse_dice(member.logits(levels, given), share).mean())
        if "vessels" in livers[name]:
            levels, given, share, _ = plain(livers[name], "vessels")
            own.append((coarse_dice(member.logits(levels, given), share).mean(), without[-1]))
    result = {"without": float(np.mean(without))}
    if own:
        result["with"], result["same without"] = (float(x) for x in np.mean(own, axis=0))
    return result


def train(livers: dict[str, dict[str, Array]], examples: int, out: Path, every: int, seed: int = 1) -> list[Member]:
    """Show `examples` warped livers to the members that may see them; checkpoints to `out`."""
    names = sorted(name for name in livers if "+" not in name)
    rng = np.random.default_rng(seed)
    steps = examples * (FOLDS - 1) // FOLDS // BATCH
    members = [
        Member(fold, atlas_of({n: livers[n] for n in names if fold_of(n) != fold}), steps) for fold in range(FOLDS)
    ]
    began = time.time()
    for count in range(1, examples + 1):
        name, vessels = drawn(livers, rng)
        example = sample(livers[name], vessels, rng)
        for fold, member in enumerate(members):
            if fold != fold_of(name):
                member.see(example)
        if count % every == 0 or count == examples:
            recent = np.mean([loss for member in members for loss in member.losses[-every // BATCH :]])
            chosen = names if count == examples else names[:: len(names) // 20]
            found = validated(members, livers, chosen)
            print(count, f"{time.time() - began:.0f} s", f"loss {recent:.4f}", found, flush=True)
            torch.save([(m.mean.state_dict(), m.atlas) for m in members], out)
    return members


def main() -> None:
    """Train on a pack of livers."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--pack", type=Path, required=True, help="from training.couinaud.bent")
    parser.add_argument("--examples", type=int, default=6000)
    parser.add_argument("--every", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    train(read_pack(given.pack), given.examples, given.out, given.every)


if __name__ == "__main__":
    main()
