"""Sorts MongoDB's errors into outages, unknown outcomes and conflicts."""

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
"""Errors after which certainly nothing was written, because no primary was available and nothing
was sent. (If only a retry fails like this, the driver raises the first attempt's error instead.)"""
UNKNOWN_OUTCOME: Final = (AutoReconnect, WriteConcernError, ExecutionTimeout)
"""Errors after which the write may or may not have happened. After a failed write concern
(timeout, step-down) the primary has written the change, but may roll it back."""


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raises ``Unavailable`` for driver errors about outages. Duplicate-key errors pass through."""
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
UNAUTHORIZED: Final = 13
# NotWritablePrimary, PrimarySteppedDown, InterruptedDueToReplStateChange, shutdown, NotPrimary…,
# Interrupted: an operator has ended the operation or its session (killOp, killAllSessions), and
# Unauthorized: the library has moved to another place, of which this process has not heard.
_TRY_AGAIN: Final = frozenset({UNAUTHORIZED, 91, 189, 10107, 11600, 11601, 11602, 13435, 13436})


def errors_per_document(error: BulkWriteError, count: int) -> list[Exception | None]:
    """For each of the ``count`` documents of a bulk write its error; None if it was written. If
    no majority has confirmed the write in time, each document gets a WTimeoutError, since even a
    conflicting document may still be rolled back."""
    details = cast("dict[str, Any]", error.details)
    if details.get("writeConcernErrors"):
        return [WTimeoutError("no majority in time")] * count
    errors: list[Exception | None] = [None] * count
    for failure in details.get("writeErrors", []):
        kind = DuplicateKeyError if failure["code"] == _DUPLICATE_KEY else OperationFailure
        errors[failure["index"]] = kind(failure["errmsg"], failure["code"], failure)
    return errors


def unconfirmed(error: DuplicateKeyError) -> bool:
    """True if no majority has confirmed the conflicting document. Works for commands such as
    ``find_one_and_update``, whose whole response is in the error's details."""
    return bool((error.details or {}).get("writeConcernError"))


def conflicting_key(error: PyMongoError) -> str:
    """The key value of a duplicate-key error, from its ``keyValue``; empty if there is none."""
    details = cast("dict[str, Any]", getattr(error, "details", None) or {})
    values = details.get("keyValue") or {}
    return str(next(iter(values.values()), ""))
