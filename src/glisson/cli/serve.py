"""`glisson serve` and `glisson user`: the workbench in the browser, and who may sign in."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glisson.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from glisson.serve.pacs_file import PacsAt
    from glisson.serve.people import People
    from glisson.serve.settings import OidcSettings, ServeSettings

__all__ = ["serve", "user"]

NEEDED = ("fastapi", "uvicorn", "sqlalchemy", "argon2", "python_multipart", "authlib", "httpx")
Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="folder of cases, database and uploads")]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database", metavar="URL", envvar="GLISSON_DATABASE", show_envvar=True,
        help="PostgreSQL instead of SQLite in the data folder: postgresql://NAME:PASSWORD@HOST/DATABASE",
    ),
]  # fmt: skip


def serve(
    data: Data,
    host: Annotated[str, typer.Option(help="address to listen on; by default only this machine")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8470,
    database: DatabaseUrl = None,
    tls_cert: Annotated[Path | None, typer.Option(metavar="PEM", help="certificate (chain)")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="PEM", help="its private key")] = None,
    allow_insecure_network: Annotated[
        bool, typer.Option("--allow-insecure-network", help="listen on the network without TLS all the same")
    ] = False,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="how browsers reach it through a proxy that speaks TLS")
    ] = None,
    pacs: Annotated[
        list[str] | None, typer.Option(metavar="NAME=URL", help="archive that cases may be fetched from")
    ] = None,
    pacs_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML of such archives with credentials and TLS")
    ] = None,
    oidc_issuer: Annotated[str | None, typer.Option(metavar="URL", help="identity provider (OpenID Connect)")] = None,
    oidc_client: Annotated[str | None, typer.Option(metavar="ID", help="our client id there")] = None,
    oidc_secret_file: Annotated[Path | None, typer.Option(metavar="FILE", help="file with the client secret")] = None,
    oidc_role_claim: Annotated[
        str, typer.Option(metavar="CLAIM", help="claim that holds view, edit or admin")
    ] = "glisson_role",
    cds: Annotated[bool, typer.Option("--cds", help="answer CDS Hooks (patient-view cards)")] = False,
) -> None:
    """Open the workbench in the browser: import, look, correct, plan, decide. Bound to this machine by default."""
    _refuse_missing_extra()
    from glisson.serve.run import run
    from glisson.serve.settings import ServeSettings

    settings = ServeSettings(
        data_dir=data.resolve(), database_url=database, host=host, port=port, tls_certificate=tls_cert,
        tls_key=tls_key, allow_insecure_network=allow_insecure_network, public_url=url,
        oidc=_oidc(oidc_issuer, oidc_client, oidc_secret_file, oidc_role_claim), pacs=_archives(pacs or [], pacs_file),
        cds=cds,
    )  # fmt: skip
    settings.refuse_unsafe()
    run(settings, ready=lambda: print(_welcome(settings), flush=True))


def _welcome(settings: ServeSettings) -> str:
    shown = settings.url.replace("127.0.0.1", "localhost")
    return f"Glisson workbench: {shown}  (data in {settings.data_dir}; stop with Ctrl-C)"


def _oidc(issuer: str | None, client: str | None, secret: Path | None, claim: str) -> OidcSettings | None:
    from glisson.serve.settings import OidcSettings

    if issuer is None and client is None and secret is None:
        return None
    if issuer is None or client is None or secret is None:
        raise InputError("OpenID Connect needs --oidc-issuer URL, --oidc-client ID and --oidc-secret-file FILE.")
    return OidcSettings(issuer.rstrip("/"), client, secret, claim)


def _archives(pairs: list[str], file: Path | None) -> dict[str, PacsAt]:
    from glisson.serve.pacs_file import PacsAt, read_archives

    found = {} if file is None else read_archives(file)
    for pair in pairs:
        name, equals, url = pair.partition("=")
        if not (name and equals and url):
            raise InputError(
                f"--pacs needs NAME=URL, for example archive=https://pacs.example/dicom-web; got {pair!r}."
            )
        if name in found:
            raise InputError(f"There are two archives of the name {name}. Name each once.")
        found[name] = PacsAt(address=url)
        found[name].node()
    return found


user = typer.Typer(no_args_is_help=True, help="Users of the workbench.")


@user.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    data: Data,
    role: Annotated[str, typer.Option(metavar="view|edit|admin")] = "view",
    database: DatabaseUrl = None,
) -> None:
    """Add a user; the password is asked for, or read from the standard input."""
    people = _people(data, database)
    people.add(name, role, _password(), by=None)
    print(f"User {name} added with the role {role}.")


@user.command("list")
def list_users(data: Data, database: DatabaseUrl = None) -> None:
    """The users with their roles."""
    for person in _people(data, database).everyone():
        print(f"{person.name:<30} {person.role:<6} {'' if person.active else 'not active'}".rstrip())


@user.command()
def password(name: Annotated[str, typer.Argument(metavar="NAME")], data: Data, database: DatabaseUrl = None) -> None:
    """Set a user's password; all sessions of the user end."""
    people = _people(data, database)
    people.change(people.named(name).id, by=None, password=_password())
    print(f"Password of {name} changed.")


def _people(data: Path, url: str | None) -> People:
    _refuse_missing_extra()
    from glisson.serve.run import open_people

    return open_people(data.resolve(), url)


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _refuse_missing_extra() -> None:
    if any(find_spec(name) is None for name in NEEDED):
        raise MissingExtra("The workbench needs a few packages more. Install them with: pip install 'glisson[serve]'")
