"""The console's form of the library profile."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import aiohttp
from PIL import Image

from tests.api.browsing import Browser
from tests.living import Living

CAS = "http://127.0.0.1:9/cas"
NAMES = {
    "name": "示例大学图书馆",
    "title": "示例大学图书馆座位预约",
    "audience": "面向全校师生",
    "contact": "服务台电话 010-1234\r\n邮箱 lib@example.edu",
    "running_line": "一次最多 {最长小时} 小时",
    "rules_text": "# 我们的规则\r\n\r\n- 每天 {每天次数} 次",
    "campus_app": "示例校园",
}


def picture() -> bytes:
    made = BytesIO()
    Image.new("RGB", (200, 200), "#20a060").save(made, "JPEG")
    return made.getvalue()


async def save(service: Living, who: Browser, logo: bytes = b"", **form: str) -> Any:
    """Sends the form of 图书馆信息, for the shown profile unless ``base`` names another."""
    page = str((await who.get("/console/library")).body)
    base = re.search(r'name="base" value="(\d+)"', page)
    assert base is not None
    data = aiohttp.FormData(default_to_multipart=True)
    fields = {"csrf": await who.token("/contact"), "operation": "save", "base": base[1]}
    for name, value in (fields | NAMES | form).items():
        data.add_field(name, value)
    if logo:
        data.add_field("logo", logo, filename="logo.jpg")
    return await who.post("/console/library", data, service.base)
