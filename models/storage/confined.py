"""Reading what somebody has uploaded, in a process of its own: a file of a few kilobytes can unfold
to gigabytes. That process has little memory and time, reads one file at a time on this host, and
knows neither the settings nor the databases. Where it fails, the worker goes on as it was.
"""

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
"""Bytes of the process, with Python and what it imports."""
MOST_SECONDS: Final = 10
"""Of a processor."""
LARGEST_ANSWER: Final = 8 * 2**20
"""Bytes of what was read, as it comes back."""
WITHIN_S: Final = 12.0
"""From the start to the answer, with the wait for another file's end: nginx waits for 15 s."""
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
    """Reading took too much memory or time, and was given up."""


async def confined(work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """What ``work`` returns or refuses for these arguments, found out by another process. It is a
    function of a module, and its result consists of dataclasses and plain values. If the caller is
    cancelled, the process ends.

    Raises: TooCostly, and Malformed as ``work`` does.
    """
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
            answer, said = await process.communicate(pickle.dumps((given, named)))
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
    raise RuntimeError(f"{work.__qualname__} ended with {status}: {said.decode(errors='replace')}")


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
    """Do the work that standard input describes. Returns: the process's status."""
    for kind, most in _LIMITS.items():
        resource.setrlimit(kind, (most, most))
    with open(__file__, "rb") as this:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(this, fcntl.LOCK_EX)
        try:
            work = getattr(import_module(module), name)
            given, named = pickle.load(sys.stdin.buffer)
            answer, status = work(*given, **named), 0
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
