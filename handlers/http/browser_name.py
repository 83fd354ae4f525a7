from __future__ import annotations

from typing import Final

from aiohttp import web

_BROWSERS: Final = (
    *(("MicroMessenger", "WeChat"), ("Edg", "Edge"), ("Firefox", "Firefox")),
    *(("Chrome", "Chrome"), ("Safari", "Safari")),
)
"""Marks to find in a User-Agent, each with its browser's name, in the order of the search. The
first match counts, because most browsers also carry the marks of other browsers."""
_SYSTEMS: Final = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows")),
    *(("Mac OS", "macOS"), ("Linux", "Linux")),
)


def browser_name(request: web.Request) -> str:
    """The User-Agent's browser and system ("Chrome · Linux"); empty if neither is recognised."""
    agent = request.headers.get("User-Agent", "")
    name = next((words for mark, words in _BROWSERS if mark in agent), "")
    system = next((words for mark, words in _SYSTEMS if mark in agent), "")
    return " · ".join(part for part in (name, system) if part)
