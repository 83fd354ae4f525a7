"""Blocks of study rooms, as a librarian makes them."""

from __future__ import annotations

from typing import Any, Final

from tests.api.rooms import SEMINAR
from tests.living import Client, Living

BLOCKS: Final = "/staff/room-blocks"
EXAMS: Final = "期末考试周：研究生信息素养课（Information literacy, second group）"


def series(service: Living, **other: Any) -> dict[str, Any]:
    """The seminar room from 14:00 to 16:00, today."""
    usual = {"room_id": SEMINAR, "title": EXAMS, "start": "14:00", "end": "16:00"}
    return usual | {"first": service.today, "last": service.today} | other


async def make(
    service: Living, desk: Client, id: str = "a", all: bool = True, **other: Any
) -> list[Any]:
    """Stores the series; returns its days."""
    body = series(service, **other) | {"id": id * 24, "all": all}
    return list((await desk.ok("POST", BLOCKS, body))["dates"])
