"""Servers that may be killed: never those that the other tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from miniapp_server.embedded_databases import EmbeddedDatabases, embedded_databases


@pytest.fixture
async def fragile(tmp_path: Path) -> AsyncIterator[EmbeddedDatabases]:
    """A MongoDB and a Redis of this test's own."""
    async with embedded_databases(tmp_path / "data") as databases:
        yield databases
