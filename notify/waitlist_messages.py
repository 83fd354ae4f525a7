"""Messages about waitlist entries that have ended before their time."""

from __future__ import annotations

from collections.abc import Mapping

from models.messages.entities import Message
from models.reference_data import ReferenceData
from models.waitlist.entities import WaitlistEnd, WaitlistEntry
from models.waitlist.repository import WaitlistRepository
from notify.templates import waitlist_ended
from notify.templates.rendering import LONGEST_THING


class WaitlistMessages:
    """Writes the messages that are still to be told."""

    def __init__(self, waitlist: WaitlistRepository, reference: ReferenceData) -> None:
        self._waitlist, self._reference = waitlist, reference

    async def untold(self, limit: int) -> Mapping[str, Message]:
        """Messages by the ids of their entries, at most ``limit``."""
        found = await self._waitlist.untold(limit)
        return {entry.id: self._message(entry, end) for entry, end in found}

    async def told(self, entries: Mapping[str, Message]) -> None:
        """The messages are kept: they are not written again."""
        await self._waitlist.told(list(entries))

    def _message(self, entry: WaitlistEntry, end: WaitlistEnd) -> Message:
        catalog = self._reference.catalog
        area = catalog.areas.get(entry.area_id)
        label: str = entry.area_id
        short = label
        if area is not None:
            label = catalog.area_label(area)
            short = catalog.short_area_label(area, LONGEST_THING)
        rendered = waitlist_ended.render(label, short, entry, end)
        return Message(
            id=f"{entry.id}:ended",
            reader_id=entry.reader_id,
            template=waitlist_ended.template_of(end),
            title=waitlist_ended.title_of(end),
            text=rendered.text,
            at=end.at,
            facts=rendered.facts,
            expires_at=rendered.not_after,
        )
