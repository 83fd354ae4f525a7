"""The hall display over HTTP: access, counts and cost."""

from __future__ import annotations

import asyncio
from datetime import date, time, timedelta

import pytest

from handlers.display.board import HALL_BOARDS, ROWS
from models.identity.roles import Role
from models.library.entities import AreaId
from models.notices.entities import Notice
from models.policy.entities import OpeningRule
from models.reader_groups.entities import GroupId, ReaderGroup
from tests.api.changes import with_rules
from tests.api.console import staff
from tests.api.display_board import HERE, board, rows
from tests.api.rules_page import ask
from tests.living import Living

EVERY = timedelta(seconds=6)
HALL = AreaId("2f-hall")


async def test_the_hall_display_is_hidden_until_the_policy_enables_it(service: Living) -> None:
    for path in (HERE, f"{HERE}/board"):
        assert (await service.anonymous.get(path, Accept="text/html")).status == 404, path
    await with_rules(service, hall_display=True)
    for path in (HERE, f"{HERE}/board"):
        assert (await service.anonymous.get(path)).status == 200, path
        elsewhere = path.replace("library", "annex")
        assert (await service.anonymous.get(elsewhere)).status == 404, elsewhere


async def test_the_display_shows_free_seats_now_and_in_an_hour_without_names(
    service: Living,
) -> None:
    await with_rules(service, hall_display=True)
    await service.move("16:08")
    reader, other = await service.reader(), await service.reader()
    before = (await rows(service))["二层中厅"]
    assert before[0] == before[1] and int(before[0]) > 2
    await reader.reserve(start="now", end="18:00")
    await other.reserve("2f-hall-064", "17:00", "18:00")
    await service.move(EVERY)
    free = int(before[0])
    assert (await rows(service))["二层中厅"] == [str(free - 1), str(free - 2)]
    page = (await service.anonymous.get(HERE)).body
    assert "17:00" in page and "16:08" in page
    assert "张三" not in page and reader.number not in page and reader.reader_id not in page


async def test_closed_areas_show_the_reason_and_the_next_opening(service: Living) -> None:
    day = date(2026, 9, 7)
    repair = OpeningRule(None, None, day, day, area_id=HALL, reason="地面<维修>")
    usual = service.inside.reference.policy.opening
    await with_rules(service, hall_display=True, opening=(*usual, repair))
    areas = await rows(service)
    assert areas["二层中厅"] == ["闭馆：地面&lt;维修&gt;"] and len(areas) == 18
    assert "今日开放 07:00–22:30" in await board(service)
    for at, said in (
        ("21:40", ["闭馆"]),  # then it is closed, and now it is not
        ("22:31", ["今日已闭馆"]),
    ):
        await service.jump(at)
        assert (await rows(service))["二层东区"][-1:] == said, at
    await service.jump("06:10")
    assert (await rows(service))["二层东区"] == ["07:00 开放"]
    await with_rules(service, opening=(OpeningRule(time(0), time(0)),))
    await service.move(EVERY)
    assert "今日开放 全天" in await board(service)


@pytest.mark.whole
async def test_an_area_reserved_for_a_group_is_not_shown_as_full(service: Living) -> None:
    await with_rules(service, hall_display=True)
    await service.inside.stored.reader_groups.add(
        ReaderGroup(GroupId("g"), "研究生", "研究生<读者>", areas=frozenset({HALL}))
    )
    await service.inside.reference.refresh()
    assert (await rows(service))["二层中厅"] == ["仅限研究生&lt;读者&gt;"]


@pytest.mark.whole
async def test_the_display_shows_notice_titles_and_splits_floors_into_cards(
    service: Living,
) -> None:
    await with_rules(service, hall_display=True)
    notices, now = service.inside.stored.notices, service.clock.now()
    await notices.add(Notice("a", "国庆<开放>时间", "**正文**", now - EVERY * 10))
    await notices.add(Notice("b", "以后的公告", "x", now + timedelta(days=1)))
    html = await board(service)
    assert "国庆&lt;开放&gt;时间" in html and "正文" not in html and "以后的公告" not in html
    cards = html.split('class="floor"')[1:]
    assert len(cards) == 3 and all(card.count('scope="row"') <= ROWS for card in cards)


async def test_all_screens_share_one_rendered_board(service: Living) -> None:
    await with_rules(service, hall_display=True)
    boards, venue = service.app[HALL_BOARDS], service.inside.reference.catalog.venues
    library, _ = venue.values()
    now = service.clock.now().replace(second=0, microsecond=0)
    first, second = await asyncio.gather(*(boards.board(library, now) for _ in range(2)))
    assert first is second
    assert await boards.board(library, now + timedelta(seconds=4)) is first
    later = await boards.board(library, now + timedelta(seconds=5))
    assert later is not first and later.html == first.html
    # A screen that has it is sent nothing, whichever worker answers.
    answer = await service.anonymous.get(f"{HERE}/board")
    again = await service.anonymous.get(
        f"{HERE}/board", **{"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status == 304 and again.headers["X-Server-Time"]


@pytest.mark.whole
async def test_the_display_is_enabled_in_the_consoles_policy_form(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    reason, on = "大厅新装了屏幕", {"hall_display": "on"}
    preview = await ask(service, head, **on, reason=reason)
    assert "大厅屏" in preview.body
    assert (await ask(service, head, **on, reason=reason, confirmed="yes")).status == 303
    assert (await service.anonymous.get(HERE)).status == 200
