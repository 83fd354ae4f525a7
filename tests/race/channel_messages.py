"""Messages queued for a channel."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from models.kernel.ids import ReaderId, ReservationId
from models.messages.entities import Message, Template

LI: Final = ReaderId("5" * 24)
REMINDER: Final = Template.CHECK_IN_REMINDER
MINUTE: Final = timedelta(minutes=1)


async def openids_of(readers: Any) -> dict[ReaderId, str]:
    return {reader: f"o-{reader}" for reader in readers}


def message(reader: ReaderId, at: datetime, worth: timedelta) -> Message:
    id = f"{reader}-{at:%H%M%S}"
    return Message(id, reader, REMINDER, "预约签到提醒", "…", at, {}, ReservationId(id), at + worth)
