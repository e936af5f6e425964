"""The rooms: who may import whom, and what the inner rooms must never load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_import_contracts_hold():
    from importlinter.cli import lint_imports

    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_importing_glisson_loads_no_heavy_module():
    heavy = ("numpy", "scipy", "SimpleITK", "matplotlib", "pydicom")
    script = f"import glisson, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_are_exactly_these_and_all_resolve():
    import glisson

    assert sorted(glisson.__all__) == [
        "GlissonError", "__version__", "assess", "check_case", "findings", "init_case", "read_case", "virtual_patient",
        "write_dossier",
    ]  # fmt: skip
    for name in glisson.__all__:
        assert getattr(glisson, name) is not None


def test_version_is_the_same_everywhere():
    import tomllib

    import glisson

    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == glisson.__version__
    assert f"version: {glisson.__version__}" in (ROOT / "CITATION.cff").read_text()


def test_no_public_name_is_the_name_of_a_room():
    import glisson

    rooms = {path.stem for path in (ROOT / "src" / "glisson").iterdir()}
    assert not rooms & set(glisson.__all__)
