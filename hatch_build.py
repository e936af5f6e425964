"""Build hook: a wheel holds the built pages of the workbench; an editable install builds nothing."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGES = "src/glisson/serve/assets"


class WorkbenchPages(BuildHookInterface):
    """Builds web/ with tools/build_web.py before a wheel is made and puts the result into it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build for a real wheel ('standard'); leave editable installs and source archives alone."""
        if self.target_name != "wheel" or version != "standard":
            return
        root = Path(self.root)
        runpy.run_path(str(root / "tools" / "build_web.py"))["build"]()
        build_data["artifacts"].append(f"/{PAGES}/**")
