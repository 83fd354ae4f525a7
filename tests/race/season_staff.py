"""The staff of a season, and when its steps can be taken."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from models.seasons.staff import StaffSeasons
from models.staff.audit_log import AuditLog
from tests.inside import Inside
from tests.race.stage import EIGHT

OPENS: Final = EIGHT + timedelta(minutes=1)
CLOSES: Final = OPENS + timedelta(days=1)
KNOWN: Final = CLOSES + timedelta(hours=1)


def staff(worker: Inside) -> StaffSeasons:
    stored = worker.stored
    return StaffSeasons(
        AuditLog(stored.audit_log),
        stored.seasons,
        stored.readers,
        stored.memberships,
        worker.reference,
    )
