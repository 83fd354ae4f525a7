"""The first run: an empty database becomes a library by the console alone; concurrent setups; a
library with its own time zone; the transfer into another database."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from handlers.http.keys import REFERENCE
from miniapp_server.app import open_application
from miniapp_server.cli.command import CommandError
from miniapp_server.cli.library import add_rooms, carry, library_of, take_in
from miniapp_server.cli.wechat import menu_of
from models.identity.roles import Role
from models.kernel.zone import Zone
from models.library import transitions
from models.library.entities import AreaId, KioskId, SeatId
from models.library.picture_reading import read_picture
from models.library.plan_picture import PicturePlace
from models.library.rooms import RequestAnswer, RoomId
from models.library.seat_features import SeatFeature, SeatFeatures
from models.migrations.repository import schema_version
from models.profile.logo import logo_of
from models.reader_groups.entities import GroupId, ReaderGroup
from models.storage.installation import CLOCKS_JUMP
from models.transfer.errors import TransferError
from models.transfer.library_file import from_text, to_text
from tests.api.browsing import Browser
from tests.api.changes import with_seat
from tests.api.console import log, post, staff
from tests.api.floor_plans import send
from tests.api.library_profile import CAS, NAMES, picture, save
from tests.living import ENCRYPTION_KEYS, SEAT, Living, living

PLAN = {
    "width": 400,
    "height": 300,
    "marks": [],
    "seats": [{"no": "001", "x": 40, "y": 40}, {"no": "002", "x": 120, "y": 40}],
}


@pytest.fixture
async def empty(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """The service as it is installed: no sandbox, no library."""
    async with living(mongo_url, redis_url, CAS_BASE_URL=CAS) as running:
        yield running


async def rev(who: Browser) -> str:
    match = re.search(r'name="base" value="(\d+)"', (await who.get("/console/setup")).body)
    return match[1] if match else "0"


async def go_on(service: Living, who: Browser, operation: str, step: str = "") -> Any:
    form = {"operation": operation, "step": step, "base": await rev(who)}
    return await post(service, who, "/console/setup", **form)


async def drawn(service: Living, head: Browser, venue: str) -> None:
    """An area with two seats in the venue."""
    room = {"id": "room", "venue": venue, "name": "阅览室", "floor": "1"}
    assert (await post(service, head, "/console/plans", **room)).status == 303
    path = "/console/plans/room"
    assert (await send(service, head, PLAN, path=path, confirmed="yes")).status == 303


async def test_an_empty_database_becomes_a_library(empty: Living) -> None:
    head, desk = await staff(empty, Role.ADMINISTRATOR), await staff(empty)
    reader = await empty.web_reader()
    visitor = Browser(await empty.web_reader())
    assert (await empty.anonymous.ok("GET", "//readyz"))["troubles"]["library"] == "empty"
    front_page = (await visitor.get("/")).body
    assert "尚未开放" in front_page and "/console" not in front_page
    assert "尚未开放" in (await desk.get("/")).body
    assert (await head.get("/")).headers["Location"] == "/console/setup"
    assert (await desk.get("/console/setup")).status == 403
    for path in ("/console", "/console/calendar", "/console/plans", "/console/devices"):
        page = (await head.get(path)).body
        assert "还有 7 步" in page, path
        assert "还有 7 步" not in (await desk.get(path)).body

    assert "开始设置" in (await head.get("/console/setup")).body
    assert (await go_on(empty, head, "begin")).headers["Location"] == "/console/library"
    saved = await save(empty, head, picture())
    assert (saved.status, saved.headers["Location"]) == (303, "/console/setup?done=profile")
    front_page = (await visitor.get("/rules")).body
    for words in ("示例大学图书馆座位预约", "<h1>我们的规则</h1>", "每天 5 次"):
        assert words in front_page, words
    logo = re.search(r'src="(/logo/[0-9a-f]{16}\.png)"', front_page)
    assert logo is not None
    async with empty.anonymous.session.get(empty.base + logo[1]) as answer:
        assert answer.status == 200 and "immutable" in answer.headers["Cache-Control"]
        assert await answer.read() == empty.inside.reference.profile.logo
    assert (await empty.anonymous.get("//logo/0000000000000000.png")).status == 404
    assert "lib@example.edu" in (await visitor.get("/contact")).body
    welcome = (await empty.anonymous.get("//", Accept="text/html")).body
    assert "面向全校师生" in welcome and "示例大学图书馆座位预约" in welcome

    assert (await go_on(empty, head, "finish")).status == 400, "nobody could book yet"
    assert (await post(empty, head, "/console/venues", name="主馆", key="k1")).status == 303
    assert (await go_on(empty, head, "later", "hours")).status == 303
    (venue,) = empty.inside.reference.catalog.venues
    await drawn(empty, head, venue)
    assert "不用设置" in (await head.get("/console/setup")).body, "rooms can be skipped"
    assert "library" not in (await empty.anonymous.ok("GET", "//readyz"))["troubles"]
    for step in ("hours", "rooms", "rules", "staff"):
        assert (await go_on(empty, head, "done", step)).status == 303
    assert "七步都已完成" in (await head.get("/console/setup")).body
    bar = (await head.get("/console/readers")).body.partition("<main")[0]
    assert "都已完成" in bar and 'value="finish">完成设置</button>' in bar
    assert f'name="base" value="{await rev(head)}"' in bar
    assert (await go_on(empty, head, "finish")).headers["Location"] == "/console?done=setup"
    assert "首次设置" not in (await head.get("/console")).body
    assert "阅览室" in (await visitor.get("/")).body
    made = await reader.reserve("room-001", "09:00", "11:00", empty.tomorrow)
    assert made["seat"]["label"] == "主馆1层阅览室001号"
    done = [(action, target) for action, target, _ in await log(empty)]
    assert ("profile", "profile") in done and ("venue_added", f"venue:{venue}") in done
    for path in ("/console/audit", "/console/library", "/console/venues", "/console/setup"):
        assert (await head.get(path)).status == 200


async def test_a_refused_profile_keeps_the_typed_values(empty: Living) -> None:
    head, other = await staff(empty, Role.ADMINISTRATOR), await staff(empty, Role.ADMINISTRATOR)
    before = await empty.books()
    for wrong, said in (
        ({"name": ""}, "名称：请填写"),
        ({"rules_text": "每天 {每日} 次"}, "没有“{每日}”这个数字"),
        ({"zone": "Mars/Olympus"}, "没有“Mars/Olympus”这个时区"),
        ({"logo_kept": "?"}, "请上传 PNG 或 JPEG"),
    ):
        answer = await save(empty, head, b"", **{"audience": "这句话还在"} | wrong)
        assert answer.status == 400 and said in answer.body, (wrong, answer.status)
        assert "这句话还在" in answer.body
    svg = await save(empty, head, b"<svg/>")
    assert svg.status == 400 and "不支持 SVG" in svg.body
    # A picture comes back with the form, and is kept when that is sent again.
    preview = await save(empty, head, picture(), operation="preview")
    match = re.search(r'name="logo_kept" value="([^"]+)"', preview.body)
    assert preview.status == 200 and "一次最多 4 小时" in preview.body and match is not None
    assert await empty.books() == before and await log(empty) == []
    assert (await save(empty, head, logo_kept=match[1])).status == 303
    assert empty.inside.reference.profile.logo == base64.b64decode(match[1])
    # Two at once: the second is told and finds what they wrote.
    late = await save(empty, other, base="0", title="另一个标题")
    assert late.status == 409 and "另一个标题" in late.body and "刚刚被其他人修改过" in late.body
    assert f'<dd class="pre">{NAMES["title"]}</dd>' in late.body, "and what the first one wrote"
    assert empty.inside.reference.profile.title == NAMES["title"]
    answers = await asyncio.gather(*(save(empty, w, title="标题") for w in (head, other)))
    assert sorted(a.status for a in answers) in ([303, 303], [303, 409])
    assert (await save(empty, head, logo_none="1")).status == 303
    assert "/logo/" not in (await head.get("/")).body


async def test_venues_are_added_renamed_reordered_and_deleted(empty: Living) -> None:
    head = await staff(empty, Role.ADMINISTRATOR)
    for name in ("东馆", "西馆"):
        for _ in range(2):  # a form that is sent twice
            await post(empty, head, "/console/venues", name=name, key=f"key-{name}")
    east, west = empty.inside.reference.catalog.venues.values()
    assert (east.name, west.name) == ("东馆", "西馆")
    here = "/console/venues/{}".format
    assert (await post(empty, head, here(west.id), operation="up", base="0")).status == 303
    assert [v.name for v in empty.inside.reference.catalog.venues.values()] == ["西馆", "东馆"]
    for wrong, status in (
        ({"operation": "rename", "name": "西馆", "base": "1"}, 409),
        ({"operation": "rename", "name": "", "base": "1"}, 400),
        ({"operation": "rename", "name": "新馆", "base": "0"}, 409),
        ({"operation": "burn", "base": "1"}, 404),
    ):
        assert (await post(empty, head, here(east.id), **wrong)).status == status, wrong
    renamed = {"operation": "rename", "name": "新馆", "base": "1"}
    assert (await post(empty, head, here(east.id), **renamed)).status == 303
    await drawn(empty, head, east.id)
    for operation in ("remove", "retire"):
        used = await post(empty, head, here(east.id), operation=operation, base="2")
        assert used.status == 409 and "不能删除" in used.body
    assert (await post(empty, head, here(west.id), operation="remove", base="1")).status == 303
    assert [v.name for v in empty.inside.reference.catalog.venues.values()] == ["新馆"]


async def barred(head: Browser, venue: str) -> tuple[bool, bool]:
    """For the buttons that retire and delete the venue: whether each is disabled."""
    page = (await head.get("/console/venues")).body
    row = page.partition(f'action="/console/venues/{venue}"')[2].partition("</form>")[0]
    buttons = [
        re.search(rf'<button[^>]*value="{verb}"[^>]*>', row) for verb in ("retire", "remove")
    ]
    retire, remove = (button is not None and " disabled " in button[0] for button in buttons)
    assert all(buttons)
    return retire, remove


async def test_a_venue_without_areas_in_use_is_retired_and_brought_back(empty: Living) -> None:
    """Possible once none of its areas is in use. A retired venue is hidden from readers, takes no
    area, and past bookings keep its name."""
    head, reader = await staff(empty, Role.ADMINISTRATOR), await empty.reader()
    for name in ("东馆", "西馆"):
        await post(empty, head, "/console/venues", name=name, key=f"key-{name}")
    east, west = empty.inside.reference.catalog.venues.values()
    await drawn(empty, head, east.id)
    (area,) = empty.inside.reference.catalog.areas.values()
    assert await barred(head, east.id) == (True, True)
    assert "有 1 个区域在使用，不能停用和删除" in (await head.get("/console/venues")).body
    assert await barred(head, west.id) == (False, False)
    settings = {"base": str(area.rev), "reason": "装修", "confirmed": "yes"}
    retired = await post(empty, head, f"/console/plans/{area.id}/retire", **settings)
    assert retired.status == 303, retired.body
    assert await barred(head, east.id) == (False, True)
    here = f"/console/venues/{east.id}"
    assert (await post(empty, head, here, operation="retire", base="0")).status == 303
    assert "已停用" in (await head.get("/console/venues")).body
    seen = [v["name"] for v in (await reader.ok("GET", "/venues"))["items"]]
    assert seen == ["西馆"]
    await empty.inside.reference.refresh()
    area = empty.inside.reference.catalog.areas[area.id]
    assert empty.inside.reference.catalog.area_label(area).startswith("东馆")
    settings = {"base": str(area.rev), "reason": "装修完了"}
    back = await post(empty, head, f"/console/plans/{area.id}/restore", **settings)
    assert back.status == 409
    await empty.inside.reference.refresh()
    assert not empty.inside.reference.catalog.areas[area.id].in_use
    assert f'value="{east.id}"' not in (await head.get("/console/plans")).body
    assert f'value="{west.id}"' in (await head.get("/console/plans")).body
    assert (await post(empty, head, here, operation="restore", base="1")).status == 303
    back = await post(empty, head, f"/console/plans/{area.id}/restore", **settings)
    assert back.status == 303
    seen = [v["name"] for v in (await reader.ok("GET", "/venues"))["items"]]
    assert seen == ["东馆", "西馆"]


async def test_a_library_uses_its_own_time_zone(empty: Living) -> None:
    """The zone is chosen while workers run and fixed with the first area. Its full hours lie
    between those of China's time."""
    head, reader = await staff(empty, Role.ADMINISTRATOR), await empty.reader()
    assert (await save(empty, head, zone="Asia/Kolkata")).status == 303
    assert await schema_version(empty.db) == CLOCKS_JUMP, "at once: 0.2.0 must not open it"
    await post(empty, head, "/console/venues", name="主馆", key="k1")
    (venue,) = empty.inside.reference.catalog.venues
    await drawn(empty, head, venue)
    empty.clock.set(empty.clock.now() + timedelta(minutes=1))
    answer = await reader.get("/me")
    assert answer.headers["X-Server-Time"].endswith("+05:30")
    made = await reader.reserve("room-001", "09:00", "11:00", empty.tomorrow)
    assert made["start"].endswith("T09:00:00+05:30")
    page = (await head.get("/console")).body
    assert f'data-ahead="{330 * 60_000}"' in page
    fixed = await save(empty, head, zone="Asia/Shanghai")
    assert fixed.status == 409 and "时区只能是 Asia/Kolkata" in fixed.body
    assert (await save(empty, head)).status == 303, "the rest can still be changed"
    # A worker that starts now has the clock before it knows a seat.
    async with open_application(empty.settings, empty.clock) as later:
        assert later[REFERENCE].catalog.seats
        assert later[REFERENCE].zone == Zone.fixed("Asia/Kolkata", 330)


