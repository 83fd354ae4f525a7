"""Readers are searched by part of a number or name, off the event loop."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from models.readers.repository import ReaderRepository
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, new_id
from tests.builders import on

FAMILY: Final = "王李张刘陈杨赵黄周吴"
GIVEN: Final = "伟芳娜敏静丽强磊军洋"
RAREST: Final = "欧阳若兰"
MANY: Final = 2000


class Watched(FieldCipher):
    """Counts decryptions and records their threads."""

    def __init__(self) -> None:
        super().__init__({1: b"1" * 32})
        self.opened = 0
        self.threads: set[int] = set()

    def decrypt(self, sealed: str, purpose: str) -> str:
        self.opened += 1
        self.threads.add(threading.get_ident())
        return super().decrypt(sealed, purpose)


async def enrol(db: Database, sealer: FieldCipher, count: int) -> None:
    """Adds this many readers and one with a unique name at the end."""
    dice = random.Random(1)
    rows = []
    for n in range(count):
        last = n == count - 1
        number = "S2026LAST" if last else f"{21_000_000 + n}"
        name = RAREST if last else dice.choice(FAMILY) + "".join(dice.choices(GIVEN, k=2))
        rows.append(
            {
                "_id": new_id(),
                "no": sealer.encrypt(number, "student_no"),
                "no_hashes": sealer.hashes(number, "student_no"),
                "created_at": on("08:00"),
                "kind": "student",
                "name": sealer.encrypt(name, "name"),
                "name_hashes": sealer.hashes(name, "name"),
            }
        )
        if len(rows) == 5000 or last:
            await db["readers"].insert_many(rows)
            rows = []


async def test_a_search_decrypts_each_reader_once(db: Database) -> None:
    """100,000 readers take less than two seconds that way."""
    sealer = Watched()
    await enrol(db, sealer, MANY)
    (reader,) = await ReaderRepository(db, sealer).find_by_part("若兰", 51)
    assert reader.name == RAREST
    assert sealer.opened <= 2 * MANY + 2, "number and name of each, and what is shown of the one"


async def test_a_search_stops_at_the_number_of_shown_readers(db: Database) -> None:
    sealer = Watched()
    await enrol(db, sealer, 1200)
    readers = ReaderRepository(db, sealer)
    assert len(await readers.find_by_part("21", 51)) == 51
    assert len(await readers.find_by_part("2100", 2000)) == 1199
    assert await readers.find_by_part("nobody", 51) == []
    assert threading.get_ident() not in sealer.threads, "not in the event loop's own"
    # The reader knows what the list shows of them.
    (match,) = await readers.find_by_part("s2026", 51)
    assert (match.student_no_masked, match.category) == ("S2*****ST", "student")


def test_a_cipher_serves_many_threads(sealer: FieldCipher) -> None:
    sealed = [(f"{n}", sealer.encrypt(f"{n}", "name")) for n in range(500)] * 4

    def wrong(_: int) -> list[str]:
        return [plain for plain, box in sealed if sealer.decrypt(box, "name") != plain]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(wrong, range(8))) == [[]] * 8
