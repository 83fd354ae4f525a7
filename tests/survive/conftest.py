"""Servers that a test may kill, separate from the shared ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from miniapp_server.embedded_databases import EmbeddedDatabases, embedded_databases


@pytest.fixture
async def fragile(tmp_path: Path) -> AsyncIterator[EmbeddedDatabases]:
    """A MongoDB and a Redis for one test."""
    async with embedded_databases(tmp_path / "data") as databases:
        yield databases
