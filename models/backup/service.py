from __future__ import annotations

from datetime import datetime

from models.backup.entities import BackupTrouble, troubles
from models.backup.standing_repository import BackupStandingRepository
from models.storage.installation import Mode


class BackupWatch:
    """Says what is wrong with the backups. In a sandbox nothing is wrong without a backup."""

    def __init__(self, records: BackupStandingRepository, mode: Mode) -> None:
        self._records, self._mode = records, mode

    async def troubles(self, now: datetime) -> dict[BackupTrouble, datetime | None]:
        """Returns what is wrong, each with the instant of the backup, the rehearsal or the failure.
        Raises: Unavailable."""
        wrong = troubles(await self._records.standing(), now)
        if self._mode is Mode.SANDBOX:
            wrong.pop(BackupTrouble.MISSING, None)
        return wrong
