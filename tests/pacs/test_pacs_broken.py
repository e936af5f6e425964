"""Connections that break, servers that fail, images that are missing, doubled or damaged."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import ClassVar

import pytest

from glisson.errors import InputError, OutputError, PacsError
from glisson.imaging.pacs import Credentials, dicom_files, fetch_study, node_at, open_archive, store_files
from glisson.imaging.pacs.keeping import ConflictError, place, read_instance, whole_files

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

UID = "1.2.826.0.1.3680043.10.20"


def kept(case):
    return {path.name for path in case.rglob("*.dcm")}


@pytest.fixture
def there(orthanc, study):
    """A study in the archive."""
    store_files(orthanc.web(), dicom_files([study(UID)]))
    return UID


@pytest.mark.parametrize("way", ["web", "classic"])
def test_connections_cut_off_midway_are_tried_again(orthanc, there, tmp_path, breaker, way):
    proxy = breaker(orthanc.http if way == "web" else orthanc.dicom)
    proxy.cut(3, after=900)
    fetched = fetch_study(getattr(orthanc, way)(proxy.port, attempts=5), there, tmp_path / "case")
    assert fetched.images == 6
    assert proxy.cuts == 0


@pytest.mark.parametrize("way", ["web", "classic"])
def test_a_fetch_that_was_given_up_is_continued(orthanc, there, tmp_path, breaker, way):
    proxy = breaker(orthanc.http if way == "web" else orthanc.dicom)
    archive = getattr(orthanc, way)(proxy.port, attempts=1)
    case, arrived = tmp_path / "case", []
    retrieve = archive.retrieve

    def broken(*args, **options):
        """The server dies after the third image."""
        deliver = args[3]

        def counting(raw):
            deliver(raw)
            if len(kept(case)) >= 3:
                proxy.cut(1000, after=0)

        retrieve(*args[:3], counting, **options)

    archive.retrieve = broken
    with pytest.raises(PacsError, match="the same command continues"):
        fetch_study(archive, there, case)
    first = kept(case)
    assert 3 <= len(first) < 6
    assert not (case / "dicom").exists()

    whole = getattr(orthanc, way)()
    retrieve_again = whole.retrieve
    whole.retrieve = lambda study, series, wanted, deliver, **options: (
        arrived.extend(wanted), retrieve_again(study, series, wanted, deliver, **options)
    )  # fmt: skip
    assert fetch_study(whole, there, case).images == 6
    assert len(arrived) == 6 - len(first)
    assert not list(case.glob(".*"))


def test_an_instance_damaged_on_the_disk_is_fetched_anew(orthanc, there, tmp_path):
    case = tmp_path / "case"
    staging = case / f".fetching-{there}" / f"{there}.1"
    staging.mkdir(parents=True)
    fetch_study(orthanc.web(), there, tmp_path / "good")
    good = sorted((tmp_path / "good").rglob("*.dcm"))
    (staging / good[0].name).write_bytes(good[0].read_bytes()[:-20])
    (staging / good[1].name).write_bytes(b"")
    (staging / f"{good[2].name}.part").write_bytes(good[2].read_bytes()[:50])
    fetch_study(orthanc.web(), there, case)
    assert [p.read_bytes() for p in sorted(case.rglob("*.dcm"))] == [p.read_bytes() for p in good]


def test_store_goes_on_after_a_cut(orthanc, study, breaker):
    proxy = breaker(orthanc.dicom)
    source = study("1.2.826.0.1.3680043.10.21")
    archive = orthanc.classic(proxy.port)
    proxy.cut(2, after=700)
    done = store_files(archive, dicom_files([source]))
    assert len(done.stored) + len(done.held) == 6
    assert len(orthanc.instances("1.2.826.0.1.3680043.10.21")) == 6


def test_nobody_there_is_said(anywhere, tmp_path):
    with pytest.raises(PacsError, match=r"could not be reached.*Tried 2 times"):
        fetch_study(open_archive(anywhere), "1.2.3", tmp_path / "case")


def test_fewer_images_than_counted_are_refused(orthanc, there, tmp_path):
    archive = orthanc.web()
    listed = archive.instances_of
    archive.instances_of = lambda study, series: listed(study, series)[:-1]
    with pytest.raises(PacsError, match=r"counts 6 images .* but lists 5"):
        fetch_study(archive, there, tmp_path / "case")
    assert not (tmp_path / "case" / "dicom").exists()


def test_an_archive_that_holds_images_back_gives_no_half_series(orthanc, there, tmp_path):
    archive = orthanc.web()
    retrieve = archive.retrieve
    archive.retrieve = lambda study, series, wanted, deliver, **options: retrieve(
        study, series, wanted[:4], deliver, **options
    )
    with pytest.raises(PacsError, match="gave 4 of 6 images"):
        fetch_study(archive, there, tmp_path / "case")
    assert not (tmp_path / "case" / "dicom").exists()


def test_what_a_case_holds_is_never_overwritten(orthanc, there, tmp_path):
    case = tmp_path / "case"
    fetched = fetch_study(orthanc.web(), there, case)
    next(fetched.folders[0].iterdir()).unlink()
    with pytest.raises(OutputError, match="holds 5 images, the archive now has 6"):
        fetch_study(orthanc.web(), there, case)
    assert len(kept(case)) == 5


def test_two_fetches_of_one_study_do_not_meet(orthanc, there, tmp_path):
    from glisson.imaging.pacs.keeping import held_alone

    with (
        held_alone(tmp_path / "case" / f".fetching-{there}", "a fetch"),
        pytest.raises(OutputError, match="is in use"),
    ):
        fetch_study(orthanc.web(), there, tmp_path / "case")


def test_one_instance_with_two_contents_is_refused_and_the_first_stays(study, tmp_path):
    raw = sorted(study("1.2.826.0.1.3680043.10.22").iterdir())[0].read_bytes()
    instance = read_instance(raw)
    place(instance, tmp_path / "here")
    place(instance, tmp_path / "here")
    other = read_instance(raw.replace(b"Doe^Jane", b"Doe^John"))
    with pytest.raises(ConflictError, match="different contents"):
        place(other, tmp_path / "here")
    with pytest.raises(ConflictError):
        place(other, tmp_path / "elsewhere", beside=tmp_path / "here")
    assert (tmp_path / "here" / instance.place).read_bytes() == raw
    assert list(whole_files(tmp_path / "here")) == [instance.uid]


@pytest.mark.parametrize("uid", ["1.2.3/../../x", "..", "1.2.3\n", "", "1." + "2" * 70])
def test_an_instance_whose_uid_is_no_uid_cannot_leave_the_folder(study, uid):
    from pydicom import dcmread

    data = dcmread(next(study("1.2.826.0.1.3680043.10.23", slices=1).iterdir()))
    element = data["SeriesInstanceUID"]
    element._value = uid
    with BytesIO() as stream:
        data.save_as(stream)
        with pytest.raises(PacsError, match="cannot be filed"):
            read_instance(stream.getvalue())


class Scripted(BaseHTTPRequestHandler):
    """Answers with the statuses in turn (then 200 and an empty list) and remembers who asked."""

    statuses: ClassVar[list[int]] = []
    asked: ClassVar[list[str | None]] = []

    def do_GET(self):
        type(self).asked.append(self.headers.get("Authorization"))
        status = type(self).statuses.pop(0) if type(self).statuses else 200
        self.send_response(status)
        body = b"[]" if status == 200 else b"PatientID=secret"
        self.send_header("Content-Type", "application/dicom+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def scripted():
    """A function that starts a server with a list of statuses and gives back its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def with_statuses(*statuses):
        Scripted.statuses, Scripted.asked = list(statuses), []
        return f"http://127.0.0.1:{server.server_port}/dicom-web"

    yield with_statuses
    server.shutdown()
    server.server_close()


