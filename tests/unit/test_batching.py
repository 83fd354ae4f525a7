"""Calls that arrive together run as one batch, each with its own outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, WTimeoutError

from models.kernel.request_id import DATABASE, REQUEST_ID, on_behalf_of
from models.storage.batching import BATCH, Batcher
from models.storage.mongo_errors import errors_per_document


class Worker:
    """Records its batches; ``gate`` holds them back, ``answer`` makes the results."""

    def __init__(self, answer: Callable[[int], int | Exception] = lambda item: item) -> None:
        self.batches: list[list[int]] = []
        self.under_way = self.most_under_way = 0
        self.gate, self.begun = asyncio.Event(), asyncio.Event()
        self._answer = answer

    async def __call__(self, items: list[int]) -> list[int | Exception]:
        self.batches.append(items)
        self.begun.set()
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await self.gate.wait()
        self.under_way -= 1
        return [self._answer(item) for item in items]


async def test_each_call_gets_its_own_result_and_batches_are_bounded() -> None:
    worker = Worker(lambda item: ValueError(str(item)) if item % 7 == 3 else item * 2)
    gathering = Batcher(worker)
    calls = [asyncio.create_task(gathering.submit(item)) for item in range(3 * BATCH + 5)]
    await worker.begun.wait()
    worker.gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    for item, result in enumerate(results):
        if item % 7 == 3:
            assert isinstance(result, ValueError) and str(result) == str(item)
        else:
            assert result == item * 2
    assert [len(batch) for batch in worker.batches] == [BATCH, BATCH, BATCH, 5]
    assert worker.most_under_way == 1


async def test_an_idle_batcher_sends_a_single_call_at_once() -> None:
    worker = Worker()
    worker.gate.set()
    gathering = Batcher(worker)
    assert [await gathering.submit(item) for item in range(3)] == [0, 1, 2]
    assert worker.batches == [[0], [1], [2]]


async def test_an_error_of_a_batch_reaches_all_its_callers_and_the_next_batch_runs() -> None:
    async def broken(items: list[int]) -> list[int]:
        if 0 in items:
            raise ConnectionResetError
        return items

    gathering = Batcher(broken)
    results = await asyncio.gather(*map(gathering.submit, range(4)), return_exceptions=True)
    assert all(isinstance(result, ConnectionResetError) for result in results)
    assert await gathering.submit(7) == 7


async def test_a_cancelled_caller_does_not_affect_the_others() -> None:
    worker = Worker()
    gathering = Batcher(worker)
    gone, stays = (asyncio.create_task(gathering.submit(item)) for item in (1, 2))
    await worker.begun.wait()
    gone.cancel()
    worker.gate.set()
    assert await stays == 2
    with pytest.raises(asyncio.CancelledError):
        await gone


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"writeErrors": []}, [None, None, None]),
        (
            {"writeErrors": [{"index": 1, "code": 11000, "errmsg": "E11000"}]},
            [None, DuplicateKeyError, None],
        ),
        (
            {"writeErrors": [{"index": 0, "code": 121, "errmsg": "no"}]},
            [OperationFailure, None, None],
        ),
        (
            {
                "writeErrors": [{"index": 2, "code": 11000, "errmsg": "E11000"}],
                "writeConcernErrors": [{"code": 64, "errmsg": "waiting"}],
            },
            [WTimeoutError, WTimeoutError, WTimeoutError],
        ),
    ],
    ids=["none", "duplicate", "another", "no majority"],
)
def test_each_document_of_a_batch_gets_its_own_error(
    details: dict[str, object], expected: list[type[Exception] | None]
) -> None:
    errors = errors_per_document(BulkWriteError(details), 3)
    assert [type(error) if error else None for error in errors] == expected


async def test_a_batch_runs_without_a_request_id() -> None:
    """Under the first caller's id, log lines about the others' work and all later work would name
    it. They name the application's database."""
    seen: list[tuple[str, str]] = []
    DATABASE.set("seats")

    async def work(items: list[int]) -> list[int | Exception]:
        seen.append((DATABASE.get(), REQUEST_ID.get()))
        return list(items)

    gathering = Batcher(work)
    for number in range(2):
        with on_behalf_of(f"request-{number}"):
            calls = [gathering.submit(item) for item in range(BATCH + 1)]
            assert await asyncio.gather(*calls) == list(range(BATCH + 1))
            assert REQUEST_ID.get() == f"request-{number}"
    assert seen == [("seats", "")] * 4
