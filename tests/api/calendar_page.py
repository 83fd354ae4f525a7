"""The console's page of opening hours."""

from __future__ import annotations

import re
from typing import Any

from tests.api.browsing import Browser
from tests.api.console import post
from tests.living import Living

PATH = "/console/calendar"


async def base(who: Browser) -> str:
    match = re.search(r'name="base" value="(\d+)"', (await who.get(PATH)).body)
    assert match is not None
    return match[1]


async def ask(service: Living, who: Browser, **form: str) -> Any:
    """Sends a form of the page for the policy version that it shows."""
    usual = {"operation": "add", "kind": "closed", "first": service.tomorrow, "reason": "消防检修"}
    usual |= {"why": "馆长办公会", "bookings": "cancel"}
    return await post(service, who, PATH, **{"base": await base(who), **usual, **form})
