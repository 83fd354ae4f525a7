"""Idempotency keys: the same request again gives the same answer, for a day.

A key is kept by the claim index in the same write as the work that it asked for, so two requests
with one key can never both succeed. Refusals are not kept, but for one: where a repetition is
refused, the attempt that it repeats may still be under way, and would succeed behind the refusal.
So a repetition buries its key first, and what comes later finds the key's claim taken.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import update_wrapper
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from models.kernel.errors import Conflict, NotFound, RuleViolation
from models.kernel.ids import ReaderId
from models.readers.context import RequestContext
from models.reservation_store.repository import ReservationRepository
from models.reservations.claims import idempotency_claim
from models.reservations.entities import Reservation
from models.reservations.errors import IdempotencyKeyReused, InProgress, RequestRefused

KEPT_FOR: Final = timedelta(hours=24)


class Idempotency:
    """Looks up what a reader's key has succeeded with."""

    def __init__(self, reservations: ReservationRepository) -> None:
        self._reservations = reservations
        self._running: set[tuple[ReaderId, str]] = set()

    async def run_once(
        self, ctx: RequestContext, work: Callable[[], Awaitable[Reservation]]
    ) -> Reservation:
        """The result of ``work``; where that is refused and the key has succeeded before, what it
        succeeded with. The refusal of a repetition is final.

        Raises: what ``work`` raises; InProgress; RequestRefused; IdempotencyKeyReused.
        """
        if ctx.key is None:
            return await work()
        with self._single_flight(ctx.reader.id, ctx.key.value):
            try:
                return await work()
            except (Conflict, RuleViolation, NotFound) as refusal:
                known = await self.previous_result(ctx)
                final = ctx.key.repeated and not isinstance(refusal, InProgress)
                if known is None and final and not await self._bury(ctx):
                    known = await self.previous_result(ctx)  # it has come in this very moment
                if known is not None:
                    return known
                raise

    async def _bury(self, ctx: RequestContext) -> bool:
        """Let no request of this key succeed any more. False: one has, or the key is buried."""
        assert ctx.key is not None
        return await self._reservations.bury_claim(idempotency_claim(ctx.reader.id, ctx.key.value))

    async def previous_result(self, ctx: RequestContext) -> Reservation | None:
        """What the reader's key has succeeded with, if it has. Raises: IdempotencyKeyReused."""
        if ctx.key is None:
            return None
        holder = await self._reservations.find_by_claim(
            idempotency_claim(ctx.reader.id, ctx.key.value)
        )
        return result_of(holder, ctx) if holder else None

    async def release_expired_key(self, ctx: RequestContext, claim: str) -> None:
        """After the index has refused the key: a key that is a day old may be used again.

        Raises: InProgress, which ``run_once`` turns into the first success where that is
        this request; RequestRefused.
        """
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
        """A courtesy within this worker: a client is told that its first request still runs."""
        entry = (reader_id, key)
        if entry in self._running:
            raise InProgress()
        self._running.add(entry)
        try:
            yield
        finally:
            self._running.discard(entry)


def result_of(r: Reservation, ctx: RequestContext) -> Reservation | None:
    """The reservation, where this very request made it what it is; None where its key is new here.
    Raises: IdempotencyKeyReused."""
    if ctx.key is None:
        return None
    for result in r.idempotency_results:
        if result.key == ctx.key.value and ctx.now - result.at < KEPT_FOR:
            if result.digest != ctx.key.digest:
                raise IdempotencyKeyReused()
            return r
    return None


class HasIdempotency(Protocol):
    """A service whose methods can be ``idempotent``."""

    @property
    def idempotency(self) -> Idempotency: ...


Service = TypeVar("Service", bound=HasIdempotency)
Arguments = ParamSpec("Arguments")
Method = Callable[Concatenate[Service, RequestContext, Arguments], Coroutine[Any, Any, Reservation]]


def idempotent(method: Method[Service, Arguments]) -> Method[Service, Arguments]:
    """A method of a service that a reader's idempotency key can repeat without doing it twice."""

    async def once(
        self: Service, ctx: RequestContext, /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Reservation:
        if ctx.key is None:
            return await method(self, ctx, *args, **kwargs)
        return await self.idempotency.run_once(ctx, lambda: method(self, ctx, *args, **kwargs))

    update_wrapper(once, method)
    return once
