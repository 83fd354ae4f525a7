"""A gate that sends signed events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bind.gate_signatures import sign
from tests.living import Answer, Client, Living

Event = dict[str, Any]


@dataclass(slots=True)
class Gate:
    """A gate with its key."""

    service: Living
    key: str
    id: str = "main"
    count: int = 0

    def event(self, reader: Client, way: str, at: str | datetime = "", **other: Any) -> Event:
        """A gate event. ``at`` is a clock time of today or an instant, by default now."""
        self.count += 1
        if isinstance(at, datetime):
            when = at.isoformat()
        else:
            when = (
                f"{self.service.today}T{at}:00+08:00"
                if at
                else self.service.clock.now().isoformat()
            )
        return {
            "id": str(self.count),
            "student_no": reader.number,
            "direction": way,
            "method": "card",
            "at": when,
        } | other

    async def send(self, events: Sequence[Event], **other: Any) -> Answer:
        body = json.dumps({"events": events} | other).encode()
        stamp = str(int(self.service.clock.now().timestamp()))
        return await self.post(body, stamp, sign(self.key, stamp, body))

    async def post(self, body: bytes, stamp: str, signature: str, gate: str = "") -> Answer:
        headers = {
            "X-Gate-Id": gate or self.id,
            "X-Gate-Timestamp": stamp,
            "X-Gate-Signature": signature,
        }
        return await self.service.anonymous.post("/gate/events", body, **headers)

    async def pass_(self, reader: Client, way: str, at: str = "") -> None:
        answer = await self.send([self.event(reader, way, at)])
        assert (answer.status, answer.body["accepted"]) == (200, 1), answer.body


async def gate_of(service: Living, id: str = "main") -> Gate:
    keys = (await service.anonymous.ok("GET", "//sandbox/gates"))["items"]
    return Gate(service, next(item["key"] for item in keys if item["id"] == id), id)
