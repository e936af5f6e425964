"""The command `glisson`: thin, every answer comes from the rooms below."""

from glisson.cli.app import main

__all__ = ["main"]
