"""A node that listens: whole studies, duplicates, late images, crashes, results sent on, and who may send."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest
from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage, Verification

from glisson.cli import listen as command
from glisson.errors import GlissonError, InputError, OutputError, PacsError
from glisson.imaging.dicom_source import RESEARCH
from glisson.imaging.pacs import Listening, dicom_files, fetch_study, listening, node_at, open_archive, store_files
from glisson.imaging.pacs.shelves import set_state, state_of

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

UID = "1.2.826.0.1.3680043.10.30"


class Log(list):
    """Lines said by a node, and a way to wait for one."""

    def wait(self, words, count=1):
        end = time.monotonic() + 15
        while sum(words in line for line in self) < count:
            assert time.monotonic() < end, f"never said: {words}; said: {self}"
            time.sleep(0.02)


def settings(tmp_path, **options):
    return Listening(
        **{"aet": "PLANNER", "port": 0, "data": tmp_path / "data", "quiet_s": 0.2, "again_s": 0.2} | options
    )


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def push(port, source, aet="PLANNER", calling="MODALITY"):
    """Send files as a modality would; the statuses. pynetdicom's own sender, not ours."""
    sender = AE(calling)
    sender.add_requested_context(CTImageStorage)
    sender.add_requested_context(Verification)
    link = sender.associate("127.0.0.1", port, ae_title=aet)
    if not link.is_established:
        return None
    found = [link.send_c_store(dcmread(path)).Status for path in sorted(source.iterdir())]
    link.release()
    return found


def test_a_study_is_handed_on_whole_when_it_is_quiet(study, tmp_path):
    handled, log = [], Log()
    source = study(UID)
    with listening(settings(tmp_path), handled.append, log.append) as port:
        open_archive(node_at(f"dicom://PLANNER@127.0.0.1:{port}")).echo()
        assert push(port, source) == [0] * 6
        assert not (tmp_path / "data" / "studies" / UID).exists()
        log.wait("is done")
        assert push(port, source) == [0] * 6
        time.sleep(0.5)
    folder = tmp_path / "data" / "studies" / UID
    assert handled == [folder]
    stored = sorted((folder / "dicom" / UID / f"{UID}.1").glob("*.dcm"))
    assert [dcmread(path).SOPInstanceUID for path in stored] == sorted(
        dcmread(path).SOPInstanceUID for path in source.iterdir()
    )
    assert state_of(folder)["state"] == "done"
    assert sorted(path.name for path in (tmp_path / "data" / "studies").iterdir()) == [UID]
    assert not list((tmp_path / "data" / "arriving").iterdir())


def test_late_images_make_a_new_delivery_and_changed_ones_are_refused(study, tmp_path):
    handled, log = [], Log()
    with listening(settings(tmp_path), handled.append, log.append) as port:
        push(port, study(UID, slices=4, folder="early"))
        log.wait("is done")
        push(port, study(UID, slices=6, folder="all"))
        log.wait("is done", 2)
        changed = push(port, study(UID, slices=1, folder="changed", PatientName="Doe^John"))
        ours = study(UID, f"{UID}.5", slices=2, folder="ours", Manufacturer="Glisson")
        assert push(port, ours) == [0, 0]
        time.sleep(0.5)
    first, second = tmp_path / "data" / "studies" / UID, tmp_path / "data" / "studies" / f"{UID}.2"
    assert changed == [0x0111]
    assert handled == [first, second]
    assert (len(list(first.rglob("*.dcm"))), len(list(second.rglob("*.dcm")))) == (4, 6)
    assert state_of(tmp_path / "data" / "studies" / f"{UID}.3")["state"] == "kept"


def test_a_node_goes_on_after_a_crash(study, tmp_path):
    data = tmp_path / "data"
    source = study(UID)
    arriving = data / "arriving" / UID / f"{UID}.1"
    arriving.mkdir(parents=True)
    for path in source.iterdir():
        (arriving / f"{dcmread(path).SOPInstanceUID}.dcm").write_bytes(path.read_bytes())
    (arriving / "1.2.3.dcm.part").write_bytes(b"half")
    broken = data / "studies" / "1.2.3"
    building = data / "studies" / ".1.2.4"
    for folder in (broken, building):
        folder.mkdir(parents=True)
    set_state(broken, "started", tries=3)
    unsaid = data / "studies" / "1.2.5"  # its state was lost, or somebody deleted it to have it tried again
    unsaid.mkdir()
    handled, log = [], Log()
    with listening(settings(tmp_path), handled.append, log.append):
        log.wait("is done", 2)
        log.wait("was given up")
    assert handled.pop(0) == unsaid
    assert handled == [data / "studies" / UID]
    assert len(list(handled[0].rglob("*.dcm"))) == 6
    assert state_of(broken)["state"] == "failed"
    assert not building.exists()


def test_a_failing_network_is_tried_again_and_other_failures_are_given_up(study, tmp_path):
    tries, log = [], Log()

    def handle(folder):
        tries.append(folder)
        if len(tries) < 3:
            raise PacsError("the archive is away")
        raise GlissonError("no liver")

    with listening(settings(tmp_path), handle, log.append) as port:
        push(port, study(UID))
        log.wait("was given up")
    assert len(tries) == 3
    assert state_of(tries[0]) | {"at": ""} == {"state": "failed", "tries": 1, "why": "no liver", "at": ""}


def test_only_called_by_name_and_only_by_those_named(study, tmp_path):
    source = study(UID, slices=1)
    with listening(settings(tmp_path, callers=("CT1",)), print, Log().append) as port:
        assert push(port, source, aet="WRONG", calling="CT1") is None
        assert push(port, source, calling="CT2") is None
        assert push(port, source, calling="CT1") == [0]


