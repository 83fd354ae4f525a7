from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

BACKUP_LASTS: Final = timedelta(hours=36)
"""The next nightly backup is missing after this time."""
REHEARSAL_LASTS: Final = timedelta(days=100)
"""A rehearsal each quarter, and a week to get round to it."""


@dataclass(frozen=True, slots=True)
class Backup:
    """The newest backup. `at`: the instant that it shows; `place`: its folder, or the program that
    took it. `name` is empty if the first release made it."""

    at: datetime
    name: str = ""
    place: str = ""
    size: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class BackupStanding:
    """The records about backups. `failed_at`, `rehearsal_failed_at`: when the latest attempt
    failed; None if it succeeded."""

    newest: Backup | None = None
    failed_at: datetime | None = None
    rehearsed_at: datetime | None = None
    rehearsal_failed_at: datetime | None = None


class BackupTrouble(StrEnum):
    MISSING = "missing"
    FAILED = "failed"
    OLD = "old"
    UNREHEARSED = "unrehearsed"
    REHEARSAL_FAILED = "rehearsal_failed"
    REHEARSAL_OLD = "rehearsal_old"


def troubles(standing: BackupStanding, now: datetime) -> dict[BackupTrouble, datetime | None]:
    """Returns what is wrong with the backups: at most one trouble of their making and one of their
    rehearsal, each with the instant of the backup, the rehearsal or the failure."""
    newest, failed = standing.newest, standing.failed_at
    wrong: dict[BackupTrouble, datetime | None] = {}
    if failed is not None:
        wrong[BackupTrouble.FAILED] = failed
    elif newest is None:
        wrong[BackupTrouble.MISSING] = None
    elif now - newest.at > BACKUP_LASTS:
        wrong[BackupTrouble.OLD] = newest.at
    if standing.rehearsal_failed_at is not None:
        wrong[BackupTrouble.REHEARSAL_FAILED] = standing.rehearsal_failed_at
    elif standing.rehearsed_at is None:
        if newest is not None:
            wrong[BackupTrouble.UNREHEARSED] = None
    elif now - standing.rehearsed_at > REHEARSAL_LASTS:
        wrong[BackupTrouble.REHEARSAL_OLD] = standing.rehearsed_at
    return wrong