def test_server_errors_are_tried_again_and_client_errors_are_not(scripted, tmp_path):
    archive = open_archive(node_at(scripted(500, 503, 429), first_wait_s=0.01))
    with pytest.raises(InputError, match="has no study"):
        fetch_study(archive, "1.2.3", tmp_path / "case")
    assert len(Scripted.asked) == 4
    for status in (400, 401, 403, 404, 409):
        archive = open_archive(node_at(scripted(status, status), first_wait_s=60))
        with pytest.raises(PacsError, match=str(status)) as refusal:
            fetch_study(archive, "1.2.3", tmp_path / "case")
        assert len(Scripted.asked) == 1
        assert "secret" not in str(refusal.value)


def test_a_bearer_token_is_read_anew_for_each_connection(scripted, monkeypatch):
    monkeypatch.setenv("PACS_TOKEN", "first")
    archive = open_archive(node_at(scripted(), credentials=Credentials(variable="PACS_TOKEN")))
    archive.echo()
    monkeypatch.setenv("PACS_TOKEN", "second")
    archive.echo()
    assert Scripted.asked == ["Bearer first", "Bearer second"]
    assert "second" not in repr(archive.node)


def test_an_answer_that_is_not_dicomweb_is_said(scripted, monkeypatch):
    address = scripted()
    monkeypatch.setattr("json.loads", lambda *_args, **_more: {"hello": "world"})
    with pytest.raises(PacsError, match="not DICOMweb"):
        open_archive(node_at(address)).series_of("1.2.3")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ftp://host/x", "no address"), ("dicom://host:104", "no address"), ("dicom://PACS@host", "no address"),
        ("https://", "no address"), ("http://host:99999/x", "no address"), ("dicom://PACS@host:104/x", "no address"),
        ("https://me:pw@host/x", "holds a user or password"),
        ("dicom://A_TITLE_LONGER_THAN_16@h:104", "letters at most"),
    ],
)  # fmt: skip
def test_addresses_that_are_none(address, words):
    with pytest.raises(InputError, match=words):
        node_at(address)


