"""The lesions of 3D-IRCADb-01 patient 1 against SimpleITK (computed here) and PyRadiomics 3.0.1 (what it printed)."""

from __future__ import annotations

import numpy as np
import pytest

from glisson.anatomy import SEGMENT_NAMES, segment_map, split_cava, whole_liver
from glisson.geometry import distance_to, surface
from glisson.lesions import measure_lesions, measure_liver

pytestmark = pytest.mark.real

VOXEL_MM = (0.57, 0.57, 1.6)

PYRADIOMICS = {  # MeshVolume mm3, SurfaceArea mm2, Maximum3DDiameter mm, Maximum2DDiameterSlice mm
    "L1": (84328.29, 12923.12, 83.3509, 79.8000),
    "L2": (7500.27, 2325.06, 32.7334, 29.3813),
    "L3": (3716.73, 1477.62, 23.9813, 23.2096),
    "L4": (2513.71, 1116.38, 26.4043, 18.4613),
    "L5": (10071.36, 2980.38, 36.5166, 33.2022),
    "L6": (391.50, 304.18, 11.1403, 9.9546),
    "L7": (2701.78, 1158.33, 22.0986, 21.3655),
}
"""Of the seven masks, as PyRadiomics 3.0.1 printed them (class RadiomicsShape, label 1, no resampling)."""


@pytest.fixture(scope="module")
def measured(patient):
    from glisson.case import loads_case

    scene, case = patient.scene, loads_case("id: ircadb-01\n")
    liver = whole_liver(scene)
    split = split_cava(scene)
    structures = {"portal": scene.structures["portal"], "hepatic": split.hepatic, "cava": split.cava}
    structures = {name: mask for name, mask in structures.items() if mask is not None}
    lesions = measure_lesions(case, scene, liver, segment_map(scene, liver), structures)
    return {lesion.id: lesion for lesion in lesions}, liver, structures


@pytest.fixture(scope="module")
def simpleitk(patient):
    """Label shape statistics of every lesion mask, read and measured by SimpleITK alone; points in LPS mm."""
    import SimpleITK as sitk  # noqa: N813

    found = {}
    for number in range(1, 8):
        image = sitk.ReadImage(patient.file(f"tumor0{number}")) > 0
        shapes = sitk.LabelShapeStatisticsImageFilter()
        shapes.ComputeFeretDiameterOn()
        shapes.ComputeOrientedBoundingBoxOn()
        shapes.Execute(image)
        found[f"L{number}"] = (shapes, image)
    return found


def test_volumes_and_centroids_are_simpleitks(measured, simpleitk):
    for name, lesion in measured[0].items():
        shapes, _ = simpleitk[name]
        assert lesion.volume_ml == pytest.approx(shapes.GetPhysicalSize(1) / 1000, rel=1e-6)
        assert lesion.volume_ml == pytest.approx(shapes.GetNumberOfPixels(1) * np.prod(VOXEL_MM) / 1000, rel=1e-6)
        assert lesion.centroid_mm == pytest.approx(shapes.GetCentroid(1), abs=1e-3)


def test_the_3d_diameter_is_simpleitks_feret_diameter_within_a_voxel(measured, simpleitk):
    """SimpleITK measures between voxel centres on the border, so it misses half a voxel at each end."""
    diagonal = np.linalg.norm(VOXEL_MM)
    for name, lesion in measured[0].items():
        feret = simpleitk[name][0].GetFeretDiameter(1)
        assert 0.0 <= lesion.max3d_mm - feret <= diagonal


def test_the_axial_diameters_fit_simpleitks_bounding_boxes_and_slices(measured, simpleitk):
    import SimpleITK as sitk  # noqa: N813

    for name, lesion in measured[0].items():
        shapes, image = simpleitk[name]
        box = shapes.GetBoundingBox(1)
        assert box[2] <= lesion.axial_slice < box[2] + box[5]
        assert lesion.longest_axial_mm <= np.hypot(box[3] * VOXEL_MM[0], box[4] * VOXEL_MM[1])
        in_slice = sitk.LabelShapeStatisticsImageFilter()
        in_slice.ComputeFeretDiameterOn()
        in_slice.Execute(image[:, :, lesion.axial_slice])
        assert 0.0 <= lesion.longest_axial_mm - in_slice.GetFeretDiameter(1) <= np.hypot(0.57, 0.57)
        every = []
        for k in range(box[2], box[2] + box[5]):
            in_slice.Execute(image[:, :, k])
            every.append(in_slice.GetFeretDiameter(1))
        assert lesion.longest_axial_mm == pytest.approx(max(every), abs=np.hypot(0.57, 0.57))


def test_no_lesion_is_longer_than_its_oriented_box(measured, simpleitk):
    for name, lesion in measured[0].items():
        sides = np.array(simpleitk[name][0].GetOrientedBoundingBoxSize(1))
        assert lesion.max3d_mm <= np.linalg.norm(sides + 1e-6)
        assert lesion.max3d_mm >= 0.9 * sides.max()
        assert lesion.perpendicular_mm <= lesion.longest_axial_mm <= lesion.max3d_mm + 1e-9


