from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

from models.kernel.ids import Actor
from models.kernel.records import record
from models.readers.entities import Reader


@record
class IdempotencyKey:
    """An idempotency key and its request's digest. ``repeated``: the client received no response
    and sends the request again."""

    value: str
    digest: str
    repeated: bool = False


@record
class RequestContext:
    """``step_aside`` frees the request's place among running changes for a block that only
    waits."""

    reader: Reader
    actor: Actor
    now: datetime
    key: IdempotencyKey | None = None
    step_aside: Callable[[], AbstractContextManager[None]] = nullcontext
