"""通知公告: what the library tells everybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """Shown from ``published_at`` until ``until`` (for ever where there is none).

    ``body`` is Markdown. Pinned ones stand first. ``rev`` grows with every change.
    """

    id: str
    title: str
    body: str
    published_at: datetime
    pinned: bool = False
    until: datetime | None = None
    rev: int = 0
