"""Seasons over HTTP, as administrators announce and readers apply for them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

from models.identity.roles import Role
from models.kernel.ids import ReaderId
from tests.api.browsing import Browser
from tests.api.console import post, staff
from tests.living import Client, Living
from tests.seasons import VALUE

PAGE: Final = "/console/seasons"
DRAW: Final = {"which": "first", "value": VALUE}


def form(service: Living, **other: str) -> dict[str, str]:
    """A season of four lockers: applications open in an hour for a day."""

    def at(hours: int) -> str:
        local = service.clock.now().astimezone(service.inside.reference.zone.slot_clock)
        return f"{local + timedelta(hours=hours):%Y-%m-%dT%H:%M}"

    return {
        "kind": "lockers",
        "title": "2026 秋存包柜",
        "lockers": "A-01,大\nA-02，小\n\nA-03\nB-01,大",
        "first": "2026-09-21",
        "last": "2026-12-20",
        "come_by": "10:00",
        "unused_days": "2",
        "grace_days": "7",
        "default_weight": "1",
        "most_wishes": "3",
        "opens_at": at(1),
        "closes_at": at(25),
        "first_value": "双色球第2026140期",
        "first_value_at": at(27),
        "alternative_value": "双色球第2026141期",
        "alternative_value_at": at(51),
        "reveal_by": at(75),
        "operation": "announce",
        "reason": "",
        **other,
    }


async def announced(service: Living, head: Browser, **other: str) -> str:
    """The id of a new season."""
    answer = await post(service, head, PAGE, **form(service, **other))
    assert answer.status == 303, answer.body
    match = re.match(rf"{PAGE}/([0-9a-f]{{24}})\?done=season$", answer.headers["Location"])
    assert match is not None
    return match[1]


async def heads(service: Living) -> tuple[Browser, Browser]:
    """Two administrators of the whole library."""
    return await staff(service, Role.ADMINISTRATOR), await staff(service, Role.ADMINISTRATOR)


async def take(service: Living, id: str, step: str, **fields: str) -> None:
    """Two administrators take the step."""
    for who, path in zip(await heads(service), (step, f"{step}/confirm"), strict=True):
        assert (await post(service, who, f"{PAGE}/{id}/{path}", **fields)).status == 303


async def apply(id: str, *readers: Client, wishes: tuple[str, ...] = ("any",)) -> None:
    for reader in readers:
        await reader.ok("POST", f"/seasons/{id}/application", {"wishes": [*wishes]})


async def news(reader: Client, language: str = "zh") -> list[tuple[str, str]]:
    """Titles and texts of the reader's messages about seasons, after two runs of the jobs; each
    leads to the page of its season."""
    for _ in range(2):
        await reader.service.settle()
    received = await reader.ok("GET", "/messages", **{"Accept-Language": language})
    inbox = Browser(await reader.service.web_reader(reader))
    page = (await inbox.get("/notices")).body
    said = [m for m in received["items"] if "season_id" in m]
    for message in said:
        assert f'href="/seasons/{message["season_id"]}"' in page
        assert (message["template"], message["reservation_id"]) == ("ANSWER", None)
    return [(message["title"], message["text"]) for message in said]


async def stored(service: Living) -> list[Any]:
    """All documents of seasons."""
    return [
        await service.db[name].find().sort("_id").to_list(None)
        for name in ("seasons", "season_applications", "season_entries")
    ]


async def file_of(service: Living, id: str) -> Any:
    return (await service.anonymous.get(f"//seasons/{id}.json")).body


async def erase(service: Living, client: Client) -> None:
    reader = await service.inside.stored.readers.get(ReaderId(str(client.reader_id)))
    assert reader is not None
    await service.inside.erasure.erase(reader, service.clock.now())
