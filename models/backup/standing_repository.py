from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from models.backup.entities import Backup, BackupStanding
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

_LAST, _REHEARSAL = "last", "rehearsal"


class BackupStandingRepository:
    """Records the newest backup and the newest rehearsal in the database that they are of."""

    def __init__(self, db: Database) -> None:
        self._records = db["backups"]

    async def standing(self) -> BackupStanding:
        """Raises: Unavailable."""
        with translate_errors():
            rows = {row.pop("_id"): row for row in await self._records.find().to_list(None)}
        last, rehearsal = rows.get(_LAST, {}), rows.get(_REHEARSAL, {})
        failed_at = last.pop("failed_at", None)
        return BackupStanding(
            newest=Backup(**last) if last else None,
            failed_at=failed_at,
            rehearsed_at=rehearsal.get("at"),
            rehearsal_failed_at=rehearsal.get("failed_at"),
        )

    async def backed_up(self, backup: Backup) -> None:
        """Raises: Unavailable."""
        await self._keep(_LAST, asdict(backup))

    async def backup_failed(self, at: datetime) -> None:
        """Raises: Unavailable."""
        await self._fail(_LAST, at)

    async def rehearsed(self, backup: Backup, at: datetime) -> None:
        """Raises: Unavailable."""
        await self._keep(_REHEARSAL, {"at": at, "name": backup.name, "sha256": backup.sha256})

    async def rehearsal_failed(self, at: datetime) -> None:
        """Raises: Unavailable."""
        await self._fail(_REHEARSAL, at)

    async def _keep(self, kind: str, facts: Document) -> None:
        with translate_errors():
            await self._records.replace_one({"_id": kind}, facts, upsert=True)

    async def _fail(self, kind: str, at: datetime) -> None:
        with translate_errors():
            await self._records.update_one({"_id": kind}, {"$set": {"failed_at": at}}, upsert=True)
