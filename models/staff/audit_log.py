"""Audited operations: each change by the staff has its entry, written before anything changes, and
each look at personal data has one, written before anything is shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from models.identity.roles import Role, StaffRights, rights_everywhere
from models.kernel.errors import Conflict, NotFound, RuleViolation
from models.kernel.ids import Actor, ReaderId
from models.kernel.time_range import to_local
from models.library.entities import VenueId
from models.readers.context import IdempotencyKey, RequestContext
from models.readers.entities import Reader
from models.staff.audit import BY_READER, DONE, AuditAction, AuditEntry, AuditQuery, JsonObject
from models.staff.audit_repository import AuditLogRepository

Result = TypeVar("Result")


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


@dataclass(frozen=True, slots=True)
class AuditedOperation:
    """What the entry says beforehand; ``reader`` is whom it concerns."""

    action: AuditAction
    target: str
    reader: ReaderId | None = None
    reason: str = ""
    before: JsonObject = field(default_factory=dict)


class AuditLog:
    """Records operations, and shows what was recorded."""

    def __init__(self, entries: AuditLogRepository) -> None:
        self._entries = entries

    async def record(
        self,
        ctx: StaffContext,
        operation: AuditedOperation,
        work: Callable[[], Awaitable[Result]],
        after: Callable[[Result], JsonObject],
    ) -> Result:
        """The result of ``work``, done between the two halves of its entry.

        Raises: what ``work`` raises. Where it is not certain that nothing has changed, the entry
        stays without an outcome.
        """
        return await self._record(_entry(ctx, operation), work, after)

    async def record_of_reader(
        self,
        reader_id: ReaderId,
        now: datetime,
        operation: AuditedOperation,
        work: Callable[[], Awaitable[Result]],
    ) -> Result:
        """The same of something that readers do by what the staff gave them."""
        entry = AuditEntry(
            id="",
            at=now,
            actor_id=reader_id,
            role=BY_READER,
            action=operation.action,
            target=operation.target,
            reader=operation.reader,
            reason="",
            before={},
            after=None,
            outcome="",
        )
        return await self._record(entry, work, nothing)

    async def _record(
        self,
        begun: AuditEntry,
        work: Callable[[], Awaitable[Result]],
        after: Callable[[Result], JsonObject],
    ) -> Result:
        entry = await self._entries.begin(begun)
        try:
            done = await work()
        except (Conflict, RuleViolation, NotFound) as error:
            await self._entries.end(entry, error.code, None)
            raise
        await self._entries.end(entry, DONE, after(done))
        return done

    async def record_look(
        self, ctx: StaffContext, operation: AuditedOperation, seen: JsonObject
    ) -> None:
        """Keep that somebody looks at personal data, in one write. Whoever shows them calls this
        first. ``seen`` says what kind of data they are and never holds them.

        Raises: ServiceUnavailable; nothing may be shown then.
        """
        await self._entries.begin(_entry(ctx, operation, seen, DONE))

    async def get(self, id: str) -> AuditEntry:
        """Raises: NotFound."""
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
    ctx: StaffContext,
    operation: AuditedOperation,
    after: JsonObject | None = None,
    outcome: str = "",
) -> AuditEntry:
    return AuditEntry(
        id="",
        at=ctx.now,
        actor_id=ctx.reader.id,
        role=ctx.role.value,
        action=operation.action,
        target=operation.target,
        reader=operation.reader,
        reason=operation.reason,
        before=operation.before,
        after=after,
        outcome=outcome,
    )


def as_it_is(done: JsonObject) -> JsonObject:
    """The result, which is what the entry keeps."""
    return done


def instant_text(when: datetime | None) -> str | None:
    """The instant on the library's clock, as the entry keeps it."""
    return to_local(when).isoformat() if when is not None else None


def nothing(_: object) -> Mapping[str, object]:
    """Nothing, where the entry keeps no result."""
    return {}
