from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from miniapp_server.settings.databases import read_database_url
from miniapp_server.settings.environment import EnvironmentReader
from models.storage.connectivity import read_mongo_url

VARIABLES: Final = ("BACKUP_TO", "BACKUP_RECIPIENTS", "KEEP_BACKUPS_DAYS", "REHEARSAL_MONGO_URL")
_PUBLIC_KEY: Final = re.compile(r"age1\w[\w-]+")


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """`place`: a folder on another machine, or a program that takes backups there; None if backups
    stay where the command's FILE says. `recipients`: public keys of age. `keep`: how long a folder
    keeps a backup."""

    place: Path | None
    recipients: tuple[str, ...]
    keep: timedelta
    scratch_url: str = field(repr=False)
    """The MongoDB in which rehearsals restore; empty for the library's own."""


def read_backups(read: EnvironmentReader) -> BackupSettings:
    place = read.text("BACKUP_TO")
    if place and not place.startswith("/"):
        read.fault("BACKUP_TO must be the full path of a folder or a program")
    keys = [key.strip() for key in read.text("BACKUP_RECIPIENTS").split(",")]
    recipients = tuple(key for key in keys if key)
    if not all(_PUBLIC_KEY.fullmatch(key) for key in recipients):
        read.fault("BACKUP_RECIPIENTS must list public keys of age, which begin with age1")
    if place and not recipients:
        read.fault("BACKUP_RECIPIENTS is required with BACKUP_TO: backups leave the host encrypted")
    return BackupSettings(
        place=Path(place) if place else None,
        recipients=recipients,
        keep=timedelta(days=read.number("KEEP_BACKUPS_DAYS", 30, 7, 3650)),
        scratch_url=(
            read_database_url(read, "REHEARSAL_MONGO_URL", read_mongo_url)
            if read.text("REHEARSAL_MONGO_URL")
            else ""
        ),
    )
