"""Search for readers, and the staff's changes of bindings and accommodations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.kernel.text import as_searched
from models.readers.accommodation_repository import AccommodationRepository
from models.readers.accommodations import NO_ACCOMMODATION, Accommodation
from models.readers.card_repository import CardRepository
from models.readers.entities import Reader, is_card_number, normalise_student_no
from models.readers.errors import AccommodationChanged
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext
from models.staff.ports import ActivationCodeIssuer

SHORTEST_PART: Final = 2
"""A search by part of number or name needs this many characters: one matches half the readers."""


@dataclass(frozen=True, slots=True)
class FoundReaders:
    """The result of a reader search; ``more``: True if others match that are not in ``readers``."""

    readers: Sequence[Reader] = ()
    more: bool = False


class StaffReaders:
    def __init__(
        self,
        audit: AuditLog,
        readers: ReaderRepository,
        cards: CardRepository,
        accommodations: AccommodationRepository,
        reference: ReferenceData,
        codes: ActivationCodeIssuer,
    ) -> None:
        self._audit, self._readers, self._cards = audit, readers, cards
        self._accommodations, self._reference, self._codes = accommodations, reference, codes

    async def get(self, id: str) -> Reader:
        """The reader with this id. Raises: NotFound."""
        reader = await self._readers.get(ReaderId(id))
        if reader is None:
            raise NotFound()
        return reader

    async def many(self, ids: set[ReaderId]) -> dict[ReaderId, Reader]:
        return await self._readers.many(ids)

    async def find(self, ctx: StaffContext, text: str, limit: int) -> FoundReaders:
        """Finds up to ``limit`` readers by number, card or exact name; if none match, by a part
        of number or name. Full-width characters and blanks in ``text`` are normalised. The audit
        log records the look-up without ``text``."""
        text = as_searched(text)
        by_number = set((await self._readers.by_numbers([normalise_student_no(text)])).values())
        owner = await self._cards.reader_of(text) if is_card_number(text) else None
        by_card = {owner} if owner is not None else set()
        by_exact_id = await self._readers.many(by_number | by_card)
        named = await self._readers.find_by_name(text, limit + 1)
        partly: list[Reader] = []
        if not by_exact_id and not named and len(text) >= SHORTEST_PART:
            partly = await self._readers.find_by_part(text, limit + 1)
        counts = {
            "by_number": len(by_number),
            "by_card": len(by_card),
            "by_name": min(len(named), limit),
            "by_part": min(len(partly), limit),
        }
        facts = {name: count for name, count in counts.items() if count}
        await self._audit.record_look(
            ctx, AuditAction.LOOKED_UP, target="readers", facts=facts or {"found": 0}
        )
        every = list((by_exact_id | {reader.id: reader for reader in (*named, *partly)}).values())
        return FoundReaders(every[:limit], len(every) > limit)

    async def look_at(self, ctx: StaffContext, reader: Reader) -> None:
        """Records in the audit log that the staff member opens the reader's page."""
        await self._audit.record_look(ctx, AuditAction.LOOKED_UP, reader=reader.id)

    async def reveal_number(self, ctx: StaffContext, reader: Reader, reason: str) -> str:
        """The reader's full student number. The audit log first records staff member and reason."""
        await self._audit.record_look(
            ctx, AuditAction.REVEAL_NUMBER, reader=reader.id, reason=reason
        )
        return reader.decrypt().student_no

    async def is_bound(self, reader_id: ReaderId) -> bool:
        return await self._codes.is_bound(reader_id)

    async def unbind(self, ctx: StaffContext, reader: Reader, reason: str) -> None:
        """Removes the reader's WeChat binding, for example after the loss of a phone, and ends
        all the reader's sessions. Raises: NotFound."""
        if not await self._codes.is_bound(reader.id):
            raise NotFound()
        async with self._audit.entry(
            ctx, AuditAction.UNBIND, reader=reader.id, reason=reason, before={"bound": True}
        ) as entry:
            await self._codes.unbind(reader.id)
            entry.after = {"bound": False}

    async def set_accommodation(
        self,
        ctx: StaffContext,
        reader: Reader,
        was: Accommodation,
        becomes: Accommodation,
        reason: str,
    ) -> None:
        """Grants or removes an accommodation. The audit log records only whether one is granted.
        Raises: AccommodationChanged if ``was`` is no longer the current one."""
        ctx.require(None)
        current = self._reference.active_accommodation(reader.id, self._reference.zone.day(ctx.now))
        async with self._audit.entry(
            ctx,
            AuditAction.SET_ACCOMMODATION,
            reader=reader.id,
            reason=reason,
            before={"granted": current is not NO_ACCOMMODATION},
        ) as entry:
            if not await self._accommodations.replace(reader.id, was, becomes):
                raise AccommodationChanged()
            await self._reference.refresh()
            entry.after = {"granted": becomes != NO_ACCOMMODATION}
