"""A DICOM node on the network: its address, how we show who we are, and whom we trust.

Secrets come from a file or an environment variable, never from the command line, where every user of the machine could
read them; they are read anew for each connection, so that a renewed token is taken up, and never kept or shown.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import ssl
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from glisson.errors import InputError, MissingExtra

__all__ = ["Credentials", "Node", "is_loopback", "node_at", "require_pacs", "valid_aet"]

OUR_AET = "GLISSON"
"""The application entity title by which we call, unless another is given."""

AET_LENGTH = 16
"""Longest application entity title (DICOM PS3.5, value representation AE)."""

WAYS = ("get", "move")
"""How a classic node hands over images: on the association we opened (C-GET), or by calling us back (C-MOVE)."""

CHATTY = ("retrying", "dicomweb_client", "pynetdicom")
"""Loggers of the network packages: what they would print may hold names, numbers and addresses of searches."""

EXAMPLES = "https://pacs.example.org/dicom-web, dicom://PACS@10.0.0.5:104 or, with TLS, dicoms://PACS@10.0.0.5:2762"


@dataclass(frozen=True)
class Credentials:
    """Basic authentication (with a user) or a bearer token (without), whose secret lies in a file or a variable."""

    user: str | None = None
    file: Path | None = None
    variable: str | None = None

    def secret(self) -> str:
        """The password or token as it is now. Raises InputError where there is none."""
        if self.variable is not None:
            found = os.environ.get(self.variable, "")
            where = f"The environment variable {self.variable}"
        else:
            where = f"The file {self.file}"
            try:
                found = Path(str(self.file)).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as problem:
                raise InputError(f"{where} with the password or token cannot be read ({problem}).") from None
        if not found or any(ord(letter) < 32 for letter in found):
            raise InputError(f"{where} holds no password or token on one line.")
        return found


@dataclass(frozen=True)
class Node:
    """One DICOM node. `address` is as given; a web node has a DICOMweb root, a classic one a title, a host and a port.

    ca_file: PEM file of the authorities trusted instead of the public ones. certificate, key: PEM files by which we
    show who we are. aet: our own title. way: get or move; move_to: the address and port where a node that moves calls
    us back. attempts: how often a step is tried that fails for a passing reason; timeout_s: how long silence is borne.
    """

    address: str
    web: bool
    host: str
    port: int
    title: str = ""
    tls: bool = False
    credentials: Credentials | None = None
    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    aet: str = OUR_AET
    way: str = "get"
    move_to: tuple[str, int] = ("127.0.0.1", 11112)
    attempts: int = 5
    timeout_s: float = 30.0
    first_wait_s: float = 1.0

    def tls_context(self) -> ssl.SSLContext:
        """What a TLS connection to the node demands: its certificate checked against its name, TLS 1.2 or newer."""
        try:
            context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate is not None:
                context.load_cert_chain(str(self.certificate), None if self.key is None else str(self.key))
        except OSError as problem:
            raise InputError(f"The certificates for {self.address} cannot be used: {problem}.") from None
        return context


def node_at(
    address: str,
    *,
    credentials: Credentials | None = None,
    ca_file: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    aet: str = OUR_AET,
    way: str = "get",
    move_to: tuple[str, int] = ("127.0.0.1", 11112),
    attempts: int = 5,
    timeout_s: float = 30.0,
    first_wait_s: float = 1.0,
    clear_text: bool = False,
) -> Node:
    """The node at http(s)://HOST[:PORT]/ROOT, dicom://TITLE@HOST:PORT or dicoms://TITLE@HOST:PORT (with TLS).

    clear_text: allow a password or token over http to another machine. Raises InputError for an address that is none,
    that holds a password, or over which a secret would travel in clear.
    """
    parts = _parts(address)
    web, tls = parts.scheme in ("http", "https"), parts.scheme in ("https", "dicoms")
    if not web:
        valid_aet(unquote(parts.username or ""), f"the title before the @ in {address}")
        if credentials is not None:
            raise InputError(
                f"{address}: classic DICOM knows no password. Use dicoms:// with --cert and --key instead."
            )
    if way not in WAYS:
        raise InputError(f"A node hands over images by {' or '.join(WAYS)}; got {way!r}.")
    for file, what in ((ca_file, "--ca"), (certificate, "--cert"), (key, "--key")):
        if file is not None and not file.is_file():
            raise InputError(f"{what}: there is no file {file}.")
        if file is not None and not tls:
            raise InputError(f"{what} needs a connection with TLS (https:// or dicoms://); got {address}.")
    if credentials is not None and not tls and not clear_text and not is_loopback(str(parts.hostname)):
        raise InputError(
            f"{address} has no TLS: the password or token would travel in clear. Use https://, or --clear-text to "
            "allow it on a network that you trust."
        )
    port = parts.port or (443 if tls else 80)
    return Node(
        address.rstrip("/"), web, str(parts.hostname), port, unquote(parts.username or ""), tls, credentials, ca_file,
        certificate, key, valid_aet(aet, "--aet"), way, move_to, attempts, timeout_s, first_wait_s,
    )  # fmt: skip


def _parts(address: str) -> SplitResult:
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError:
        raise InputError(f"{address!r} is no address of a DICOM node. Give one such as {EXAMPLES}.") from None
    web = parts.scheme in ("http", "https")
    if parts.password or (web and parts.username):
        raise InputError(
            f"The address of {parts.hostname} holds a user or password, which every user of this machine could read. "
            "Give them with --user and --password-file or --password-env."
        )
    classic = parts.scheme in ("dicom", "dicoms") and parts.username and port and not parts.path.strip("/")
    if not parts.hostname or not (web or classic) or parts.query or parts.fragment:
        raise InputError(f"{address!r} is no address of a DICOM node. Give one such as {EXAMPLES}.")
    return parts


def valid_aet(title: str, what: str) -> str:
    """The application entity title, if it is one: 1 to 16 printable ASCII letters without a backslash."""
    if not re.fullmatch(r"[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]*[\x21-\x5b\x5d-\x7e])?", title):
        raise InputError(f"{what} must be an application entity title, 1 to {AET_LENGTH} plain letters; got {title!r}.")
    if len(title) > AET_LENGTH:
        raise InputError(f"{what} may have {AET_LENGTH} letters at most; {title!r} has {len(title)}.")
    return title


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_pacs() -> None:
    """Have the network packages ready and quiet. Raises MissingExtra with the line that installs them."""
    missing = [name for name in ("pynetdicom", "dicomweb_client") if find_spec(name) is None]
    if missing:
        raise MissingExtra(f"{' and '.join(missing)} is not installed. Install it: pip install 'glisson[pacs]'")
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
