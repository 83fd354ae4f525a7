"""The page that a reader wanted before signing in: remembered in a cookie, and returned to."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote

from aiohttp import web

from handlers.http.cookies import give_cookie

_NEXT: Final = "seat_next"
_NEXT_SECONDS: Final = 600


def remember_return_url(request: web.Request, response: web.StreamResponse) -> None:
    """Remember the page of ``?next=`` while the reader signs in with the campus."""
    wanted = request.query.get("next", "")
    if not is_own_path(wanted):
        forget_return_url(request, response)
    else:
        path = quote(wanted, safe="/?=&-._~")
        give_cookie(request, response, _NEXT, path, _NEXT_SECONDS)


def return_url(request: web.Request) -> str:
    """The remembered page, or the first one. It is always a path of this service."""
    wanted = unquote(request.cookies.get(_NEXT, ""))
    return wanted if is_own_path(wanted) else "/"


def forget_return_url(request: web.Request, response: web.StreamResponse) -> None:
    """Drop what was remembered."""
    if _NEXT in request.cookies:
        response.del_cookie(_NEXT, path="/")


def is_own_path(text: str) -> bool:
    """Is the text a path of this service, and no disguised address of another host (``//host``,
    ``/\\host``)?"""
    return (
        len(text) <= 300
        and text.startswith("/")
        and not text.startswith(("//", "/\\"))
        and text.isprintable()
        and "\\" not in text
    )
