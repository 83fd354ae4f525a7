"""The order of a draw as a calculation that anyone can repeat; docs/draw.md specifies it. All
values are texts; hashes are SHA-256 in hexadecimal."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

FORMAT: Final = "seat-opening-1"
"""The name of the format of a published draw."""
SECRET_BYTES: Final = 32
SALT_BYTES: Final = 16


def commitment(secret: str) -> str:
    """The hash of the secret, which is published before the opening."""
    return _hash("seat-opening secret", secret)


def application(salt: str, wish: str) -> str:
    """An application as it is published: it names nobody, and whoever has its salt can show that
    it is theirs."""
    return _hash("seat-opening application", salt, wish)


def place(secret: str, day: str, round: int, application: str) -> str:
    """By this, in ascending order, the applications of a round for a day are served."""
    text = "\n".join(("seat-opening place", day, str(round), application))
    return hmac.digest(bytes.fromhex(secret), text.encode(), "sha256").hex()


def faults(draw: Mapping[str, Any]) -> Iterator[str]:
    """The faults of a published draw, each in a sentence; none if it follows the procedure.
    ``draw``: the content of the file. Raises: KeyError, TypeError, ValueError if it is no such
    file."""
    if draw["format"] != FORMAT:
        raise ValueError(f"its format is not {FORMAT}")
    secret = draw["secret"]
    if commitment(secret) != draw["commitment"]:
        yield "the secret is not the one that was committed to"
    if not draw["committed_at"] < draw["opens_at"]:
        yield "the secret was committed to after the opening"
    numbers = [(list_["day"], list_["round"]) for list_ in draw["lists"]]
    if len({*numbers}) < len(numbers):
        yield "a round has two lists"
    for (day, round), list_ in zip(numbers, draw["lists"], strict=True):
        applications: Sequence[str] = list_["applications"]
        if len({*applications}) < len(applications):
            yield f"round {round} for {day} has an application twice"
        if sorted(applications, key=lambda one: place(secret, day, round, one)) != applications:
            yield f"round {round} for {day} is not in the order of the draw"


def _hash(*lines: str) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
