"""The audit log: changes by staff and their views of personal data, recorded before they happen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    nullcontext,
)
from dataclasses import dataclass, field, replace
from datetime import datetime

from models.identity.roles import Role, StaffRights, rights_everywhere
from models.kernel.errors import Conflict, NotFound, RuleViolation
from models.kernel.ids import Actor, ReaderId
from models.kernel.zone import Zone
from models.library.entities import VenueId
from models.readers.context import IdempotencyKey, RequestContext
from models.readers.entities import Reader
from models.staff.audit import BY_READER, DONE, AuditAction, AuditEntry, AuditQuery, JsonObject
from models.staff.audit_repository import AuditLogRepository


@dataclass(frozen=True, slots=True)
class StaffContext:
    """The staff member who performs an operation, their role, and the time."""

    reader: Reader
    role: Role
    now: datetime
    zone: Zone
    rights: StaffRights | None = None
    """The staff member's roles by venue. None: `role` holds in the whole library."""
    key: IdempotencyKey | None = None
    """The idempotency key of a request that the client may repeat."""
    step_aside: Callable[[], AbstractContextManager[None]] = nullcontext
    """Returns a context manager for a wait. The number of changes that run in parallel is
    limited; during the wait another change may run in place of this one."""

    def require(self, venue_id: VenueId | None, role: Role = Role.LIBRARIAN) -> None:
        """Requires the role in the venue (None: the whole library). Raises: OtherVenue."""
        (self.rights or rights_everywhere(self.role)).require(role, venue_id)

    @property
    def actor(self) -> Actor:
        """The actor under whom the operation appears in the histories of reservations."""
        return Actor("librarian", self.reader.id)

    def acting_for(self, reader: Reader) -> RequestContext:
        return RequestContext(reader, self.actor, self.now, self.key, self.step_aside)


@dataclass(slots=True)
class OpenAuditEntry:
    """The entry of an operation under way. The operation sets `after`, stored on success."""

    after: JsonObject = field(default_factory=dict)


class AuditLog:
    def __init__(self, entries: AuditLogRepository) -> None:
        self._entries = entries

    def entry(
        self,
        ctx: StaffContext,
        action: AuditAction,
        *,
        target: str = "",
        reader: ReaderId | None = None,
        reason: str = "",
        before: JsonObject | None = None,
    ) -> AbstractAsyncContextManager[OpenAuditEntry]:
        """A context manager for an operation. The entry is stored before the block begins. At the
        end its outcome is stored: done, or the error code of a Conflict, RuleViolation or NotFound.
        After other exceptions the outcome stays empty, since something may have changed.

        The entry names `target`, or `reader` if there is no target.
        """
        return self._around(
            replace(_entry(ctx, action, target, reader, reason), before=before or {})
        )

    def entry_of_reader(
        self, reader_id: ReaderId, now: datetime, action: AuditAction
    ) -> AbstractAsyncContextManager[OpenAuditEntry]:
        """A context manager for an operation that a reader makes with a code issued by staff.
        The entry is stored before the block begins, its outcome at the end, in the same way as
        for staff (``entry``)."""
        target = f"reader:{reader_id}"
        return self._around(AuditEntry("", now, reader_id, BY_READER, action, target, reader_id))

    @asynccontextmanager
    async def _around(self, begun: AuditEntry) -> AsyncIterator[OpenAuditEntry]:
        id, entry = await self._entries.begin(begun), OpenAuditEntry()
        try:
            yield entry
        except (Conflict, RuleViolation, NotFound) as error:
            await self._entries.end(id, error.code, None)
            raise
        await self._entries.end(id, DONE, entry.after)

    async def record_look(
        self,
        ctx: StaffContext,
        action: AuditAction,
        *,
        target: str = "",
        reader: ReaderId | None = None,
        reason: str = "",
        facts: JsonObject | None = None,
    ) -> None:
        """Records a view of personal data, before the data are shown. ``facts`` name the kinds
        of data and never contain the data. Raises: Unavailable; then the data must not be shown."""
        look = _entry(ctx, action, target, reader, reason)
        await self._entries.begin(replace(look, after=facts or {}, outcome=DONE))

    async def get(self, id: str) -> AuditEntry:
        """The audit entry with this id. Raises: NotFound."""
        entry = await self._entries.get(id)
        if entry is None:
            raise NotFound()
        return entry

    async def page_of(
        self, criteria: AuditQuery, skip: int, limit: int, exclude: str = ""
    ) -> tuple[list[AuditEntry], int]:
        """A page of the audit entries that match, newest first, and their total number. Entries
        of the action ``exclude`` are left out."""
        return await self._entries.page_of(criteria, skip, limit, exclude)


def _entry(
    ctx: StaffContext, action: AuditAction, target: str, reader: ReaderId | None, reason: str
) -> AuditEntry:
    target = target or f"reader:{reader}"
    return AuditEntry("", ctx.now, ctx.reader.id, ctx.role.value, action, target, reader, reason)


def instant_text(zone: Zone, when: datetime | None) -> str | None:
    """The instant as ISO 8601 in the library's time zone, for audit entries; None for None."""
    return zone.local(when).isoformat() if when is not None else None
