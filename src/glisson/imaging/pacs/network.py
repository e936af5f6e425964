"""An archive that speaks classic DICOM: C-ECHO, C-FIND, C-GET or C-MOVE, C-STORE (PS3.4, PS3.7), also over TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from glisson.errors import GlissonError, InputError, PacsError
from glisson.imaging.pacs.archive import Deliver, NotOfferedError, PassingError, SeriesEntry, StudyEntry
from glisson.imaging.pacs.entries import SERIES_KEYS, STUDY_KEYS, in_order, numbered, series_entry, study_entry
from glisson.imaging.pacs.node import Node

__all__ = ["NetworkArchive", "SYNTAXES", "context_of"]

T = TypeVar("T")

SUCCESS, PENDING, CANCELLED = 0x0000, (0xFF00, 0xFF01), 0xFE00
OUT_OF_RESOURCES = (0xA700, 0xA701, 0xA702)
UNKNOWN_DESTINATION = 0xA801
SUB_OPERATIONS_FAILED = 0xB000
"""C-GET or C-MOVE ended with some instances not handed over; the caller counts what came and asks again."""

UNCOMPRESSED = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
COMPRESSED = (
    "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
)  # fmt: skip
"""JPEG lossless, JPEG-LS, JPEG 2000, RLE, then the lossy ones."""

SYNTAXES = [*UNCOMPRESSED, *COMPRESSED]
"""Every transfer syntax that we take when others open the association."""

IMAGES = (
    "CTImageStorage", "MRImageStorage", "PositronEmissionTomographyImageStorage",
    "SecondaryCaptureImageStorage",
)  # fmt: skip
OTHERS = (
    "SegmentationStorage", "RTStructureSetStorage", "RTDoseStorage", "EnhancedCTImageStorage", "EnhancedMRImageStorage",
    "EnhancedSRStorage", "ComprehensiveSRStorage", "Comprehensive3DSRStorage", "EncapsulatedPDFStorage",
    "NuclearMedicineImageStorage",
)  # fmt: skip
MOST_CONTEXTS = 120
"""Presentation contexts offered on one association; DICOM allows 128."""


class NetworkArchive:
    """An archive behind a title, host and port. Each call is one association and one try; see `Archive`."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def echo(self) -> None:
        """Ask whether the node is there and lets us in (C-ECHO)."""
        with self._association([context_of("Verification")]) as link:
            self._settled(link.send_c_echo(), "echo")

    def find_studies(self, query: Mapping[str, str], limit: int) -> tuple[StudyEntry, ...]:
        """Studies that match DICOM keywords and values (C-FIND, study root)."""
        return tuple(self._find("STUDY", {**dict.fromkeys(STUDY_KEYS, ""), **query}, study_entry, limit))

    def series_of(self, study: str) -> tuple[SeriesEntry, ...]:
        """The series of a study (C-FIND)."""
        keys = {**dict.fromkeys(SERIES_KEYS, ""), "StudyInstanceUID": study}
        return tuple(self._find("SERIES", keys, series_entry))

    def instances_of(self, study: str, series: str) -> tuple[str, ...]:
        """SOP instance UIDs of a series in the order of the instance numbers (C-FIND)."""
        keys = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": "", "InstanceNumber": ""}
        return in_order(self._find("IMAGE", keys, numbered))

    def retrieve(self, study: str, series: str, wanted: tuple[str, ...], deliver: Deliver, *, whole: bool) -> None:
        """Have the wanted instances delivered, by C-GET or C-MOVE as the node says; whole: they are the series."""
        level: dict[str, Any] = {"QueryRetrieveLevel": "SERIES"}
        if not whole:
            level = {"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": list(wanted)}
        identifier = _identifier({**level, "StudyInstanceUID": study, "SeriesInstanceUID": series})
        catch = _Catch(deliver)
        if self.node.way == "get":
            self._get(identifier, catch)
        else:
            self._move(identifier, catch)
        if catch.problem is not None:
            raise catch.problem

    def store(self, files: Iterable[Path], stored: Callable[[Path, str], None]) -> None:
        """Store files (C-STORE), calling `stored` with each that was taken and the archive's remark, if any."""
        from pydicom import dcmread

        files = list(files)
        contexts = _contexts_of(files)
        with self._association(contexts) as link:
            for path in files:
                try:
                    status = link.send_c_store(dcmread(path))
                except ValueError:
                    raise PacsError(
                        f"{self.node.address} takes no objects of the kind of {path.name}, or not so coded."
                    ) from None
                code = self._settled(status, f"store {path.name}", warnings=True)
                stored(path, f"stored with warning {code:04X}H" if code else "")

    def _find(
        self, level: str, keys: Mapping[str, Any], entry: Callable[[Any], T], limit: int | None = None
    ) -> list[T]:
        found: list[T] = []
        with self._association([context_of("StudyRootQueryRetrieveInformationModelFind")]) as link:
            model = link.requestor.requested_contexts[0].abstract_syntax
            for status, data in link.send_c_find(_identifier({**keys, "QueryRetrieveLevel": level}), model, msg_id=1):
                if status.get("Status") in PENDING and data is not None:
                    found.append(self._understood(entry, data))
                    if limit is not None and len(found) >= limit:
                        link.send_c_cancel(1, query_model=model)
                        break
                else:
                    self._settled(status, "search")
        return found

    def _understood(self, entry: Callable[[Any], T], data: Any) -> T:
        try:
            return entry(data)
        except (InputError, ValueError, TypeError, AttributeError) as problem:
            raise PacsError(f"{self.node.address} gave an answer that is not DICOM: {problem}") from problem

    def _get(self, identifier: Any, catch: _Catch) -> None:
        from pynetdicom import build_role, evt

        contexts = _storage_contexts()
        roles = [build_role(uid, scp_role=True) for uid in sorted({str(c.abstract_syntax) for c in contexts})]
        ask = context_of("StudyRootQueryRetrieveInformationModelGet")
        with self._association([ask, *contexts], roles, [(evt.EVT_C_STORE, catch)]) as link:
            for status, _ in link.send_c_get(identifier, ask.abstract_syntax):
                self._progress(status)

    def _move(self, identifier: Any, catch: _Catch) -> None:
        from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt

        ask = context_of("StudyRootQueryRetrieveInformationModelMove")
        receiver = AE(self.node.aet)
        receiver.supported_contexts = [
            build_context(str(c.abstract_syntax), SYNTAXES) for c in AllStoragePresentationContexts
        ]
        receiver.require_called_aet = True
        try:
            server = receiver.start_server(self.node.move_to, block=False, evt_handlers=[(evt.EVT_C_STORE, catch)])
        except OSError as problem:
            raise PacsError(
                f"Cannot listen on {self.node.move_to[0]}:{self.node.move_to[1]} ({problem.strerror})."
            ) from None
        try:
            with self._association([ask]) as link:
                for status, _ in link.send_c_move(identifier, self.node.aet, ask.abstract_syntax):
                    self._progress(status)
        finally:
            if server is not None:
                server.shutdown()

    def _progress(self, status: Any) -> None:
        code = status.get("Status")
        if code not in (*PENDING, SUB_OPERATIONS_FAILED):
            self._settled(status, f"hand over images by C-{self.node.way.upper()}")

    def _settled(self, status: Any, doing: str, *, warnings: bool = False) -> int:
        """The status of a finished operation. Raises PassingError where it broke or was busy, else PacsError."""
        code = status.get("Status")
        if code is None:
            raise PassingError(f"{self.node.address} broke off or gave no answer in time ('{doing}').")
        if code == SUCCESS or (warnings and 0xB000 <= code <= 0xBFFF):
            return int(code)
        if code in OUT_OF_RESOURCES:
            raise PassingError(f"{self.node.address} has no room or time to {doing} (status {code:04X}H).")
        if code == UNKNOWN_DESTINATION:
            raise PacsError(
                f"{self.node.address} does not know our title {self.node.aet} as a place to move to. Enter it there."
            )
        raise PacsError(f"{self.node.address} would not {doing} (status {code:04X}H).")

    @contextmanager
    def _association(
        self, contexts: list[Any], roles: Iterable[Any] = (), handlers: Iterable[Any] = ()
    ) -> Iterator[Any]:
        from pynetdicom import AE

        node = self.node
        entity = AE(node.aet)
        entity.requested_contexts = contexts
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = node.timeout_s
        tls = (node.tls_context(), node.host) if node.tls else None
        link = entity.associate(
            node.host, node.port, ae_title=node.title, ext_neg=list(roles), evt_handlers=list(handlers), tls_args=tls
        )
        if not link.is_established:
            raise self._refused(link)
        try:
            yield link
        except ValueError as problem:  # no presentation context for what was to be done
            raise self._not_offered(link) from problem
        except RuntimeError as problem:  # the association ended between two operations
            raise PassingError(f"{node.address} broke off.") from problem
        finally:
            if link.is_established:
                link.release()

    def _not_offered(self, link: Any) -> PacsError:
        refused = ", ".join(sorted({str(c.abstract_syntax.name) for c in link.rejected_contexts}))
        way = " Use --way move, or DICOMweb." if "- GET" in refused else ""
        return NotOfferedError(f"{self.node.address} does not offer what this needs ({refused[:200]}).{way}")

    def _refused(self, link: Any) -> PacsError:
        """Why there is no association. A rejection for good names the titles; anything else may pass."""
        answer = link.acceptor.primitive
        if link.is_rejected and answer is not None and answer.result == 1:
            return PacsError(
                f"{self.node.address} rejected us ({answer.reason_str}). Check its title {self.node.title} and that it "
                f"knows ours, {self.node.aet}."
            )
        if link.rejected_contexts and not link.accepted_contexts:
            return self._not_offered(link)
        if link.is_rejected:
            return PassingError(f"{self.node.address} rejected us for now.")
        return PassingError(
            f"{self.node.address} could not be reached, or does not talk DICOM{' with TLS' if self.node.tls else ''}."
        )


