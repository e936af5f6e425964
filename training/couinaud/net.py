"""The network that is trained: a small U-Net that lives on the liver's own cells and on nothing else.

Only cells with liver are kept, so a convolution is a gather and a matrix product; `glisson.anatomy.couinaud_net` runs
the same with NumPy.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from glisson.anatomy.couinaud_net import FEATURES, SEGMENTS, Level

WIDTHS = (32, 48, 80)


def _padded(x: Tensor) -> Tensor:
    return torch.cat([x, x.new_zeros(1, x.shape[1])])


class _Near(Function):
    """(N, C) -> (N, D): a 3x3x3 convolution over the cells that exist."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, near: Tensor) -> Tensor:  # type: ignore[override]
        gathered = _padded(x)[near.ravel()].view(len(x), -1)
        ctx.save_for_backward(gathered, weight, near)
        return gathered @ weight

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:  # type: ignore[override]
        gathered, weight, near = ctx.saved_tensors
        turned = weight.view(27, -1, grad.shape[1]).transpose(1, 2).reshape(27 * grad.shape[1], -1)
        back = _padded(grad)[near.flip(1).ravel()].view(len(grad), -1) @ turned
        return back, gathered.T @ grad, None


class _Children(Function):
    """(N, C) -> (M, 8 C): the children of each parent side by side; 0 where a child has no liver."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, children: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(children)
        ctx.count = len(x)
        return _padded(x)[children.ravel()].view(len(children), -1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (children,) = ctx.saved_tensors
        result = grad.new_zeros(ctx.count + 1, grad.shape[1] // 8)
        result[children.ravel()] = grad.reshape(children.numel(), -1)
        return result[:-1], None


class _Parent(Function):
    """(M, C) -> (N, C): what the parent of each cell knows."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, parent: Tensor, children: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(children)
        return x[parent]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (children,) = ctx.saved_tensors
        return _padded(grad)[children.ravel()].view(len(children), 8, -1).sum(1), None, None


class _Unit(nn.Module):
    """A matrix, a batch normalisation and a ReLU."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inside, outside) * (2.0 / inside) ** 0.5)
        self.norm = nn.BatchNorm1d(outside, momentum=0.05)

    def done(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(x))


class CouinaudNet(nn.Module):
    """Features of the cells -> logits of the segments I to VIII, cell by cell."""

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.units = nn.ModuleDict(
            {
                "stem": _Unit(FEATURES, fine),
                "fine1": _Unit(27 * fine, fine),
                "down1": _Unit(8 * fine, middle),
                "middle1": _Unit(27 * middle, middle),
                "middle2": _Unit(27 * middle, middle),
                "down2": _Unit(8 * middle, coarse),
                "coarse1": _Unit(27 * coarse, coarse),
                "coarse2": _Unit(27 * coarse, coarse),
                "whole": _Unit(coarse, coarse),
                "up2": _Unit(coarse, middle),
                "middle3": _Unit(27 * middle, middle),
                "up1": _Unit(middle, fine),
                "fine2": _Unit(27 * fine, fine),
                "fine3": _Unit(27 * fine, fine),
            }
        )
        self.head = nn.Linear(fine, SEGMENTS)

    def forward(self, features: Tensor, prior: Tensor, levels: list[Any]) -> Tensor:
        """(N, FEATURES), (N, 8) logarithm of the atlas, three levels of one or more livers -> (N, 8) logits."""
        unit = self.units

        def flat(name: str, x: Tensor) -> Tensor:
            return unit[name].done(x @ unit[name].weight)

        def near(name: str, x: Tensor, level: Any) -> Tensor:
            return x + unit[name].done(_Near.apply(x, unit[name].weight, level.near))

        zero, one, two = levels
        fine = near("fine1", flat("stem", features), zero)
        middle = flat("down1", _Children.apply(fine, one.children))
        middle = near("middle2", near("middle1", middle, one), one)
        coarse = flat("down2", _Children.apply(middle, two.children))
        coarse = near("coarse2", near("coarse1", coarse, two), two)
        mean = torch.stack([part.mean(0) for part in coarse.split(two.counts)])
        whole = flat("whole", mean)
        coarse = coarse + whole.repeat_interleave(torch.tensor(two.counts), 0)
        middle = near("middle3", middle + flat("up2", _Parent.apply(coarse, two.parent, two.children)), one)
        fine = near("fine2", fine + flat("up1", _Parent.apply(middle, one.parent, one.children)), zero)
        fine = near("fine3", fine, zero)
        return self.head(fine) + prior


def loss_of(logits: Tensor, share: Tensor, counts: list[int]) -> Tensor:
    """Cross-entropy over the liver plus one minus the mean Dice of the segments.

    share: (N, 8), the share of each cell that each segment fills. counts: cells of each liver of the batch.
    """
    cross = -(share * functional.log_softmax(logits, dim=1)).sum() / share.sum()
    chance = logits.softmax(dim=1) * share.sum(dim=1, keepdim=True)
    terms = []
    for c, s in zip(chance.split(counts), share.split(counts), strict=True):
        terms.append((2 * (c * s).sum(0) + 1) / ((c * c).sum(0) + (s * s).sum(0) + 1))
    return cross + (1 - torch.stack(terms)).mean()


def joined(livers: list[list[Level]]) -> list[Any]:
    """The levels of several livers as one, their cells one after the other."""
    from types import SimpleNamespace

    result = []
    for depth in range(3):
        levels = [liver[depth] for liver in livers]
        counts = [len(level.near) for level in levels]
        total = sum(counts)
        finer = [len(liver[depth - 1].near) for liver in livers] if depth else []
        near = _stacked([level.near for level in levels], counts, total)
        children = _stacked([level.children for level in levels], finer, sum(finer)) if depth else None
        parent = None
        if depth:
            starts = [sum(counts[:i]) for i in range(len(counts))]
            parent = torch.cat(
                [torch.from_numpy(level.parent).long() + s for level, s in zip(levels, starts, strict=True)]
            )
        result.append(SimpleNamespace(near=near, children=children, parent=parent, counts=counts))
    return result


def _stacked(parts: list[Any], counts: list[int], total: int) -> Tensor:
    shifted, start = [], 0
    for part, count in zip(parts, counts, strict=True):
        index = torch.from_numpy(part).long()
        shifted.append(torch.where(index == count, total, index + start))
        start += count
    return torch.cat(shifted)
