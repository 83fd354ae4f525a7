"""What a browser says of itself, in a few words, for lists of devices."""

from __future__ import annotations

from typing import Final

from aiohttp import web

_BROWSERS: Final = (
    *(("MicroMessenger", "WeChat"), ("Edg", "Edge"), ("Firefox", "Firefox")),
    *(("Chrome", "Chrome"), ("Safari", "Safari")),
)
"""The first mark that a User-Agent has names its browser: most of them claim to be others, too."""
_SYSTEMS: Final = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows")),
    *(("Mac OS", "macOS"), ("Linux", "Linux")),
)


def browser_name(request: web.Request) -> str:
    """Browser and system: Chrome · Linux; empty where neither is known."""
    agent = request.headers.get("User-Agent", "")
    name = next((words for mark, words in _BROWSERS if mark in agent), "")
    system = next((words for mark, words in _SYSTEMS if mark in agent), "")
    return " · ".join(part for part in (name, system) if part)
