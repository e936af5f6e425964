"""Segmentations out and in: identical voxels at identical places, read by highdicom, SimpleITK and raw pydicom too."""

from __future__ import annotations

import itertools
from datetime import datetime
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.sr.codedict import codes

from glisson.errors import DicomError, FrameMismatch, InputError, SceneError
from glisson.geometry import Grid, Mask
from glisson.imaging import read_labels, read_mask
from glisson.imaging.dicom_seg import Segment, write_seg
from glisson.imaging.dicom_seg_read import read_seg
from glisson.imaging.dicom_source import RESEARCH, ResultHeader, Term, read_source
from glisson.imaging.outlines import load_outline

LIVER = Term("10200004", "SCT", "Liver")
ANATOMY = Term("123037004", "SCT", "Anatomical Structure")
HEADER = ResultHeader("key", "1.0")
SHAPE = (12, 8, 7)


def rotation(*degrees: float) -> np.ndarray:
    """Turns about x, y and z, one after the other."""
    whole = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        turn = np.eye(3)
        a, b = [n for n in range(3) if n != axis]
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        whole = turn @ whole
    return whole


def grid_of(directions: np.ndarray) -> Grid:
    """A grid with unequal sides along the columns of `directions`, as slices may be stored."""
    affine = np.eye(4)
    affine[:3, :3] = directions * [0.8, 1.1, 2.5]
    affine[:3, 3] = [-31.5, 12.25, 407.0]
    return Grid(SHAPE, affine)


GRIDS = {
    "axial": np.eye(3),
    "upside down": np.diag([1.0, -1.0, -1.0]),
    "mirrored in plane": np.diag([-1.0, -1.0, 1.0]),
    "coronal": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "left-handed": np.diag([1.0, 1.0, -1.0]),
    "sagittal": np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]),
    "oblique": rotation(17, -9, 23),
    "oblique and turned over": rotation(170, 12, -35),
}


def marker(grid: Grid) -> Mask:
    """An L with one lone voxel: no turn or mirror image of it is itself."""
    data = np.zeros(grid.shape, bool)
    data[2:7, 3, 1] = data[2, 3:8, 1] = data[2, 3, 1:5] = True
    data[9, 1, 5] = True
    return Mask(data, grid)


def points_of(mask: Mask) -> set[tuple[float, ...]]:
    """Centres of the voxels, LPS mm to a hundredth."""
    return {tuple(np.round(p, 2) + 0.0) for p in mask.grid.to_mm(np.argwhere(mask.data))}


@pytest.fixture(params=GRIDS)
def written(request, tmp_path, ct_series):
    """A series on each grid, the marker on it, and the segmentation that was written."""
    grid = grid_of(GRIDS[request.param])
    folder = ct_series(tmp_path / "ct", np.arange(np.prod(SHAPE)).reshape(SHAPE), grid)
    source = read_source(folder)
    mask = marker(grid)
    path = tmp_path / "seg.dcm"
    write_seg(path, [Segment("Liver", mask, ANATOMY, LIVER, "by hand")], source, HEADER, label="A", number=(9, 1))
    return path, mask, source


def test_pydicom_finds_each_voxel_on_the_slice_it_names(written, tmp_path):
    """Decoded by the definition: bit after bit, little end first; places from the frame and its source slice."""
    path, mask, _ = written
    data = pydicom.dcmread(path)
    slices = {d.SOPInstanceUID: d for d in (pydicom.dcmread(p) for p in (tmp_path / "ct").iterdir())}
    bits = np.unpackbits(np.frombuffer(data.PixelData, np.uint8), bitorder="little")
    found = set()
    for number, frame in enumerate(data.PerFrameFunctionalGroupsSequence):
        plane = bits[number * 96 : (number + 1) * 96].reshape(data.Rows, data.Columns)
        named = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        ct = slices[named]
        at = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        assert np.allclose(at, np.array(ct.ImagePositionPatient, float), atol=1e-6)
        shared = data.SharedFunctionalGroupsSequence[0]
        way = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
        assert np.allclose(way, np.array(ct.ImageOrientationPatient, float), atol=1e-9)
        rows, columns = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
        for r, c in np.argwhere(plane):
            found.add(tuple(np.round(at + way[:3] * c * columns + way[3:] * r * rows, 2) + 0.0))
    assert found == points_of(mask)


