"""图书馆占用 in the console: the form says which days fit, stores them, ends and restores."""

from __future__ import annotations

import re
from typing import Any, Final

from models.identity.roles import Role
from tests.api.browsing import Browser
from tests.api.console import log, post, staff
from tests.api.rooms import SEMINAR, SMALL, administrator_of_annex, book
from tests.living import Living

PAGE: Final = "/console/rooms/blocks"
TITLE: Final = "新生<b>入馆教育</b> & library tour for the Fachhochschule"
FORM: Final = {
    "room": SEMINAR,
    "title": TITLE,
    "first": "2026-09-07",
    "last": "2026-09-10",
    "start": "14:00",
    "end": "16:00",
    "keeps_buffer": "1",
}
MARK: Final = re.compile(r'name="mark" value="(\w+)"')
KEY: Final = re.compile(rf'action="{PAGE}" class="stack">.*?name="key" value="(\w+)"', re.S)


async def looked(service: Living, desk: Browser, **form: str) -> tuple[str, dict[str, str]]:
    """The page that says which days fit, and the form with which they are stored."""
    page = (await post(service, desk, PAGE, **FORM | form, operation="look")).body
    mark, key = MARK.search(page), KEY.search(page)
    assert mark is not None and key is not None, page
    return page, FORM | form | {"mark": mark[1], "key": key[1]}


async def days(service: Living) -> list[str]:
    rows = service.db["reservations"].find({"state": "block", "ended_at": None}).sort("day")
    return [row["day"][8:] async for row in rows]


async def test_the_desk_sees_which_days_fit_and_blocks_them(service: Living) -> None:
    reader, desk = await service.reader(), await staff(service)
    assert f'href="{PAGE}"' in (await desk.get("/console/rooms")).body
    page = (await desk.get(PAGE)).body
    assert "没有占用" in page and "查看哪些天合适" in page and "只占用合适的日子" not in page
    await book(service, reader, SEMINAR, date="2026-09-09")
    books = await service.books()
    page, form = await looked(service, desk)
    assert "3 天合适，1 天不合适" in page and "已被占" in page and "14:00–16:00" in page
    assert 'href="/console/rooms?date=2026-09-09"' in page and reader.reader_id not in page
    assert "新生&lt;b&gt;入馆教育&lt;/b&gt; &amp; library tour" in page
    # All or none: what was typed is still there, and nothing is stored.
    refused = await post(service, desk, PAGE, **form, operation="all")
    assert refused.status == 409 and "一天也没有占用" in refused.body
    assert 'value="2026-09-10"' in refused.body and "3 天合适" in refused.body
    # A day that the page has not shown yet is shown before it is stored.
    other = await post(service, desk, PAGE, **form | {"last": "2026-09-08"}, operation="all")
    assert other.status == 200 and "2 天都合适" in other.body
    assert await service.books() == books and await days(service) == []
    # A day is left out by its tick, and the others fit.
    done = await post(service, desk, PAGE, **form, but="2026-09-09", operation="all")
    assert done.headers["Location"] == f"{PAGE}?done=block_room"
    assert await days(service) == ["07", "08", "10"]
    page = (await desk.get(f"{PAGE}?done=block_room")).body
    assert "已办理：占用研修间" in page and "研讨室401" in page and "连同以后 2 天" in page
    # Of a series beside it only a day fits; the page says what has become of each.
    page, form = await looked(service, desk, title="讲座", first="2026-09-08", last="2026-09-11")
    assert "1 天合适，3 天不合适" in page and "library tour" in page
    page = (await post(service, desk, PAGE, **form, operation="fitting")).body
    assert "已占用 1 天" in page and await days(service) == ["07", "08", "10", "11"]
    page, form = await looked(service, desk, title="讲座", first="2026-09-10", last="")
    assert "0 天合适，1 天不合适" in page and "只占用合适的日子" not in page


