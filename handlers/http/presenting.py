"""TODO docstring."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from models.kernel.time_range import to_local

_MINUTE: Final = timedelta(minutes=1)


def moment(instant: datetime | None) -> datetime | None:
    return to_local(instant) if instant is not None else None


def clock(instant: datetime) -> str:
    return f"{to_local(instant):%H:%M}"
