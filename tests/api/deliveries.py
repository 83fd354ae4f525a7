"""Deliveries to the sandbox's WeChat, which can be made to misbehave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.living import Client, Living

MANY = 1000
AN_HOUR = ("14:00", "15:00"), ("15:00", "16:00"), ("16:00", "17:00"), ("17:00", "18:00")


@dataclass(frozen=True, slots=True)
class Way:
    """The delivery of one message to WeChat."""

    state: str
    attempts: int
    due: datetime
    codes: list[int]
    reason: str | None


async def way_of(service: Living, made: Any, seq: int = 1) -> Way:
    all_of_it = service.db["messages"].find({"reservation": made["id"]})
    rows = await all_of_it.sort([("at", 1), ("_id", 1)]).to_list(None)
    assert len(rows) >= seq, "every event is kept"
    message = rows[seq - 1]
    row = await service.db["deliveries"].find_one({"message": message["_id"]})
    if row is None:  # nobody asked for it
        return Way("no_consent", 0, message["at"], [], None)
    return Way(row["state"], row["attempts"], row["due"], row["codes"], row.get("reason"))


async def misbehave(service: Living, **modes: object) -> None:
    await service.anonymous.ok("POST", "//sandbox/wechat/_mode", modes)


async def calls(service: Living, endpoint: str) -> int:
    """The number of calls to WeChat since its mode was set with ``times=MANY``."""
    mode = await service.db["sandbox_wechat_modes"].find_one({"_id": endpoint})
    assert mode is not None
    return MANY - int(mode["left"])


async def templates_of(client: Client) -> list[str]:
    """The templates of the reader's in-app messages, oldest first."""
    items = (await client.ok("GET", "/messages"))["items"]
    return [item["template"] for item in reversed(items)]


async def warm_up(service: Living) -> None:
    """Sends one message, so that the cached access_token is this WeChat's (tests share one
    Redis)."""
    somebody = await service.reader()
    await somebody.accept("RESERVED")
    await somebody.reserve("2f-hall-060")
    await service.settle()
    assert len(await somebody.messages()) == 1


async def tell(service: Living) -> None:
    """Dispatches the outbox and delivers nothing."""
    while await dispatch(service):
        pass


async def dispatch(service: Living) -> int:
    """The outbox dispatcher runs once."""
    job = service.scheduler.job("dispatch_outbox")
    assert job is not None
    return await job.run(service.clock.now())
