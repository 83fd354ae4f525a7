"""Pauses a channel that refuses or does not answer. The pause is stored in the database and
holds for all hosts; when it is over, one worker at a time sends a message as a probe."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from random import uniform
from typing import Final, Protocol

from models.kernel.errors import Unavailable
from models.messages.channel_pause import Pause, PauseReason, begin, prolong
from models.messages.channel_pause_repository import ChannelPauseRepository

log = logging.getLogger(__name__)
AWAY_AFTER: Final = 5
"""A channel that failed to accept this many calls in a row is paused as unreachable."""
PROBE_LEASE: Final = timedelta(seconds=20)
"""How long a worker may take for a probe, which makes two calls: a check, then a message."""


class Answer(Protocol):
    """The fields of a ``SendOutcome`` that concern the whole channel."""

    @property
    def pause(self) -> PauseReason | None: ...
    @property
    def away(self) -> bool: ...
    @property
    def code(self) -> int | None: ...


class CircuitState(Enum):
    """The messages that may be sent now. CLOSED: all. HALF_OPEN: one, as a probe. OPEN: none."""

    CLOSED = auto()
    HALF_OPEN = auto()
    OPEN = auto()


def _jitter() -> float:
    return uniform(0.8, 1.2)


@dataclass(slots=True)
class CircuitBreaker:
    """One process's view of a channel's pause.

    `real_now`: the machine's time, for the lease of a probe. `jitter` returns a factor around 1 for
    the length of each pause, so that hosts do not probe at the same time. `probe_lease`: how long a
    worker may take for a probe.
    """

    pauses: ChannelPauseRepository
    real_now: Callable[[], datetime]
    jitter: Callable[[], float] = _jitter
    probe_lease: timedelta = PROBE_LEASE
    pause: Pause | None = None
    """The pause as this process last read or began it; None if messages may be sent."""
    _refused_in_a_row: int = 0
    _prober: str | None = None

    async def state(self, now: datetime) -> CircuitState:
        """Reads the pause; returns which messages may be sent at ``now``. Only one worker gets
        HALF_OPEN. It then calls ``probed`` after sending one message, ``silent`` if the channel
        did not answer a check, or ``give_back`` if it sends nothing. Raises: Unavailable."""
        self.pause = pause = await self.pauses.current()
        if pause is None:
            return CircuitState.CLOSED
        if pause.since <= now < pause.until:
            return CircuitState.OPEN
        self._prober = await self.pauses.take_probe(pause, self.real_now(), self.probe_lease)
        return CircuitState.HALF_OPEN if self._prober else CircuitState.OPEN

    async def heard(self, answer: Answer, now: datetime) -> None:
        """Handles the outcome of a message that is no probe: may begin a pause, never ends one."""
        reason = _reason(answer)
        if reason is None:
            self._refused_in_a_row = 0
            return
        if self.pause is not None:
            return
        if reason is PauseReason.AWAY:
            self._refused_in_a_row += 1
            if self._refused_in_a_row < AWAY_AFTER:
                return
        await self._begin(reason, answer.code, now)

    async def silent(self, now: datetime, *, probe: bool) -> None:
        """Handles a check (a call that sends nothing) without an answer: begins a pause, or
        prolongs it if the check was part of a probe. Raises: Unavailable."""
        if probe:
            await self._prolong(PauseReason.AWAY, None, now)
        elif self.pause is None:
            await self._begin(PauseReason.AWAY, None, now)

    async def _begin(self, reason: PauseReason, code: int | None, now: datetime) -> None:
        # Set before it is written, so that no other send begins meanwhile.
        self.pause = pause = begin(reason, code, now, self.jitter())
        self._refused_in_a_row = 0
        try:
            if await self.pauses.begin(pause):
                self._log_pause(pause, already_alarmed=False)
        except Unavailable as error:
            log.warning("channel_pause_not_written", extra={"reason": repr(error), **self._name})

    async def probed(self, answer: Answer, now: datetime) -> None:
        """Handles the outcome of a probe: ends the pause or prolongs it. Raises: Unavailable."""
        reason = _reason(answer)
        if reason is not None:
            await self._prolong(reason, answer.code, now)
            return
        pause, prober = self._probing()
        self.pause = None
        if await self.pauses.end(prober) and pause.alarmed:
            log.warning(
                "channel_back",
                extra={
                    **self._name,
                    "reason": pause.reason.value,
                    "seconds": round((now - pause.since).total_seconds()),
                },
            )

    async def _prolong(self, reason: PauseReason, code: int | None, now: datetime) -> None:
        pause, prober = self._probing()
        self.pause = longer = prolong(pause, reason, code, now, self.jitter())
        if await self.pauses.prolong(prober, longer):
            self._log_pause(longer, already_alarmed=pause.alarmed and pause.reason is longer.reason)

    def _probing(self) -> tuple[Pause, str]:
        """Returns the pause and this worker's probe token. Forgets the token: it is used once."""
        pause, prober = self.pause, self._prober
        assert pause is not None and prober is not None
        self._prober = None
        return pause, prober

    async def give_back(self) -> None:
        """Gives up the probe that this worker may send, if any, so that others can send one."""
        if self._prober is not None:
            prober, self._prober = self._prober, None
            await self.pauses.give_back(prober)

    def _log_pause(self, pause: Pause, *, already_alarmed: bool) -> None:
        fields = {
            **self._name,
            "reason": pause.reason.value,
            "errcode": pause.code,
            "until": pause.until.isoformat(),
        }
        if pause.alarmed and not already_alarmed:
            log.error("channel_paused", extra={**fields, "alarm": True})
        else:
            log.info("channel_waits", extra=fields)

    @property
    def _name(self) -> dict[str, str]:
        return {"channel": self.pauses.channel.value}


def _reason(answer: Answer) -> PauseReason | None:
    return PauseReason.AWAY if answer.pause is None and answer.away else answer.pause
