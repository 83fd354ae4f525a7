"""Spreadsheets that the console sends and takes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

from openpyxl import Workbook, load_workbook  # type: ignore[import-untyped]
from yarl import URL

from tests.api.browsing import Browser
from tests.living import Living


def local(day: int, hour: int = 0, minute: int = 0) -> datetime:
    """The instant as a spreadsheet holds it, without a zone."""
    return datetime.combine(date(2026, 9, day), time(hour, minute))


async def book_of(service: Living, desk: Browser, path: str) -> Any:
    url = URL(f"{service.base}/console/{path}", encoded=True)
    async with desk.client.session.get(url, headers=desk.cookie) as answer:
        assert answer.status == 200, path
        return load_workbook(io.BytesIO(await answer.read()))


def workbook(*rows: Sequence[object]) -> bytes:
    book, file = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(list(row))
    book.save(file)
    return file.getvalue()
