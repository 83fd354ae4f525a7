"""Work in a process of its own: results, limits and failures."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import time
from contextlib import suppress
from dataclasses import dataclass

import pytest

from models.kernel.errors import Malformed
from models.storage.confined import (
    LARGEST_ANSWER,
    MOST_MEMORY,
    MOST_SECONDS,
    TooCostly,
    confined,
)
from tests.uploads import another_reads, at_work
from tests.waiting import until


@dataclass(frozen=True, slots=True)
class Held:
    limits: list[int]
    variables: list[str]
    problem: Malformed


def held(reason: str, *, most: int) -> Held:
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)
    limits = [resource.getrlimit(kind)[1] for kind in kinds]
    return Held(limits, list(os.environ), Malformed("file", reason, most=most))


def refused() -> int:
    raise Malformed("file", "not_a_picture", most=7)


def large() -> int:
    return len(bytearray(MOST_MEMORY))


def much_to_say() -> bytes:
    return bytes(LARGEST_ANSWER)


def ended(by: int) -> int:
    os.kill(os.getpid(), by)
    return 0


def broken() -> int:
    raise KeyError("a mistake of ours")


def span() -> tuple[float, float]:
    began = time.monotonic()
    return began, time.monotonic()


async def test_a_confined_process_has_limits_no_secrets_and_returns_its_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ENCRYPTION_KEYS", "1:secret")
    result = await confined(held, "zu groß", most=2)
    assert result.limits == [MOST_MEMORY, MOST_SECONDS, 0]
    assert not any(name.startswith(("ENCR", "MONGO", "REDIS")) for name in result.variables)
    assert result.problem.details == {"field": "file", "reason": "zu groß", "most": 2}
    with pytest.raises(Malformed) as error:
        await confined(refused)
    assert error.value.details == {"field": "file", "reason": "not_a_picture", "most": 7}


@pytest.mark.parametrize("sign", [signal.SIGXCPU, signal.SIGKILL, signal.SIGSEGV])
async def test_a_killed_confined_process_raises_too_costly(sign: int) -> None:
    with pytest.raises(TooCostly):
        await confined(ended, sign)


async def test_excess_memory_raises_too_costly_and_a_bug_is_not_hidden() -> None:
    for work in (large, much_to_say):
        with pytest.raises(TooCostly):
            await confined(work)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        await confined(broken)


async def test_confined_processes_run_one_at_a_time_and_end_with_their_caller() -> None:
    """It waits while another process reads, and ends with its caller."""
    with another_reads():
        left, stays = (asyncio.ensure_future(confined(span)) for _ in range(2))

        async def both_wait() -> bool:
            return at_work() == 2

        await until(both_wait, "two processes")
        left.cancel()
        with suppress(asyncio.CancelledError):
            await left
        assert left.cancelled() and at_work() == 1
        released = time.monotonic()
        assert not stays.done()
    assert (await stays)[0] > released
