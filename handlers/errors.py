"""The one table from refusals to HTTP statuses."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from handlers.messages import text_of
from models import errors
from models.errors import ServiceError
from models.timerange import local

STATUSES: Final[dict[type[ServiceError], int]] = {
    errors.Malformed: 400,
    errors.RequestTimeout: 408,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Unauthenticated: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.RuleViolation: 422,
    errors.Throttled: 429,
    errors.Upstream: 503,
}
"""By family: a leaf's status is its nearest ancestor's."""


def status_of(error: type[ServiceError]) -> int:
    for family in error.__mro__:
        if family in STATUSES:
            return STATUSES[family]
    return 500


def answer(error: ServiceError) -> web.Response:
    """The error as the contract writes it."""
    status = status_of(type(error))
    headers = {}
    facts: dict[str, Any] = dict(error.details)
    if isinstance(error, errors.Throttled | errors.Upstream):
        headers["Retry-After"] = str(error.retry_after)
        facts["retry_after"] = error.retry_after
    return envelope(status, error.code, facts, headers)


def envelope(
    status: int, code: str, details: dict[str, Any], headers: dict[str, str] | None = None
) -> web.Response:
    shown = {
        name: local(value) if hasattr(value, "astimezone") else value
        for name, value in details.items()
    }
    body = {"error": {"code": code, "message": text_of(code, details), "details": shown}}
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type="application/json",
        charset="utf-8",
        headers=headers,
    )
