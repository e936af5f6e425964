"""Glisson beside the straightforward script; the main job in time and memory. Usage: python -m benchmarks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Run, run

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".venv-peers"
REAL = Path(os.environ.get("GLISSON_TEST_DATA", ROOT.parent / "shared" / "data")) / "ircadb-01"
ROMAN = {str(n): name for n, name in enumerate(["I", "II", "III", "IV", "V", "VI", "VII", "VIII"], start=1)}


def make_case(folder: Path) -> None:
    """A case folder of the real patient through the command line, as a user would."""
    options = ["--ct", REAL / "ct.nii.gz", "--liver", REAL / "liver.nii.gz", "--segments", REAL / "couinaud.nii.gz"]
    options += ["--portal", REAL / "portalvein.nii.gz", "--hepatic", REAL / "hepaticveins_ivc.nii.gz"]
    for tumour in sorted(REAL.glob("tumor*.nii.gz")):
        options += ["--lesions", tumour]
    subprocess.run([sys.executable, "-m", "glisson", "init", folder, *options], check=True, capture_output=True)


def worst_differences(ours: dict, theirs: dict) -> dict[str, float]:
    """Largest difference of each quantity between the two tables, so that speed is compared on the same answer."""
    worst: dict[str, float] = {}

    def note(key: str, a: float, b: float) -> None:
        worst[key] = max(worst.get(key, 0.0), abs(a - b))

    note("liver mL", ours["liver"]["volume_ml"], theirs["liver_ml"])
    for mine, other in zip(ours["lesions"], theirs["lesions"], strict=True):
        note("lesion mL", mine["volume_ml"], other["volume_ml"])
        note("longest axial mm", mine["longest_axial_mm"], other["longest_axial_mm"])
        note("largest 3D mm", mine["max3d_mm"], other["max3d_mm"])
        for number, share in other["segments"].items():
            note("segment share points", mine["segments"].get(ROMAN[number], 0.0), share)
        for name, value in other["distance_mm"].items():
            note("distance mm", mine["distance_mm"][name], value)
    table = {r["name"].lower(): r for r in ours["resections"]}
    for other in theirs["resections"]:
        mine = table[other["name"]]
        note("removed mL", mine["removed_ml"], other["removed_ml"])
        note("remnant points", mine["remnant_percent_nontumour"], other["remnant_percent_nontumour"])
    return worst


def line(name: str, result: Run, beside: Run | None = None) -> str:
    """One row of the printed table."""
    ratio = f"{beside.seconds / result.seconds:6.1f} x" if beside else ""
    return f"{name:<58}{result.seconds:8.1f} s{result.peak_mib:8.0f} MiB  {ratio}"


def against_the_script(case: Path) -> None:
    """The same table by both, three runs each in turn, best of each; then how far the numbers differ."""
    if not (PEERS / ".ready").exists():
        subprocess.run(["sh", "tools/setup_peers.sh", str(PEERS), sys.executable], cwd=ROOT, check=True)
    ours, theirs = [], []
    for _ in range(3):
        ours.append(run([sys.executable, "benchmarks/glisson_table.py", str(case)], cwd=ROOT))
        theirs.append(run([str(PEERS / "bin/python"), "benchmarks/peer_table.py", str(REAL)], cwd=ROOT))
    best, peer = min(ours, key=lambda r: r.seconds), min(theirs, key=lambda r: r.seconds)
    print(line("table, SimpleITK + SciPy + PyRadiomics script", peer))
    print(line("table, Glisson", best, peer))
    for key, value in worst_differences(json.loads(best.output), json.loads(peer.output)).items():
        print(f"    largest difference, {key:<22}{value:10.4f}")


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        glisson = [sys.executable, "-m", "glisson"]
        if REAL.exists():
            make_case(work / "case")
            against_the_script(work / "case")
            print(
                line(
                    "glisson plan, 512x512x129, 7 lesions",
                    run([*glisson, "plan", str(work / "case"), "-o", str(work / "a")]),
                )
            )
        else:
            print(f"the real patient is not at {REAL}: comparison left out")
        big = ["--lesions", "40", "--shape", "512,512,300", "--spacing", "0.75,0.75,1.0"]
        subprocess.run([*glisson, "simulate", str(work / "big"), *big], check=True, capture_output=True)
        print(
            line(
                "glisson plan, 512x512x300, 40 lesions",
                run([*glisson, "plan", str(work / "big"), "-o", str(work / "b")]),
            )
        )


if __name__ == "__main__":
    main()
