"""The language of a page: the reader's choice or, without a choice, the browser's."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from aiohttp import web

from handlers.http.cookies import give_cookie
from handlers.http.return_to import is_own_path
from languages.catalogue import CHINESE, LANGUAGES
from languages.text import Language
from models.profile.entities import LibraryProfile

COOKIE: Final = "language"
_KEPT_S: Final = 365 * 24 * 3600


def language_of(request: web.BaseRequest) -> Language:
    """The reader's chosen language; by default the one that the browser prefers, else Chinese."""
    chosen = LANGUAGES.get(request.cookies.get(COOKIE, ""))
    return chosen or preferred_language(request.headers.get("Accept-Language", ""))


def library_language(profile: LibraryProfile) -> Language:
    """The language of screens and printed sheets, which have no reader."""
    return LANGUAGES.get(profile.language, CHINESE)


def named_language(request: web.Request) -> str | None:
    """The tag of ``language_of``; None if the request names no language."""
    named = COOKIE in request.cookies or "Accept-Language" in request.headers
    return language_of(request).tag if named else None


@lru_cache(maxsize=256)  # answers of the API ask for each of their texts
def preferred_language(header: str) -> Language:
    """The language with the highest weight in an Accept-Language header (RFC 9110, 12.5.4), of
    several the one that is listed first in ``LANGUAGES``; Chinese without any of them. The
    wildcard ``*`` is ignored."""
    weights = dict.fromkeys(LANGUAGES, 0.0)
    for part in header.split(",")[:20]:
        name, *parameters = (one.strip() for one in part.lower().split(";"))
        tag = name.split("-")[0]
        if tag in weights:
            weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
            try:
                quality = float(weight)
            except ValueError:
                quality = 0.0
            weights[tag] = max(weights[tag], quality)
    best = max(weights, key=weights.__getitem__)
    return LANGUAGES[best] if weights[best] > 0 else CHINESE


async def choose_language(request: web.Request) -> web.StreamResponse:
    back = request.query.get("back", "")
    where = {"Location": back if is_own_path(back) else "/"}
    answer = web.Response(status=303, headers=where)
    chosen = request.match_info["language"]
    if chosen in LANGUAGES:
        keep_language(request, answer, chosen)
    return answer


def keep_language(request: web.Request, answer: web.Response, tag: str) -> None:
    """Makes the language that of the browser's pages."""
    give_cookie(request, answer, COOKIE, tag, _KEPT_S)
