"""The circuit breaker before a channel: when nothing can go, one probe at a time is tried.

Its state is in the database (``ChannelPauseRepository``), so it holds for all workers and hosts. A
person is told once when it opens, and once when messages go again.
"""

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
"""So many calls in a row that the channel did not take, and it is taken to be away."""
PROBE_LEASE: Final = timedelta(seconds=20)
"""Longer than two calls to WeChat take, the question and the message. A prober that takes longer
ends nothing: its name is gone."""


class Answer(Protocol):
    """What an attempt says about the channel as a whole (``SendOutcome``)."""

    @property
    def pause(self) -> PauseReason | None: ...
    @property
    def away(self) -> bool: ...
    @property
    def code(self) -> int | None: ...


class CircuitState(Enum):
    """What may be sent just now."""

    OPEN = auto()
    PROBE = auto()
    SHUT = auto()


def _jitter() -> float:
    return uniform(0.8, 1.2)


@dataclass(slots=True)
class CircuitBreaker:
    """One process's view of the pause.

    Args:
        pauses: the account's pause, in the database.
        real_now: the machine's time, for the prober's lease.
        jitter: a factor around 1 for each pause, so that hosts do not ask at the same moment.
        probe_lease: longer than a question and one send take.
    """

    pauses: ChannelPauseRepository
    real_now: Callable[[], datetime]
    jitter: Callable[[], float] = _jitter
    probe_lease: timedelta = PROBE_LEASE
    pause: Pause | None = None
    """As last seen or made here; None where messages go."""
    _refused_in_a_row: int = 0
    _prober: str | None = None

    async def state(self, now: datetime) -> CircuitState:
        """What may be sent at ``now``. PROBE is answered to one worker of all.

        Whoever gets it sends one message and calls ``probed`` with its answer, or ``silent`` where
        the channel did not even answer before, or ``give_back``.

        Raises: Unavailable.
        """
        self.pause = pause = await self.pauses.current()
        if pause is None:
            return CircuitState.OPEN
        if pause.since <= now < pause.until:
            return CircuitState.SHUT
        self._prober = await self.pauses.take_probe(pause, self.real_now(), self.probe_lease)
        return CircuitState.PROBE if self._prober else CircuitState.SHUT

    async def heard(self, answer: Answer, now: datetime) -> None:
        """An answer to one of many sends: it may open the breaker, and never closes it."""
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
        """The channel did not answer a call that sends nothing: it is away. Raises:
        Unavailable."""
        if probe:
            await self._prolong(PauseReason.AWAY, None, now)
        elif self.pause is None:
            await self._begin(PauseReason.AWAY, None, now)

    async def _begin(self, reason: PauseReason, code: int | None, now: datetime) -> None:
        # Known here before it is written: no other send begins meanwhile.
        self.pause = pause = begin(reason, code, now, self.jitter())
        self._refused_in_a_row = 0
        try:
            if await self.pauses.begin(pause):
                self._tell(pause, told_before=False)
        except Unavailable as error:
            log.warning("channel_pause_not_written", extra={"reason": repr(error), **self._name})

    async def probed(self, answer: Answer, now: datetime) -> None:
        """The answer to the probe. Raises: Unavailable."""
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
            self._tell(longer, told_before=pause.alarmed and pause.reason is longer.reason)

    def _probing(self) -> tuple[Pause, str]:
        """The pause and the right to probe, which is used up."""
        pause, prober = self.pause, self._prober
        assert pause is not None and prober is not None
        self._prober = None
        return pause, prober

    async def give_back(self) -> None:
        """There was nothing to probe with."""
        if self._prober is not None:
            prober, self._prober = self._prober, None
            await self.pauses.give_back(prober)

    def _tell(self, pause: Pause, *, told_before: bool) -> None:
        fields = {
            **self._name,
            "reason": pause.reason.value,
            "errcode": pause.code,
            "until": pause.until.isoformat(),
        }
        if pause.alarmed and not told_before:
            log.error("channel_paused", extra={**fields, "alarm": True})
        else:
            log.info("channel_waits", extra=fields)

    @property
    def _name(self) -> dict[str, str]:
        return {"channel": self.pauses.channel.value}


def _reason(answer: Answer) -> PauseReason | None:
    return PauseReason.AWAY if answer.pause is None and answer.away else answer.pause
