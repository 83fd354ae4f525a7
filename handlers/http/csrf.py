"""CSRF tokens, which prove that a form came from a page of this session."""

from __future__ import annotations

import hmac
import secrets

from aiohttp import web

from handlers.http.keys import SITE


def new_csrf_token(request: web.Request) -> str:
    """A new CSRF token for the request's session. Each call returns a different token, so that
    the size of a compressed page does not reveal a token (BREACH)."""
    nonce = secrets.token_hex(8)
    return f"{nonce}.{_mac(_secret(request), nonce)}"


def is_csrf_token_valid(request: web.Request, token: str) -> bool:
    secret = _secret(request)
    nonce, _, mac = token.partition(".")
    return bool(secret) and hmac.compare_digest(
        _mac(secret, nonce).encode(), mac.encode(errors="replace")
    )


def _secret(request: web.Request) -> str:
    return request.cookies.get(request.app[SITE].session_cookie, "")


def _mac(secret: str, nonce: str) -> str:
    text = f"csrf {nonce}".encode(errors="replace")
    return hmac.digest(secret.encode(), text, "sha256").hex()[:32]
