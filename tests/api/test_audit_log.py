"""Each change has an audit entry that is written before it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

from models.identity.roles import Role
from models.kernel.errors import Unavailable, WrongState
from models.staff.audit import AuditAction, AuditEntry, AuditQuery
from models.staff.audit_log import AuditLog, StaffContext
from tests.api.audit_log import closed_log
from tests.api.console import forms, log, post, staff
from tests.api.notices import WRITTEN
from tests.api.violations import missed
from tests.builders import ZONE
from tests.living import Living


async def test_the_audit_entry_is_written_before_the_change(service: Living) -> None:
    """A change that is interrupted leaves an entry without an outcome."""
    reader, audit = await service.reader(), service.inside.stored.audit_log
    who = await service.inside.stored.readers.get(reader.reader_id)
    assert who is not None
    ctx, log = StaffContext(who, Role.LIBRARIAN, service.clock.now(), ZONE), AuditLog(audit)

    async def newest() -> AuditEntry:
        ((entry,), _) = await audit.page_of(AuditQuery(), 0, 1)
        return entry

    for error, outcome in (
        (None, "done"),
        (asyncio.CancelledError(), ""),
        (Unavailable(), ""),  # who knows what it has done
        (WrongState(state="x"), "wrong_state"),
    ):
        with contextlib.suppress(asyncio.CancelledError, Unavailable, WrongState):
            async with log.entry(ctx, AuditAction.WAIVE, target="x:1", before={"n": 1}) as entry:
                begun = await newest()
                entry.after = {"n": 7}
                if error is not None:
                    raise error
        assert (begun.before, begun.after, begun.outcome) == ({"n": 1}, None, "")
        after = {"n": 7} if outcome == "done" else None
        assert await newest() == replace(begun, after=after, outcome=outcome)


async def test_a_change_whose_audit_entry_fails_is_not_made(service: Living) -> None:
    reader, head = await missed(service, 1), await staff(service, Role.ADMINISTRATOR)
    day = {"first": service.today, "last": service.today}
    made = await forms(service, reader) | {
        "/console/readers/visitors": {"name": "周访客", **day},
        "/console/groups": {"name": "研究生"},
        "/console/canned-answers": {"title": "插座", "text": "已报修"},
        "/console/plans": {"id": "new-area", "venue": "library", "name": "西区", "floor": "1"},
        "/console/devices/venues": {"base": "library:0 juridicum:0"},
        "/console/staff": {"number": reader.number, "role": "librarian", "where": "all"},
        "/console/notices": WRITTEN,
    }
    before = await service.books()
    async with closed_log(service):
        for path, form in made.items():
            assert (await post(service, head, path, **form)).status >= 500, path
            assert await service.books() == before, path
    assert await log(service) == []
    # The control: the first of them is done otherwise.
    path, form = next(iter(made.items()))
    assert (await post(service, head, path, **form)).status == 303
    assert await service.books() != before
