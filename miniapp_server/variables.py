"""The names of this service's environment variables: all, misspelt ones, and files of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

VARIABLES: Final = frozenset(
    {
        *("HOST", "PORT", "PUBLIC_BASE_URL", "TRUSTED_PROXIES", "MONITORS", "LOG_LEVEL"),
        *("MONGO_URL", "MONGO_DATABASE", "MONGO_DRIVER", "REDIS_URL", "DATA_KEYS", "DATA_DIR"),
        *("CAS_BASE_URL", "CAS_NAME_ATTRIBUTE", "CAS_KIND_ATTRIBUTE"),
        *("CAS_VIEWER_GROUP", "CAS_LIBRARIAN_GROUP", "CAS_ADMINISTRATOR_GROUP"),
        *("VIEWERS", "LIBRARIANS", "ADMINISTRATORS", "LIBRARY_TITLE", "LIBRARY_CONTACT"),
        *("WECHAT_APPID", "WECHAT_SECRET", "WECHAT_BASE_URL", "WECHAT_STATE", "WECHAT_TEMPLATES"),
        *("WECHAT_MP_APPID", "WECHAT_MP_SECRET", "WECHAT_MP_TOKEN", "WECHAT_MP_AES_KEY"),
        *("WECHAT_MINI_TOKEN", "WECHAT_MINI_AES_KEY", "WECHAT_VERIFICATION_FILE"),
        *("CAMPUS_ENTRY", "CAMPUS_TICKET_URL", "CAMPUS_TICKET_SECRET"),
        *("WECOM_CORP_ID", "WECOM_AGENT_ID", "WECOM_SECRET", "WECOM_BASE_URL"),
        *("WECOM_AUTHORIZE_URL", "SANDBOX", "THROTTLE_SCALE"),
    }
)
"""All that ``settings.load`` and the demo read; a test holds them against what is read."""

_OURS: Final = ("WECHAT_", "WECOM_", "CAS_", "CAMPUS_")
_SHORTEST: Final = 6
_NEAR, _SOMEWHAT_NEAR = 0.85, 0.75

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHELL_NEEDS_ESCAPE: Final = frozenset('"\\`$')


def misspelt(names: Iterable[str]) -> dict[str, str]:
    """The names that look like ours and are not, each with the nearest that is (or an empty text).

    A name counts when it begins as only ours do, or is nearly one of ours; what else stands in an
    environment is nobody's business here.
    """
    found = {}
    for name in sorted(set(names) - VARIABLES):
        own = name.startswith(_OURS)
        if own or len(name) >= _SHORTEST:
            cutoff = _SOMEWHAT_NEAR if own else _NEAR
            near = get_close_matches(name.upper(), sorted(VARIABLES), 1, cutoff)
            if own or near:
                found[name] = near[0] if near else ""
    return found


def in_words(name: str, nearest: str) -> str:
    """One line about a misspelt name."""
    return f"{name} is no setting of this service" + (f": {nearest}?" if nearest else "")


def read_file(path: Path) -> Mapping[str, str]:
    """The variables of a file as systemd's ``EnvironmentFile=`` reads it (systemd.exec(5)).

    One ``NAME=value`` a line; ``#`` and ``;`` begin a comment only at the start of a line. Spaces
    around a value, and quotes around it, are taken off; a backslash at the end of a line joins the
    next one. Nothing is expanded, so ``&``, ``|``, ``$`` and spaces within a value mean themselves.

    Raises: OSError; ValueError with the line's number.
    """
    text = path.read_text(encoding="utf-8")
    found, number, lines = {}, 0, iter(text.splitlines())
    for line in lines:
        number += 1
        start = number
        if line.lstrip().startswith(("#", ";")) or not line.strip():
            continue
        name, equals, rest = line.partition("=")
        if not equals or not _NAME.fullmatch(name.strip()):
            raise ValueError(f"{path}, line {start}: not NAME=value")
        value, goes_on = _value(rest.lstrip())
        while goes_on:
            following = next(lines, None)
            if following is None:
                break
            number += 1
            rest += "\n" + following
            value, goes_on = _value(rest.lstrip())
        found[name.strip()] = value
    return found


def _value(text: str) -> tuple[str, bool]:
    """The value that ``text`` writes, and whether it goes on in the next line."""
    out: list[str] = []
    quote, kept = "", 0
    characters = iter(text)
    for char in characters:
        if char == "\\" and quote != "'":
            following = next(characters, None)
            if following is None:
                return "".join(out), True
            if following == "\n":
                continue
            if quote and following not in _SHELL_NEEDS_ESCAPE:
                out.append(char)
            out.append(following)
            kept = len(out)
        elif quote:
            if char == quote:
                quote = ""
            else:
                out.append(char)
            kept = len(out)
        elif char in "\"'" and not out:
            quote = char
        else:
            out.append(char)
            if not char.isspace():
                kept = len(out)
    return "".join(out[:kept]), bool(quote)
