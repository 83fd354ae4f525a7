from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class OtherInUse(Conflict):
    """The reader is checked in at another seat. Details: ``reservation_id`` of that stay."""

    code = "other_in_use"


class NothingToConfirm(Conflict):
    """There is no action of a gate that the reader could confirm, or it is confirmed already."""

    code = "nothing_to_confirm"


class TooOften(RuleViolation):
    """The reservation was renewed as often as allowed. Details: ``limit``."""

    code = "too_often"


class EndNotEarlier(RuleViolation):
    """The new end is not between now and the present end."""

    code = "end_not_earlier"


class QrExpired(RuleViolation):
    """The kiosk's code is no longer accepted: the kiosk shows a newer one."""

    code = "qr_expired"


class QrUsed(RuleViolation):
    """The reader has already used this kiosk code, or another reader has used the scan note."""

    code = "qr_used"


class WrongVenue(RuleViolation):
    """The kiosk or gate that proves the reader's presence is in another venue than the booked
    seat."""

    code = "wrong_venue"


class PresenceMethodOff(RuleViolation):
    """The venue does not accept this presence source. Details: ``method``, this
    source."""

    code = "presence_method_off"


class WrongSeat(RuleViolation):
    """The scanned seat label belongs to another seat than the booked one, or a study room is
    booked. Details: ``seat_id`` of the label."""

    code = "wrong_seat"


class WrongRoom(RuleViolation):
    """The scanned label belongs to another study room than the booked one, or a seat is booked.
    Details: ``room_id`` of the label."""

    code = "wrong_room"