def test_highdicom_finds_the_same_voxels(written):
    path, mask, _ = written
    volume = hd.seg.segread(path).get_volume(segment_numbers=[1], combine_segments=True)
    found = {tuple(np.round(volume.affine[:3] @ [*i, 1], 2) + 0.0) for i in np.argwhere(volume.array)}
    assert found == points_of(mask)


def test_simpleitk_finds_the_same_pixels(written):
    """ITK decodes the frames; places are those of the frames, which the test above has proved."""
    path, mask, source = written
    frames = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    data = pydicom.dcmread(path)
    whole = np.zeros(SHAPE, bool)
    positions = [np.array(h.ImagePositionPatient, float) for h in source.headers]
    for plane, frame in zip(frames, data.PerFrameFunctionalGroupsSequence, strict=True):
        at = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        k = int(np.argmin([np.linalg.norm(p - at) for p in positions]))
        whole[:, :, k] = plane.T > 0
    turned = source.turned(mask, "the marker").on(source.grid)
    assert (whole == turned).all()


def test_our_reader_gives_the_mask_back(written):
    path, mask, source = written
    (segment,) = read_seg(path, source.grid).segments
    assert points_of(segment.mask) == points_of(mask)
    assert points_of(read_mask(path)) == points_of(mask)


def test_frames_that_end_within_a_byte(tmp_path, ct_series):
    """99 pixels a frame: the bits of the next frame follow at once. (ITK's reader starts each frame at a byte.)"""
    shape = (11, 9, 7)
    grid = Grid(shape, grid_of(np.eye(3)).affine)
    source = read_source(ct_series(tmp_path / "ct", np.zeros(shape), grid))
    mask = Mask(np.random.default_rng(1).random(shape) < 0.4, grid)
    path = save(tmp_path / "s.dcm", source, mask)
    frames = hd.seg.segread(path).pixel_array
    assert (frames.transpose(2, 1, 0).astype(bool) == mask.data).all()
    assert (read_seg(path).segments[0].mask.on(grid) == mask.data).all()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1), (1, -1, 1)])
def test_a_mask_stored_along_other_axes_lands_on_the_same_voxels(tmp_path, ct_series, order, flips):
    grid = grid_of(GRIDS["oblique"])
    source = read_source(ct_series(tmp_path / "ct", np.zeros(SHAPE), grid))
    mask = marker(grid)
    data = mask.data.transpose(order)
    affine = grid.affine.copy()
    affine[:3, :3] = grid.affine[:3, list(order)]
    for axis, flip in enumerate(flips):
        if flip < 0:
            affine[:3, 3] += affine[:3, axis] * (data.shape[axis] - 1)
            affine[:3, axis] *= -1
            data = np.flip(data, axis)
    other = Mask(np.ascontiguousarray(data), Grid(data.shape, affine))
    assert points_of(other) == points_of(mask)
    path = tmp_path / "s.dcm"
    write_seg(path, [Segment("x", other, ANATOMY, LIVER, "m")], source, HEADER, label="A", number=(9, 1))
    assert points_of(read_seg(path).segments[0].mask) == points_of(mask)


@pytest.fixture(scope="module")
def plain(tmp_path_factory, ct_series):
    """A small axial series and its folder."""
    folder = tmp_path_factory.mktemp("plain") / "ct"
    return read_source(ct_series(folder, np.zeros(SHAPE), grid_of(np.eye(3))))


def save(path: Path, source, *masks: Mask, header: ResultHeader = HEADER, **more) -> Path:
    """A segmentation of masks named S1, S2, ..."""
    segments = [Segment(f"S{n}", m, ANATOMY, LIVER, "m", **more) for n, m in enumerate(masks, 1)]
    write_seg(path, segments, source, header, label="A", number=(9, 1))
    return path


@settings(max_examples=20)
@given(seed=st.integers(0, 2**16), share=st.floats(0.01, 0.9), count=st.integers(1, 4))
def test_any_overlapping_segments_come_back(plain, tmp_path_factory, seed, share, count):
    rng = np.random.default_rng(seed)
    masks = [Mask(rng.random(SHAPE) < share, plain.grid) for _ in range(count)]
    masks = [m for m in masks if not m.is_empty] or [marker(plain.grid)]
    path = save(tmp_path_factory.mktemp("h") / "s.dcm", plain, *masks)
    outline = load_outline(path, plain.grid)
    for number, mask in enumerate(masks, 1):
        assert (outline.mask(number).on(plain.grid) == mask.data).all()
    assert (outline.mask().on(plain.grid) == np.any([m.data for m in masks], axis=0)).all()


