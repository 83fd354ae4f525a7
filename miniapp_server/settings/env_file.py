from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHELL_NEEDS_ESCAPE: Final = frozenset('"\\`$')


def read_env_file(path: Path) -> Mapping[str, str]:
    """Reads a file as systemd's ``EnvironmentFile=`` is read (systemd.exec(5)).

    One ``NAME=value`` per line; ``#`` and ``;`` begin a comment only at the start of a line. Spaces
    around a value and its quotes are removed; a backslash at the end of a line joins the next line.
    Nothing is expanded, so ``&``, ``|``, ``$`` and spaces within a value are literal. Raises:
    OSError; ValueError with the line's number.
    """
    text = path.read_text(encoding="utf-8")
    variables, number, lines = {}, 0, iter(text.splitlines())
    for line in lines:
        number += 1
        start = number
        if line.lstrip().startswith(("#", ";")) or not line.strip():
            continue
        name, equals, rest = line.partition("=")
        if not equals or not _NAME.fullmatch(name.strip()):
            raise ValueError(f"{path}, line {start}: must be NAME=value")
        value, goes_on = _parse_value(rest.lstrip())
        while goes_on:
            following = next(lines, None)
            if following is None:
                break
            number += 1
            rest += "\n" + following
            value, goes_on = _parse_value(rest.lstrip())
        variables[name.strip()] = value
    return variables


def _parse_value(text: str) -> tuple[str, bool]:
    """Returns the value, and whether the value continues on the next line."""
    out: list[str] = []
    quote, length = "", 0
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
            length = len(out)
        elif quote:
            if char == quote:
                quote = ""
            else:
                out.append(char)
            length = len(out)
        elif char in "\"'" and not out:
            quote = char
        else:
            out.append(char)
            if not char.isspace():
                length = len(out)
    return "".join(out[:length]), bool(quote)
