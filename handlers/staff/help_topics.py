from __future__ import annotations

from urllib.parse import quote

from handlers.texts.handbook import TOPICS


def help_for(path: str) -> str:
    """The URL of the handbook's section on a console page. Pages that ``TOPICS`` does not list
    have the section of the longest listed prefix of their path."""
    chapter, section = TOPICS[
        max(filter(lambda p: f"{path}/".startswith(f"{p}/"), TOPICS), key=len)
    ]
    return f"/console/handbook/{chapter}#{quote(section)}"