LAMP = SeatFeature("leselampe", {"zh": "台灯", "de": "Leselampe"}, "lamp", False, True)


async def _retire_some(service: Living) -> None:
    """Retires an area, a kiosk, a gate and a seat feature."""
    catalog, stored = service.inside.reference.catalog, service.inside.stored
    area, kiosk = catalog.areas[AreaId("2f-north")], catalog.kiosks[KioskId("2f-south")]
    assert await stored.catalogs.replace_area(transitions.retire(area))
    assert await stored.catalogs.replace_kiosk(kiosk, replace(kiosk, retired=True))
    reserved = frozenset({area.id})
    assert await stored.reader_groups.add(
        ReaderGroup(GroupId("g"), "研究生", "研究生读者", areas=reserved)
    )
    gate = (await stored.gates.all())[0]
    assert await stored.gates.replace(gate, replace(gate, retired=True))
    assert await stored.catalogs.replace_features(SeatFeatures((LAMP,), 1))
    await with_seat(service, features=(LAMP.id,))


async def test_a_library_is_transferred_into_another_database(
    service: Living, empty: Living, tmp_path: Path
) -> None:
    profile = service.inside.reference.profile
    await service.inside.stored.profiles.save(
        replace(
            profile, rev=profile.rev + 1, logo=logo_of(picture()), rules_text="每天 {每天次数} 次"
        )
    )
    await _retire_some(service)
    stored, drawn = service.inside.stored, read_picture(picture())
    await stored.canned_answers.add("开馆时间", "每天 7:00 开馆。")
    await stored.plan_pictures.add(AreaId("2f-hall"), drawn, PicturePlace(-5, 10, 800, 40))
    await service.inside.reference.refresh()
    library = await library_of(service.resources.repositories, service.inside.reference)
    text = to_text(library)
    for secret in ("secret", "key_hash", "last_seen", "张三"):
        assert secret not in text
    carried = from_text(text.encode())
    bad = replace(carried, profile=replace(carried.profile, logo=b"<svg/>"))
    with pytest.raises(TransferError, match="logo_unreadable"):
        await take_in(empty.app, bad, False, empty.clock.now())
    no_picture = replace(carried.plan_pictures[0], file=replace(drawn, content=b"<svg/>"))
    with pytest.raises(TransferError, match=r"plan_pictures\[2f-hall\].file: not_a_picture"):
        await take_in(
            empty.app, replace(carried, plan_pictures=(no_picture,)), False, empty.clock.now()
        )
    await take_in(empty.app, carried, False, empty.clock.now())
    there = await library_of(empty.resources.repositories, empty.inside.reference)
    assert to_text(there) == text
    assert len(there.areas) > 10 and len(there.notices) > 1
    assert there.seat_features == (LAMP,) and len(there.rooms) == 8
    assert empty.inside.reference.catalog.seats[SeatId(SEAT)].features == (LAMP.id,)
    assert there.plan_pictures[0].file.content == drawn.content and there.canned_answers
    catalog = empty.inside.reference.catalog
    assert not catalog.areas[AreaId("2f-north")].in_use and "2f-south" not in catalog.kiosks
    assert "2f-south" in catalog.retired_kiosks and any(g.retired for g in there.gates)
    with pytest.raises(TransferError, match="already has a library"):
        await take_in(empty.app, carried, False, empty.clock.now())
    # Over it, but not while a seat that it lacks is booked.
    reader = await empty.reader()
    made = await reader.reserve("2f-hall-001", "09:00", "11:00", empty.tomorrow)
    smaller = from_text(text.encode())
    fewer = tuple(a for a in smaller.areas if a.id != AreaId("2f-hall"))
    smaller = replace(smaller, areas=fewer, plan_pictures=())
    with pytest.raises(TransferError, match="1 live bookings would lose their seats"):
        await take_in(empty.app, smaller, True, empty.clock.now())
    assert to_text(await library_of(empty.resources.repositories, empty.inside.reference)) == text
    await reader.ok("POST", f"/reservations/{made['id']}/cancel", {})
    assert empty.inside.reference.groups.by_id[GroupId("g")].name == "研究生"
    back = replace(smaller, reader_groups=(), canned_answers=())
    back = replace(back, areas=tuple(a for a in back.areas if a.id != AreaId("2f-north")))
    await take_in(empty.app, back, True, empty.clock.now())
    seats = empty.inside.reference.catalog.all_seats
    assert SeatId("2f-north-001") in seats, "what was booked there has its name from it"
    await take_in(empty.app, smaller, True, empty.clock.now())
    gone = (await reader.ok("GET", f"/reservations/{made['id']}"))["seat"]["label"]
    assert gone == made["seat"]["label"], "what was booked keeps its name"
    assert "2f-hall" not in {a.id for a in empty.inside.reference.catalog.bookable_areas}
    # By the command line, as an operator does.
    env = {
        "CAS_BASE_URL": CAS,
        "MONGO_URL": empty.settings.mongo_url,
        "REDIS_URL": empty.settings.redis_url,
        "MONGO_DATABASE": empty.settings.database,
        "ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "PUBLIC_BASE_URL": empty.settings.public_base_url,
        "LOG_LEVEL": "ERROR",
    }

    file, none = tmp_path / "library.json", tmp_path / "none"
    await carry(env, "export", file, replaces=False)
    await carry(env, "import", file, replaces=True)
    wrong: tuple[tuple[Literal["export", "import"], Path, bool, str], ...] = (
        ("export", file, False, "already exists"),
        ("export", none, True, "--replace is allowed only with import"),
        ("import", file, False, "already has a library"),
        ("import", none, False, "No such file"),
    )
    for what, where, replaces, said in wrong:
        with pytest.raises(CommandError, match=said):
            await carry(env, what, where, replaces)
    assert not none.exists()
    await _add_rooms(empty, env, tmp_path / "rooms.csv")


