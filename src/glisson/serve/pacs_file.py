"""The archives that cases may be fetched from: a file with the address of each, how we show who we are, whom we trust.

    hospital:
      address: https://pacs.example.org/dicom-web
      user: glisson
      password_file: pacs-password
      ca: hospital-ca.pem

The file names other files and environment variables that hold secrets; it holds none itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from glisson.errors import InputError, KnowledgeError
from glisson.knowledge.strict_yaml import parse_yaml

if TYPE_CHECKING:
    from glisson.imaging.pacs import Node

__all__ = ["PacsAt", "read_archives"]

LONGEST_NAME = 100
SECRET_KEYS = ("password", "token", "secret", "authorization")


class PacsAt(BaseModel):
    """One archive by its address: http(s)://HOST/ROOT (DICOMweb), dicom://TITLE@HOST:PORT or dicoms:// (with TLS).

    A password (with `user`) or a bearer token lies in a file or an environment variable; ca, certificate and key are
    PEM files. aet, way (get or move), move_to (ADDRESS:PORT): of the classic network. clear_text: allow a secret over
    http to another machine.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str
    user: str | None = None
    password_file: Path | None = None
    password_env: str | None = None
    token_file: Path | None = None
    token_env: str | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    clear_text: bool = False
    aet: str = "GLISSON"
    way: str = "get"
    move_to: Annotated[str, Field(pattern=r"^[^:\s]+:[0-9]{1,5}$")] = "127.0.0.1:11112"
    attempts: Annotated[int, Field(ge=1, le=100)] = 5
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0

    def node(self) -> Node:
        """What fetching needs. Raises InputError for an address that is none, credentials at odds and missing files."""
        from glisson.imaging.pacs import node_at

        host, _, port = self.move_to.rpartition(":")
        return node_at(
            self.address, credentials=self._credentials(), ca_file=self.ca, certificate=self.certificate, key=self.key,
            aet=self.aet, way=self.way, move_to=(host, int(port)), attempts=self.attempts, timeout_s=self.timeout_s,
            clear_text=self.clear_text,
        )  # fmt: skip

    def _credentials(self) -> Any:
        from glisson.imaging.pacs import Credentials

        passwords = [given for given in (self.password_file, self.password_env) if given]
        tokens = [given for given in (self.token_file, self.token_env) if given]
        if len(passwords) + len(tokens) > 1:
            raise InputError("Give one of password_file, password_env, token_file and token_env.")
        if (self.user is not None) != bool(passwords):
            raise InputError("user and a password (password_file or password_env) go together.")
        if not passwords and not tokens:
            return None
        held = Credentials(self.user, self.password_file or self.token_file, self.password_env or self.token_env)
        held.secret()
        return held


def read_archives(file: Path) -> dict[str, PacsAt]:
    """The archives of a file by name; other files are named relative to it.

    Raises InputError for a file that cannot be read or is not such a file, for keys that are not known, secrets in it,
    and for whatever an archive could not be asked with: files that are missing, a password without TLS.
    """
    try:
        found, lines = parse_yaml(file.read_text(encoding="utf-8"), file.name)
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"{file} with the archives cannot be read ({problem}).") from problem
    except KnowledgeError as problem:
        raise InputError(str(problem)) from problem
    return {name: _archive(file, name, given, lines.get((name,), 1)) for name, given in found.items()}


def _archive(file: Path, name: str, given: Any, line: int) -> PacsAt:
    where = f"{file.name}:{line}: {name[:LONGEST_NAME]}"
    if not isinstance(given, dict) or len(name) > LONGEST_NAME:
        raise InputError(f"{where}: an archive has a short name, and below it at least its `address`.")
    if secret := next((key for key in given if key in SECRET_KEYS), None):
        raise InputError(f"{where}: write no {secret} here. Put it into a file of its own, and name that.")
    try:
        archive = PacsAt(**given)
        files = ("password_file", "token_file", "ca", "certificate", "key")
        held = {key: file.resolve().parent / path for key in files if (path := getattr(archive, key)) is not None}
        archive = archive.model_copy(update=held)
        archive.node()
    except ValidationError as refusal:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in refusal.errors())
        raise InputError(f"{where}: {wrong}.") from None
    except InputError as refusal:
        raise InputError(f"{where}: {refusal}") from None
    return archive
