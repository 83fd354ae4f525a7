"""The hall display's board, read as text."""

from __future__ import annotations

import re

from tests.living import Living

HERE = "//display/library"


async def board(service: Living) -> str:
    return str((await service.anonymous.ok("GET", f"{HERE}/board"))["html"])


async def rows(service: Living) -> dict[str, list[str]]:
    """The texts of each area's cells, by the area's name; drawings have no text."""
    html = await board(service)
    rows_found = re.findall(r'<tr[^>]*><th scope="row">(.*?)</th>(.*?)</tr>', html, re.DOTALL)
    return {
        plain(name): [text for cell in re.findall(r"<td.*?</td>", cells) if (text := plain(cell))]
        for name, cells in rows_found
    }


def plain(html: str) -> str:
    return re.sub("<[^>]*>", "", html).strip()
