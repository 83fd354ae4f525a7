"""An OpenID provider whose answers a test sets: the real one cannot be made to lie."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from miniapp_server.clock import real_now
from tests.api.browsing import FORM
from tests.living import Answer, Client

LOGOUT: Final = "http://schemas.openid.net/event/backchannel-logout"


def now_s() -> int:
    """The real time in seconds, as tokens write it."""
    return int(real_now().timestamp())


Change = Callable[[dict[str, Any]], None]


def _as_it_is(_: dict[str, Any]) -> None:
    return None


@cache
def _key() -> RSAKey:
    """One key for all tests of a process: making one takes longer than most of them."""
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


@dataclass(slots=True)
class LyingProvider:
    """``claims`` changes what is said in ID tokens, ``metadata`` what is published, ``sign`` how
    tokens are signed. ``asked`` counts requests by path."""

    issuer: str = ""
    key: RSAKey = field(default_factory=_key)
    claims: Change = _as_it_is
    metadata: Change = _as_it_is
    userinfo: dict[str, Any] = field(default_factory=dict)
    subject: str = ""
    token_answer: tuple[int, dict[str, Any] | bytes] | None = None
    keys: list[dict[str, Any]] | None = None
    sign: Callable[[dict[str, Any]], str] | None = None
    codes: dict[str, str] = field(default_factory=dict)
    forms: list[dict[str, str]] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)

    def env(self, **other: str) -> dict[str, Any]:
        """The settings of a service whose only way to sign in is this provider."""
        env = {"ISSUER": self.issuer, "CLIENT_ID": "seats", "CLIENT_SECRET": "top secret"}
        env |= {"NUMBER_CLAIM": "no", **other}
        named = {f"OIDC_CAMPUS_{name}": value for name, value in env.items()}
        return {"OIDC_PROVIDERS": "campus", **named}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/.well-known/openid-configuration", self._metadata),
            web.get("/keys", self._keys),
            web.post("/token", self._token),
            web.get("/me", self._me),
        ]

    def _count(self, request: web.Request) -> None:
        self.asked[request.path] = self.asked.get(request.path, 0) + 1

    async def _metadata(self, request: web.Request) -> web.Response:
        self._count(request)
        metadata: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/me",
        }
        self.metadata(metadata)
        return web.json_response(metadata)

    async def _keys(self, request: web.Request) -> web.Response:
        self._count(request)
        own = [dict(self.key.as_dict(private=False))]
        return web.json_response({"keys": own if self.keys is None else self.keys})

    async def _me(self, request: web.Request) -> web.Response:
        self._count(request)
        assert request.headers["Authorization"] == "Bearer opaque"
        return web.json_response({"sub": self.subject, **self.userinfo})

    async def _token(self, request: web.Request) -> web.Response:
        self._count(request)
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        if "Authorization" in request.headers:
            pair = b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
            assert pair == "seats:top+secret"
        if self.token_answer is not None:
            status, answer = self.token_answer
            if isinstance(answer, bytes):
                return web.Response(body=answer, status=status, content_type="application/json")
            return web.json_response(answer, status=status)
        claims = {
            "iss": self.issuer,
            "aud": "seats",
            "sub": "u-1",
            "sid": "s-1",
            "nonce": self.codes[form["code"]],
            "iat": now_s(),
            "exp": now_s() + 60,
            "no": "21070001",
            "name": "张三",
        }
        self.claims(claims)
        self.subject = str(claims.get("sub", ""))
        return web.json_response({"access_token": "opaque", "id_token": self.signed(claims)})

    def signed(self, claims: dict[str, Any]) -> str:
        return self.sign(claims) if self.sign is not None else self.encoded(claims)

    def encoded(self, claims: dict[str, Any]) -> str:
        """A correctly signed token."""
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    async def way_back(self, client: Client, path: str = "//login") -> str:
        """The URL to which the provider sends a browser back, with a new code."""
        answer = await client.get(path)
        assert answer.status == 302, answer.body
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        code = uuid4().hex
        self.codes[code] = query["nonce"][0]
        return f"//login/oidc/campus?code={code}&state={query['state'][0]}"

    async def sign_in(self, client: Client) -> Answer:
        return await client.get(await self.way_back(client))

    def logout_claims(self, **more: Any) -> dict[str, Any]:
        """The claims of a valid logout token, with these changes; None leaves a claim out."""
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": "seats",
            "iat": now_s(),
            "exp": now_s() + 120,
            "jti": uuid4().hex,
            "events": {LOGOUT: {}},
            "sid": "s-1",
            **more,
        }
        return {name: value for name, value in claims.items() if value is not None}

    async def log_out(self, client: Client, token: str) -> Answer:
        """The service's answer to a back-channel logout."""
        body = f"logout_token={token}".encode()
        return await client.call("POST", "//login/oidc/campus/logout", body, **FORM)


def signed_with_public_key(provider: LyingProvider) -> Callable[[dict[str, Any]], str]:
    """A token signed by HS256 with the public key, which is believed where the token may choose the
    algorithm."""
    public = provider.key.as_pem(private=False)

    def sign(claims: dict[str, Any]) -> str:
        def part(raw: bytes) -> bytes:
            return urlsafe_b64encode(raw).rstrip(b"=")

        header = {"alg": "HS256", "kid": provider.key.kid}
        head = b".".join(part(json.dumps(one).encode()) for one in (header, claims))
        mark = hmac.new(public, head, hashlib.sha256).digest()
        return f"{head.decode()}.{part(mark).decode()}"

    return sign


def signed_with_secret(claims: dict[str, Any]) -> str:
    """A token signed by HS256 with the client's secret, which the service knows too."""
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.import_key("top secret" * 4))
