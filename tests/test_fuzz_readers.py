"""Broken files of every kind end in a refusal: a sample of what tools/fuzz_readers.py tries by the thousand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "tools" / "fuzz_readers.py"


def test_a_sample_of_broken_files_is_refused_clearly() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--inputs", "900"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "findings" in done.stdout


def test_a_reader_that_crashes_would_be_noticed(tmp_path: Path) -> None:
    """The harness itself: a reader that lets a ValueError through is a finding, and so is one that dies."""
    spoilt = tmp_path / "spoilt.py"
    spoilt.write_text(
        SCRIPT.read_text(encoding="utf-8")
        .replace('"nifti": Kind(make_nifti, read_image)', '"nifti": Kind(make_nifti, read_careless)')
        .replace(
            "KINDS: dict",
            "def read_careless(path):\n"
            "    import os\n"
            "    blob = path.read_bytes()\n"
            "    if blob[40] > 3: os.abort()\n"
            "    if len(blob) % 2: raise ValueError(len(blob))\n\n\n"
            "KINDS: dict",
        ),
        encoding="utf-8",
    )
    command = [sys.executable, spoilt, "--kinds", "nifti", "--inputs", "60"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ValueError" in done.stdout
    assert "the process ended with -6" in done.stdout
