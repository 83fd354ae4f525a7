"""Decides by which channels a message goes: by all that its reader wants. If all these are
paused, a reminder, which cannot wait, goes by the next channel that reaches the reader."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from models.kernel.ids import ReaderId
from models.messages.entities import REMINDERS, Channel, Message, Template
from notify.delivery.channel import DeliveryChannel

_OFFERS: Final = (Template.OFFER,)


class ChannelRouting:
    """Chooses the channels of messages from ``channels``, which are in order of preference."""

    def __init__(self, channels: Sequence[DeliveryChannel]) -> None:
        self._channels = channels
        self.paused: Collection[Channel] = ()
        """The channels that were paused when a job of this process last checked."""

    async def route(self, messages: Sequence[Message]) -> dict[Channel, set[str]]:
        """The ids of the messages that go by each channel. Raises: Unavailable."""
        ids_by_channel = await self._requested(messages)
        reminders = [m for m in messages if m.template in REMINDERS]
        if any(m.id in ids for ids in ids_by_channel.values() for m in reminders):
            paused = await self._paused()
            for name, ids in (await self._stand_ins(reminders, ids_by_channel, paused)).items():
                ids_by_channel[name] |= ids
        return ids_by_channel

    async def misses_offers(self, reader_id: ReaderId, now: datetime) -> bool:
        """True if the reader wants to be notified of offers, but each channel that could do so
        is paused now or cannot reach the reader. Raises: Unavailable."""
        return await self._misses(reader_id, _OFFERS, now, await self._paused())

    async def misses_reminders(self, reader_id: ReaderId, now: datetime) -> bool:
        """True if the reader wants reminders, but no channel could send one when pauses were
        last checked. Raises: Unavailable."""
        return await self._misses(reader_id, REMINDERS, now, self.paused)

    async def _misses(
        self,
        reader_id: ReaderId,
        templates: Iterable[Template],
        now: datetime,
        paused: Collection[Channel],
    ) -> bool:
        if not paused:
            return False
        samples = [Message(t.value, reader_id, t, "", "", now, {}) for t in templates]
        ids_by_channel = await self._requested(samples)
        stand_ins = await self._stand_ins(samples, ids_by_channel, paused)
        going = {id for name, ids in ids_by_channel.items() if name not in paused for id in ids}
        return any(ids_by_channel.values()) and not going and not any(stand_ins.values())

    async def _requested(self, messages: Sequence[Message]) -> dict[Channel, set[str]]:
        return {c.name: set(await c.requested(messages)) for c in self._channels}

    async def _paused(self) -> set[Channel]:
        return {c.name for c in self._channels if await c.breaker.pauses.current() is not None}

    async def _stand_ins(
        self,
        reminders: Sequence[Message],
        ids_by_channel: dict[Channel, set[str]],
        paused: Collection[Channel],
    ) -> dict[Channel, set[str]]:
        """Ids of reminders whose requested channels are all paused, by the channel used instead."""
        waiting = {id for name, ids in ids_by_channel.items() if name in paused for id in ids}
        going = {id for name, ids in ids_by_channel.items() if name not in paused for id in ids}
        left = [m for m in reminders if m.id in waiting - going]
        stand_ins: dict[Channel, set[str]] = {}
        for channel in self._channels:
            if left and channel.name not in paused:
                ids = stand_ins[channel.name] = set(await channel.can_stand_in(left))
                left = [m for m in left if m.id not in ids]
        return stand_ins
