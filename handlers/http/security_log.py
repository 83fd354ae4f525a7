from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final

from models.storage.encryption import FieldCipher

log = logging.getLogger(__name__)
LINES_OF_AN_ADDRESS: Final = 5
"""A worker logs at most this many lines a minute on a kind of refusal from one client address."""
LINES_OF_A_KIND: Final = 60
"""A worker logs at most this many lines a minute on a kind of refusal from all client addresses."""
_MINUTE_S: Final = 60.0
_HASH_CHARS: Final = 20
_ROUTINE: Final = frozenset(
    {"unauthenticated", "sign_in_again", "second_factor_required", "not_bound", "throttled"}
)
"""Refusals that readers cause every day (expired session, unbound phone), logged as INFO."""


class SecurityLog:
    """One worker's log of refusals. It writes a bounded number of lines a minute, and sums up
    the rest. Addresses appear as keyed hashes, which can be compared but not reversed."""

    def __init__(self, cipher: FieldCipher, clock: Callable[[], float] = monotonic) -> None:
        self._cipher, self._clock = cipher, clock
        self._ends_at = clock() + _MINUTE_S
        self._of_kind = Counter[str]()
        self._of_address = Counter[tuple[str, str]]()
        """The number of lines in this minute by kind and address. Addresses without a line are
        not counted here, so the number of entries is bounded."""
        self._left_out = Counter[tuple[str, str]]()

    def add(self, kind: str, address: str, facts: Callable[[], Mapping[str, str]]) -> None:
        """Logs a refusal in a line of its own, or counts it if the minute has enough lines.
        ``facts`` is called only for a line, and returns its further fields."""
        if self._clock() >= self._ends_at:
            self.end_minute()
        key = kind, address
        has_line = key in self._of_address
        if self._of_address[key] < LINES_OF_AN_ADDRESS and self._of_kind[kind] < LINES_OF_A_KIND:
            self._of_kind[kind] += 1
            self._of_address[key] += 1
            self._write("security_refusal", kind, {"address": self.hash_of(address), **facts()})
        else:
            self._left_out[key if has_line else (kind, "")] += 1

    def end_minute(self) -> None:
        """Ends the minute: logs how many refusals were not logged singly, by kind and address.
        For addresses with no logged refusal there is one number for each kind."""
        for (kind, address), count in self._left_out.items():
            whose = {"address": self.hash_of(address)} if address else {}
            self._write("security_refusals_left_out", kind, {**whose, "count": count})
        for counts in (self._of_kind, self._of_address, self._left_out):
            counts.clear()
        self._ends_at = self._clock() + _MINUTE_S

    def hash_of(self, address: str) -> str:
        return self._cipher.hashes(address, "client address")[0][:_HASH_CHARS]

    def _write(self, event: str, kind: str, facts: Mapping[str, object]) -> None:
        level = logging.INFO if kind in _ROUTINE else logging.WARNING
        log.log(level, event, extra={"kind": kind, **facts})
