"""Collects simultaneous calls into batches: a round trip to the database costs nearly the same
for one item as for many (inserts in batches of 64 take a sixth of mongod's time). An idle
service sends an item immediately; while a batch is in flight, the next batch collects. There is
never a second batch in flight: with two, batches were half as large and a booking a tenth more
expensive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from models.kernel.request_id import without_request

BATCH: Final = 100
Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Calls ``work`` once for the items of many callers. ``work`` returns a result or an error
    for each item, in the items' order; an exception that ``work`` raises reaches every caller."""

    def __init__(
        self, work: Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]]
    ) -> None:
        self._work = work
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._under_way: asyncio.Task[None] | None = None
        self._called = False
        self._context = without_request()
        """The context in which batches run: their log lines carry no request's id."""

    async def submit(self, item: Item) -> Result:
        """Adds the item to a batch and waits for its result. Raises: the error that ``work``
        returned for the item or raised for the whole batch."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, done))
        if self._under_way is None and not self._called:
            # In the next iteration of the event loop, so that simultaneous calls share the batch.
            self._called = True
            loop.call_soon(self._send)
        return await done

    def _send(self) -> None:
        self._called = False
        if self._waiting and self._under_way is None:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            self._under_way = asyncio.create_task(self._run(batch), context=self._context)
            self._under_way.add_done_callback(self._ended)

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._under_way = None
        self._send()

    async def _run(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        results: Sequence[Result | Exception]
        try:
            results = await self._work([item for item, _ in batch])
        except Exception as error:
            # Every caller gets the error; otherwise they would wait for ever.
            results = [error] * len(batch)
        for (_, done), result in zip(batch, results, strict=True):
            if done.done():
                continue  # the caller has gone
            if isinstance(result, Exception):
                done.set_exception(result)
            else:
                done.set_result(result)
