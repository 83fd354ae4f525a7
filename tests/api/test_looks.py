"""Looks at personal data and exports are logged before anything is shown."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from yarl import URL

from models.identity.roles import Role
from tests.api.audit_log import LOOKS, closed_log, looks
from tests.api.browsing import Browser
from tests.api.console import post, staff
from tests.api.reader_pages import find
from tests.living import Client, Living

NAME: Final = "欧阳若兰"
CARD: Final = "A1B2C3D4"


async def reader_to_find(service: Living) -> Client:
    """A reader who can be found by number, name and card."""
    reader = await service.web_reader()
    await service.inside.stored.readers.upsert_from_login(
        reader.number, NAME, "student", service.clock.now()
    )
    await service.inside.stored.cards.put(CARD, reader.reader_id)
    return reader


async def test_a_search_is_logged_by_its_kind_without_the_text(service: Living) -> None:
    desk, reader, other = (
        await staff(service),
        await reader_to_find(service),
        await reader_to_find(service),
    )
    for sought, seen in (
        (other.number, {"by_number": 1}),
        (CARD, {"by_card": 1}),
        (NAME, {"by_name": 2}),
        ("王不见", {"found": 0}),
    ):
        before = len(await looks(service))
        assert (await find(desk, sought)).status in (200, 303, 404)
        (look,) = (await looks(service))[before:]
        assert look == ("look_up", "readers", seen), sought
    assert (await desk.get("/console/readers")).status == 200
    assert len(await looks(service)) == 4, "the form alone shows nobody"
    entries = str(await service.db["audit"].find().to_list(None))
    for word in (reader.number, other.number, CARD, NAME, "王不见"):
        assert word not in entries


async def test_a_look_at_a_readers_page_is_logged_with_the_reader(service: Living) -> None:
    reader = await reader_to_find(service)
    here = f"/console/readers/{reader.reader_id}"
    mine: tuple[str, str, Any] = ("look_up", f"reader:{reader.reader_id}", {})
    for who in (await staff(service), await staff(service, Role.VIEWER)):
        assert NAME in (await who.get(here)).body
    assert await looks(service) == [mine, mine]
    rows, _ = await service.inside.stored.audit_log.page_of(LOOKS, 0, 50)
    assert {entry.reader for entry in rows} == {reader.reader_id}
    assert [entry.role for entry in rows] == ["viewer", "librarian"]
    # A form that is refused shows the page once more, which is another look.
    desk = await staff(service)
    assert (await post(service, desk, f"{here}/suspend", was="")).status == 400
    assert len(await looks(service)) == 3
    # Who may not look leaves none, and neither does who finds nobody.
    assert (await Browser(await service.web_reader()).get(here)).status == 403
    assert (await desk.get(f"/console/readers/{'0' * 24}")).status == 404
    assert len(await looks(service)) == 3


async def test_an_export_is_logged_with_its_days(service: Living) -> None:
    desk, days = await staff(service, Role.VIEWER), "from=2026-09-01&to=2026-09-06"
    facts = {"first": "2026-09-01", "last": "2026-09-06"}
    for ending in ("csv", "xlsx"):
        assert await content_of(service, desk, f"/console/bookings.{ending}?{days}")
        assert (await looks(service))[-1] == (
            *("export", "bookings"),
            {"format": ending, **facts},
        )
        assert (await desk.get(f"/console/bookings.{ending}?from=x")).status == 400
    assert len(await looks(service)) == 2


async def content_of(service: Living, desk: Browser, path: str) -> bytes:
    """The page or file that the desk gets, whatever its type."""
    url = URL(f"{service.base}{path}", encoded=True)
    async with desk.client.session.get(url, headers=desk.cookie) as answer:
        assert answer.status == 200, path
        return await answer.read()


async def test_personal_data_is_not_shown_if_the_audit_entry_fails(service: Living) -> None:
    reader, desk = await reader_to_find(service), await staff(service)
    await reader_to_find(service)
    paths = [
        f"/console/readers/{reader.reader_id}",
        f"/console/readers?{urlencode({'q': NAME})}",
        "/console/bookings.csv",
        "/console/bookings.xlsx",
        "/console/room-bookings.csv",
    ]
    async with closed_log(service):
        for path in paths:
            answer = await desk.get(path)
            assert answer.status >= 500 and NAME not in str(answer.body), path
    assert await looks(service) == []
    # The control: it is shown otherwise.
    for count, path in enumerate(paths, 1):
        assert await content_of(service, desk, path) and len(await looks(service)) == count


@pytest.mark.whole
async def test_the_audit_page_lists_looks_apart_from_changes(service: Living) -> None:
    reader, head = await service.reader(), await staff(service)
    here = f"/console/readers/{reader.reader_id}"
    assert (await post(service, head, f"{here}/unbind")).status == 303
    for _ in range(25):
        await head.get(here)
    await find(head, reader.number)

    def rows(body: str) -> list[str]:
        return re.findall(r'data-th="操作" class="wide"><span><b>([^<]+)</b>', body)

    assert rows((await head.get("/console/audit")).body) == ["解除绑定"]
    assert rows((await head.get(f"/console/audit?reader={reader.reader_id}")).body) == ["解除绑定"]
    seen = (await head.get("/console/audit?kind=look")).body
    assert rows(seen) == ["查看读者"] * 20 and "按学号找到 1" in seen
    assert f'href="{here}"' in seen and "page=2&amp;kind=look" in seen
    assert len(rows((await head.get("/console/audit?kind=look&page=2")).body)) == 6
    last = (await head.get("/console/audit?kind=&page=2")).body
    assert rows(last) == [*["查看读者"] * 6, "解除绑定"]
    chosen = (await head.get("/console/audit?kind=change&action=look_up")).body
    assert len(rows(chosen)) == 20, "an action is of one kind"
