"""Where the handbook explains each page of the console."""

from __future__ import annotations

from urllib.parse import quote

from handlers.texts.handbook import TOPICS


def help_for(path: str) -> str:
    """The handbook's address for the page of the console at that path; the longest beginning that
    is listed counts."""
    chapter, section = TOPICS[
        max(filter(lambda p: f"{path}/".startswith(f"{p}/"), TOPICS), key=len)
    ]
    return f"/console/handbook/{chapter}#{quote(section)}"
