"""WHERE: grids, volumes, masks, points, distances and surfaces, all in LPS millimetres. No medicine here.

Only NumPy is loaded here; each function loads what it needs when it is called.
"""

from glisson.geometry.components import box_around, components, reaches_border, touching
from glisson.geometry.distance import distance_to, nearest_label
from glisson.geometry.grid import Box, FloatArray, Grid
from glisson.geometry.resample import resample_mask, resample_volume
from glisson.geometry.separation import depth_inside_mm, point_distances_mm, surface_distance_mm
from glisson.geometry.surface import Surface, surface
from glisson.geometry.volume import BoolArray, Labels, Mask, Volume, box_of, place

__all__ = [
    "BoolArray", "Box", "FloatArray", "Grid", "Labels", "Mask", "Surface", "Volume",
    "box_around", "box_of", "components", "depth_inside_mm", "distance_to", "nearest_label",
    "place", "point_distances_mm", "reaches_border", "resample_mask", "resample_volume", "surface",
    "surface_distance_mm", "touching",
]  # fmt: skip