def test_the_surface_is_simpleitks_perimeter_and_roundness(patient, measured, simpleitk):
    """SimpleITK estimates the area from crossings of lines in 13 directions; the two agree within 10 %."""
    for lesion in patient.scene.lesions:
        found, (shapes, _) = surface(lesion.mask), simpleitk[lesion.id]
        assert found.area_mm2 == pytest.approx(shapes.GetPerimeter(1), rel=0.1)
        assert found.volume_ml == pytest.approx(shapes.GetPhysicalSize(1) / 1000, rel=5e-4)
        radius = (3 * found.volume_ml * 1000 / (4 * np.pi)) ** (1 / 3)
        assert radius == pytest.approx(shapes.GetEquivalentSphericalRadius(1), rel=1e-3)


def test_distances_to_vessels_are_those_of_simpleitks_maurer_map(measured, patient):
    """The map is between voxel centres, so it is longer by up to a voxel along the shortest way; contact is a voxel."""
    import SimpleITK as sitk  # noqa: N813

    lesions, _, structures = measured
    grid = patient.scene.grid
    box = patient.scene.liver_box()
    for name, mask in structures.items():
        image = sitk.GetImageFromArray(mask.on(grid.crop(box)).transpose(2, 1, 0).astype(np.uint8))
        image.SetSpacing(grid.spacing_mm)
        field = sitk.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True)
        field = sitk.GetArrayFromImage(field).transpose(2, 1, 0)
        for lesion in patient.scene.lesions:
            theirs = max(float(field[lesion.mask.on(grid.crop(box))].min()), 0.0)
            ours = lesions[lesion.id].distance_mm[name]
            assert ours <= theirs + 0.1
            assert theirs - ours <= np.linalg.norm(VOXEL_MM) + 0.1
            assert lesions[lesion.id].touches[name] == (theirs <= max(VOXEL_MM) + 1e-3 and ours == 0.0)


def test_depth_is_the_distance_to_what_is_neither_liver_nor_vessel(measured, patient):
    lesions, liver, structures = measured
    grid = liver.grid.crop(tuple(slice(-2, n + 2) for n in liver.grid.shape))
    outside = ~liver.on(grid)
    for mask in structures.values():
        outside &= ~mask.on(grid)
    field = distance_to(outside, grid.spacing_mm)
    for lesion in patient.scene.lesions:
        theirs = float(field[lesion.mask.on(grid)].min())
        ours = lesions[lesion.id].distance_mm["capsule"]
        assert -0.3 <= theirs - ours <= np.linalg.norm(VOXEL_MM) + 0.3


def test_the_diameters_are_pyradiomics(measured):
    for name, lesion in measured[0].items():
        _, _, max3d, max2d = PYRADIOMICS[name]
        assert lesion.max3d_mm == pytest.approx(max3d, abs=1e-3)
        if name == "L5":
            # its mesh has points half-way between slices, at which it pairs the outlines of two slices
            assert max2d - np.hypot(0.57, 1.6) < lesion.longest_axial_mm < max2d
        else:
            assert lesion.longest_axial_mm == pytest.approx(max2d, abs=1e-3)


def test_volume_and_area_beside_pyradiomics_unsmoothed_mesh(patient):
    """Its mesh cuts every corner of the voxels and keeps every step: a little less volume, a tenth or so more area."""
    for lesion in patient.scene.lesions:
        volume, area, _, _ = PYRADIOMICS[lesion.id]
        found = surface(lesion.mask)
        assert 0.0 <= found.volume_ml * 1000 / volume - 1 < 0.02
        assert 0.82 < found.area_mm2 / area < 0.93


def test_segment_shares_are_direct_counts(measured, patient):
    for lesion in patient.scene.lesions:
        counts = np.bincount(patient.labels[lesion.mask.on(patient.scene.grid)].astype(int), minlength=9)
        counted = {SEGMENT_NAMES[v]: 100 * counts[v] / counts[1:].sum() for v in range(1, 9) if counts[v]}
        found = measured[0][lesion.id].segments
        assert sum(found.values()) == pytest.approx(100.0)
        for name in {*counted, *found}:
            assert found.get(name, 0.0) == pytest.approx(counted.get(name, 0.0), abs=0.5)


def test_seven_lesions_in_a_liver_of_1489_ml(measured, patient):
    lesions, liver, _ = measured
    found = measure_liver(patient.scene, liver)
    assert found.volume_ml == pytest.approx(1489, abs=1.0)
    assert found.tumour_ml == pytest.approx(sum(lesion.volume_ml for lesion in lesions.values()), rel=1e-6)
    assert found.spleen_ml == pytest.approx(115.8, abs=0.1)
    assert len(lesions) == 7
    assert all(lesion.nature == "indeterminate" for lesion in lesions.values())
