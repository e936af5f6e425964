"""From trained networks to the file that is shipped: weights folded and halved, chances calibrated."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from glisson.anatomy.couinaud_chances import SegmentChances, remnant_interval
from glisson.anatomy.couinaud_frame import LiverFrame
from glisson.anatomy.couinaud_net import COARSE, SEGMENTS, forward
from glisson.anatomy.segments import SEGMENT_NAMES
from glisson.geometry import Grid, Mask
from glisson.planning.catalogue import CATALOGUE
from training.couinaud.data import fold_of, read_pack
from training.couinaud.net import CouinaudNet, joined
from training.couinaud.train import coarse_dice
from training.couinaud.warp import plain

Array = npt.NDArray[Any]

COVERAGE = 0.90
"""Share of cross-validated remnants that the interval is to hold."""

FRAME = LiverFrame.of(Mask(np.ones((2, 2, 2), np.bool_), Grid.axial((2, 2, 2))))
"""Stands where the shipped code keeps the frame of a liver; shares need none."""


def folded(state: dict[str, torch.Tensor]) -> dict[str, Array]:
    """Matrices and biases with the batch normalisation taken into them, float16."""
    result = {}
    for key in sorted(k for k in state if k.endswith(".weight") and k.startswith("units") and "norm" not in k):
        name = key.split(".")[1]
        norm = {part: state[f"units.{name}.norm.{part}"] for part in ("weight", "bias", "running_mean", "running_var")}
        scale = norm["weight"] / (norm["running_var"] + 1e-5).sqrt()
        result[name] = (state[key] * scale).numpy().astype(np.float16)
        result[f"{name}.bias"] = (norm["bias"] - norm["running_mean"] * scale).numpy().astype(np.float16)
    result["head"] = state["head.weight"].T.numpy().astype(np.float16)
    result["head.bias"] = state["head.bias"].numpy().astype(np.float16)
    return result


def checked(state: dict[str, torch.Tensor], member: dict[str, Array], liver: dict[str, Array]) -> float:
    """Largest difference between the trained network's logits and those of the shipped NumPy code on one liver."""
    levels, given, _, _ = plain(liver, None)
    net = CouinaudNet()
    net.load_state_dict(state)
    net.eval()
    with torch.no_grad():
        theirs = net(torch.from_numpy(given), torch.zeros(len(given), SEGMENTS), joined([levels])).numpy()
    single = {key: value.astype(np.float32) for key, value in member.items()}
    return float(np.abs(theirs - forward(single, given, levels)).max())


@dataclass(frozen=True)
class Seen:
    """One liver as models that had not seen it see it: logits of the network with its atlas, and of the planes; shares
    of the segments in its cells."""

    name: str
    with_vessels: bool
    network: Array
    planes: Array
    share: Array

    @property
    def logits(self) -> Array:
        """What is shipped: both together."""
        return self.network + self.planes


def held_out(
    members: list[dict[str, Array]],
    atlases: list[Array],
    livers: dict[str, dict[str, Array]],
    planes: Mapping[str, Array],
) -> list[Seen]:
    """Each liver that planes were placed in, without and, where there are some, with its own vessels."""
    found = []
    for name in sorted(n for n in livers if n in planes):
        fold = fold_of(name)
        single = {key: value.astype(np.float32) for key, value in members[fold].items()}
        for key in (None, "vessels") if "vessels" in livers[name] else (None,):
            levels, given, share, _ = plain(livers[name], key)
            atlas, logs = (a.reshape(SEGMENTS, -1)[:, levels[0].index].T for a in (atlases[fold], planes[name]))
            network = forward(single, given, levels) + atlas
            found.append(Seen(name, key is not None, network, logs.astype(np.float32), share))
    return found


def temperature_of(found: list[Seen]) -> float:
    """The temperature with the least cross-entropy over the held-out livers."""
    from scipy.optimize import minimize_scalar

    def cost(temperature: float) -> float:
        total, weight = 0.0, 0.0
        for one in found:
            scaled = one.logits / temperature
            top = scaled.max(1, keepdims=True)
            total -= float((one.share * (scaled - top - np.log(np.exp(scaled - top).sum(1, keepdims=True)))).sum())
            weight += float(one.share.sum())
        return total / weight

    return float(minimize_scalar(cost, bounds=(0.3, 5.0), method="bounded").x)


def chances_of(logits: Array, share: Array, temperature: float, cut: float) -> SegmentChances:
    """What the shipped code would say of these cells."""
    scaled = logits / temperature
    raised = np.exp(scaled - scaled.max(1, keepdims=True))
    return SegmentChances(
        raised / raised.sum(1, keepdims=True),
        share.sum(1).astype(np.float64),
        FRAME,
        np.arange(len(share)),
        cut,
        COVERAGE,
    )


def coverage_of(found: list[Seen], temperature: float, cut: float) -> float:
    """Share of the remnants of every standard resection of the held-out livers that lie within the interval."""
    values = {name: value for value, name in SEGMENT_NAMES.items()}
    held, count = 0, 0
    for one in found:
        chances = chances_of(one.logits, one.share, temperature, cut)
        for resection in CATALOGUE:
            gone = one.share[:, [values[name] - 1 for name in resection.segments]].sum()
            truth = 100.0 * (1 - gone / one.share.sum())
            interval = remnant_interval(chances, resection.segments)
            held += interval.low_percent <= truth <= interval.high_percent
            count += 1
    return held / count


def cut_of(found: list[Seen], temperature: float) -> float:
    """The largest cut whose coverage reaches COVERAGE, to three decimals."""
    low, high = 0.001, 0.5
    while high - low > 0.001:
        middle = (low + high) / 2
        if coverage_of(found, temperature, middle) >= COVERAGE:
            low = middle
        else:
            high = middle
    return round(low, 3)


def export(livers: dict[str, dict[str, Array]], planes: Mapping[str, Array], checkpoint: Path, out: Path) -> None:
    """Write the model file."""
    saved = torch.load(checkpoint, weights_only=False)
    members = [folded(state) for state, _ in saved]
    atlases = [np.asarray(atlas) for _, atlas in saved]
    example = livers[sorted(livers)[0]]
    for (state, _), member in zip(saved, members, strict=True):
        print(f"NumPy against the trained network: at most {checked(state, member, example):.4f} logits")
    found = held_out(members, atlases, livers, planes)
    temperature = temperature_of(found)
    cut = cut_of(found, temperature)
    for kind in (False, True):
        seen = [one for one in found if one.with_vessels == kind]
        print(f"{len(seen)} livers not seen, {'with' if kind else 'without'} vessels: mean Dice over cells by")
        for part in ("network", "planes", "logits"):
            print(f"  {part}: {np.mean([coarse_dice(getattr(one, part), one.share) for one in seen]):.4f}")
    print(f"temperature {temperature:.3f}, cut {cut:.3f}, coverage {coverage_of(found, temperature, cut):.3f}")
    arrays = {f"{i}/{key}": value for i, member in enumerate(members) for key, value in member.items()}
    arrays["atlas"] = np.mean(atlases, axis=0).reshape(SEGMENTS, *COARSE).astype(np.float16)
    for key, value in (("temperature", temperature), ("cut", cut), ("coverage", COVERAGE)):
        arrays[key] = np.float32(value)
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **arrays)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    """Export a checkpoint."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--planes", type=Path, required=True, help="from training.couinaud.landmarks")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(given.planes) as planes:
        export(read_pack(given.pack), planes, given.checkpoint, given.out)


if __name__ == "__main__":
    main()
