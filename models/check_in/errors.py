from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class OtherInUse(Conflict):
    """The reader is checked in at another seat. Details: ``reservation_id``."""

    code = "other_in_use"


class NothingToConfirm(Conflict):
    """No gate acted for the reader, or its action is confirmed already."""

    code = "nothing_to_confirm"


class TooOften(RuleViolation):
    """The action was done as often as allowed. Details: ``limit``."""

    code = "too_often"


class EndNotEarlier(RuleViolation):
    """The new end is not between now and the present end."""

    code = "end_not_earlier"


class QrExpired(RuleViolation):
    """The code is no longer accepted: the kiosk shows a newer one."""

    code = "qr_expired"


class QrUsed(RuleViolation):
    """The reader has used this code already."""

    code = "qr_used"


class WrongVenue(RuleViolation):
    """The kiosk is in another venue than the seat."""

    code = "wrong_venue"


class PresenceMethodOff(RuleViolation):
    """The venue does not accept this presence method. Details: ``method``."""

    code = "presence_method_off"


class WrongSeat(RuleViolation):
    """The label belongs to another seat. Details: ``seat_id``, the label's seat."""

    code = "wrong_seat"