def test_slices_between_that_have_no_frame_are_empty(plain, tmp_path):
    data = np.zeros(SHAPE, bool)
    data[3, 4, [1, 4, 6]] = True
    path = save(tmp_path / "s.dcm", plain, Mask(data, plain.grid))
    assert pydicom.dcmread(path).NumberOfFrames == 3
    for lattice in (None, plain.grid):
        assert (read_seg(path, lattice).segments[0].mask.on(plain.grid) == data).all()


def test_slices_without_a_step_in_the_header_take_that_of_the_scan(plain, tmp_path):
    data = np.zeros(SHAPE, bool)
    data[3, 4, [0, 3, 6]] = True
    path = save(tmp_path / "s.dcm", plain, Mask(data, plain.grid))
    held = pydicom.dcmread(path)
    measures = held.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    del measures.SpacingBetweenSlices, measures.SliceThickness
    held.save_as(path)
    assert (load_outline(path, plain.grid).mask().on(plain.grid) == data).all()


def test_frames_snap_to_the_slices_of_a_scan_that_is_a_little_uneven(tmp_path, ct_series):
    """Slices lie up to 0.08 of the step off; the segmentation has their own places."""
    folder = ct_series(tmp_path / "ct", np.zeros(SHAPE), grid_of(np.eye(3)))
    for n, path in enumerate(sorted(folder.iterdir())):
        data = pydicom.dcmread(path)
        if data.InstanceNumber not in (1, SHAPE[2]):
            x, y, z = data.ImagePositionPatient
            data.ImagePositionPatient = [x, y, float(z) + 0.2 * (-1) ** n]
            data.save_as(path)
    source = read_source(folder)
    mask = Mask(marker(grid_of(np.eye(3))).data, source.grid)
    path = save(tmp_path / "s.dcm", source, mask)
    assert (load_outline(path, source.grid).mask().on(source.grid) == mask.data).all()


def others(source, array: np.ndarray, kind: str, **more) -> hd.seg.Segmentation:
    """A segmentation written by highdicom; array: (slices, rows, columns[, segments])."""
    count = array.shape[3] if array.ndim == 4 else max(1, int(array.max()))
    described = [
        hd.seg.SegmentDescription(
            n, name, codes.SCT.AnatomicalStructure, code, hd.seg.SegmentAlgorithmTypeValues.MANUAL
        )
        for n, (name, code) in enumerate(
            (("Liver", codes.SCT.Liver), ("Tumor", codes.SCT.NeoplasmSecondary), ("Veins", codes.SCT.PortalVein)), 1
        )
    ][:count]
    return hd.seg.Segmentation(
        list(source.headers), array, kind, described, hd.UID(), 7, hd.UID(), 1, "Other", "Other", "1", "1", **more
    )


def test_fractions_are_cut_at_a_half_with_a_notice(plain, tmp_path):
    share = np.zeros((7, 8, 12), np.float32)
    share[3, 4, 5:9] = [0.2, 0.49, 0.51, 1.0]
    others(plain, share, "FRACTIONAL", max_fractional_value=200).save_as(tmp_path / "f.dcm")
    read = read_seg(tmp_path / "f.dcm")
    assert [tuple(i) for i in np.argwhere(read.segments[0].mask.on(plain.grid))] == [(7, 4, 3), (8, 4, 3)]
    assert [n.code for n in read.notices] == ["segmentation-fractional"]


def test_a_label_map_is_read_by_its_values(plain, tmp_path):
    labels = np.zeros((7, 8, 12), np.uint8)
    labels[2, 3, 4], labels[5, 1:4, 2] = 1, 2
    others(plain, labels, "LABELMAP").save_as(tmp_path / "l.dcm")
    read = read_seg(tmp_path / "l.dcm")
    assert [(s.number, s.label, s.role, s.mask.count) for s in read.segments] == [
        (1, "Liver", "liver", 1), (2, "Tumor", "lesions", 3)
    ]  # fmt: skip
    assert (read_labels(tmp_path / "l.dcm").on(plain.grid) == labels.transpose(2, 1, 0)).all()


