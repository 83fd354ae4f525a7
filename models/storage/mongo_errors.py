"""MongoDB's errors: which are outages, which leave the outcome unknown, which are conflicts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WTimeoutError,
)

from models.kernel.errors import Unavailable

NOT_SENT: Final = (ServerSelectionTimeoutError,)
"""No primary was found. On a retry the driver raises the first attempt's error instead, so with
this one nothing has left the machine."""
UNKNOWN_OUTCOME: Final = (AutoReconnect, WriteConcernError, ExecutionTimeout)
"""The write may have happened or not: to be resolved, never guessed. A write concern that failed
(time-out, step-down) means that it has happened here and may yet be rolled back."""


@contextmanager
def translate_errors() -> Iterator[None]:
    """Driver errors leave as ``Unavailable``; a duplicate key is the repository's to
    read."""
    try:
        yield
    except (
        ConnectionFailure,
        ExecutionTimeout,
        WriteConcernError,
    ) as error:
        raise Unavailable() from error
    except BulkWriteError as error:
        if (error.details or {}).get("writeConcernErrors"):
            raise Unavailable() from error
        raise
    except OperationFailure as error:
        if error.has_error_label("RetryableWriteError") or error.code in _TRY_AGAIN:
            raise Unavailable() from error
        raise


_DUPLICATE_KEY: Final = 11000
# NotWritablePrimary, PrimarySteppedDown, InterruptedDueToReplStateChange, shutdown, NotPrimary…,
# and Interrupted: an operator has ended the operation or its session (killOp, killAllSessions).
_TRY_AGAIN: Final = frozenset({91, 189, 10107, 11600, 11601, 11602, 13435, 13436})


def errors_per_document(error: BulkWriteError, count: int) -> list[Exception | None]:
    """The error of each of ``count`` documents.

    Without a majority all of them are unknown: a duplicate may be of what will be rolled back.
    """
    details = cast("dict[str, Any]", error.details)
    if details.get("writeConcernErrors"):
        return [WTimeoutError("no majority in time")] * count
    found: list[Exception | None] = [None] * count
    for one in details.get("writeErrors", []):
        kind = DuplicateKeyError if one["code"] == _DUPLICATE_KEY else OperationFailure
        found[one["index"]] = kind(one["errmsg"], one["code"], one)
    return found


def unconfirmed(error: DuplicateKeyError) -> bool:
    """Is it open whether a majority holds what was in the way? For commands such as
    ``find_one_and_update``, whose whole answer is in the error's details."""
    return bool((error.details or {}).get("writeConcernError"))


def conflicting_key(error: PyMongoError) -> str:
    """The key value that lost, from a duplicate-key error (MongoDB names it in ``keyValue``)."""
    details = cast("dict[str, Any]", getattr(error, "details", None) or {})
    values = details.get("keyValue") or {}
    return str(next(iter(values.values()), ""))