class _Catch:
    """Receives C-STOREs, hands them on, and remembers the first problem, which ends the whole retrieval."""

    def __init__(self, deliver: Deliver) -> None:
        self.deliver = deliver
        self.problem: GlissonError | None = None

    def __call__(self, event: Any) -> int:
        """Take one instance; DICOM's status for the sender."""
        try:
            self.deliver(event.encoded_dataset())
        except GlissonError as problem:
            self.problem = self.problem or problem
            return 0xA700
        return SUCCESS


def _storage_contexts() -> list[Any]:
    """What we take on a C-GET: each kind of image uncompressed, and in each common compression by itself."""
    import pynetdicom.sop_class as sop
    from pynetdicom import build_context

    result = []
    for name in (*IMAGES, *OTHERS):
        result.append(build_context(getattr(sop, name), list(UNCOMPRESSED)))
    for name in IMAGES:
        result += [build_context(getattr(sop, name), syntax) for syntax in COMPRESSED]
    return result


def _contexts_of(files: list[Path]) -> list[Any]:
    from pydicom import dcmread
    from pynetdicom import build_context

    kinds: dict[tuple[str, bool, str], None] = {}
    for path in files:
        meta = dcmread(path, specific_tags=["SOPClassUID"], stop_before_pixels=True)
        syntax = str(meta.file_meta.TransferSyntaxUID)
        plain = syntax in UNCOMPRESSED
        kinds[(str(meta.SOPClassUID), plain, "" if plain else syntax)] = None
    if len(kinds) > MOST_CONTEXTS:
        raise PacsError(
            f"The files are of {len(kinds)} kinds; one association carries {MOST_CONTEXTS}. Store fewer at once."
        )
    return [build_context(kind, list(UNCOMPRESSED) if plain else syntax) for kind, plain, syntax in kinds]


def context_of(name: str) -> Any:
    """A presentation context by the name of its SOP class, uncompressed."""
    import pynetdicom.sop_class as sop
    from pynetdicom import build_context

    return build_context(getattr(sop, name))


def _identifier(keys: Mapping[str, Any]) -> Any:
    from pydicom.dataset import Dataset

    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    for key, value in keys.items():
        setattr(data, key, value)
    return data
