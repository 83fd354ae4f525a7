"""Has WeChat check readers' stored texts. A text that cannot be checked keeps the verdict
``UNCHECKED``. If a worker dies, a text may be sent to WeChat twice; its verdict is stored once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from models.kernel.ids import ReaderId
from models.text_checks.entities import TextVerdict, WaitingText, worst
from models.text_checks.repository import TextCheckRepository
from notify.delivery.channel import delay
from notify.delivery.circuit_breaker import CircuitBreaker, CircuitState
from notify.wechat.text_check_answers import LONGEST, TextCheckAnswer

log = logging.getLogger(__name__)
AT_ONCE: Final = 50
"""At most this many texts are checked by one run. The calls are made one after the other, so
they stay far below WeChat's limit of 4000 a minute."""
GIVE_UP_AFTER: Final = timedelta(days=1)
ASK_AGAIN: Final = timedelta(hours=1)
"""The wait before the next check of a text if WeChat reports that its reader was not in the
mini-program in the last two hours."""
_RUN: Final = timedelta(seconds=8)
"""A run makes no call after this much time, so that its last call ends in the job's time limit."""


class Checks(StrEnum):
    """The name under which the pause of text checks is stored, beside those of the channels."""

    TEXTS = "text_checks"


class TextGateway(Protocol):
    """The part of ``MiniProgramClient`` that ``TextChecker`` uses."""

    async def check_text(self, openid: str, content: str) -> TextCheckAnswer: ...


class TextChecker:
    def __init__(
        self,
        texts: TextCheckRepository,
        gateway: TextGateway,
        openids_of: Callable[[Collection[ReaderId]], Awaitable[Mapping[ReaderId, str]]],
        breaker: CircuitBreaker,
    ) -> None:
        self._texts, self._gateway = texts, gateway
        self._openids_of, self.breaker = openids_of, breaker

    async def run(self, now: datetime) -> int:
        """Checks the texts that are due; returns the number that need no check any more. Stops
        at the first call that WeChat did not take. During a pause a single call tests now and
        then whether WeChat answers. Raises: Unavailable."""
        if not (waiting := await self._texts.waiting(now, AT_ONCE)):
            return 0
        state = await self.breaker.state(now)
        if state is CircuitState.OPEN:
            return 0
        openids = await self._openids_of({t.reader_id for t in waiting if t.reader_id is not None})
        checkable = [(t, openid) for t in waiting if (openid := _writer_openid(t, openids, now))]
        checkable_ids = {(t.collection, t.id) for t, _ in checkable}
        hopeless = [t for t in waiting if (t.collection, t.id) not in checkable_ids]
        done = sum([await self._texts.keep(t, TextVerdict.UNCHECKED, now) for t in hopeless])
        if state is CircuitState.HALF_OPEN:
            if not checkable:
                await self.breaker.give_back()
                return done
            text, openid = checkable.pop(0)
            answer = await self._ask(text, openid)
            await self.breaker.probed(answer, now)
            done += await self._settle(text, answer, now)
            if answer.pause is not None or answer.away:
                return done
        return done + await self._check(checkable, now)

    async def _check(self, checkable: list[tuple[WaitingText, str]], now: datetime) -> int:
        done, last = 0, self.breaker.real_now() + _RUN
        for text, openid in checkable:
            if self.breaker.real_now() > last:
                break
            answer = await self._ask(text, openid)
            await self.breaker.heard(answer, now)
            done += await self._settle(text, answer, now)
            if answer.pause is not None or answer.away:
                break
        return done

    async def _ask(self, text: WaitingText, openid: str) -> TextCheckAnswer:
        """WeChat's answer on the whole text, of which each part of ``LONGEST`` characters is
        checked by a call of its own. The worst verdict counts."""
        verdicts: list[TextVerdict] = []
        for start in range(0, len(text.text), LONGEST):
            answer = await self._gateway.check_text(openid, text.text[start : start + LONGEST])
            if answer.verdict is None:
                return answer
            verdicts.append(answer.verdict)
        return TextCheckAnswer(worst(verdicts), 0)

    async def _settle(self, text: WaitingText, answer: TextCheckAnswer, now: datetime) -> int:
        """Stores the verdict or postpones the check. Returns 1 if the text needs no further
        check, else 0."""
        if answer.verdict is not None:
            return await self._texts.keep(text, answer.verdict, now)
        if answer.pause is not None:
            return 0  # not because of the text, which keeps waiting
        if answer.not_seen:
            await self._texts.put_off(text, now + ASK_AGAIN)
            return 0
        if answer.away:
            await self._texts.put_off(text, now + timedelta(seconds=delay(text.tries + 1)))
            return 0
        # WeChat refuses this text or this user for good.
        log.warning("text_check_refused", extra={"errcode": answer.code, "about": text.collection})
        return await self._texts.keep(text, TextVerdict.UNCHECKED, now)


def _writer_openid(text: WaitingText, openids: Mapping[ReaderId, str], now: datetime) -> str | None:
    """The openid of the text's writer; None if the writer is unknown, the text empty or too old."""
    if not text.text or text.reader_id is None or now - text.at >= GIVE_UP_AFTER:
        return None
    return openids.get(text.reader_id)
