"""TODO docstring."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote

from aiohttp import web

from handlers.http.keys import SITE
from handlers.http.pages import redirect

_NEXT: Final = "seat_next"
_NEXT_SECONDS: Final = 600


# --- the way back after signing in ----------------------------------------------------------------
def to_sign_in(request: web.Request) -> web.Response:
    """To the sign-in page. Where the reader wanted to go is remembered for a while."""
    return redirect(f"/login?next={quote(request.path_qs, safe='')}")


def remember_return_url(request: web.Request, response: web.StreamResponse) -> None:
    """Keep the page that the reader wanted, over the way to the campus's sign-on and back."""
    wanted = request.query.get("next", "")
    if not is_own_path(wanted):
        forget_way(request, response)
    else:
        response.set_cookie(
            _NEXT,
            quote(wanted, safe="/?=&-._~"),
            path="/",
            max_age=_NEXT_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=request.app[SITE].secure_cookies,
        )


def return_url(request: web.Request) -> str:
    """The page that was wanted, or the first one. Only ever a path of this service."""
    wanted = unquote(request.cookies.get(_NEXT, ""))
    return wanted if is_own_path(wanted) else "/"


def forget_way(request: web.Request, response: web.StreamResponse) -> None:
    if _NEXT in request.cookies:
        response.del_cookie(_NEXT, path="/")


def is_own_path(text: str) -> bool:
    """A path here, and no address of another host in disguise (``//host``, ``/\\host``)."""
    return (
        len(text) <= 300
        and text.startswith("/")
        and not text.startswith(("//", "/\\"))
        and text.isprintable()
        and "\\" not in text
    )