def test_overlapping_segments_of_others_are_whole(plain, tmp_path):
    array = np.zeros((7, 8, 12, 3), np.uint8)
    array[1:6, 2:8, 2:9, 0] = array[3, 4:6, 4:6, 1] = array[2:5, 5, 3:10, 2] = 1
    others(plain, array, "BINARY").save_as(tmp_path / "o.dcm")
    outline = load_outline(tmp_path / "o.dcm", plain.grid)
    for n in range(3):
        assert (outline.mask(n + 1).on(plain.grid) == array[..., n].transpose(2, 1, 0).astype(bool)).all()
    assert outline.chosen("liver", None, None, "o") == (1,)
    assert outline.chosen("lesions", None, None, "o") == (2,)
    assert outline.chosen("lesions", None, "veins", "o") == outline.chosen("portal", None, None, "o") == (3,)
    with pytest.raises(SceneError, match=r"none is known as spleen: 1 'Liver', 2 'Tumor', 3 'Veins'"):
        outline.chosen("spleen", None, None, "o")
    with pytest.raises(SceneError, match="no segment is named 'Lever'"):
        outline.chosen("liver", None, "Lever", "o")
    with pytest.raises(SceneError, match="no segment 4"):
        outline.chosen("liver", 4, None, "o")


@pytest.mark.real
def test_dcmqi_liver_is_its_nrrd_voxel_for_voxel(dcmqi):
    mask = read_mask(dcmqi / "liver_seg.nrrd")
    source = read_source(dcmqi / "ct-3slice")
    outline = load_outline(dcmqi / "liver.dcm", source.grid)
    assert mask.count == 107098
    assert (outline.mask().on(mask.grid) == mask.data).all()
    assert outline.chosen("liver", None, None, "liver.dcm") == (1,)


def test_the_same_key_gives_the_same_bytes_and_another_key_other_uids(plain, tmp_path):
    mask = marker(plain.grid)
    stamp = datetime(2026, 3, 1, 12, 30)
    headers = [ResultHeader("a", "1.0"), ResultHeader("a", "1.0"), ResultHeader("b", "1.0", stamp)]
    one, two, three = (save(tmp_path / f"{n}.dcm", plain, mask, header=h) for n, h in enumerate(headers))
    assert one.read_bytes() == two.read_bytes()
    first, last = pydicom.dcmread(one), pydicom.dcmread(three)
    assert first.SOPInstanceUID != last.SOPInstanceUID
    assert first.SeriesInstanceUID != last.SeriesInstanceUID
    assert (first.ContentDate, last.ContentDate, last.ContentTime) == ("20240101", "20260301", "123000")


def test_patient_study_and_frame_are_those_of_the_scan(plain, tmp_path, complaints):
    path = save(tmp_path / "s.dcm", plain, marker(plain.grid), tracking=("L1", "1.2.9"), colour=(200, 100, 50))
    data, ct = pydicom.dcmread(path), plain.first
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate",
                 "AccessionNumber", "FrameOfReferenceUID"):  # fmt: skip
        assert data[name].value == ct[name].value
    assert data.SeriesInstanceUID != ct.SeriesInstanceUID
    assert data.SeriesDescription == RESEARCH == "RESEARCH – NOT REVIEWED"
    assert data.ReferencedSeriesSequence[0].SeriesInstanceUID == ct.SeriesInstanceUID
    assert read_seg(path).segments[0].tracking == ("L1", "1.2.9")
    assert complaints(path) == []


def test_names_in_another_character_set_stay_readable(tmp_path, ct_series):
    folder = ct_series(
        tmp_path / "ct",
        np.zeros(SHAPE),
        grid_of(np.eye(3)),
        SpecificCharacterSet="ISO_IR 100",
        PatientName="Müller^Jürgen",
    )
    source = read_source(folder)
    path = save(tmp_path / "s.dcm", source, marker(source.grid))
    assert str(pydicom.dcmread(path).PatientName) == "Müller^Jürgen"


