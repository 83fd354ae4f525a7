"""A delivery channel that fails: its calls get no answer or are refused."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from models.messages.channel_pause_repository import ChannelPauseRepository
from models.messages.entities import Channel, Delivery, DeliveryResult, DeliveryState, Message
from models.storage.mongo import Database
from notify.delivery.channel import PreparedDelivery, SendOutcome, away
from notify.delivery.circuit_breaker import CircuitBreaker

NAME: Final = Channel.EMAIL
_TAKES_S: Final = 2.0


class SimulatedChannel:
    """A ``DeliveryChannel`` that reaches all readers. ``fails`` decides whether the next call
    fails."""

    name = NAME
    concurrency = 5
    lease = timedelta(seconds=90)

    def __init__(
        self,
        db: Database,
        chance: random.Random,
        real_now: Callable[[], datetime],
        fails: Callable[[], bool],
    ) -> None:
        self._chance, self._fails = chance, fails
        pauses = ChannelPauseRepository(db, NAME, "simulated")
        self.breaker = CircuitBreaker(pauses, real_now, jitter=lambda: 1.0)

    async def requested(self, messages: Sequence[Message]) -> Collection[str]:
        return [message.id for message in messages]

    async def can_stand_in(self, messages: Sequence[Message]) -> Collection[str]:
        return ()

    async def prepare(
        self, going: Sequence[Delivery], send_by: float
    ) -> tuple[list[PreparedDelivery], list[DeliveryResult]]:
        return [PreparedDelivery(one, "address", send_by) for one in going], []

    async def answers(self) -> bool:
        await asyncio.sleep(self._chance.random() * _TAKES_S)
        return not self._fails()

    async def send(self, ready: PreparedDelivery) -> SendOutcome:
        await asyncio.sleep(self._chance.random() * _TAKES_S)
        if not self._fails():
            return SendOutcome(DeliveryState.SENT, "sent", msgid=ready.delivery.id)
        return away(ready.delivery, "refused", None, unknown=self._chance.random() < 0.3)

    def give_back(self, ready: PreparedDelivery) -> None:
        pass

    async def flush(self) -> None:
        pass
