"""通知公告: notices of the library to all readers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice, which readers see from ``published_at`` until ``until`` (None: without end).
    Pinned notices come first. ``body`` is Markdown. ``rev`` grows with every change."""

    id: str
    title: str
    body: str
    published_at: datetime
    pinned: bool = False
    until: datetime | None = None
    rev: int = 0