def test_a_password_does_not_travel_in_clear_unless_allowed(tmp_path):
    secret = Credentials("me", tmp_path / "password")
    with pytest.raises(InputError, match="travel in clear"):
        node_at("http://pacs.example.org/dicom-web", credentials=secret)
    assert node_at("http://pacs.example.org/dicom-web", credentials=secret, clear_text=True).host == "pacs.example.org"
    with pytest.raises(InputError, match="knows no password"):
        node_at("dicoms://PACS@10.0.0.1:2762", credentials=secret)
    with pytest.raises(InputError, match="cannot be read"):
        secret.secret()


def test_an_archive_that_gives_no_images_by_get_and_answers_nonsense(tmp_path):
    from pydicom.dataset import Dataset
    from pynetdicom import AE, evt
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as Find

    def answer(event):
        found = Dataset()
        found.QueryRetrieveLevel = event.identifier.QueryRetrieveLevel
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(found, keyword, "" if event.identifier.get("PatientID") else "1.2.3")
        found.Modality, found.InstanceNumber = "CT", 1
        yield 0xFF00, found

    entity = AE("FINDER")
    entity.add_supported_context(Find)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, answer)])
    try:
        address = f"dicom://FINDER@127.0.0.1:{server.server_address[1]}"
        archive = open_archive(node_at(address, attempts=1))
        with pytest.raises(PacsError, match="--way move"):
            fetch_study(archive, "1.2.3", tmp_path / "case")
        with pytest.raises(PacsError, match="not DICOM"):
            archive.find_studies({"PatientID": "1"}, 5)
        with pytest.raises(PacsError, match="does not offer"):
            archive.echo()
    finally:
        server.shutdown()
