from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class PartyTooLarge(RuleViolation):
    """More people than the rules allow would sit together. Details: ``most``."""

    code = "party_too_large"


class TooManyParties(RuleViolation):
    """The reader has asked for as many parties of the day as the rules allow. Details:
    ``limit``."""

    code = "too_many_parties"


class PartiesRefused(RuleViolation):
    """The reader's last parties were joined by nobody, so seats are held for no further one.
    Details: ``until``."""

    code = "parties_refused"


class NoPartyDuringDraw(RuleViolation):
    """While the first requests of a day are drawn, no seats are held for others."""

    code = "no_party_during_draw"


class InvitationOver(Conflict):
    """The seat is no longer held: a friend has accepted it, or the time is over."""

    code = "invitation_over"
