"""A library that is open past midnight."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time

from models.policy.entities import OpeningRule
from tests.living import Living

OTHER = "2f-hall-066"
NIGHT = OpeningRule(time(7), time(2))


async def open_by(service: Living, rule: OpeningRule) -> None:
    reference, now = service.inside.reference, service.clock.now()
    policy = replace(reference.policy, version=reference.policy.version + 1, opening=(rule,))
    await reference.publish(policy, now)


async def clock(service: Living, to: str, day: int) -> None:
    """Moves the clock to this time of Monday the 7th or of the 8th."""
    instant = datetime.fromisoformat(f"2026-09-{day:02}T{to}:00+08:00")
    await service.move(instant - service.clock.now())
