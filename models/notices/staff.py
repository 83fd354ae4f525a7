from __future__ import annotations

from dataclasses import replace

from models.kernel.zone import Zone
from models.notices.entities import Notice
from models.notices.errors import NoticeChanged
from models.notices.repository import NoticeRepository
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext, instant_text
from models.storage.mongo import new_id


class StaffNotices:
    def __init__(self, audit: AuditLog, notices: NoticeRepository) -> None:
        self._audit, self._notices = audit, notices

    async def write(self, ctx: StaffContext, old: Notice | None, new: Notice, reason: str) -> None:
        """Replaces the notice ``old`` by ``new``; with None for ``old``, publishes ``new`` under
        a new id. Raises: NoticeChanged, changing nothing, if another change came first."""
        ctx.require(None)
        if old is None:
            new = replace(new, id=new_id())
        before = notice_snapshot(ctx.zone, old) if old is not None else {}
        async with self._audit.entry(
            ctx, AuditAction.NOTICE, target=f"notice:{new.id}", reason=reason, before=before
        ) as entry:
            if old is None:
                await self._notices.add(new)
            elif not await self._notices.replace(new):
                raise NoticeChanged()
            entry.after = notice_snapshot(ctx.zone, new)

    async def withdraw(self, ctx: StaffContext, old: Notice, reason: str) -> None:
        """Withdraws the notice from readers. Raises: NoticeChanged if another change came first."""
        published = min(old.published_at, ctx.now)
        new = replace(old, published_at=published, until=ctx.now, rev=old.rev + 1)
        await self.write(ctx, old, new, reason)


def notice_snapshot(zone: Zone, n: Notice) -> JsonObject:
    return {
        "title": n.title,
        "body": n.body,
        "published_at": instant_text(zone, n.published_at),
        "until": instant_text(zone, n.until),
        "pinned": n.pinned,
    }
