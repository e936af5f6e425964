"""The commands: options that fit together, what they print, case files they begin."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from pydicom import dcmread
from typer.testing import CliRunner

from glisson.case import load_case
from glisson.cli.pacs import fetch, find, release, store
from glisson.cli.received import begin_case
from glisson.errors import GlissonError, InputError, MissingExtra
from glisson.geometry import Grid, Mask
from glisson.imaging import check_case
from glisson.imaging.dicom_seg import Segment, write_seg
from glisson.imaging.dicom_source import ResultHeader, Term, read_source
from glisson.imaging.dicom_structures import write_structures
from glisson.imaging.pacs import Listening, listening

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

app = typer.Typer()
for command in (fetch, find, store, release):
    app.command()(command)


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)


def refusal(*words):
    problem = run(*words).exception
    assert isinstance(problem, GlissonError), problem
    return str(problem)


@pytest.fixture
def at(orthanc, monkeypatch):
    """Words that name the archive and who we are."""
    monkeypatch.setenv("PACS_PASSWORD", "päss word")
    return [f"http://127.0.0.1:{orthanc.http}/dicom-web", "--user", "reader", "--password-env", "PACS_PASSWORD"]


def test_store_find_fetch_and_a_second_study_of_the_same_patient(at, study, tmp_path):
    first, second = "1.2.826.0.1.3680043.10.40", "1.2.826.0.1.3680043.10.41"
    study(first, PatientID="P-40")
    files = study(second, f"{second}.1", StudyDate="20260401", PatientID="P-40")
    assert "12 objects stored" in run("store", files, "--to", *at).output

    found = json.loads(run("find", "--from", *at, "--patient-id", "P-40", "--json").output)
    assert [(row["uid"], row["date"], row["instances"]) for row in found] == [
        (first, "20260131", 6), (second, "20260401", 6)
    ]  # fmt: skip
    ranged = run("find", "--from", *at, "--patient-id", "P-40", "--date", "2026-02-01..2026-12-31").output
    assert second in ranged
    assert f"{first} " not in ranged

    case = tmp_path / "case"
    began = run("fetch", case, "--from", *at, "--study", first)
    assert began.exit_code == 0, began.output
    assert "Fetched: 6 images, the only CT or MR volume of the study." in began.output
    held = load_case(case / "case.yaml").studies
    assert [(s.id, str(s.date), s.modality, s.phase, s.image) for s in held] == [
        ("ct-1", "2026-01-31", "CT", "portal-venous", f"dicom/{first}/{first}.1")
    ]
    assert not [notice for notice in check_case(case) if "cannot be read" in notice.text]

    before = (case / "case.yaml").read_bytes()
    more = json.loads(run("fetch", case, "--from", *at, "--study", second, "--json").output)
    assert more["case"] is None
    assert f"image: dicom/{second}/{second}.1" in more["studies"]
    assert "date: 2026-04-01" in more["studies"]
    assert (case / "case.yaml").read_bytes() == before
    again = run("fetch", case, "--from", *at, "--study", first).output
    assert "Already there: 6 images" in again
    assert "Add under studies" not in again


def test_a_search_takes_wildcards_in_either_language(at, orthanc, study):
    uid = "1.2.826.0.1.3680043.10.46"
    assert run("store", study(uid, PatientID="WILD-46"), "--to", *at).exit_code == 0
    for where in (at, [f"dicom://ORTHANC@127.0.0.1:{orthanc.dicom}"]):
        for words in ("WILD-4*", "WILD-?6"):
            found = json.loads(run("find", "--from", *where, "--patient-id", words, "--json").output)
            assert [row["uid"] for row in found] == [uid]


def test_a_node_that_cannot_be_searched_gets_everything_and_that_is_said(study, tmp_path):
    uid = "1.2.826.0.1.3680043.10.47"
    with listening(Listening("TAKER", 0, tmp_path / "data", quiet_s=60), print, print) as port:
        said = run("store", study(uid), "--to", f"dicom://TAKER@127.0.0.1:{port}")
    assert said.exit_code == 0, said.exception
    assert "6 objects stored" in said.output
    assert "cannot be searched" in said.output
    assert len(list((tmp_path / "data" / "arriving" / uid).rglob("*.dcm"))) == 6


def test_outlines_fetched_with_the_scan_begin_the_case(at, received, tmp_path):
    seg = written_by_others(received / "dicom" / "1.2.3.4")
    assert run("store", received / "dicom", "--to", *at).exit_code == 0
    alone = run("fetch", tmp_path / "alone", "--from", *at, "--study", "1.2.3.4")
    assert f"--series 1.2.3.5 --series {seg}" in alone.output, alone.exception
    both = run("fetch", tmp_path / "both", "--from", *at, "--study", "1.2.3.4", "--series", "1.2.3.5", "--series", seg)
    assert "Outlines of the study: liver. Add your facts" in both.output, both.exception
    assert load_case(tmp_path / "both" / "case.yaml").studies[0].masks.liver.file.startswith(f"dicom/1.2.3.4/{seg}/")


def test_options_that_do_not_go_together_are_refused(tmp_path):
    url = "https://pacs.example.org/dicom-web"
    assert "go together" in refusal("find", "--from", url, "--user", "me", "--patient-id", "1")
    assert "go together" in refusal("find", "--from", url, "--password-env", "X", "--patient-id", "1")
    both = ["--token-env", "X", "--token-file", tmp_path / "t"]
    assert "Give one of" in refusal("find", "--from", url, *both, "--patient-id", "1")
    assert "Name what to look for" in refusal("find", "--from", url)
    assert "--date is" in refusal("find", "--from", url, "--date", "01.02.2026")
    assert "--move-to is" in refusal("fetch", tmp_path, "--from", url, "--study", "1.2.3", "--move-to", "11112")
    assert "get or move" in refusal("fetch", tmp_path, "--from", url, "--study", "1.2.3", "--way", "carry")
    assert "no DICOM UID" in refusal("fetch", tmp_path, "--from", url, "--study", "../x")
    assert "does not exist" in refusal("store", tmp_path / "none", "--to", url)
    assert "holds no DICOM object" in refusal("store", tmp_path, "--to", url)
    assert "no file" in refusal("store", tmp_path, "--to", url, "--ca", tmp_path / "none.pem")
    assert not any("password" in word and "file" not in word and "env" not in word for word in _options())


def _options():
    import inspect

    return [name for command in (fetch, find, store) for name in inspect.signature(command).parameters]


def test_without_the_extra_the_line_that_installs_it_is_said(monkeypatch):
    monkeypatch.setattr("glisson.imaging.pacs.node.find_spec", lambda name: None)
    problem = run("find", "--from", "https://pacs.example.org/dicom-web", "--patient-id", "1").exception
    assert isinstance(problem, MissingExtra)
    assert "pip install 'glisson[pacs]'" in str(problem)


GRID = Grid.axial((16, 14, 8), (4.0, 4.0, 5.0), (0.0, 0.0, 0.0))
ANATOMY, LIVER = Term("123037004", "SCT", "Anatomical Structure"), Term("10200004", "SCT", "Liver")


def body(low, high):
    data = np.zeros(GRID.shape, bool)
    data[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return Mask(data, GRID)


@pytest.fixture
def received(tmp_path, ct_series):
    """A case folder as a node makes it: images in dicom/STUDY/SERIES."""
    ct_series(tmp_path / "case" / "dicom" / "1.2.3.4" / "1.2.3.5", np.zeros(GRID.shape), GRID)
    return tmp_path / "case"


def written_by_others(study):
    """A segmentation of the liver in a folder of its own beside the scan; its series UID."""
    (study / "outlines").mkdir()
    path = study / "outlines" / "liver.dcm"
    liver = Segment("Liver", body((2, 2, 1), (12, 12, 7)), ANATOMY, LIVER, "by hand")
    header = ResultHeader("key", "1.0", description="outlines")
    write_seg(path, [liver], read_source(study), header, label="A", number=(1, 1))
    data = dcmread(path)
    data.Manufacturer = "A workstation"
    data.save_as(path)
    return str(data.SeriesInstanceUID)


def test_outlines_that_came_with_the_study_begin_the_case(received):
    study = received / "dicom" / "1.2.3.4"
    source, header = read_source(study), ResultHeader("key", "1.0", description="outlines")
    (study / "1.2.3.7").mkdir()
    liver = Segment("Liver", body((2, 2, 1), (12, 12, 7)), ANATOMY, LIVER, "by hand")
    write_seg(study / "1.2.3.7" / "1.2.3.7.1.dcm", [liver], source, header, label="A", number=(1, 1))
    write_structures(
        study / "1.2.3.7" / "1.2.3.7.2.dcm",
        {"tumor": body((4, 4, 3), (7, 7, 5))},
        source,
        header,
        label="B",
        number=(2, 1),
    )
    with pytest.raises(InputError, match="no outline of the liver"):
        begin_case(received)
    for path in (study / "1.2.3.7").iterdir():
        data = dcmread(path)
        data.Manufacturer = "A workstation"
        data.save_as(path)
    assert begin_case(received) == "Outlines of the study: lesions, liver."
    masks = load_case(received / "case.yaml").studies[0].masks
    assert masks.liver.file == "dicom/1.2.3.4/1.2.3.7/1.2.3.7.1.dcm"
    assert [m.file for m in masks.lesions] == ["dicom/1.2.3.4/1.2.3.7/1.2.3.7.2.dcm"]


def test_a_study_without_outlines_is_not_planned(received):
    with pytest.raises(InputError, match="Send a segmentation or structure set"):
        begin_case(received)
    assert not (received / "case.yaml").exists()
