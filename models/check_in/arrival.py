from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.check_in import rules, transitions
from models.check_in.errors import QrExpired, QrUsed
from models.kernel.ids import Actor
from models.kernel.zone import Zone
from models.library.entities import KioskId, SeatId
from models.library.rooms import RoomId
from models.policy.entities import Policy
from models.reservations.entities import Reservation
from models.reservations.presence import PresenceMethod, PresenceProof
from models.reservations.state_machine import ReservationState


@dataclass(frozen=True, slots=True)
class KioskCodeScan:
    """The scan of a genuine kiosk code, or the touch of a card at a kiosk (with ``CARD`` as
    ``method``).

    `code_step`: the number of the code in the kiosk's sequence of codes; each touch of a card gets
    a new negative number. `is_current`: False if the code has expired. `note_id`: the id of the
    scan note, if the browser kept the scan in a note while the reader signed in.
    """

    kiosk_id: KioskId
    code_step: int
    is_current: bool
    method: PresenceMethod = PresenceMethod.KIOSK_CODE
    note_id: str | None = None


@dataclass(frozen=True, slots=True)
class SeatLabelScan:
    """The scan of a genuine seat label. A label never changes, and all readers scan the same
    one."""

    seat_id: SeatId


@dataclass(frozen=True, slots=True)
class RoomLabelScan:
    """The scan of the genuine label of a study room, as fixed as a seat's."""

    room_id: RoomId


PresenceScan = KioskCodeScan | SeatLabelScan | RoomLabelScan


@dataclass(frozen=True, slots=True)
class SeenByStaff:
    """A staff member sees the reader on the seat; nothing is scanned."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A reader's arrival at the seat. ``apply`` is called for each newly loaded state of the
    reservation.

    `proof`: None if a staff member sees the reader. `only_return`: True if the arrival may only end
    a leave. `early`: True to claim also the half hours until the booking's start.
    """

    scan: PresenceScan | SeenByStaff
    proof: PresenceProof | None
    actor: Actor
    now: datetime
    only_return: bool = False
    early: bool = True

    @property
    def claim(self) -> str | None:
        """The claim for this reader's use of the kiosk's code, which makes a second use fail.
        Other readers can use the code too. None without a code."""
        if not isinstance(self.scan, KioskCodeScan) or self.proof is None:
            return None
        return transitions.scan_claim(self.scan.kiosk_id, self.scan.code_step, self.proof.reader_id)

    @property
    def note(self) -> str | None:
        """The claim for the scan note, which makes a second use of the note fail, also by
        another reader. None without a scan note."""
        if not isinstance(self.scan, KioskCodeScan) or self.scan.note_id is None:
            return None
        return transitions.note_claim(self.scan.note_id)

    def apply(self, zone: Zone, r: Reservation, policy: Policy) -> Reservation:
        """The reservation after the check-in, the return or the presence proof; unchanged if the
        scan is a repetition. Raises: QrUsed, QrExpired, WrongSeat, WrongVenue, WrongState,
        TooEarly, TooLate."""
        claim = self.claim
        if claim is not None and claim in r.claims:
            # The answer to the first scan was lost, so it is repeated. Later on the code is used
            # up.
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
            return r  # a repeated scan: a label is never used up
        actor, now = self.actor, self.now
        # Without a proof, a staff member sees the reader.
        presence = self.proof or PresenceProof(r.reader_id, r.venue_id, PresenceMethod.DESK, now)
        if r.state is ReservationState.IN_USE and rules.asks_for_presence(r):
            new = transitions.confirm_presence(r, presence, actor, now)
        elif r.state is ReservationState.AWAY:
            rules.may_return(r, now)
            new = transitions.return_from_leave(r, presence, policy, actor, now)
        else:
            rules.may_check_in(r, now)
            new = transitions.check_in(zone, r, presence, policy, actor, now, early=self.early)
        return new if claim is None else transitions.with_kiosk_code(new, claim, self.note)
