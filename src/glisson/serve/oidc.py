"""Signing in with an identity provider: OpenID Connect's code flow with PKCE, state and nonce.

OpenID Connect Core 1.0; RFC 7636 (PKCE); the redirect goes only to this server's own address.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from glisson.serve.access import ROLES, Role
from glisson.serve.problems import Forbidden, Refusal
from glisson.serve.settings import OidcSettings, is_loopback

__all__ = ["CALLBACK", "Identity", "Oidc"]

CALLBACK = "/api/oidc/callback"
SIGNED_BY = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures of identity tokens that are believed; none that rests on a shared secret, and never `none`."""
VISIT_SECONDS = 600.0
"""How long a visit to the identity provider may take."""
MOST_VISITS = 1000
KNOWN_SECONDS = 3600.0
"""How long the provider's addresses and keys are remembered."""
LEEWAY_SECONDS = 60
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Identity:
    """Who the provider says signed in. subject: issuer and their id there; name: to show; role: what they may do."""

    subject: str
    name: str
    role: Role


@dataclass(frozen=True)
class _Visit:
    browser: str
    nonce: str
    verifier: str
    redirect: str
    began: float


class Oidc:
    """One identity provider. Its answers are believed only with a valid signature, for us, for this browser, now."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._visits: OrderedDict[str, _Visit] = OrderedDict()
        self._known: tuple[float, dict[str, Any], dict[str, Any]] | None = None

    def begin(self, redirect: str) -> tuple[str, str]:
        """Where to send the browser, and the value that its cookie must bring back. Raises Refusal."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        state, browser, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
        with self._lock:
            self._visits[state] = _Visit(_digest(browser), nonce, verifier, redirect, time.monotonic())
            while len(self._visits) > MOST_VISITS:
                self._visits.popitem(last=False)
        url = prepare_grant_uri(
            self._provider()[0]["authorization_endpoint"], self._settings.client_id, "code", redirect,
            "openid profile", state, nonce=nonce, code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )  # fmt: skip
        return str(url), browser

    def finish(self, state: str, code: str, browser: str) -> Identity:
        """Who came back. Raises Refusal for a visit that is not known, is over or is another browser's; Forbidden for a
        token that is not valid or names no role.
        """
        with self._lock:
            visit = self._visits.pop(state, None)
        known = visit is not None and time.monotonic() - visit.began < VISIT_SECONDS
        if visit is None or not known or not hmac.compare_digest(visit.browser, _digest(browser)):
            raise Refusal("This visit to the identity provider is over or was begun elsewhere. Sign in again.")
        claims = self._claims(self._token(code, visit), visit.nonce)
        return Identity(f"{self._settings.issuer}#{claims['sub']}", _name(claims), self._role(claims))

    def _token(self, code: str, visit: _Visit) -> str:
        sent = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": visit.redirect,
            "client_id": self._settings.client_id, "code_verifier": visit.verifier,
            "client_secret": self._settings.secret_file.read_text(encoding="utf-8").strip(),
        }  # fmt: skip
        token = self._ask("POST", self._provider()[0]["token_endpoint"], sent).get("id_token")
        if not isinstance(token, str):
            raise Forbidden("The identity provider gave no identity token.")
        return token

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        ours = {"essential": True, "value": self._settings.client_id}
        wanted = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS, iss={"essential": True, "value": self._settings.issuer}, aud=ours,  # type: ignore[arg-type]
            exp={"essential": True}, sub={"essential": True}, nonce={"essential": True, "value": nonce},
        )  # fmt: skip
        try:
            keys = KeySet.import_key_set(self._provider()[1])  # type: ignore[arg-type]
            claims = jwt.decode(token, keys, algorithms=list(SIGNED_BY)).claims
            wanted.validate(claims)
        except (JoseError, ValueError) as refusal:
            raise Forbidden(f"The identity token is not valid ({type(refusal).__name__}).") from None
        if claims.get("azp", self._settings.client_id) != self._settings.client_id:
            raise Forbidden("The identity token was made for another application.")
        return dict(claims)

    def _role(self, claims: dict[str, Any]) -> Role:
        said = claims.get(self._settings.role_claim, [])
        held = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        found = [role for role in ROLES if role in held]
        if not found:
            raise Forbidden("The identity provider gives this account no role here. Ask an administrator.")
        return found[-1]

    def _provider(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The provider's own description and its keys."""
        if self._known is not None and time.monotonic() - self._known[0] < KNOWN_SECONDS:
            return self._known[1], self._known[2]
        about = self._ask("GET", f"{self._settings.issuer}/.well-known/openid-configuration")
        if about.get("issuer") != self._settings.issuer:
            raise Refusal("The identity provider calls itself otherwise than --oidc-issuer.")
        self._known = time.monotonic(), about, self._ask("GET", about["jwks_uri"])
        return self._known[1], self._known[2]

    def _ask(self, method: str, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        import httpx

        target = httpx.URL(url)
        if target.scheme != "https" and not is_loopback(target.host):
            raise Refusal("The identity provider must be reached by https.")
        try:
            answer = httpx.request(method, target, data=form, timeout=TIMEOUT_SECONDS, follow_redirects=False)
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, ValueError):
            raise Refusal("The identity provider cannot be reached or refused. Try again, or use a password.") from None
        if not isinstance(found, dict):
            raise Refusal("The identity provider gave an answer that is not understood.")
        return found


def _name(claims: dict[str, Any]) -> str:
    named = (claims.get(key) for key in ("preferred_username", "name", "email", "sub"))
    return str(next(value for value in named if value))[:100]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