async def test_blocks_are_ended_and_restored(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    _, form = await looked(service, desk, room=SMALL)
    for _ in range(2):
        assert (await post(service, desk, PAGE, **form, operation="all")).status == 303
    assert await days(service) == ["07", "08", "09", "10"], "a form sent twice stores once"
    rows = await service.db["reservations"].find({"state": "block"}).sort("day").to_list(None)
    first, second, *_rest = [str(row["_id"]) for row in rows]
    await service.move("14:10")
    assert "现在结束" in (await desk.get(PAGE)).body
    ended = await post(service, desk, f"{PAGE}/{first}/end", operation="one")
    assert ended.headers["Location"] == f"{PAGE}?done=end_block&ended={first}"
    ended = await post(service, desk, f"{PAGE}/{second}/end", operation="following")
    assert await days(service) == []
    page = (await desk.get(ended.headers["Location"])).body
    assert f'action="{PAGE}/{second}/restore"' in page and "撤销" in page
    await book(service, reader, SMALL, date="2026-09-09", start="15:00")
    back = await post(service, desk, f"{PAGE}/{second}/restore")
    assert back.headers["Location"].endswith("&left=1")
    assert "有 1 天的研修间已被别人约走" in (await desk.get(back.headers["Location"])).body
    assert await days(service) == ["08", "10"]
    assert "restore" not in (await desk.get(f"{PAGE}?done=1&ended={'0' * 24}")).body
    assert (await post(service, desk, f"{PAGE}/{'0' * 24}/end")).status == 404
    actions = [(action, outcome) for action, _, outcome in await log(service)]
    assert actions == [
        *(("block_room", "done"), ("block_room", "done")),
        *(("end_block", "done"), ("end_block", "done"), ("restore_block", "done")),
    ]
    audit = (await (await whole(service)).get("/console/audit")).body
    assert "占用的天数" in audit and "研修间201" in audit


async def whole(service: Living) -> Browser:
    return await staff(service, Role.ADMINISTRATOR)


async def test_a_block_is_changed_in_its_form(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    _, form = await looked(service, desk)
    assert (await post(service, desk, PAGE, **form, operation="all")).status == 303
    rows = await service.db["reservations"].find({"state": "block"}).sort("day").to_list(None)
    here = f"{PAGE}/{rows[1]['_id']}"
    assert f'href="{here}"' in (await desk.get(PAGE)).body
    page = (await desk.get(here)).body
    assert "连同以后 2 天一起改" in page and 'value="14:00"' in page and "library tour" in page
    await book(service, reader, SEMINAR, date="2026-09-09", start="16:30", end="17:30")
    typed = {"room": SEMINAR, "title": "讲座<i>", "date": "2026-09-08", "keeps_buffer": "1"}
    typed |= {"start": "15:00", "end": "17:00", "following": "1"}
    books = await service.books()
    page = (await post(service, desk, here, **typed, operation="all")).body
    assert "2 天合适，1 天不合适" in page and "16:30–17:30" in page, "shown before it is stored"
    mark = MARK.search(page)
    assert mark is not None
    typed["mark"] = mark[1]
    refused = await post(service, desk, here, **typed, operation="all")
    assert refused.status == 409 and "一天也没有占用或更改" in refused.body
    other = await post(service, desk, here, **typed | {"end": "17:30"}, operation="fitting")
    assert other.status == 200 and await service.books() == books, "not what was shown"
    for wrong, text in (
        ({"title": " "}, "标题为 1–60 字"),
        ({"start": "15:10"}, "时间以半小时为单位"),
        ({"date": "2026-09-15"}, "日期不能改"),
        ({"date": "2026-09-01", "following": ""}, "请填写从今天起一年以内的日期"),
    ):
        page = await post(service, desk, here, **typed | wrong)
        assert page.status == 400 and text in page.body and 'value="17:00"' in page.body, wrong
    assert await service.books() == books
    page = (await post(service, desk, here, **typed, operation="fitting")).body
    assert "其余的保持原样" in page and page.count("已占用</span>") == 2 and "已被占" in page
    rows = await service.db["reservations"].find({"state": "block"}).sort("day").to_list(None)
    assert [row["title"] for row in rows] == [TITLE, "讲座<i>", TITLE, "讲座<i>"]
    alone = {**typed, "following": "", "date": "2026-09-12", "room": SMALL}
    page = (await post(service, desk, here, **alone, operation="look")).body
    mark = MARK.search(page)
    assert mark is not None and "1 天都合适" in page
    done = await post(service, desk, here, **alone | {"mark": mark[1]}, operation="all")
    assert done.headers["Location"] == f"{PAGE}?done=change_block"
    page = (await desk.get(done.headers["Location"])).body
    assert "已办理：更改研修间占用" in page and "讲座&lt;i&gt;" in page
    assert await days(service) == ["07", "09", "10", "12"]
    assert (await post(service, desk, f"{here}/end", operation="one")).status == 303
    assert "已经取消或结束，不能更改" in (await desk.get(here)).body
    assert (await post(service, desk, here, **alone)).status == 409
    audit = (await (await whole(service)).get("/console/audit")).body
    assert "更改研修间占用" in audit and "讲座&lt;i&gt;" in audit


async def test_what_cannot_be_read_stays_in_the_form(service: Living) -> None:
    desk, books = await staff(service), await service.books()
    for wrong, text in (
        ({"title": " "}, "标题为 1–60 字"),
        ({"room": ""}, "请选择研修间"),
        ({"start": "14:10"}, "时间以半小时为单位"),
        ({"end": "14:00"}, "结束应晚于开始"),
        ({"first": ""}, "请填写日期"),
        ({"last": "2026-09-01"}, "请填写从今天起一年以内的日期"),
        ({"last": "2026-12-31"}, "这样选是 116 天，应为 1–60 天"),
        ({"weekday": "7"}, "这样选是 0 天"),
        ({"weekday": "x"}, "请重新打开页面"),
        ({"but": "x"}, "请重新打开页面"),
    ):
        page = await post(service, desk, PAGE, **FORM | wrong, operation="look")
        assert page.status == 400 and text in page.body, wrong
        assert "library tour" in page.body or "title" in wrong
    missing = await post(service, desk, PAGE, **FORM | {"room": "r999"}, operation="look")
    assert missing.status == 404
    assert await service.books() == books


async def test_who_may_not_block_changes_nothing(service: Living) -> None:
    desk = await staff(service)
    _, form = await looked(service, desk, room=SMALL)
    assert (await post(service, desk, PAGE, **form, operation="all")).status == 303
    row = await service.db["reservations"].find_one({"state": "block"})
    assert row is not None
    posts = (PAGE, f"{PAGE}/{row['_id']}/end", f"{PAGE}/{row['_id']}/restore")
    viewer, elsewhere, reader = (
        await staff(service, Role.VIEWER),
        Browser(await administrator_of_annex(service)),
        await staff(service, None),
    )
    books = await service.books()
    for who in (viewer, elsewhere, reader):
        for path in posts:
            answer: Any = await post(service, who, path, **form, operation="all")
            assert answer.status == 403, path
    assert await service.books() == books
    page = (await viewer.get(PAGE)).body
    assert "研修间201" in page and '<form method="post"' not in page
    assert "研修间201" not in (await elsewhere.get(PAGE)).body
    assert (await reader.get(PAGE)).status == 403
