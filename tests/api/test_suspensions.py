"""Suspensions with and without an end, and the reason shown to readers."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from models.readers.entities import FOREVER
from tests.api.audit_log import facts
from tests.api.browsing import Browser
from tests.api.console import librarian, staff
from tests.api.reader_pages import WORDS, suspend
from tests.api.violations import missed, violations
from tests.living import Client, Living

COUNTED: Final = "30 天内累计违约 3 次"
WISH: Final = {"seat_id": "2f-hall-064", "start": "14:00", "end": "15:00"}


async def in_days(service: Living, days: int) -> str:
    """This clock time some days later, in the form's format."""
    return (service.clock.now() + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")


async def seen(service: Living, reader: Client) -> dict[str, str]:
    """The suspension on the reader's pages and on the librarian's."""
    page, desk = Browser(await service.web_reader(reader)), await staff(service)
    return {
        path: (await who.get(path)).body
        for who, path in (
            (page, "/me"),
            (page, "/reservations/violations"),
            (desk, f"/console/readers/{reader.reader_id}"),
            (desk, "/console/audit"),
        )
    }


async def refusal(service: Living, reader: Client) -> Any:
    """The refusal of a booking."""
    body = WISH | {"date": service.today}
    answer = await reader.refused("422 suspended", "POST", "/reservations", body)
    return answer.body["error"]


async def test_a_suspension_without_an_end_lasts_until_its_release(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    for wrong in ({}, {"forever": "1", "until": await in_days(service, 3)}):
        answer = await suspend(service, desk, reader, **wrong)
        assert answer.status == 400 and 'role="alert"' in answer.body, wrong
    assert (await suspend(service, desk, reader, forever="1")).status == 303
    me = await reader.ok("GET", "/me")
    assert me["suspension"] == {"until": None, "reason": WORDS, "violations": None, "days": None}
    assert me["suspended_until"] == "9999-01-01T08:00:00+08:00"
    error = await refusal(service, reader)
    assert error["details"] == {"reason": WORDS}
    assert error["message"] == f"预约已暂停，图书馆解除前不能预约。原因：{WORDS}"
    (message,) = (await reader.ok("GET", "/messages"))["items"]
    assert "已长期暂停" in message["text"] and WORDS in message["text"]
    pages = await seen(service, reader)
    for path, body in pages.items():
        text = re.sub(r'name="was" value="[^"]*"', "", body)
        assert "长期" in text and "9999" not in text and WORDS in text, path

    # It is made shorter, and ended.
    shorter = {"until": await in_days(service, 3), "reason": "已面谈"}
    assert (await suspend(service, desk, reader, **shorter)).status == 303
    assert (await refusal(service, reader))["details"].keys() == {"until", "reason"}
    assert (await suspend(service, desk, reader, forever="1")).status == 303
    assert (await suspend(service, desk, reader, release="1")).status == 303
    assert (await reader.ok("GET", "/me"))["suspension"] is None
    assert "已解除" in (await reader.ok("GET", "/messages"))["items"][0]["text"]
    await reader.ok("POST", "/reservations", WISH | {"date": service.today})
    ((before, after),) = [(b, a) for b, a, end in await facts(service, "release") if end == "done"]
    assert (before["suspended_until"], after["suspended_until"]) == ("forever", None)
    stands = await service.inside.stored.readers.get(reader.reader_id)
    assert stands is not None and stands.suspended_for is None


async def test_the_second_of_two_changes_of_a_suspension_is_a_conflict(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    assert (await suspend(service, desk, reader, until=await in_days(service, 1))).status == 303
    late = await suspend(service, desk, reader, was="", release="1")
    assert late.status == 409 and 'role="alert"' in late.body
    for odd in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2026-09-07", "x"):
        assert (await suspend(service, desk, reader, was=odd, release="1")).status == 400, odd
    for wrong in ("2020-01-01T00:00", await in_days(service, 1100), "x", ""):
        assert (await suspend(service, desk, reader, until=wrong)).status == 400, wrong
    await refusal(service, reader)
    assert [m["title"] for m in (await reader.ok("GET", "/messages"))["items"]] == ["暂停预约"]
    here = f"/console/readers/{reader.reader_id}"
    assert "解除暂停" in (await desk.get(here)).body
    done = await suspend(service, desk, reader, release="1")
    assert done.headers["Location"] == f"{here}?done=release"
    page = (await desk.get(f"{here}?done=release")).body
    assert "已办理：解除暂停" in page and "更改暂停" not in page and "更改或解除" not in page
    ((before, after),) = [(b, a) for b, a, end in await facts(service, "suspend") if end == "done"]
    assert before["suspended_until"] is None and after["suspended_until"] is not None


async def test_violations_are_the_reason_until_a_librarian_suspends(service: Living) -> None:
    reader = await missed(service, 3)
    suspension = (await reader.ok("GET", "/me"))["suspension"]
    until = suspension.pop("until")
    assert suspension == {"reason": COUNTED, "violations": 3, "days": 30}
    error = await refusal(service, reader)
    assert error["details"] == {"until": until, "violations": 3, "days": 30}
    assert error["message"].endswith(f"前不能预约。原因：{COUNTED}")
    pages = await seen(service, reader)
    del pages["/console/audit"]
    for path, body in pages.items():
        assert "暂停预约至" in body and COUNTED in body, path
    # The librarian's own reason is shown, whatever came before or after.
    until = await in_days(service, 30)
    assert (await suspend(service, await staff(service), reader, until=until)).status == 303
    before = (await reader.ok("GET", "/me"))["suspension"]
    oldest = (await violations(reader))[-1]
    waive = f"/staff/violations/{oldest['id']}/waive"
    await (await librarian(service)).ok("POST", waive, {"reason": "闸机故障"})
    me = await reader.ok("GET", "/me")
    assert me["suspension"] == before and before["reason"] == WORDS
    assert me["violations_count"] == 2
    # It is ended by a librarian, as one of theirs is.
    assert (await suspend(service, await staff(service), reader, release="1")).status == 303
    assert (await reader.ok("GET", "/me"))["suspension"] is None
    await reader.reserve("2f-hall-064")


@pytest.mark.whole
async def test_violations_that_outlast_a_librarians_suspension_become_its_reason(
    service: Living,
) -> None:
    """After their waiver the librarian's suspension applies again."""
    reader = await missed(service, 2)
    await service.move(timedelta(hours=22, minutes=40))
    now = service.clock.now()
    reader.token = (await service.sessions.open_wx(reader.openid, None, now)).token
    await reader.reserve(start="09:00", end="12:00")
    desk, until = await staff(service), await in_days(service, 2)
    assert (await suspend(service, desk, reader, forever="1", reason="未到面谈")).status == 303
    assert (await suspend(service, desk, reader, until=until)).status == 303
    own = (await reader.ok("GET", "/me"))["suspension"]
    assert own["reason"] == WORDS
    await service.move("09:31")
    await service.settle()
    assert (await reader.ok("GET", "/me"))["suspension"]["reason"] == COUNTED
    waive = f"/staff/violations/{(await violations(reader))[0]['id']}/waive"
    await (await librarian(service)).ok("POST", waive, {"reason": "闸机故障"})
    assert (await reader.ok("GET", "/me"))["suspension"] == own


@pytest.mark.whole
async def test_violations_do_not_shorten_a_suspension_without_an_end(service: Living) -> None:
    reader = await missed(service, 2)
    await service.move(timedelta(hours=22, minutes=40))
    now = service.clock.now()
    reader.token = (await service.sessions.open_wx(reader.openid, None, now)).token
    await reader.reserve(start="09:00", end="12:00")
    assert (await suspend(service, await staff(service), reader, forever="1")).status == 303
    await service.move("09:31")
    await service.settle()
    stands = await service.inside.stored.readers.get(reader.reader_id)
    assert stands is not None and stands.suspended_until == FOREVER
    suspension = (await reader.ok("GET", "/me"))["suspension"]
    assert (suspension["until"], suspension["reason"]) == (None, WORDS)
    messages = (await reader.ok("GET", "/messages"))["items"]
    assert "预约资格暂停" not in [m["title"] for m in messages], "no end is told that is none"
    assert "（第 3/3 次），图书馆解除前不能预约" in messages[0]["text"]


@pytest.mark.whole
async def test_suspension_and_release_are_pushed_to_the_readers_phone(service: Living) -> None:
    """By the consented template: a suspension, one without an end, and the release. The staff's own
    words stay in the app."""
    desk, reader = await staff(service), await service.reader()
    for _ in range(3):
        await reader.accept("SUSPENDED")
    until = await in_days(service, 3)
    for form in ({"until": until}, {"forever": "1"}, {"release": "1"}):
        assert (await suspend(service, desk, reader, **form)).status == 303
        await service.settle()
        await service.leap(timedelta(minutes=1))
    got = await reader.messages()
    assert [m["template"] for m in got] == ["SUSPENDED"] * 3
    assert {m["page"] for m in got} == {"pages/index/index"}, "there is no booking to open"
    values = [[field["value"] for field in m["data"].values()] for m in got]
    day = datetime.fromisoformat(until)
    assert values == [
        [
            f"{day.year}年{day.month}月{day.day}日 {day:%H:%M}",
            "由图书馆暂停，原因见消息",
            "已有的预约不受影响",
        ],
        ["9999年1月1日 08:00", "由图书馆暂停，原因见消息", "长期暂停，至图书馆解除"],
        ["2026年9月7日 08:02", "图书馆已解除暂停", "现在可以预约"],
    ]
    messages = (await reader.ok("GET", "/messages"))["items"]
    assert all(WORDS in m["text"] for m in messages), "in the app, sealed"
    assert WORDS not in await service.all_documents()
