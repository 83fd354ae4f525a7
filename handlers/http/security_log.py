"""The security log: who was refused, in few lines however many the refusals are."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final

from models.storage.encryption import FieldCipher

log = logging.getLogger(__name__)
LINES_OF_AN_ADDRESS: Final = 5
"""Lines about one kind of refusal that one address causes in a minute, at one worker."""
LINES_OF_A_KIND: Final = 60
"""The same of all addresses together: more addresses make no more lines."""
_MINUTE_S: Final = 60.0
_HASH_CHARS: Final = 20
_ROUTINE: Final = frozenset(
    {"unauthenticated", "sign_in_again", "second_factor_required", "not_bound", "throttled"}
)
"""What readers meet every day: their session is over, their phone is not bound yet."""


class SecurityLog:
    """Writes refusals at one worker. What has no line of its own is counted, and told when the
    minute is over.

    Addresses are written as keyed hashes: two lines show that they are of one address, and none
    shows which.
    """

    def __init__(self, cipher: FieldCipher, clock: Callable[[], float] = monotonic) -> None:
        self._cipher, self._clock = cipher, clock
        self._ends_at = clock() + _MINUTE_S
        self._of_kind = Counter[str]()
        self._of_address = Counter[tuple[str, str]]()
        """Of those alone that have a line: there are no more of them than lines."""
        self._left_out = Counter[tuple[str, str]]()

    def add(self, kind: str, address: str, facts: Callable[[], Mapping[str, str]]) -> None:
        """A refusal of that kind. ``facts`` is asked for the line's other fields, where there is a
        line."""
        if self._clock() >= self._ends_at:
            self.end_minute()
        key = kind, address
        known = key in self._of_address
        if self._of_address[key] < LINES_OF_AN_ADDRESS and self._of_kind[kind] < LINES_OF_A_KIND:
            self._of_kind[kind] += 1
            self._of_address[key] += 1
            self._write("security_refusal", kind, {"address": self.hash_of(address), **facts()})
        else:
            self._left_out[key if known else (kind, "")] += 1

    def end_minute(self) -> None:
        """Tell how many had no line, by kind and address; those of addresses without any line
        together. Another minute begins."""
        for (kind, address), count in self._left_out.items():
            whose = {"address": self.hash_of(address)} if address else {}
            self._write("security_refusals_left_out", kind, {**whose, "count": count})
        for counts in (self._of_kind, self._of_address, self._left_out):
            counts.clear()
        self._ends_at = self._clock() + _MINUTE_S

    def hash_of(self, address: str) -> str:
        """The keyed hash that stands in the log for an address."""
        return self._cipher.hashes(address, "client address")[0][:_HASH_CHARS]

    def _write(self, event: str, kind: str, facts: Mapping[str, object]) -> None:
        level = logging.INFO if kind in _ROUTINE else logging.WARNING
        log.log(level, event, extra={"kind": kind, **facts})
