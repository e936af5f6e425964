"""Signing in with an identity provider: a tiny issuer on loopback, and tokens that must not be believed."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from glisson.serve.settings import OidcSettings, ServeSettings

from .conftest import Running, start


@dataclass
class Issuer:
    """What the provider knows, and what its next token says. changes: laid over honest claims."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))
    changes: dict[str, Any] = field(default_factory=dict)
    signed: str = "RS256"
    nonce: str = ""
    asked: dict[str, list[str]] = field(default_factory=dict)

    def token(self) -> str:
        now = int(time.time())
        honest = {"iss": self.url, "aud": "glisson", "sub": "u1", "exp": now + 300, "iat": now, "nonce": self.nonce}
        claims = {**honest, "preferred_username": "dr.kim", "glisson_role": ["other", "edit"], **self.changes}
        said = {name: value for name, value in claims.items() if value is not None}
        if self.signed in ("none", "HS256"):
            head = _encoded(json.dumps({"alg": self.signed}).encode()) + "." + _encoded(json.dumps(said).encode())
            secret = self.key.as_pem(private=False)
            seal = b"" if self.signed == "none" else hmac.digest(secret, head.encode(), "sha256")
            return f"{head}.{_encoded(seal)}"
        key = self.key if self.signed == "RS256" else RSAKey.generate_key(2048, {"kid": "k1"})
        return jwt.encode({"alg": "RS256", "kid": "k1"}, said, key)


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            if self.path.endswith("openid-configuration"):
                places = {"authorization_endpoint": "/login", "token_endpoint": "/token", "jwks_uri": "/keys"}
                self.answer({"issuer": made.url, **{name: made.url + path for name, path in places.items()}})
            else:
                self.answer({"keys": [made.key.as_dict(private=False)]})

        def do_POST(self) -> None:
            made.asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.answer({"access_token": "a", "token_type": "Bearer", "id_token": made.token()})

        def log_message(self, *_given: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def running(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("oidc")
    (folder / "secret").write_text("sesame\n")
    oidc = OidcSettings(issuer.url, "glisson", folder / "secret")
    running, stop = start(ServeSettings(folder / "data", oidc=oidc))
    yield running
    stop()


def visit(running: Running, issuer: Issuer, **changes: Any) -> tuple[Any, Any, str]:
    """A browser that went to the provider: itself, the answer to its return, and the state."""
    client = running.client()
    there = client.get("/api/oidc/login")
    assert there.status_code == 303
    asked = {name: values[0] for name, values in parse_qs(urlsplit(there.headers["location"]).query).items()}
    assert asked["code_challenge_method"] == "S256"
    issuer.nonce = asked["nonce"]
    issuer.signed = changes.pop("signed", "RS256")
    issuer.changes = changes
    return client, client.get("/api/oidc/callback", params={"state": asked["state"], "code": "c"}), asked["state"]


def test_a_person_signs_in_and_gets_the_role_that_the_provider_says(running: Running, issuer: Issuer):
    assert running.client().get("/api/about").json()["oidc"] is True
    client, back, _ = visit(running, issuer)
    assert (back.status_code, back.headers["location"]) == (303, "/")
    assert client.get("/api/session").json()["user"] | {"id": ""} == {
        "id": "", "name": "dr.kim", "role": "edit", "active": True,
    }  # fmt: skip
    assert issuer.asked["client_secret"] == ["sesame"]
    assert issuer.asked["code_verifier"][0]
    client, _, _ = visit(running, issuer, glisson_role="view")
    assert client.get("/api/session").json()["user"]["role"] == "view"
    assert sum(person.name == "dr.kim" for person in running.core.people.everyone()) == 1
    without = running.client().post("/api/session", json={"name": "dr.kim", "password": ""})
    assert without.status_code in (401, 422)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://evil.example"},
        {"aud": "another"},
        {"exp": 1},
        {"exp": None},
        {"nonce": "x"},
        {"nonce": None},
        {"sub": None},
        {"azp": "another"},
        {"glisson_role": None},
        {"glisson_role": "root"},
        {"signed": "none"},
        {"signed": "HS256"},
        {"signed": "another key"},
    ],
)
def test_tokens_that_are_not_for_us_are_refused(running: Running, issuer: Issuer, changes: dict[str, Any]):
    client, back, _ = visit(running, issuer, **changes)
    assert back.status_code == 403, back.text
    assert client.get("/api/session").status_code == 401


def test_a_return_belongs_to_one_browser_and_counts_once(running: Running, issuer: Issuer):
    client, _, state = visit(running, issuer)
    assert client.get("/api/oidc/callback", params={"state": state, "code": "c"}).status_code == 400
    there = running.client().get("/api/oidc/login")
    state = parse_qs(urlsplit(there.headers["location"]).query)["state"][0]
    other = running.client().get("/api/oidc/callback", params={"state": state, "code": "c"})
    assert other.status_code == 400
    assert "begun elsewhere" in other.json()["detail"]


def test_the_name_of_another_user_is_not_taken_over(running: Running, issuer: Issuer):
    client, back, _ = visit(running, issuer, sub="u2", preferred_username="ada")
    assert back.status_code == 409
    assert client.get("/api/session").status_code == 401


def test_without_a_provider_there_is_no_such_way(sqlite_served: Running, tmp_path: Path):
    assert sqlite_served.client().get("/api/oidc/login").status_code == 404
