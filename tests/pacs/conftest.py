"""A real Orthanc on loopback, another with TLS, small CT studies, and a proxy that breaks connections on purpose."""

from __future__ import annotations

import contextlib
import gc
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from glisson.imaging.pacs import Archive, Credentials, Node, node_at, open_archive

ORTHANC = Path("/usr/sbin/Orthanc")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "reader", "päss word"
START_S = 20.0
SLICES = 6
QUICK = {"first_wait_s": 0.01, "timeout_s": 10}


@pytest.fixture(scope="module", autouse=True)
def _no_sockets_left() -> Iterator[None]:
    """pynetdicom leaves sockets of broken connections to the collector: have it come while that is forgiven."""
    yield
    gc.collect()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Orthanc:
    """A running archive. `more` goes to every node made of it."""

    http: int
    dicom: int
    mover: int
    secret: Path
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def scheme(self) -> str:
        return "https" if self.more else "http"

    def web(self, port: int = 0, **options: Any) -> Archive:
        node = node_at(
            f"{self.scheme}://localhost:{port or self.http}/dicom-web",
            **{"credentials": Credentials(USER, self.secret), **QUICK, **self.more, **options},
        )  # fmt: skip
        return open_archive(node)

    def classic(self, port: int = 0, **options: Any) -> Archive:
        address = f"dicom{'s' if self.more else ''}://ORTHANC@localhost:{port or self.dicom}"
        return open_archive(node_at(address, **{**QUICK, **self.more, **options}))

    def instances(self, study: str) -> list[str]:
        """SOP instance UIDs of a study by Orthanc's own interface, which is not the one under test."""
        ask = {"Level": "Instance", "Query": {"StudyInstanceUID": study}, "Expand": True}
        verify = str(self.more["ca_file"]) if self.more else True
        answer = requests.post(
            f"{self.scheme}://localhost:{self.http}/tools/find", json=ask, auth=(USER.encode(), PASSWORD.encode()),
            timeout=10, verify=verify,
        )  # fmt: skip
        return sorted(item["MainDicomTags"]["SOPInstanceUID"] for item in answer.json())


def running(folder: Path, settings: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Start an Orthanc and wait until both ports answer. It has no state worth keeping, so it is killed at the end."""
    config = folder / "orthanc.json"
    config.write_text(json.dumps(settings), encoding="utf-8")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(ORTHANC), str(config)], stdout=log, stderr=log)
    end = time.monotonic() + START_S
    for port in (settings["HttpPort"], settings["DicomPort"]):
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            process.kill()
            pytest.fail(f"Orthanc did not start:\n{(folder / 'log').read_text(errors='replace')}")
    return process


def settings_of(folder: Path, http: int, dicom: int, mover: int) -> dict[str, Any]:
    always = {f"DicomAlwaysAllow{what}": True for what in ("Echo", "Find", "Get", "Move", "Store")}
    return {
        "Name": "test", "StorageDirectory": str(folder / "db"), "HttpPort": http, "DicomPort": dicom,
        "DicomAet": "ORTHANC", "DicomCheckCalledAet": True, "RemoteAccessAllowed": False, "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD}, "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "DicomModalities": {"mover": ["MOVER", "127.0.0.1", mover]}, "KeepAlive": True, **always,
    }  # fmt: skip


def needs_orthanc() -> None:
    for path in (ORTHANC, PLUGIN):
        if not path.exists():
            pytest.skip(f"no {path}: install Debian's packages orthanc and orthanc-dicomweb")


def secret_file(folder: Path) -> Path:
    path = folder / "password"
    path.write_text(PASSWORD + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An archive without TLS, with a user and a password."""
    needs_orthanc()
    folder = tmp_path_factory.mktemp("orthanc")
    ports = free_port(), free_port(), free_port()
    process = running(folder, settings_of(folder, *ports))
    yield Orthanc(*ports, secret_file(folder))
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a self-signed certificate of localhost: cert.pem, key.pem."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def secure_orthanc(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[Orthanc]:
    """An archive with TLS: its own on the DICOM port, a proxy's before HTTP (Debian's crashes with its own)."""
    needs_orthanc()
    folder = tmp_path_factory.mktemp("orthanc-tls")
    ports = free_port(), free_port(), free_port()
    tls = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(certificates / "cert.pem"), "DicomTlsPrivateKey": str(certificates / "key.pem"),
        "DicomTlsTrustedCertificates": str(certificates / "cert.pem"), "DicomTlsRemoteCertificateRequired": False,
    }  # fmt: skip
    process = running(folder, settings_of(folder, *ports) | tls)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    front = Breaker(ports[0], context)
    yield Orthanc(front.port, *ports[1:], secret_file(folder), {"ca_file": certificates / "cert.pem"})
    front.server.close()
    process.kill()
    process.wait()


