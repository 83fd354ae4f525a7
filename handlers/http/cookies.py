"""The service's cookies: for all paths, HttpOnly and SameSite."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from aiohttp import web

from handlers.http.keys import SITE

_ERASED: Final = "seat_erased"
_ERASED_SECONDS: Final = 43_200
"""Seconds a browser remembers that its reader was erased: longer than most campus sign-ins last."""


def secure_name(request: web.Request, name: str) -> str:
    """The cookie's name. Over https it has the prefix ``__Host-``: no other host of the domain
    can then set the cookie and sign the browser in as another reader."""
    return f"__Host-{name}" if request.app[SITE].secure_cookies else name


def give_cookie(
    request: web.Request, response: web.StreamResponse, name: str, value: str, max_age_s: int
) -> None:
    """Sets a cookie, which is Secure over https. ``name``: a result of ``secure_name``."""
    response.set_cookie(
        name,
        value,
        path="/",
        max_age=max_age_s,
        httponly=True,
        samesite="Lax",
        secure=request.app[SITE].secure_cookies,
    )


def give_session_cookie(
    request: web.Request,
    response: web.StreamResponse,
    token: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    seconds = int((expires_at - now).total_seconds())
    give_cookie(request, response, request.app[SITE].session_cookie, token, seconds)


def forget_session_cookie(request: web.Request, response: web.StreamResponse) -> None:
    site = request.app[SITE]
    response.del_cookie(site.session_cookie, path="/", secure=site.secure_cookies)


def note_erasure(request: web.Request, response: web.StreamResponse) -> None:
    """Marks the browser with a cookie after its reader was erased. The next sign-in then asks
    for the campus password again, so that the reader is not recreated unintentionally."""
    give_cookie(request, response, _ERASED, "1", _ERASED_SECONDS)


def was_erased(request: web.Request) -> bool:
    """True if a reader was erased in this browser, and nobody has signed in there since."""
    return _ERASED in request.cookies


def forget_erasure(request: web.Request, response: web.StreamResponse) -> None:
    if was_erased(request):
        response.del_cookie(_ERASED, path="/")
