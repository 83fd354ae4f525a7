"""Where backups go, and what is said of their age."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from miniapp_server.backup_place import delete_old, incoming, name_of, outgoing
from models.backup.entities import Backup, BackupStanding, BackupTrouble, troubles
from models.backup.errors import BackupError

NOW = datetime(2026, 11, 30, 3, 30, tzinfo=UTC)
GOOD = Backup(NOW - timedelta(hours=36))
OLD = Backup(NOW - timedelta(hours=36, seconds=1))
TRIED = NOW - timedelta(days=100)
LONG_AGO = TRIED - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("standing", "wrong"),
    [
        (BackupStanding(), {BackupTrouble.MISSING: None}),
        (BackupStanding(failed_at=NOW), {BackupTrouble.FAILED: NOW}),
        (BackupStanding(GOOD), {BackupTrouble.UNREHEARSED: None}),
        (BackupStanding(GOOD, rehearsed_at=TRIED), {}),
        (BackupStanding(OLD, rehearsed_at=TRIED), {BackupTrouble.OLD: OLD.at}),
        (BackupStanding(GOOD, NOW, TRIED), {BackupTrouble.FAILED: NOW}),
        (BackupStanding(GOOD, None, LONG_AGO), {BackupTrouble.REHEARSAL_OLD: LONG_AGO}),
        (BackupStanding(GOOD, None, TRIED, NOW), {BackupTrouble.REHEARSAL_FAILED: NOW}),
        (
            BackupStanding(OLD, None, None, NOW),
            {BackupTrouble.OLD: OLD.at, BackupTrouble.REHEARSAL_FAILED: NOW},
        ),
    ],
)
def test_old_failed_and_unrehearsed_backups_are_troubles(
    standing: BackupStanding, wrong: dict[BackupTrouble, datetime | None]
) -> None:
    assert troubles(standing, NOW) == wrong


def test_a_folder_loses_its_own_old_backups_only(tmp_path: Path) -> None:
    keep = timedelta(days=30)
    old, kept = name_of("seats", NOW - keep - timedelta(seconds=1)), name_of("seats", NOW - keep)
    others = {name_of("seats-b", NOW - 2 * keep), "seats-old.backup.age", f"{old}.part", kept}
    for name in {old, *others}:
        (tmp_path / name).touch()
    delete_old(tmp_path, "seats", NOW, keep)
    assert set(os.listdir(tmp_path)) == others


def program_of(folder: Path, lines: str) -> Path:
    program = folder / "program"
    program.write_text(f"#!/bin/sh\n{lines}\n", encoding="utf-8")
    program.chmod(0o700)
    return program


def test_a_program_takes_a_backup_away_and_brings_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets no secret of the service's."""
    far = tmp_path / "far"
    far.mkdir()
    monkeypatch.setenv("ENCRYPTION_KEYS", "secret")
    program = program_of(
        tmp_path,
        f'[ -z "$ENCRYPTION_KEYS" ] && cd {far} || exit 1\n'
        'case $1 in put) cat >"$2";; get) cat "$2";; esac',
    )
    with outgoing(program, "name") as path:
        path.write_bytes(b"a backup")
    assert not path.exists() and (far / "name").read_bytes() == b"a backup"
    with incoming(program, "name") as path:
        assert path.read_bytes() == b"a backup"
    assert not path.exists()
    with pytest.raises(BackupError, match="get ended with 1: cat: "), incoming(program, "other"):
        pass
    delete_old(program, "seats", NOW, timedelta(days=30))


def test_a_place_that_takes_no_backup_is_refused_before_one_is_made(tmp_path: Path) -> None:
    (tmp_path / "notes").touch()
    for place, why in ((tmp_path / "mnt", "is it mounted"), (tmp_path / "notes", "neither a fold")):
        for way in (outgoing, incoming):
            with pytest.raises(BackupError, match=why), way(place, "name"):
                raise AssertionError
