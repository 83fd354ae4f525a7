"""Workers that must start at once, and those that are retried."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from miniapp_server import supervisor
from tests.living import free_port
from tests.waiting import until

WORKER = """
import os, sys, time
with open("starts", "a") as starts:
    starts.write("x")
if str(os.path.getsize("starts")) in os.environ["FAILING"].split():
    sys.exit(1)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def supervise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, Callable[[], None]], asyncio.Task[None]]:
    """Supervises two workers that do nothing; those with the given numbers fail to start."""
    package = tmp_path / "miniapp_server"
    package.mkdir()
    (package / "__main__.py").write_text(WORKER)
    monkeypatch.chdir(tmp_path)
    place = supervisor.Place("127.0.0.1", free_port(), ())

    def start(failing: str, ready: Callable[[], None]) -> asyncio.Task[None]:
        env = {**os.environ, "FAILING": failing}
        return asyncio.create_task(
            supervisor.supervise(lambda: [place], env, 2, ready, reloads=False)
        )

    return start


async def test_a_worker_that_fails_to_start_after_the_first_is_retried(
    tmp_path: Path, supervise: Callable[[str, Callable[[], None]], asyncio.Task[None]]
) -> None:
    """The first one serves. A MongoDB that goes away while the second one starts must not end
    it."""
    ready: list[bool] = []
    work = supervise("2 3", lambda: ready.append(True))

    async def started() -> bool:
        assert not work.done(), work.result()
        return (tmp_path / "starts").stat().st_size == 4 if ready else False

    try:
        await until(started, "the second worker's third start", 30)
    finally:
        work.cancel()
        await asyncio.wait([work])


async def test_a_failing_first_worker_ends_the_supervisor(
    supervise: Callable[[str, Callable[[], None]], asyncio.Task[None]],
) -> None:
    ready: list[bool] = []
    with pytest.raises(supervisor.WorkerFailed):
        await supervise("1", lambda: ready.append(True))
    assert ready == []
