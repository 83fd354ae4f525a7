"""Notices, as the console's form sends them."""

from __future__ import annotations

WRITTEN = {
    "title": "国庆开放时间",
    "body": "**10月1日** 闭馆。",
    "published_at": "2026-09-07T08:00",
}
