"""HTTP calls to other systems. Each is timed and carries the id of the request that caused it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from enum import StrEnum
from time import monotonic
from typing import Any, Final

import aiohttp
from yarl import URL

from models.kernel.request_id import REQUEST_ID

log = logging.getLogger(__name__)
_SLOW_S: Final = 1.0


class OutgoingSystem(StrEnum):
    WECHAT = "wechat"
    WECOM = "wecom"
    CAS = "cas"
    CAMPUS_TICKET = "campus_ticket"
    OIDC = "oidc"


class CallOutcome(StrEnum):
    """The outcome of a call by HTTP status alone. An answer's content may still be an error."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """A status from 400 to 499."""
    HTTP_ERROR = "http_error"
    TIMEOUT = "timeout"
    NO_CONNECTION = "no_connection"
    BROKEN = "broken"


_OUTCOMES: Final = (CallOutcome.ANSWERED, CallOutcome.REFUSED, CallOutcome.HTTP_ERROR)
CallObserver = Callable[[OutgoingSystem, CallOutcome, float], None]
"""A function called after each call: with its system, outcome and duration in seconds."""


class OutgoingCalls:
    """Makes one client's calls to ``system``, with the header ``X-Request-Id``. Logs calls that
    fail or last over a second (with LOG_LEVEL=DEBUG all), but no query: it may hold tokens."""

    def __init__(self, system: OutgoingSystem) -> None:
        self._system = system
        self._observers: list[CallObserver] = []

    def subscribe(self, observe: CallObserver) -> None:
        """Adds a function that is called after each call and must return quickly."""
        self._observers.append(observe)

    async def request(
        self, session: aiohttp.ClientSession, method: str, url: str | URL, **options: Any
    ) -> aiohttp.ClientResponse:
        """Makes the call; returns the response with its body unread, so use it as an async
        context manager. ``options`` and exceptions are those of ``session.request``."""
        if id := REQUEST_ID.get():
            options["headers"] = {**options.get("headers", {}), "X-Request-Id": id}
        began = monotonic()
        try:
            response = await session.request(method, url, **options)
        except BaseException as error:
            outcome, why = _outcome_of(error), type(error).__name__
            self._note(method, url, outcome, why, monotonic() - began)
            raise
        status = response.status
        outcome = _OUTCOMES[(status >= 400) + (status >= 500)]
        self._note(method, url, outcome, str(status), monotonic() - began)
        return response

    def _note(
        self, method: str, url: str | URL, outcome: CallOutcome, answer: str, seconds: float
    ) -> None:
        for observe in self._observers:
            observe(self._system, outcome, seconds)
        well = outcome in (CallOutcome.ANSWERED, CallOutcome.REFUSED) and seconds < _SLOW_S
        level = logging.DEBUG if well else logging.WARNING
        if log.isEnabledFor(level):
            request_line = f"{method.upper()} {URL(url).path}"
            result = {"outcome": outcome.value, "answer": answer, "ms": round(1000 * seconds)}
            fields = {"system": self._system.value, "asked": request_line} | result
            log.log(level, "outgoing_call", extra=fields)


def _outcome_of(error: BaseException) -> CallOutcome:
    match error:
        # A caller that no longer waits cancels the call.
        case TimeoutError() | asyncio.CancelledError():
            return CallOutcome.TIMEOUT
        case aiohttp.ClientConnectorError():
            return CallOutcome.NO_CONNECTION
    return CallOutcome.BROKEN
