from __future__ import annotations

from urllib.parse import quote

from handlers.staff.handbook_chapters import anchor, handbook_language
from handlers.texts.handbook import TOPICS
from languages.text import Language


def help_for(path: str, language: Language) -> str:
    """The URL of the handbook's section on a console page, for readers of the language. Pages that
    ``TOPICS`` does not list have the section of the longest listed prefix of their path."""
    chapter, section = TOPICS[
        max(filter(lambda p: f"{path}/".startswith(f"{p}/"), TOPICS), key=len)
    ]
    heading = handbook_language(language).say(section)
    return f"/console/handbook/{chapter}#{quote(anchor(heading))}"
