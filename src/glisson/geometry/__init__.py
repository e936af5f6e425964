"""WHERE: grids, volumes, masks, points, distances and surfaces, all in LPS millimetres. No medicine here."""

from glisson.geometry.grid import Box, FloatArray, Grid
from glisson.geometry.volume import BoolArray, Labels, Mask, Volume, box_of

__all__ = ["BoolArray", "Box", "FloatArray", "Grid", "Labels", "Mask", "Volume", "box_of"]
