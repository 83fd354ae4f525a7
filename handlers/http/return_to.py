"""The page to return to after signing in, kept in a cookie."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote

from aiohttp import web

from handlers.http.cookies import give_cookie

_NEXT: Final = "seat_next"
_NEXT_SECONDS: Final = 600


def remember_return_url(request: web.Request, response: web.StreamResponse) -> None:
    """Stores the query's ``next`` page in a cookie while the reader signs in at the campus."""
    target = request.query.get("next", "")
    if not is_own_path(target):
        forget_return_url(request, response)
    else:
        path = quote(target, safe="/?=&-._~")
        give_cookie(request, response, _NEXT, path, _NEXT_SECONDS)


def return_url(request: web.Request) -> str:
    """The path to redirect to after a sign-in: the page stored in the cookie, or the first page."""
    target = unquote(request.cookies.get(_NEXT, ""))
    return target if is_own_path(target) else "/"


def forget_return_url(request: web.Request, response: web.StreamResponse) -> None:
    if _NEXT in request.cookies:
        response.del_cookie(_NEXT, path="/")


def is_own_path(text: str) -> bool:
    r"""True for a path of this service, False for another site (also ``//host``, ``/\host``)."""
    return (
        len(text) <= 300
        and text.startswith("/")
        and not text.startswith(("//", "/\\"))
        and text.isprintable()
        and "\\" not in text
    )
