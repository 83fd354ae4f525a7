from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_LONGEST: Final = 60


class Verdict(StrEnum):
    """A check's result. ``WARNING``: works, but needs a look. ``PROBLEM``: does not work."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table of checks. ``note`` names cause and cure if something is wrong."""

    name: str
    value: str
    verdict: Verdict = Verdict.OK
    note: str = ""


def table(rows: Sequence[Row]) -> str:
    """The rows as text, in aligned columns."""
    names = max(len(row.name) for row in rows)
    values = min(_LONGEST, max(len(row.value) for row in rows))
    lines = (
        f"{row.name:<{names}}  {row.value:<{values}}  {row.verdict:<7}  {row.note}".rstrip()
        for row in rows
    )
    return "\n".join(lines)
