"""The answers of a process of several schools at hosts where no school is open."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.http.anonymous_response import AnonymousResponse
from handlers.http.errors import envelope
from handlers.http.language import language_of
from handlers.texts.closed_hosts import AWAY, NOTHING_HERE, SUSPENDED
from languages.text import Text

_PAGE: Final = """<!doctype html>
<html lang="{language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{heading}</title>
<body style="font:1rem/1.6 sans-serif;margin:3rem auto;max-width:28rem;padding:0 1rem">
<h1>{heading}</h1><p>{text}</p>
"""


def nothing_here(request: web.BaseRequest) -> web.Response:
    """The answer at a host that is no school's. It names none."""
    return _answer(request, 404, "not_found", NOTHING_HERE, {})


def suspended(request: web.BaseRequest, retry_after_s: int) -> web.Response:
    """The answer at the host of a school that its operator has closed."""
    return _answer(request, 503, "unavailable", SUSPENDED, {"retry_after": retry_after_s})


def away(request: web.BaseRequest, retry_after_s: int) -> web.Response:
    """The answer at the host of a school that could not be started."""
    return _answer(request, 503, "unavailable", AWAY, {"retry_after": retry_after_s})


def _answer(
    request: web.BaseRequest,
    status: int,
    code: str,
    page: tuple[Text, Text],
    facts: dict[str, int],
) -> web.Response:
    language = language_of(request)
    if "text/html" in request.headers.get("Accept", ""):
        heading, text = map(language.say, page)
        kind, body = "text/html", _PAGE.format(language=language.html, heading=heading, text=text)
    else:
        kind, body = "application/json", envelope(status, code, dict(facts), language).text or ""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    response = AnonymousResponse(
        status=status, text=body, content_type=kind, charset="utf-8", headers=headers
    )
    if facts:
        response.headers["Retry-After"] = str(facts["retry_after"])
    return response
