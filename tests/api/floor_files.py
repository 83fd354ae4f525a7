"""Uploads of floor files to the console."""

from __future__ import annotations

import html
import re
from typing import Any

import aiohttp

from tests.api.browsing import Browser
from tests.api.console import WHEREFORE
from tests.living import Living

IMPORT = "/console/plans/import"
TABLE = (
    "区域,楼层,座位号,行,列,电源\n"
    "五层东区,5,A-12,1,2,是\n五层东区,5,A-2,1,1,\n五层东区,5,2F-B07,2,1,\n"
    "五层西区,5,001,1,1,\n"
)


async def upload(service: Living, who: Browser, file: str | bytes, **form: str) -> Any:
    data = aiohttp.FormData(default_to_multipart=True)
    for name, value in {"csrf": await who.token("/contact"), **form}.items():
        data.add_field(name, value)
    content = file.encode() if isinstance(file, str) else file
    data.add_field("file", content, filename="floors.csv")
    return await who.post(IMPORT, data, service.base)


async def confirm(service: Living, who: Browser, plans: str, **form: str) -> Any:
    data = aiohttp.FormData(default_to_multipart=True)
    csrf = await who.token("/contact")
    fields = {"csrf": csrf, "confirmed": "yes", "reason": WHEREFORE, "plans": plans, **form}
    for name, value in fields.items():
        data.add_field(name, value)
    return await who.post(IMPORT, data, service.base)


def hidden_plans(body: str) -> str:
    """The plans in the preview's hidden field."""
    match = re.search(r'<textarea name="plans" hidden>(.*?)</textarea>', body, re.S)
    assert match is not None
    return html.unescape(match[1])
