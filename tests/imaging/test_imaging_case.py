"""Case folders: structures, lesions, segments, and what is refused. Voxel counts are known by construction."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from glisson.errors import FrameMismatch, GlissonError, ImageError, InputError, SceneError
from glisson.imaging import TOTAL_CT, TOTAL_MR, canonical, check_case, init_case, read_case

SHAPE = (20, 18, 10)


def box(*ranges, value=1):
    data = np.zeros(SHAPE, np.uint8)
    data[tuple(slice(*r) for r in ranges)] = value
    return data


LIVER = box((2, 16), (2, 15), (1, 9))


def spots():
    data = box((4, 7), (4, 7), (4, 7)) + box((10, 12), (10, 12), (4, 6))
    data[14, 3, 3] = 1
    return data


@pytest.fixture
def case(nifti, tmp_path):
    """A function that writes files and a case.yaml whose masks section is given, and returns the folder."""

    def write(masks, files, image=True, more=""):
        if image:
            nifti(np.zeros(SHAPE, np.int16), "c/ct.nii.gz")
        for name, data in files.items():
            nifti(
                *((data,) if isinstance(data, np.ndarray) else data[:1]),
                f"c/{name}",
                *(() if isinstance(data, np.ndarray) else data[1:]),
            )
        lines = ["id: c", "studies:", "  - id: ct-1", *(["    image: ct.nii.gz"] if image else []), "    masks:"]
        (tmp_path / "c" / "case.yaml").write_text("\n".join([*lines, *(f"      {m}" for m in masks), more]) + "\n")
        return tmp_path / "c"

    return write


def test_scene_with_components_largest_first_and_specks_listed(case):
    folder = case(["liver: liver.nii.gz", "lesions: spots.nii.gz"], {"liver.nii.gz": LIVER, "spots.nii.gz": spots()})
    _, scene = read_case(folder)
    assert scene.grid.shape == SHAPE
    assert scene.liver.count == int(LIVER.sum())
    assert scene.liver.grid.shape == (14, 13, 8)
    assert [(lesion.id, lesion.mask.count) for lesion in scene.lesions] == [("L1", 27), ("L2", 8)]
    assert [n.code for n in scene.notices] == ["specks-left-out"]
    assert "(14.0, 3.0, 3.0)" in scene.notices[0].text
    source = next(s for s in scene.sources if s.role == "liver")
    assert source.sha256 == hashlib.sha256((folder / "liver.nii.gz").read_bytes()).hexdigest()


def test_keep_labels_files_and_labels_are_one_lesion_each(case):
    files = {"liver.nii.gz": LIVER, "a.nii.gz": spots(), "b.nii.gz": box((4, 6), (4, 6), (2, 3))}
    kept = read_case(case(["liver: liver.nii.gz", "lesions: a.nii.gz", "keep_labels: true"], files))[1]
    assert [lesion.mask.count for lesion in kept.lesions] == [36]
    listed = read_case(case(["liver: liver.nii.gz", "lesions: [b.nii.gz, a.nii.gz]"], files))[1]
    assert [(lesion.id, lesion.mask.count) for lesion in listed.lesions] == [("L1", 4), ("L2", 36)]
    files["l.nii.gz"] = box((4, 6), (4, 5), (2, 3), value=7) + box((9, 12), (4, 5), (2, 3), value=3)
    labelled = read_case(case(["liver: liver.nii.gz", "lesions: l.nii.gz"], files))[1]
    assert [(lesion.mask.count, lesion.source) for lesion in labelled.lesions] == [
        (3, "l.nii.gz, label 3"),
        (2, "l.nii.gz, label 7"),
    ]


def test_lesion_with_a_file_of_its_own_keeps_its_id(case):
    files = {"liver.nii.gz": LIVER, "a.nii.gz": box((4, 6), (4, 6), (2, 4)), "b.nii.gz": box((9, 10), (4, 6), (2, 4))}
    more = "lesions:\n  - {id: L1, nature: benign, reason: cyst, mask: b.nii.gz}"
    scene = read_case(case(["liver: liver.nii.gz", "lesions: a.nii.gz"], files, more=more))[1]
    assert {lesion.id: lesion.mask.count for lesion in scene.lesions} == {"L1": 4, "L2": 8}


def test_empty_masks(case):
    files = {"liver.nii.gz": LIVER, "e.nii.gz": np.zeros(SHAPE, np.uint8)}
    scene = read_case(case(["liver: liver.nii.gz", "lesions: e.nii.gz", "portal: e.nii.gz"], files))[1]
    assert {n.code for n in scene.notices} == {"lesion-file-empty", "no-lesions", "mask-empty"}
    assert "portal" not in scene.structures
    with pytest.raises(SceneError, match=r"liver mask e\.nii\.gz is empty"):
        read_case(case(["liver: e.nii.gz"], files))


def test_flipped_mask_is_the_same_voxels(case):
    affine = np.diag([1.0, -1.0, 1.0, 1.0])
    affine[0, 3] = -(SHAPE[0] - 1)
    spot = box((4, 6), (3, 6), (2, 4))
    folder = case(["liver: l.nii.gz", "lesions: s.nii.gz"], {"l.nii.gz": LIVER, "s.nii.gz": (spot[::-1], affine)})
    scene = read_case(folder)[1]
    assert np.array_equal(scene.lesions[0].mask.on(scene.grid), spot > 0)


def finer():
    affine = np.diag([-0.5, -0.5, 0.5, 1.0])
    affine[:3, 3] = (0.25, 0.25, -0.25)
    return LIVER.repeat(2, 0).repeat(2, 1).repeat(2, 2), affine


def test_other_grid_refused_unless_resampled(case):
    with pytest.raises(FrameMismatch, match="resample: true"):
        read_case(case(["liver: f.nii.gz"], {"f.nii.gz": finer()}))
    scene = read_case(case(["liver: {file: f.nii.gz, resample: true}"], {"f.nii.gz": finer()}))[1]
    assert np.array_equal(scene.liver.on(scene.grid), LIVER > 0)
    assert "mask-resampled" in {n.code for n in scene.notices}


def test_mask_outside_the_image(case):
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    affine[2, 3] = 500
    with pytest.raises(SceneError, match="outside the image"):
        read_case(case(["liver: l.nii.gz"], {"l.nii.gz": (LIVER, affine)}))


def test_segments_with_a_value_table(case):
    seg = box((2, 8), (2, 15), (1, 9), value=20) + box((8, 16), (2, 15), (1, 9), value=30)
    files = {"liver.nii.gz": LIVER, "s.nii.gz": seg}
    scene = read_case(case(["liver: liver.nii.gz", "segments: {file: s.nii.gz, values: {20: VII, 30: IVa}}"], files))[1]
    assert scene.segments.values == (4, 7)
    assert "segment-four-united" in {n.code for n in scene.notices}
    with pytest.raises(SceneError, match="labels 20, 30"):
        read_case(case(["liver: liver.nii.gz", "segments: s.nii.gz"], files))


def test_halves_of_segment_four_are_read_as_one(case):
    """As two files of a folder and as two labels of one file; a map with 4 says nothing of halves."""
    upper, lower = box((2, 8), (2, 15), (5, 9)), box((2, 8), (2, 15), (1, 5))
    files = {"seg/segment_4a.nii.gz": upper, "seg/segment_4b.nii.gz": lower, "seg/liver.nii.gz": LIVER}
    both = (2 * upper + 3 * lower + 5 * (LIVER > 0) * (upper + lower == 0)).astype(np.uint8)
    names = "{2: segment IVa, 3: segment IVb, 5: liver}"
    for masks, given in (
        (["multilabel: {file: seg, names: totalsegmentator}"], files),
        (["liver: l.nii.gz", f"multilabel: {{file: m.nii.gz, names: {names}}}"], {"l.nii.gz": LIVER, "m.nii.gz": both}),
    ):
        scene = read_case(case(masks, given))[1]
        assert scene.segments.values == (4,)
        assert np.count_nonzero(scene.segments.data) == np.count_nonzero(upper + lower)
        assert "segment-four-united" in {n.code for n in scene.notices}


def test_multilabel_by_name_and_by_totalsegmentator(case):
    data = LIVER * 5
    data[3:5, 3:5, 3:5], data[17, 3, 3], data[18, 3, 3], data[0, 0, 0] = 64, 10, 11, 1
    scene = read_case(case(["multilabel: {file: m.nii.gz, names: totalsegmentator}"], {"m.nii.gz": data}))[1]
    assert {k: m.count for k, m in scene.structures.items()} == {
        "spleen": 1,
        "liver": int(LIVER.sum()) - 8,
        "lung_left": 2,
        "portal": 8,
    }
    masks = ["multilabel: {file: m.nii.gz, names: {5: liver, 64: liver_lesions, 10: segment_VI}}"]
    scene = read_case(case(masks, {"m.nii.gz": data}))[1]
    assert [lesion.mask.count for lesion in scene.lesions] == [8]
    assert scene.segments.values == (6,)
    assert "1, 11 have no name" in next(n.text for n in scene.notices if n.code == "labels-unnamed")


def test_folder_of_masks_by_their_names(case):
    files = {
        "seg/liver.nii.gz": LIVER, "seg/portal_vein_and_splenic_vein.nii.gz": box((3, 5), (3, 5), (3, 5)),
        "seg/liver_segment_1.nii.gz": box((2, 4), (2, 4), (2, 4)),
        "seg/liver_segment_8.nii.gz": box((5, 9), (2, 4), (2, 4)),
        "seg/liver_lesions.nii.gz": spots(), "seg/rib_left_1.nii.gz": box((0, 1), (0, 1), (0, 1)),
        "seg/rib_left_2.nii.gz": box((0, 1), (0, 1), (2, 3)),
    }  # fmt: skip
    scene = read_case(case(["multilabel: {file: seg, names: totalsegmentator}"], files))[1]
    assert {k: m.count for k, m in scene.structures.items()} == {"liver": int(LIVER.sum()), "portal": 8, "bone": 2}
    assert scene.segments.values == (1, 8)
    assert [lesion.mask.count for lesion in scene.lesions] == [27, 8]


def test_masks_without_a_scan_and_facts_without_a_study(case, tmp_path):
    scene = read_case(case(["liver: liver.nii.gz"], {"liver.nii.gz": LIVER}, image=False))[1]
    assert scene.image is None
    assert scene.grid.shape == SHAPE
    (tmp_path / "c" / "case.yaml").write_text("id: c\n")
    assert read_case(tmp_path / "c")[1] is None


def test_check_lists_everything_and_read_stops_at_the_first(case):
    folder = case(["liver: none.nii.gz", "portal: bad.nii.gz"], {"bad.nii.gz": np.full(SHAPE, 0.3, np.float32)})
    errors = [n for n in check_case(folder) if n.level == "error"]
    assert {n.about for n in errors} >= {"none.nii.gz", "bad.nii.gz"}
    with pytest.raises(ImageError, match="does not exist"):
        read_case(folder)
    assert [n.level for n in check_case(folder / "nothing")] == ["error"]


def test_init_then_read(nifti, tmp_path):
    ct = nifti(np.zeros(SHAPE, np.int16), "c/ct.nii.gz")
    liver, spot = nifti(LIVER, "c/liver.nii.gz"), nifti(spots(), "elsewhere/spots.nii.gz")
    path = init_case(tmp_path / "c", ct=ct, liver=liver, lesions=spot, organs={"right kidney": liver})
    text = path.read_text()
    assert "image: ct.nii.gz" in text
    assert str(spot) in text
    case, scene = read_case(tmp_path / "c")
    assert case.id == "c"
    assert len(scene.lesions) == 2
    assert scene.structures["kidney_right"].count == scene.liver.count
    with pytest.raises(InputError, match="exists already"):
        init_case(tmp_path / "c", ct=ct, liver=liver)
    init_case(tmp_path / "c", ct=ct, liver=liver, force=True)


def test_init_refuses_what_does_not_fit(nifti, tmp_path):
    ct = nifti(np.zeros(SHAPE, np.int16), "c/ct.nii.gz")
    liver = nifti(*finer()[:1], "c/liver.nii.gz", finer()[1])
    with pytest.raises(GlissonError, match="not on one grid"):
        init_case(tmp_path / "c", ct=ct, liver=liver)
    assert not (tmp_path / "c" / "case.yaml").exists()


def test_names_of_totalsegmentator():
    assert (len(TOTAL_CT), len(TOTAL_MR)) == (117, 50)
    ct = {
        1: "spleen",
        5: "liver",
        25: "sacrum",
        51: "heart",
        63: "inferior_vena_cava",
        92: "rib_left_1",
        117: "costal_cartilages",
    }
    mr = {5: "liver", 10: "lung_left", 24: "inferior_vena_cava", 38: "hip_left", 46: "autochthon_left", 50: "brain"}
    assert {k: TOTAL_CT[k] for k in ct} == ct
    assert {k: TOTAL_MR[k] for k in mr} == mr
    pairs = {"inferior_vena_cava": "cava", "liver_segment_4": "segment_4", "Segment IVb": "segment_4",
             "segment_4a": "segment_4", "segment_44": "segment_44",
             "vertebrae_L1": "bone",
             "lung_upper_lobe_left": "lung_left", "tumor03": "lesions",
             "liver_vessels": "liver_vessels", "LIVER": "liver"}  # fmt: skip
    assert {k: canonical(k) for k in pairs} == pairs


@pytest.mark.real
def test_totalsegmentator_fixtures(totalsegmentator_data, tmp_path):
    masks = f"{{file: {totalsegmentator_data}/example_seg_dicom.nii.gz, names: totalsegmentator}}"
    (tmp_path / "case.yaml").write_text(
        "id: t\nstudies:\n  - id: a\n"
        f"    image: {totalsegmentator_data}/example_ct_dicom\n    masks:\n      multilabel: {masks}\n"
    )
    _, scene = read_case(tmp_path)
    hu = scene.image.data[scene.liver.on(scene.grid)]
    assert 40 < np.median(hu) < 160
    assert scene.facts.date == "2022-12-08"


@pytest.mark.real
def test_ircadb_whole_case(ircadb, tmp_path):
    init_case(
        tmp_path, ct=ircadb / "ct.nii.gz", liver=ircadb / "liver.nii.gz", segments=ircadb / "couinaud.nii.gz",
        lesions=[ircadb / f"tumor0{i}.nii.gz" for i in range(1, 8)], portal=ircadb / "portalvein.nii.gz",
    )  # fmt: skip
    _, scene = read_case(tmp_path)
    assert scene.liver.volume_ml == pytest.approx(1489.4, abs=0.1)
    assert sorted(round(lesion.mask.volume_ml, 1) for lesion in scene.lesions) == [0.4, 2.5, 2.7, 3.7, 7.5, 10.1, 84.4]
    assert scene.segments.values == tuple(range(1, 9))
