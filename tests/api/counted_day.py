"""A day of bookings for the statistics."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.living import Living


async def a_day(service: Living) -> list[Any]:
    """On Monday one reader finishes, one misses and one cancels; the clock then shows Tuesday."""
    readers = [await service.reader() for _ in range(3)]
    made = [
        await r.reserve(f"2f-hall-{n:03}", "09:00", "11:00") for n, r in enumerate(readers, start=1)
    ]
    await readers[2].ok("POST", f"/reservations/{made[2]['id']}/cancel")
    await service.move("09:00")
    here, code = f"/reservations/{made[0]['id']}", {"qr": await service.qr()}
    await readers[0].ok("POST", f"{here}/check-in", code)
    await service.move("10:30")
    await readers[0].ok("POST", f"{here}/finish")
    await service.move(timedelta(hours=14))
    return made
