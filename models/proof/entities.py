"""What was shown of the two promises: no seat twice, nothing acknowledged lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ProofPart:
    """One way in which it was tried. ``name`` is its key; ``numbers`` say how hard; ``failures``
    what was found, and an empty list is a success."""

    name: str
    seconds: float
    numbers: Mapping[str, int | float | str]
    failures: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.failures


@dataclass(frozen=True, slots=True)
class Proof:
    """A whole result of ``scripts/prove``, and of which code it is."""

    version: str
    commit: str
    made_at: datetime
    machine: str
    parts: tuple[ProofPart, ...]

    @property
    def passed(self) -> bool:
        return all(part.passed for part in self.parts)


@dataclass(frozen=True, slots=True)
class ProofStanding:
    """The packaged result, and the code that runs. ``commit`` is empty where nobody can say which
    one it is: an unknown commit, or changes that were never committed."""

    version: str
    commit: str
    packaged: Proof | None = field(default=None)

    @property
    def is_of_this_code(self) -> bool:
        """Was the packaged result found with the code that runs?"""
        found = self.packaged
        return (
            found is not None
            and bool(self.commit)
            and (found.version, found.commit) == (self.version, self.commit)
        )
