"""Records calls and answers of the services in a race, for the checker of histories."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from itertools import count
from typing import Any, Final

from lab.history.order_checker import Disorder
from lab.history.recorded import disorders
from lab.history.records import History, Operation, Promise, stored
from miniapp_server.clock import real_now
from models.kernel.errors import DomainError
from models.readers.context import RequestContext
from models.reservation_store.queries import A_RESERVATION
from models.reservations.entities import Reservation
from models.storage.mongo import Database
from tests.inside import Inside

VERBS: Final = {
    "reservations": {"create": "reserve", "change": "change", "cancel": "cancel"},
    "check_in": {"check_in": "check_in", "finish": "finish"},
    "renewal": {"renew": "extend"},
    "early_end": {"shorten": "shorten"},
    "waitlist": {"accept": "accept"},
    "parties": {"begin": "reserve", "accept": "reserve"},
}
"""What takes a seat or gives it back, by service and method."""
Method = Callable[..., Awaitable[Reservation]]
_numbers = count()


def record(inside: Inside, history: History) -> None:
    """Records each call from now on with the times of request and answer."""
    for service, methods in VERBS.items():
        for method, verb in methods.items():
            whole = getattr(inside, service)
            setattr(whole, method, _recorded(getattr(whole, method), verb, history))


def _recorded(method: Method, verb: str, history: History) -> Method:
    @wraps(method)
    async def noted(ctx: RequestContext, *args: Any, **options: Any) -> Reservation:
        key = ctx.key.value if ctx.key is not None else f"race-{next(_numbers)}"
        target = "" if verb == "reserve" else str(args[0])
        operation = Operation(ctx.reader.id, verb, key, target, real_now())
        history.operations.append(operation)
        try:
            r = await method(ctx, *args, **options)
        except DomainError:
            history.operations.remove(operation)  # what a refusal rests on, the tests say
            raise
        operation.promise = Promise(
            r.id, r.state.value, r.seat_id, r.start, r.end, r.check_in_until
        )
        operation.answered_at = real_now()
        return r

    return noted


async def out_of_order(db: Database, history: History) -> list[Disorder]:
    """The seats' and readers' days whose calls have no possible order."""
    rows = await db["reservations"].find(A_RESERVATION).to_list(None)
    history.stored = [stored(row) for row in rows if "history" in row]
    return disorders(history, one_clock=False)
