"""Who makes a request, by which way and when."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

from models.kernel.ids import Actor
from models.kernel.records import record
from models.readers.entities import Reader


@record
class IdempotencyKey:
    """An idempotency key with the digest of the request that carried it. ``repeated``: the client
    sends the request once more, as nobody has answered it."""

    value: str
    digest: str
    repeated: bool = False


@record
class RequestContext:
    """Who asks, how, and when. ``step_aside`` gives the request's place among the running changes
    to another one for the length of a block, in which this request only waits."""

    reader: Reader
    actor: Actor
    now: datetime
    key: IdempotencyKey | None = None
    step_aside: Callable[[], AbstractContextManager[None]] = nullcontext
