"""All messages to readers; each kind of message has its own module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from models.messages.entities import Template
from models.reservations.entities import OutboxEventKind
from notify.templates import (
    alternative_offer,
    booking_cancelled_by_library,
    booking_confirmed,
    booking_ended,
    check_in_reminder,
    checked_in,
    end_moved,
    ending_soon,
    leave_reminder,
    leave_timeout,
    moved_by_library,
    no_show,
    offer_withdrawn,
    presence_check,
    report_rejected,
    returned,
    suspended,
    temporary_leave,
    waitlist_offer,
)
from notify.templates.rendering import MessageTemplate

TEMPLATE_BY_EVENT: Final[Mapping[OutboxEventKind, MessageTemplate]] = {
    OutboxEventKind.BOOKING_CONFIRMED: booking_confirmed.MESSAGE,
    OutboxEventKind.BOOKING_CHANGED: booking_confirmed.MESSAGE,
    OutboxEventKind.CHECK_IN_REMINDER: check_in_reminder.MESSAGE,
    OutboxEventKind.NO_SHOW: no_show.MESSAGE,
    OutboxEventKind.CHECKED_IN: checked_in.MESSAGE,
    OutboxEventKind.ENDING_SOON: ending_soon.MESSAGE,
    OutboxEventKind.BOOKING_ENDED: booking_ended.MESSAGE,
    OutboxEventKind.TEMPORARY_LEAVE: temporary_leave.MESSAGE,
    OutboxEventKind.RETURNED: returned.MESSAGE,
    OutboxEventKind.END_MOVED: end_moved.MESSAGE,
    OutboxEventKind.PRESENCE_CHECK: presence_check.MESSAGE,
    OutboxEventKind.REPORT_REJECTED: report_rejected.MESSAGE,
    OutboxEventKind.WAITLIST_OFFER: waitlist_offer.MESSAGE,
    OutboxEventKind.LEAVE_REMINDER: leave_reminder.MESSAGE,
    OutboxEventKind.LEAVE_EXPIRED: leave_timeout.MESSAGE,
    OutboxEventKind.BOOKING_CANCELLED_BY_LIBRARY: booking_cancelled_by_library.MESSAGE,
    OutboxEventKind.OFFER_WITHDRAWN: offer_withdrawn.MESSAGE,
    OutboxEventKind.ALTERNATIVE_OFFER: alternative_offer.MESSAGE,
}
"""The template of the message about each kind of outbox event. Other kinds have no message. If
the library moved the reader, ``moved_by_library`` is used instead."""
MESSAGES: Final = (*TEMPLATE_BY_EVENT.values(), suspended.MESSAGE, moved_by_library.MESSAGE)
TITLES: Final[Mapping[Template, str]] = {
    # The first of two messages with one template gives the title.
    message.template: message.title
    for message in reversed(MESSAGES)
}
FIELDS: Final[Mapping[Template, tuple[str, ...]]] = {
    message.template: message.fields for message in MESSAGES
}
"""The names of the facts that the WeChat template of each message may use."""
