"""The draw of a season as a calculation that anyone can repeat; docs/draw.md specifies it. All
values are texts; hashes are SHA-256 in hexadecimal."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

FORMAT: Final = "seat-season-1"
"""The name of the format of a published season."""
SECRET_BYTES: Final = 32
SALT_BYTES: Final = 16
ANY: Final = "any"
"""The last wish of who takes anything: the first thing that is free, in the order of the list of
what is given."""
MOST_WEIGHT: Final = 9
MOST_WISHES: Final = 10


@dataclass(frozen=True, slots=True)
class Entry:
    """An application as it is published after the draw; it names nobody. ``wishes``: ids of what
    is given, the best first, the last one possibly ``ANY``."""

    token: str
    weight: int
    wishes: tuple[str, ...]

    @property
    def leaf(self) -> str:
        """The application in the Merkle tree."""
        return _hash("seat-season leaf", self.token, str(self.weight), ",".join(self.wishes))


def commitment(secret: str) -> str:
    """The hash of the secret, which is published before anybody can apply."""
    return _hash("seat-season secret", secret)


def token(salt: str) -> str:
    """An applicant as they are published: whoever has the salt can show that they are meant."""
    return _hash("seat-season applicant", salt)


def given_hash(given: Iterable[str]) -> str:
    """The hash of what is given, in its order."""
    return _hash("seat-season given", *given)


def rule_hash(rule: str) -> str:
    """The hash of the rule's text."""
    return _hash(rule)


def seed(root: str, secret: str, source: str, value: str) -> str:
    """The number that decides the order: neither the library alone knows it before the source has
    its value, nor anybody else before the library publishes its secret."""
    return _hash("seat-season seed", root, secret, source, value)


def place(seed: str, leaf: str, weight: int) -> str:
    """By this, in ascending order, applications are served: the least of as many numbers as the
    application has weight, so that one of weight 2 is first twice as often as one of weight 1."""
    key = bytes.fromhex(seed)
    return min(
        hmac.digest(key, f"seat-season place\n{leaf}\n{ticket}".encode(), "sha256").hex()
        for ticket in range(1, weight + 1)
    )


def in_order(seed: str, entries: Iterable[Entry]) -> list[Entry]:
    """The applications in the order in which they are served."""
    return sorted(entries, key=lambda entry: place(seed, entry.leaf, entry.weight))


def assignment(given: Sequence[str], wishes: Iterable[Sequence[str]]) -> list[str | None]:
    """The best wish of each application that is still free at its turn, or None, in the order of
    the applications. Whoever gets nothing waits in this order."""
    free = dict.fromkeys(given)
    assigned: list[str | None] = []
    for wished in wishes:
        best = next((wish for wish in wished if wish == ANY or wish in free), None)
        thing = next(iter(free), None) if best == ANY else best
        if thing is not None:
            del free[thing]
        assigned.append(thing)
    return assigned


def _hash(*lines: str) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
