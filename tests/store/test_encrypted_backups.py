"""Backups that leave the host: encrypted on the way, and restored with a private key only."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.backup.encryption import read_identity
from models.backup.errors import BackupError
from models.backup.repository import backup, restore
from models.backup.scratch_repository import empty_scratch, mark_scratch
from models.storage.encryption import FieldCipher
from models.storage.installation import DatabaseRefused, Mode
from models.storage.mongo import Database, open_database
from tests.backup_keys import key_pair
from tests.builders import on
from tests.survive.serving import everything

NOW = on("12:00")


@pytest.fixture
async def empty(mongo_url: str, db: Database) -> AsyncIterator[Database]:
    """A further, empty database."""
    async with open_database(mongo_url, f"{db.name}_e"[-38:]) as other:
        yield other
        await other.client.drop_database(other.name)


async def put_back(db: Database, file: Path, key: Path | None) -> None:
    sealer = FieldCipher({1: b"1" * 32})
    identity = read_identity(key) if key else None
    await restore(db, file, NOW, mode=Mode.PRODUCTION, sealer=sealer, identity=identity)


async def test_an_encrypted_backup_is_restored_by_either_of_its_keys_and_no_other(
    db: Database, empty: Database, tmp_path: Path
) -> None:
    """A file that is damaged at any place, or for another key, changes nothing."""
    keys = [tmp_path / name for name in ("head", "deputy", "stranger")]
    public = [key_pair(key) for key in keys]
    # More than one of age's chunks of 64 kB, so that a cut file begins well.
    await db["waitlist"].insert_many({"_id": n, "fill": os.urandom(400)} for n in range(500))
    file = tmp_path / "seats.backup.age"
    await backup(db, file, NOW, recipients=public[:2])
    whole = file.read_bytes()
    assert whole.startswith(b"age-encryption.org/v1\n") and len(whole) > 200_000
    assert file.stat().st_mode & 0o777 == 0o600

    with pytest.raises(BackupError, match="is encrypted: name the file of its key"):
        await put_back(empty, file, None)
    with pytest.raises(BackupError, match="another key: no identity matched"):
        await put_back(empty, file, keys[2])
    (tmp_path / "notes").write_text("no key")
    with pytest.raises(BackupError, match="damaged or for another key"):
        await put_back(empty, file, tmp_path / "notes")
    middle = len(whole) // 2
    for damaged in (
        whole[:middle],
        whole[:-1],
        whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        whole[:300] + bytes([whole[300] ^ 1]) + whole[301:],
        whole + b"x",
        whole[:22],
    ):
        file.write_bytes(damaged)
        with pytest.raises(BackupError, match="damaged"):
            await put_back(empty, file, keys[0])
    assert await everything(empty) == {}

    file.write_bytes(whole)
    await put_back(empty, file, keys[1])
    assert await everything(empty) == await everything(db)


async def test_an_encrypted_backup_of_a_newer_schema_changes_nothing(
    db: Database, empty: Database, tmp_path: Path
) -> None:
    await db["installation"].insert_one({"_id": "schema", "version": 99})
    recipient = key_pair(tmp_path / "key")
    await backup(db, tmp_path / "file", NOW, recipients=[recipient])
    with pytest.raises(DatabaseRefused, match="its schema is 99"):
        await put_back(empty, tmp_path / "file", tmp_path / "key")
    assert await everything(empty) == {}


async def test_a_backup_that_cannot_be_encrypted_leaves_no_file(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await db["waitlist"].insert_many({"_id": n, "fill": os.urandom(400)} for n in range(500))
    key_pair(tmp_path / "key")
    with pytest.raises(BackupError, match=r"cannot be encrypted: .*malformed recipient"):
        await backup(db, tmp_path / "file", NOW, recipients=["age1nobody"])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="apt-get install age"):
        await backup(db, tmp_path / "file", NOW, recipients=["age1nobody"])
    assert os.listdir(tmp_path) == ["key"]


async def test_a_scratch_database_is_emptied_only_if_a_rehearsal_has_filled_it(
    empty: Database,
) -> None:
    await empty_scratch(empty)
    await empty["readers"].insert_one({"_id": "somebody's"})
    with pytest.raises(BackupError, match="is not left of a rehearsal"):
        await empty_scratch(empty)
    assert await empty["readers"].count_documents({}) == 1
    await mark_scratch(empty)
    await empty_scratch(empty)
    assert await empty.list_collection_names() == []
    # A rehearsal that was killed while it restored.
    await empty["readers"].insert_one({"_id": "half"})
    await empty["installation"].insert_one({"_id": "restoring"})
    await empty_scratch(empty)
    assert await empty.list_collection_names() == []
