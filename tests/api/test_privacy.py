"""个人信息说明: what is kept of a reader, for how long, and what can be done about it."""

from __future__ import annotations

import re

from tests.api.test_pages import Browser
from tests.living import living


async def test_readers_are_told_what_is_kept(mongo_url: str, redis_url: str) -> None:
    """With the operator's times; also before anybody signs in, and from where they look."""
    async with living(
        mongo_url, redis_url, KEEP_FEEDBACK_DAYS="400", KEEP_AUDIT_DAYS="730"
    ) as service:
        browser, stranger = Browser(await service.web_reader()), service.stranger()
        for page in ((await stranger.get("//")).body, (await browser.get("/me")).body):
            assert '<a href="/privacy">个人信息说明</a>' in page
        told = [(await stranger.get("//privacy")).body, (await browser.get("/privacy")).body]
        for page in told:
            said = dict(re.findall(r"<dt>(.+?)</dt><dd>(.+?)</dd>", page))
            assert "结束 3 年后只作统计" in said["预约和候补"], "the default"
            assert "答复 400 天后删除" in said["留言和答复"]
            assert "保存 2 年" in said["馆员的操作"]
            assert "保存 180 天" in said["闸机和扫码记录"]
            assert "90 天清除" in said["学号、姓名、类别"]
            assert "解除绑定时删除" in said["微信绑定"]
            assert "导出和清除" in page and "服务台" in page
        assert "客服咨询</a>留言" in told[1] and "客服咨询</a>留言" not in told[0]
