"""Parses uploads in a separate process, since a file of a few kilobytes can expand to gigabytes.
The process has limited memory and CPU time, sees neither settings nor databases, and may fail
without affecting the worker. Each host parses one file at a time."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import pickle
import resource
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, ParamSpec, TypeVar, get_type_hints

import msgspec

from models.kernel.errors import Malformed

log = logging.getLogger(__name__)
MOST_MEMORY: Final = 500 * 2**20
"""Limit of the parsing process's address space in bytes, including Python and its imports."""
MOST_SECONDS: Final = 10
"""Limit of the parsing process's CPU time in seconds."""
LARGEST_ANSWER: Final = 8 * 2**20
"""Limit of the encoded parsing result in bytes."""
WITHIN_S: Final = 12.0
"""Seconds in which a result must arrive, including the wait for other files. It is less than the
15 s that nginx waits for a response."""
_OUT_OF_MEMORY: Final = 3
_REFUSED: Final = 4
_LIMITS: Final = {
    resource.RLIMIT_AS: MOST_MEMORY,
    resource.RLIMIT_CPU: MOST_SECONDS,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_CORE: 0,
}
_STOPPED_BY: Final = {signal.SIGXCPU, signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS}
P = ParamSpec("P")
T = TypeVar("T")


class TooCostly(Exception):
    """Parsing exceeded its limit of memory or time and was aborted."""


async def confined(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs ``work``, a module-level function, in a separate process and returns its result,
    which consists of dataclasses and plain values. Cancelling the caller kills the process.
    Raises: TooCostly; Malformed if ``work`` raises it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        work.__module__,
        work.__qualname__,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            answer, stderr = await process.communicate(pickle.dumps((args, kwargs)))
    except TimeoutError:
        raise _too_costly(work, "time") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    status = process.returncode or 0
    if status == 0:
        result: T = msgspec.msgpack.decode(answer, type=_result_of(work), dec_hook=_read_refusal)
        return result
    if status == _REFUSED:
        raise _read_refusal(Malformed, msgspec.msgpack.decode(answer))
    if status == _OUT_OF_MEMORY or -status in _STOPPED_BY:
        raise _too_costly(work, "memory" if status == _OUT_OF_MEMORY else f"signal {-status}")
    raise RuntimeError(
        f"{work.__qualname__} ended with {status}: {stderr.decode(errors='replace')}"
    )


def _too_costly(work: Callable[..., Any], limit: str) -> TooCostly:
    log.warning("upload_too_costly", extra={"work": work.__qualname__, "limit": limit})
    return TooCostly()


def _result_of(work: Callable[..., Any]) -> Any:
    return get_type_hints(work)["return"]


def _write_refusal(value: object) -> object:
    if isinstance(value, Malformed):
        return value.details
    raise NotImplementedError(type(value).__name__)


def _read_refusal(_: type[Any], details: Any) -> Malformed:
    return Malformed(**details)


def _answer(module: str, name: str) -> int:
    """Runs the work that standard input describes; returns the exit status of the process."""
    for kind, most in _LIMITS.items():
        resource.setrlimit(kind, (most, most))
    with open(__file__, "rb") as this:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(this, fcntl.LOCK_EX)
        try:
            work = getattr(import_module(module), name)
            args, kwargs = pickle.load(sys.stdin.buffer)
            answer, status = work(*args, **kwargs), 0
        except Malformed as error:
            answer, status = error.details, _REFUSED
        except MemoryError:
            return _OUT_OF_MEMORY
        written = msgspec.msgpack.encode(answer, enc_hook=_write_refusal)
        if len(written) > LARGEST_ANSWER:
            return _OUT_OF_MEMORY
        sys.stdout.buffer.write(written)
        return status


if __name__ == "__main__":
    sys.exit(_answer(*sys.argv[1:]))
