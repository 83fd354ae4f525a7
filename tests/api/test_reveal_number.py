"""显示学号: the whole number of one reader, for a librarian who gives a reason, once."""

from __future__ import annotations

from models.identity.roles import Role
from models.staff.audit import AuditAction, AuditKind, AuditQuery
from tests.api.audit_log import closed_log, looks
from tests.api.console import post, staff
from tests.living import Living

WHY = "核对校园卡上的学号"


async def test_a_librarian_who_gives_a_reason_sees_the_number_on_one_page(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    here = f"/console/readers/{reader.reader_id}"
    assert reader.number not in (await desk.get(here)).body
    assert "显示学号" not in (await (await staff(service, Role.VIEWER)).get(here)).body
    page = await post(service, desk, f"{here}/number", reason=WHY)
    assert page.status == 200 and reader.number in page.body
    assert page.headers["Cache-Control"] == "no-store"
    assert reader.number not in (await desk.get(here)).body, "not on the next page"
    query = AuditQuery(action=AuditAction.REVEAL_NUMBER.value)
    ((entry,), _) = await service.inside.stored.audit_log.page_of(query, 0, 9)
    assert (entry.kind, entry.reason, entry.role) == (AuditKind.LOOK, WHY, "librarian")
    assert (entry.target, entry.reader) == (f"reader:{reader.reader_id}", reader.reader_id)
    assert (entry.before, entry.after, entry.outcome) == ({}, {}, "done")
    assert reader.number not in await service.all_documents(), "nor in the log"
    log = (await desk.get(f"/console/audit?kind=look&reader={reader.reader_id}")).body
    assert "显示学号" in log and WHY in log and reader.number not in log


async def test_the_number_is_not_shown_if_the_audit_entry_fails(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    path = f"/console/readers/{reader.reader_id}/number"
    async with closed_log(service):
        answer = await post(service, desk, path, reason=WHY)
    assert answer.status >= 500 and reader.number not in answer.body
    assert reader.number in (await post(service, desk, path, reason=WHY)).body


async def test_the_number_is_not_shown_without_a_reason(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    path = f"/console/readers/{reader.reader_id}/number"
    for reason in ("", "x" * 201):
        answer = await post(service, desk, path, reason=reason)
        assert answer.status == 400 and 'role="alert"' in answer.body
        assert reader.number not in answer.body
        assert f'value="{reason}"' in answer.body, "what was typed stands"
    assert {action for action, *_ in await looks(service)} == {"look_up"}, "the page alone"


async def test_an_unknown_reader_is_not_found(service: Living) -> None:
    desk = await staff(service)
    assert (await post(service, desk, f"/console/readers/{'0' * 24}/number")).status == 404
    assert await looks(service) == []
