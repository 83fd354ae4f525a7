from __future__ import annotations

from urllib.parse import quote

from handlers.texts.handbook import TOPICS


def help_for(path: str) -> str:
    """The handbook's address for a console page: that of the longest listed prefix of ``path``."""
    chapter, section = TOPICS[
        max(filter(lambda p: f"{path}/".startswith(f"{p}/"), TOPICS), key=len)
    ]
    return f"/console/handbook/{chapter}#{quote(section)}"
