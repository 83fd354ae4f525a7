"""A reader group with a room of its own, and its members."""

from __future__ import annotations

import re
from typing import Any

from tests.api.browsing import Browser
from tests.api.console import post
from tests.living import Client, Living

ROOM, HALL = "2f-east", "2f-hall"
SEAT = "2f-east-056"


async def group(service: Living, admin: Browser, **fields: str) -> str:
    """The console's form makes a new group. Returns its id."""
    facts = {"name": "研究生", f"area-{ROOM}": "on"} | fields
    answer = await post(service, admin, "/console/groups", **facts)
    assert answer.status == 303, answer.body
    await service.inside.reference.refresh()
    groups = service.inside.reference.groups.by_id.values()
    return next(g.id for g in groups if g.name == facts["name"])


async def base(who: Browser, reader: Client) -> str:
    page = (await who.get(f"/console/readers/{reader.reader_id}")).body
    form = page[page.index("/membership") :]
    match = re.search(r'name="base" value="([0-9a-f]{16})"', form)
    assert match is not None
    return match[1]


async def enter(service: Living, desk: Browser, reader: Client, id: str, **days: str) -> Any:
    here, shown_base = f"/console/readers/{reader.reader_id}/membership", await base(desk, reader)
    return await post(service, desk, here, group=id, base=shown_base, **days)
