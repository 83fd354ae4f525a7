from __future__ import annotations

from datetime import datetime

from handlers.http.schemas import SuspensionOut
from handlers.texts.labels import suspension_reason_text
from models.kernel.time_range import to_local
from models.readers.entities import FOREVER, Reader, SuspensionReason


def moment(instant: datetime | None) -> datetime | None:
    return to_local(instant) if instant is not None else None


def clock(instant: datetime) -> str:
    return f"{to_local(instant):%H:%M}"


def suspension(reader: Reader, now: datetime) -> SuspensionOut | None:
    """The reader's suspension for the API; None if they may book."""
    until = reader.suspended_until
    if until is None or until <= now:
        return None
    reason = reader.suspended_for or SuspensionReason()
    return SuspensionOut(
        until=to_local(until) if until != FOREVER else None,
        reason=suspension_reason_text(reason),
        violations=reason.violations,
        days=reason.days,
    )
