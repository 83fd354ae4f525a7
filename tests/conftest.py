"""The databases that all tests share: real servers, started once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from miniapp_server.embedded_databases import EmbeddedDatabases


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long",
        action="store_true",
        help="more rounds where one costs seconds (scripts/test --long)",
    )


@pytest.fixture(scope="session")
def long(pytestconfig: pytest.Config) -> bool:
    """Is it the long form that is asked for?"""
    return bool(pytestconfig.getoption("long"))


@pytest.fixture(autouse=True)
def log_level_stays() -> Iterator[None]:
    """A command that a test runs in its own process sets the level for all that come after."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)


def _run(work: Coroutine[Any, Any, None]) -> None:
    # A loop of its own, never the current one of this thread: tests have theirs.
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedDatabases]:
    """Tests share the servers and keep apart by database names and key prefixes."""
    servers = EmbeddedDatabases(tmp_path_factory.mktemp("databases"))
    _run(servers.start())
    yield servers
    _run(servers.stop())


@pytest.fixture(scope="session")
def mongo_url(databases: EmbeddedDatabases) -> str:
    return databases.mongo_url


@pytest.fixture(scope="session")
def redis_url(databases: EmbeddedDatabases) -> str:
    return databases.redis_url
