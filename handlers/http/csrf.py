"""TODO docstring."""

from __future__ import annotations

import hmac
import secrets

from aiohttp import web

from handlers.http.authentication import SESSION_COOKIE


# --- the form's token -----------------------------------------------------------------------------
def _secret(request: web.Request) -> str:
    return request.cookies.get(SESSION_COOKIE, "")


def _token(secret: str) -> str:
    """Another one on each page, so that what is packed with it tells nothing (BREACH)."""
    nonce = secrets.token_hex(8)
    return f"{nonce}.{_mac(secret, nonce)}"


def _token_fits(token: str, secret: str) -> bool:
    nonce, _, mac = token.partition(".")
    return bool(secret) and hmac.compare_digest(
        _mac(secret, nonce).encode(), mac.encode(errors="replace")
    )


def _mac(secret: str, nonce: str) -> str:
    text = f"csrf {nonce}".encode(errors="replace")
    return hmac.digest(secret.encode(), text, "sha256").hex()[:32]
