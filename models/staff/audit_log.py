"""The audit log: each change by the staff has its entry, written before anything changes, and each
look at personal data has one, written before anything is shown."""

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
from models.kernel.time_range import to_local
from models.library.entities import VenueId
from models.readers.context import IdempotencyKey, RequestContext
from models.readers.entities import Reader
from models.staff.audit import BY_READER, DONE, AuditAction, AuditEntry, AuditQuery, JsonObject
from models.staff.audit_repository import AuditLogRepository


@dataclass(frozen=True, slots=True)
class StaffContext:
    """Who of the staff does it, in which role, and when."""

    reader: Reader
    role: Role
    now: datetime
    rights: StaffRights | None = None
    """What they may do, and where; that role in the whole library where nothing else is said."""
    key: IdempotencyKey | None = None
    """Of a request that may be sent again."""
    step_aside: Callable[[], AbstractContextManager[None]] = nullcontext
    """As in ``RequestContext``."""

    def require(self, venue_id: VenueId | None, wanted: Role = Role.LIBRARIAN) -> None:
        """They have that role in the venue, or (None) in the whole library. Raises: OtherVenue."""
        (self.rights or rights_everywhere(self.role)).require(wanted, venue_id)

    @property
    def actor(self) -> Actor:
        """Who a reservation's history names."""
        return Actor("librarian", self.reader.id)

    def acting_for(self, reader: Reader) -> RequestContext:
        """The context of an operation that is done in the reader's place."""
        return RequestContext(reader, self.actor, self.now, self.key, self.step_aside)


@dataclass(slots=True)
class OpenAuditEntry:
    """An entry whose operation is under way. ``after`` is what it keeps once that is done."""

    after: JsonObject = field(default_factory=dict)


class AuditLog:
    """Records operations, and shows what was recorded."""

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
        """The entry around an ``async with`` block, which is the operation. ``reader`` is whom it
        concerns, and the target where none is named.

        The entry is written before the block begins. Its outcome is written at the end: done, or
        the code of a Conflict, RuleViolation or NotFound. After any other exception it is not
        certain that nothing has changed, and the entry stays without an outcome.
        """
        return self._around(
            replace(_entry(ctx, action, target, reader, reason), before=before or {})
        )

    def entry_of_reader(
        self, reader_id: ReaderId, now: datetime, action: AuditAction
    ) -> AbstractAsyncContextManager[OpenAuditEntry]:
        """The same around what readers do by what the staff gave them."""
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
        """The look at personal data is kept, in one write. Whoever shows them calls this first.
        ``facts`` say what kind of data they are and never hold them.

        Raises: Unavailable; nothing may be shown then.
        """
        look = _entry(ctx, action, target, reader, reason)
        await self._entries.begin(replace(look, after=facts or {}, outcome=DONE))

    async def get(self, id: str) -> AuditEntry:
        """The entry with that id. Raises: NotFound."""
        entry = await self._entries.get(id)
        if entry is None:
            raise NotFound()
        return entry

    async def page_of(
        self, wanted: AuditQuery, skip: int, limit: int, exclude: str = ""
    ) -> tuple[list[AuditEntry], int]:
        """A page of entries, the newest first, and how many there are; without those of the action
        ``exclude``."""
        return await self._entries.page_of(wanted, skip, limit, exclude)


def _entry(
    ctx: StaffContext, action: AuditAction, target: str, reader: ReaderId | None, reason: str
) -> AuditEntry:
    target = target or f"reader:{reader}"
    return AuditEntry("", ctx.now, ctx.reader.id, ctx.role.value, action, target, reader, reason)


def instant_text(when: datetime | None) -> str | None:
    """The instant on the library's clock, as the entry keeps it."""
    return to_local(when).isoformat() if when is not None else None
