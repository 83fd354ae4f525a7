"""Fixtures shared by ``tests/`` and ``lab/tests/``: real databases, started once."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import hypothesis
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

# Before anything of tests is imported: a failed assertion of a helper shows its values as well.
_ROOT: Final = Path(__file__).parent
pytest.register_assert_rewrite(*(f"tests.{path.stem}" for path in (_ROOT / "tests").iterdir()))

from miniapp_server.embedded_databases import EmbeddedDatabases
from tests.receiver import NewReceiver, Receiver
from tests.redis_servers import EMBEDDED, REDIS_SERVERS, RedisServer, running_redis
from tests.stand_in import StandIn, application
from tests.waiting import patience

# No example is judged by the time that it takes.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

_LONGEST_S: Final = 120.0
"""One test on two quiet cores, unless a mark says more."""
_WHOLE_FOLDERS: Final = frozenset(
    _ROOT / folder for folder in ("lab/tests", "tests/survive", "tests/upgrade")
)
"""They run in ``scripts/test --all`` only."""
_MEMORY: Final = "/dev/shm"
_ROOM: Final = 2 << 30
"""Bytes: what the databases of all tests take, several times."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long",
        action="store_true",
        help="more rounds where one costs seconds (scripts/test --long)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Sets the limit of each test, which pytest-timeout reads after this."""
    if config.option.timeout is None:
        config.option.timeout = patience(_LONGEST_S)


class FailuresAtOnce:
    """Prints the name of each failed test when it fails: a whole run ends half an hour later."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._terminal.ensure_newline()
            self._terminal.write_line(f"failed: {report.nodeid}")


def pytest_sessionstart(session: pytest.Session) -> None:
    manager = session.config.pluginmanager
    terminal = manager.get_plugin("terminalreporter")
    if terminal is not None:  # a worker of xdist has none
        manager.register(FailuresAtOnce(terminal))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks whole folders, and gives a test's own limit more time on a slow machine."""
    for item in items:
        if item.path.parent in _WHOLE_FOLDERS:
            item.add_marker("whole")
        if mark := item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(patience(mark.args[0])), append=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints each measurement that a test has recorded (``record_property``) on a line."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid}: {name} = {value}")


@pytest.fixture(scope="session")
def long(pytestconfig: pytest.Config) -> bool:
    """True if the long form of the tests was requested."""
    return bool(pytestconfig.getoption("long"))


@pytest.fixture(autouse=True, scope="module")
def no_long_pause() -> Iterator[None]:
    """After each file of tests, freezes the objects that are alive. A process gathers so many in an
    hour that one collection takes seconds, in which the service under test answers nobody."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def log_level_stays() -> Iterator[None]:
    """Restores the log level after a test: commands run in this process set it for all later
    tests."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)


@pytest.fixture
def stand_in(aiohttp_server: AiohttpServer) -> StandIn:
    """Starts HTTP servers that stand in for foreign services and end with the test."""

    async def serve(routes: Iterable[web.AbstractRouteDef], port: int = 0) -> str:
        server = await aiohttp_server(
            application(routes), port=port or None, access_log=None, shutdown_timeout=1
        )
        return str(server.make_url("/")).rstrip("/")

    return serve


@pytest.fixture
def receiver(stand_in: StandIn) -> NewReceiver:
    """Starts webhook receivers."""

    async def start() -> Receiver:
        program = Receiver()
        program.url = f"{await stand_in([web.post('/hook', program.take)])}/hook"
        return program

    return start


def _run(work: Coroutine[Any, Any, None]) -> None:
    # A loop of its own, never the current one of this thread: tests have theirs.
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()


def _in_memory() -> str | None:
    """A folder of a file system in memory with enough room; None if there is none."""
    try:
        room = shutil.disk_usage(_MEMORY).free >= _ROOM and os.access(_MEMORY, os.W_OK)
    except OSError:
        return None
    return _MEMORY if room else None


@pytest.fixture(scope="session")
def databases() -> Iterator[EmbeddedDatabases]:
    """Tests share the servers and keep apart by database names and key prefixes. They are kept in
    memory where that is possible: a disk that is busy for seconds is no fault of the service."""
    with tempfile.TemporaryDirectory(prefix="tests-", dir=_in_memory()) as folder:
        servers = EmbeddedDatabases(Path(folder))
        _run(servers.start())
        yield servers
        _run(servers.stop())


@pytest.fixture(scope="session")
def mongo_url(databases: EmbeddedDatabases) -> str:
    return databases.mongo_url


@pytest.fixture(scope="session")
def redis_url(databases: EmbeddedDatabases) -> str:
    return databases.redis_url


@pytest.fixture(
    params=[
        pytest.param(kind, marks=() if kind == EMBEDDED else pytest.mark.whole)
        for kind in REDIS_SERVERS
    ]
)
async def redis_server(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[RedisServer]:
    """The Redis server of a test about Redis: the embedded one, or in ``scripts/test --all`` each
    supported server."""
    async with running_redis(request.param, tmp_path) as server:
        yield server
