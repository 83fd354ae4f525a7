"""A reader arrives: what they scan, and what that makes of their reservation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.check_in import rules, transitions
from models.check_in.errors import QrExpired, QrUsed
from models.kernel.ids import Actor
from models.library.entities import KioskId, SeatId
from models.policy.entities import Policy
from models.reservations.entities import Reservation
from models.reservations.presence import PresenceMethod, PresenceProof
from models.reservations.state_machine import ReservationState


@dataclass(frozen=True, slots=True)
class KioskCodeScan:
    """A kiosk's code that was genuine: shown at ``time_step``; ``is_current`` if it is still
    accepted. With a ``method`` of its own, what counts as one. ``note_id`` names the note that
    a browser carried it in, which is good for one reader."""

    kiosk_id: KioskId
    time_step: int
    is_current: bool
    method: PresenceMethod = PresenceMethod.KIOSK_CODE
    note_id: str | None = None


@dataclass(frozen=True, slots=True)
class SeatLabelScan:
    """A seat's label that was genuine. It is the same for everybody, and for ever."""

    seat_id: SeatId


PresenceScan = KioskCodeScan | SeatLabelScan


@dataclass(frozen=True, slots=True)
class SeenByStaff:
    """A librarian sees the reader on the seat: nothing is scanned."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A reader is there. ``apply`` says what becomes of their reservation, and is asked anew of
    each state in which it is loaded.

    ``proof`` is what the ``scan`` shows; a reader whom the staff see needs none. A kiosk's code is
    used up: the ``claim`` uses it up for this reader, and the ``note`` that a browser carried it in
    for everybody. ``only_return``: a leave ends, and nothing else is done. ``early``: who comes
    before the start has the half hours until then as well.
    """

    scan: PresenceScan | SeenByStaff
    proof: PresenceProof | None
    actor: Actor
    now: datetime
    only_return: bool = False
    early: bool = True

    @property
    def claim(self) -> str | None:
        if not isinstance(self.scan, KioskCodeScan) or self.proof is None:
            return None
        return transitions.scan_claim(self.scan.kiosk_id, self.scan.time_step, self.proof.reader_id)

    @property
    def note(self) -> str | None:
        if not isinstance(self.scan, KioskCodeScan) or self.scan.note_id is None:
            return None
        return transitions.note_claim(self.scan.note_id)

    def apply(self, r: Reservation, policy: Policy) -> Reservation:
        """The reservation with its reader there: checked in, back from a leave, or seen where that
        was asked for. The same one where this very scan has done it before.

        Raises: QrUsed, QrExpired, WrongSeat, WrongVenue, WrongState, TooEarly, TooLate.
        """
        claim = self.claim
        if claim is not None and claim in r.claims:
            # The answer to the first scan was lost: give it again. Later on, the code is used up.
            if r.last_kiosk_code == claim and r.state is ReservationState.IN_USE:
                return r
            raise QrUsed()
        if isinstance(self.scan, KioskCodeScan) and not self.scan.is_current:
            raise QrExpired()
        if self.proof is not None:
            rules.must_show_presence_at(self.proof, r)
        if self.only_return:
            rules.may_return(r, self.now)
        elif isinstance(self.scan, SeatLabelScan) and not rules.waits_for_presence(r):
            return r  # scanned once more: a label is not used up
        actor, now = self.actor, self.now
        seen = self.proof or PresenceProof(r.reader_id, r.venue_id, PresenceMethod.DESK, now)
        if r.state is ReservationState.IN_USE and rules.asks_for_presence(r):
            new = transitions.confirm_presence(r, seen, actor, now)
        elif r.state is ReservationState.AWAY:
            rules.may_return(r, now)
            new = transitions.return_from_leave(r, seen, policy, actor, now)
        else:
            rules.may_check_in(r, now)
            new = transitions.check_in(r, seen, policy, actor, now, early=self.early)
        return new if claim is None else transitions.with_kiosk_code(new, claim, self.note)
