"""Messages to applicants of a season: what they got, who was left out, why it was aborted."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final

import pytest

from tests.api.console import post
from tests.api.reader_groups import enter, group
from tests.api.seasons import DRAW, PAGE, announced, apply, erase, heads, news, take
from tests.api.wecom import WeCom
from tests.living import Living, living
from tests.mail_server import MailServer, text_of
from tests.stand_in import StandIn

CHECK: Final = "抽签可以在“学期座位与储物柜”里核对。"


async def test_applicants_hear_what_they_got_or_their_place_in_the_waiting_order(
    service: Living,
) -> None:
    readers = [await service.reader() for _ in range(8)]
    id = await announced(service, (await heads(service))[0])
    await service.move(timedelta(hours=2))
    await apply(id, *readers)
    await readers[6].ok("DELETE", f"/seasons/{id}/application")
    await service.move(timedelta(hours=24))
    await take(service, id, "freeze")
    assert [await news(reader) for reader in readers] == [[]] * 8, "the list is no news for them"
    await erase(service, readers[7])
    await service.move(timedelta(hours=2))
    await take(service, id, "draw", **DRAW)
    said = [dict(await news(reader)) for reader in readers[:6]]
    results = [await reader.ok("GET", f"/seasons/{id}/application") for reader in readers[:6]]
    assert sum(own["thing"] is not None for own in results) == 4, "also what the erased reader got"
    # Whoever got it from them waited when the result was told.
    waited = sorted(
        own["rank"]
        for own, texts in zip(results, said, strict=True)
        if own["thing"] is None or "候补到了" in texts
    )
    for own, texts in zip(results, said, strict=True):
        if own["rank"] in waited:
            order = f"抽签第 {own['rank']} 位，共 7 份申请"
            place = waited.index(own["rank"]) + 1
            result = f"您没有分到，在候补的名单上是第 {place} 位（{order}）。"
        else:
            result = f"您分到的储物柜：{own['thing']['label']}，9月21日至12月20日。"
        assert texts["抽签的结果"] == f"“2026 秋存包柜”已抽签，{result}{CHECK}"
    assert await news(readers[6]) == [], "withdrawn"
    assert str(readers[7].reader_id) not in await service.all_documents()


@pytest.mark.whole
async def test_a_seat_and_what_became_of_it_are_said_in_english_too(service: Living) -> None:
    seats = {"kind": "seats", "area": "2f-hall", "start": "08:00", "end": "22:00", "lockers": ""}
    head, _ = await heads(service)
    id = await announced(service, head, title="Autumn seats", **seats)
    got, waits = [await service.reader() for _ in range(2)]
    await service.move(timedelta(hours=2))
    await apply(id, got, waits, wishes=("2f-hall-065",))
    await service.move(timedelta(hours=24))
    await take(service, id, "freeze")
    await service.move(timedelta(hours=2))
    await take(service, id, "draw", **DRAW)
    if (await got.ok("GET", f"/seasons/{id}/application"))["thing"] is None:
        got, waits = waits, got
    ((title, text),) = await news(got)
    assert title == "抽签的结果"
    assert "您分到的座位：图书馆2层二层中厅065号，9月21日至12月20日" in text
    ((title, text),) = await news(got, "en")
    assert title == "Result of the draw"
    assert text.startswith("“Autumn seats” has been drawn. Your seat: ") and "065" in text
    assert "21 Sept to 20 Dec" in text and "Term seats and lockers" in text
    ((_, text),) = await news(waits, "en")
    assert "You got none; you are number 1 on the waiting list (number 2 of 2" in text


@pytest.mark.whole
async def test_who_may_not_apply_any_more_hears_it_when_the_list_is_frozen(
    service: Living,
) -> None:
    head, _ = await heads(service)
    graduates = await group(service, head)
    leaves, stays = [await service.reader() for _ in range(2)]
    await enter(service, head, leaves, graduates, last=service.today)
    await enter(service, head, stays, graduates)
    id = await announced(service, head, default_weight="0", **{f"weight-{graduates}": "1"})
    await service.move(timedelta(hours=2))
    await apply(id, leaves, stays)
    await service.move(timedelta(hours=24))
    await take(service, id, "freeze")
    left_out = (
        "没有参加抽签",
        "“2026 秋存包柜”的名单已封存。封存时您不在可以申请的读者之中，"
        "您的申请没有参加抽签。如有疑问请到服务台。",
    )
    assert (await news(leaves), await news(stays)) == ([left_out], [])
    ((title, text),) = await news(leaves, "en")
    assert title == "Not in the draw" and "service desk" in text
    await service.move(timedelta(hours=2))
    await take(service, id, "draw", **DRAW)
    assert await news(leaves) == [left_out], "the draw does not concern them"
    assert [title for title, _ in await news(stays)] == ["抽签的结果"]


@pytest.mark.whole
async def test_applicants_hear_why_a_season_was_aborted(service: Living) -> None:
    head, _ = await heads(service)
    early, late = [
        await announced(service, head, title=title, lockers=f"{title}-01") for title in ("甲", "乙")
    ]
    applicant, frozen, nobody = [await service.reader() for _ in range(3)]
    await service.move(timedelta(hours=2))
    await apply(early, applicant)
    await apply(late, frozen)
    await post(service, head, f"{PAGE}/{early}/abort", reason="柜子要修")
    await service.move(timedelta(hours=24))
    await take(service, late, "freeze")
    await post(service, (await heads(service))[0], f"{PAGE}/{late}/abort", reason="停电")
    said = [("抽签已中止", "“甲”已由图书馆中止，不再抽签。原因：柜子要修")]
    assert await news(applicant) == said
    assert await news(frozen) == [("抽签已中止", "“乙”已由图书馆中止，不再抽签。原因：停电")]
    assert await news(nobody) == []
    ((title, text),) = await news(applicant, "en")
    assert title == "Draw aborted" and text.endswith("柜子要修") and "aborted" in text
    assert "柜子要修" not in json.dumps(
        await service.db["messages"].find().to_list(None), default=str, ensure_ascii=False
    ), "sealed"


@pytest.mark.whole
async def test_a_result_goes_by_mail_and_wecom_with_a_link_to_the_season(
    mongo_url: str, redis_url: str, mail: MailServer, stand_in: StandIn
) -> None:
    wecom = WeCom()
    async with living(
        mongo_url,
        redis_url,
        SMTP_URL=f"smtp://127.0.0.1:{mail.port}",
        MAIL_FROM="seats@lib.test",
        IDENTITY_PROVIDER="wecom",
        WECOM_CORP_ID="ww1",
        WECOM_AGENT_ID="1000002",
        WECOM_SECRET="corp-secret",
        WECOM_BASE_URL=await stand_in(wecom.routes()),
        WECOM_MESSAGES="1",
    ) as service:
        reader = await service.web_reader()
        wecom.members.add(reader.number)
        await reader.ok("POST", "/email-address", {"address": "anna@example.edu"})
        code = mail.code_for("anna@example.edu")
        await reader.ok("POST", "/email-address/confirm", {"code": code})
        head, _ = await heads(service)
        id = await announced(service, head)
        await service.move(timedelta(hours=2))
        await apply(id, reader)
        await post(service, head, f"{PAGE}/{id}/abort", reason="柜子要修")
        for _ in range(2):
            await service.settle()
        (_, written) = mail.to("anna@example.edu")
        assert written["Subject"].startswith("抽签已中止 · ")
        assert f"学期座位与储物柜：{service.base}/seasons/{id}\r\n" in text_of(written)
        assert "柜子要修" in text_of(written)
        ((number, card),) = wecom.cards
        assert (number, card["title"]) == (reader.number, "抽签已中止")
        assert card["url"] == f"{service.base}/entry?next=/seasons/{id}"
