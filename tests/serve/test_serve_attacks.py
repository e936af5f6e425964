"""A table of attacks over HTTP, each tried and refused, and the headers that stand against others."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import io
import logging
import re
import socket
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from glisson.errors import InputError
from glisson.serve.archives import UnpackLimits, safe_path, unpack
from glisson.serve.confine import refuse_outside
from glisson.serve.settings import Limits, OidcSettings, ServeSettings

from .conftest import PASSWORD, Running, import_zip, place_case, start, wait

LIMITS = UnpackLimits(total_bytes=50_000_000, files=20, ratio=100)


def zip_of(members: dict[str, bytes], mode: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            item = zipfile.ZipInfo("x")
            item.filename = name
            item.external_attr = mode << 16
            item.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(item, content)
    return buffer.getvalue()


def tar_of(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", pack: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=pack) as archive:  # type: ignore[call-overload]
        item = tarfile.TarInfo(name)
        item.type, item.linkname = kind, link
        archive.addfile(item, io.BytesIO())
    return buffer.getvalue()


def tar_bomb(pack: str) -> bytes:
    """A tar whose long name is said to have 30 MB, which it has: readers of tar take it into memory whole."""
    packers: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "": bytes}
    item = tarfile.TarInfo("././@LongLink")
    item.type, item.size = tarfile.GNUTYPE_LONGNAME, 30_000_000
    return packers[pack](item.tobuf() + bytes(item.size))


def cut_zip() -> bytes:
    """A zip without its first bytes: the places of its members lie before its beginning."""
    return zip_of({"a.nii": bytes(range(256)) * 9})[40:]


def lying_zip() -> bytes:
    """A zip whose directory states one byte for a member of 60 MB."""
    content = bytearray(zip_of({"big.nii": bytes(60_000_000)}))
    size = (60_000_000).to_bytes(4, "little")
    while (at := content.find(size)) >= 0:
        content[at : at + 4] = (1).to_bytes(4, "little")
    return bytes(content)


ARCHIVES = {
    "climbs out": ("a.zip", lambda: zip_of({"../../evil": b"x"}), "leaves its folder"),
    "climbs out within": ("a.zip", lambda: zip_of({"a/../../evil": b"x"}), "leaves its folder"),
    "absolute": ("a.zip", lambda: zip_of({"/etc/evil": b"x"}), "leaves its folder"),
    "drive": ("a.zip", lambda: zip_of({"C:/evil": b"x"}), "leaves its folder"),
    "backslashes": ("a.zip", lambda: zip_of({"..\\..\\evil": b"x"}), "leaves its folder"),
    "control characters": ("a.zip", lambda: zip_of({"a\nb": b"x"}), "odd"),
    "long name": ("a.zip", lambda: zip_of({"a" * 300: b"x"}), "too long"),
    "symbolic link": ("a.zip", lambda: zip_of({"link": b"/etc/passwd"}, stat.S_IFLNK | 0o777), "link"),
    "device": ("a.zip", lambda: zip_of({"dev": b""}, stat.S_IFCHR | 0o666), "special file"),
    "bomb": ("a.zip", lambda: zip_of({"big.nii": bytes(40_000_000)}), "times its size"),
    "bomb that lies": ("a.zip", lying_zip, "damaged|times its size"),
    "many files": ("a.zip", lambda: zip_of({f"{n}.dcm": b"" for n in range(30)}), "more than 20 files"),
    "nested": ("a.zip", lambda: zip_of({"inner.zip": zip_of({"a": b"x"})}), "another archive"),
    "twice": ("a.zip", lambda: zip_of({"A/../a": b"1"}), "leaves its folder"),
    "file as folder": ("a.zip", lambda: zip_of({"a": b"1", "a/b": b"2"}), "twice"),
    "no zip": ("a.zip", lambda: b"PK\x03\x04 but no more", "damaged"),
    "tar climbs out": ("a.tar", lambda: tar_of("../evil"), "leaves its folder"),
    "tar absolute": ("a.tar", lambda: tar_of("/etc/evil"), "leaves its folder"),
    "tar symbolic link": ("a.tar", lambda: tar_of("l", tarfile.SYMTYPE, "/etc/passwd"), "link"),
    "tar hard link": ("a.tar", lambda: tar_of("l", tarfile.LNKTYPE, "/etc/passwd"), "link"),
    "tar fifo": ("a.tar.gz", lambda: tar_of("f", tarfile.FIFOTYPE, pack="w:gz"), "special file"),
    "tar device": ("a.tar.xz", lambda: tar_of("d", tarfile.CHRTYPE, pack="w:xz"), "special file"),
    "tar.gz with an endless name": ("a.tar.gz", lambda: tar_bomb("gz"), "a header of 3000"),
    "tar.bz2 with an endless name": ("a.tar.bz2", lambda: tar_bomb("bz2"), "a header of 3000"),
    "tar with an endless name": ("a.tar", lambda: tar_bomb(""), "a header of 3000"),
    "zip cut at its beginning": ("a.zip", cut_zip, "damaged"),
    "zip with a directory before its beginning": (
        "a.zip",
        lambda: zip_of({"a": b"x" * 99}).replace(b"PK\x05\x06", b"x" * 30 + b"PK\x05\x06")[60:],
        "damaged",
    ),
    "no bzip2": ("a.tar.bz2", lambda: b"BZh9" + b"no more" * 9, "damaged"),
    "no gzip": ("a.tgz", lambda: b"\x1f\x8b" + b"no more" * 9, "damaged"),
    "no tar": ("a.tar.xz", lambda: b"\xfd7zXZ\x00 but no more", "damaged"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_that_would_escape_or_explode_are_refused(name: str, tmp_path: Path):
    file, content, why = ARCHIVES[name]
    archive = tmp_path / file
    archive.write_bytes(content())
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(InputError, match=why):
        unpack(archive, out, LIMITS)
    assert {p.name for p in tmp_path.iterdir()} == {file, "out"}
    assert sum(p.stat().st_size for p in out.rglob("*") if p.is_file()) <= 50_000_000


def test_a_bomb_within_the_ratio_ends_at_the_total(tmp_path: Path):
    archive = tmp_path / "a.zip"
    archive.write_bytes(zip_of({"big.nii": bytes(20_000_000)}))
    with pytest.raises(InputError, match="more than 15000000 bytes"):
        unpack(archive, tmp_path, UnpackLimits(15_000_000, 20, 100_000))


@pytest.mark.parametrize("name", ["", ".", "..", "a/..", "/a", "a\0b", "..\\a", "c:a", "x" * 201, "a/" * 30 + "a"])
def test_odd_paths_are_refused(name: str):
    with pytest.raises(InputError):
        safe_path(name)


@pytest.mark.parametrize(
    "facts",
    [
        "id: a\nstudies: [{id: s, image: /etc/passwd}]",
        "id: a\nstudies: [{id: s, image: ../../other/ct.nii.gz}]",
        "id: a\nstudies: [{id: s, masks: {liver: ../liver.nii.gz}}]",
        "id: a\nstudies: [{id: s, masks: {liver: l.nii.gz, organs: {spleen: {file: /x.nii.gz}}}}]",
        "id: a\nstudies: [{id: s, masks: {liver: l.nii.gz, lesions: [a.nii.gz, ../b.nii.gz]}}]",
        "id: a\nstudies: [{id: s, masks: {liver: l.nii.gz, segments: ../s.nii.gz}}]",
        "id: a\nstudies: [{id: s, masks: {multilabel: {file: ../m.nii.gz, names: totalsegmentator}}}]",
        "id: a\nlesions: [{id: m1, mask: ../m.nii.gz}]",
        "id: a\nradiation: [{id: y, kind: external, dose: ../dose.dcm}]",
        "id: a\nradiation: [{id: y, kind: external, dose: d.dcm, structures: /rt.dcm}]",
        "id: a\nradiation: [{id: y, kind: radioembolisation, perfused: {right: ../p.nii.gz}}]",
    ],
)
def test_facts_cannot_name_files_outside_their_case(facts: str, tmp_path: Path):
    (tmp_path / "case.yaml").write_text(facts)
    with pytest.raises(InputError, match="outside the case"):
        refuse_outside(tmp_path)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.mhd", "NDims = 3\nElementDataFile = /etc/passwd\n"),
        ("a.mha", "NDims = 3\nElementDataFile = ../../other/ct.raw\n"),
        ("a.mhd", "ElementDataFile = LIST\n/etc/passwd\n"),
        ("a.nhdr", "NRRD0004\ndata file: ../other.raw\n\n"),
        ("a.nrrd", "NRRD0004\ndatafile: /etc/shadow\n\n"),
        ("a.nrrd", "NRRD0004\ndata file: LIST\n/etc/shadow\n"),
    ],
)
def test_headers_cannot_name_files_outside_their_case(name: str, header: str, tmp_path: Path):
    (tmp_path / "case.yaml").write_text("id: a\n")
    (tmp_path / name).write_text(header)
    with pytest.raises(InputError, match="outside the case"):
        refuse_outside(tmp_path)


def test_pages_cannot_be_climbed_out_of(tmp_path: Path):
    from fastapi import FastAPI

    from glisson.serve.pages import add_pages

    (tmp_path / "secret").write_text("secret")
    built = tmp_path / "built"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("the page")
    (built / "assets" / "a.js").write_text("script")
    app = FastAPI()
    add_pages(app, built)

    async def ask() -> list[str]:
        paths = (
            "/",
            "/cases/1",
            "/assets/a.js",
            "/../secret",
            "/..%2fsecret",
            "/assets/..%2f..%2fsecret",
            "/%2fetc/passwd",
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return [(await client.get(path)).text for path in paths]

    assert asyncio.run(ask()) == ["the page", "the page", "script", *["the page"] * 4]


@pytest.fixture(scope="module")
def case_id(sqlite_served: Running, small_case: Path) -> str:
    return place_case(sqlite_served, small_case, "Mr Secret")


@pytest.fixture(scope="module")
def clients(sqlite_served: Running) -> dict[str | None, httpx.Client]:
    return {name: sqlite_served.client(name) for name in (None, "vi", "ed", "ada")}


NOBODY = "00000000-0000-4000-8000-000000000000"
REQUESTS = {
    # who, method, path, what is sent, the answer
    "no session": (None, "GET", "/api/cases", {}, 401),
    "no session, export": (None, "GET", "/api/cases/CASE/export/1", {}, 401),
    "made-up session": (None, "GET", "/api/cases", {"headers": {"Cookie": "glisson_session=abc"}}, 401),
    "endless session": (None, "GET", "/api/cases", {"headers": {"Cookie": "glisson_session=" + "a" * 9000}}, 401),
    "no CSRF token": ("ed", "POST", "/api/cases/CASE/plan", {"json": {}, "headers": {"X-Glisson-CSRF": ""}}, 403),
    "wrong CSRF token": ("ed", "DELETE", "/api/session", {"headers": {"X-Glisson-CSRF": "0" * 64}}, 403),
    "from another site": ("ed", "POST", "/api/session", {"json": {}, "headers": {"Origin": "http://a.example"}}, 403),
    "from a sandbox": ("ed", "POST", "/api/session", {"json": {}, "headers": {"Origin": "null"}}, 403),
    "from elsewhere": ("ed", "POST", "/api/session", {"json": {}, "headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
    "forged host": (None, "GET", "/api/about", {"headers": {"Host": "evil.example"}}, 400),
    "forged host with our name": (None, "GET", "/api/about", {"headers": {"Host": "localhost.evil.example"}}, 400),
    "viewer plans": ("vi", "POST", "/api/cases/CASE/plan", {"json": {}}, 403),
    "viewer edits": ("vi", "PUT", "/api/cases/CASE/facts", {"json": {"yaml": "id: a", "based_on": 1}}, 403),
    "viewer decides": ("vi", "POST", "/api/cases/CASE/decision", {"json": {}}, 403),
    "viewer exports": ("vi", "GET", "/api/cases/CASE/export/1", {}, 403),
    "viewer reads the trail": ("vi", "GET", "/api/audit?case=CASE", {}, 403),
    "editor reads every trail": ("ed", "GET", "/api/audit", {}, 403),
    "editor deletes": ("ed", "DELETE", "/api/cases/CASE", {}, 403),
    "editor sees users": ("ed", "GET", "/api/users", {}, 403),
    "editor makes a user": ("ed", "POST", "/api/users", {"json": {"name": "x", "role": "edit", "password": "y"}}, 403),
    "second first user": (None, "POST", "/api/first-user", {"json": {"name": "eve", "password": PASSWORD}}, 409),
    "first user by proxy": (
        None, "POST", "/api/first-user",
        {"json": {"name": "eve", "password": PASSWORD}, "headers": {"X-Forwarded-For": "10.0.0.9"}}, 403,
    ),
    "unknown case": ("ed", "GET", f"/api/cases/{NOBODY}", {}, 404),
    "results of an unknown case": ("ed", "GET", f"/api/cases/{NOBODY}/results/1/dossier.html", {}, 404),
    "path for a case": ("ed", "GET", "/api/cases/..%2F..%2Fetc/facts", {}, 404),
    "words for a case": ("ed", "GET", "/api/cases/passwd/facts", {}, 422),
    "climbing results": ("ed", "GET", "/api/cases/CASE/results/1/..%2F..%2Fversions%2F0001%2Fcase.yaml", {}, 404),
    "absolute results": ("ed", "GET", "/api/cases/CASE/results/1/%2Fetc%2Fpasswd", {}, 404),
    "facts of another case": (
        "ed", "PUT", "/api/cases/CASE/facts",
        {"json": {"yaml": f"id: a\nstudies: [{{id: s, image: ../../../{NOBODY}/ct.nii.gz}}]", "based_on": 1}}, 422,
    ),
    "YAML bomb": ("ed", "PUT", "/api/cases/CASE/facts", {"json": {"yaml": "a: &a [x]\nb: *a", "based_on": 1}}, 422),
    "YAML object": (
        "ed", "PUT", "/api/cases/CASE/facts", {"json": {"yaml": "!!python/object:os.system x", "based_on": 1}}, 422,
    ),
    "archive by address": (
        "ed", "POST", "/api/cases/fetch", {"json": {"from": "http://169.254.169.254/", "study": "1.2"}}, 422,
    ),
    "more fields than known": ("ed", "POST", "/api/cases/CASE/plan", {"json": {"settings": {"seconds": 1e9}}}, 422),
    "too large": ("ed", "PUT", "/api/cases/CASE/facts", {"content": b" " * 3_000_000}, 413),
    "no form": ("ed", "POST", "/api/cases", {"json": {"title": "x"}}, 400),
    "a form without an end": (
        "ed", "POST", "/api/cases",
        {"content": b"--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nx",
         "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 400,
    ),
    "an upload that climbs out": ("ed", "POST", "/api/cases", {"files": [("files", ("../../evil.nii.gz", b"x"))]}, 422),
    "an upload of nothing": ("ed", "POST", "/api/cases", {"files": [("title", (None, "x"))]}, 422),
    "a title with a line break": (
        "ed", "POST", "/api/cases", {"files": [("title", (None, "a\x1b[2Jb")), ("files", ("a.nii", b"x"))]}, 422,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_that_should_not_work_do_not(
    name: str, clients: dict[str | None, httpx.Client], case_id: str, sqlite_served: Running
):
    who, method, path, sent, status = REQUESTS[name]
    answer = clients[who].request(method, path.replace("CASE", case_id), **sent)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) >= {"title", "detail", "status"}
    for word in ("Traceback", str(sqlite_served.settings.data_dir), "sqlalchemy"):
        assert word not in answer.text
    assert not list((sqlite_served.settings.data_dir / "uploads").glob("*"))
    assert sqlite_served.core.store.verify(case_id) == []


def test_every_answer_carries_the_headers(clients: dict[str | None, httpx.Client]):
    for path in ("/", "/api/about", "/api/cases", "/api/nothing"):
        headers = clients["vi"].get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["content-security-policy"].startswith("default-src 'none'"), path
        assert not re.search("unsafe|blob:|worker-src|[*]|https?:", headers["content-security-policy"]), path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
    assert clients["vi"].get("/api/cases").headers["cache-control"] == "no-store"


def test_the_cookie_is_kept_from_scripts_and_other_sites(sqlite_served: Running):
    answer = sqlite_served.client().post("/api/session", json={"name": "vi", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert not re.search("domain=|expires=|max-age=", cookie)


def test_a_planted_session_is_not_taken_over_and_signing_out_ends_it(sqlite_served: Running):
    planted = sqlite_served.client("vi")
    old = planted.cookies["glisson_session"]
    again = planted.post("/api/session", json={"name": "vi", "password": PASSWORD})
    assert again.status_code == 200
    new = planted.cookies["glisson_session"]
    assert new != old
    anyone = sqlite_served.client()
    assert anyone.get("/api/session", headers={"Cookie": f"glisson_session={old}"}).status_code == 401
    assert planted.delete("/api/session", headers={"X-Glisson-CSRF": again.json()["csrf"]}).status_code == 204
    assert anyone.get("/api/session", headers={"Cookie": f"glisson_session={new}"}).status_code == 401


def test_headers_cannot_be_split_by_what_a_request_says(sqlite_served: Running, clients, case_id: str):
    address = urlsplit(sqlite_served.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as raw:
        raw.sendall(b"GET /api/about%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        head = b""
        while part := raw.recv(4096):
            head += part
    assert b"Set-Cookie" not in head.partition(b"\r\n\r\n")[0]
    answer = clients["ed"].get(f"/api/cases/{case_id}/export/1")
    assert re.fullmatch(
        r'attachment; filename="glisson-[0-9a-f-]{36}-0001\.zip"', answer.headers["content-disposition"]
    )


def test_nothing_of_a_patient_is_in_the_logs(
    sqlite_served: Running, clients, case_id: str, caplog: pytest.LogCaptureFixture, small_zip: Path
):
    with caplog.at_level(logging.DEBUG):
        client = clients["ed"]
        import_zip(client, small_zip, "Frau Geheim")
        client.get(f"/api/cases/{case_id}", params={"patient": "Geheim"})
        client.get("/api/cases/Geheim")
        client.get("/Geheim")
        client.get(f"/api/cases/{case_id}/results/1/Geheim")
        client.put(f"/api/cases/{case_id}/facts", json={"yaml": "id: Geheim\nprimary: Geheim", "based_on": 1})
        client.post("/api/session", json={"name": "Geheim", "password": "Geheim"})
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert any("/api/cases/{case_id}" in line and case_id in line for line in ours)
    assert not [line for line in ours if "geheim" in line.lower()]


def test_guessing_passwords_has_to_wait_ever_longer(tmp_path: Path):
    running, stop = start(ServeSettings(tmp_path / "data", limits=Limits(login_failures=3)))
    try:
        client = running.client()
        wrong = {"name": "ada", "password": "wrong"}
        answers = [client.post("/api/session", json=wrong) for _ in range(4)]
        assert [a.status_code for a in answers] == [401, 401, 401, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 16
        assert client.post("/api/session", json={"name": "ada", "password": PASSWORD}).status_code == 429
        assert answers[0].json() == client_says_of_unknown(running)
    finally:
        stop()


def client_says_of_unknown(running: Running) -> dict[str, object]:
    """The answer to a name that does not exist is that to a wrong password."""
    running.core.limits.right_password("address:127.0.0.1")
    return running.client().post("/api/session", json={"name": "nobody", "password": "wrong"}).json()


def test_a_person_and_an_address_have_their_share_only(tmp_path: Path):
    limits = Limits(requests_per_minute=5, anonymous_per_minute=8)
    running, stop = start(ServeSettings(tmp_path / "data", limits=limits))
    try:
        client = running.client("vi")
        assert [client.get("/api/cases").status_code for _ in range(7)] == [200] * 5 + [429] * 2
        assert running.client("ed").get("/api/cases").status_code == 200
        codes = [running.client().get("/api/about").status_code for _ in range(8)]
        assert codes[0] == 200
        assert codes[-1] == 429
    finally:
        stop()


def test_uploads_beyond_the_limits_leave_nothing(tmp_path: Path):
    running, stop = start(ServeSettings(tmp_path / "data", limits=Limits(upload_bytes=100_000, upload_files=3)))
    try:
        client = running.client("ed")
        large = client.post("/api/cases", files=[("files", ("a.nii.gz", bytes(200_000)))])
        many = client.post("/api/cases", files=[("files", (f"{n}.dcm", b"x")) for n in range(5)])
        assert (large.status_code, many.status_code) == (413, 413)
        assert not list((tmp_path / "data" / "uploads").glob("*"))
        assert client.get("/api/cases").json() == []
    finally:
        stop()


def test_passwords_are_hashed_by_argon2id_with_its_full_cost(tmp_path: Path):
    """64 MiB, three passes: RFC 9106's second choice. A process of its own, as the tests' hashes are cheap."""
    script = (
        "import sys; from pathlib import Path; from glisson.serve.core import open_core\n"
        "from glisson.serve.settings import ServeSettings; from glisson.serve import schema\n"
        "core = open_core(ServeSettings(Path(sys.argv[1])))\n"
        "core.people.add('ada', 'admin', 'correct horse staple', by=None)\n"
        "print(core.database.first(schema.users.select()).password); core.close()"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_sessions_end_by_idleness_by_age_and_by_changes_of_the_user(sqlite_served: Running):
    from glisson.serve.sessions import Sessions

    core = sqlite_served.core
    user = core.people.check("vi", PASSWORD)
    assert user is not None
    assert Sessions(core.database, idle_minutes=-1, hours=1).user_of(core.sessions.begin(user)) is None
    assert Sessions(core.database, idle_minutes=1, hours=-1).user_of(core.sessions.begin(user)) is None
    admin = sqlite_served.client("ada")
    made = admin.post("/api/users", json={"name": "kim", "role": "edit", "password": PASSWORD}).json()
    kim = sqlite_served.client("kim")
    assert kim.get("/api/session").status_code == 200, "and it is remembered for a moment"
    assert admin.patch(f"/api/users/{made['id']}", json={"active": False}).json()["active"] is False
    assert kim.get("/api/session").status_code == 401
    assert sqlite_served.client().post("/api/session", json={"name": "kim", "password": PASSWORD}).status_code == 401
    own = next(person for person in admin.get("/api/users").json() if person["name"] == "ada")
    assert admin.patch(f"/api/users/{own['id']}", json={"role": "view"}).status_code == 409
    assert admin.post("/api/users", json={"name": "kim", "role": "view", "password": PASSWORD}).status_code == 409
    assert admin.post("/api/users", json={"name": "li", "role": "view", "password": "short"}).status_code == 422


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"host": "0.0.0.0"}, "unencrypted"),
        ({"host": "192.168.1.5"}, "unencrypted"),
        ({"tls_certificate": Path("/nothing.pem")}, "both files"),
        ({"tls_certificate": Path("/nothing.pem"), "tls_key": Path("/nothing.key")}, "does not exist"),
        ({"oidc": OidcSettings("https://a.example", "b", Path("/nothing"))}, "does not exist"),
        ({"public_url": "glisson.example"}, "address such as"),
    ],
)
def test_unsafe_settings_are_refused(changes: dict[str, object], why: str, tmp_path: Path):
    with pytest.raises(InputError, match=why):
        ServeSettings(tmp_path, **changes).refuse_unsafe()  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_network_address_is_taken_with_the_explicit_word(tmp_path: Path):
    ServeSettings(tmp_path, host="0.0.0.0", allow_insecure_network=True).refuse_unsafe()


def test_an_import_that_fails_says_why_without_folders(sqlite_served: Running, clients):
    client = clients["ed"]
    bad: list[tuple[str, bytes, str]] = [
        ("a.nii.gz", b"not a scan", ""),
        ("case.yaml", b"id: x\nprimary: {site: rektum}", "rektum"),
    ]
    for name, content, why in bad:
        case = client.post("/api/cases", files=[("files", (name, content))]).json()["case"]
        job = wait(client, case)[0]
        assert job["state"] == "failed", name
        assert why in job["error"]
        assert str(sqlite_served.settings.data_dir) not in job["error"]
        assert client.get(f"/api/cases/{case}").json()["state"] == "failed"
        assert client.get(f"/api/cases/{case}/facts").status_code == 404
    assert not list((sqlite_served.settings.data_dir / "staging").glob("*"))


def test_every_route_but_a_few_asks_who_is_there(sqlite_served: Running):
    """Whatever routes are added: without a session the answer is 401 (or 404 for the API's own description)."""
    client = sqlite_served.client()
    open_ones = {"/api/about", "/api/session", "/api/first-user", "/api/oidc/login", "/api/oidc/callback"}
    described = client.get("/api/openapi.json").json()["paths"]
    fill: Callable[[str], str] = lambda path: re.sub(r"\{(\w+)\}", _example, path)  # noqa: E731
    tried = 0
    for path, methods in described.items():
        for method in methods:
            if path in open_ones or (path, method) == ("/api/session", "post"):
                continue
            sent = {"json": {}} if method in ("post", "put", "patch") else {}
            answer = client.request(method, fill(path), **sent)
            assert answer.status_code == 401, (method, path, answer.text)
            tried += 1
    assert tried > 15


def _example(found: re.Match[str]) -> str:
    return {"version": "1", "path": "a", "level": "preview", "n": "1", "key": "liver", "lesion": "m1"}.get(
        found[1], NOBODY
    )
