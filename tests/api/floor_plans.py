"""The console's export and import of a floor plan."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from tests.api.browsing import Browser
from tests.api.console import WHEREFORE
from tests.living import Living

HALL = "/console/plans/2f-hall"
NAMES_STAY = "移除的座位，以前的预约和统计里仍写着它的座位号。"


async def exported(who: Browser, path: str = f"{HALL}.json") -> dict[str, Any]:
    answer = await who.get(path)
    assert answer.status == 200 and "attachment" in answer.headers["Content-Disposition"]
    return dict(answer.body)


async def send(
    service: Living,
    who: Browser,
    plan: object,
    *,
    base: int | str = 0,
    path: str = HALL,
    **form: str,
) -> Any:
    """Sends the plan by the editor's form; ``file=yes`` sends it as a file."""
    text = plan if isinstance(plan, str) else json.dumps(plan)
    data = aiohttp.FormData(default_to_multipart=path != "/console/plans")
    fields = {"csrf": await who.token("/contact"), "base": str(base), "reason": WHEREFORE, **form}
    if fields.pop("file", ""):
        data.add_field("file", text.encode(), filename="plan.json")
    else:
        fields["plan"] = text
    for name, value in fields.items():
        data.add_field(name, value)
    return await who.post(path, data, service.base)


def seat_of(plan: dict[str, Any], no: str) -> dict[str, Any]:
    return next(seat for seat in plan["seats"] if seat["no"] == no)
