"""Idempotency keys: a repeated request gets the same answer, for a day.

The reservation holds a claim for the key, written together with the request's result: two requests
with one key can never both succeed. A refusal is not stored, with one exception. If a repetition is
refused, the first attempt might still succeed later. Therefore the repetition first buries the key:
a tombstone takes the claim, and a late first attempt finds it taken.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import update_wrapper
from typing import Any, Concatenate, Final, NoReturn, ParamSpec, Protocol, TypeVar

from models.kernel.errors import Conflict, NotFound, RuleViolation
from models.kernel.ids import ReaderId
from models.readers.context import RequestContext
from models.reservation_store.repository import ReservationRepository
from models.reservations.claims import idempotency_claim
from models.reservations.entities import Reservation
from models.reservations.errors import IdempotencyKeyReused, InProgress, RequestRefused

KEPT_FOR: Final = timedelta(hours=24)
Result = TypeVar("Result")


class Idempotency:
    def __init__(self, reservations: ReservationRepository) -> None:
        self._reservations = reservations
        self._running: set[tuple[ReaderId, str]] = set()

    async def run_once(
        self, ctx: RequestContext, work: Callable[[], Awaitable[Reservation]]
    ) -> Reservation:
        """Runs ``work`` and returns its result. If ``work`` is refused but an earlier request
        with this key succeeded, returns that request's result. The refusal of a repetition is
        final. Raises: InProgress, RequestRefused, IdempotencyKeyReused; the errors of ``work``."""
        if ctx.key is None:
            return await work()
        claim = idempotency_claim(ctx.reader.id, ctx.key.value)
        return await self.run_for(ctx, claim, work, lambda: self.previous_result(ctx))

    async def run_for(
        self,
        ctx: RequestContext,
        claim: str,
        work: Callable[[], Awaitable[Result]],
        previous_result: Callable[[], Awaitable[Result | None]],
    ) -> Result:
        """Does as ``run_once`` for a request whose result, found by ``previous_result``, holds the
        claim of its key."""
        assert ctx.key is not None
        with self._single_flight(ctx.reader.id, ctx.key.value):
            try:
                return await work()
            except (Conflict, RuleViolation, NotFound) as refusal:
                previous = await previous_result()
                final = ctx.key.repeated and not isinstance(refusal, InProgress)
                if previous is None and final and not await self._reservations.bury_claim(claim):
                    # The first attempt has just succeeded.
                    previous = await previous_result()
                if previous is not None:
                    return previous
                raise

    async def refuse_lost_key(self, claim: str) -> NoReturn:
        """Refuses a request whose key another one has. Raises: RequestRefused if the key is buried;
        InProgress otherwise."""
        raise RequestRefused() if await self._reservations.is_claim_buried(claim) else InProgress()

    async def previous_result(self, ctx: RequestContext) -> Reservation | None:
        """The reservation that an earlier request with this key made or changed; None if there
        is none. Raises: IdempotencyKeyReused."""
        if ctx.key is None:
            return None
        holder = await self._reservations.find_by_claim(
            idempotency_claim(ctx.reader.id, ctx.key.value)
        )
        return result_of(holder, ctx) if holder else None

    async def release_expired_key(self, ctx: RequestContext, claim: str) -> None:
        """Releases the claim of a key that was used at least a day ago, so that it can be used
        again. Raises: InProgress if the key was used since then (``run_once`` then returns that
        request's result); RequestRefused if the key is buried."""
        holder = await self._reservations.find_by_claim(claim)
        if holder is None:
            if await self._reservations.is_claim_buried(claim):
                raise RequestRefused()
            return
        if not any(
            ctx.key is not None and result.key == ctx.key.value and ctx.now - result.at >= KEPT_FOR
            for result in holder.idempotency_results
        ):
            raise InProgress()
        await self._reservations.release_claim(holder.id, claim)

    @contextmanager
    def _single_flight(self, reader_id: ReaderId, key: str) -> Iterator[None]:
        """Lets only one request with this key run in this worker at a time; between workers the
        claim index decides. Raises: InProgress."""
        entry = (reader_id, key)
        if entry in self._running:
            raise InProgress()
        self._running.add(entry)
        try:
            yield
        finally:
            self._running.discard(entry)


def result_of(r: Reservation, ctx: RequestContext) -> Reservation | None:
    """The reservation, if a request with this key made or changed it within the last day; else
    None. Raises: IdempotencyKeyReused if that request was a different one."""
    if ctx.key is None:
        return None
    for result in r.idempotency_results:
        if result.key == ctx.key.value and ctx.now - result.at < KEPT_FOR:
            if result.digest != ctx.key.digest:
                raise IdempotencyKeyReused()
            return r
    return None


class HasIdempotency(Protocol):
    @property
    def idempotency(self) -> Idempotency: ...


Service = TypeVar("Service", bound=HasIdempotency)
Arguments = ParamSpec("Arguments")
Method = Callable[Concatenate[Service, RequestContext, Arguments], Coroutine[Any, Any, Reservation]]


def idempotent(method: Method[Service, Arguments]) -> Method[Service, Arguments]:
    """A decorator for methods that make or change a reservation. A repetition of a request with
    the same idempotency key returns the first request's result."""

    async def once(
        self: Service, ctx: RequestContext, /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Reservation:
        if ctx.key is None:
            return await method(self, ctx, *args, **kwargs)
        return await self.idempotency.run_once(ctx, lambda: method(self, ctx, *args, **kwargs))

    update_wrapper(once, method)
    return once
