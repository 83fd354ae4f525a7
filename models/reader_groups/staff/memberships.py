from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from models.kernel.days import days_document
from models.kernel.ids import ReaderId
from models.reader_groups.entities import GroupId, Membership, ReaderGroup
from models.reader_groups.errors import MembershipChanged, TooManyGroups
from models.reader_groups.membership_repository import MAX_MEMBERSHIPS, MembershipRepository
from models.readers.entities import Reader
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext

_BATCH = 500
"""An import processes at most this many readers at a time."""


class StaffMemberships:
    """Changes memberships, with an entry in the audit log for each change."""

    def __init__(
        self,
        audit: AuditLog,
        memberships: MembershipRepository,
        readers: ReaderRepository,
        reference: ReferenceData,
        on_reader_changed: Callable[[ReaderId], Awaitable[None]],
    ) -> None:
        self._audit, self._memberships, self._readers = audit, memberships, readers
        self._reference, self._on_reader_changed = reference, on_reader_changed

    async def sizes(self) -> Mapping[GroupId, int]:
        """The number of readers with a membership in each group."""
        ids = self._reference.groups.by_id
        return {id: await self._memberships.count_in(id) for id in ids}

    async def set_membership(
        self,
        ctx: StaffContext,
        reader: Reader,
        was: Membership | None,
        new: Membership | None,
        reason: str,
    ) -> None:
        """Replaces the reader's membership ``was`` by ``new``; None stands for no membership.
        Raises: MembershipChanged if the stored membership is not ``was``; TooManyGroups."""
        ctx.require(None)
        async with self._audit.entry(
            ctx, AuditAction.SET_MEMBERSHIP, reader=reader.id, reason=reason, before=self._days(was)
        ) as entry:
            if not await self._memberships.replace(reader.id, was, new):
                if was is None and len(reader.memberships) >= MAX_MEMBERSHIPS:
                    raise TooManyGroups(limit=MAX_MEMBERSHIPS)
                raise MembershipChanged()
            await self._on_reader_changed(reader.id)
            entry.after = self._days(new)

    async def known_of(self, numbers: Sequence[str]) -> int:
        """The number of these student numbers that belong to readers in the database."""
        return len(await self._readers.by_numbers(numbers))

    async def import_members(
        self,
        ctx: StaffContext,
        group: ReaderGroup,
        rows: Mapping[str, Membership],
        reason: str,
    ) -> int:
        """Adds the readers with these (normalised) student numbers to the group; returns the
        number of changed readers. Readers who never signed in are created with the number only."""
        ctx.require(None)
        numbers, changed = list(rows), 0
        async with self._audit.entry(
            ctx, AuditAction.IMPORT_MEMBERS, target=f"group:{group.id}", reason=reason
        ) as entry:
            for begin in range(0, len(numbers), _BATCH):
                some = numbers[begin : begin + _BATCH]
                reader_ids = await self._readers.enter_numbers(some, ctx.now)
                changed += await self._memberships.put_all(
                    [(id, rows[number]) for number, id in reader_ids.items()]
                )
            entry.after = {"name": group.name, "members": changed}
        return changed

    def _days(self, m: Membership | None) -> JsonObject:
        if m is None:
            return {}
        group = self._reference.groups.by_id.get(m.group_id)
        return {
            "group": group.name if group is not None else m.group_id,
            **days_document(m.first, m.last),
        }