def test_tls_only_where_a_certificate_is_given(study, tmp_path, certificates):
    source = study(UID, slices=1)
    tls = {
        "certificate": certificates / "cert.pem",
        "key": certificates / "key.pem",
        "ca_file": certificates / "cert.pem",
    }
    with listening(settings(tmp_path, **tls), print, Log().append) as port:
        assert push(port, source) is None
        ours = {"ca_file": tls["ca_file"], "attempts": 2, "first_wait_s": 0.01}
        address = f"dicoms://PLANNER@localhost:{port}"
        with pytest.raises(PacsError):
            open_archive(node_at(address, **ours)).echo()
        open_archive(node_at(address, certificate=tls["certificate"], key=tls["key"], **ours)).echo()


def test_what_is_refused_before_anything_listens(tmp_path):
    with pytest.raises(InputError, match="--open-to-network"):
        settings(tmp_path, address="0.0.0.0")
    settings(tmp_path, address="0.0.0.0", open_to_network=True)
    with pytest.raises(InputError, match="TLS needs"):
        settings(tmp_path, certificate=tmp_path / "cert.pem")
    with pytest.raises(InputError, match="letters at most"):
        settings(tmp_path, aet="SEVENTEEN_LETTERS")
    with (
        listening(settings(tmp_path), print, print),
        pytest.raises(OutputError, match="is in use"),
        listening(settings(tmp_path), print, print),
    ):
        pass


PLAN = """
import json, sys
from pathlib import Path
from pydicom import dcmread
case, out = map(Path, sys.argv[1:])
source = dcmread(next(case.glob("dicom/*/*/*.dcm")))
source.SeriesDescription, source.SeriesInstanceUID = {description!r}, str(source.SeriesInstanceUID) + ".77"
source.SOPInstanceUID = source.file_meta.MediaStorageSOPInstanceUID = str(source.SOPInstanceUID)[:50] + ".77"
source.SpecificCharacterSet, source.Manufacturer = "ISO_IR 192", "Glisson"
(out / "dicom").mkdir(parents=True)
source.save_as(out / "dicom" / "result.dcm", enforce_file_format=True)
(out / "findings.json").write_text("{{}}")
"""


@pytest.fixture
def planner(monkeypatch):
    """A function that has studies planned by a script of a few lines."""

    def use(script):
        monkeypatch.setattr(command, "PLANNER", (sys.executable, "-c", script))

    return use


def test_results_come_back_to_the_archive_as_research(orthanc, study, tmp_path, planner):
    planner(PLAN.format(description=RESEARCH))
    archive, log = orthanc.web(), Log()
    uid = "1.2.826.0.1.3680043.10.31"
    source = study(uid)
    store_files(archive, dicom_files([source]))
    with listening(settings(tmp_path), lambda f: command.handle_study(f, archive.node, 60), log.append) as port:
        push(port, source)
        log.wait("is done")
    back = fetch_study(archive, uid, tmp_path / "case", series=[f"{uid}.1.77"])
    (result,) = back.folders[0].iterdir()
    assert dcmread(result).SeriesDescription == RESEARCH
    assert len(orthanc.instances(uid)) == 7


def test_a_crash_of_the_planning_does_not_touch_the_node(study, tmp_path, planner):
    planner("import os; print('a last word', flush=True); os.abort()")
    log = Log()
    with listening(settings(tmp_path), lambda f: command.handle_study(f, None, 60), log.append) as port:
        push(port, study(UID, slices=2))
        log.wait("was given up")
        assert "ended with -6: a last word" in log[-1]
        open_archive(node_at(f"dicom://PLANNER@127.0.0.1:{port}")).echo()
    assert state_of(tmp_path / "data" / "studies" / UID)["state"] == "failed"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("print('no liver'); raise SystemExit(2)", "ended with 2: no liver"),
        ("print('nothing to do')", "wrote nothing: nothing to do"),
        (PLAN.format(description="liver plan"), "not marked as research results"),
    ],
)
def test_planning_without_results_is_said(study, tmp_path, planner, script, words, anywhere):
    planner(script)
    study(UID, slices=1, folder="dicom/1/2")
    with pytest.raises(command.PlanError, match=words):
        command.handle_study(tmp_path, anywhere, 60)


def test_planning_that_never_ends_is_ended(study, tmp_path, planner):
    planner("import time; time.sleep(60)")
    with pytest.raises(command.PlanError, match="longer than"):
        command.handle_study(tmp_path, None, 0.3)


def test_stopping_the_command_breaks_planning_off_and_the_next_start_goes_on(study, tmp_path):
    data = tmp_path / "data"
    study(UID, slices=1, folder=f"data/studies/{UID}/dicom/{UID}/{UID}.1")
    set_state(data / "studies" / UID, "waiting")
    slow = "import sys, time; print('begun', flush=True); time.sleep(60)"
    script = (
        f"import sys, typer; from glisson.cli import listen as c; c.PLANNER = (sys.executable, '-c', {slow!r}); "
        "app = typer.Typer(); app.command()(c.listen); app()"
    )
    words = [sys.executable, "-c", script, "--aet", "P", "--port", str(free_port()), "--data", str(data)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as node:
        log, end = data / "studies" / UID / "plan.log", time.monotonic() + 20
        while not (log.exists() and "begun" in log.read_text()):
            assert time.monotonic() < end
            time.sleep(0.05)
        node.terminate()
        said, _ = node.communicate(timeout=15)
    assert node.returncode == 0
    assert "goes on at the next start" in said
    assert state_of(data / "studies" / UID)["state"] == "waiting"
