"""学期座位 over HTTP: announced, applied for, frozen, drawn by two people, verified by anybody."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pytest

from miniapp_server.cli.draws import verify_draw
from models.library.entities import AreaId
from models.seasons import merkle
from models.seasons.calculation import token
from models.seasons.verification import faults
from tests.api.browsing import Browser
from tests.api.console import log, post, staff
from tests.api.reader_groups import enter, group
from tests.api.seasons import PAGE, announced, erase, file_of, form, heads, news, stored
from tests.living import Living
from tests.seasons import VALUE
from tests.second_draw import follows_its_rule

HALL: Final = AreaId("2f-hall")


async def test_a_season_is_applied_for_frozen_drawn_and_verified(
    service: Living, tmp_path: Path
) -> None:
    (first, second), desk = await heads(service), await staff(service)
    readers = [await service.reader() for _ in range(6)]
    assert (await desk.get(PAGE)).status == 403
    look = await post(service, first, PAGE, **form(service, operation="look"))
    assert look.status == 200 and "储物柜 4 个" in look.body and "其他读者：权重 1" in look.body
    assert await stored(service) == [[], [], []], "a preview announces nothing"
    assert (await readers[0].ok("GET", "/library"))["seasons"] is False
    id = await announced(service, first)
    assert (await readers[0].ok("GET", "/library"))["seasons"] is True
    here, mine = f"/seasons/{id}", f"/seasons/{id}/application"
    (listed,) = (await readers[0].ok("GET", "/seasons"))["items"]
    assert (listed["stage"], listed["gives"], listed["root"]) == ("announced", 4, None)
    await readers[0].refused("409 season_not_open", "POST", mine, {"wishes": ["A-01"]})

    await service.move(timedelta(hours=2))
    season = await readers[0].ok("GET", here)
    assert season["stage"] == "applying" and season["weight"] == 1
    assert [one["size"] for one in season["given"]] == ["大", "小", "", "大"]
    assert season["areas"] == []
    before = await stored(service)
    await readers[0].refused("404 not_found", "GET", "/seasons/none")
    await readers[0].refused(
        "404 not_found", "POST", "/seasons/none/application", {"wishes": ["any"]}
    )
    await readers[0].refused("422 wish_not_given", "POST", mine, {"wishes": ["A-99"]})
    for wrong in ([], ["A-01", "A-01"], ["any", "A-01"], ["A-01", "A-02", "A-03", "any"]):
        await readers[0].refused("400 malformed", "POST", mine, {"wishes": wrong})
    assert await stored(service) == before
    receipts = []
    for reader in readers[:5]:
        receipts.append(await reader.ok("POST", mine, {"wishes": ["A-01", "any"]}))
    changed = await readers[1].ok("POST", mine, {"wishes": ["B-01", "A-03"]})
    assert changed["salt"] == receipts[1]["salt"] and changed["token"] == token(changed["salt"])
    await readers[4].ok("DELETE", mine)
    await readers[4].refused("404 not_found", "DELETE", mine)
    await readers[5].refused("404 not_found", "GET", mine)
    assert (await readers[0].ok("GET", here))["applications"] == 4
    console = (await first.get(f"{PAGE}/{id}")).body
    assert (
        "按现在的申请试抽几次" in console
        and "第 1 志愿 2 人" in console
        and "任意一个 2 人" in console
    )
    content = await file_of(service, id)
    assert content["secret"] is None and content["applications"] == []
    everything = json.dumps([content, await readers[5].ok("GET", here)], ensure_ascii=False)
    assert all(one["salt"] not in everything for one in receipts)
    assert (await post(service, first, f"{PAGE}/{id}/freeze")).status == 422, "still open"

    await service.move(timedelta(hours=24))
    first, second = await heads(service)
    before = await stored(service)
    await readers[5].refused("409 season_not_open", "POST", mine, {"wishes": ["any"]})
    await readers[0].refused("409 season_not_open", "DELETE", mine)
    assert (await post(service, second, f"{PAGE}/{id}/freeze/confirm")).status == 409
    assert await stored(service) == before
    assert (await post(service, first, f"{PAGE}/{id}/freeze")).status == 303
    refused = await post(service, first, f"{PAGE}/{id}/freeze/confirm")
    assert refused.status == 422 and "发起的人不能自己确认" in refused.body
    assert "请另一位管理员" in (await first.get(f"{PAGE}/{id}")).body
    assert (await post(service, second, f"{PAGE}/{id}/freeze/confirm")).status == 303
    proved = await readers[0].ok("GET", mine)
    proof = proved["proof"]
    assert proof["root"] == merkle.root_by_path(
        proof["leaf"], proof["index"], proof["count"], proof["path"]
    )
    assert proof["count"] == 4 and proof["root"] == (await readers[5].ok("GET", here))["root"]

    draw = {"which": "first", "value": VALUE}
    assert (await post(service, first, f"{PAGE}/{id}/draw", **draw)).status == 422, "not known yet"
    await service.move(timedelta(hours=2))
    before = await stored(service)
    assert (await post(service, first, f"{PAGE}/{id}/draw", **draw | {"value": ""})).status == 400
    assert (await post(service, first, f"{PAGE}/{id}/draw", which="other", value="1")).status == 400
    assert await stored(service) == before
    assert (await post(service, first, f"{PAGE}/{id}/draw", **draw)).status == 303
    before = await stored(service)
    other = draw | {"value": "06"}
    assert (await post(service, second, f"{PAGE}/{id}/draw/confirm", **other)).status == 409
    assert (await post(service, first, f"{PAGE}/{id}/draw/confirm", **draw)).status == 422
    assert await stored(service) == before
    assert (await post(service, second, f"{PAGE}/{id}/draw/confirm", **draw)).status == 303
    assert (await post(service, second, f"{PAGE}/{id}/draw/confirm", **draw)).status == 409

    content = await file_of(service, id)
    assert list(faults(content)) == [] and follows_its_rule(content)
    path = tmp_path / "season.json"
    path.write_text(json.dumps(content))
    assert "4 applications were drawn" in verify_draw(path)
    tokens = [one["token"] for one in content["applications"]]
    for reader, receipt in zip(readers[:4], receipts, strict=False):
        own = await reader.ok("GET", mine)
        rank = tokens.index(receipt["token"])
        assert own["rank"] == rank + 1
        assert (own["thing"] or {}).get("id") == content["assignment"][rank]
    page = (await service.anonymous.get(f"//seasons/{id}?result")).body
    assert all(f"<code>{one[:8]}</code>" in page for one in tokens) and VALUE in page
    everything = json.dumps(content)
    assert all(one["salt"] not in everything for one in receipts)
    assert (await post(service, first, f"{PAGE}/{id}/abort", reason="x")).status == 409

    csv = (await first.get(f"{PAGE}/{id}/result.csv")).body
    assert csv.count("\n") == 5 and str(readers[0].number) in csv
    assert str(readers[4].number) not in csv
    done = [(action, outcome) for action, _, outcome in await log(service)]
    assert [one for one in done if one[1] == "done"] == [
        ("season", "done"),
        ("start_freeze_season", "done"),
        ("freeze_season", "done"),
        ("start_draw_season", "done"),
        ("draw_season", "done"),
    ]


async def test_readers_apply_on_pages_in_both_languages(service: Living) -> None:
    first, _ = await heads(service)
    seats = {"kind": "seats", "area": "2f-hall", "start": "08:00", "end": "22:00", "lockers": ""}
    id = await announced(service, first, **seats)
    client = await service.reader()
    reader, here = Browser(await service.web_reader(client)), f"/seasons/{id}"
    assert "/seasons" in (await reader.get("/me")).body
    assert "2026 秋存包柜" in (await reader.get("/seasons")).body
    assert "提交申请" not in (await reader.get(here)).body, "not open yet"
    await service.move(timedelta(hours=2))
    page = (await reader.get(here)).body
    assert "提交申请" in page and "<option value=" in page and "08:00–22:00" in page
    refused = await post(service, reader, here, **{"wish-1": "065", "wish-2": "999"})
    assert refused.status == 422 and "“999”不在" in refused.body and 'value="065"' in refused.body
    refused = await post(service, reader, here)
    assert refused.status == 400 and "请至少填写一个志愿" in refused.body
    three = {"wish-1": "065", "wish-2": "066", "wish-3": "067"}
    refused = await post(service, reader, here, **three, any="1")
    assert refused.status == 400 and "志愿已满" in refused.body and 'value="067"' in refused.body
    twice = {"wish-1": "０６５", "wish-2": "2f-hall-065", "wish-3": "图书馆2层二层中厅066号"}
    answer = await post(service, reader, here, **twice, any="1")
    assert answer.headers["Location"] == f"{here}?done=apply"
    own = await client.ok("GET", f"/seasons/{id}/application")
    assert [one["id"] for one in own["wishes"]] == ["2f-hall-065", "2f-hall-066", "any"]
    page = (await reader.get(f"{here}?done=apply")).body
    assert own["salt"] in page and "请保存凭证" in page and "保存志愿" in page
    assert "您已申请" in (await reader.get("/seasons")).body
    season = await client.ok("GET", f"/seasons/{id}")
    (area,) = season["areas"]
    assert (area["id"], area["label"]) == ("2f-hall", "图书馆 二层中厅")
    assert {*area["seats"]} == {one["id"] for one in season["given"]}
    plan = (await reader.get(f"{here}/plan")).body
    assert [f'name="wish-{n}" value="2f-hall-{65 + n - 1:03}"' in plan for n in (1, 2)] == [
        True
    ] * 2
    assert plan.count('class="seat mine"') == 2 and plan.count('class="seat free"') > 60
    full = ",".join(f"2f-hall-{n:03}" for n in (65, 66, 67, 68))
    plan = (await reader.get(f"{here}/plan?wishes=none,{full},2f-hall-065&any=0")).body
    assert 'name="wish-3"' in plan and 'name="wish-4"' not in plan and " checked" not in plan
    assert 'class="seat free" href' not in plan and 'id="seat-2f-hall-070"' not in plan, "full"
    assert (await reader.get(f"{here}/plan?area=none")).status == 404
    public = (await service.anonymous.get(f"//seasons/{id}")).body
    assert "登录后申请" in public and own["salt"] not in public
    for _ in range(2):  # pressed twice
        answer = await post(service, reader, f"{here}/withdraw")
        assert answer.headers["Location"] == f"{here}?done=withdraw"
    assert (await post(service, reader, "/seasons/none/withdraw")).status == 404
    await reader.get(f"/language/en?back={here}")
    page = (await reader.get(here)).body
    assert "Term seats and lockers" in page and "Receipt" not in page
    assert (await reader.get("/seasons/none")).status == 404
    for name in ("none", "none.json"):
        assert (await service.anonymous.get(f"//seasons/{name}")).status == 404
    await service.move(timedelta(days=1))
    reader = Browser(await service.web_reader(client))
    closed = await reader.get(f"{here}/plan")
    assert (closed.status, closed.headers["Location"]) == (303, here)
    refused = await post(service, reader, here, any="1")
    assert refused.status == 409 and "已经截止" in refused.body


@pytest.mark.whole
async def test_seats_of_an_area_out_of_use_are_wished_for_by_number(service: Living) -> None:
    """Nothing of the season is on a plan any more; the area may be back when the term begins."""
    first, _ = await heads(service)
    seats = {"kind": "seats", "area": "2f-hall", "start": "08:00", "end": "22:00", "lockers": ""}
    id = await announced(service, first, **seats)
    await service.move(timedelta(hours=2))
    client = await service.reader()
    reader, here = Browser(await service.web_reader(client)), f"/seasons/{id}"
    assert f'href="{here}/plan"' in (await reader.get(here)).body
    first, _ = await heads(service)
    hall, base = "/console/plans/2f-hall", service.inside.reference.catalog.areas[HALL].rev
    gone = await post(service, first, f"{hall}/retire", base=str(base), confirmed="yes")
    assert gone.status == 303
    page = (await reader.get(here)).body
    assert "都不在平面图上" in page and f'href="{here}/plan"' not in page
    plan = await reader.get(f"{here}/plan")  # a bookmark
    assert (plan.status, plan.headers["Location"]) == (303, here)
    assert (await post(service, reader, here, **{"wish-1": "065"})).status == 303
    own = await client.ok("GET", f"/seasons/{id}/application")
    assert own["wishes"][0]["label"] == "图书馆2层二层中厅065号"
    assert (await reader.get(here)).status == 200


async def test_a_late_freeze_needs_the_other_value_and_a_late_draw_is_void(
    service: Living,
) -> None:
    first, second = await heads(service)
    late = await announced(service, first)
    aborted = await announced(service, first, lockers="C-01")
    reader = await service.reader()
    await service.move(timedelta(hours=2))
    await reader.ok("POST", f"/seasons/{late}/application", {"wishes": ["any"]})
    before = await stored(service)
    assert (await post(service, first, f"{PAGE}/{aborted}/abort", reason="")).status == 400
    assert await stored(service) == before
    await post(service, first, f"{PAGE}/{aborted}/abort", reason="柜子要修")
    page = (await service.anonymous.get(f"//seasons/{aborted}")).body
    assert "已中止" in page and "柜子要修" in page
    await reader.refused(
        "409 season_not_open", "POST", f"/seasons/{aborted}/application", {"wishes": ["any"]}
    )
    await service.move(timedelta(hours=26))  # the first value is known
    first, second = await heads(service)
    for who, step in ((first, "freeze"), (second, "freeze/confirm")):
        assert (await post(service, who, f"{PAGE}/{late}/{step}")).status == 303
    draw = {"which": "first", "value": VALUE}
    assert (await post(service, first, f"{PAGE}/{late}/draw", **draw)).status == 422
    await service.move(timedelta(hours=24))
    first, second = await heads(service)
    draw["which"] = "alternative"
    assert (await post(service, first, f"{PAGE}/{late}/draw", **draw)).status == 303
    await service.move(timedelta(hours=25))
    await service.settle()
    before = await stored(service)
    _, second = await heads(service)
    assert (await post(service, second, f"{PAGE}/{late}/draw/confirm", **draw)).status == 409
    assert await stored(service) == before
    assert (await post(service, second, f"{PAGE}/{late}/abort", reason="迟了")).status == 409
    assert await stored(service) == before
    assert (await reader.ok("GET", f"/seasons/{late}"))["stage"] == "void"
    said = "“2026 秋存包柜”的抽签作废：图书馆没有按期公布种子。如有疑问请到服务台。"
    assert await news(reader) == [("抽签已中止", said)]
    assert "作废" in (await service.anonymous.get(f"//seasons/{late}")).body
    assert (await file_of(service, late))["secret"] is None


async def test_a_form_sent_twice_announces_one_season(service: Living) -> None:
    first, _ = await heads(service)
    ids = [await announced(service, first, key="k" * 16) for _ in range(2)]
    assert len({*ids}) == len((await stored(service))[0]) == 1


@pytest.mark.whole
async def test_an_erased_applicant_leaves_a_leaf_that_names_nobody(service: Living) -> None:
    first, second = await heads(service)
    id = await announced(service, first)
    readers = [await service.reader() for _ in range(3)]
    await service.move(timedelta(hours=2))
    for reader in readers:
        await reader.ok("POST", f"/seasons/{id}/application", {"wishes": ["any"]})
    await erase(service, readers[0])
    season = await readers[1].ok("GET", f"/seasons/{id}")
    assert season["applications"] == 2, "withdrawn, since the list was open"
    await service.move(timedelta(hours=24))
    first, second = await heads(service)
    for who, step in ((first, "freeze"), (second, "freeze/confirm")):
        assert (await post(service, who, f"{PAGE}/{id}/{step}")).status == 303
    _, _, entries = await stored(service)
    own = await readers[1].ok("GET", f"/seasons/{id}/application")
    await erase(service, readers[1])
    _, applications, after = await stored(service)
    assert after == entries and len(applications) == 1
    dumped = await service.all_documents()
    assert str(readers[1].reader_id) not in dumped and own["token"] in dumped
    await service.move(timedelta(hours=2))
    draw = {"which": "first", "value": VALUE}
    for who, step in ((first, "draw"), (second, "draw/confirm")):
        assert (await post(service, who, f"{PAGE}/{id}/{step}", **draw)).status == 303
    content = await file_of(service, id)
    assert content["count"] == 2 and list(faults(content)) == []
    assert own["token"] in {one["token"] for one in content["applications"]}
    seasons = service.inside.stored.seasons
    await seasons.forget(date(2026, 12, 20))
    assert (await seasons.get(id)) is not None, "its last day is not over"
    await seasons.forget(date(2026, 12, 21))
    assert await stored(service) == [[], [], []]


WRONG: Sequence[tuple[dict[str, str], str]] = (
    ({"lockers": ""}, "请选择区域或填写储物柜"),
    ({"lockers": "A-01\nA-01"}, "第 2 行的“A-01”在第 1 行已经有了"),
    ({"lockers": "A-01\nany"}, "第 2 行应为"),
    ({"kind": "seats", "area": "2f-hall"}, "座位要填每天的时间"),
    ({"kind": "seats", "area": "2f-hall", "start": "22:00", "end": "08:00"}, "结束应晚于开始"),
    ({"lockers": "A-01\nａ-01"}, "有一个出现了两次"),
    ({"last": "2026-09-01"}, "最后一天不能早于第一天"),
    ({"first": "2025-09-21"}, "第一天不能早于申请开始"),
    ({"first": "2026-09-08", "last": "2026-09-09"}, "最晚抽签以后"),
    ({"last": "9999-12-31"}, "最晚抽签以后的一年之内"),
    ({"default_weight": "0"}, "权重为 0–9"),
    ({"alternative_value": "双色球第2026140期"}, "另一个数值不能与第一个相同"),
    ({"reveal_by": "2026-09-07T00:00"}, "应晚于前一个时间"),
    ({"opens_at": "2026-09-01T00:00"}, "应晚于前一个时间"),
)


async def test_a_wrong_season_is_not_announced(service: Living) -> None:
    first, _ = await heads(service)
    for change, said in WRONG:
        refused = await post(service, first, PAGE, **form(service, **change))
        assert refused.status == 400 and said in refused.body, change
        assert 'value="2026 秋存包柜"' in refused.body, change
        assert await stored(service) == [[], [], []], change


async def test_weights_come_from_groups_and_are_fixed_by_the_freeze(service: Living) -> None:
    first, second = await heads(service)
    reader, member = [await service.reader() for _ in range(2)]
    graduates = await group(service, first)
    await enter(service, first, member, graduates)
    id = await announced(service, first, default_weight="0", **{f"weight-{graduates}": "3"})
    wrong = await post(service, first, PAGE, **form(service, **{f"weight-{graduates}": "x"}))
    assert wrong.status == 400 and "权重为 0–9" in wrong.body
    await service.move(timedelta(hours=2))
    mine = f"/seasons/{id}/application"
    await reader.refused("422 may_not_apply", "POST", mine, {"wishes": ["any"]})
    assert (await member.ok("POST", mine, {"wishes": ["any"]}))["weight"] is None
    await service.move(timedelta(hours=24))
    first, second = await heads(service)
    for who, step in ((first, "freeze"), (second, "freeze/confirm")):
        assert (await post(service, who, f"{PAGE}/{id}/{step}")).status == 303
    own = await member.ok("GET", mine)
    assert own["weight"] == 3 and own["proof"]["path"] == []
    assert "weight 3: 研究生" in (await member.ok("GET", f"/seasons/{id}"))["rule"]
