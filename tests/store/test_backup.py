"""A backup is a snapshot of the database, and a restore brings it back."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from models.backup.encryption import BackupFile
from models.backup.errors import BackupError
from models.backup.repository import _checked, backup, restore
from models.library.entities import AreaId
from models.library.picture_repository import PlanPictureRepository
from models.library.plan_picture import PictureFile, PicturePlace
from models.reservation_store.repository import ReservationRepository
from models.schema.indexes import INDEXES, ensure_indexes
from models.storage.encryption import FieldCipher
from models.storage.installation import DatabaseRefused, Mode, admit_database
from models.storage.mongo import Database, Document, open_database
from models.violations.entities import Violation
from models.violations.repository import ViolationRepository
from tests.builders import MONDAY, on, reserved

NOW = on("12:00")
MANY = 3000
SEALER = FieldCipher({1: b"1" * 32})


@pytest.fixture
async def empty(mongo_url: str, request: pytest.FixtureRequest) -> Any:
    """A further, empty database."""
    async with open_database(mongo_url, f"restored_{abs(hash(request.node.name)):x}"[:38]) as db:
        yield db
        await db.client.drop_database(db.name)


async def put_back(db: Database, file: Path, *, over: bool = False) -> Counter[str]:
    return await restore(db, file, NOW, mode=Mode.PRODUCTION, sealer=SEALER, over=over)


async def everything(db: Database) -> dict[str, list[Document]]:
    names = [n for n in await db.list_collection_names() if not n.startswith("system.")]
    return {
        name: rows
        for name in sorted(names)
        if (rows := await db[name].find().sort("_id").to_list())
    }


async def test_a_restored_database_equals_the_backed_up_one(
    db: Database, empty: Database, sealer: FieldCipher, tmp_path: Path
) -> None:
    await ReservationRepository(db).insert(reserved())
    await ViolationRepository(db, sealer).record(
        Violation("v1", "reader-1", "r1", "no_show", on("14:30"), MONDAY, True)  # type: ignore[arg-type]
    )
    picture = PictureFile(b"\x89PNG\x00\xff", "image/png", 200, 100, "0123456789abcdef")
    assert await PlanPictureRepository(db).add(AreaId("hall"), picture, PicturePlace(0, 0, 9, 50))
    await db["leases"].insert_one({"_id": "no_show", "owner": "w1"})
    before = await everything(db)
    file = tmp_path / "seats.backup"
    counts = await backup(db, file, NOW)
    assert file.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == [file.name]
    assert await put_back(empty, file) == counts
    del before["leases"]  # whoever ran a job then does not run it now
    assert await everything(empty) == before
    content = await PlanPictureRepository(empty).content(AreaId("hall"), picture.digest)
    assert content == (picture.content, "image/png")
    for name, models in INDEXES.items():
        made = set(await empty[name].index_information())
        assert {m.document["name"] for m in models} <= made, name


async def test_a_backup_is_a_snapshot_across_collections(
    db: Database, empty: Database, tmp_path: Path
) -> None:
    """Pairs of documents that are written together are read together, although the reading takes a
    while."""
    await db["a_first"].insert_many({"_id": n, "fill": "x" * 500} for n in range(-MANY, 0))
    await db["z_last"].insert_many({"_id": n, "fill": "x" * 500} for n in range(-MANY, 0))
    written: list[int] = []
    some, more, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def write() -> None:
        while not done.is_set():
            async with db.client.start_session() as session:
                await session.with_transaction(partial(pair, len(written)))
            written.append(len(written))
            some.set()
            more.set()

    async def pair(n: int, session: Any) -> None:
        await db["a_first"].insert_one({"_id": n}, session=session)
        await db["z_last"].insert_one({"_id": n}, session=session)

    writing = asyncio.create_task(write())
    await some.wait()
    # The control: one after the other, as a plain reading would, is not of one moment.
    first = await db["a_first"].count_documents({})
    for _ in range(2):  # the first one may have been written before the count
        more.clear()
        await more.wait()
    assert await db["z_last"].count_documents({}) > first
    began = len(written)
    counts = await backup(db, tmp_path / "file", NOW)
    assert len(written) > began
    done.set()
    await writing
    assert counts["a_first"] == counts["z_last"] > MANY
    await put_back(empty, tmp_path / "file")
    assert await empty["a_first"].distinct("_id") == await empty["z_last"].distinct("_id")


Damage = Callable[[bytes], bytes]
DAMAGED: list[tuple[str, Damage]] = [
    ("cut", lambda whole: whole[: len(whole) // 2]),
    ("without its last byte", lambda whole: whole[:-1]),
    ("a byte changed", lambda whole: whole[:40] + bytes([whole[40] ^ 0xFF]) + whole[41:]),
    ("something else", lambda _: b"reservations"),
    ("nothing", lambda _: b""),
]


@pytest.mark.parametrize(("how", "damage"), DAMAGED, ids=[how for how, _ in DAMAGED])
async def test_a_damaged_file_changes_nothing(
    db: Database, empty: Database, tmp_path: Path, how: str, damage: Damage
) -> None:
    await ReservationRepository(db).insert(reserved())
    file = tmp_path / "file"
    await backup(db, file, NOW)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(BackupError):
        await put_back(empty, file)
    assert await everything(empty) == {}


async def test_a_restore_into_a_non_empty_database_is_refused(db: Database, tmp_path: Path) -> None:
    await ensure_indexes(db)
    await ReservationRepository(db).insert(reserved())
    before = await everything(db)
    file = tmp_path / "file"
    await backup(db, file, NOW)
    with pytest.raises(BackupError, match="not empty"):
        await put_back(db, file)
    assert await everything(db) == before


async def test_an_existing_backup_file_is_not_overwritten(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("yesterday's")
    with pytest.raises(BackupError, match="already"):
        await backup(db, file, NOW)
    assert file.read_text() == "yesterday's"


async def test_concurrent_backups_to_one_file_leave_one_complete_file(
    db: Database, empty: Database, sealer: FieldCipher, tmp_path: Path
) -> None:
    await ReservationRepository(db).insert(reserved())
    file = tmp_path / "file"
    done = await asyncio.gather(*(backup(db, file, NOW) for _ in range(4)), return_exceptions=True)
    made = [counts for counts in done if not isinstance(counts, BaseException)]
    assert all(isinstance(other, BackupError) for other in done if other not in made)
    assert made and await put_back(empty, file) == made[0]
    assert os.listdir(tmp_path) == [file.name]


async def test_a_file_with_any_changed_byte_is_refused(
    db: Database, empty: Database, tmp_path: Path
) -> None:
    """Each byte, compressed or not; each refusal has a message."""
    await ReservationRepository(db).insert(reserved())
    file = tmp_path / "file"
    await backup(db, file, NOW)
    whole = file.read_bytes()
    plain, chance = gzip.decompress(whole), random.Random(7)
    for n in range(400):
        source = whole if n % 2 else plain
        place = chance.randrange(len(source))
        other = bytes([source[place] ^ (1 << chance.randrange(8))])
        changed = source[:place] + other + source[place + 1 :]
        file.write_bytes(changed if n % 2 else gzip.compress(changed))
        with contextlib.suppress(BackupError):
            _checked(BackupFile(file), Mode.PRODUCTION, SEALER)
    assert await everything(empty) == {}


async def test_an_empty_database_is_a_backup_too(
    db: Database, empty: Database, tmp_path: Path
) -> None:
    counts = await backup(db, tmp_path / "file", NOW)
    assert counts == await put_back(empty, tmp_path / "file")
    assert +counts == Counter()


@pytest.mark.parametrize(
    ("mode", "keys", "said"),
    [
        (Mode.SANDBOX, b"1", "is a production database"),
        (Mode.PRODUCTION, b"2", "was encrypted with another data key 1"),
    ],
)
async def test_a_backup_of_another_installation_is_refused(
    db: Database, empty: Database, tmp_path: Path, mode: Mode, keys: bytes, said: str
) -> None:
    """Marked by a service, or older than the marks: the contents decide."""
    await db["readers"].insert_one({"_id": "r", "no": SEALER.encrypt("21070001", "student_no")})
    await backup(db, tmp_path / "unmarked", NOW)
    await admit_database(db, Mode.PRODUCTION, SEALER)
    await backup(db, tmp_path / "marked", NOW)
    await admit_database(empty, mode, FieldCipher({1: keys * 32}))  # as init-db has left it
    before = await everything(empty)
    for name in ("unmarked", "marked"):
        with pytest.raises(DatabaseRefused, match=said):
            await restore(
                empty,
                tmp_path / name,
                NOW,
                mode=mode,
                sealer=FieldCipher({1: keys * 32}),
            )
        assert await everything(empty) == before
    # The marks of a first start are no contents: they give way to the file's.
    if mode is Mode.PRODUCTION:
        assert (await put_back(empty, tmp_path / "marked"))["readers"] == 1
        assert await everything(empty) == await everything(db)


async def test_restore_over_replaces_only_an_incomplete_restore(
    db: Database, empty: Database, sealer: FieldCipher, tmp_path: Path
) -> None:
    await ReservationRepository(db).insert(reserved())
    file = tmp_path / "file"
    counts = await backup(db, file, NOW)
    with pytest.raises(BackupError, match=r"--over replaces only .* Set MONGO_DATABASE"):
        await put_back(db, file, over=True)
    assert await put_back(empty, file, over=True) == counts, "an empty one is as without"
    whole = await everything(empty)
    # A part of something else, and one that somebody is still writing.
    mark = {"_id": "restoring", "file": "/b/other", "began_at": NOW, "token": "theirs"}
    await empty["installation"].insert_one(mark)
    await empty["waitlist"].insert_one({"_id": "left over"})
    with pytest.raises(DatabaseRefused, match="restore --over /b/other"):
        await put_back(empty, file)
    assert await put_back(empty, file, over=True) == counts
    assert await everything(empty) == whole


async def test_of_two_concurrent_restores_one_succeeds(
    db: Database, empty: Database, tmp_path: Path
) -> None:
    await db["waitlist"].insert_many({"_id": n} for n in range(MANY))
    file = tmp_path / "file"
    await backup(db, file, NOW)
    ends = await asyncio.gather(*(put_back(empty, file) for _ in range(3)), return_exceptions=True)
    made = [end for end in ends if isinstance(end, Counter)]
    assert len(made) == 1, ends
    assert all(isinstance(end, Counter | DatabaseRefused | BackupError) for end in ends), ends
    assert await everything(empty) == await everything(db)


_WRITES = """
import sys, time
from pathlib import Path
from models.backup.repository import _atomic_new_file
with _atomic_new_file(Path(sys.argv[1])) as out:
    out.write(b"a part")
    print("writing", flush=True)
    time.sleep(60)
"""


async def test_the_next_backup_removes_the_remains_of_a_killed_one(
    db: Database, tmp_path: Path
) -> None:
    others = {"mine.part", "notes.backup.part"}
    for name in others:
        (tmp_path / name).touch()
    begun = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _WRITES, str(tmp_path / "first.backup")),
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert begun.stdout is not None and await begun.stdout.readline() == b"writing\n"
    await backup(db, tmp_path / "second.backup", NOW)
    left = set(os.listdir(tmp_path)) - others - {"second.backup"}
    assert len(left) == 1, "one that is still being written is left alone"
    begun.kill()
    await begun.communicate()
    await backup(db, tmp_path / "third.backup", NOW)
    assert set(os.listdir(tmp_path)) == {"second.backup", "third.backup", *others}
