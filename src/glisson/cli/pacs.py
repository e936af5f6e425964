"""`glisson find`, `fetch`, `store` and `release`: cases from an archive, results into it, and who stands for them."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Exit, Option

from glisson.cli.output import print_json, print_table
from glisson.cli.progress import part, progress_bar
from glisson.errors import InputError

if TYPE_CHECKING:
    from glisson.imaging.pacs import Fetched, Node

__all__ = ["fetch", "find", "node_from", "release", "store"]

SCANS = ("CT", "MR")
"""Modalities that a case names as a scan; other series are fetched and left to be named."""

AsJson = Annotated[bool, Option("--json", help="print machine-readable output")]
From = Annotated[
    str, Option("--from", metavar="URL", help="http(s)://HOST/ROOT (DICOMweb), dicom(s)://TITLE@HOST:PORT")
]
To = Annotated[str, Option("--to", metavar="URL", help="http(s)://HOST/ROOT (DICOMweb), dicom(s)://TITLE@HOST:PORT")]
User = Annotated[str | None, Option(metavar="NAME", help="user of basic authentication; needs a password")]
PasswordFile = Annotated[Path | None, Option(metavar="FILE", help="file that holds the password")]
PasswordEnv = Annotated[str | None, Option(metavar="NAME", help="environment variable that holds the password")]
TokenFile = Annotated[Path | None, Option(metavar="FILE", help="file that holds a bearer token")]
TokenEnv = Annotated[str | None, Option(metavar="NAME", help="environment variable that holds a bearer token")]
Authority = Annotated[Path | None, Option("--ca", metavar="PEM", help="authority trusted instead of the public ones")]
Cert = Annotated[Path | None, Option("--cert", metavar="PEM", help="certificate by which we show who we are")]
Key = Annotated[Path | None, Option("--key", metavar="PEM", help="its key")]
ClearText = Annotated[bool, Option("--clear-text", help="allow a password over http on a network that you trust")]
Aet = Annotated[str, Option(metavar="TITLE", help="our title on the classic network")]
Tries = Annotated[int, Option(help="how often a step is tried that fails for a passing reason", min=1, max=100)]
Timeout = Annotated[float, Option(metavar="S", help="seconds of silence that are borne", min=0.1)]


def node_from(
    address: str,
    user: str | None,
    password_file: Path | None,
    password_env: str | None,
    token_file: Path | None,
    token_env: str | None,
    **more: Any,
) -> Node:
    """The node at an address with the credentials that the options name. Raises InputError for options at odds."""
    from glisson.imaging.pacs import Credentials, node_at

    passwords = [given for given in (password_file, password_env) if given]
    tokens = [given for given in (token_file, token_env) if given]
    if len(passwords) + len(tokens) > 1:
        raise InputError("Give one of --password-file, --password-env, --token-file and --token-env.")
    if (user is not None) != bool(passwords):
        raise InputError("--user and a password (--password-file or --password-env) go together.")
    credentials = None
    if passwords or tokens:
        credentials = Credentials(user, password_file or token_file, password_env or token_env)
    return node_at(address, credentials=credentials, **more)


def find(
    source: From,
    patient_id: Annotated[str, Option(metavar="ID", help="the patient's number")] = "",
    patient_name: Annotated[str, Option(metavar="NAME", help="the patient's name; * stands for any letters")] = "",
    date: Annotated[str, Option(metavar="DAY", help="study date: YYYY-MM-DD, or FROM..TO with one end or both")] = "",
    modality: Annotated[str, Option(help="a modality in the study, such as CT")] = "",
    accession: Annotated[str, Option(metavar="N", help="accession number")] = "",
    study: Annotated[str, Option(metavar="UID", help="study instance UID")] = "",
    limit: Annotated[int, Option(help="most studies shown", min=1, max=1000)] = 100,
    user: User = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    token_file: TokenFile = None,
    token_env: TokenEnv = None,
    ca: Authority = None,
    cert: Cert = None,
    key: Key = None,
    clear_text: ClearText = False,
    aet: Aet = "GLISSON",
    tries: Tries = 5,
    timeout: Timeout = 30.0,
    as_json: AsJson = False,
) -> None:
    """List the studies of an archive that match. At least one thing to look for must be named."""
    from glisson.imaging.pacs import open_archive, patiently

    query = {
        "PatientID": patient_id, "PatientName": patient_name, "StudyDate": _days(date), "ModalitiesInStudy": modality,
        "AccessionNumber": accession, "StudyInstanceUID": study,
    }  # fmt: skip
    query = {keyword: value for keyword, value in query.items() if value}
    if not query:
        raise InputError(
            "Name what to look for: --patient-id, --patient-name, --date, --modality, --accession or --study."
        )
    node = node_from(
        source, user, password_file, password_env, token_file, token_env, ca_file=ca, certificate=cert, key=key,
        clear_text=clear_text, aet=aet, attempts=tries, timeout_s=timeout,
    )  # fmt: skip
    archive = open_archive(node)
    found = patiently(node, lambda: archive.find_studies(query, limit))
    if as_json:
        print_json([asdict(entry) for entry in found])
        return
    rows = [
        {
            "study": entry.uid, "date": entry.date, "modalities": "/".join(entry.modalities),
            "patient": entry.patient_id, "name": entry.patient_name,
            "images": "" if entry.instances is None else entry.instances, "description": entry.description,
        }
        for entry in found
    ]  # fmt: skip
    print_table(rows)
    if len(found) == limit:
        print(f"There may be more than these {limit}: narrow the search, or raise --limit.")


def _days(text: str) -> str:
    """A day or a range of days as DICOM writes them: YYYYMMDD, YYYYMMDD-YYYYMMDD with one end or both."""
    from datetime import date

    first, dots, last = text.partition("..")
    try:
        ends = [date.fromisoformat(end).strftime("%Y%m%d") if end else "" for end in (first, last)]
    except ValueError:
        raise InputError(f"--date is YYYY-MM-DD or FROM..TO, such as 2026-01-01..2026-03-31; got {text!r}.") from None
    return "-".join(ends) if dots and any(ends) else ends[0]


def fetch(
    case: Annotated[Path, Argument(metavar="CASE", help="case folder; new, or one that gets a further study")],
    source: From,
    study: Annotated[str, Option(metavar="UID", help="study instance UID (glisson find shows it)")],
    series: Annotated[
        list[str] | None, Option(metavar="UID", help="series instead of the one that would be chosen; repeat")
    ] = None,
    way: Annotated[str, Option("--way", metavar="get|move", help="how a dicom:// node hands over images")] = "get",
    move_to: Annotated[
        str, Option(metavar="ADDR:PORT", help="where a node that moves calls us back (it must know our title)")
    ] = "127.0.0.1:11112",
    user: User = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    token_file: TokenFile = None,
    token_env: TokenEnv = None,
    ca: Authority = None,
    cert: Cert = None,
    key: Key = None,
    clear_text: ClearText = False,
    aet: Aet = "GLISSON",
    tries: Tries = 5,
    timeout: Timeout = 30.0,
    as_json: AsJson = False,
) -> None:
    """Fetch the CT or MR of a study into CASE/dicom and begin CASE/case.yaml. A fetch that stopped is continued."""
    from glisson.cli.received import OUTLINES
    from glisson.imaging.dicom_source import RESEARCH
    from glisson.imaging.pacs import fetch_study, open_archive

    node = node_from(
        source, user, password_file, password_env, token_file, token_env, ca_file=ca, certificate=cert, key=key,
        clear_text=clear_text, aet=aet, attempts=tries, timeout_s=timeout, way=way, move_to=_place(move_to),
    )  # fmt: skip
    try:
        with progress_bar(quiet=as_json) as progress:
            fetched = fetch_study(
                open_archive(node), study, case, series=series or (), progress=part(progress, 0, 0.95)
            )
            progress("Reading the series", 0.95)
            begun, outlined, entries = _begin(case, fetched)
    except KeyboardInterrupt:
        print("glisson: stopped; what arrived is kept, the same command continues", file=sys.stderr)
        raise Exit(130) from None
    if as_json:
        said = {"folders": [str(f) for f in fetched.folders], "images": fetched.images, "chosen_because": fetched.why}
        print_json(
            {**said, "already_there": fetched.already, "case": str(begun) if begun else None, "studies": entries}
        )
        return
    print(f"{'Already there' if fetched.already else 'Fetched'}: {fetched.images} images, {fetched.why}.")
    for folder, held in zip(fetched.folders, fetched.series, strict=True):
        print(f"  {held.modality} '{held.description}' in {folder}")
    for other in fetched.left:
        print(
            f"  left there: {other.modality or '?'} '{other.description}', {other.instances or '?'} images, {other.uid}"
        )
    for other in fetched.left:
        if other.modality in OUTLINES and other.description[:8] != RESEARCH[:8]:
            print(f"  outlines to fetch with the scan: --series {fetched.series[0].uid} --series {other.uid}")
    if begun is not None:
        lacking = "your facts" if outlined else "outlines, at least the liver, and your facts"
        print(f"{begun} written. {outlined}{' ' * bool(outlined)}Add {lacking}, then: glisson plan {case} -o OUT")
    if entries:
        print(f"{case / 'case.yaml'} does not name these yet. Add under studies:\n{entries}")


def _place(text: str) -> tuple[str, int]:
    address, colon, port = text.rpartition(":")
    if not colon or not address or not port.isdigit() or not 0 < int(port) < 65536:
        raise InputError(f"--move-to is ADDRESS:PORT, such as 10.0.0.7:11112; got {text!r}.")
    return address.strip("[]"), int(port)


def _begin(case: Path, fetched: Fetched) -> tuple[Path | None, str, str]:
    """Begin case.yaml with the first scan where there is none, with outlines that were fetched with it.

    Gives back the file begun, which outlines it names, and the lines of `studies:` that add scans not yet named.
    """
    from glisson.case import CASE_FILE, load_case
    from glisson.case.writing import plain_yaml
    from glisson.imaging import read_raster

    held = zip(fetched.folders, fetched.series, strict=True)
    folders = [folder for folder, entry in held if entry.modality in SCANS]
    begun, outlined = None, ""
    if folders and not (case / CASE_FILE).exists():
        begun, outlined = _begin_with(case, folders[0])
    named = {study.image for study in load_case(case / CASE_FILE).studies} if (case / CASE_FILE).exists() else set()
    entries = []
    for folder in folders:
        image = folder.relative_to(case).as_posix()
        if image not in named:
            facts = read_raster(folder).facts
            known = {"date": facts.date, "modality": facts.modality, "phase": facts.phase}
            name = f"{(facts.modality or 'scan').lower()}-{facts.date or folder.name[-6:]}"
            entries.append({"id": name, **{k: v for k, v in known.items() if v}, "image": image})
    return begun, outlined, plain_yaml(entries) if entries else ""


def _begin_with(case: Path, folder: Path) -> tuple[Path, str]:
    """Begin case.yaml with a scan and the outlines that were fetched with it; the file, and which outlines."""
    from glisson.case import CASE_FILE
    from glisson.cli.received import from_study
    from glisson.imaging import init_case, read_image

    scan, facts = read_image(folder)
    outlined = from_study(case, folder, scan, facts)
    return (case / CASE_FILE if outlined else init_case(case, ct=folder)), outlined


def store(
    what: Annotated[list[Path], Argument(metavar="OUT", help="folder of a plan, or DICOM files or folders")],
    to: To,
    user: User = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    token_file: TokenFile = None,
    token_env: TokenEnv = None,
    ca: Authority = None,
    cert: Cert = None,
    key: Key = None,
    clear_text: ClearText = False,
    aet: Aet = "GLISSON",
    tries: Tries = 5,
    timeout: Timeout = 30.0,
    as_json: AsJson = False,
) -> None:
    """Store the DICOM results of a plan, or any DICOM files, in an archive. What it holds already is left as it is."""
    from glisson.imaging.pacs import dicom_files, open_archive, store_files

    node = node_from(
        to, user, password_file, password_env, token_file, token_env, ca_file=ca, certificate=cert, key=key,
        clear_text=clear_text, aet=aet, attempts=tries, timeout_s=timeout,
    )  # fmt: skip
    with progress_bar(quiet=as_json) as progress:
        done = store_files(open_archive(node), dicom_files(what), progress)
    if as_json:
        print_json({
            "stored": [str(path) for path in done.stored], "already_there": [str(path) for path in done.held],
            "remarks": list(done.remarks),
        })  # fmt: skip
        return
    print(
        f"{len(done.stored)} objects stored at {node.address}"
        + (f", {len(done.held)} were there already." if done.held else ".")
    )
    for remark in done.remarks:
        print(remark)


def release(
    out: Annotated[Path, Argument(metavar="OUT", help="folder of a plan with results in OUT/dicom")],
    by: Annotated[str, Option(metavar="NAME", help="who has reviewed the results and stands for them")],
    organization: Annotated[str, Option(metavar="NAME", help="where that person works")] = "not stated",
    as_json: AsJson = False,
) -> None:
    """Release the DICOM results of a plan: new objects, verified by a named person, in place of those not reviewed."""
    from datetime import datetime

    from glisson.exchange.release import release_results

    made = release_results(out, by, organization=organization, at=datetime.now().astimezone())
    if as_json:
        print_json(made)
        return
    print(f"{len(made['objects'])} objects in {out / 'dicom'} are released by {made['by']} ({made['at']}).")
    print(f"Next: glisson store {out} --to URL")
