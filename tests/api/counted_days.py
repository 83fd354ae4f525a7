"""Past days of statistics for the forecast."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from handlers.http.keys import service_key
from models.forecast.service import FullnessForecast
from models.statistics.daily import AreaDay
from tests.living import Living

MONDAY: Final = date(2026, 9, 7)


async def remember(service: Living, days: int, share: float = 0.5) -> None:
    """Stores this many days of statistics on which the share of all seats was used all day."""
    catalog = service.inside.reference.catalog
    counted = [
        AreaDay(
            MONDAY - timedelta(days=n), area.id, len(area.seats), 930 * len(area.seats),
            0, 0, 0, 0, 0, 0, tuple(round(60 * share * len(area.seats)) for _ in range(24)),
        )
        for n in range(1, days + 1)
        for area in catalog.bookable_areas
    ]  # fmt: skip
    await service.inside.stored.daily_statistics.put(counted)
    await service.app[service_key(FullnessForecast)].refresh(service.clock.now())
