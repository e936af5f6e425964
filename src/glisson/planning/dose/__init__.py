"""Radiation dose: activities of radioembolisation, voxel dose, histograms, gamma, effect and spared liver. No file
formats.
"""

from glisson.planning.dose.activity import (
    Activity,
    Delivery,
    Liver,
    body_surface_activity,
    decayed,
    delivered_from,
    mass_model_activity,
    partition_activity,
    restricted_partition_activity,
    shunt_fraction,
    total_lung_gy,
    uniform_activity,
)
from glisson.planning.dose.compare import SideBySide, shares_by_position, side_by_side
from glisson.planning.dose.constants import (
    ENERGY_CONSTANTS,
    NUCLIDES,
    EnergyConstant,
    Nuclide,
    energy_constant,
    gy_kg_per_gbq,
    nuclide,
)
from glisson.planning.dose.constraints import Check, check_organs, check_product, check_spared_liver
from glisson.planning.dose.course import CourseDose, Effect, course_dose, mean_effect_gy
from glisson.planning.dose.dvh import Dvh, Occupancy, dvh, occupancy_of, occupancy_of_shape
from glisson.planning.dose.gamma import GammaMap, gamma_map
from glisson.planning.dose.kernels import VoxelKernel, s_values, voxel_kernel
from glisson.planning.dose.limits import Cap, Plan, lung_caps, plan_activity, product_caps, shunt_reduction
from glisson.planning.dose.positions import (
    Artery,
    Position,
    Positions,
    activity_by_position,
    arteries,
    artery_positions,
)
from glisson.planning.dose.radiobiology import (
    Fractionation,
    bed_gy,
    compare_fractionations,
    decay_bed_gy,
    eqd2_gy,
    same_effect_dose_gy,
)
from glisson.planning.dose.sparing import SparedLiver, Target, half_dose_mm, outside_mm, spared_liver
from glisson.planning.dose.voxel_dose import (
    ActivityMap,
    DoseMap,
    activity_from_counts,
    activity_map,
    activity_when_given,
    dose_map,
)

__all__ = [
    "ENERGY_CONSTANTS", "NUCLIDES", "Activity", "ActivityMap", "Artery", "Cap", "Check", "CourseDose", "Delivery",
    "DoseMap", "Dvh", "Effect", "EnergyConstant", "Fractionation", "GammaMap", "Liver", "Nuclide", "Occupancy",
    "Plan", "Position", "Positions", "SideBySide", "SparedLiver", "Target", "VoxelKernel", "activity_by_position",
    "activity_from_counts", "activity_map", "activity_when_given", "arteries", "artery_positions", "bed_gy",
    "body_surface_activity", "check_organs", "check_product", "check_spared_liver", "compare_fractionations",
    "course_dose", "decay_bed_gy", "decayed", "delivered_from", "dose_map", "dvh", "energy_constant", "eqd2_gy",
    "gamma_map", "gy_kg_per_gbq", "half_dose_mm", "lung_caps", "mass_model_activity", "mean_effect_gy", "nuclide",
    "occupancy_of", "occupancy_of_shape", "outside_mm", "partition_activity", "plan_activity",
    "product_caps", "restricted_partition_activity", "s_values", "same_effect_dose_gy", "shares_by_position",
    "shunt_fraction", "shunt_reduction", "side_by_side", "spared_liver", "total_lung_gy", "uniform_activity",
    "voxel_kernel",
]  # fmt: skip
