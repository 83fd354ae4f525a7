"""Why a check-in, a return or a renewal is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class OtherInUse(Conflict):
    """The reader is checked in at another seat. Details: ``reservation_id``."""

    code = "other_in_use"


class NothingToConfirm(Conflict):
    """No gate acted on the reader's behalf, or it is confirmed already."""

    code = "nothing_to_confirm"


class TooOften(RuleViolation):
    """Done as often as allowed. Details: ``limit``."""

    code = "too_often"


class EndNotEarlier(RuleViolation):
    """A stay is shortened to a time between now and its end."""

    code = "end_not_earlier"


class QrExpired(RuleViolation):
    """The kiosk has shown this code, and shows another one now."""

    code = "qr_expired"


class QrUsed(RuleViolation):
    """The reader has used this very code already."""

    code = "qr_used"


class WrongVenue(RuleViolation):
    """The kiosk stands in another venue than the seat."""

    code = "wrong_venue"


class PresenceMethodOff(RuleViolation):
    """The venue takes no such proof of presence. Details: ``method``."""

    code = "presence_method_off"


class WrongSeat(RuleViolation):
    """The label is of another seat than the reservation. Details: ``seat_id``, the label's."""

    code = "wrong_seat"
