from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from handlers.texts.errors import text_of
from languages.catalogue import CHINESE
from languages.text import Language
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


def facts_of(zone: Zone, error: DomainError) -> tuple[dict[str, Any], dict[str, str]]:
    """The facts of the error's response, and its headers."""
    facts = zone.local_facts(error.details)
    if not isinstance(error, kernel_errors.Throttled | kernel_errors.Unavailable):
        return facts, {}
    facts["retry_after"] = error.retry_after
    return facts, {"Retry-After": str(error.retry_after)}


def envelope(
    status: int, code: str, details: dict[str, Any], language: Language = CHINESE
) -> web.Response:
    """The response in the API's error format, where no request is known."""
    return web.Response(
        status=status,
        body=error_body(code, details, language),
        content_type="application/json",
        charset="utf-8",
    )


def error_body(code: str, details: dict[str, Any], language: Language) -> bytes:
    """The error in the API's format, encoded. Its message is in the language."""
    message = language.say(text_of(code, details))
    body = {"error": {"code": code, "message": message, "details": details}}
    return msgspec.json.encode(body, enc_hook=str)
