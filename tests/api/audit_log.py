"""Entries of the audit log, as tests compare them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from models.staff.audit import AuditKind, AuditQuery
from tests.living import Living

LOOKS: Final = AuditQuery(kind=AuditKind.LOOK.value)


async def looks(service: Living) -> list[tuple[str, str, Any]]:
    """Each look at personal data: action, target and counts shown, oldest first."""
    rows, _ = await service.inside.stored.audit_log.page_of(LOOKS, 0, 50)
    assert {entry.outcome for entry in rows} <= {"done"}, "one write makes it complete"
    return [(entry.action.value, entry.target, entry.after) for entry in reversed(rows)]


@asynccontextmanager
async def closed_log(service: Living) -> AsyncIterator[None]:
    """Lets every write of an audit entry fail within the block."""
    nothing_fits = {"never": {"$exists": True}}
    await service.db.command({"collMod": "audit", "validator": nothing_fits})
    try:
        yield
    finally:
        await service.db.command({"collMod": "audit", "validator": {}})


async def facts(service: Living, action: str) -> list[tuple[Any, Any, str]]:
    rows, _ = await service.inside.stored.audit_log.page_of(AuditQuery(action=action), 0, 10)
    return [(e.before, e.after, e.outcome) for e in rows]
