"""Cookies of this service: for all of it, out of scripts' reach, and not sent from other sites."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from aiohttp import web

from handlers.http.keys import SITE

_ERASED: Final = "seat_erased"
_ERASED_SECONDS: Final = 43_200
"""Longer than a campus's sign-on usually lasts."""


def secure_name(request: web.Request, name: str) -> str:
    """The cookie's name here. Over https no other host of the domain can set it, and so begin a
    sign-in of its own in somebody's browser."""
    return f"__Host-{name}" if request.app[SITE].secure_cookies else name


def give_cookie(
    request: web.Request, response: web.StreamResponse, name: str, value: str, max_age_s: int
) -> None:
    """Let the browser keep the value for so many seconds; over https only where that is spoken."""
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
    """Let the browser keep the session's token until the session ends."""
    seconds = int((expires_at - now).total_seconds())
    give_cookie(request, response, request.app[SITE].session_cookie, token, seconds)


def forget_session_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Let the browser forget the session's token."""
    site = request.app[SITE]
    response.del_cookie(site.session_cookie, path="/", secure=site.secure_cookies)


def note_erasure(request: web.Request, response: web.StreamResponse) -> None:
    """Let the browser remember that its reader has been erased: none is made anew unasked."""
    give_cookie(request, response, _ERASED, "1", _ERASED_SECONDS)


def was_erased(request: web.Request) -> bool:
    """Has the browser's reader been erased, and nobody signed in since?"""
    return _ERASED in request.cookies


def forget_erasure(request: web.Request, response: web.StreamResponse) -> None:
    """Somebody has signed in again."""
    if was_erased(request):
        response.del_cookie(_ERASED, path="/")
