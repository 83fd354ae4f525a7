"""Writes the messages about a reservation's outbox events and about ended waitlist entries."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from languages.text import Text, joined
from models.kernel.ids import ReaderId
from models.library.entities import VenueId
from models.library.names import label_text
from models.messages.entities import LONGEST_THING, Message, Template
from models.readers.personal_data_repository import ERASED_READER
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData
from models.reservation_store.party_repository import PartyRepository
from models.reservation_store.repository import ReservationRepository
from models.reservations import rules
from models.reservations.entities import OutboxEvent, OutboxEventKind, Reservation
from models.reservations.party import NOBODY, Party
from models.reservations.state_machine import CHECKED_IN_STATES, ReservationState
from models.violations.recording import ViolationResult
from models.waitlist.entities import WaitlistEnd, WaitlistEntry
from notify.templates import TEMPLATE_BY_EVENT, moved_by_library, suspended, waitlist_ended
from notify.templates.in_app import INVITED, JOINED, MESSAGE_TEXT, TITLE_TEXT
from notify.templates.rendering import (
    BETWEEN_KIOSKS,
    MessageContext,
    MessageTemplate,
    clock,
    span,
)

_OF_PARTIES: Final = frozenset({OutboxEventKind.FRIENDS_INVITED, OutboxEventKind.FRIEND_JOINED})


class OutboxMessages:
    def __init__(
        self,
        reservations: ReservationRepository,
        parties: PartyRepository,
        readers: ReaderRepository,
        reference: ReferenceData,
    ) -> None:
        self._reservations, self._parties, self._readers = reservations, parties, readers
        self._reference = reference
        self._catalog, self._kiosks = reference.catalog, dict[VenueId, Text]()

    async def about(
        self, r: Reservation, event: OutboxEvent, result: ViolationResult | None
    ) -> list[Message]:
        """The message about the event, and one about the suspension that the event caused, if
        any. Their ids are made from the reservation and the change, so that a repetition makes
        no second message. Raises: Unavailable."""
        if event.event in _OF_PARTIES:
            return await self._about_party(r, event)
        template = _template_of(event)
        if template is None:
            return []
        context = self._context(r, event, result)
        if event.event is OutboxEventKind.NO_SHOW:
            day = await self._reservations.on_day(self._reference.zone, r.reader_id, r.date)
            others = len(rules.cancellable_today(day, event.at))
            context = replace(context, others=others)
        (id, of_suspension), messages = _ids(r, event), []
        if is_still_relevant(r, event):
            messages.append(build_message(r, event, template, context, id))
        suspension = result.suspension if result is not None else None
        # A longer suspension that still stands was announced before.
        if suspension is not None and suspension.until == context.suspended_until:
            messages.append(build_message(r, event, suspended.MESSAGE, context, of_suspension))
        return messages

    async def _about_party(self, r: Reservation, event: OutboxEvent) -> list[Message]:
        """The messages to friends whom the reader has invited by name, or to the asker of the
        party of which the reader has accepted a seat."""
        party = await self._parties.get(str(event.facts["party"]))
        if party is None:
            return []
        zone, label_of = self._reference.zone, self._reference.catalog.label_of
        period = span(zone.local(party.span.start), zone.local(party.span.end))
        if event.event is OutboxEventKind.FRIEND_JOINED:
            text = MESSAGE_TEXT[JOINED].format(seat=label_of(r.seat_id), span=period)
            return [_about(party, party.asker_id, f"{r.id}:{JOINED}", text, event)]
        asker = await self._readers.get(party.asker_id)
        if asker is None:
            return []
        until, messages = clock(zone.local(party.until)), []
        for seat in party.seats:
            if seat.invited is None or seat.invited in (NOBODY, ERASED_READER):
                continue
            text = MESSAGE_TEXT[INVITED].format(
                name=asker.name, seat=label_of(seat.id), span=period, until=until
            )
            messages.append(_about(party, seat.invited, f"{seat.invited}:{INVITED}", text, event))
        return messages

    def about_end(self, entry: WaitlistEntry, end: WaitlistEnd) -> Message:
        """The message about a waitlist entry that ended without an offer, for reason ``end``."""
        catalog = self._reference.catalog
        area = catalog.areas.get(entry.area_id)
        label = short = str(entry.area_id)
        if area is not None:
            label = catalog.area_label(area)
            short = catalog.short_area_label(area, LONGEST_THING)
        rendered = waitlist_ended.render(self._reference.zone, label, short, entry, end)
        return Message(
            id=f"{entry.id}:ended",
            reader_id=entry.reader_id,
            template=waitlist_ended.template_of(end),
            title=waitlist_ended.title_of(end),
            text=rendered.text,
            at=end.at,
            facts=rendered.facts,
            expires_at=rendered.not_after,
        )

    def _context(
        self, r: Reservation, event: OutboxEvent, result: ViolationResult | None
    ) -> MessageContext:
        zone = self._reference.zone
        facts = zone.local_facts(event.facts)
        seat_id, catalog = facts.pop("seat_id"), self._reference.catalog
        if (replaced := facts.pop("replaced_seat_id", None)) is not None:
            facts["replaced_seat"] = catalog.label_of(replaced)
        if result is not None:
            violation = result.violation
            facts |= {
                "violation": violation is not None,
                "counted": violation is not None and violation.counts,
                "window": result.window,
                "suspended_until": zone.local_if_any(result.suspended_until),
            }
        seat = catalog.all_seats.get(seat_id)
        return MessageContext(
            at=zone.local(event.at),
            seat=catalog.label_of(seat_id),
            short_seat=catalog.short_label_of(seat_id, LONGEST_THING),
            seat_no=seat.number if seat is not None else "",
            receipt=r.receipt,
            kiosks=self._kiosks_of(r.venue_id),
            way=catalog.venues[r.venue_id].check_in_way,
            **facts,
        )

    def _kiosks_of(self, venue_id: VenueId) -> Text:
        """The names of the venue's kiosks, made once for each catalog."""
        catalog = self._reference.catalog
        if catalog is not self._catalog:
            self._catalog, self._kiosks = catalog, {}
        if venue_id not in self._kiosks:
            kiosks = (label_text(k) for k in catalog.kiosks.values() if k.venue_id == venue_id)
            self._kiosks[venue_id] = joined(kiosks, BETWEEN_KIOSKS)
        return self._kiosks[venue_id]


