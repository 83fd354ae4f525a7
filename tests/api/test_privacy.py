"""个人信息说明: the data kept about a reader, the retention times, and the reader's choices."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from models.gates.entities import Direction, GateEvent, GateId
from models.kernel.ids import ReaderId
from tests.api.browsing import Browser
from tests.api.console import post, staff
from tests.living import living


async def test_the_privacy_page_lists_the_operators_retention_times(
    mongo_url: str, redis_url: str
) -> None:
    """The page is also shown before signing in and returns to the page it was opened from."""
    async with living(
        mongo_url,
        redis_url,
        KEEP_FEEDBACK_DAYS="400",
        KEEP_AUDIT_DAYS="730",
        KEEP_MESSAGES_DAYS="40",
        KEEP_MOVEMENTS_DAYS="50",
    ) as service:
        browser, stranger = Browser(await service.web_reader()), service.stranger()
        for page in ((await stranger.get("//")).body, (await browser.get("/me")).body):
            assert 'href="/privacy"' in page and "个人信息说明" in page
        pages = [(await stranger.get("//privacy")).body, (await browser.get("/privacy")).body]
        for page in pages:
            said = dict(re.findall(r"<dt>(.+?)</dt><dd>(.+?)</dd>", page))
            assert "结束 3 年后只作统计" in said["预约和候补"], "the default"
            assert "答复 400 天后删除" in said["留言和答复"]
            assert "保存 2 年" in said["馆员的操作"]
            assert "保存 50 天" in said["闸机和扫码记录"]
            assert "保存到预约后 40 天" in said["消息"]
            assert "90 天清除" in said["学号、姓名、类别"], "the default"
            assert "解除绑定时删除" in said["微信绑定"]
            assert "没有绑定微信时不发送" in said["微信内容检测"]
            assert "导出和清除" in page and "服务台" in page
        assert '"/me/data"' in pages[1] and '"/me/data"' not in pages[0]


@pytest.mark.whole
async def test_personal_data_is_deleted_after_the_operators_retention_times(
    mongo_url: str, redis_url: str
) -> None:
    async with living(
        mongo_url, redis_url, KEEP_MOVEMENTS_DAYS="30", KEEP_VISITORS_DAYS="10"
    ) as service:
        desk, reader = await staff(service), await service.reader()
        form = {"name": "周访客", "first": service.today, "last": service.today, "card": ""}
        made = await post(service, desk, "/console/readers/visitors", **form)
        visitor = ReaderId(made.headers["Location"].partition("?")[0].rsplit("/", 1)[1])
        prune, now = service.scheduler.job("prune"), service.clock.now()
        way_in = ("e1", GateId("main"), reader.reader_id, Direction.IN, "card", now, False)
        await service.inside.gates.ingest([(GateEvent(*way_in), reader.number)], now)
        assert prune is not None
        outcomes = []
        for after in (10, 12, 29, 31):
            await prune.run(now + timedelta(days=after))
            ways = await service.db["gate_events"].count_documents({})
            outcomes.append((await service.inside.stored.readers.get(visitor) is not None, ways))
        assert outcomes == [(True, 1), (False, 1), (False, 1), (False, 0)]
