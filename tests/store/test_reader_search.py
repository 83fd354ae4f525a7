"""A part of a number or a name is looked for among all readers: fast, off the event loop."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Final

from models.readers.repository import ReaderRepository
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, new_id
from tests.builders import on

FAMILY: Final = "王李张刘陈杨赵黄周吴"
GIVEN: Final = "伟芳娜敏静丽强磊军洋"
RAREST: Final = "欧阳若兰"
ALL: Final = 100_000
WITHIN_S: Final = 2.0
"""For all of ``ALL``."""
OVERHEAD_S: Final = 0.05
"""What a search costs among few readers, on a busy machine."""


class Watched(FieldCipher):
    """Notes the threads in which something was opened."""

    def __init__(self) -> None:
        super().__init__({1: b"1" * 32})
        self.threads: set[int] = set()

    def decrypt(self, sealed: str, purpose: str) -> str:
        self.threads.add(threading.get_ident())
        return super().decrypt(sealed, purpose)


async def enrol(db: Database, sealer: FieldCipher, count: int) -> None:
    """So many readers, and one of the rarest name at the end."""
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


async def test_all_readers_are_searched_within_two_seconds(
    db: Database, sealer: FieldCipher, long: bool
) -> None:
    count = ALL if long else 2000
    await enrol(db, sealer, count)
    readers = ReaderRepository(db, sealer)
    took = []
    for _ in range(3):
        begun = perf_counter()
        (found,) = await readers.find_by_part("若兰", 51)
        took.append(perf_counter() - begun)
        assert found.name == RAREST
    assert min(took) < WITHIN_S * count / ALL + OVERHEAD_S, took


async def test_a_search_ends_with_as_many_as_are_shown(db: Database) -> None:
    sealer = Watched()
    await enrol(db, sealer, 1200)
    readers = ReaderRepository(db, sealer)
    assert len(await readers.find_by_part("21", 51)) == 51
    assert len(await readers.find_by_part("2100", 2000)) == 1199
    assert await readers.find_by_part("nobody", 51) == []
    assert threading.get_ident() not in sealer.threads, "not in the event loop's own"
    # The reader knows what the list shows of them.
    (found,) = await readers.find_by_part("s2026", 51)
    assert (found.student_no_masked, found.category) == ("S2*****ST", "student")


def test_a_cipher_serves_many_threads(sealer: FieldCipher) -> None:
    sealed = [(f"{n}", sealer.encrypt(f"{n}", "name")) for n in range(500)] * 4

    def wrong(_: int) -> list[str]:
        return [plain for plain, box in sealed if sealer.decrypt(box, "name") != plain]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(wrong, range(8))) == [[]] * 8
