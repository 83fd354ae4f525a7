"""The console's page of policy values."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tests.api.browsing import Browser
from tests.api.console import post
from tests.living import Living

PATH = "/console/rules"


async def form_of(who: Browser) -> dict[str, str]:
    """The values in the page's form."""
    page = (await who.get(PATH)).body
    part = page[page.index('name="operation" value="numbers"') :]
    fields = {"operation": "numbers"}
    for match in re.finditer(r'<input type="(\w+)"[^>]*?name="([^"]+)"[^>]*?>', part):
        kind, name = match[1], match[2]
        value = re.search(r'value="([^"]*)"', match[0])
        if kind == "checkbox":
            if " checked" in match[0]:
                fields[name] = "on"
        elif kind in ("number", "time"):
            fields[name] = value[1] if value else ""
    meals = re.search(r'name="meal_times" value="([^"]*)"', part)
    base = re.search(r'name="base" value="(\d+)"', page)
    assert meals is not None and base is not None
    return fields | {"meal_times": meals[1], "base": base[1]}


async def ask(service: Living, who: Browser, **changed: str) -> Any:
    form = await form_of(who) | {"why": "馆长办公会"} | changed
    return await post(service, who, PATH, **form)


async def next_morning(service: Living) -> None:
    seven = datetime.fromisoformat(f"{service.tomorrow}T07:00+08:00")
    await service.move(seven - service.clock.now())


SET = {
    "operation": "add",
    "name": "考试周",
    "set.max_minutes": "120",
    "set.daily_booking_limit": "1",
}
