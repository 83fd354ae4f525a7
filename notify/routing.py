"""By which channels a message goes, and whether its reader can be told at all just now.

A message goes by each channel that its reader wants it by. Where all of these are paused, a
reminder goes by the next one that reaches the reader: it would come too late.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from models.kernel.ids import ReaderId
from models.messages.entities import REMINDERS, Channel, Message, Template
from notify.delivery.channel import DeliveryChannel

_OFFERS: Final = (Template.OFFER,)


class ChannelRouting:
    """``channels`` are those that the library has set up, the preferred one first."""

    def __init__(self, channels: Sequence[DeliveryChannel]) -> None:
        self._channels = channels
        self.paused: Collection[Channel] = ()
        """Those that were paused when it was last looked at (a job of each worker)."""

    async def route(self, messages: Sequence[Message]) -> dict[Channel, set[str]]:
        """The ids of the messages that go by each channel. Raises: Unavailable."""
        wanted = await self._wanted(messages)
        reminders = [m for m in messages if m.template in REMINDERS]
        if any(m.id in ids for ids in wanted.values() for m in reminders):
            paused = await self._paused()
            for name, ids in (await self._stand_ins(reminders, wanted, paused)).items():
                wanted[name] |= ids
        return wanted

    async def misses_offers(self, reader_id: ReaderId, now: datetime) -> bool:
        """Whether the reader would be told of an offer by some channel, and none of these can send
        at the moment. Raises: Unavailable."""
        return await self._misses(reader_id, _OFFERS, now, await self._paused())

    async def misses_reminders(self, reader_id: ReaderId, now: datetime) -> bool:
        """The same of all reminders, as of the last look at the pauses. Raises:
        Unavailable."""
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
        asked = [Message(t.value, reader_id, t, "", "", now, {}) for t in templates]
        wanted = await self._wanted(asked)
        stand_ins = await self._stand_ins(asked, wanted, paused)
        going = {id for name, ids in wanted.items() if name not in paused for id in ids}
        return any(wanted.values()) and not going and not any(stand_ins.values())

    async def _wanted(self, messages: Sequence[Message]) -> dict[Channel, set[str]]:
        return {c.name: set(await c.wanted(messages)) for c in self._channels}

    async def _paused(self) -> set[Channel]:
        return {c.name for c in self._channels if await c.breaker.pauses.current() is not None}

    async def _stand_ins(
        self,
        reminders: Sequence[Message],
        wanted: dict[Channel, set[str]],
        paused: Collection[Channel],
    ) -> dict[Channel, set[str]]:
        """Those of the reminders that are wanted by paused channels alone, by the next channel that
        reaches their readers."""
        waiting = {id for name, ids in wanted.items() if name in paused for id in ids}
        going = {id for name, ids in wanted.items() if name not in paused for id in ids}
        left = [m for m in reminders if m.id in waiting - going]
        found: dict[Channel, set[str]] = {}
        for channel in self._channels:
            if left and channel.name not in paused:
                ids = found[channel.name] = set(await channel.can_stand_in(left))
                left = [m for m in left if m.id not in ids]
        return found