def test_a_scan_without_study_and_frame_gets_made_ones_that_stay(tmp_path, ct_series):
    folder = ct_series(
        tmp_path / "ct", np.zeros(SHAPE), grid_of(np.eye(3)), StudyInstanceUID=None, FrameOfReferenceUID=None,
        PatientID=None, StudyDate=None,
    )  # fmt: skip
    source = read_source(folder)
    data = pydicom.dcmread(save(tmp_path / "s.dcm", source, marker(source.grid)))
    assert data.FrameOfReferenceUID == read_source(folder).frame_uid
    assert data.StudyInstanceUID == read_source(folder).study_uid != data.FrameOfReferenceUID
    assert data.PatientID == data.StudyDate == ""
    assert data.ContentDate == "19000101"


def test_what_cannot_be_written_is_refused_and_leaves_nothing(plain, tmp_path):
    path = tmp_path / "s.dcm"
    empty = Mask(np.zeros(SHAPE, bool), plain.grid)
    with pytest.raises(InputError, match="S2 has none"):
        save(path, plain, marker(plain.grid), empty)
    with pytest.raises(InputError, match="none was given"):
        save(path, plain)
    shifted = plain.grid.affine.copy()
    shifted[0, 3] += 0.3
    with pytest.raises(FrameMismatch):
        save(path, plain, Mask(marker(plain.grid).data, Grid(SHAPE, shifted)))
    shifted[0, 3] = plain.grid.affine[0, 3] + 0.8 * 5
    with pytest.raises(SceneError, match="outside the DICOM series"):
        save(path, plain, Mask(marker(plain.grid).data, Grid(SHAPE, shifted)))
    assert list(tmp_path.iterdir()) == []


def edited(path: Path, change) -> Path:
    """The file with its dataset changed."""
    data = pydicom.dcmread(path)
    change(data)
    data.save_as(path)
    return path


def drop_place(data) -> None:
    del data.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence


def tilt(data) -> None:
    data.PerFrameFunctionalGroupsSequence[0].PlaneOrientationSequence = [pydicom.Dataset()]
    data.PerFrameFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient = [
        1,
        0,
        0,
        0,
        0.9,
        0.436,
    ]


def strange_segment(data) -> None:
    data.PerFrameFunctionalGroupsSequence[0].SegmentIdentificationSequence[0].ReferencedSegmentNumber = 9


def fewer_frames(data) -> None:
    data.PerFrameFunctionalGroupsSequence = data.PerFrameFunctionalGroupsSequence[:-1]


def shorter(data) -> None:
    data.PixelData = data.PixelData[:4]


def nameless(data) -> None:
    data.SegmentSequence = []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (drop_place, "frame 2 has no place"),
        (tilt, "not parallel"),
        (strange_segment, "belongs to no segment"),
        (fewer_frames, "describes 4: it is truncated"),
        (shorter, "truncated or damaged"),
        (nameless, "describes no segment"),
    ],
)
def test_damaged_segmentations_are_refused(plain, tmp_path, change, says):
    path = edited(save(tmp_path / "s.dcm", plain, marker(plain.grid)), change)
    with pytest.raises(DicomError, match=says):
        read_seg(path)


def test_a_truncated_file_is_refused(plain, tmp_path):
    path = save(tmp_path / "s.dcm", plain, marker(plain.grid))
    whole = path.read_bytes()
    for share in (0.2, 0.5, 0.8, 0.98):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(DicomError):
            read_seg(path)


def test_an_empty_segment_is_a_notice(plain, tmp_path):
    def add(data) -> None:
        extra = pydicom.Dataset()
        extra.update(data.SegmentSequence[0])
        extra.SegmentNumber, extra.SegmentLabel = 2, "Spleen"
        data.SegmentSequence.append(extra)

    read = read_seg(edited(save(tmp_path / "s.dcm", plain, marker(plain.grid)), add))
    assert [s.mask.is_empty for s in read.segments] == [False, True]
    assert [(n.code, "Spleen" in n.text) for n in read.notices] == [("segment-empty", True)]


def test_without_references_the_places_are_enough(plain, tmp_path):
    def forget(data) -> None:
        del data.ReferencedSeriesSequence
        for frame in data.PerFrameFunctionalGroupsSequence:
            del frame.DerivationImageSequence

    path = edited(save(tmp_path / "s.dcm", plain, marker(plain.grid)), forget)
    assert points_of(read_seg(path).segments[0].mask) == points_of(marker(plain.grid))
