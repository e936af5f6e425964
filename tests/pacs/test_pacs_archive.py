"""Search, store, fetch with a real Orthanc, by DICOMweb and by the classic network."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmread

from glisson.errors import InputError, PacsError
from glisson.imaging import read_image
from glisson.imaging.pacs import Credentials, dicom_files, fetch_study, store_files

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

WAYS = ("web", "classic")


@pytest.mark.parametrize("way", WAYS)
def test_stored_found_and_fetched_again_is_the_same(orthanc, study, tmp_path, way):
    uid = f"1.2.826.0.1.3680043.10.1.{WAYS.index(way) + 1}"
    source = study(uid)
    archive = getattr(orthanc, way)()
    archive.echo()

    stored = store_files(archive, dicom_files([source]))
    (found,) = archive.find_studies({"StudyInstanceUID": uid}, 10)
    fetched = fetch_study(archive, uid, tmp_path / "case")

    assert len(stored.stored) == 6
    assert stored.held == ()
    assert orthanc.instances(uid) == sorted(str(dcmread(path).SOPInstanceUID) for path in source.iterdir())
    assert (found.patient_id, found.date, found.instances, found.modalities) == ("P-1", "20260131", 6, ("CT",))
    assert fetched.images == 6
    before, _ = read_image(source)
    after, _ = read_image(fetched.folders[0])
    assert np.array_equal(before.data, after.data)
    assert np.array_equal(before.grid.affine, after.grid.affine)
    for path in source.iterdir():
        there = fetched.folders[0] / f"{dcmread(path).SOPInstanceUID}.dcm"
        assert dcmread(there) == dcmread(path)
    assert not list((tmp_path / "case").glob(".*"))


@pytest.mark.parametrize("way", WAYS)
def test_what_the_archive_holds_is_not_sent_again(orthanc, study, way):
    source = study(f"1.2.826.0.1.3680043.10.2.{WAYS.index(way) + 1}")
    archive = getattr(orthanc, way)()
    store_files(archive, dicom_files([source]))
    again = store_files(archive, dicom_files([source]))
    assert again.stored == ()
    assert len(again.held) == 6


def test_move_hands_over_on_a_call_back(orthanc, study, tmp_path):
    uid = "1.2.826.0.1.3680043.10.3"
    store_files(orthanc.web(), dicom_files([study(uid)]))
    mover = orthanc.classic(aet="MOVER", way="move", move_to=("127.0.0.1", orthanc.mover))
    assert fetch_study(mover, uid, tmp_path / "case").images == 6
    stranger = orthanc.classic(aet="STRANGER", way="move", move_to=("127.0.0.1", orthanc.mover), attempts=1)
    with pytest.raises(PacsError):
        fetch_study(stranger, uid, tmp_path / "other")
    assert not (tmp_path / "other" / "dicom").exists()


def test_the_series_is_chosen_by_the_rule_of_the_reader_not_by_the_most_images(orthanc, study, tmp_path):
    uid = "1.2.826.0.1.3680043.10.4"
    source = study(uid)
    study(uid, f"{uid}.2", slices=9, ImageType=["DERIVED", "SECONDARY", "REFORMATTED"], SeriesDescription="coronal")
    study(uid, f"{uid}.3", slices=1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], SeriesDescription="scout")
    store_files(orthanc.web(), dicom_files([source]))
    for number, archive in enumerate((orthanc.web(), orthanc.classic())):
        fetched = fetch_study(archive, uid, tmp_path / f"case{number}")
        assert [entry.uid for entry in fetched.series] == [f"{uid}.1"]
        assert {entry.uid for entry in fetched.left} == {f"{uid}.2", f"{uid}.3"}
        assert sorted(p.name for p in (tmp_path / f"case{number}" / "dicom" / uid).iterdir()) == [f"{uid}.1"]
    further = fetch_study(orthanc.web(), uid, tmp_path / "case0", series=[f"{uid}.2"])
    assert further.images == 9
    assert fetch_study(orthanc.web(), uid, tmp_path / "case0", series=[f"{uid}.2"]).already


def test_a_search_that_matches_nothing_is_empty(orthanc, tmp_path):
    for archive in (orthanc.web(), orthanc.classic()):
        assert archive.find_studies({"PatientID": "nobody"}, 10) == ()
        with pytest.raises(InputError, match="has no study"):
            fetch_study(archive, "1.2.3.4.5", tmp_path / "case")
        assert not (tmp_path / "case").exists()


def test_the_number_of_answers_is_limited(orthanc, study):
    for number in range(3):
        uid = f"1.2.826.0.1.3680043.10.5.{number + 1}"
        store_files(orthanc.web(), dicom_files([study(uid, slices=1, folder=f"s{number}", PatientID="MANY")]))
    for archive in (orthanc.web(), orthanc.classic()):
        assert len(archive.find_studies({"PatientID": "MANY"}, 10)) == 3
        assert len(archive.find_studies({"PatientID": "MANY"}, 2)) == 2


def test_a_wrong_password_is_refused_at_once_and_not_shown(orthanc, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("guessed")
    archive = orthanc.web(credentials=Credentials("reader", wrong), first_wait_s=60)
    with pytest.raises(PacsError, match="401") as refusal:
        fetch_study(archive, "1.2.3", tmp_path / "case")
    assert "guessed" not in str(refusal.value)
    assert not (tmp_path / "case").exists()
    with pytest.raises(PacsError, match="401"):
        orthanc.web(credentials=None).echo()


def test_a_title_that_is_not_the_archives_is_rejected_for_good(orthanc):
    from glisson.imaging.pacs import node_at, open_archive

    wrong = open_archive(node_at(f"dicom://WRONG@127.0.0.1:{orthanc.dicom}", first_wait_s=60))
    with pytest.raises(PacsError, match="title WRONG"):
        wrong.echo()


def test_tls_on_both_ways_with_the_authority_given(secure_orthanc, study, tmp_path):
    for number, archive in enumerate((secure_orthanc.web(), secure_orthanc.classic())):
        uid = f"1.2.826.0.1.3680043.10.6.{number + 1}"
        store_files(archive, dicom_files([study(uid, folder=f"s{number}")]))
        assert fetch_study(archive, uid, tmp_path / f"case{number}").images == 6


def test_tls_without_the_authority_is_not_trusted(secure_orthanc, tmp_path):
    with pytest.raises(PacsError, match="certificate was not accepted"):
        secure_orthanc.web(ca_file=None, first_wait_s=60).echo()
    with pytest.raises(PacsError):
        secure_orthanc.classic(ca_file=None).echo()
