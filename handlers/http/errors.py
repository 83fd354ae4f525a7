from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from handlers.texts.errors import text_of
from models.kernel import errors as kernel_errors
from models.kernel.errors import DomainError
from models.kernel.zone import Zone

STATUSES: Final[dict[type[DomainError], int]] = {
    kernel_errors.Malformed: 400,
    kernel_errors.RequestTimeout: 408,
    kernel_errors.TooLarge: 413,
    kernel_errors.UnsupportedMediaType: 415,
    kernel_errors.Unauthenticated: 401,
    kernel_errors.Forbidden: 403,
    kernel_errors.NotFound: 404,
    kernel_errors.Conflict: 409,
    kernel_errors.RuleViolation: 422,
    kernel_errors.Throttled: 429,
    kernel_errors.Unavailable: 503,
}
"""The HTTP status by class of error. Other classes have the status of their nearest base class."""


def status_of(error: type[DomainError]) -> int:
    for family in error.__mro__:
        if family in STATUSES:
            return STATUSES[family]
    return 500


def answer(zone: Zone, error: DomainError) -> web.Response:
    status = status_of(type(error))
    headers = {}
    facts = zone.local_facts(error.details)
    if isinstance(error, kernel_errors.Throttled | kernel_errors.Unavailable):
        headers["Retry-After"] = str(error.retry_after)
        facts["retry_after"] = error.retry_after
    return envelope(status, error.code, facts, headers)


def envelope(
    status: int, code: str, details: dict[str, Any], headers: dict[str, str] | None = None
) -> web.Response:
    body = {"error": {"code": code, "message": text_of(code, details), "details": details}}
    return web.Response(
        status=status,
        body=msgspec.json.encode(body, enc_hook=str),
        content_type="application/json",
        charset="utf-8",
        headers=headers,
    )