def ct_slice(study: str, series: str, number: int, **changes: Any) -> Dataset:
    """One 8 x 8 CT slice at 5 mm per number; keyword None deletes the attribute, another value sets it."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = CTImageStorage
    data.SOPInstanceUID = generate_uid(entropy_srcs=[series, str(number)])
    values: dict[str, Any] = {
        "PatientName": "Doe^Jane", "PatientID": "P-1", "PatientBirthDate": "", "PatientSex": "F", "StudyID": "1",
        "StudyInstanceUID": study, "SeriesInstanceUID": series, "StudyDate": "20260131", "StudyTime": "101500",
        "AccessionNumber": "A1", "ReferringPhysicianName": "", "Modality": "CT", "SeriesDescription": "portal venous",
        "SeriesNumber": 2, "InstanceNumber": number, "FrameOfReferenceUID": f"{study}.9", "SliceThickness": 5,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "ImagePositionPatient": [0.0, 0.0, 5.0 * number],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [4, 4], "SamplesPerPixel": 1, "Rows": 8,
        "Columns": 8, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15,
        "PixelRepresentation": 1, "RescaleSlope": 1, "RescaleIntercept": 0, "KVP": None, "AcquisitionNumber": 1,
        "Manufacturer": "Maker", **changes,
    }  # fmt: skip
    for keyword, value in values.items():
        setattr(data, keyword, value)
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.PixelData = np.full((8, 8), number, np.int16).tobytes()
    data["PixelData"].VR = "OW"
    return data


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a CT series as files, under a study UID, and returns the folder."""

    def write(
        uid: str, series: str | None = None, slices: int = SLICES, folder: str = "source", **changes: Any
    ) -> Path:
        series = series or f"{uid}.1"
        home = tmp_path / folder
        home.mkdir(parents=True, exist_ok=True)
        for number in range(1, slices + 1):
            data = ct_slice(uid, series, number, **changes)
            data.save_as(home / f"{series}-{number}.dcm", enforce_file_format=True)
        return home

    return write


class Breaker:
    """A proxy on loopback that passes bytes on, and cuts connections off after so many bytes from the server.

    tls: what clients must speak to it; the server behind it hears them in clear.
    """

    def __init__(self, to: int, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.to, self.cuts, self.after, self.accepted = to, 0, 0, 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.server.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self, times: int, after: int) -> None:
        """Cut the next connections off, each after so many bytes of answer."""
        self.cuts, self.after = times, after

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        if self.tls is not None:
            try:
                client = self.tls.wrap_socket(client, server_side=True)
            except OSError:
                return
        with client, socket.create_connection(("127.0.0.1", self.to)) as server:
            threading.Thread(target=self._copy, args=(client, server, False), daemon=True).start()
            self._copy(server, client, True)

    def _copy(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        passed = 0
        try:
            while chunk := source.recv(512):
                passed += len(chunk)
                if answers and self.cuts and passed > self.after:
                    self.cuts -= 1
                    break
                target.sendall(chunk)
        except OSError:
            pass
        finally:
            for end in (source, target):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def breaker() -> Iterator[Callable[[int], Breaker]]:
    """A function that puts a breaking proxy before a port."""
    made: list[Breaker] = []

    def before(port: int) -> Breaker:
        made.append(Breaker(port))
        return made[-1]

    yield before
    for proxy in made:
        proxy.server.close()


@pytest.fixture
def anywhere() -> Node:
    """A node where nothing listens."""
    return node_at(f"http://127.0.0.1:{free_port()}/dicom-web", attempts=2, first_wait_s=0.01)
