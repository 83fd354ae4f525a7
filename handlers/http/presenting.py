"""Instants on the library's clock, as the API and the pages show them."""

from __future__ import annotations

from datetime import datetime

from models.kernel.time_range import to_local


def moment(instant: datetime | None) -> datetime | None:
    return to_local(instant) if instant is not None else None


def clock(instant: datetime) -> str:
    return f"{to_local(instant):%H:%M}"
