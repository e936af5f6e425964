"""What `glisson serve` is told: where the data lie, where it listens, and its limits."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from glisson.errors import InputError
from glisson.serve.pacs_file import PacsAt

__all__ = ["GIB", "LOOPBACK_NAMES", "Limits", "OidcSettings", "ServeSettings", "is_loopback"]

MIB = 1024**2
GIB = 1024**3
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
"""Names by which a browser on the same machine reaches the server."""


@dataclass(frozen=True)
class Limits:
    """How much one request, one person and one job may take."""

    upload_bytes: int = 4 * GIB
    """One import, as it comes over the network."""
    upload_files: int = 20_000
    unpacked_bytes: int = 16 * GIB
    """All that the archives of one import unpack to."""
    unpacked_files: int = 50_000
    archive_ratio: int = 200
    """Bytes out for one byte in; NIfTI masks that hold little reach about 100."""
    body_bytes: int = 2 * MIB
    """A request that is not an import."""
    requests_per_minute: int = 3000
    """Of one person; the viewer asks for many small files, the job list is asked for every second."""
    anonymous_per_minute: int = 600
    """Of one network address that is not signed in."""
    login_failures: int = 5
    """Wrong passwords before each further try has to wait."""
    jobs_at_once: int = 1
    job_seconds: int = 3600
    job_memory_bytes: int = 12 * GIB
    """Address space of a job's process; beyond it the job fails, not the machine."""


@dataclass(frozen=True)
class OidcSettings:
    """Signing in with the hospital's identity provider (OpenID Connect, code flow with PKCE)."""

    issuer: str
    client_id: str
    secret_file: Path
    """File with the client secret; a secret on the command line could be read by every user of the machine."""
    role_claim: str = "glisson_role"
    """Claim of the identity token that holds view, edit or admin (or a list with one of them)."""


@dataclass(frozen=True)
class ServeSettings:
    """All that `create_app` needs. Raises nothing; `refuse_unsafe` and `refuse_unfit` check it before listening."""

    data_dir: Path
    database_url: str | None = None
    """An SQLAlchemy URL of PostgreSQL; None is SQLite in the data directory."""
    host: str = "127.0.0.1"
    port: int = 8470
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    allow_insecure_network: bool = False
    public_url: str | None = None
    """How browsers reach the server where that is not where it listens, such as through a proxy that speaks TLS."""
    limits: Limits = field(default_factory=Limits)
    session_idle_minutes: int = 60
    session_hours: int = 12
    oidc: OidcSettings | None = None
    pacs: dict[str, PacsAt] = field(default_factory=dict)
    """The archives that cases may be fetched from; a name is all that a request may give."""
    cds: bool = False

    @property
    def secure(self) -> bool:
        """Whether browsers reach the server by TLS, so that cookies are marked Secure."""
        return self.tls_certificate is not None or (self.public_url or "").startswith("https://")

    @property
    def url(self) -> str:
        """Where the server listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls_certificate else 'http'}://{host}:{self.port}"

    def refuse_unsafe(self) -> None:
        """Raise InputError where the server would be open to the network without TLS and nobody said it may."""
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise InputError("TLS needs both files: --tls-cert CERTIFICATE.pem --tls-key KEY.pem.")
        for file in (self.tls_certificate, self.tls_key, self.oidc.secret_file if self.oidc else None):
            if file is not None and not file.is_file():
                raise InputError(f"{file} does not exist or is not a file.")
        if self.public_url is not None and not re.fullmatch(r"https?://[^/\s?#@]+", self.public_url):
            raise InputError(f"--url is an address such as https://glisson.example; got {self.public_url!r}.")
        if is_loopback(self.host) or self.tls_certificate or self.allow_insecure_network:
            return
        raise InputError(
            f"--host {self.host} opens the server to the network, and passwords and patients' data would cross it "
            "unencrypted. Give --tls-cert and --tls-key, or keep the default 127.0.0.1 behind a proxy that speaks TLS "
            "(docs/how-to/workbench.md). To do it all the same on a network you trust: --allow-insecure-network."
        )

    def known_names(self) -> frozenset[str]:
        """Host names that a request may carry, lower case: against DNS rebinding and forged Host headers."""
        own = {self.host} if not _is_any(self.host) else {socket.gethostname(), socket.getfqdn(), *_addresses()}
        named = {name.lower() for name in (*LOOPBACK_NAMES, *own)}
        if self.public_url:
            named.add(urlsplit(self.public_url).hostname or "")
        return frozenset(f"[{name}]" if ":" in name and not name.startswith("[") else name for name in named)


def is_loopback(host: str) -> bool:
    """Whether a host name or address reaches only this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_any(host: str) -> bool:
    return host in ("", "0.0.0.0", "::")


def _addresses() -> set[str]:
    """The addresses of this machine, as far as its own name resolves."""
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None)}
    except OSError:
        return set()