def _write(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")


async def _add_rooms(empty: Living, env: dict[str, str], file: Path) -> None:
    head = "id,venue_id,name,floor,least,most,equipment,hours,unanswered,retired,groups\n"
    names = ("博士生", "Lesesaal A")
    groups = [ReaderGroup(GroupId(f"g{n}"), name, name) for n, name in enumerate(names)]
    for group in groups:
        assert await empty.inside.stored.reader_groups.add(group)
    for row, wrong in (
        ("r1,library,研修间,2,2,4,,,,,博士生;教师", "room r1: no reader group 教师"),
        ("r1,library,研修间,2,5,4,,,,,", r"rooms\[r1\].least: out_of_bounds"),
        ("r1,nowhere,研修间,2,2,4,,,,,", r"rooms\[r1\].venue_id: no venue nowhere"),
        ("r1,library,研修间,2,2,4,,,maybe,,", "room r1: Invalid enum value"),
        ("r1,library,研修间,2,2,4,,,,,\nr1,library,研修间,2,2,4,,,,,", "an id appears twice"),
    ):
        _write(file, head + row)
        with pytest.raises(CommandError, match=wrong):
            await add_rooms(env, file)
    _write(file, "id,name\nr1,x")
    with pytest.raises(CommandError, match="has no column floor, least, most, venue_id"):
        await add_rooms(env, file)
    new = "r9,library,研修间,2,2,4,白板;投影仪,09:00-21:00,approve,,博士生;Lesesaal A\n"
    _write(file, head + new + "r201,library,旧,2,1,2,,,,true,")
    await add_rooms(env, file)
    await empty.inside.reference.refresh()
    room = empty.inside.reference.room("r9")
    assert (room.equipment, room.hours) == (("白板", "投影仪"), (time(9), time(21)))
    rules = room.rules
    assert (rules.groups, rules.max_minutes, room.rev) == (("g0", "g1"), 240, 1)
    assert rules.unanswered is RequestAnswer.APPROVE
    assert empty.inside.reference.rooms[RoomId("r201")].retired


async def test_the_profile_names_the_mini_program_and_the_menu(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), Browser(await service.web_reader())
    answer = await save(service, head, mini_program="示例座位", menu="图书馆")
    assert answer.status == 303
    assert "搜索小程序“示例座位”" in (await reader.get("/activation")).body
    assert '"name": "图书馆"' in await menu_of(service.app, "diff")
    await menu_of(service.app, "put")
    assert await menu_of(service.app, "diff") == "nothing to change"
    official = service.resources.official_account
    assert official is not None
    (button,) = (await official.menu())["button"]
    assert button["name"] == "图书馆"
    assert button["sub_button"][0]["type"] == "miniprogram"
