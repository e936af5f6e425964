"""An archive that speaks DICOMweb: QIDO-RS to search, WADO-RS to retrieve, STOW-RS to store (DICOM PS3.18)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from glisson.errors import PacsError
from glisson.imaging.pacs.archive import Deliver, PassingError, SeriesEntry, StudyEntry, valid_uid
from glisson.imaging.pacs.entries import SERIES_KEYS, STUDY_KEYS, in_order, numbered, series_entry, study_entry
from glisson.imaging.pacs.node import Node

__all__ = ["WebArchive"]

BUSY = (408, 425, 429)
"""HTTP statuses below 500 that ask to try again."""

ANY_SYNTAX = (("application/dicom", "*"),)
"""Instances as the archive holds them, not recoded."""


class WebArchive:
    """An archive behind a DICOMweb root. Each call is one try; see `Archive`."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def echo(self) -> None:
        """Search for one study: DICOMweb has no echo of its own."""
        with self._client("search") as client:
            client.search_for_studies(limit=1)

    def find_studies(self, query: Mapping[str, str], limit: int) -> tuple[StudyEntry, ...]:
        """Studies that match DICOM keywords and values (with * and ? in texts, FROM-TO in dates)."""
        with self._client("search") as client:
            found = client.search_for_studies(fields=list(STUDY_KEYS), search_filters=dict(query), limit=limit)
            return tuple(study_entry(_dataset(item)) for item in found[:limit])

    def series_of(self, study: str) -> tuple[SeriesEntry, ...]:
        """The series of a study."""
        with self._client("search") as client:
            found = _pages(
                lambda n: client.search_for_series(study, fields=list(SERIES_KEYS), offset=n), "SeriesInstanceUID"
            )
            return tuple(series_entry(item) for item in found)

    def instances_of(self, study: str, series: str) -> tuple[str, ...]:
        """SOP instance UIDs of a series in the order of the instance numbers."""
        with self._client("search") as client:
            found = _pages(lambda n: client.search_for_instances(study, series, offset=n), "SOPInstanceUID")
            return in_order(map(numbered, found))

    def retrieve(self, study: str, series: str, wanted: tuple[str, ...], deliver: Deliver, *, whole: bool) -> None:
        """Have the wanted instances of a series delivered one by one, each on a request of its own."""
        del whole
        with self._client("retrieve") as client:
            for instance in wanted:
                data = client.retrieve_instance(study, series, instance, media_types=ANY_SYNTAX)
                deliver(_file_of(data))

    def store(self, files: Iterable[Path], stored: Callable[[Path, str], None]) -> None:
        """Store files one by one; `stored` is called with each that was taken and the archive's remark, if any."""
        from pydicom import dcmread

        with self._client("store") as client:
            for path in files:
                data = dcmread(path)
                answer = client.store_instances([data])
                for refused in answer.get("FailedSOPSequence") or ():
                    reason = int(refused.get("FailureReason") or 0)
                    raise PacsError(f"{self.node.address} did not store {path.name} (reason {reason:04X}H).")
                remarks = [
                    int(i.WarningReason) for i in answer.get("ReferencedSOPSequence") or () if "WarningReason" in i
                ]
                stored(path, f"stored with warning {remarks[0]:04X}H" if remarks else "")

    @contextmanager
    def _client(self, doing: str) -> Iterator[Any]:
        import requests
        from dicomweb_client.api import DICOMwebClient

        with requests.Session() as session:
            client = DICOMwebClient(self.node.address, session=self._prepared(session), timeout=self.node.timeout_s)
            client.set_http_retry_params(retry=False)
            try:
                yield client
            except requests.RequestException as problem:
                raise self._said(problem, doing) from problem
            except (ValueError, KeyError, TypeError, AttributeError, EOFError) as problem:
                raise PacsError(
                    f"{self.node.address} gave an answer to '{doing}' that is not DICOMweb ({problem}). "
                    "Check that the address is the DICOMweb root."
                ) from problem

    def _prepared(self, session: Any) -> Any:
        """The session with our credentials and trust alone: no proxies, passwords or authorities around us."""
        node = self.node
        for scheme in ("http://", "https://"):
            session.mount(scheme, _plain_wildcards())
        session.trust_env = False
        session.max_redirects = 3
        session.headers["Accept-Encoding"] = "identity"  # packing images makes a server several times slower
        if node.ca_file is not None:
            session.verify = str(node.ca_file)
        if node.certificate is not None:
            session.cert = str(node.certificate) if node.key is None else (str(node.certificate), str(node.key))
        if node.credentials is not None and node.credentials.user is not None:
            session.auth = (node.credentials.user.encode(), node.credentials.secret().encode())
        elif node.credentials is not None:
            session.headers["Authorization"] = f"Bearer {node.credentials.secret()}"
        return session

    def _said(self, problem: Any, doing: str) -> PacsError:
        """The failure in words without the request's own address, which may hold a patient's number."""
        where, response = self.node.address, problem.response
        if response is None:
            if "CERTIFICATE_VERIFY_FAILED" in str(problem) or "certificate required" in str(problem):
                return PacsError(
                    f"{where}: the certificate was not accepted. Name the authority with --ca, ours with --cert."
                )
            return PassingError(f"{where} could not be reached or broke off ({_kind(problem)}).")
        status = response.status_code
        if status >= 500 or status in BUSY:
            return PassingError(f"{where} could not {doing} (HTTP {status}).")
        if status in (401, 403):
            return PacsError(
                f"{where} refused us (HTTP {status}). Check --user and the password, or the token, and its rights."
            )
        if status == 404:
            return PacsError(f"{where} knows nothing by that name (HTTP 404). Check the address, the DICOMweb root.")
        return PacsError(f"{where} would not {doing} (HTTP {status}).")


def _plain_wildcards() -> Any:
    """Sends * and ? of a search as they are, which RFC 3986 allows: some archives look for the letters %2A instead."""
    from requests.adapters import HTTPAdapter

    class Plain(HTTPAdapter):
        def send(self, request: Any, *args: Any, **options: Any) -> Any:
            path, mark, query = str(request.url).partition("?")
            request.url = path + mark + query.replace("%2A", "*").replace("%3F", "?")
            return super().send(request, *args, **options)

    return Plain()


def _kind(problem: Exception) -> str:
    return {
        "ConnectionError": "no connection",
        "ReadTimeout": "no answer in time",
        "ConnectTimeout": "no answer in time",
    }.get(type(problem).__name__, type(problem).__name__)


def _dataset(item: Mapping[str, Any]) -> Any:
    from pydicom.dataset import Dataset

    return Dataset.from_json(dict(item))


def _pages(page: Callable[[int], list[dict[str, Any]]], key: str) -> list[Any]:
    """All answers of a search whose server may give them in parts: asked on until nothing new comes."""
    found: dict[str, Any] = {}
    while True:
        before = len(found)
        for item in map(_dataset, page(before)):
            found.setdefault(valid_uid(item.get(key), key), item)
        if len(found) == before:
            return list(found.values())


def _file_of(data: Any) -> bytes:
    with BytesIO() as stream:
        data.save_as(stream, enforce_file_format=True)
        return stream.getvalue()
