"""The language of a reader's page: the reader's choice or, without a choice, the browser's."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from aiohttp import web

from handlers.http.cookies import give_cookie
from handlers.http.return_to import is_own_path

COOKIE: Final = "language"
_KEPT_S: Final = 365 * 24 * 3600


class Language(StrEnum):
    CHINESE = "zh"
    ENGLISH = "en"


def language_of(request: web.Request) -> Language:
    """The reader's chosen language; by default English if the browser prefers it, else Chinese."""
    chosen = request.cookies.get(COOKIE)
    if chosen in set(Language):
        return Language(chosen)
    qualities = _qualities(request.headers.get("Accept-Language", ""))
    return Language.ENGLISH if qualities["en"] > qualities["zh"] else Language.CHINESE


def _qualities(header: str) -> dict[str, float]:
    """The weight, from 0 to 1, of Chinese and of English in an Accept-Language header (RFC 9110,
    12.5.4). The wildcard ``*`` is ignored."""
    qualities = {"zh": 0.0, "en": 0.0}
    for part in header.lower().split(",")[:20]:
        name, *parameters = (one.strip() for one in part.split(";"))
        language = name.split("-")[0]
        if language in qualities:
            weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
            try:
                quality = float(weight)
            except ValueError:
                quality = 0.0
            qualities[language] = max(qualities[language], quality)
    return qualities


async def choose_language(request: web.Request) -> web.StreamResponse:
    back = request.query.get("back", "")
    where = {"Location": back if is_own_path(back) else "/"}
    answer = web.Response(status=303, headers=where)
    chosen = request.match_info["language"]
    if chosen in set(Language):
        give_cookie(request, answer, COOKIE, chosen, _KEPT_S)
    return answer
