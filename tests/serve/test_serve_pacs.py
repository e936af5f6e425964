"""Cases from a PACS: archives named in a file with credentials and TLS, asked by a job (a real Orthanc)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="the extra glisson[pacs] is not installed")

from glisson.case import load_case
from glisson.errors import InputError
from glisson.imaging.pacs import dicom_files, store_files
from glisson.serve.pacs_file import PacsAt, read_archives
from glisson.serve.settings import ServeSettings

from ..pacs.conftest import PASSWORD as SECRET
from ..pacs.conftest import USER, Orthanc, _no_sockets_left, certificates, free_port, orthanc, secure_orthanc, study
from .conftest import Running, start, unprepared, wait

__all__ = ["_no_sockets_left", "certificates", "orthanc", "secure_orthanc", "study"]

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
UID = "1.2.826.0.1.3680043.10.77"


def archives_file(folder: Path, plain: Orthanc, secure: Orthanc) -> Path:
    """A file that names the two archives in all the ways, and some that cannot work."""
    (folder / "password").write_text(SECRET + "\n", encoding="utf-8")
    (folder / "wrong").write_text("not the password\n", encoding="utf-8")
    (folder / "ca.pem").write_bytes(secure.more["ca_file"].read_bytes())
    web, tls = f"http://localhost:{plain.http}/dicom-web", f"https://localhost:{secure.http}/dicom-web"
    quick = {"attempts": 1, "timeout_s": 10}
    archives = {
        "web": {"address": web, "user": USER, "password_file": "password", **quick},
        "tls": {"address": tls, "user": USER, "password_file": "password", "ca": "ca.pem", **quick},
        "classic": {"address": f"dicom://ORTHANC@localhost:{plain.dicom}", **quick},
        "classic-tls": {"address": f"dicoms://ORTHANC@localhost:{secure.dicom}", "ca": "ca.pem", **quick},
        "wrong-password": {"address": web, "user": USER, "password_file": "wrong", **quick},
        "no-password": {"address": web, **quick},
        "untrusted": {"address": tls, "user": USER, "password_file": "password", **quick},
        "nobody": {"address": f"http://localhost:{free_port()}/dicom-web", **quick},
    }
    file = folder / "archives.yaml"
    file.write_text(json.dumps(archives, indent=1), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def served_pacs(
    tmp_path_factory: pytest.TempPathFactory, orthanc: Orthanc, secure_orthanc: Orthanc
) -> Iterator[Running]:
    """A server that knows the archives."""
    folder = tmp_path_factory.mktemp("serve-pacs")
    archives = read_archives(archives_file(folder, orthanc, secure_orthanc))
    running, stop = start(ServeSettings(folder / "data", pacs=archives))
    yield running
    stop()


@pytest.mark.parametrize("name", ["web", "tls", "classic", "classic-tls"])
def test_a_study_becomes_a_case_by_the_name_of_its_archive(
    name: str, served_pacs: Running, orthanc: Orthanc, secure_orthanc: Orthanc, study: Callable[..., Path]
):
    for archive in (orthanc, secure_orthanc):
        store_files(archive.web(), dicom_files([study(UID)]))
    client = served_pacs.client("ed")
    assert name in client.get("/api/about").json()["pacs"]
    begun = client.post("/api/cases/fetch", json={"from": name, "study": UID, "title": "Fetched"})
    assert begun.status_code == 202
    case_id = begun.json()["case"]
    (job, *_) = [job for job in wait(client, case_id, kinds=("fetch",)) if job["kind"] == "fetch"]
    assert (job["state"], job["error"]) == ("done", None)
    unprepared(client, case_id)
    folder = served_pacs.core.store.case_folder(case_id, 1)
    assert len(list((folder / "dicom").iterdir())) == 6
    (read,) = load_case(folder / "case.yaml").studies
    assert (read.image, read.date.isoformat()) == ("dicom", "2026-01-31")


@pytest.mark.parametrize("name", ["wrong-password", "no-password", "untrusted", "nobody"])
def test_an_archive_that_refuses_or_is_not_trusted_is_told_without_secrets(
    name: str, served_pacs: Running, caplog: pytest.LogCaptureFixture
):
    client = served_pacs.client("ed")
    case_id = client.post("/api/cases/fetch", json={"from": name, "study": UID}).json()["case"]
    (job, *_) = wait(client, case_id)
    assert job["state"] == "failed"
    assert re.search("401|password|authenti|certificate|reach|refused", job["error"], re.IGNORECASE), job["error"]
    for said in (job["error"], caplog.text, json.dumps(client.get(f"/api/cases/{case_id}").json())):
        assert SECRET not in said
        assert "not the password" not in said
    assert not list((served_pacs.settings.data_dir / "staging").glob("*"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: {address: 'https://x/dicom-web', password: secret}", "write no password here"),
        ("a: {address: 'https://me:secret@x/dicom-web'}", "holds a user or password"),
        ("a: {address: 'http://x.example/dicom-web', user: u, password_file: word}", "travel in clear"),
        ("a: {address: 'https://x/dicom-web', user: u, password_file: missing}", "cannot be read"),
        ("a: {address: 'https://x/dicom-web', user: u}", "go together"),
        ("a: {address: 'https://x/dicom-web', token_file: word, token_env: T}", "Give one of"),
        ("a: {address: 'https://x/dicom-web', ca: missing.pem}", "there is no file"),
        ("a: {address: 'http://localhost/dicom-web', ca: word}", "needs a connection with TLS"),
        ("a: {address: 'dicom://PACS@host:104', move_to: nowhere}", "move_to"),
        ("a: {address: 'https://x/dicom-web', pasword_file: word}", "pasword_file"),
        ("a: {address: 'https://x/a'}\na: {address: 'https://y/b'}", "twice|duplicate|again"),
        ("a: https://x/dicom-web", "below it at least its `address`"),
        ("a: {adress: 'https://x'}", "address"),
        ("- a", "one mapping"),
        ("a: &b {address: 'https://x/dicom-web'}\nc: *b", "aliases"),
    ],
)
def test_files_of_archives_that_would_not_work_are_refused_at_the_start(text: str, why: str, tmp_path: Path):
    (tmp_path / "word").write_text("word")
    file = tmp_path / "archives.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=why) as refusal:
        read_archives(file)
    assert "secret" not in str(refusal.value).replace("no secret", "")


def test_the_command_line_takes_a_file_and_names_with_addresses(tmp_path: Path):
    from glisson.cli.serve import _archives

    (tmp_path / "token").write_text("abc\n")
    file = tmp_path / "archives.yaml"
    file.write_text("one: {address: 'https://x.example/dicom-web', token_file: token}")
    found = _archives(["two=http://localhost:8042/dicom-web"], file)
    assert found["two"] == PacsAt(address="http://localhost:8042/dicom-web")
    held = found["one"].node().credentials
    assert held is not None
    assert (held.user, held.secret()) == (None, "abc")
    for pairs, why in (
        (["one=https://y.example/a"], "two archives"),
        (["two"], "NAME=URL"),
        (["two=nonsense"], "no address"),
    ):
        with pytest.raises(InputError, match=why):
            _archives(pairs, file)
    with pytest.raises(InputError, match="cannot be read"):
        _archives([], tmp_path / "missing.yaml")
