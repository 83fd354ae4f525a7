"""Results of ``scripts/prove``: no seat booked twice, no acknowledged change lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ProofPart:
    """The result of one kind of check in ``scripts/prove``. ``name``: its key in files and
    pages; ``numbers``: how much was checked, by name; ``failures``: empty if it passed."""

    name: str
    seconds: float
    numbers: Mapping[str, int | float | str]
    failures: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.failures


@dataclass(frozen=True, slots=True)
class Proof:
    """A result of ``scripts/prove``, with the version and commit of the service that it tested."""

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
    """The result of ``scripts/prove`` in this package, and the code that runs. ``commit`` is
    empty if the running code's commit is unknown or there were uncommitted changes."""

    version: str
    commit: str
    packaged: Proof | None = field(default=None)

    @property
    def is_of_this_code(self) -> bool:
        """True if the packaged result tested the running code."""
        proof = self.packaged
        return (
            proof is not None
            and bool(self.commit)
            and (proof.version, proof.commit) == (self.version, self.commit)
        )
