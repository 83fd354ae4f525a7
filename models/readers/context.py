from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

from models.kernel.ids import Actor
from models.kernel.records import record
from models.readers.entities import Reader


@record
class IdempotencyKey:
    """An idempotency key and the digest of its request. ``repeated``: True if the client sends
    the request again since it received no response."""

    value: str
    digest: str
    repeated: bool = False


@record
class RequestContext:
    """The circumstances of a reader's request: the reader, the actor, the time and the
    idempotency key. While a request is in a ``step_aside()`` block, it only waits and does not
    count among the running changes that load shedding limits."""

    reader: Reader
    actor: Actor
    now: datetime
    key: IdempotencyKey | None = None
    step_aside: Callable[[], AbstractContextManager[None]] = nullcontext
