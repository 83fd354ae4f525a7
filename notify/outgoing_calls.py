"""Calls to other services: each bears the id of the request that it is made for, and is timed."""

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
    """Whom the service calls by HTTP."""

    WECHAT = "wechat"
    WECOM = "wecom"
    CAS = "cas"
    CAMPUS_TICKET = "campus_ticket"
    OIDC = "oidc"


class CallOutcome(StrEnum):
    """What became of a call, as HTTP sees it: what an answer of 200 says is its reader's matter."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """A status from 400 to 499: how some say that a ticket is none."""
    HTTP_ERROR = "http_error"
    TIMEOUT = "timeout"
    NO_CONNECTION = "no_connection"
    BROKEN = "broken"


_OUTCOMES: Final = (CallOutcome.ANSWERED, CallOutcome.REFUSED, CallOutcome.HTTP_ERROR)
CallObserver = Callable[[OutgoingSystem, CallOutcome, float], None]
"""Is told of each call, with the seconds until its answer began or it failed."""


class OutgoingCalls:
    """The calls of one client to ``system``. They carry ``X-Request-Id``; one that fails or takes a
    second has a line in the log, and with LOG_LEVEL=DEBUG each has. No line has a query: tokens and
    tickets stand there."""

    def __init__(self, system: OutgoingSystem) -> None:
        self._system = system
        self._observers: list[CallObserver] = []

    def subscribe(self, observe: CallObserver) -> None:
        """Call ``observe`` after each call. It must be quick."""
        self._observers.append(observe)

    async def request(
        self, session: aiohttp.ClientSession, method: str, url: str | URL, **options: Any
    ) -> aiohttp.ClientResponse:
        """The answer, whose body is still to be read: use it as an async context manager.

        ``options`` are those of ``session.request``, which raises what this raises. (aiohttp's own
        tracing would tell the same, for 20 µs a call instead of 10.)
        """
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
            asked = f"{method.upper()} {URL(url).path}"
            told = {"outcome": outcome.value, "answer": answer, "ms": round(1000 * seconds)}
            fields = {"system": self._system.value, "asked": asked} | told
            log.log(level, "outgoing_call", extra=fields)


def _outcome_of(error: BaseException) -> CallOutcome:
    match error:
        # Whoever waits no longer cancels the call.
        case TimeoutError() | asyncio.CancelledError():
            return CallOutcome.TIMEOUT
        case aiohttp.ClientConnectorError():
            return CallOutcome.NO_CONNECTION
    return CallOutcome.BROKEN
