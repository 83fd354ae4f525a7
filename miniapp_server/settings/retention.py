from __future__ import annotations

from datetime import timedelta
from typing import Final

from miniapp_server.settings.environment import EnvironmentReader
from models.erasure.entities import Keeping

VARIABLES: Final = (
    *("KEEP_AUDIT_DAYS", "KEEP_FEEDBACK_DAYS", "KEEP_MESSAGES_DAYS"),
    *("KEEP_MOVEMENTS_DAYS", "KEEP_RESERVATIONS_DAYS", "KEEP_VISITORS_DAYS"),
)


def read_keeping(read: EnvironmentReader) -> Keeping:
    return Keeping(
        audit=timedelta(days=read.number("KEEP_AUDIT_DAYS", 1095, 180, 36500)),
        feedback=timedelta(days=read.number("KEEP_FEEDBACK_DAYS", 365, 30, 36500)),
        messages=timedelta(days=read.number("KEEP_MESSAGES_DAYS", 180, 30, 36500)),
        movements=timedelta(days=read.number("KEEP_MOVEMENTS_DAYS", 180, 30, 36500)),
        reservations=timedelta(days=read.number("KEEP_RESERVATIONS_DAYS", 1095, 180, 36500)),
        visitors=timedelta(days=read.number("KEEP_VISITORS_DAYS", 90, 7, 36500)),
    )
