"""More livers with vessels: those that have some, bent into the shape of those that have none.

The donor's label map is warped onto the receiver's; its labels and its vessels follow together. So the new liver has
about the receiver's shape, and its vessels lie to its segment borders exactly as the donor's reader drew them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from training.couinaud.data import SOURCE_CELLS
from training.couinaud.warp import lookup

Array = npt.NDArray[Any]

STEPS, RATE = 120, 0.03
CONTROL = (13, 12, 10)
STIFFNESS = 0.1
"""Steps and rate of the fit, control points along L, P and S, and the weight of their smoothness."""


def _one_hot(labels: Array) -> torch.Tensor:
    shares = np.stack([(labels == v) for v in range(9)]).astype(np.float32)
    return functional.avg_pool3d(torch.from_numpy(shares)[None], 3)


def _bend(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """(1, 3, *CONTROL) displacement, in halves of the box, that carries the target's places to the source's."""
    shape = target.shape[2:]
    axes = [torch.linspace(-1 + 1 / n, 1 - 1 / n, n) for n in shape]
    identity = torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]
    control = torch.zeros(1, 3, *CONTROL, requires_grad=True)
    optimiser = torch.optim.Adam([control], lr=RATE)
    for step in range(STEPS):
        if step == STEPS // 2:
            optimiser.param_groups[0]["lr"] = RATE / 2
        where = identity + functional.interpolate(control, shape, mode="trilinear", align_corners=True)
        seen = functional.grid_sample(source, where.permute(0, 2, 3, 4, 1).flip(-1), align_corners=False)
        rough = sum((control.diff(dim=d) ** 2).mean() for d in (2, 3, 4))
        loss = ((seen - target) ** 2).sum(1).mean() + STIFFNESS * rough
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return control.detach()


def transferred(donor: dict[str, Array], receiver: dict[str, Array]) -> tuple[Array, Array]:
    """The donor's labels and vessels in about the receiver's shape, each (96, 84, 72) uint8."""
    control = _bend(_one_hot(donor["labels"]), _one_hot(receiver["labels"]))
    bend = functional.interpolate(control, SOURCE_CELLS, mode="trilinear", align_corners=True)[0].numpy() / 2
    places = [(np.arange(n) + 0.5) / n - 0.5 for n in SOURCE_CELLS]
    where = np.stack(np.meshgrid(*places, indexing="ij")) + bend
    return lookup(donor["labels"], where), lookup(donor["vessels"], where)
