"""Livers with vessels bent into the shape of those without, within each fold."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.couinaud.data import fold_of, read_pack
from training.couinaud.transfer import transferred

DONORS = 4
"""Donors of vessels for each liver without."""


def bent_livers(livers: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Livers with vessels bent into the shape of those without: "receiver+donor" -> labels and vessels.

    Donor and receiver are of one fold, so that no network sees anything of a liver that is held out from it.
    """
    rng = np.random.default_rng(7)
    result = {}
    for name in sorted(livers):
        if "vessels" in livers[name]:
            continue
        donors = [n for n in sorted(livers) if "vessels" in livers[n] and fold_of(n) == fold_of(name)]
        for donor in sorted(rng.choice(donors, DONORS, replace=False)):
            labels, vessels = transferred(livers[donor], livers[name])
            result[f"{name}+{donor}"] = {"labels": labels, "vessels": vessels}
    return result


def main() -> None:
    """Add bent livers to a pack."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    livers = read_pack(given.pack)
    livers |= bent_livers(livers)
    np.savez_compressed(given.out, **{f"{n}/{k}": v for n, liver in livers.items() for k, v in liver.items()})


if __name__ == "__main__":
    main()
