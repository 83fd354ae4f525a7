from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from models.identity.grant_repository import StaffGrantRepository
from models.identity.roles import GrantId, Role, StaffDirectory, StaffGrant
from models.kernel.days import days_document
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.readers.entities import Reader, normalise_student_no
from models.readers.repository import ReaderRepository
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext
from models.storage.mongo import new_id


@dataclass(frozen=True, slots=True)
class GrantedRole:
    """A grant with the reader who has it. `active`: True if it is valid today."""

    reader: Reader
    grant: StaffGrant
    active: bool


class StaffGrants:
    """Gives and takes back readers' roles, with audit entries. Changes take effect immediately."""

    def __init__(
        self,
        audit: AuditLog,
        grants: StaffGrantRepository,
        readers: ReaderRepository,
        configured: StaffDirectory,
        on_reader_changed: Callable[[ReaderId], Awaitable[None]],
    ) -> None:
        self._audit, self._grants, self._readers = audit, grants, readers
        self._configured, self._on_reader_changed = configured, on_reader_changed

    async def all(self, ctx: StaffContext) -> Sequence[GrantedRole]:
        """All grants, highest roles first."""
        grants = await self._grants.all()
        readers = await self._readers.many({reader_id for reader_id, _ in grants})
        today, ranks = ctx.zone.day(ctx.now), list(Role)
        rows = [
            GrantedRole(readers[id], grant, grant.is_active_on(today))
            for id, grant in grants
            if id in readers
        ]
        return sorted(rows, key=lambda row: (-ranks.index(row.grant.role), row.grant.id))

    async def find(self, number: str) -> Reader | None:
        """The reader with that student or staff number; None if they have never signed in."""
        number = normalise_student_no(number)
        id = (await self._readers.by_numbers([number])).get(number)
        return await self._readers.get(id) if id is not None else None

    async def give(self, ctx: StaffContext, reader: Reader, grant: StaffGrant, reason: str) -> None:
        """Gives the role, under a new grant id. Raises: NotFound if the reader does not exist."""
        ctx.require(None, Role.ADMINISTRATOR)
        new = replace(grant, id=GrantId(new_id()), by=ctx.reader.id, at=ctx.now)
        async with self._audit.entry(
            ctx, AuditAction.GRANT_ROLE, reader=reader.id, reason=reason
        ) as entry:
            if not await self._grants.give(reader.id, new):
                raise NotFound()
            await self._on_reader_changed(reader.id)
            entry.after = _snapshot(new)

    async def take_back(
        self, ctx: StaffContext, reader_id: ReaderId, grant_id: str, reason: str
    ) -> None:
        """Ends the grant immediately, in all sessions. Raises: NotFound; LastAdministrator."""
        ctx.require(None, Role.ADMINISTRATOR)
        rows = [g for id, g in await self._grants.all() if id == reader_id and g.id == grant_id]
        if not rows:
            raise NotFound()
        async with self._audit.entry(
            ctx, AuditAction.GRANT_ROLE, reader=reader_id, reason=reason, before=_snapshot(rows[0])
        ):
            today, others = ctx.zone.day(ctx.now), self._configured.names_administrator
            if not await self._grants.take_back(reader_id, rows[0].id, today, others=others):
                raise NotFound()
            await self._on_reader_changed(reader_id)


def _snapshot(g: StaffGrant) -> JsonObject:
    return {
        "role": g.role.value,
        "venues": ", ".join(sorted(g.venues)) or None,
        **days_document(g.first, g.last),
    }