def _template_of(event: OutboxEvent) -> MessageTemplate | None:
    """The template of the message about the event: ``moved_by_library`` if the library moved the
    reader, else that of ``TEMPLATE_BY_EVENT``. None if the event has no message."""
    if event.facts.get("by_library"):
        return moved_by_library.MESSAGE
    return TEMPLATE_BY_EVENT.get(event.event)


def _about(
    party: Party, reader_id: ReaderId, name: str, text: Text | str, event: OutboxEvent
) -> Message:
    """A message about the party. ``name``: of which friend it is, and its kind. Within the party
    there is one message of that name, and with the party's it is no longer than ids that programs
    send may be."""
    end = name.rpartition(":")[2]
    return Message(
        id=f"{party.own_id}:{name}",
        reader_id=reader_id,
        template=Template.ANSWER,
        title=TITLE_TEXT[end],
        text=text,
        at=event.at,
        facts={},
        reservation_id=party.own_id,
        expires_at=party.until if end == INVITED else None,
        request_id=event.request_id,
    )


def _ids(r: Reservation, event: OutboxEvent) -> tuple[str, str]:
    """Ids of two messages: about the event, and about the suspension that it causes."""
    id = f"{r.id}:{event.key}"
    return id, f"{id}:suspended"


def build_message(
    r: Reservation, event: OutboxEvent, template: MessageTemplate, context: MessageContext, id: str
) -> Message:
    rendered = template.render(context)
    return Message(
        id=id,
        reader_id=r.reader_id,
        template=template.template,
        title=template.title,
        text=rendered.text,
        at=event.at,
        facts=rendered.facts,
        reservation_id=r.id,
        expires_at=rendered.not_after,
        request_id=event.request_id,
    )


def is_still_relevant(r: Reservation, event: OutboxEvent) -> bool:
    """False if the message asks for something that is already done or over, such as a reminder
    to check in when the reader has checked in."""
    facts = event.facts
    match event.event:
        case OutboxEventKind.CHECK_IN_REMINDER:
            return r.state is ReservationState.RESERVED and r.start == facts["start"]
        case OutboxEventKind.LEAVE_REMINDER:
            return r.state is ReservationState.AWAY and r.return_by == facts["return_by"]
        case OutboxEventKind.TEMPORARY_LEAVE if facts.get("pending_confirmation"):
            return r.state is ReservationState.AWAY and r.left_at == facts["left_at"]
        case OutboxEventKind.ENDING_SOON:
            return r.state in CHECKED_IN_STATES and r.end == facts["end"]
    return True
