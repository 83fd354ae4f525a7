"""Whether the browser's pages are light or dark: as its system is, or as its reader has chosen."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.http.cookies import give_cookie

COOKIE: Final = "theme"
THEMES: Final = ("light", "dark")
_KEPT_S: Final = 365 * 24 * 3600


def theme_of(request: web.Request) -> str:
    """The theme that was chosen in this browser; empty if its pages follow the system."""
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in THEMES else ""


def keep_theme(request: web.Request, answer: web.Response, theme: str) -> None:
    """Makes the theme that of the browser's pages; any other word than a theme's, the system's."""
    if theme in THEMES:
        give_cookie(request, answer, COOKIE, theme, _KEPT_S)
    else:
        answer.del_cookie(COOKIE, path="/")
