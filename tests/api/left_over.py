"""Chinese on a page in another language."""

from __future__ import annotations

import re

CHINESE = re.compile("[\u4e00-\u9fff]")


def left_over(body: str) -> list[str]:
    """Chinese text that is no name of the library, its areas, seats and machines, the reader or the
    other language."""
    body = body.partition("<body")[2]
    pieces = [p.strip() for p in re.split(r"<[^>]*>", body) if CHINESE.search(p)]
    pieces += [
        v for v in re.findall(r'(?:aria-label|title|placeholder|data-marks)="([^"]*)"', body)
    ]
    names = re.compile(r"图书馆|[区厅庭]|一考即过|日新工大|机|张三|中文|\*\*")
    return [piece for piece in pieces if CHINESE.search(piece) and not names.search(piece)]
