"""The console over HTTP, and the log of changes."""

from __future__ import annotations

import re
from typing import Any, Final

from models.identity.roles import Role
from models.staff.audit import AuditKind, AuditQuery
from tests.api.browsing import Browser
from tests.living import Client, Living

WHEREFORE = "手机没电，核对过校园卡"
_SAYS: Final = re.compile(r"[?&](done|paired|unchanged|noted)\b")
"""The parameter that makes the page after a form say what was saved."""


async def staff(service: Living, role: Role | None = Role.LIBRARIAN) -> Browser:
    return Browser(await service.web_reader(role=role))


async def post(service: Living, who: Browser, path: str, **form: str) -> Any:
    csrf = await who.token("/contact")
    answer = await who.post(path, {"csrf": csrf, "reason": WHEREFORE, **form}, service.base)
    if answer.status == 303 and path.startswith("/console/") and path != "/console/setup":
        next_page = answer.headers["Location"]
        assert _SAYS.search(next_page) or next_page.startswith("/login"), (path, next_page)
    return answer


async def log(service: Living) -> list[tuple[str, str, str]]:
    """Each change: action, target and outcome, oldest first."""
    changes = AuditQuery(kind=AuditKind.CHANGE.value)
    entries, _ = await service.inside.stored.audit_log.page_of(changes, 0, 100)
    return [(e.action, e.target, e.outcome) for e in reversed(entries)]


async def librarian(service: Living) -> Client:
    return await service.web_reader(role=Role.LIBRARIAN)


async def forms(service: Living, reader: Client) -> dict[str, dict[str, str]]:
    """Every form of the console with valid values, by path."""
    made = await reader.reserve("2f-hall-010", "now", "11:00")
    (violation,) = (await reader.ok("GET", "/violations"))["items"]
    await service.inside.stored.feedback.add(
        reader.reader_id, "k", "插座不通电", service.clock.now()
    )
    (question,) = await service.inside.stored.feedback.waiting(1)
    here = f"/console/reservations/{made['id']}"
    return {
        f"{here}/cancel": {},
        f"{here}/check_in": {},
        f"{here}/leave": {},
        f"{here}/finish": {},
        f"{here}/move": {"seat": "2f-hall-011"},
        f"/console/reports/{made['id']}/resolve": {},
        f"/console/readers/{reader.reader_id}/unbind": {},
        f"/console/violations/{violation['id']}/waive": {},
        "/console/violations/waive": {"from": "2026-09-07T00:00", "to": "2026-09-08T00:00"},
        f"/console/appeals/{violation['id']}": {"granted": "yes", "text": "情况属实"},
        f"/console/questions/{question.id}": {"text": "已报修"},
    }
