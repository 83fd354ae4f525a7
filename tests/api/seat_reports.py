"""Readers with a seat, and their occupied-seat reports."""

from __future__ import annotations

from typing import Any

from tests.living import SEAT, Client, Living


async def one(reader: Client, made: Any) -> Any:
    return await reader.ok("GET", f"/reservations/{made['id']}")


async def report(reader: Client, made: Any, kind: str = "occupied") -> Any:
    """Reports the seat as occupied with a fresh scan of a kiosk's code."""
    body = {"kind": kind, "qr": await reader.service.qr()}
    return await reader.ok("POST", f"/reservations/{made['id']}/report", body)


async def holder(service: Living, seat: str = SEAT) -> tuple[Client, Any]:
    reader = await service.reader()
    made = await reader.reserve(seat, "now", "12:00")
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    return reader, made
