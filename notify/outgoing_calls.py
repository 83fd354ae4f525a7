"""Calls to other services: each bears the id of the request that it is made for, and is timed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from enum import StrEnum
from time import monotonic
from types import SimpleNamespace
from typing import Final

import aiohttp

from models.kernel.request_id import REQUEST_ID

log = logging.getLogger(__name__)
_SLOW_S: Final = 1.0


class OutgoingSystem(StrEnum):
    """Whom the service calls by HTTP."""

    WECHAT = "wechat"
    WECOM = "wecom"
    CAS = "cas"
    CAMPUS_TICKET = "campus_ticket"


class CallOutcome(StrEnum):
    """What became of a call, as HTTP sees it: what an answer of 200 says is its reader's matter."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """A status from 400 to 499: how some say that a ticket is none."""
    HTTP_ERROR = "http_error"
    TIMEOUT = "timeout"
    NO_CONNECTION = "no_connection"
    BROKEN = "broken"


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

    def trace(self) -> aiohttp.TraceConfig:
        """For the client's session."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._begin)
        config.on_request_end.append(self._answered)
        config.on_request_exception.append(self._failed)
        return config

    async def _begin(
        self,
        _: aiohttp.ClientSession,
        call: SimpleNamespace,
        params: aiohttp.TraceRequestStartParams,
    ) -> None:
        call.began = monotonic()
        if id := REQUEST_ID.get():
            params.headers["X-Request-Id"] = id

    async def _answered(
        self,
        _: aiohttp.ClientSession,
        call: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        status = params.response.status
        kinds = (CallOutcome.ANSWERED, CallOutcome.REFUSED, CallOutcome.HTTP_ERROR)
        outcome = kinds[(status >= 400) + (status >= 500)]
        self._note(call, f"{params.method} {params.url.path}", outcome, str(status))

    async def _failed(
        self,
        _: aiohttp.ClientSession,
        call: SimpleNamespace,
        params: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        outcome, why = _outcome_of(params.exception), type(params.exception).__name__
        self._note(call, f"{params.method} {params.url.path}", outcome, why)

    def _note(self, call: SimpleNamespace, asked: str, outcome: CallOutcome, answer: str) -> None:
        seconds = monotonic() - call.began
        for observe in self._observers:
            observe(self._system, outcome, seconds)
        well = outcome in (CallOutcome.ANSWERED, CallOutcome.REFUSED) and seconds < _SLOW_S
        level = logging.DEBUG if well else logging.WARNING
        if log.isEnabledFor(level):
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
